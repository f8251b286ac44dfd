// Owns: one call from another peer: reading its input, running its handler, sending its answer, and settling (spec §20).
// Must not know: how handlers are found.

import { decodeRange, encodeTo, endWithError, isThenable } from '@peerplex/peer/internal'
import {
  type Channel,
  type ChannelSink,
  ClosedError,
  type Codec,
  codeName,
  ERRORS,
  type ErrorName,
  Headers,
  type Origin,
  type Outcome,
  PeerplexError,
  UsageError,
} from '@peerplex/wire'
import { byteRange, invalidArgument, reasonOf } from '@peerplex/wire/internal'
import { undecodableInput } from './call-errors.js'
import type { Caller, CallHost } from './call-host.js'
import { isAsyncIterable } from './call-options.js'
import { Context, type ContextHost } from './context.js'
import { InputStream } from './input-stream.js'
import { Pump, type PumpEnd } from './pump.js'
import type { RemotePeer } from './remote-peer.js'

/**
 * Answers a call. The input is a value when the caller sent one, an AsyncIterable when it streams. Returns a value, a promise
 * of one, or an AsyncIterable whose items are streamed. What it throws becomes the caller's error.
 */
// biome-ignore lint/suspicious/noExplicitAny: the input of an untyped handler is whatever the caller sent
export type Handler = (input: any, ctx: Context) => unknown

/** Between a codec and a channel. */
const answer = byteRange()

export class InboundCall implements ChannelSink, ContextHost {
  readonly channel: Channel
  readonly codec: Codec
  readonly remote: RemotePeer
  /** As they came, or as a filter left them. */
  readonly headers: Headers
  /** Null when the input is one value. */
  readonly input: InputStream | null
  readonly #handler: Handler
  readonly #host: CallHost
  /** Null until the handler runs. */
  #context: Context | null = null
  #pump: Pump | null = null

  constructor(
    channel: Channel,
    codec: Codec,
    remote: RemotePeer,
    headers: Headers,
    handler: Handler,
    host: CallHost,
  ) {
    this.channel = channel
    this.codec = codec
    this.remote = remote
    this.headers = headers
    this.#handler = handler
    this.#host = host
    this.input = channel.startsWithMessage ? null : new InputStream(channel, codec)
  }

  /** Takes the channel. A handler of a stream starts at once, one of a value when the value is there. */
  begin(): void {
    if (this.input !== null) this.channel.pause()
    const isTaken = this.channel.accept(this)
    if (this.input !== null && isTaken && !this.channel.isClosed) this.#run(this.input)
  }

  // ---- for the context ----------------------------------------------------------------------------------------------

  get caller(): Caller {
    return this.#host
  }

  get defaultTimeoutMs(): number {
    return this.#host.channels.options.timeoutMs
  }

  get nowMs(): number {
    return this.#host.channels.options.clock.now()
  }

  // ---- from the channel ---------------------------------------------------------------------------------------------

  onMessage(payload: Uint8Array): void {
    this.onMessageRange(payload, 0, payload.length)
  }

  onMessageRange(bytes: Uint8Array, start: number, end: number): void {
    // A value is one message; what a caller sends beyond that belongs to nobody.
    if (this.#context !== null || this.channel.isClosed) return
    let value: unknown
    try {
      value = decodeRange(this.codec, bytes, start, end)
    } catch (error) {
      this.#end(undecodableInput(error, this.channel, this.codec))
      return
    }
    this.#run(value)
  }

  onReadable(): void {
    this.input?.onReadable()
  }

  onEnd(): void {
    this.input?.onEnd()
  }

  onWritable(): void {
    this.#pump?.onWritable()
  }

  /**
   * The caller wants no more of the answer. One that says so before its value has arrived gets its handler run: a one-way too
   * large for one frame does that.
   */
  onStop(code: number): void {
    this.#giveUp(code, 'remote')
  }

  onFailing(outcome: Outcome): void {
    this.#giveUp(outcome.code, outcome.origin)
  }

  onClose(outcome: Outcome): void {
    if (outcome.code !== 0) this.#giveUp(outcome.code, outcome.origin)
    if (this.#context === null) this.channel.settle()
  }

  // ---- running ------------------------------------------------------------------------------------------------------

  #run(input: unknown): void {
    const context = new Context(this)
    this.#context = context
    try {
      const result = this.#handler(input, context)
      // A value is answered within the same turn: no promise, no microtask.
      if (!isThenable(result)) this.#answer(result, context)
      else {
        Promise.resolve(result).then(
          (value) => this.#answer(value, context),
          (error) => this.#fail(error),
        )
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Never throws. */
  #answer(value: unknown, context: Context): void {
    if (isAsyncIterable(value)) {
      this.#stream(value, context)
      return
    }
    try {
      if (this.channel.isWritable) {
        this.#encode(value)
        this.channel.sendRange(answer, context.takeReplyHeaders(), context.takeReplyTrailers(), true)
      }
      this.channel.settle()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Sets `answer` to the bytes of a value. */
  #encode(value: unknown): void {
    try {
      encodeTo(this.codec, value, answer)
    } catch (error) {
      const reason = reasonOf(error)
      throw invalidArgument(
        `the answer of '${this.channel.name}' cannot be sent: ${reason}`,
        error instanceof PeerplexError ? error.hint : '',
        error,
      )
    }
  }

  #stream(items: AsyncIterable<unknown>, context: Context): void {
    this.#pump = new Pump(items, {
      takeHeaders: () => context.takeReplyHeaders(),
      onEnd: (end, error) => this.#onStreamed(end, error, context),
    })
    this.#pump.attach(this.channel, this.codec)
    if (!this.channel.isWritable) this.#pump.stop()
  }

  #onStreamed(end: PumpEnd, error: unknown, context: Context): void {
    try {
      if (end === 'done') {
        const headers = context.takeReplyHeaders()
        if (headers !== Headers.EMPTY) this.channel.sendHeaders(headers)
        this.channel.end(context.takeReplyTrailers())
      }
      if (end === 'done' || end === 'stopped') this.channel.settle()
      else this.#fail(error)
    } catch (failure) {
      this.#fail(failure)
    }
  }

  // ---- failing ------------------------------------------------------------------------------------------------------

  /** The handler threw, or its answer cannot be sent. Never throws. */
  #fail(error: unknown): void {
    if (!this.#isHeard(error)) this.#report(error)
    this.#end(error)
  }

  /** Whether somebody else than `onError` hears of an error, or it says nothing new. */
  #isHeard(error: unknown): boolean {
    // The consequence of giving up is no news to those who gave up.
    if (this.#context?.isAborted === true) return error instanceof PeerplexError || isAbortError(error)
    return error instanceof PeerplexError && !(error instanceof UsageError) && !this.channel.isOneway
  }

  #end(error: unknown): void {
    endWithError(this.channel, this.codec, error, (failure) => this.#report(failure))
    this.channel.settle()
  }

  #report(error: unknown): void {
    this.#host.reportError(error, this.channel.name, this.remote.id)
  }

  /** Nobody waits for the answer any more: tells the handler, in every way in which it may be listening. */
  #giveUp(code: number, origin: Origin): void {
    if (this.#context === null) return
    const name = codeName(code)
    const meaning = Object.hasOwn(ERRORS, name) ? ERRORS[name as ErrorName].message : `ended with ${name}`
    const reason = new ClosedError(name, `'${this.channel.name}': ${meaning}`, {
      origin,
      delivery: 'processed',
      remote: this.remote.id,
    })
    this.#context.abort(reason)
    this.#pump?.stop()
    this.input?.abandon(reason)
  }
}

/** What the platform's own functions reject with when a signal ends them. */
function isAbortError(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}
