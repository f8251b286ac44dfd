// Owns: a call that gets a stream of answers: its iterator, which pulls, so that a slow reader slows the producer.
// Must not know: handlers, how connections are chosen.
import type { ChannelPeer } from '@peerplex/peer'
import type { OpenRequest, RequestSink } from '@peerplex/peer/internal'
import { type Channel, ERRORS, Headers, type Outcome, type PeerplexError } from '@peerplex/wire'
import { callError, undecodable } from './call-errors.js'
import { type CallOptions, isAsyncIterable, openSpec } from './call-options.js'
import { Pump, type PumpEnd } from './input-pump.js'

interface Waiter<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void
  readonly reject: (error: unknown) => void
}

const DONE: IteratorResult<never, undefined> = Object.freeze({ done: true, value: undefined })

/** The answers of a streaming call. One reader; leaving the loop ends the call on the other side. */
export class ReplyStream<T = unknown> implements AsyncIterableIterator<T, undefined>, RequestSink {
  /** Headers of the first answer, or those that came before it; empty ones when the call ends before. Never rejects. */
  readonly headers: Promise<Headers>
  /** Trailers at the end; empty ones when there are none, or when it ended otherwise. Never rejects. */
  readonly trailers: Promise<Headers>

  readonly #peer: ChannelPeer
  readonly #options: CallOptions
  readonly #input: AsyncIterable<unknown> | null
  #request: OpenRequest | null = null
  #pump: Pump | null = null
  #waiters: Waiter<T>[] = []
  /** How it ended for the reader, once nothing waits before that. */
  #end: { readonly error: unknown } | 'done' | null = null
  #hasOutput = false
  #resolveHeaders: (headers: Headers) => void = () => {}
  #resolveTrailers: (trailers: Headers) => void = () => {}

  /** @internal */
  constructor(peer: ChannelPeer, name: string, input: unknown, options: CallOptions) {
    this.#peer = peer
    this.#options = options
    this.#input = isAsyncIterable(input) ? input : null
    this.headers = new Promise((resolve) => {
      this.#resolveHeaders = resolve
    })
    this.trailers = new Promise((resolve) => {
      this.#resolveTrailers = resolve
    })
    const { signal } = options
    const isStream = this.#input !== null
    const spec = openSpec(peer, name, options, {
      isLast: !isStream,
      isOneway: false,
      encodeFirst: isStream ? undefined : (codec) => codec.encode(input),
    })
    if (signal?.aborted === true) {
      this.#finish({ error: signal.reason })
      return
    }
    signal?.addEventListener('abort', this.#onAbort)
    this.#request = peer.submit(spec, this)
  }

  // ---- for the reader -----------------------------------------------------------------------------------------------

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
      this.#serve()
    })
  }

  /** Ends the call: STOP to the other side, whose handler is told to give up. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#leave()
    return Promise.resolve(DONE)
  }

  throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    this.#leave()
    return Promise.reject(error)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#leave()
    return Promise.resolve()
  }

  /** As a Web stream, with back-pressure; cancelling it ends the call. */
  toWeb(): ReadableStream<T> {
    return new ReadableStream<T>(
      {
        pull: async (controller) => {
          const item = await this.next()
          if (item.done === true) controller.close()
          else controller.enqueue(item.value)
        },
        cancel: () => this.#leave(),
      },
      { highWaterMark: 0 },
    )
  }

  // ---- from the peer ------------------------------------------------------------------------------------------------

  /** @internal */
  onAssigned(request: OpenRequest): void {
    this.#request = request
    const { channel, codec } = request
    if (channel === null || codec === null) return
    channel.pause()
    if (this.#input === null) return
    const end = (result: PumpEnd): void => this.#onInputEnd(result)
    this.#pump ??= new Pump(this.#input, channel, codec, () => undefined, end)
  }

  /** @internal */
  onFailed(error: PeerplexError): void {
    this.#finish({ error })
  }

  /** @internal */
  onHeaders(headers: Headers): void {
    this.#resolveHeaders(headers)
    this.#options.onHeaders?.(headers)
    this.#resolveHeaders = () => {}
  }

  /** Messages wait in the channel, which is paused. @internal */
  onMessage(): void {}

  /** @internal */
  onReadable(): void {
    this.#serve()
  }

  /** @internal */
  onEnd(trailers: Headers): void {
    this.#options.onTrailers?.(trailers)
    this.#resolveTrailers(trailers)
  }

  /** @internal */
  onWritable(): void {
    this.#pump?.onWritable()
  }

  /** @internal */
  onStop(): void {
    this.#pump?.stop()
  }

  /** @internal */
  onClose(outcome: Outcome): void {
    const request = this.#request as OpenRequest
    this.#pump?.stop()
    if (outcome.code === 0 || this.#end !== null) this.#finish('done')
    else if (this.#pump === null && !this.#hasOutput && this.#peer.retry(request, outcome)) return
    else this.#finish({ error: callError(outcome, request) })
    this.#peer.settle(request)
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  /** Hands over what there is to those who wait for it. */
  #serve(): void {
    while (this.#waiters.length > 0) {
      // Off the list first: reading the last message may end the stream, and that serves whoever still waits.
      const waiter = this.#waiters.shift() as Waiter<T>
      const message = this.#end === null ? (this.#request?.channel?.read() ?? null) : null
      if (message !== null) this.#hand(waiter, message.payload, message.headers)
      else if (this.#end === null) {
        this.#waiters.unshift(waiter)
        return
      } else if (this.#end === 'done') waiter.resolve(DONE)
      else {
        // The reader hears of an error once; after that the stream is just over.
        const { error } = this.#end
        this.#end = 'done'
        waiter.reject(error)
      }
    }
  }

  #hand(waiter: Waiter<T>, payload: Uint8Array, headers: Headers): void {
    const request = this.#request as OpenRequest
    if (!this.#hasOutput) this.onHeaders(headers)
    this.#hasOutput = true
    try {
      waiter.resolve({ done: false, value: request.codec?.decode(payload) as T })
    } catch (error) {
      waiter.reject(undecodable(error, request))
      this.#finish('done')
      request.channel?.reset(ERRORS.INVALID_ARGUMENT.wireCode)
    }
  }

  #leave(): void {
    if (this.#end !== null) return
    this.#finish('done')
    this.#pump?.stop()
    const request = this.#request
    if (request === null) return
    if (request.state === 'waiting') this.#peer.cancel(request)
    else if (request.channel !== null) {
      request.channel.stop()
      request.channel.end()
    }
  }

  #onInputEnd(end: PumpEnd): void {
    const channel = this.#request?.channel
    if (end.kind === 'failed') {
      this.#finish({ error: end.error })
      channel?.reset()
    } else channel?.end()
  }

  readonly #onAbort = (): void => {
    if (this.#end !== null) return
    this.#finish({ error: this.#options.signal?.reason })
    this.#pump?.stop()
    if (this.#request !== null) this.#peer.cancel(this.#request)
  }

  #finish(end: { readonly error: unknown } | 'done'): void {
    if (this.#end !== null) return
    this.#end = end
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#resolveHeaders(Headers.EMPTY)
    this.#resolveTrailers(Headers.EMPTY)
    this.#serve()
  }
}
