// Owns: what `npm run chaos` may be told.
// Must not know: how anything is run.

import { parseArgs } from 'node:util'
import { KNOWN_BAD } from './processes/known-bad.mjs'
import { TRANSPORTS } from './processes/plan.mjs'

export const USAGE = `usage: npm run chaos -- [options]

Peers in processes of their own make calls while processes die, freeze and drain and connections break; then their ledgers are judged.

  --calls N          how many calls in all; 200000 when absent
  --seconds S        calls for so long instead
  --seed N           what chance starts from; 1 when absent
  --transport NAMES  some of ${TRANSPORTS.join(',')}; all when absent
  --json FILE        the verdict and all figures
  --keep DIR         keeps the ledgers there
  --simulate N       N faults on the virtual clock, in this process alone
  --bad NAME         breaks a promise on purpose: ${Object.keys(KNOWN_BAD).join(', ')}
  --short            a short run and the known-bad ones, as npm test does it
  --help
`

const DEFAULT_CALLS = 200_000
const MAX_COUNT = 1_000_000_000

/** What is wrong with the arguments; one line. */
export class ArgumentError extends Error {}

/**
 * @typedef {object} Options
 * @property {number} calls Infinity when `seconds` is given
 * @property {number} seconds Infinity when it is not given
 * @property {number} seed
 * @property {import('./processes/plan.mjs').TransportName[]} transports
 * @property {string | undefined} json
 * @property {string | undefined} keep
 * @property {number} simulate 0 when absent
 * @property {string} bad empty when absent
 * @property {boolean} isShort
 * @property {boolean} isHelp
 */

/** @param {string[]} args @returns {Options} Throws ArgumentError. */
export function parseArguments(args) {
  // `npm run` and `pnpm run` hand the separator on.
  const values = parse(args[0] === '--' ? args.slice(1) : args)
  const count = (/** @type {'calls' | 'seconds' | 'seed' | 'simulate'} */ name) => countOf(name, values[name])
  const bad = values.bad ?? ''
  if (bad !== '' && !Object.hasOwn(KNOWN_BAD, bad)) {
    throw new ArgumentError(`--bad ${bad}: give one of ${Object.keys(KNOWN_BAD).join(', ')}`)
  }
  if (values.calls !== undefined && values.seconds !== undefined) {
    throw new ArgumentError('--calls and --seconds: give one of them')
  }
  const seconds = count('seconds')
  return {
    calls: count('calls') ?? (seconds === undefined ? DEFAULT_CALLS : Number.POSITIVE_INFINITY),
    seconds: seconds ?? Number.POSITIVE_INFINITY,
    seed: count('seed') ?? 1,
    transports: transportsOf(values.transport),
    json: values.json,
    keep: values.keep,
    simulate: count('simulate') ?? 0,
    bad,
    isShort: values.short === true,
    isHelp: values.help === true,
  }
}

/** @param {string} name @param {string | undefined} text */
function countOf(name, text) {
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value) && value >= 1 && value <= MAX_COUNT) return value
  throw new ArgumentError(`--${name} ${text}: give a whole number from 1 to ${MAX_COUNT}`)
}

/** @param {string | undefined} text */
function transportsOf(text) {
  const names = [...new Set((text ?? TRANSPORTS.join(',')).split(','))]
  const known = TRANSPORTS.filter((name) => names.includes(name))
  if (known.length === names.length) return known
  throw new ArgumentError(`--transport ${text}: give some of ${TRANSPORTS.join(',')}`)
}

/** @param {string[]} args */
function parse(args) {
  const text = /** @type {const} */ ({ type: 'string' })
  const flag = /** @type {const} */ ({ type: 'boolean' })
  try {
    const { values } = parseArgs({
      args,
      options: {
        calls: text,
        seconds: text,
        seed: text,
        transport: text,
        json: text,
        keep: text,
        simulate: text,
        bad: text,
        short: flag,
        help: { ...flag, short: 'h' },
      },
    })
    return values
  } catch (error) {
    throw new ArgumentError(error instanceof Error ? String(error.message.split('\n')[0]) : String(error))
  }
}
