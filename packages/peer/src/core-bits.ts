// Owns: the facts about a channel of a program, one bit each: there may be many channels, and each would have a field for every one.
// Must not know: what follows from them (channel-core.ts, channel-output.ts).
import type { Taker } from './channel-input.js'

/** Who takes what arrives, as its place in this list. */
const TAKERS: readonly Taker[] = ['nobody', 'onMessage', 'an iterator', 'toWeb()', 'join()']
const TAKER = 0x0007

/** The other side's output is complete and read, or nobody wants it. */
export const INPUT_ENDED = 0x0008
/** Something of the other side has arrived. */
export const HAS_INPUT = 0x0010
/** The program wants no more input. */
export const STOPPED = 0x0020
/** The wire has made its last call. */
export const CLOSED = 0x0040
export const END_TOLD = 0x0080
export const CLOSE_TOLD = 0x0100
/** It is going to flow at the end of this turn. */
export const FLOW_DUE = 0x0200
/** The handler has returned, but the channel was taken over: it is settled when it closes. */
export const SETTLES_AT_CLOSE = 0x0400
/** Not everything sent so far is held, so it cannot be sent again. */
export const HELD_IN_PART = 0x0800
/** Nothing goes out any more. */
export const OUTPUT_CLOSED = 0x1000
/** The program has ended its output. */
export const OUTPUT_ENDED = 0x2000
/** This side has reset what it opened: it is not tried again. */
export const GIVEN_UP = 0x4000

export function takerOf(bits: number): Taker {
  return TAKERS[bits & TAKER] as Taker
}

export function withTaker(bits: number, taker: Taker): number {
  return (bits & ~TAKER) | TAKERS.indexOf(taker)
}
