// Owns: the entry of `npm run chaos`: which run is asked for, what is printed, and the exit code: 0 all invariants hold, 1 one does not or
// something went wrong, 2 the arguments make no sense.
// Must not know: how a run goes (processes/run.mjs), what is right (checker.mjs).

import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ArgumentError, parseArguments, USAGE } from './arguments.mjs'
import { FAULT_NAMES } from './processes/faults.mjs'
import { judgedRun } from './processes/judged-run.mjs'
import { makePlan } from './processes/plan.mjs'
import { reportText } from './processes/report.mjs'
import { shortRun } from './processes/short-run.mjs'

const CALLER_COUNT = 2
/** The idle time is shorter than the default, so that more happens in less time; some faults last longer than that. */
const FAULTS = { kinds: FAULT_NAMES, gapMs: 220, rows: Number.POSITIVE_INFINITY, idleTimeoutMs: 2_000 }

process.exitCode = await main(process.argv.slice(2))

/** @param {string[]} args @returns {Promise<number>} */
async function main(args) {
  let options
  try {
    options = parseArguments(args)
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error
    process.stderr.write(`chaos: ${error.message}\n`)
    return 2
  }
  if (options.isHelp) {
    process.stdout.write(USAGE)
    return 0
  }
  if (options.simulate > 0) return simulate(options.simulate, options.seed)
  exitOnSignals()
  if (options.isShort) return (await shortRun(options.seed, options.keep, print)) ? 0 : 1
  const { calls, seconds, seed, transports, bad, keep, json } = options
  const run = { calls, seconds, seed, bad, plan: makePlan(transports, CALLER_COUNT) }
  const judged = await judgedRun({ ...run, ...FAULTS }, { keep })
  print(reportText(judged, seed))
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ options: run, ...judged }, null, 2)}\n`)
  return judged.isOk ? 0 : 1
}

/** @param {number} faults @param {number} seed @returns {Promise<number>} */
function simulate(faults, seed) {
  const program = fileURLToPath(new URL('simulate-program.mjs', import.meta.url))
  const args = [program, '--faults', String(faults), '--seed', String(seed)]
  const child = spawn(process.execPath, args, { stdio: 'inherit' })
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)))
}

/** By way of `exit`, whose listeners take other processes and folders along. */
function exitOnSignals() {
  for (const [signal, code] of /** @type {const} */ ([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])) {
    process.once(signal, () => {
      process.stderr.write(`chaos: interrupted by ${signal}\n`)
      process.exit(code)
    })
  }
}

/** @param {string} text */
function print(text) {
  process.stdout.write(`${text}\n`)
}
