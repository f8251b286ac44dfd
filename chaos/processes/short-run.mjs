// Owns: the short form: every fault once or more, then every known-bad variant, which has to be found out.
// Must not know: how a run goes, what is right.

import { judgedRun } from './judged-run.mjs'
import { KNOWN_BAD } from './known-bad.mjs'
import { TRANSPORTS } from './plan.mjs'
import { brokenOf, reportText } from './report.mjs'

const SHORT = { seconds: 8, gapMs: 220, idleTimeoutMs: 1_500, callerCount: 1, transports: TRANSPORTS }
/** One transport is enough for those, and few faults are. */
const BAD = {
  seconds: 1.5,
  gapMs: 150,
  idleTimeoutMs: 1_500,
  callerCount: 1,
  transports: /** @type {const} */ (['tcp']),
}

/** @param {number} seed @param {(text: string) => void} print @returns {Promise<boolean>} whether everything is as it should be */
export async function shortRun(seed, print) {
  const calls = Number.POSITIVE_INFINITY
  const judged = await judgedRun({ ...SHORT, calls, seed, bad: '' }, { isQuiet: true })
  print(reportText(judged, seed))
  let isOk = judged.verdict?.isOk === true && judged.troubles.length === 0
  for (const bad of Object.keys(KNOWN_BAD)) {
    const { verdict } = await judgedRun({ ...BAD, calls, seed, bad }, { isQuiet: true })
    const broken = verdict === null ? [] : brokenOf(verdict)
    print(`${bad}: ${broken.length === 0 ? 'NOT found out' : `found out, it breaks ${broken.join(', ')}`}`)
    if (broken.length === 0) isOk = false
  }
  return isOk
}
