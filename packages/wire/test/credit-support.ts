// Owns: the numbers that the tests of credit are built on: the least window, and what OPEN leaves of it.

import { KIB, MSG_BYTES } from './flow-support.js'

/** The least window of a channel, and the charge of `OPEN svc` without a message. */
export const WINDOW = 16 * KIB
export const OPEN_CHARGE = 15
/** The payload that uses up what `OPEN` has left of the least window. */
export const REST = WINDOW - OPEN_CHARGE - MSG_BYTES
