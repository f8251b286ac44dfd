// Owns: one call from another peer: reading its input, running its handler, sending its answer, and settling (spec §20).
// Must not know: how handlers are found.
import {
  CallError,
  type Channel,
  type ChannelSink,
  ClosedError,
  type Codec,
  codeName,
  codeNumber,
  ERRORS,
  type Headers,
  type Outcome,
  PeerplexError,
} from '@peerplex/wire'
import { isAsyncIterable } from './call-options.js'
import { Context, type ContextHost } from './context.js'
import { Pump, type PumpEnd } from './input-pump.js'
import { InputStream, undecodableInput } from './input-stream.js'
import type { RemotePeer } from './remote-peer.js'

/**
 * Answers a call. The input is a value when the caller sent one, an AsyncIterable when it streams. Returns a value, a promise
 * of one, or an AsyncIterable whose items are streamed. What it throws becomes the caller's error.
 */
// biome-ignore lint/suspicious/noExplicitAny: the input of an untyped handler is whatever the caller sent
export type Handler = (input: any, ctx: Context) => unknown

/** What an inbound call asks of its peer. @internal */
export interface InboundHost {
  readonly handlers: ContextCalls
  now(): number
  reportError(error: unknown, name: string, remote: string): void
}

/** Calls that a handler makes. @internal */
export type ContextCalls = Pick<ContextHost, 'call' | 'stream' | 'notify'>

/** Where the handler stands. */
type Phase = 'waiting' | 'running' | 'done'

export class InboundCall implements ChannelSink, ContextHost {
  readonly channel: Channel
  readonly codec: Codec
  readonly remote: RemotePeer
  readonly input: InputStream | null
  readonly #handler: Handler
  readonly #host: InboundHost
  #context: Context | null = null
  #pump: Pump | null = null
  #phase: Phase = 'waiting'

  constructor(channel: Channel, codec: Codec, remote: RemotePeer, handler: Handler, host: InboundHost) {
    this.channel = channel
    this.codec = codec
    this.remote = remote
    this.#handler = handler
    this.#host = host
    this.input = channel.startsWithMessage ? null : new InputStream(channel, codec)
  }

  /** Takes the channel. A handler of a stream starts at once, one of a value when the value is there. */
  begin(): void {
    const isStream = this.input !== null
    // A call without any message and without more to come has no input.
    if (isStream) this.channel.pause()
    if (!this.channel.accept(this)) return
    if (isStream && this.#phase === 'waiting') this.#run(this.input)
  }

  // ---- for the context ----------------------------------------------------------------------------------------------

  now(): number {
    return this.#host.now()
  }

  call(name: string, input: unknown, options: Parameters<ContextCalls['call']>[2]): Promise<unknown> {
    return this.#host.handlers.call(name, input, options)
  }

  stream(
    name: string,
    input: unknown,
    options: Parameters<ContextCalls['stream']>[2],
  ): ReturnType<ContextCalls['stream']> {
    return this.#host.handlers.stream(name, input, options)
  }

  notify(name: string, input: unknown, options: Parameters<ContextCalls['notify']>[2]): Promise<void> {
    return this.#host.handlers.notify(name, input, options)
  }

  // ---- from the channel ---------------------------------------------------------------------------------------------

  onMessage(payload: Uint8Array): void {
    // A value has one message; what a caller sends beyond that belongs to nobody.
    if (this.#phase !== 'waiting') return
    let value: unknown
    try {
      value = this.codec.decode(payload)
    } catch (error) {
      const failure = undecodableInput(error, this.channel, this.codec)
      this.#phase = 'done'
      this.channel.fail(ERRORS.INVALID_ARGUMENT.wireCode, { message: failure.message })
      this.channel.settle()
      return
    }
    this.#run(value)
  }

  onReadable(): void {
    this.input?.serve()
  }

  onEnd(): void {
    this.input?.finish('done')
  }

  onWritable(): void {
    this.#pump?.onWritable()
  }

  /** The caller wants no more of the answer. */
  onStop(code: number): void {
    this.#giveUp(code, 'the caller wants no more')
  }

  onClose(outcome: Outcome): void {
    if (outcome.code !== 0) this.#giveUp(outcome.code, outcome.message)
    if (this.#phase === 'waiting') this.#settle()
  }

  // ---- running ------------------------------------------------------------------------------------------------------

  #run(input: unknown): void {
    this.#phase = 'running'
    const context = new Context(this)
    this.#context = context
    let result: unknown
    try {
      result = this.#handler(input, context)
    } catch (error) {
      this.#fail(error)
      return
    }
    // A value is answered within the same turn: no promise, no microtask.
    if (isThenable(result))
      result.then(
        (value) => this.#answer(value),
        (error) => this.#fail(error),
      )
    else this.#answer(result)
  }

  #answer(value: unknown): void {
    if (isAsyncIterable(value)) {
      this.#stream(value)
      return
    }
    const context = this.#context as Context
    try {
      if (this.channel.isWritable) {
        const payload = this.codec.encode(value)
        this.channel.sendLast(payload, context.takeReplyHeaders(), context.takeReplyTrailers())
      }
      this.#settle()
    } catch (error) {
      this.#fail(error)
    }
  }

  #stream(items: AsyncIterable<unknown>): void {
    const context = this.#context as Context
    if (!this.channel.isWritable) {
      const iterator = items[Symbol.asyncIterator]()
      Promise.resolve(iterator.return?.()).catch(() => {})
      this.#settle()
      return
    }
    const headers = (): Headers | undefined => context.takeReplyHeaders()
    this.#pump = new Pump(items, this.channel, this.codec, headers, (end) => this.#onStreamed(end))
  }

  #onStreamed(end: PumpEnd): void {
    if (end.kind === 'failed') {
      this.#fail(end.error)
      return
    }
    try {
      if (end.kind === 'done') this.channel.end(this.#context?.takeReplyTrailers())
      this.#settle()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    const isMeant = error instanceof PeerplexError
    if (!isMeant) this.#host.reportError(error, this.channel.name, this.remote.id)
    if (!this.channel.isClosed) this.#sendError(error)
    this.#settle()
  }

  /** The caller gets code, message and details; never a stack or a path. */
  #sendError(error: unknown): void {
    const code =
      error instanceof PeerplexError
        ? codeNumber(error.code) || ERRORS.UNKNOWN.wireCode
        : ERRORS.UNKNOWN.wireCode
    const message = error instanceof Error ? error.message : String(error)
    const headers = error instanceof PeerplexError && error.hint !== '' ? { hint: error.hint } : undefined
    try {
      const details =
        error instanceof CallError && error.details !== undefined
          ? this.codec.encode(error.details)
          : undefined
      this.channel.fail(code, { message, ...(headers && { headers }), ...(details && { details }) })
    } catch (failure) {
      this.#host.reportError(failure, this.channel.name, this.remote.id)
      this.channel.fail(code, { message: message.slice(0, 1_000) })
    }
  }

  #giveUp(code: number, message: string): void {
    const name = codeName(code)
    const reason = new ClosedError(
      name,
      message === '' ? `'${this.channel.name}' ended with ${name}` : message,
      { origin: 'remote' },
    )
    this.#context?.abort(reason)
    this.#pump?.stop()
    this.input?.finish({ error: reason })
  }

  #settle(): void {
    this.#phase = 'done'
    this.channel.settle()
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  )
}
