// Owns: arithmetic on numbers that wrap: cumulative counters modulo 2^32 (spec §10) and channel ids modulo 2^30-1 (spec §7).
// Must not know: what is counted.
import { ID_HALF_RANGE, MAX_CHANNEL_ID } from './constants.js'

// Counters are kept as signed 32-bit integers: V8 stores those without a heap number, the wire reads them as u32.

/** How much of a cumulative limit is left; negative when it is overrun. */
export function remaining(limit: number, used: number): number {
  return (limit - used) | 0
}

/** The later one of two cumulative limits. */
export function later(a: number, b: number): number {
  return ((a - b) | 0) >= 0 ? a : b
}

/** The id after `id`: ids run 1 … 2^30-1 and start over. */
export function nextId(id: number): number {
  return id === MAX_CHANNEL_ID ? 1 : id + 1
}

/** How far `id` lies ahead of `from`, 0 … 2^30-2. */
export function idDistance(from: number, id: number): number {
  const distance = (id - from) % MAX_CHANNEL_ID
  return distance < 0 ? distance + MAX_CHANNEL_ID : distance
}

/** Whether an OPEN with `id` is acceptable when `last` was the last one seen (0: none yet). */
export function isNewId(last: number, id: number): boolean {
  const ahead = idDistance(last, id)
  return ahead >= 1 && ahead < ID_HALF_RANGE
}

/** Whether `id`, which is not in the table, was open once; otherwise it was never opened. */
export function isPastId(last: number, id: number, hasWrapped: boolean): boolean {
  return idDistance(id, last) < ID_HALF_RANGE && (id <= last || hasWrapped)
}
