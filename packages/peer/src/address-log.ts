// Owns: the lines that strangers cause in the log: so many a second and address, so that a flood of connections is none of lines.
// Must not know: what the lines say.
import { sourceOf } from './address.js'
import type { Clock } from './clock.js'
import type { Logger } from './options.js'
import { RateLimiter } from './rate-limiter.js'

export class AddressLog {
  readonly #logger: Logger
  readonly #limiter: RateLimiter
  /** Lines that were left out. */
  droppedCount = 0
  /** Of those, the ones since a line got through. */
  #sinceCount = 0

  constructor(logger: Logger, linesPerSecond: number, clock: Clock) {
    this.#logger = logger
    this.#limiter = new RateLimiter(linesPerSecond, linesPerSecond, clock)
  }

  /** Writes a line about a connection, unless its address has had its share; the next line says how many were left out. */
  write(
    level: 'info' | 'warn',
    message: string,
    fields: { readonly url: string; readonly [name: string]: unknown },
  ): void {
    const { url } = fields
    if (!this.#limiter.take(sourceOf(url) || url)) {
      this.droppedCount++
      this.#sinceCount++
      return
    }
    const leftOut = this.#sinceCount
    this.#sinceCount = 0
    this.#logger[level](message, leftOut === 0 ? fields : { ...fields, linesLeftOut: leftOut })
  }
}
