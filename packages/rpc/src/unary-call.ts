// Owns: one call that gets one answer: from its opening to the promise that tells how it went.
// Must not know: handlers, how connections are chosen.

import { decodeRange } from '@peerplex/peer/internal'
import type { Codec, Headers } from '@peerplex/wire'
import { CODE_INVALID_ARGUMENT } from '@peerplex/wire/internal'
import { moreThanOne, undecodable } from './call-errors.js'
import type { CallHost } from './call-host.js'
import type { CallOptions } from './call-options.js'
import { OutgoingCall } from './outgoing-call.js'

/** Settles the promise of its caller, and makes none of its own. */
export class UnaryCall extends OutgoingCall {
  readonly #resolve: (value: unknown) => void
  readonly #reject: (error: unknown) => void
  #hasAnswer = false
  #answer: unknown = undefined

  /** Throws UsageError, LimitError for what can never be sent. */
  constructor(
    host: CallHost,
    name: string,
    input: unknown,
    options: CallOptions,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    super(host, name, input, options, false)
    this.#resolve = resolve
    this.#reject = reject
    this.start()
  }

  onMessage(payload: Uint8Array, headers: Headers): void {
    this.onMessageRange(payload, 0, payload.length, headers)
  }

  onMessageRange(bytes: Uint8Array, start: number, end: number, headers: Headers): void {
    if (this.#hasAnswer) {
      this.giveUp(moreThanOne(this))
      return
    }
    this.#hasAnswer = true
    this.tellHeaders(headers)
    try {
      this.#answer = decodeRange(this.codec as Codec, bytes, start, end)
    } catch (error) {
      this.giveUp(undecodable(error, this), CODE_INVALID_ARGUMENT)
    }
  }

  onEnd(trailers: Headers): void {
    this.tellTrailers(trailers)
    // Not only when the channel closes: an answer may come while the input still streams.
    this.complete()
  }

  protected completed(): void {
    this.#resolve(this.#answer)
  }

  protected failed(error: unknown): void {
    this.#reject(error)
  }
}
