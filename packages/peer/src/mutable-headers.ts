// Owns: headers that a program may still change before they leave or before a handler sees them.
// Must not know: when that is.
import { Headers, type HeadersInit, type HeaderValue } from '@peerplex/wire'

/** A copy of headers with the reading methods of `Headers`. Values that nobody touches keep their bytes. */
export class MutableHeaders {
  #headers: Headers

  /** Throws UsageError, LimitError for what cannot be a header. */
  constructor(init?: HeadersInit) {
    this.#headers = Headers.from(init)
  }

  get size(): number {
    return this.#headers.size
  }

  has(key: string): boolean {
    return this.#headers.has(key)
  }

  /** The first value of `key` as text; undefined when absent. */
  get(key: string): string | undefined {
    return this.#headers.get(key)
  }

  /** All values of `key` as text, in order. */
  getAll(key: string): string[] {
    return this.#headers.getAll(key)
  }

  /** The first value of `key` as bytes: a shared view, not to be changed. */
  getBytes(key: string): Uint8Array | undefined {
    return this.#headers.getBytes(key)
  }

  [Symbol.iterator](): IterableIterator<[string, string | Uint8Array]> {
    return this.#headers[Symbol.iterator]()
  }

  /** Puts one value in the place of all there are. Throws UsageError, LimitError for what cannot be a header. */
  set(key: string, value: HeaderValue): this {
    this.#headers = Headers.from([...this.#others(key), [key, value]])
    return this
  }

  /** Adds a value behind all others. Throws like `set`. */
  append(key: string, value: HeaderValue): this {
    this.#headers = Headers.from([...this.#headers.rawEntries(), [key, value]])
    return this
  }

  delete(key: string): this {
    if (this.#headers.has(key)) this.#headers = Headers.from(this.#others(key))
    return this
  }

  /** What there is now, read-only. Unchanged headers are the very ones that were copied. */
  toHeaders(): Headers {
    return this.#headers
  }

  #others(key: string): (readonly [string, Uint8Array])[] {
    return this.#headers.rawEntries().filter((entry) => entry[0] !== key)
  }
}
