// Owns how the results of a transport become one cell with its notes. It must not know how they came about, or what a grid looks like.

import { gapFor, KNOWN_GAPS } from './known-gaps.mjs'

/** More are in the file that `--json` writes. */
const MAX_FAILURES_SHOWN = 8
const MAX_TEXT_CHARS = 300

/**
 * @typedef {import('./run-cases.mjs').Column} Column
 * @typedef {import('./grid.mjs').Cell} Cell
 */

/**
 * @param {Column} column
 * @param {readonly string[]} runtimes the ids of those that took part
 * @returns {Extract<Cell, { kind: 'ran' }>}
 */
export function cellOf({ results, broken }, runtimes, gaps = KNOWN_GAPS) {
  /** @type {Map<string, number>} */
  const skipped = new Map()
  /** @type {Set<string>} */
  const known = new Set()
  /** The same note for both sides, and for all transports with the same failure. */
  const failures = [...broken]
  let passed = 0
  let total = 0
  for (const result of results) {
    const { name, outcome } = result
    if (outcome.kind === 'not applicable') {
      skipped.set(outcome.reason, (skipped.get(outcome.reason) ?? 0) + 1)
      continue
    }
    total += 1
    if (outcome.kind === 'pass') {
      passed += 1
      continue
    }
    const gap = gapFor(gaps, runtimes, result)
    if (gap === undefined) failures.push(`'${name}': ${shorten(outcome.text)}`)
    else known.add(gap.reason)
  }
  const distinct = [...new Set(failures)]
  const shown = distinct.slice(0, MAX_FAILURES_SHOWN)
  if (distinct.length > shown.length) shown.push('and more of them, see --json')
  return {
    kind: 'ran',
    passed,
    total,
    isFailure: failures.length > 0 || total === 0,
    notes: [
      ...shown,
      ...[...known].map((reason) => `known: ${reason}`),
      ...[...skipped].map(([reason, count]) => `${count} cases not applicable: ${reason}`),
    ],
  }
}

/**
 * @param {string} reason
 * @returns {Cell}
 */
export function notApplicable(reason) {
  return { kind: 'not applicable', reason }
}

/**
 * @param {string} text
 * @returns {string} one line
 */
function shorten(text) {
  const line = text.replace(/\s*\n\s*/g, ' | ')
  return line.length > MAX_TEXT_CHARS ? `${line.slice(0, MAX_TEXT_CHARS)}…` : line
}
