// Owns: one simulation: so many faults on the virtual clock, then peace, then the verdict on what the ledger says.
// Must not know: any invariant (checker.mjs), any fault (simulation/faults.mjs).
//
// Everything runs in this process and without its clock: the seed alone decides what happens, down to the last byte of the ledger.

import { checkLedger } from './checker.mjs'
import { strike } from './simulation/faults.mjs'
import { World } from './simulation/world.mjs'

/**
 * `faults`: how many. `seed`: what decides everything. `faultGapMs`, `callGapMs`: mean time between faults, and between calls of each of the
 * three callers (150 and 60).
 * @typedef {{ faults: number, seed: number, faultGapMs?: number, callGapMs?: number }} SimulateOptions
 */

/**
 * `errors`: what no caller hears of, such as an exception inside the library; `timersLeft`: after all peers were closed. Both have to be
 * empty. `virtualMs`: time that passed in the simulation.
 * @typedef {{ seed: number, isOk: boolean, verdict: import('./checker.mjs').Verdict, lines: import('./ledger.mjs').Line[], errors: string[],
 *   timersLeft: number, virtualMs: number, longestLeaveMs: number }} Simulation
 */

/** Until then every call has ended, or something is wrong. */
const MAX_SETTLE_MS = 120_000
/** Slots come back in ticks of a second, connections that are given up within a few. */
const REST_MS = 30_000
/** Faults say for how long they last; what comes later than this after one was not caused by it. */
const QUIET_MS = 50

/** @param {SimulateOptions} options @returns {Promise<Simulation>} */
export async function simulate({ faults, seed, faultGapMs = 150, callGapMs = 60 }) {
  /** @type {import('./ledger.mjs').Line[]} */
  const lines = []
  const world = new World(seed, callGapMs, (line) => lines.push(line))
  for (let struck = 0; struck < faults; ) {
    await world.run(world.clock.now() + world.random.gapMs(faultGapMs))
    if (strike(world) !== '') struck++
  }
  world.quieten()
  await world.run(world.clock.now() + MAX_SETTLE_MS, () => world.isQuiet)
  await world.run(world.clock.now() + REST_MS)
  await world.rest()
  const virtualMs = world.clock.now()
  const timersLeft = await world.close()
  const verdict = checkLedger(lines, { quietMs: QUIET_MS })
  const { errors, longestLeaveMs } = world
  const isOk = verdict.isOk && errors.length === 0 && timersLeft === 0
  return { seed, isOk, verdict, lines, errors, timersLeft, virtualMs, longestLeaveMs }
}
