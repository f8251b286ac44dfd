// Owns: what somebody sees who stands between a caller and a callee: which calls are under way on a connection; and the spoiling of headers.
// Must not know: where the bytes come from, when a header is to be spoilt.

import { FrameScanner, spoilHeader } from '../simulation/frames.mjs'
import { WebFrames } from './web-frames.mjs'

/** @typedef {(type: number, flags: number, channel: number) => void} OnHeader */

/** Reserved bits of a WebSocket frame: nobody may set them. */
const WEB_RESERVED_BITS = 0x70
const HEADER_BYTES = 12

/** Headers in one direction, with or without WebSocket around them. */
class Headers {
  #web
  #frames

  /** @param {boolean} isWeb */
  constructor(isWeb) {
    this.#web = isWeb ? new WebFrames() : null
    this.#frames = new FrameScanner(isWeb ? 'message' : 'byte')
  }

  /**
   * `onPlace`: where something begins in the piece that may be spoilt: a frame of WebSocket, or of ours where there is none.
   * @param {Uint8Array} piece @param {OnHeader} onHeader @param {(start: number) => void} [onPlace]
   */
  feed(piece, onHeader, onPlace = () => {}) {
    if (this.#web !== null) {
      this.#web.feed(piece, (payload) => this.#frames.feed(payload, onHeader), onPlace)
      return
    }
    this.#frames.feed(piece, (type, flags, channel, start) => {
      onHeader(type, flags, channel)
      if (start >= 0) onPlace(start)
    })
  }
}

const TYPE = { OPEN: 0x02, DATA: 0x03, END: 0x04, RESET: 0x05, GOAWAY: 0x0a }
const FLAG = { FIN: 0x01, NOPROC: 0x10, ONEWAY: 0x20 }

/** What went on so shortly before a reset the caller may not have read: a system forgets what waits on a connection that is reset. */
const UNREAD_MS = 10
/** After it was frozen a caller needs a moment to read what has come. */
const THAW_MS = 100

/** The calls of one connection: handed over by the caller, and without an answer. */
export class CountedConnection {
  #fromCaller
  #toCaller
  /** @type {Set<number>} */
  #ids = new Set()
  /** Ended by the callee, which had begun them. */
  #resetCount = 0
  /** When the last answers went on, ms. @type {number[]} */
  #answeredMs = []
  #isGivenUp = false
  /** The caller reads nothing meanwhile. */
  #frozen = { fromMs: Number.POSITIVE_INFINITY, untilMs: Number.NEGATIVE_INFINITY }

  /** @param {boolean} isWeb */
  constructor(isWeb) {
    this.#fromCaller = new Headers(isWeb)
    this.#toCaller = new Headers(isWeb)
  }

  /** How many there are when it ends. @param {boolean} isReset @param {number} nowMs */
  count(isReset, nowMs) {
    const unread = isReset ? this.#unread(nowMs).length : 0
    return this.#ids.size + this.#resetCount + unread
  }

  /** Came from the caller: what it has sent it has sent, even if it is held back for ever. @param {Uint8Array} piece */
  sent(piece) {
    this.#fromCaller.feed(piece, (type, flags, channel) => {
      if (this.#isGivenUp) return
      if (type === TYPE.OPEN && (flags & FLAG.ONEWAY) === 0) this.#ids.add(channel)
      else if (type === TYPE.RESET) this.#ids.delete(channel)
      // A caller says this when it gives the connection up; it reads nothing any more.
      else if (type === TYPE.GOAWAY) this.#isGivenUp = true
    })
  }

  /** Goes on to the caller. @param {Uint8Array} piece @param {number} nowMs */
  received(piece, nowMs) {
    this.#toCaller.feed(piece, (type, flags, channel) => {
      const isEnd =
        type === TYPE.END || type === TYPE.RESET || (type === TYPE.DATA && (flags & FLAG.FIN) !== 0)
      if (this.#isGivenUp || !isEnd || !this.#ids.delete(-channel)) return
      if (type === TYPE.RESET && (flags & FLAG.NOPROC) === 0) this.#resetCount++
      else this.#answered(nowMs)
    })
  }

  /** The caller stands still for so long, from now on. @param {number} nowMs @param {number} forMs */
  freeze(nowMs, forMs) {
    this.#frozen = { fromMs: nowMs, untilMs: nowMs + forMs + THAW_MS }
  }

  /** @param {number} nowMs */
  #answered(nowMs) {
    const [oldestMs] = this.#answeredMs
    if (oldestMs !== undefined && nowMs - oldestMs > 2 * UNREAD_MS) this.#answeredMs = this.#unread(nowMs)
    this.#answeredMs.push(nowMs)
  }

  /** Answers that the caller may not have read. @param {number} nowMs */
  #unread(nowMs) {
    const { fromMs, untilMs } = this.#frozen
    const sinceMs = (nowMs < untilMs ? fromMs : nowMs) - UNREAD_MS
    return this.#answeredMs.filter((ms) => ms > sinceMs)
  }
}

/** One connection whose headers can be spoilt in such a way that nobody may overlook it. */
export class SpoilableConnection {
  /** The next header in that direction that lies whole in a piece is to be spoilt. @type {'up' | 'down' | ''} */
  spoiling = ''
  isSpoilt = false
  #isWeb
  #isReversed
  #headers

  /** @param {boolean} isWeb @param {boolean} isReversed whether the callee dialed */
  constructor(isWeb, isReversed) {
    this.#isWeb = isWeb
    this.#isReversed = isReversed
    this.#headers = { up: new Headers(isWeb), down: new Headers(isWeb) }
  }

  /** Goes on now. @param {'up' | 'down'} direction @param {Uint8Array} piece is written to, maybe */
  passed(direction, piece) {
    this.#headers[direction].feed(
      piece,
      () => {},
      (start) => {
        if (this.spoiling !== direction || start + HEADER_BYTES > piece.length) return
        this.spoiling = ''
        this.isSpoilt = true
        if (this.#isWeb) piece[start] = /** @type {number} */ (piece[start]) | WEB_RESERVED_BITS
        // Behind a wrong size nothing can be read, so that nobody behind this counts an answer that is none.
        else spoilHeader(piece, start, this.#isReversed ? 0 : start)
      },
    )
  }
}
