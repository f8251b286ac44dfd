// Owns: a part of some bytes as one object that is used again and again, so that no view is made of each message.
// Must not know: what the bytes are.
import { NO_BYTES } from './utf8.js'

/** `bytes[start, end)`. Lent for one call: who keeps it keeps what `keptBytes` gives. */
export interface ByteRange {
  bytes: Uint8Array
  /** All of the buffer that `bytes` is all of, where its owner has one: copying a little is faster with it. */
  view: DataView | null
  start: number
  end: number
  /** Whether it is the program's own memory, which may change once the call is over: who keeps the bytes copies them. */
  isBorrowed: boolean
}

/** An empty range to be set. */
export function byteRange(): ByteRange {
  return { bytes: NO_BYTES, view: null, start: 0, end: 0, isBorrowed: false }
}

/** Makes it all of `bytes`. */
export function setWhole(range: ByteRange, bytes: Uint8Array): ByteRange {
  range.bytes = bytes
  range.view = null
  range.start = 0
  range.end = bytes.length
  range.isBorrowed = false
  return range
}

/** Its bytes as an array of their own length, which shares their memory. */
export function viewOf({ bytes, start, end }: ByteRange): Uint8Array {
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end)
}

/** As `viewOf`, but what is borrowed is copied. */
export function keptBytes(range: ByteRange): Uint8Array {
  const view = viewOf(range)
  if (!range.isBorrowed) return view
  // Not `slice`: that of a Buffer is a view.
  const copy = new Uint8Array(view.length)
  copy.set(view)
  return copy
}
