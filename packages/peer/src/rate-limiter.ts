// Owns: how often something may happen for each of many keys: a bucket of tokens a key, in a table of bounded size.
// Must not know: what happens, and what the keys are.
import type { Clock } from './clock.js'

/** Keys that are remembered; each costs about 150 bytes. Beyond, the one that was asked for longest ago is forgotten: its bucket is full again. */
const MOST_KEYS = 4_096

interface Bucket {
  tokens: number
  atMs: number
}

export class RateLimiter {
  readonly #perMs: number
  readonly #burst: number
  readonly #clock: Clock
  /** In the order in which they were asked for last. */
  readonly #buckets = new Map<string, Bucket>()

  /** `burst` may happen at once, and `perSecond` in the long run. */
  constructor(perSecond: number, burst: number, clock: Clock) {
    this.#perMs = perSecond / 1_000
    this.#burst = burst
    this.#clock = clock
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#buckets.size
  }

  /** Whether it may happen once more for `key`; then it counts as happened. */
  take(key: string): boolean {
    const nowMs = this.#clock.now()
    const known = this.#buckets.get(key)
    const bucket = known ?? { tokens: this.#burst, atMs: nowMs }
    bucket.tokens = Math.min(this.#burst, bucket.tokens + (nowMs - bucket.atMs) * this.#perMs)
    bucket.atMs = nowMs
    if (known !== undefined) this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    this.#forget(nowMs)
    if (bucket.tokens < 1) return false
    bucket.tokens--
    return true
  }

  /** A full bucket says no more than none; two a call are enough for the table to shrink. */
  #forget(nowMs: number): void {
    const fullAfterMs = this.#burst / this.#perMs
    let looks = 2
    for (const [key, { atMs }] of this.#buckets) {
      if (looks-- === 0) return
      if (nowMs - atMs >= fullAfterMs || this.#buckets.size > MOST_KEYS) this.#buckets.delete(key)
      else return
    }
  }
}
