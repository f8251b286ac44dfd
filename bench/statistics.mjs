// Owns: the arithmetic of a comparison: figures are divided round by round, and only the ratios are summed up.
// Must not know: how figures come about, how they are shown.

/**
 * @typedef {Record<string, number>} Figures
 * @typedef {object} Run one entry in one round
 * @property {string} workload
 * @property {string} entry
 * @property {number} round
 * @property {Figures} [result]
 * @property {string} [error]
 * @property {string} [skipped]
 * @typedef {{ median: number, min: number, max: number, count: number }} Summary
 */

/** More than this between the rounds is no measurement but weather. */
export const NOISY_SPREAD = 0.3

/**
 * @param {readonly number[]} values at least one
 * @returns {number}
 */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >>> 1
  const upper = Number(sorted[middle])
  return sorted.length % 2 === 1 ? upper : (Number(sorted[middle - 1]) + upper) / 2
}

/**
 * @param {readonly number[]} values
 * @returns {Summary | null} null when there are none
 */
export function summarize(values) {
  if (values.length === 0) return null
  return { median: median(values), min: Math.min(...values), max: Math.max(...values), count: values.length }
}

/**
 * How far the rounds are apart, as a part of their median.
 * @param {Summary} summary
 */
export function spread({ median: middle, min, max }) {
  return middle === 0 ? 0 : (max - min) / Math.abs(middle)
}

/**
 * A figure of one run; those that follow from others are made here.
 * @param {Figures} result
 * @param {string} name
 * @returns {number | undefined}
 */
function figure(result, name) {
  if (name !== 'cpuUs') return result[name]
  const { clientCpuUs, serverCpuUs } = result
  return clientCpuUs === undefined || serverCpuUs === undefined ? undefined : clientCpuUs + serverCpuUs
}

/**
 * @param {readonly Run[]} runs
 * @param {{ workload: string, entry: string, figure: string }} wanted
 * @returns {Map<number, number>} by round
 */
function byRound(runs, { workload, entry, figure: name }) {
  const found = new Map()
  for (const run of runs) {
    if (run.workload !== workload || run.entry !== entry || run.result === undefined) continue
    const value = figure(run.result, name)
    if (value !== undefined && Number.isFinite(value)) found.set(run.round, value)
  }
  return found
}

/**
 * What a figure is compared with: nothing; the same figure of the best of some entries (`over`); or what it is more than that of another entry
 * (`minus`). Rounds in which one of them failed do not count.
 * @typedef {{ workload: string, entry: string, figure: string, over?: readonly string[], minus?: string }} Question
 */

/**
 * @param {readonly Run[]} runs
 * @param {Question} question
 * @returns {number[]} one value for each round that has all of them
 */
export function valuesOf(runs, { workload, entry, figure: name, over, minus }) {
  const own = byRound(runs, { workload, entry, figure: name })
  const others = (over ?? (minus === undefined ? [] : [minus])).map((other) =>
    byRound(runs, { workload, entry: other, figure: name }),
  )
  const values = []
  for (const [round, value] of own) {
    const theirs = others.map((found) => found.get(round)).filter((other) => other !== undefined)
    if (theirs.length < others.length) continue
    if (over !== undefined) values.push(value / Math.max(...theirs))
    else if (minus !== undefined) values.push(value - Number(theirs[0]))
    else values.push(value)
  }
  return values
}

/**
 * @param {readonly Run[]} runs
 * @param {Question} question
 * @returns {Summary | null}
 */
export function answerOf(runs, question) {
  return summarize(valuesOf(runs, question))
}
