// Owns: headers that a handler collects for its reply.
// Must not know: when they leave.
import { Headers, type HeaderValue } from '@peerplex/wire'

/** Mutable headers. What cannot be a header is refused when the reply leaves, and fails it. */
export class ReplyHeaders {
  readonly #pairs: [string, HeaderValue][] = []

  /** Puts one value in the place of all there are. */
  set(key: string, value: HeaderValue): this {
    this.delete(key)
    return this.append(key, value)
  }

  /** Adds a value behind all others. */
  append(key: string, value: HeaderValue): this {
    this.#pairs.push([key, value])
    return this
  }

  delete(key: string): this {
    for (let at = this.#pairs.length - 1; at >= 0; at--) {
      if (this.#pairs[at]?.[0] === key) this.#pairs.splice(at, 1)
    }
    return this
  }

  get isEmpty(): boolean {
    return this.#pairs.length === 0
  }

  /** As they will travel. Throws UsageError for a key or value that is not legal. */
  toHeaders(): Headers {
    return Headers.from(this.#pairs)
  }
}
