// Owns: the codec `raw` (id 0): bytes as they are.
// Must not know: what the bytes mean.
import type { ByteRange, Codec } from '@peerplex/wire'
import { unsendable } from './errors.js'
import { bytesOf, describe, isBytes } from './values.js'

/** Messages up to this length are copied one behind the other into blocks: an array of its own takes twice the time (bench `stream`). */
const SHARED_BYTES = 2_048
const BLOCK_BYTES = 16_384

let block = new Uint8Array(0)
let blockView = new DataView(block.buffer)
let blockAt = 0

/** What was written before belongs to those who wrote it. */
function startBlock(): void {
  block = new Uint8Array(BLOCK_BYTES)
  blockView = new DataView(block.buffer)
  blockAt = 0
}

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
  encodeRange(value: unknown, out: ByteRange): void {
    const bytes = isBytes(value) ? bytesOf(value) : RAW.encode(value)
    if (bytes.length > SHARED_BYTES) {
      out.bytes = bytes
      out.view = null
      out.start = 0
      out.end = bytes.length
      out.isBorrowed = true
      return
    }
    if (block.length - blockAt < bytes.length) startBlock()
    block.set(bytes, blockAt)
    out.bytes = block
    out.view = blockView
    out.start = blockAt
    blockAt += bytes.length
    out.end = blockAt
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
