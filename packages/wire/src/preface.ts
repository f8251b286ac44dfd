// Owns: recognising the eight bytes that open a byte connection, and saying what else was seen (spec §3).
// Must not know: what follows.
import { PREFACE, PREFACE_BYTES, PREFACE_VERSION_AT } from './constants.js'
import { ProtocolError } from './errors.js'

export class PrefaceReader {
  /** All of them right: what they were need not be kept. */
  #length = 0

  /** How many bytes have been read. */
  get length(): number {
    return this.#length
  }

  get isComplete(): boolean {
    return this.#length === PREFACE_BYTES
  }

  /** Reads up to the end of the preface (borrows). Returns an error at the first wrong byte, else null. */
  push(bytes: Uint8Array): ProtocolError | null {
    for (let at = 0; at < bytes.length && !this.isComplete; at++) {
      if (bytes[at] !== PREFACE[this.#length]) return mismatch(this.#length, bytes.subarray(at))
      this.#length++
    }
    return null
  }
}

/** After `right` bytes of the preface came `rest`. */
function mismatch(right: number, rest: Uint8Array): ProtocolError {
  if (right === PREFACE_VERSION_AT) {
    const version = String.fromCharCode(rest[0] as number)
    return new ProtocolError(
      'VERSION',
      `the other side speaks Peerplex version '${version}', this one speaks 1`,
      {
        hint: 'update the older of the two',
        delivery: 'not-processed',
      },
    )
  }
  const first = [...PREFACE.slice(0, right), ...rest.subarray(0, PREFACE_BYTES - right)]
  const hex = first.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
  return new ProtocolError('PROTOCOL_ERROR', `the other side does not speak Peerplex: it began with ${hex}`, {
    hint: guess(first, right),
  })
}

function guess(bytes: readonly number[], at: number): string {
  if (at > PREFACE_VERSION_AT) return 'something on the way rewrites line ends'
  if (bytes[0] === 0x16 && (bytes[1] ?? 3) === 3) return 'this looks like TLS on a plain port: use tls://'
  const text = String.fromCharCode(...bytes)
  if (/^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|CONNECT|HTTP)\b/.test(text)) {
    return 'this looks like HTTP on a plain port: use ws:// for a peer behind HTTP'
  }
  return 'check the address and port'
}
