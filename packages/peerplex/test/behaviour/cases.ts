/**
 * Owns: the list of all behaviour cases, in the order of the matrix.
 * Must not know: transports, realms.
 */
import { CALL_CASES } from './cases-calls.js'
import { CANCEL_CASES } from './cases-cancel.js'
import { CHANNEL_CASES } from './cases-channels.js'
import { ERROR_CASES } from './cases-errors.js'
import { FLOW_CASES } from './cases-flow.js'
import { LARGE_CASES } from './cases-large.js'
import { LIFE_CASES } from './cases-life.js'
import type { BehaviourCase } from './place.js'

export const CASES: readonly BehaviourCase[] = [
  ...CALL_CASES,
  ...CANCEL_CASES,
  ...CHANNEL_CASES,
  ...ERROR_CASES,
  ...LARGE_CASES,
  ...LIFE_CASES,
  ...FLOW_CASES,
]
