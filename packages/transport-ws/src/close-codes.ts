// Owns: what the close codes of WebSocket mean here: which end is clean, and what to say about the others.
// Must not know: any WebSocket class.
import { ERRORS, TransportError } from '@peerplex/wire'
import type { ConnectionEnd } from '@peerplex/wire/transport'

const NORMAL = 1000
/** The other side's close frame had no code. */
const NO_CODE = 1005
/** There was no close frame at all. */
export const NO_CLOSE_FRAME = 1006
/** From here to 4999 codes belong to the application; a session adds the code of its GOAWAY (spec §18). */
const FIRST_OF_SESSION = 4000
const LAST = 4999

const WORDS: Readonly<Record<number, string>> = {
  1001: 'it goes away',
  1002: 'a protocol error',
  1003: 'a message that is not binary',
  [NO_CODE]: 'no code given',
  1007: 'text that is not UTF-8',
  1008: 'its policy forbids it',
  1009: 'a message that is too big',
  1011: 'an internal error',
  1012: 'it restarts',
  1013: 'try again later',
}

/** A code that a session asks for, as one that may be sent: 0 of callers without a session is a normal end. */
export function sendableCode(closeCode: number): number {
  const isSession = [1002, 1003, 1009].includes(closeCode)
  return isSession || (closeCode >= FIRST_OF_SESSION && closeCode <= LAST) ? closeCode : NORMAL
}

/**
 * The same for a browser: its `close` throws for every code but 1000 and 3000 … 4999, so that pages cannot speak for the
 * protocol. What would be 1002, 1003 or 1009 is said as 4000 + the code of the error.
 */
export function browserCode(closeCode: number): number {
  const code = sendableCode(closeCode)
  if (code === NORMAL || code >= FIRST_OF_SESSION) return code
  const error = code === 1009 ? ERRORS.FRAME_SIZE : ERRORS.PROTOCOL_ERROR
  return FIRST_OF_SESSION + error.wireCode
}

/** What the owner of a connection is told when its WebSocket was closed with `code`. */
export function endOf(url: string, code: number, reason: string, isEndedHere: boolean): ConnectionEnd {
  // Whoever ended it knows why. A GOAWAY came before a code of a session, and has said more than the code does.
  if (isEndedHere && code !== NO_CLOSE_FRAME) return undefined
  if (code === NORMAL || (code >= FIRST_OF_SESSION && code <= LAST)) return undefined
  if (code === NO_CLOSE_FRAME) {
    return new TransportError('UNAVAILABLE', `${url}: the connection was lost (WebSocket close code 1006)`, {
      hint: 'the other side went away, or the network between: connect again',
      retryable: true,
    })
  }
  const words = WORDS[code]
  const said = reason === '' ? '' : `: ${printable(reason)}`
  const message = `${url}: the other side closed the WebSocket with ${code}${words === undefined ? '' : `, ${words}`}${said}`
  return new TransportError('UNAVAILABLE', message, {
    hint: 'something other than a session closed it: look at the other side, and at proxies on the way',
    retryable: true,
  })
}

/** Text of the other side in one line, without what would disturb a terminal or a log. */
export function printable(text: string): string {
  return text
    .replace(/[^\x20-\x7e\u00a0-\ud7ff\uf900-\ufffd]+/g, ' ')
    .replace(/[\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+/g, ' ')
    .trim()
}
