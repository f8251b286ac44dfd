// Owns: how long to wait before the next attempt to connect (spec §25): the first soon, then full jitter that doubles.
// Must not know: connections.
import type { ReconnectOptions } from './options.js'

/** The first attempt after a loss comes within this, at random, so that many peers do not come back at the same instant. */
const FIRST_MS = 100
/** A connection that lasted this long makes the next loss a first one again. */
export const STABLE_MS = 10_000

export class Backoff {
  readonly #options: Required<ReconnectOptions>
  readonly #random: () => number
  #failures = 0

  constructor(options: Required<ReconnectOptions>, random: () => number) {
    this.#options = options
    this.#random = random
  }

  /** Milliseconds to wait now; each call counts as one more failure. */
  next(): number {
    const { initialMs, maxMs } = this.#options
    const n = this.#failures++
    const jitterMs = initialMs * 2 ** Math.min(n - 1, 30)
    const ceiling = Math.min(n === 0 ? FIRST_MS : jitterMs, maxMs)
    return Math.floor(this.#random() * ceiling)
  }

  reset(): void {
    this.#failures = 0
  }
}
