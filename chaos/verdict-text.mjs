// Owns: a verdict in words for a terminal.
// Must not know: how it came about.

import { INVARIANTS } from './checker.mjs'

/** So many lines of a ledger are printed under each violation. */
const PRINTED_LINES = 8

/** @param {import('./checker.mjs').Verdict} verdict */
export function verdictText({ isOk, counts, violations, isUnknownHigh, figures }) {
  const lines = [
    `${figures.lines} lines, ${figures.calls} calls, ${figures.attempts} attempts, ${figures.runs} runs, ${sum(figures.faults)} faults`,
  ]
  for (const [kind, outcomes] of Object.entries(figures.byKind)) lines.push(`  ${kind}: ${pairs(outcomes)}`)
  lines.push(`  faults: ${pairs(figures.faults)}`)
  lines.push(
    `  ran more than once ${figures.runsTwice}, one-ways lost ${figures.onewaysLost}, items got ${figures.got}, taken ${figures.took}`,
    `  longest settle after a deadline ${Math.round(figures.longestLateMs)} ms, longest way of ${figures.cancelsTimed} cancels ${Math.round(figures.longestAbortMs)} ms`,
    `  unknown ${figures.unknown} (${(100 * figures.unknownRate).toFixed(2)} %), in flight at faults ${figures.inFlight}${isUnknownHigh ? '   TOO MANY' : ''}`,
  )
  for (const [name, meaning] of Object.entries(INVARIANTS)) {
    const count = counts[/** @type {import('./checker.mjs').Invariant} */ (name)]
    lines.push(`${name.padEnd(3)} ${count === 0 ? 'holds' : `BROKEN ${count} times`}: ${meaning}`)
    for (const violation of violations.filter(({ invariant }) => invariant === name)) {
      lines.push(`      ${violation.id}: ${violation.why}`)
      for (const line of violation.lines.slice(0, PRINTED_LINES))
        lines.push(`        ${JSON.stringify(line)}`)
    }
  }
  lines.push(isOk ? 'all invariants hold' : 'NOT good')
  return lines.join('\n')
}

/** @param {Record<string, number>} counts */
function pairs(counts) {
  const entries = Object.entries(counts).map(([name, count]) => `${name} ${count}`)
  return entries.length === 0 ? 'none' : entries.join(', ')
}

/** @param {Record<string, number>} counts */
function sum(counts) {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}
