// Owns: the limits of the codecs: unit, range, default, what happens at them, and why this default.
// Must not know: how a limit is enforced. `resolveCodecLimits` is the only place that fills in a default.
import { resolveLimits } from '@peerplex/wire/internal'

/**
 * What one message may hold, in both directions: a value that the other side would refuse fails where it is made. Beyond
 * either limit: LimitError with code INVALID_ARGUMENT, before anything of that size is built.
 */
export interface CodecLimits {
  /**
   * Arrays and objects inside each other, the outermost counted. 1 … 1000, default 64: data that people model is rarely
   * deeper than ten, and every recursive program the value meets later (JSON.stringify among them) copes with 64.
   */
  readonly maxDepth: number
  /**
   * Values in one message: the outermost, every item of an array, every property of an object; keys are free.
   * 1 … 2^31-1, default 100 000. Cost: a message of empty objects takes about 60 bytes of memory per byte received, which
   * this bounds (docs/codecs.md has the worst case measured). More items than this are a stream, or numbers in a typed array.
   */
  readonly maxElementCount: number
}

export const DEFAULT_CODEC_LIMITS: CodecLimits = Object.freeze({ maxDepth: 64, maxElementCount: 100_000 })

/** Lowest and highest value of each limit. */
export const CODEC_LIMIT_RANGES: Readonly<Record<keyof CodecLimits, readonly [min: number, max: number]>> =
  Object.freeze({
    // Readers and writers recurse; a thousand levels are far from the end of any stack.
    maxDepth: [1, 1_000],
    maxElementCount: [1, 0x7fff_ffff],
  })

/** Fills in defaults and checks every range. Throws UsageError INVALID_ARGUMENT that names the option and its range. */
export function resolveCodecLimits(limits: Partial<CodecLimits> = {}): CodecLimits {
  return resolveLimits('codec limit', limits, DEFAULT_CODEC_LIMITS, CODEC_LIMIT_RANGES)
}
