/**
 * Owns: repeatable randomness for tests: the same seed gives the same run on every machine.
 * Must not know: what is made random with it.
 */

/** Marsaglia's xorshift with 128 bits of state. Not for anything that an adversary must not guess. */
export class Random {
  /** What it was made from; belongs into every failure message. */
  readonly seed: number
  #x: number
  #y: number
  #z: number
  #w: number

  constructor(seed: number) {
    this.seed = seed
    this.#x = (seed ^ 0x9e3779b9) >>> 0
    this.#y = 362436069
    this.#z = 521288629
    this.#w = 88675123
    for (let i = 0; i < 16; i++) this.next()
  }

  /** A whole number 0 … 2^32-1. */
  next(): number {
    const t = this.#x ^ (this.#x << 11)
    this.#x = this.#y
    this.#y = this.#z
    this.#z = this.#w
    this.#w = (this.#w ^ (this.#w >>> 19) ^ t ^ (t >>> 8)) >>> 0
    return this.#w
  }

  /** A whole number min … max, both included. */
  int(min: number, max: number): number {
    if (!(max >= min)) throw new Error(`no number between ${min} and ${max}`)
    return min + Math.floor((this.next() / 2 ** 32) * (max - min + 1))
  }

  /** True with the given probability. */
  bool(probability = 0.5): boolean {
    return this.next() / 2 ** 32 < probability
  }

  /** One of the items, which must not be empty. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new Error('nothing to pick from')
    return items[this.int(0, items.length - 1)] as T
  }

  /** So many random bytes. */
  bytes(count: number): Uint8Array {
    const out = new Uint8Array(count)
    for (let i = 0; i < count; i++) out[i] = this.next() >>> 24
    return out
  }

  /** A shuffled copy. */
  shuffle<T>(items: readonly T[]): T[] {
    const out = [...items]
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.int(0, i)
      const held = out[i] as T
      out[i] = out[j] as T
      out[j] = held
    }
    return out
  }
}

/** Cuts bytes into pieces of 1 … maxChunkBytes; joined they are the same bytes. Small pieces are favoured. */
export function randomChunks(bytes: Uint8Array, rng: Random, maxChunkBytes = 4096): Uint8Array[] {
  const chunks: Uint8Array[] = []
  let at = 0
  while (at < bytes.length) {
    const limit = rng.bool(0.5) ? Math.min(16, maxChunkBytes) : maxChunkBytes
    const length = rng.int(1, Math.min(limit, bytes.length - at))
    chunks.push(bytes.slice(at, at + length))
    at += length
  }
  return chunks
}
