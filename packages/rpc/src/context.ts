// Owns: what a handler can see and do beside its input.
// Must not know: how handlers are found and answered.
import { type Channel, type Codec, Headers } from '@peerplex/wire'
import type { Caller } from './call-host.js'
import type { CallOptions } from './call-options.js'
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
  readonly headers: Headers
  readonly input: AsyncIterable<unknown> | null
  readonly caller: Caller
  /** Deadline of calls that name none; 0 for none. */
  readonly defaultTimeoutMs: number
  readonly nowMs: number
}

/** What only some handlers use; made for those. */
class Extras {
  abort: AbortController | null = null
  abortReason: unknown = undefined
  isAborted = false
  replyHeaders: ReplyHeaders | null = null
  replyTrailers: ReplyHeaders | null = null
}

export class Context {
  readonly #host: ContextHost
  #extras: Extras | null = null

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
    return this.#host.headers
  }

  /** The peer that asks. Calls on it go back to it, over this connection or another one. */
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
    const extras = this.#makeExtras()
    if (extras.abort === null) {
      extras.abort = new AbortController()
      if (extras.isAborted) extras.abort.abort(extras.abortReason)
    }
    return extras.abort.signal
  }

  /** Time until the deadline of the call; Infinity without one. */
  get timeRemainingMs(): number {
    return Math.max(0, this.#host.channel.remainingMs(this.#host.nowMs))
  }

  /** Headers of the reply; they leave with its first message, or with its end when there is none. */
  get replyHeaders(): ReplyHeaders {
    const extras = this.#makeExtras()
    extras.replyHeaders ??= new ReplyHeaders()
    return extras.replyHeaders
  }

  /** Trailers of the reply; they leave with its end, unless that is an error. */
  get replyTrailers(): ReplyHeaders {
    const extras = this.#makeExtras()
    extras.replyTrailers ??= new ReplyHeaders()
    return extras.replyTrailers
  }

  /** As on the peer, within the time that is left of this call and under its trace. */
  call<T = unknown>(name: string, input?: unknown, options: CallOptions = {}): Promise<T> {
    return this.#host.caller.call(name, input, this.#inherit(options)) as Promise<T>
  }

  /** As on the peer, within the time that is left of this call and under its trace. */
  stream<T = unknown>(name: string, input?: unknown, options: CallOptions = {}): ReplyStream<T> {
    return this.#host.caller.stream(name, input, this.#inherit(options)) as ReplyStream<T>
  }

  /** As on the peer, within the time that is left of this call and under its trace. */
  notify(name: string, input?: unknown, options: CallOptions = {}): Promise<void> {
    return this.#host.caller.notify(name, input, this.#inherit(options))
  }

  /** Nobody waits any more. @internal */
  abort(reason: unknown): void {
    const extras = this.#makeExtras()
    if (extras.isAborted) return
    extras.isAborted = true
    extras.abortReason = reason
    extras.abort?.abort(reason)
  }

  /** @internal */
  get isAborted(): boolean {
    return this.#extras?.isAborted === true
  }

  /** What was set since the last time. @internal */
  takeReplyHeaders(): Headers {
    const extras = this.#extras
    if (extras === null || extras.replyHeaders === null) return Headers.EMPTY
    const headers = extras.replyHeaders
    extras.replyHeaders = null
    return headers.isEmpty ? Headers.EMPTY : headers.toHeaders()
  }

  /** @internal */
  takeReplyTrailers(): Headers {
    const trailers = this.#extras === null ? null : this.#extras.replyTrailers
    return trailers === null || trailers.isEmpty ? Headers.EMPTY : trailers.toHeaders()
  }

  #makeExtras(): Extras {
    this.#extras ??= new Extras()
    return this.#extras
  }

  #inherit(options: CallOptions): CallOptions {
    const leftMs = this.timeRemainingMs
    const trace = TRACE_KEYS.filter((key) => this.headers.has(key))
    const isBounded = leftMs !== Number.POSITIVE_INFINITY
    if (!isBounded && trace.length === 0) return options
    return {
      ...options,
      ...(isBounded && { timeoutMs: this.#boundedMs(leftMs, options.timeoutMs) }),
      ...(trace.length > 0 && { headers: this.#withTrace(options.headers, trace) }),
    }
  }

  /** The least of what is left, what was asked for and what this peer allows. */
  #boundedMs(leftMs: number, askedMs: number = this.#host.defaultTimeoutMs): number {
    // Whole and not 0, which would mean no deadline at all. What makes no sense is left for the call to refuse.
    const boundMs = Math.max(1, Math.floor(leftMs))
    return askedMs === 0 || askedMs > boundMs ? boundMs : askedMs
  }

  /** What the handler names itself counts. */
  #withTrace(headers: CallOptions['headers'], keys: readonly string[]): Headers {
    const own = Headers.from(headers)
    const inherited = this.headers.rawEntries().filter(([key]) => keys.includes(key) && !own.has(key))
    return Headers.from([...own.rawEntries(), ...inherited])
  }
}
