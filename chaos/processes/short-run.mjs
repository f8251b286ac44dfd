// Owns: the short form: every fault once or more, and every known-bad variant, which has to be found out.
// Must not know: how a run goes, what is right.

import { FAULT_NAMES } from './faults.mjs'
import { judgedRun } from './judged-run.mjs'
import { KNOWN_BAD } from './known-bad.mjs'
import { makePlan, SMALL_PLAN, TRANSPORTS } from './plan.mjs'
import { brokenOf, reportText } from './report.mjs'

const ENDLESS = Number.POSITIVE_INFINITY
/** One row of all faults. */
const GOOD = {
  seconds: ENDLESS,
  rows: 1,
  kinds: FAULT_NAMES,
  gapMs: 120,
  plan: makePlan(TRANSPORTS, 1),
  bad: '',
}
/** Broken connections are enough for those. */
const BAD = {
  seconds: 2,
  rows: ENDLESS,
  kinds: /** @type {const} */ (['reset', 'end']),
  gapMs: 100,
  plan: SMALL_PLAN,
}
const BOTH = { calls: ENDLESS, idleTimeoutMs: 1_200 }

/** @param {number} seed @param {string | undefined} keep @param {(text: string) => void} print @returns {Promise<boolean>} whether everything is as it should be */
export async function shortRun(seed, keep, print) {
  const judged = await judgedRun({ ...BOTH, ...GOOD, seed }, { keep, isQuiet: true })
  print(reportText(judged, seed))
  const missing = FAULT_NAMES.filter((kind) => judged.struck[kind] === undefined)
  if (missing.length > 0) print(`faults that never came: ${missing.join(', ')}`)
  const found = await Promise.all(Object.keys(KNOWN_BAD).map((bad) => isFoundOut(bad, seed, print)))
  return judged.isOk && missing.length === 0 && found.every(Boolean)
}

/** @param {string} bad @param {number} seed @param {(text: string) => void} print */
async function isFoundOut(bad, seed, print) {
  const { verdict } = await judgedRun({ ...BOTH, ...BAD, seed, bad }, { isQuiet: true })
  const broken = verdict === null ? [] : brokenOf(verdict)
  print(`${bad}: ${broken.length === 0 ? 'NOT found out' : `found out, it breaks ${broken.join(', ')}`}`)
  return broken.length > 0
}
