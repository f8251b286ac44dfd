// Owns: the codec `raw` (id 0): bytes as they are.
// Must not know: what the bytes mean.
import type { Codec } from '@peerplex/wire'
import { unsendable } from './errors.js'
import { bytesOf, describe, isBytes } from './values.js'

/** Bytes in, a Uint8Array out; both directions copy. `undefined`, a handler that returns nothing, is no bytes. */
export function createRawCodec(): Codec {
  return RAW
}

const RAW: Codec = Object.freeze({
  id: 0,
  name: 'raw',
  encode(value: unknown): Uint8Array {
    if (value === undefined) return new Uint8Array(0)
    if (isBytes(value)) return copy(bytesOf(value))
    throw unsendable(
      'raw',
      [],
      `is ${describe(value)}`,
      'give a Uint8Array, an ArrayBuffer or a view of one, or name another codec',
    )
  },
  decode(payload: Uint8Array): unknown {
    return copy(payload)
  },
  decodeRange(bytes: Uint8Array, start: number, end: number): unknown {
    // Of a plain Uint8Array, which is what a session hands over, `slice` is the fastest copy there is.
    return Uint8Array.prototype.slice.call(bytes, start, end)
  },
})

/** Not `slice`: that of a Buffer is a view, and that of a subclass makes the subclass. */
function copy(bytes: Uint8Array): Uint8Array {
  const copied = new Uint8Array(bytes.length)
  copied.set(bytes)
  return copied
}
