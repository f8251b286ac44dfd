// Owns: one call that gets a stream of answers, which its reader pulls, so that a slow reader slows the producer.
// Must not know: what a program sees of it (reply-stream.ts); handlers; how connections are chosen.

import { type PullEnd, type PulledItem, Puller } from '@peerplex/peer/internal'
import { type Channel, Headers } from '@peerplex/wire'
import { CODE_INVALID_ARGUMENT } from '@peerplex/wire/internal'
import { undecodable } from './call-errors.js'
import type { CallHost } from './call-host.js'
import type { CallOptions } from './call-options.js'
import { OutgoingCall } from './outgoing-call.js'

/** Headers that somebody may wait for. */
class LateHeaders {
  #value: Headers | null = null
  #promise: Promise<Headers> | null = null
  #resolve: (headers: Headers) => void = () => {}

  /** The first value counts. */
  set(headers: Headers): void {
    if (this.#value !== null) return
    this.#value = headers
    this.#resolve(headers)
  }

  get promise(): Promise<Headers> {
    this.#promise ??= new Promise((resolve) => {
      this.#resolve = resolve
      if (this.#value !== null) resolve(this.#value)
    })
    return this.#promise
  }
}

export class StreamCall extends OutgoingCall {
  readonly #puller = new Puller(() => this.#take())
  readonly #headers = new LateHeaders()
  readonly #trailers = new LateHeaders()

  /** Throws UsageError, LimitError for what can never be sent. */
  constructor(host: CallHost, name: string, input: unknown, options: CallOptions) {
    super(host, name, input, options, false)
    this.start()
  }

  // ---- for the reader -----------------------------------------------------------------------------------------------

  /** Those of the first answer, or that came before it; empty when the call ends without. Never rejects. */
  get headers(): Promise<Headers> {
    return this.#headers.promise
  }

  /** Empty when there are none, or the call did not end well. Never rejects. */
  get trailers(): Promise<Headers> {
    return this.#trailers.promise
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    return this.#puller.next()
  }

  /** The reader wants no more: the other side is told to stop (spec §20). */
  leave(): void {
    if (!this.end()) return
    this.#finish('done')
    this.stopInput()
    const channel = this.state === 'assigned' ? this.channel : null
    // What has not left yet need not leave at all.
    if (channel === null || channel.id === 0) this.host.channels.cancel(this)
    else {
      channel.stop()
      channel.end()
    }
  }

  // ---- from the peer ------------------------------------------------------------------------------------------------

  override onAssigned(): void {
    this.channel?.pause()
    super.onAssigned()
  }

  /** Messages wait in the channel, which is paused. */
  onMessage(): void {}

  onReadable(channel: Channel): void {
    const headers = channel.nextHeaders
    if (headers !== null) this.onHeaders(headers)
    this.#puller.serve()
  }

  override onHeaders(headers: Headers): void {
    this.#headers.set(headers)
    super.onHeaders(headers)
  }

  onEnd(trailers: Headers): void {
    this.#trailers.set(trailers)
    this.tellTrailers(trailers)
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  protected completed(): void {
    this.#finish('done')
  }

  protected failed(error: unknown): void {
    this.#finish({ error })
  }

  #take(): PulledItem | null {
    const message = this.channel?.read() ?? null
    if (message === null) return null
    this.onHeaders(message.headers)
    try {
      return { value: this.codec?.decode(message.payload) }
    } catch (cause) {
      const error = undecodable(cause, this)
      // The reader gets it here, and then only the end.
      if (this.end()) this.#finish('done')
      this.giveUp(error, CODE_INVALID_ARGUMENT)
      throw error
    }
  }

  #finish(end: PullEnd): void {
    this.#headers.set(Headers.EMPTY)
    this.#trailers.set(Headers.EMPTY)
    this.#puller.finish(end)
  }
}
