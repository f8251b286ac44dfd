// Owns: what a handler can see and do beside its input.
// Must not know: how handlers are found and answered.
import { type Channel, type Codec, Headers } from '@peerplex/wire'
import type { CallOptions } from './call-options.js'
import type { InputStream } from './input-stream.js'
import type { RemotePeer } from './remote-peer.js'
import { ReplyHeaders } from './reply-headers.js'
import type { ReplyStream } from './reply-stream.js'

/** Headers that calls made by a handler carry on: the trace of the call that it serves. */
const TRACE_KEYS: readonly string[] = ['traceparent', 'tracestate', 'baggage']

/** What a context asks of the call that it belongs to. @internal */
export interface ContextHost {
  readonly channel: Channel
  readonly codec: Codec
  readonly remote: RemotePeer
  readonly input: InputStream | null
  now(): number
  call(name: string, input: unknown, options: CallOptions): Promise<unknown>
  stream(name: string, input: unknown, options: CallOptions): ReplyStream
  notify(name: string, input: unknown, options: CallOptions): Promise<void>
}

export class Context {
  readonly #host: ContextHost
  #abort: AbortController | null = null
  #abortReason: unknown = undefined
  #isAborted = false
  #replyHeaders: ReplyHeaders | null = null
  #replyTrailers: ReplyHeaders | null = null

  /** @internal */
  constructor(host: ContextHost) {
    this.#host = host
  }

  /** The name that was called. */
  get name(): string {
    return this.#host.channel.name
  }

  /** Headers of the call. */
  get headers(): Headers {
    return this.#host.channel.headers
  }

  /** The peer that asks; calls on it go back over the same connection or another one to that peer. */
  get remote(): RemotePeer {
    return this.#host.remote
  }

  /** What `authenticate` said of the asker. */
  get identity(): unknown {
    return this.#host.remote.identity
  }

  /** Name of the codec of this call. */
  get codec(): string {
    return this.#host.codec.name
  }

  /** The inputs of a streaming call; undefined when the input is one value. */
  get input(): AsyncIterable<unknown> | undefined {
    return this.#host.input ?? undefined
  }

  /** Aborted when nobody waits for the answer any more: cancelled, out of time, connection lost. Made on first use. */
  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController()
      if (this.#isAborted) this.#abort.abort(this.#abortReason)
    }
    return this.#abort.signal
  }

  /** Time until the deadline of the call; Infinity without one. */
  get timeRemainingMs(): number {
    return Math.max(0, this.#host.channel.remainingMs(this.#host.now()))
  }

  /** Headers of the reply; they leave with its first message. */
  get replyHeaders(): ReplyHeaders {
    this.#replyHeaders ??= new ReplyHeaders()
    return this.#replyHeaders
  }

  /** Trailers of the reply; they leave with its end. */
  get replyTrailers(): ReplyHeaders {
    this.#replyTrailers ??= new ReplyHeaders()
    return this.#replyTrailers
  }

  /** As on the peer, within the time that is left of this call and under its trace. */
  call<T = unknown>(name: string, input?: unknown, options: CallOptions = {}): Promise<T> {
    return this.#host.call(name, input, this.#inherit(options)) as Promise<T>
  }

  /** As on the peer, within the time that is left of this call and under its trace. */
  stream<T = unknown>(name: string, input?: unknown, options: CallOptions = {}): ReplyStream<T> {
    return this.#host.stream(name, input, this.#inherit(options)) as ReplyStream<T>
  }

  /** As on the peer, under the trace of this call. */
  notify(name: string, input?: unknown, options: CallOptions = {}): Promise<void> {
    return this.#host.notify(name, input, this.#inherit(options))
  }

  /** @internal */
  abort(reason: unknown): void {
    if (this.#isAborted) return
    this.#isAborted = true
    this.#abortReason = reason
    this.#abort?.abort(reason)
  }

  /** What was set so far, or undefined. @internal */
  takeReplyHeaders(): Headers | undefined {
    const headers = this.#replyHeaders
    this.#replyHeaders = null
    return headers === null || headers.isEmpty ? undefined : headers.toHeaders()
  }

  /** @internal */
  takeReplyTrailers(): Headers | undefined {
    const trailers = this.#replyTrailers
    return trailers === null || trailers.isEmpty ? undefined : trailers.toHeaders()
  }

  #inherit(options: CallOptions): CallOptions {
    const leftMs = this.timeRemainingMs
    const isBounded = leftMs !== Number.POSITIVE_INFINITY
    const asked = options.timeoutMs === undefined || options.timeoutMs === 0 ? leftMs : options.timeoutMs
    const trace = TRACE_KEYS.filter((key) => this.headers.has(key))
    if (!isBounded && trace.length === 0) return options
    return {
      ...options,
      ...(isBounded && { timeoutMs: Math.max(1, Math.floor(Math.min(leftMs, asked))) }),
      ...(trace.length > 0 && { headers: this.#withTrace(options.headers, trace) }),
    }
  }

  #withTrace(headers: CallOptions['headers'], keys: readonly string[]): CallOptions['headers'] {
    const own = Headers.from(headers)
    const inherited = keys
      .filter((key) => !own.has(key))
      .map((key): [string, string] => [key, this.headers.get(key) as string])
    return [...own, ...inherited]
  }
}
