// Owns: the order of the runs: round by round, every entry once in each, starting with another one each time.
// Must not know: what a run does, what its figures mean.

/**
 * @typedef {import('./statistics.mjs').Run} Run
 * @typedef {import('./interface.mjs').Workload} Workload
 * @typedef {import('./interface.mjs').Entry} Entry
 *
 * @typedef {object} Means
 * @property {(entry: Entry, workload: Workload, timing: import('./drivers/index.mjs').Timing) => Promise<import('./runner.mjs').Outcome>} runOnce
 * @property {(entry: Entry) => Pick<Run, 'error' | 'skipped'> | null} obstacle why an entry cannot run
 * @property {(done: number, of: number, what: string) => void} progress
 */

/**
 * @param {import('./arguments.mjs').Plan} plan
 * @param {number} rounds
 * @param {Means} means
 * @returns {AsyncGenerator<{ workload: Workload, runs: Run[] }>} workload by workload
 */
export async function* playRounds(plan, rounds, { runOnce, obstacle, progress }) {
  const total = plan.reduce((sum, { entries }) => sum + entries.length * rounds, 0)
  let done = 0
  for (const { workload, entries, timing } of plan) {
    /** @type {Run[]} */
    const runs = []
    for (let round = 1; round <= rounds; round++) {
      for (const entry of rotated(entries, round - 1)) {
        progress(done, total, `${workload.name} ${entry.name}, round ${round} of ${rounds}`)
        const outcome = obstacle(entry) ?? (await runOnce(entry, workload, timing))
        runs.push({ workload: workload.name, entry: entry.name, round, ...outcome })
        done++
      }
    }
    yield { workload, runs }
  }
}

/**
 * @template T
 * @param {readonly T[]} list
 * @param {number} by
 * @returns {T[]}
 */
function rotated(list, by) {
  const at = list.length === 0 ? 0 : by % list.length
  return [...list.slice(at), ...list.slice(0, at)]
}
