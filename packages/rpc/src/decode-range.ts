// Owns: decoding a part of some bytes with any codec.
// Must not know: who asks.
import type { Codec } from '@peerplex/wire'

/** The value of `bytes[start, end)` (borrowed). Throws what the codec throws. */
export function decodeRange(codec: Codec, bytes: Uint8Array, start: number, end: number): unknown {
  if (codec.decodeRange !== undefined) return codec.decodeRange(bytes, start, end)
  return codec.decode(bytes.subarray(start, end))
}
