// Owns: one channel of a program, below its public face: where it stands (waiting for a connection, on one, ended), what was
// received and who takes it, and how it ends. The wire channel and the request tell it everything; nobody else does.
// Must not know: what a program sees of it (peer-channel.ts), how things are sent (channel-output.ts).

import {
  type Channel,
  ClosedError,
  type Codec,
  Headers,
  type Message,
  type Outcome,
  PeerplexError,
} from '@peerplex/wire'
import { byteRange, CODE_CANCELLED, failedPrecondition, setWhole } from '@peerplex/wire/internal'
import { ChannelEnd } from './channel-end.js'
import { endWithError, undecodable, wireCodeOf } from './channel-errors.js'
import type { MessageCallback, Reader, Taker } from './channel-input.js'
import { NO_OPTIONS } from './channel-options.js'
import { type ChannelOutcome, cancelledOutcome, channelOutcome, errorOutcome } from './channel-outcome.js'
import { ChannelOutput, READY } from './channel-output.js'
import { decodeRange, encodeTo } from './codec-ranges.js'
import type { CoreHost, CoreOptions } from './core-host.js'
import {
  asPeerplexError,
  type OpenRequest,
  type OpenSpec,
  outcomeError,
  type RequestSink,
} from './open-request.js'
import type { RemotePeer } from './remote-peer.js'

/** Between a codec and an output. */
const encoded = byteRange()

export class ChannelCore implements RequestSink {
  readonly name: string
  readonly isInbound: boolean
  readonly output: ChannelOutput
  /** Those of the OPEN, or the first that the other side sent. */
  headers: Headers
  remote: RemotePeer | null = null
  /** Fixed by the connection; null before there is one. */
  codec: Codec | null = null
  taker: Taker = 'nobody'
  reader: Reader | null = null
  /** Nothing goes out any more though the program did not end it: STOP, or the end. */
  onOutputClosed: (() => void) | null = null
  onMessageCall: MessageCallback<unknown> | null = null
  onEndCall: ((trailers: Headers) => void) | null = null
  onCloseCall: ((outcome: ChannelOutcome) => void) | null = null
  /** The other side's output is complete and read, or nobody wants it. */
  isInputEnded = false

  readonly #host: CoreHost
  readonly #options: CoreOptions
  readonly #spec: OpenSpec | null
  /** Made when somebody asks for the end, or it comes. */
  #ending: ChannelEnd | null = null
  #channel: Channel | null = null
  #request: OpenRequest | null = null
  #trailers: Headers = Headers.EMPTY
  #hasInput = false
  #isStopped = false
  /** The wire has made its last call. */
  #isClosed = false
  #isEndTold = false
  #isCloseTold = false
  /** Listens to the program's signal. */
  #onAbort: (() => void) | null = null
  #isFlowScheduled = false
  /** What this side gave as the reason to end it. */
  #ownError: PeerplexError | null = null
  /** The handler has returned, but the channel was taken over: it is settled when it closes. */
  #settlesAtClose = false

  /** `headers`: those of an inbound OPEN. `spec`: what is to be opened, null for inbound channels. */
  constructor(
    host: CoreHost,
    name: string,
    headers: Headers,
    spec: OpenSpec | null,
    options: CoreOptions = NO_OPTIONS,
  ) {
    this.#host = host
    this.#options = options
    this.#spec = spec
    this.name = name
    this.isInbound = spec === null
    this.headers = headers
    this.output = new ChannelOutput(host, name)
  }

  get ending(): ChannelEnd {
    this.#ending ??= new ChannelEnd()
    return this.#ending
  }

  // ---- beginning ----------------------------------------------------------------------------------------------------

  /** Asks for a connection. */
  open(): void {
    const { signal } = this.#options
    if (signal?.aborted === true) {
      this.#giveUp(signal)
      this.onCancelled(CODE_CANCELLED)
      return
    }
    if (signal !== undefined) {
      this.#onAbort = () => {
        this.#giveUp(signal)
        this.reset(CODE_CANCELLED)
      }
      signal.addEventListener('abort', this.#onAbort)
    }
    const request = this.#host.submit(this.#spec as OpenSpec, this)
    this.#request = request
    this.output.enter(request)
  }

  /** Takes a channel that the other side opened; false when it is gone already. Messages wait. */
  accept(channel: Channel, codec: Codec, remote: RemotePeer): boolean {
    this.#channel = channel
    this.codec = codec
    this.remote = remote
    this.output.open(channel)
    channel.pause()
    return channel.accept(this)
  }

  // ---- what the program asks ----------------------------------------------------------------------------------------

  /** Throws UsageError when somebody else takes the messages. */
  claim(taker: Taker): void {
    if (this.taker !== 'nobody') {
      throw failedPrecondition(
        `the messages of channel '${this.name}' are taken by ${this.taker} already, not by ${taker}`,
        'a channel has one reader: iterate, set onMessage, or use toWeb() or join()',
      )
    }
    this.taker = taker
  }

  /** Encodes and sends. Throws PeerplexError for what cannot be sent. */
  sendValue(value: unknown, headers: Headers): Promise<void> {
    if (this.#hasOutcome) return READY
    const codec = this.codec ?? this.#provisionalCodec()
    encodeTo(codec, value, encoded)
    return this.output.send(encoded, headers, codec)
  }

  /** Takes bytes as they are, whatever the codec. */
  sendBytes(payload: Uint8Array): Promise<void> {
    return this.output.send(setWhole(encoded, payload), Headers.EMPTY, null)
  }

  /** Wants no more input. */
  stop(): void {
    if (this.#isStopped || this.isInputEnded) return
    this.#isStopped = true
    this.isInputEnded = true
    this.#channel?.stop()
    this.reader?.onInput()
  }

  /** Ends both directions at once. */
  reset(code: number): void {
    if (this.#isClosed) return
    if (this.#request !== null) this.#host.cancel(this.#request, code)
    else this.#channel?.reset(code)
  }

  /** Ends both directions with an error of this side. */
  fail(error: unknown): void {
    if (this.#isClosed) return
    this.#ownError ??= asPeerplexError(error)
    const channel = this.#channel
    if (!this.isInbound || channel === null) this.reset(wireCodeOf(error))
    else endWithError(channel, this.codec as Codec, error, (failure) => this.report(failure))
  }

  /** Takes one message, or null. */
  read(): Message | null {
    const message = this.#channel?.read() ?? null
    if (message !== null) this.#noteInput(message.headers)
    return message
  }

  /** The value of a message. One that has none ends the channel; throws the reason. */
  decode(payload: Uint8Array): unknown {
    return this.#decodeRange(payload, 0, payload.length)
  }

  #decodeRange(bytes: Uint8Array, start: number, end: number): unknown {
    const codec = this.codec as Codec
    try {
      return decodeRange(codec, bytes, start, end)
    } catch (cause) {
      const error = undecodable(this.name, codec, this.remote?.id, cause)
      this.fail(error)
      throw error
    }
  }

  /** Messages come by `onMessageCall` from the end of this turn on, so that all calls can be set before the first. */
  flowSoon(): void {
    if (this.#isFlowScheduled) return
    this.#isFlowScheduled = true
    queueMicrotask(() => {
      this.#isFlowScheduled = false
      if (this.#isFlowing) this.#channel?.resume()
      this.#tellEnd()
      this.#tellClose()
    })
  }

  /** Messages wait again. */
  holdMessages(): void {
    this.#channel?.pause()
  }

  /** Why nothing can be sent, for those who have to throw. */
  outputError(): unknown {
    if (this.ending.hasFailed) return this.ending.failure
    return new ClosedError('CANCELLED', `channel '${this.name}': the other side wants no more`, {
      origin: 'remote',
      delivery: 'processed',
      remote: this.remote?.id,
    })
  }

  // ---- the handler of an inbound channel ----------------------------------------------------------------------------

  /** It returned. What it has not ended is ended, unless callbacks, streams or a join go on with the channel. */
  handlerReturned(): void {
    const isTakenOver = this.taker !== 'nobody' && this.taker !== 'an iterator'
    if (isTakenOver && !this.#isClosed) {
      this.#settlesAtClose = true
      return
    }
    this.output.end(Headers.EMPTY)
    this.#settle()
  }

  /** It threw: the other side learns it, and `onError` unless the error was meant for the other side. */
  handlerThrew(error: unknown): void {
    this.#onThrown(error)
    this.#settle()
  }

  /** An error that no caller hears of. */
  report(error: unknown): void {
    this.#host.reportError(error, this.name, this.remote?.id ?? '')
  }

  // ---- from the request ---------------------------------------------------------------------------------------------

  onAssigned(request: OpenRequest): void {
    const channel = request.channel as Channel
    this.#request = request
    this.#channel = channel
    this.codec = request.codec
    this.remote = request.remote
    this.output.enter(request)
    if (!this.#isFlowing) channel.pause()
    if (this.#isStopped) channel.stop()
    try {
      this.output.attach(channel, request.codec as Codec)
    } catch (error) {
      this.fail(error)
    }
  }

  onFailed(error: PeerplexError): void {
    this.ending.failure = error
    this.#finish(errorOutcome(error))
    this.#close()
  }

  onCancelled(code: number): void {
    const own = this.#ownError
    const outcome = own === null ? cancelledOutcome(code) : errorOutcome(own)
    this.ending.failure ??= own ?? new ClosedError(outcome.code, `channel '${this.name}' was given up here`)
    this.#finish(outcome)
    this.#close()
  }

  // ---- from the wire ------------------------------------------------------------------------------------------------

  onMessage(payload: Uint8Array, headers: Headers): void {
    this.onMessageRange(payload, 0, payload.length, headers)
  }

  onMessageRange(bytes: Uint8Array, start: number, end: number, headers: Headers): void {
    if (!this.#hasInput) this.#noteInput(headers)
    // A decoding error has ended the channel by itself; `fail` does nothing then.
    try {
      const value = this.#decodeRange(bytes, start, end)
      this.onMessageCall?.(value, headers)
    } catch (error) {
      this.#onThrown(error)
    }
  }

  onReadable(): void {
    this.reader?.onInput()
  }

  onHeaders(headers: Headers): void {
    this.#noteInput(headers)
  }

  onEnd(trailers: Headers): void {
    this.#hasInput = true
    this.isInputEnded = true
    this.#trailers = trailers
    this.output.trim()
    this.#guard(() => this.#options.onTrailers?.(trailers))
    this.#tellEnd()
    this.reader?.onInput()
  }

  onWritable(): void {
    this.output.onWritable()
  }

  onStop(): void {
    this.#hasInput = true
    this.output.onWritable()
    if (!this.output.isEnded) this.onOutputClosed?.()
  }

  onFailing(outcome: Outcome): void {
    this.#end(outcome)
  }

  onClose(outcome: Outcome): void {
    const request = this.#request
    if (request !== null && !this.#hasOutcome) {
      if (!this.#hasInput && this.output.canReplay(outcome) && this.#host.retry(request, outcome)) {
        this.#channel = null
        this.codec = null
        this.remote = null
        this.output.detach()
        return
      }
    }
    this.#end(outcome)
    if (request !== null) this.#host.settle(request)
    this.#close()
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  /** How it ended is known; messages may still wait to be read. */
  get #hasOutcome(): boolean {
    return this.#ending !== null && this.#ending.outcome !== null
  }

  get #isFlowing(): boolean {
    return this.taker === 'onMessage' && this.onMessageCall !== null
  }

  /** Before there is a connection: the codec that was asked for, or ours of choice. What is held is encoded anew if need be. */
  #provisionalCodec(): Codec {
    const codec = this.#host.codecs.choose(this.#spec?.codec, null)
    if (codec instanceof Error) throw codec
    return codec
  }

  #noteInput(headers: Headers): void {
    if (this.#hasInput) return
    this.#hasInput = true
    this.output.trim()
    if (this.isInbound) return
    this.headers = headers
    this.#guard(() => this.#options.onHeaders?.(headers))
  }

  #end(outcome: Outcome): void {
    if (this.#hasOutcome) return
    let error: PeerplexError | null = null
    if (outcome.code !== 0) {
      const { name, remote, codec } = this
      const { attempts = 1, earlier = 'not-sent' } = this.#request ?? {}
      const place = { spec: { name }, remote, codec, attempts, earlier } as const
      error = this.#ownError ?? outcomeError(outcome, place)
      this.ending.failure ??= error
    }
    this.#finish(channelOutcome(outcome, error, this.#trailers))
  }

  #finish(outcome: ChannelOutcome): void {
    if (this.#onAbort !== null) this.#options.signal?.removeEventListener('abort', this.#onAbort)
    const wasEnded = this.output.isEnded
    this.output.close()
    this.ending.finish(outcome)
    if (!wasEnded) this.onOutputClosed?.()
    this.reader?.onInput()
  }

  /** The wire is done with it, or never had it: nothing comes after this. */
  #close(): void {
    this.#isClosed = true
    this.#tellClose()
    if (this.#settlesAtClose) this.#channel?.settle()
    this.reader?.onInput()
  }

  /** The program's own signal says why. */
  #giveUp(signal: AbortSignal): void {
    if (!this.#hasOutcome) this.ending.failure = signal.reason
  }

  /** The handler is done with the channel; what it has not read is dropped. */
  #settle(): void {
    const channel = this.#channel as Channel
    this.#isStopped = true
    this.isInputEnded = true
    channel.stop()
    channel.settle()
  }

  #tellEnd(): void {
    if (this.#isEndTold || this.onEndCall === null || !this.isInputEnded || this.#isStopped) return
    this.#isEndTold = true
    this.#guard(() => this.onEndCall?.(this.#trailers))
  }

  #tellClose(): void {
    if (this.#isCloseTold || this.onCloseCall === null || !this.#isClosed) return
    this.#isCloseTold = true
    this.#guard(() => this.onCloseCall?.(this.ending.outcome as ChannelOutcome))
  }

  /** What a callback throws ends the channel, as what a handler throws does. */
  #guard(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#onThrown(error)
    }
  }

  /** Errors of this library are meant for the other side; all others are defects of this one. */
  #onThrown(error: unknown): void {
    const isKnown = this.ending.hasFailed && error === this.ending.failure
    if (!(error instanceof PeerplexError) && !isKnown) this.report(error)
    this.fail(error)
  }
}
