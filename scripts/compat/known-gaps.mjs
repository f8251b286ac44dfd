// Owns the list of what is known not to work in a runtime, with the reason: these failures do not fail the run. It must not know how cases are run.

/**
 * @typedef {{ runtime: string, transport: string, side?: 'dialing' | 'listening', cases: readonly string[], reason: string }} KnownGap
 *   runtime: its id, on either side. cases: the names of the cases that fail
 */

/** @type {readonly KnownGap[]} */
export const KNOWN_GAPS = []

/**
 * @param {readonly KnownGap[]} gaps
 * @param {readonly string[]} runtimes that took part
 * @param {import('../../packages/peerplex/test/behaviour/place.ts').CaseResult} result a failed one
 * @returns {KnownGap | undefined}
 */
export function gapFor(gaps, runtimes, { transport, side, name }) {
  return gaps.find(
    (gap) =>
      runtimes.includes(gap.runtime) &&
      gap.transport === transport &&
      (gap.side ?? side) === side &&
      gap.cases.includes(name),
  )
}
