/**
 * Owns: seeded damage: mutators for the bytes of one frame and for a sequence of frames.
 * Must not know: what the damage leads to, `@peerplex/wire`. Mutators never change their input.
 */
import { concat, readI32, readU16, readU32, u8, u16, u32 } from './bytes.js'
import { HEADER_BYTES } from './naive-frames.js'
import type { Random } from './random.js'

/** Damages the bytes of one frame; `other` is a second frame for mutators that mix two. */
export type FrameMutator = (frame: Uint8Array, rng: Random, other: Uint8Array) => Uint8Array

/** Sizes, counts and limits around which bugs live. */
export const INTERESTING_NUMBERS: readonly number[] = [
  0,
  1,
  2,
  3,
  4,
  7,
  8,
  9,
  11,
  12,
  13,
  55,
  56,
  57,
  63,
  64,
  65,
  127,
  128,
  255,
  256,
  4095,
  4096,
  16383,
  16384,
  16385,
  32767,
  32768,
  65535,
  65536,
  65537,
  2 ** 24 - 1,
  2 ** 24,
  2 ** 29 - 1,
  2 ** 29,
  2 ** 30 - 2,
  2 ** 30 - 1,
  2 ** 30,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
]

const INTERESTING_TYPES: readonly number[] = [
  0,
  ...upTo(1, 12),
  0x10,
  0x11,
  0x3f,
  0x40,
  0x7f,
  0x80,
  0xbf,
  0xc0,
  0xff,
]

/** Flips one bit. */
export function flipBit(frame: Uint8Array, rng: Random): Uint8Array {
  if (frame.length === 0) return frame
  const out = frame.slice()
  const at = rng.int(0, out.length - 1)
  out[at] = (out[at] as number) ^ (1 << rng.int(0, 7))
  return out
}

/** Sets one byte to something; 00 and ff are favoured. */
export function setByte(frame: Uint8Array, rng: Random): Uint8Array {
  if (frame.length === 0) return frame
  const out = frame.slice()
  out[rng.int(0, out.length - 1)] = rng.bool(0.4) ? rng.pick([0x00, 0xff]) : rng.int(0, 255)
  return out
}

/** Changes the size field, the body stays. */
export function mutateSize(frame: Uint8Array, rng: Random): Uint8Array {
  return patched(frame, 0, (old) => u32(nearOrFar(old(readU32), rng)))
}

/** Changes the type. */
export function mutateType(frame: Uint8Array, rng: Random): Uint8Array {
  return patched(frame, 4, () => u8(rng.bool(0.8) ? rng.pick(INTERESTING_TYPES) : rng.int(0, 255)))
}

/** Flips one or more flag bits. */
export function mutateFlags(frame: Uint8Array, rng: Random): Uint8Array {
  return patched(frame, 5, () =>
    u8((frame[5] as number) ^ (rng.bool(0.7) ? 1 << rng.int(0, 7) : rng.int(1, 255))),
  )
}

/** Changes the meta field, the body stays. */
export function mutateMeta(frame: Uint8Array, rng: Random): Uint8Array {
  return patched(frame, 6, (old) => u16(nearOrFar(old(readU16), rng)))
}

/** Changes the channel id: negated, neighbour, 0, or the ends of the range. */
export function mutateChannel(frame: Uint8Array, rng: Random): Uint8Array {
  return patched(frame, 8, (old) => {
    const chan = old(readI32)
    const extremes = [0, 2 ** 30 - 1, 2 ** 30, -(2 ** 30) + 1, -(2 ** 30), 2 ** 31 - 1, -(2 ** 31)]
    return u32(rng.pick([-chan, chan + 1, chan - 1, rng.int(-20, 20), rng.pick(extremes)]))
  })
}

/** Overwrites a field of 1, 2 or 4 bytes in the body with an interesting number. */
export function mutateBodyNumber(frame: Uint8Array, rng: Random): Uint8Array {
  const write = rng.pick([u8, u16, u32])
  const value = write(rng.pick(INTERESTING_NUMBERS))
  if (frame.length < HEADER_BYTES + value.length) return frame.slice()
  const out = frame.slice()
  out.set(value, rng.int(HEADER_BYTES, frame.length - value.length))
  return out
}

/** Cuts the end off; half of the time the size field follows, so that only the body is short. */
export function truncate(frame: Uint8Array, rng: Random): Uint8Array {
  if (frame.length === 0) return frame
  const out = frame.slice(0, rng.int(0, frame.length - 1))
  return rng.bool() ? withRightSize(out) : out
}

/** Repeats a part of the body in place; half of the time the size field follows. */
export function duplicatePart(frame: Uint8Array, rng: Random): Uint8Array {
  if (frame.length <= HEADER_BYTES) return concat([frame, frame])
  const from = rng.int(HEADER_BYTES, frame.length - 1)
  const to = rng.int(from + 1, frame.length)
  const out = concat([frame.slice(0, to), frame.slice(from, to), frame.slice(to)])
  return rng.bool() ? withRightSize(out) : out
}

/** The start of one frame and the end of another; half of the time the size field follows. */
export function splice(frame: Uint8Array, rng: Random, other: Uint8Array): Uint8Array {
  const out = concat([frame.slice(0, rng.int(0, frame.length)), other.slice(rng.int(0, other.length))])
  return rng.bool() ? withRightSize(out) : out
}

/** Appends up to 40 random bytes; half of the time the size field follows. */
export function extend(frame: Uint8Array, rng: Random): Uint8Array {
  const out = concat([frame, rng.bytes(rng.int(1, 40))])
  return rng.bool() ? withRightSize(out) : out
}

/** All mutators of one frame. */
export const FRAME_MUTATORS: readonly FrameMutator[] = [
  flipBit,
  setByte,
  mutateSize,
  mutateType,
  mutateFlags,
  mutateMeta,
  mutateChannel,
  mutateBodyNumber,
  truncate,
  duplicatePart,
  splice,
  extend,
]

/** Damages a frame in one to three ways. `other` defaults to the frame itself. */
export function mutateFrame(frame: Uint8Array, rng: Random, other: Uint8Array = frame): Uint8Array {
  let out = frame
  for (let left = rng.pick([1, 1, 1, 2, 3]); left > 0; left--) out = rng.pick(FRAME_MUTATORS)(out, rng, other)
  return out
}

/** A copy whose size field counts the bytes that are there. */
export function withRightSize(frame: Uint8Array): Uint8Array {
  return patched(frame, 0, () => u32(frame.length - HEADER_BYTES))
}

/** Leaves one frame out. */
export function dropFrame(frames: readonly Uint8Array[], rng: Random): Uint8Array[] {
  if (frames.length === 0) return []
  const at = rng.int(0, frames.length - 1)
  return frames.filter((_, index) => index !== at)
}

/** Exchanges two frames, neighbours or any. */
export function swapFrames(frames: readonly Uint8Array[], rng: Random): Uint8Array[] {
  const out = [...frames]
  if (out.length < 2) return out
  const a = rng.int(0, out.length - 2)
  const b = rng.bool() ? a + 1 : rng.int(0, out.length - 1)
  const held = out[a] as Uint8Array
  out[a] = out[b] as Uint8Array
  out[b] = held
  return out
}

/** Sends one frame again, at once or later. */
export function repeatFrame(frames: readonly Uint8Array[], rng: Random): Uint8Array[] {
  const out = [...frames]
  if (out.length === 0) return out
  const from = rng.int(0, out.length - 1)
  out.splice(rng.int(from + 1, out.length), 0, out[from] as Uint8Array)
  return out
}

/** Puts a foreign frame in anywhere. */
export function insertFrame(frames: readonly Uint8Array[], rng: Random, foreign: Uint8Array): Uint8Array[] {
  const out = [...frames]
  out.splice(rng.int(0, out.length), 0, foreign)
  return out
}

/** Damages one frame of a sequence. */
export function damageFrame(frames: readonly Uint8Array[], rng: Random): Uint8Array[] {
  const out = [...frames]
  if (out.length === 0) return out
  const at = rng.int(0, out.length - 1)
  out[at] = mutateFrame(out[at] as Uint8Array, rng, rng.pick(frames))
  return out
}

/** One to three of: drop, swap, repeat, insert (one of `foreign`, by default of the frames), damage. */
export function mutateSequence(
  frames: readonly Uint8Array[],
  rng: Random,
  foreign: readonly Uint8Array[] = frames,
): Uint8Array[] {
  let out = [...frames]
  for (let left = rng.pick([1, 1, 2, 3]); left > 0; left--) {
    switch (rng.int(0, 4)) {
      case 0:
        out = dropFrame(out, rng)
        break
      case 1:
        out = swapFrames(out, rng)
        break
      case 2:
        out = repeatFrame(out, rng)
        break
      case 3:
        if (foreign.length > 0) out = insertFrame(out, rng, rng.pick(foreign))
        break
      default:
        out = damageFrame(out, rng)
    }
  }
  return out
}

type Read = (bytes: Uint8Array, at: number) => number

/** A copy with new bytes at an offset of the header; a frame without a whole header is only copied. */
function patched(
  frame: Uint8Array,
  at: number,
  make: (old: (read: Read) => number) => Uint8Array,
): Uint8Array {
  const out = frame.slice()
  if (frame.length >= HEADER_BYTES)
    out.set(
      make((read) => read(frame, at)),
      at,
    )
  return out
}

function nearOrFar(value: number, rng: Random): number {
  return rng.bool() ? value + rng.pick([-8, -4, -2, -1, 1, 2, 4, 8]) : rng.pick(INTERESTING_NUMBERS)
}

function upTo(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}
