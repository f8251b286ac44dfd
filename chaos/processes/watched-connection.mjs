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

/** One connection. The caller is who dialed it, unless it is `isReversed`. */
export class WatchedConnection {
  /** The next header in that direction that lies whole in a piece is to be spoilt. @type {'up' | 'down' | ''} */
  spoiling = ''
  isSpoilt = false
  #underWay = new CallsUnderWay()
  #isWeb
  #isReversed
  #arriving
  #passing

  /** @param {boolean} isWeb @param {boolean} isReversed */
  constructor(isWeb, isReversed) {
    this.#isWeb = isWeb
    this.#isReversed = isReversed
    this.#arriving = new Headers(isWeb)
    this.#passing = { up: new Headers(isWeb), down: new Headers(isWeb) }
  }

  /** Calls that the caller has handed over and has no answer to; what comes from here on does not count. */
  take() {
    return this.#underWay.take()
  }

  /** Came from who dialed: what it has sent it has sent, even if it is held here for ever. @param {Uint8Array} piece */
  arrived(piece) {
    if (!this.#isReversed)
      this.#arriving.feed(piece, (type, flags, channel) => this.#underWay.sent(type, flags, channel))
  }

  /** Goes on now; this is where it may be spoilt. @param {'up' | 'down'} direction @param {Uint8Array} piece */
  passed(direction, piece) {
    const isToCaller = (direction === 'down') !== this.#isReversed
    this.#passing[direction].feed(
      piece,
      (type, flags, channel) => {
        if (isToCaller && !this.isSpoilt) this.#underWay.received(type, flags, channel)
        else if (this.#isReversed && !isToCaller) this.#underWay.sent(type, flags, channel)
      },
      (start) => {
        if (this.spoiling !== direction || start + HEADER_BYTES > piece.length) return
        this.spoiling = ''
        this.isSpoilt = true
        if (this.#isWeb) piece[start] = /** @type {number} */ (piece[start]) | WEB_RESERVED_BITS
        else spoilHeader(piece, start, start)
      },
    )
  }
}
