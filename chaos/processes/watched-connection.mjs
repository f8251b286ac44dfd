// Owns: what somebody sees who stands between a caller and a callee: which calls are under way on a connection; and the spoiling of headers.
// Must not know: where the bytes come from, when a header is to be spoilt.

import { CallsUnderWay, FrameScanner, spoilHeader } from '../simulation/frames.mjs'
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

/** A caller sends this when it gives the connection up, and then reads nothing any more. */
const TYPE_GOAWAY = 0x0a

/** The calls of one connection. */
export class CountedConnection {
  #underWay = new CallsUnderWay()
  #takenCount = 0
  #fromCaller
  #toCaller

  /** @param {boolean} isWeb */
  constructor(isWeb) {
    this.#fromCaller = new Headers(isWeb)
    this.#toCaller = new Headers(isWeb)
  }

  /** Calls that the caller has handed over and has no answer to; what comes from here on does not count. */
  take() {
    this.#takenCount += this.#underWay.take()
    return this.#takenCount
  }

  /** Came from the caller: what it has sent it has sent, even if it is held back for ever. @param {Uint8Array} piece */
  sent(piece) {
    this.#fromCaller.feed(piece, (type, flags, channel) => {
      if (type === TYPE_GOAWAY) this.take()
      else this.#underWay.sent(type, flags, channel)
    })
  }

  /** Goes on to the caller. @param {Uint8Array} piece */
  received(piece) {
    this.#toCaller.feed(piece, (type, flags, channel) => this.#underWay.received(type, flags, channel))
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
