// Owns: where frames begin in a stream of bytes, and which calls are under way on a connection, as somebody sees who stands in between.
// Must not know: sessions; it reads headers (spec §5) and nothing else.

const PREFACE_BYTES = 8
const HEADER_BYTES = 12
const TYPE = { OPEN: 0x02, DATA: 0x03, END: 0x04, RESET: 0x05, GOAWAY: 0x0a }
const FLAG = { FIN: 0x01, NOPROC: 0x10, ONEWAY: 0x20 }

/** Finds the headers in bytes that come in any pieces. */
export class FrameScanner {
  #header = new Uint8Array(HEADER_BYTES)
  #headerLength = 0
  #skip

  /** @param {'byte' | 'message'} kind */
  constructor(kind) {
    this.#skip = kind === 'byte' ? PREFACE_BYTES : 0
  }

  /**
   * `onHeader` gets type, flags and channel of each frame whose header ends in the piece, and where the header began in it (negative: before).
   * @param {Uint8Array} piece
   * @param {(type: number, flags: number, channel: number, start: number) => void} onHeader
   */
  feed(piece, onHeader) {
    for (let at = 0; at < piece.length; ) {
      if (this.#skip > 0) {
        const count = Math.min(this.#skip, piece.length - at)
        this.#skip -= count
        at += count
        continue
      }
      this.#header[this.#headerLength++] = /** @type {number} */ (piece[at++])
      if (this.#headerLength < HEADER_BYTES) continue
      this.#headerLength = 0
      const view = new DataView(this.#header.buffer)
      this.#skip = view.getUint32(0, true)
      onHeader(view.getUint8(4), view.getUint8(5), view.getInt32(8, true), at - HEADER_BYTES)
    }
  }
}

/** The calls that one side opened, handed to its transport and has no answer to. */
export class CallsUnderWay {
  /** @type {Set<number>} */
  #ids = new Set()
  /** Ended by the other side, which had begun them. */
  #resetCount = 0
  #isStopped = false

  /** How many there are, once: nothing that is sent or got from here on counts. */
  take() {
    if (this.#isStopped) return 0
    this.#isStopped = true
    return this.#ids.size + this.#resetCount
  }

  /** The side that calls gave this to its transport. @param {number} type @param {number} flags @param {number} channel */
  sent(type, flags, channel) {
    if (type === TYPE.OPEN && (flags & FLAG.ONEWAY) === 0) this.#ids.add(channel)
    else if (type === TYPE.RESET) this.#ids.delete(channel)
  }

  /** It got this. @param {number} type @param {number} flags @param {number} channel */
  received(type, flags, channel) {
    const isAnswer = type === TYPE.END || (type === TYPE.DATA && (flags & FLAG.FIN) !== 0)
    if (isAnswer) this.#ids.delete(-channel)
    else if (type === TYPE.RESET && this.#ids.delete(-channel) && (flags & FLAG.NOPROC) === 0) {
      this.#resetCount++
    }
  }
}

/** Whether who gets this has to take back what it has not sent. @param {number} type */
export function isFarewell(type) {
  return type === TYPE.GOAWAY
}

/** Spoils a header in a way that no session may overlook. Payloads carry no checksum, so nothing else is spoilt. @param {Uint8Array} piece @param {number} start @param {number} choice */
export function spoilHeader(piece, start, choice) {
  if (choice % 3 === 0) piece[start + 3] = 0xff
  else if (choice % 3 === 1) piece[start + 4] = 0x3f
  else piece[start + 5] = 0xc0
}
