/**
 * Owns: what has to become of a session that gets one frame right after the HELLO, as the naive decoder sees that frame.
 * Must not know: sessions at work.
 */
import { codeName, type PeerplexError } from '@peerplex/wire'
import type { NaiveResult } from '../naive-codec.js'
import { type NaiveFrame, RAW_FLAG } from '../naive-frames.js'

/** What the HELLO of the frame's sender announced. */
const CONN_BYTES = 4 * 1024 * 1024
const OPENS = 1024
const HALF_RANGE = 2 ** 29

/** Null when the session did what it had to do, otherwise what is wrong. `hasClosed`: its program has ended it. */
export function isFreshVerdict(
  naive: NaiveResult,
  isOver: boolean,
  error: PeerplexError | null,
  hasClosed: boolean,
): string | null {
  const got = isOver ? (error === null ? 'closed' : `${error.origin} ${error.code}`) : 'open'
  // More than one frame needs state to be judged; a program that ends the session hides the verdict.
  if (naive.frames.length > (naive.error === undefined ? 1 : 0) || hasClosed) return null
  const [frame] = naive.frames
  let wanted = 'open'
  if (naive.error !== undefined) wanted = `local ${naive.error}`
  else if (frame !== undefined) wanted = verdictOf(frame)
  return got === wanted
    ? null
    : `the naive decoder says ${wanted} (${naive.reason ?? frame?.kind}), the session is ${got}`
}

/** Of a frame that is legal by itself, while no channel was ever opened. */
function verdictOf(frame: NaiveFrame): string {
  switch (frame.kind) {
    case 'OPEN':
      return frame.chan < HALF_RANGE ? 'open' : 'local PROTOCOL_ERROR'
    case 'CREDIT':
      if (frame.chan !== 0) return 'local PROTOCOL_ERROR'
      return isBack(frame.byteLimit, CONN_BYTES) || isBack(frame.countLimit, OPENS)
        ? 'local FLOW_CONTROL'
        : 'open'
    case 'GOAWAY':
      return verdictOfGoaway(frame.flags === RAW_FLAG.FINAL, frame.code, frame.lastId)
    case 'PING':
    case 'PONG':
    case 'IGNORABLE':
      return 'open'
    default:
      // A channel that was never opened, a reference that was never exported.
      return 'local PROTOCOL_ERROR'
  }
}

function verdictOfGoaway(isFinal: boolean, code: number, lastId: number): string {
  if (isFinal && lastId !== 0) return 'local PROTOCOL_ERROR'
  if (code !== 0) return `remote ${codeName(code)}`
  return isFinal ? 'closed' : 'open'
}

/** Whether a limit goes back, modulo 2^32. */
function isBack(limit: number, old: number): boolean {
  const ahead = (limit - old + 2 ** 32) % 2 ** 32
  return ahead >= 2 ** 31
}
