// Owns: what is printed: a table for each workload, the targets beside it, and what makes the figures doubtful.
// Must not know: how runs come about.

import { questionOf, SHAPES } from './columns.mjs'
import { answerOf, NOISY_SPREAD, spread } from './statistics.mjs'
import { TARGETS, verdict } from './targets.mjs'

/**
 * @typedef {import('./statistics.mjs').Run} Run
 * @typedef {import('./statistics.mjs').Summary} Summary
 * @typedef {import('./interface.mjs').Workload} Workload
 * @typedef {import('./interface.mjs').Entry} Entry
 */

const NOISY_MARK = '~'
const MAX_ERROR_LENGTH = 300

/**
 * @param {Workload} workload
 * @param {readonly Entry[]} entries
 * @param {readonly Run[]} runs
 * @returns {string}
 */
export function workloadTable(workload, entries, runs) {
  const takesPart = (/** @type {string} */ name) => entries.some((entry) => entry.name === name)
  const columns = SHAPES[workload.kind].columns.filter((column) => {
    const { over = [], minus } = questionOf(workload, '', column)
    return over.every(takesPart) && (minus === undefined || takesPart(minus))
  })
  const rows = entries.map((entry) => {
    const cells = columns.map((column) =>
      cell(answerOf(runs, questionOf(workload, entry.name, column)), column),
    )
    return [entry.name, entry.payload, ...cells]
  })
  const table = alignedTable(['', 'carries', ...columns.map((column) => column.head)], rows)
  const lines = [`${workload.title}  (${workload.name})`, ...table, ...failures(entries, runs)]
  const targets = targetLines(workload.name, runs)
  if (targets.length > 0) lines.push('  targets of Peerplex', ...targets)
  return lines.join('\n')
}

/**
 * @param {Summary | null} summary
 * @param {import('./columns.mjs').Column} column
 */
function cell(summary, { range, over }) {
  if (summary === null) return '-'
  const middle = formatNumber(summary.median)
  if (range !== true || summary.count === 1) return middle
  const mark = over !== undefined && spread(summary) > NOISY_SPREAD ? NOISY_MARK : ''
  return `${middle} [${formatNumber(summary.min)}-${formatNumber(summary.max)}]${mark}`
}

/**
 * What failed or was left out stays in the result, with its text.
 * @param {readonly Entry[]} entries
 * @param {readonly Run[]} runs
 * @returns {string[]}
 */
function failures(entries, runs) {
  const lines = []
  for (const { name } of entries) {
    const own = runs.filter((run) => run.entry === name)
    const failed = own.filter((run) => run.error !== undefined)
    const [first] = failed
    if (first?.error !== undefined) {
      const text = first.error.replace(/\s+/g, ' ').slice(0, MAX_ERROR_LENGTH)
      lines.push(`  ERROR ${name}, ${failed.length} of ${own.length} rounds: ${text}`)
    }
    const skipped = own.find((run) => run.skipped !== undefined)
    if (skipped) lines.push(`  SKIPPED ${name}: ${skipped.skipped}`)
  }
  return lines
}

/**
 * @typedef {import('./targets.mjs').Target & { value: number | null, verdict: 'goal' | 'met' | 'missed' | 'unknown', summary: Summary | null }} Judged
 */

/**
 * @param {readonly Run[]} runs
 * @returns {Judged[]} of the workloads that ran
 */
export function judge(runs) {
  const ran = new Set(runs.map((run) => run.workload))
  const took = new Set(runs.map((run) => `${run.workload} ${run.entry}`))
  const wasAsked = (/** @type {import('./targets.mjs').Target} */ { workload, entry, over = [], minus }) =>
    [entry, ...over, ...(minus === undefined ? [] : [minus])].every((name) => took.has(`${workload} ${name}`))
  return TARGETS.filter((target) => ran.has(target.workload) && wasAsked(target)).map((target) => {
    const summary = answerOf(runs, target)
    const value = summary?.median ?? null
    return { ...target, value, summary, verdict: value === null ? 'unknown' : verdict(target, value) }
  })
}

const VERDICTS = { goal: 'GOAL', met: 'ok', missed: 'MISSED', unknown: 'not measured' }

/**
 * @param {string} workload
 * @param {readonly Run[]} runs
 * @returns {string[]}
 */
function targetLines(workload, runs) {
  const rows = judge(runs)
    .filter((target) => target.workload === workload)
    .map((target) => {
      const sign = target.is === 'atLeast' ? '>=' : '<='
      return [
        target.entry,
        `${target.what}${comparedWith(target)}`,
        target.summary === null
          ? '-'
          : cell(target.summary, { head: '', figure: '', over: 'baseline', range: true }),
        `must ${sign} ${formatNumber(target.must)}`,
        `goal ${sign} ${formatNumber(target.goal)}`,
        VERDICTS[target.verdict],
      ]
    })
  return rows.length === 0 ? [] : alignedTable([], rows)
}

/** @param {import('./targets.mjs').Target} target */
function comparedWith({ over, minus }) {
  if (minus !== undefined) return ''
  if (over === undefined) return ''
  return over.length === 1 ? ` / ${over[0]}` : ` / better of ${over.join(', ')}`
}

/**
 * Said under all tables, so that nobody quotes the weather.
 * @param {readonly Workload[]} workloads
 * @param {readonly Run[]} runs
 * @param {{ cpus: number, loadAtStart: number }} machine
 * @returns {string[]}
 */
export function doubts(workloads, runs, { cpus, loadAtStart }) {
  let noisy = 0
  let all = 0
  for (const workload of workloads) {
    const entries = new Set(runs.filter((run) => run.workload === workload.name).map((run) => run.entry))
    for (const entry of entries) {
      for (const column of SHAPES[workload.kind].columns.filter(({ over }) => over === 'baseline')) {
        const summary = answerOf(runs, questionOf(workload, entry, column))
        if (entry === workload.baseline || summary === null) continue
        all++
        if (spread(summary) > NOISY_SPREAD) noisy++
      }
    }
  }
  const lines = []
  if (runs.every((run) => run.round === 1))
    lines.push('NOISY: one round only, so that nothing is known about the spread.')
  if (noisy > 0) {
    lines.push(
      `${NOISY_MARK} NOISY: ${noisy} of ${all} ratios moved by more than ${NOISY_SPREAD * 100} % between the rounds. CPU per message is steadier than the rate.`,
    )
  }
  if (loadAtStart > cpus / 4) {
    lines.push(
      `NOISY: the load average was ${loadAtStart.toFixed(2)} on ${cpus} processors before the first run; other work was going on.`,
    )
  }
  return lines
}

/**
 * @param {readonly string[]} head empty: none
 * @param {readonly (readonly string[])[]} rows
 * @returns {string[]} the first two columns left, the others right
 */
function alignedTable(head, rows) {
  const all = head.length > 0 ? [head, ...rows] : rows
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all.map((row) =>
    `  ${row.map((text, column) => (column < 2 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0))).join('  ')}`.trimEnd(),
  )
}

/**
 * Three digits that count, with the thousands apart.
 * @param {number} value
 * @returns {string}
 */
export function formatNumber(value) {
  const size = Math.abs(value)
  if (size >= 100) return Math.round(value).toLocaleString('en-US')
  if (size === 0) return '0'
  return String(Number(value.toPrecision(3)))
}
