// Owns: what a codec is to the rest of the library. The codecs themselves live in @peerplex/codec.
// Must not know: any particular encoding.
import type { ByteRange } from './byte-range.js'

/** Takes functions and streams out of a value while it is encoded: each becomes a reference (spec §14). */
export interface RefExporter {
  /** The position 0 … n-1 of `target` among the references of this message. */
  exportRef(target: object): number
}

/** Puts references back while a payload is decoded. */
export interface RefImporter {
  /** What stands for the reference at `position`; undefined when the message announced none there. */
  importRef(position: number): unknown
}

/**
 * Turns values into payload bytes and back. Stateless: any number of sessions may share one. Both directions throw
 * PeerplexError INVALID_ARGUMENT for what they cannot do, with the place and the reason, and never anything else.
 */
export interface Codec {
  /** Number in OPEN: 0 … 5 standard, 64 … 127 private. */
  readonly id: number
  /** Name in HELLO `codecs`. */
  readonly name: string
  /** Bytes for `value`, which nobody changes any more; what stands around them in their buffer belongs to others. Without `refs` a function in the value is an error that says so. */
  encode(value: unknown, refs?: RefExporter): Uint8Array
  /**
   * As `encode`; where it is there, `out` is set to the bytes at the very end of the call, and no view need be made of each message. With
   * `out.isBorrowed` set they may be the memory of the value itself: they are copied before anything else runs.
   */
  encodeRange?(value: unknown, out: ByteRange): void
  /** The value of `payload` (borrowed: what is returned shares no memory with it). Bounded before anything is built. */
  decode(payload: Uint8Array, refs?: RefImporter): unknown
  /** As `decode` for `bytes[start, end)`; where it is there, no view need be made for each payload. */
  decodeRange?(bytes: Uint8Array, start: number, end: number, refs?: RefImporter): unknown
}
