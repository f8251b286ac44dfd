// Owns: which bars a workload is drawn with, and into which files.
// Must not know: how a bar is drawn.

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { questionOf, SHAPES } from './columns.mjs'
import { formatNumber } from './report.mjs'
import { answerOf } from './statistics.mjs'
import { chartsSvg } from './svg.mjs'

/**
 * @param {import('./arguments.mjs').Plan[number]} part
 * @param {readonly import('./statistics.mjs').Run[]} runs
 * @returns {import('./svg.mjs').Chart}
 */
export function chartOf({ workload, entries }, runs) {
  const { chart, isLowerBetter } = SHAPES[workload.kind]
  const bars = entries.flatMap(({ name, payload }) => {
    if (name === 'node') return []
    const value = answerOf(runs, questionOf(workload, name, chart))?.median ?? null
    const failed = runs.find((run) => run.entry === name && run.result === undefined)
    const why = failed?.skipped === undefined ? 'failed' : 'left out'
    const text = value === null ? why : formatNumber(value)
    return [{ label: name, note: payload, value, text, isOwn: name.startsWith('peerplex') }]
  })
  bars.sort((a, b) => {
    if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null)
    return isLowerBetter ? a.value - b.value : b.value - a.value
  })
  const better = isLowerBetter ? 'less is better' : 'more is better'
  return {
    title: workload.title,
    unit: `${chart.head}; ${better}; one machine, loopback, median of the rounds`,
    bars,
  }
}

/**
 * `x.svg` and `x-dark.svg` with all charts, or a folder with two files for each workload.
 * @param {string} target
 * @param {ReadonlyMap<string, import('./svg.mjs').Chart>} charts by name of the workload
 * @returns {string[]} the files
 */
export function writeCharts(target, charts) {
  /** @type {[string, string][]} */
  const files = []
  if (target.endsWith('.svg')) {
    const all = [...charts.values()]
    files.push(
      [target, chartsSvg(all, 'light')],
      [target.replace(/\.svg$/, '-dark.svg'), chartsSvg(all, 'dark')],
    )
  } else {
    for (const [name, chart] of charts) {
      files.push(
        [join(target, `${name}.svg`), chartsSvg([chart], 'light')],
        [join(target, `${name}-dark.svg`), chartsSvg([chart], 'dark')],
      )
    }
  }
  for (const [file, text] of files) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  return files.map(([file]) => file)
}
