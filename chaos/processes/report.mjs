// Owns: what came out, as a table for people.
// Must not know: how it came about.

import { INVARIANTS } from '../checker.mjs'

/** @typedef {import('../checker.mjs').Invariant} Invariant */

const OUTCOMES = ['OK', 'ERR', 'NOT_SENT', 'REFUSED', 'UNKNOWN', 'PARTIAL', 'CANCELLED', 'DEADLINE', 'none']
/** What is no fault of ours: a connection that ended, seen from within and from its end; a drain that is over; a machine that had no time. */
const NOTED = new Set(['gone', 'lost', 'drained', 'starved'])
const COLUMN = 10
/** So many violations of each invariant are printed, with so many lines of the ledger. */
const SHOWN = 5
const SHOWN_LINES = 8

/** @param {import('./judged-run.mjs').Judged} judged @param {number} seed */
export function reportText({ isOk, verdict, troubles, proxyCounts, tookMs, checkedMs }, seed) {
  const lines = verdict === null ? [] : [...figures(verdict), ...invariants(verdict)]
  if (Object.keys(proxyCounts).length > 0) lines.push(`by the proxies: ${pairs(proxyCounts)}`)
  for (const trouble of troubles) lines.push(`TROUBLE ${trouble}`)
  const seconds = (/** @type {number} */ ms) => `${(ms / 1_000).toFixed(1)} s`
  lines.push(`${isOk ? 'ok' : 'NOT ok'}: seed ${seed}, ${seconds(tookMs)}, judged in ${seconds(checkedMs)}`)
  return lines.join('\n')
}

/** Names of the invariants that are broken. @param {import('../checker.mjs').Verdict} verdict */
export function brokenOf({ counts }) {
  return /** @type {Invariant[]} */ (Object.keys(counts)).filter((name) => counts[name] > 0)
}

/** @param {import('../checker.mjs').Verdict} verdict */
function figures({ figures: all, isUnknownHigh }) {
  const {
    calls,
    attempts,
    byKind,
    faults,
    unknown,
    inFlight,
    onewaysLost,
    runs,
    runsTwice,
    lines: lineCount,
  } = all
  const used = OUTCOMES.filter((outcome) => Object.values(byKind).some((row) => (row[outcome] ?? 0) > 0))
  const row = (/** @type {string} */ name, /** @type {(string | number)[]} */ cells) =>
    [name.padEnd(COLUMN), ...cells.map((cell) => String(cell).padStart(COLUMN))].join('')
  const lines = [row('calls', used)]
  for (const [kind, outcomes] of Object.entries(byKind)) {
    lines.push(
      row(
        kind,
        used.map((outcome) => outcomes[outcome] ?? 0),
      ),
    )
  }
  const injected = Object.entries(faults).filter(([kind]) => !NOTED.has(kind))
  const noted = Object.entries(faults).filter(([kind]) => NOTED.has(kind))
  const late = Math.max(0, Math.round(all.longestLateMs))
  lines.push(
    `${calls} calls, ${attempts} attempts, ${runs} runs of handlers, ${runsTwice} calls ran more than once, ${onewaysLost} one-ways lost; ` +
      `${lineCount} lines`,
    `latest end ${late} ms after its deadline; longest way of ${all.cancelsTimed} cancels with no fault near ${Math.round(all.longestAbortMs)} ms`,
    `${injected.reduce((sum, [, count]) => sum + count, 0)} faults: ${pairs(Object.fromEntries(injected))}`,
    `noted: ${pairs(Object.fromEntries(noted))}`,
    `unknown ${unknown}, in flight at cuts ${inFlight}${isUnknownHigh ? ': VIOLATED, more than were in flight' : ''}`,
  )
  return lines
}

/** @param {import('../checker.mjs').Verdict} verdict */
function invariants({ counts, violations }) {
  return Object.entries(INVARIANTS).flatMap(([name, meaning]) => {
    const count = counts[/** @type {Invariant} */ (name)]
    const shown = violations.filter(({ invariant }) => invariant === name).slice(0, SHOWN)
    return [
      `${name.padEnd(4)}${count === 0 ? 'ok      ' : 'VIOLATED'}  ${meaning}${count === 0 ? '' : ` (${count} times)`}`,
      ...shown.flatMap(({ id, why, lines }) => [
        `      ${id}: ${why}`,
        ...lines.slice(0, SHOWN_LINES).map((line) => `        ${JSON.stringify(line)}`),
      ]),
    ]
  })
}

/** @param {Record<string, number>} counts */
function pairs(counts) {
  const entries = Object.entries(counts).sort(([a], [b]) => a.localeCompare(b))
  return entries.length === 0 ? 'none' : entries.map(([name, count]) => `${name} ${count}`).join(', ')
}
