// Owns: recognising the eight bytes that open a byte connection, and saying what else was seen (spec §3).
// Must not know: what follows.
import { PREFACE, PREFACE_BYTES, PREFACE_VERSION_AT } from './constants.js'
import { ProtocolError } from './errors.js'

export class PrefaceReader {
  readonly #seen: number[] = []

  /** How many bytes have been read. */
  get length(): number {
    return this.#seen.length
  }

  get isComplete(): boolean {
    return this.#seen.length === PREFACE_BYTES
  }

  /** Reads up to the end of the preface (borrows). Returns an error at the first wrong byte, else null. */
  push(bytes: Uint8Array): ProtocolError | null {
    for (const byte of bytes) {
      if (this.isComplete) return null
      const at = this.#seen.length
      this.#seen.push(byte)
      if (byte !== PREFACE[at]) return this.#mismatch(at, bytes)
    }
    return null
  }

  #mismatch(at: number, bytes: Uint8Array): ProtocolError {
    if (at === PREFACE_VERSION_AT) {
      const version = String.fromCharCode(this.#seen[at] as number)
      return new ProtocolError(
        'VERSION',
        `the other side speaks Peerplex version '${version}', this one speaks 1`,
        {
          hint: 'update the older of the two',
          delivery: 'not-processed',
        },
      )
    }
    const first = [...this.#seen.slice(0, at), ...bytes.subarray(0, PREFACE_BYTES)].slice(0, PREFACE_BYTES)
    const hex = first.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    return new ProtocolError(
      'PROTOCOL_ERROR',
      `the other side does not speak Peerplex: it began with ${hex}`,
      {
        hint: guess(first, at),
      },
    )
  }
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
