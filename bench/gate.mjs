// Owns: whether Peerplex got worse: ratios and CPU ratios against those that were written down. Never rates, which belong to a machine.
// Must not know: how they were measured.

import { questionOf, SHAPES } from './columns.mjs'
import { answerOf } from './statistics.mjs'

/** So much worse on the median fails. */
export const TOLERANCE = 0.15

/**
 * @typedef {{ ratio?: number, cpuRatio?: number }} Level
 * @typedef {Record<string, Level>} Baseline by `workload/entry`
 * @typedef {import('./statistics.mjs').Run} Run
 * @typedef {import('./interface.mjs').Workload} Workload
 */

/** @param {string} entry */
function isOwn(entry) {
  return entry.startsWith('peerplex')
}

/**
 * @param {readonly Workload[]} workloads
 * @param {readonly Run[]} runs
 * @returns {Baseline}
 */
export function levelsOf(workloads, runs) {
  /** @type {Baseline} */
  const levels = {}
  for (const workload of workloads) {
    const own = new Set(runs.filter((run) => run.workload === workload.name).map((run) => run.entry))
    for (const entry of [...own].filter(isOwn)) {
      const { columns } = SHAPES[workload.kind]
      const median = (/** @type {boolean} */ ofCpu) => {
        const column = columns.find(
          ({ over, figure }) => over === 'baseline' && (figure === 'cpuUs') === ofCpu,
        )
        return column && answerOf(runs, questionOf(workload, entry, column))?.median
      }
      const [ratio, cpuRatio] = [median(false), median(true)]
      // What has no baseline in its workload is held by targets alone.
      if (!columns.some(({ over }) => over === 'baseline')) continue
      levels[`${workload.name}/${entry}`] = {
        ...(ratio === undefined ? {} : { ratio }),
        ...(cpuRatio === undefined ? {} : { cpuRatio }),
      }
    }
  }
  return levels
}

/**
 * @param {readonly Workload[]} workloads
 * @param {Baseline} baseline
 * @param {Baseline} now
 * @returns {{ failures: string[], checked: number, unknown: string[] }} unknown: what nothing was written down for
 */
export function gateDecision(workloads, baseline, now) {
  const failures = []
  const unknown = []
  let checked = 0
  for (const [name, level] of Object.entries(now)) {
    const before = baseline[name]
    if (before === undefined) {
      unknown.push(name)
      continue
    }
    const workload = workloads.find((row) => name.startsWith(`${row.name}/`))
    const isLowerBetter = workload !== undefined && SHAPES[workload.kind].isLowerBetter
    for (const [figure, lower] of /** @type {const} */ ([
      ['ratio', isLowerBetter],
      ['cpuRatio', true],
    ])) {
      const [then, here] = [before[figure], level[figure]]
      if (then === undefined) continue
      checked++
      if (here === undefined)
        failures.push(`${name}: ${figure} was ${then.toFixed(3)}, now it could not be measured`)
      else if (lower ? here > then * (1 + TOLERANCE) : here < then * (1 - TOLERANCE)) {
        failures.push(`${name}: ${figure} was ${then.toFixed(3)}, is ${here.toFixed(3)}`)
      }
    }
  }
  return { failures, checked, unknown }
}
