// Owns: encoding into a range and decoding one with any codec, those that only know whole arrays included.
// Must not know: who asks.
import type { ByteRange, Codec } from '@peerplex/wire'
import { setWhole } from '@peerplex/wire/internal'

/** Sets `out` to the bytes of `value`. Throws what the codec throws. */
export function encodeTo(codec: Codec, value: unknown, out: ByteRange): void {
  out.isBorrowed = false
  if (codec.encodeRange !== undefined) codec.encodeRange(value, out)
  else setWhole(out, codec.encode(value))
}

/** The value of `bytes[start, end)` (borrowed). Throws what the codec throws. */
export function decodeRange(codec: Codec, bytes: Uint8Array, start: number, end: number): unknown {
  if (codec.decodeRange !== undefined) return codec.decodeRange(bytes, start, end)
  return codec.decode(bytes.subarray(start, end))
}
