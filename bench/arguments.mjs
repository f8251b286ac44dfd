// Owns: what `npm run bench` may be told, and what that means for the plan: which workloads with which entries, how often, how long.
// Must not know: how anything is run.

import { parseArgs } from 'node:util'

export const USAGE = `usage: npm run bench -- [options]

Runs Peerplex side by side with others: every one once per round, in fresh processes. Results on stdout, progress on stderr.

  --quick             fewer workloads, entries and rounds; under three minutes
  --only NAMES        workloads or peers, separated by commas; * stands for anything. A baseline always runs too
  --rounds N          1 to 100; 5 when absent, 3 with --quick
  --json FILE         every run and every summary
  --svg FILE|FOLDER   charts, light and dark: one file for all (name.svg) or one for each workload
  --gate              compares with bench/baseline.json; ends with 1 when a ratio is more than 15 % worse. At least 5 rounds
  --write-baseline    writes bench/baseline.json
  --help
`

const DEFAULT_ROUNDS = 5
const QUICK_ROUNDS = 3
const MAX_ROUNDS = 100

/**
 * @typedef {object} Options
 * @property {boolean} quick
 * @property {string[]} only
 * @property {number} rounds
 * @property {string | undefined} json
 * @property {string | undefined} svg
 * @property {boolean} gate
 * @property {boolean} writeBaseline
 * @property {boolean} help
 */

/** What is wrong with the arguments; the usage goes with it. */
export class ArgumentError extends Error {}

/**
 * @param {string[]} args
 * @returns {Options} throws ArgumentError
 */
export function parseArguments(args) {
  // `npm run` and `pnpm run` hand the separator on.
  const { values } = parse(args[0] === '--' ? args.slice(1) : args)
  const quick = values.quick === true
  const gate = values.gate === true
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds >= 1 && rounds <= MAX_ROUNDS)) {
    throw new ArgumentError(`--rounds is ${values.rounds}: give a whole number from 1 to ${MAX_ROUNDS}`)
  }
  if (gate && rounds !== undefined && rounds < DEFAULT_ROUNDS) {
    throw new ArgumentError(`--gate judges at least ${DEFAULT_ROUNDS} rounds, not ${rounds}`)
  }
  const only = values.only?.split(',').filter((name) => name !== '')
  if (only?.length === 0) throw new ArgumentError('--only names nothing')
  return {
    quick,
    only: only ?? [],
    rounds: rounds ?? (quick && !gate ? QUICK_ROUNDS : DEFAULT_ROUNDS),
    json: values.json,
    svg: values.svg,
    gate,
    writeBaseline: values['write-baseline'] === true,
    help: values.help === true,
  }
}

/** @param {string[]} args */
function parse(args) {
  try {
    return parseArgs({
      args,
      options: {
        quick: { type: 'boolean' },
        only: { type: 'string' },
        rounds: { type: 'string' },
        json: { type: 'string' },
        svg: { type: 'string' },
        gate: { type: 'boolean' },
        'write-baseline': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new ArgumentError(error instanceof Error ? error.message : String(error))
  }
}

/**
 * @typedef {import('./interface.mjs').Workload} Workload
 * @typedef {import('./interface.mjs').Entry} Entry
 * @typedef {{ workload: Workload, entries: Entry[], timing: import('./drivers/index.mjs').Timing }[]} Plan
 */

const TIMING = { warmupMs: 1_200, measureMs: 1_000 }
/** grpc-js is still getting faster after a second; where it takes part, all have as long. */
const SLOW_STARTER = 'grpc-js'
const LONG_TIMING = { warmupMs: 4_000, measureMs: 1_000 }
const QUICK_TIMING = { warmupMs: 1_000, measureMs: 600 }

/**
 * @param {Pick<Options, 'quick' | 'only'>} options
 * @param {readonly Workload[]} workloads
 * @param {readonly Entry[]} entries
 * @returns {Plan} throws ArgumentError
 */
export function makePlan({ quick, only }, workloads, entries) {
  const patterns = only.map((name) => ({ name, matches: globMatcher(name) }))
  const unknown = patterns.find(({ matches }) => ![...workloads, ...entries].some((row) => matches(row.name)))
  if (unknown)
    throw new ArgumentError(
      `--only ${unknown.name}: neither a workload nor a peer\n${listOf(workloads, entries)}`,
    )
  const isNamed = (/** @type {{ name: string }} */ row) => patterns.some(({ matches }) => matches(row.name))
  const anyWorkload = !workloads.some(isNamed)
  const anyEntry = !entries.some(isNamed)
  const plan = []
  for (const workload of workloads) {
    if (!(anyWorkload || isNamed(workload)) || (quick && anyWorkload && workload.inQuick !== true)) continue
    const able = entries.filter((entry) => entry.workloads.includes(workload.name))
    const named = able.filter((entry) => (anyEntry ? !quick || entry.inQuick === true : isNamed(entry)))
    if (named.length === 0) continue
    const isMeasure = (/** @type {Entry} */ entry) =>
      entry.name === workload.baseline || (workload.baseline === 'raw' && entry.name === 'raw-early')
    const taking = able.filter((entry) => named.includes(entry) || isMeasure(entry))
    plan.push({ workload, entries: taking, timing: timingOf(quick, taking) })
  }
  if (plan.length === 0)
    throw new ArgumentError(`--only ${only.join(',')}: no such peer takes part in such a workload`)
  return plan
}

/** @param {boolean} quick @param {Entry[]} entries */
function timingOf(quick, entries) {
  if (quick) return QUICK_TIMING
  return entries.some((entry) => entry.name === SLOW_STARTER) ? LONG_TIMING : TIMING
}

/** @param {string} pattern @returns {(name: string) => boolean} */
function globMatcher(pattern) {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  const expression = new RegExp(`^${parts.join('.*')}$`)
  return (name) => expression.test(name)
}

/** @param {readonly Workload[]} workloads @param {readonly Entry[]} entries */
function listOf(workloads, entries) {
  const names = (/** @type {readonly { name: string }[]} */ rows) => rows.map((row) => row.name).join(' ')
  return `workloads: ${names(workloads)}\npeers: ${names(entries)}`
}
