// Owns: what is inside of WebSocket frames, for somebody who stands in between and sees bytes in any pieces (RFC 6455, §5.2).
// Must not know: what the payload means.

const END_OF_HEAD = '\r\n\r\n'
const OPCODE_BITS = 0x0f
const FIRST_CONTROL_OPCODE = 8

/** One direction of a connection, from its first byte on: the head of HTTP, then frames. */
export class WebFrames {
  /** How much of the end of the head was seen. */
  #headSeen = 0
  /** @type {number[]} */
  #header = []
  #isControl = false
  #leftBytes = 0
  /** @type {number[]} */
  #mask = []
  #maskAt = 0

  /**
   * `onPayload` gets the payload of data frames in pieces, unmasked; `onFrame` the place in the piece where a frame begins.
   * @param {Uint8Array} piece is borrowed
   * @param {(payload: Uint8Array) => void} onPayload
   * @param {(start: number) => void} onFrame
   */
  feed(piece, onPayload, onFrame) {
    for (let at = this.#skipHead(piece); at < piece.length; ) {
      if (this.#leftBytes > 0) {
        const count = Math.min(this.#leftBytes, piece.length - at)
        if (!this.#isControl) onPayload(this.#unmask(piece.subarray(at, at + count)))
        this.#leftBytes -= count
        at += count
        continue
      }
      if (this.#header.length === 0) onFrame(at)
      this.#header.push(/** @type {number} */ (piece[at++]))
      if (this.#header.length === headerBytes(this.#header)) this.#begin(this.#header)
    }
  }

  /** @param {Uint8Array} piece */
  #skipHead(piece) {
    let at = 0
    while (at < piece.length && this.#headSeen < END_OF_HEAD.length) {
      const byte = piece[at++]
      if (byte === END_OF_HEAD.charCodeAt(this.#headSeen)) this.#headSeen++
      else this.#headSeen = byte === END_OF_HEAD.charCodeAt(0) ? 1 : 0
    }
    return at
  }

  /** @param {readonly number[]} header that is complete */
  #begin(header) {
    const [first = 0, second = 0] = header
    const lengthBytes = lengthBytesOf(second)
    const view = new DataView(Uint8Array.from(header).buffer)
    if (lengthBytes === 0) this.#leftBytes = second & 0x7f
    else this.#leftBytes = lengthBytes === 2 ? view.getUint16(2) : Number(view.getBigUint64(2))
    this.#mask = header.slice(2 + lengthBytes)
    this.#maskAt = 0
    this.#isControl = (first & OPCODE_BITS) >= FIRST_CONTROL_OPCODE
    this.#header = []
  }

  /** @param {Uint8Array} bytes */
  #unmask(bytes) {
    if (this.#mask.length === 0) return bytes
    return bytes.map((byte) => byte ^ /** @type {number} */ (this.#mask[this.#maskAt++ & 3]))
  }
}

/** How long a header is, as far as what is there says. @param {readonly number[]} header */
function headerBytes([, second]) {
  if (second === undefined) return 2
  return 2 + lengthBytesOf(second) + ((second & 0x80) === 0 ? 0 : 4)
}

/** @param {number} second */
function lengthBytesOf(second) {
  const length = second & 0x7f
  if (length < 126) return 0
  return length === 126 ? 2 : 8
}
