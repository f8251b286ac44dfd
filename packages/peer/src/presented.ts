// Owns: the credentials that one link presents: asking for them, and whether others are to be had after a refusal (spec SEM-013).
// Must not know: when it dials, what the other side makes of them.
import { type PeerplexError, TransportError } from '@peerplex/wire'
import { invalidArgument, reasonOf, showScalar } from '@peerplex/wire/internal'
import type { Credentials } from './options.js'

type Auth = string | Uint8Array | undefined

export class Presented {
  readonly #credentials: Credentials | undefined
  readonly #url: string
  /** The last ones, and those that were refused last; bytes as text, since whoever gave them may change them. */
  #last = ''
  #refused: string | null = null
  #refusal: PeerplexError | null = null
  /** The program has not answered yet. */
  isAsking = false

  constructor(credentials: Credentials | undefined, url: string) {
    this.#credentials = credentials
    this.#url = url
  }

  /** Those for the next attempt. Rejects with TransportError when they cannot be had, UsageError for what is none. */
  async ask(): Promise<Auth> {
    const auth = assertAuth(await this.#get())
    this.#last = `${typeof auth} ${auth}`
    return auth
  }

  async #get(): Promise<Auth> {
    if (typeof this.#credentials !== 'function') return this.#credentials
    this.isAsking = true
    try {
      return await this.#credentials()
    } catch (cause) {
      throw new TransportError('UNAVAILABLE', `${this.#url}: no credentials: ${reasonOf(cause)}`, {
        hint: 'the function `credentials` of this side failed; it is asked again',
        cause,
        retryable: true,
      })
    } finally {
      this.isAsking = false
    }
  }

  /** Why those of `ask` had better not be presented: the same ones were refused. Null when they may be. */
  get refusal(): PeerplexError | null {
    return this.#refused === this.#last ? this.#refusal : null
  }

  /** The other side refused those of `ask`. False: there will be no others. */
  refused(error: PeerplexError): boolean {
    this.#refused = this.#last
    this.#refusal = error
    return typeof this.#credentials === 'function'
  }

  /** They are about to be presented. */
  presented(): void {
    this.#refused = null
  }
}

/** Throws UsageError INVALID_ARGUMENT for what cannot be credentials. */
export function assertAuth(auth: unknown): Auth {
  if (auth === undefined || typeof auth === 'string' || auth instanceof Uint8Array) return auth
  throw invalidArgument(
    `the credentials are ${showScalar(auth)}`,
    'give text, bytes, or a function that returns one of them; for bind, without waiting',
  )
}
