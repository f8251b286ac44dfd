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
import type { MessageCallback, Taker } from './channel-input.js'
import { type ChannelOutcome, cancelledOutcome, channelOutcome, errorOutcome } from './channel-outcome.js'
import { ChannelOutput, READY } from './channel-output.js'
import { decodeRange, encodeTo } from './codec-ranges.js'
import {
  CLOSE_TOLD,
  CLOSED,
  END_TOLD,
  FLOW_DUE,
  GIVEN_UP,
  HAS_INPUT,
  INPUT_ENDED,
  SETTLES_AT_CLOSE,
  STOPPED,
  takerOf,
  withTaker,
} from './core-bits.js'
import type { CommonParts, OpenedSink } from './core-host.js'
import type { Flowing } from './flow-queue.js'
import { asPeerplexError, isAnswered, type OpenRequest, type OpenSpec, outcomeError } from './open-request.js'
import type { PeerConnection } from './peer-connection.js'
import type { RemotePeer } from './remote-peer.js'

/** Between a codec and an output. */
const encoded = byteRange()

export class ChannelCore extends ChannelOutput implements OpenedSink, Flowing {
  /** `headers`: those that a filter made of an OPEN that came. */
  constructor(common: CommonParts, headers: Headers | null = null) {
    super(common)
    if (headers !== null) this.extras.headers = headers
  }

  /** Those of the OPEN, or the first that the other side sent. */
  get headers(): Headers {
    const own = this.rare === null ? null : this.rare.headers
    if (own !== null) return own
    return this.isInbound ? (this.channel as Channel).headers : Headers.EMPTY
  }

  /** Fixed by the connection; null before there is one. */
  get codec(): Codec | null {
    return this.channel === null ? null : this.common.codec
  }

  get remote(): RemotePeer | null {
    return this.channel === null ? null : this.common.remote
  }

  get taker(): Taker {
    return takerOf(this.bits)
  }

  set taker(taker: Taker) {
    this.bits = withTaker(this.bits, taker)
  }

  /** The other side's output is complete and read, or nobody wants it. */
  get isInputEnded(): boolean {
    return (this.bits & INPUT_ENDED) !== 0
  }

  get ending(): ChannelEnd {
    const { extras } = this
    extras.ending ??= new ChannelEnd()
    return extras.ending
  }

  // ---- beginning ----------------------------------------------------------------------------------------------------

  /** Asks for a connection. */
  open(): void {
    const { host, spec, options } = this.common
    const { signal } = options
    if (signal !== undefined && !this.listen(signal)) return
    this.origin = host.openNow(spec as OpenSpec, this)
    // A filter, or the test for a target, may have aborted it while there was nothing to reset yet.
    if (signal?.aborted === true) this.reset(CODE_CANCELLED)
  }

  /** False when it was aborted before, and is over. */
  private listen(signal: AbortSignal): boolean {
    if (signal.aborted) {
      this.giveUp(signal)
      this.onCancelled(CODE_CANCELLED)
      return false
    }
    const onAbort = (): void => {
      this.giveUp(signal)
      this.reset(CODE_CANCELLED)
    }
    this.extras.onAbort = onAbort
    signal.addEventListener('abort', onAbort)
    return true
  }

  /** Takes a channel that the other side opened; false when it is gone already. Messages wait. */
  accept(channel: Channel): boolean {
    this.channel = channel
    channel.pause()
    return channel.accept(this)
  }

  // ---- what the program asks ----------------------------------------------------------------------------------------

  /** Gives messages to a callback from the end of this turn on, or takes them from it. Throws UsageError when somebody else takes them. */
  giveTo(callback: MessageCallback<unknown> | null): void {
    if (this.onMessageCall === null) {
      if (callback === null) return
      this.claim('onMessage')
    } else if (callback === null) {
      this.channel?.pause()
      this.taker = 'nobody'
    }
    this.onMessageCall = callback
    this.flowSoon()
  }

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

  /** Throws PeerplexError for what cannot be sent. */
  sendValue(value: unknown, headers: Headers): Promise<void> {
    if (this.hasOutcome) return READY
    const codec = this.codec ?? this.provisionalCodec()
    encodeTo(codec, value, encoded)
    return this.sendEncoded(encoded, headers, codec)
  }

  /** Takes bytes as they are, whatever the codec. */
  sendBytes(payload: Uint8Array): Promise<void> {
    return this.sendEncoded(setWhole(encoded, payload), Headers.EMPTY, null)
  }

  /** Wants no more input. */
  stop(): void {
    if ((this.bits & (STOPPED | INPUT_ENDED)) !== 0) return
    this.bits |= STOPPED | INPUT_ENDED
    this.channel?.stop()
    this.rare?.reader?.onInput()
  }

  /** Ends both directions at once. */
  reset(code: number): void {
    if ((this.bits & CLOSED) !== 0) return
    const { request } = this
    if (request !== null) this.common.host.cancel(request, code)
    else if (this.channel !== null && (this.bits & GIVEN_UP) === 0) {
      if (!this.isInbound) this.bits |= GIVEN_UP
      this.channel.reset(code)
    }
  }

  /** Ends both directions with an error of this side. */
  fail(error: unknown): void {
    if ((this.bits & CLOSED) !== 0) return
    this.extras.ownError ??= asPeerplexError(error)
    const { channel } = this
    if (!this.isInbound || channel === null) this.reset(wireCodeOf(error))
    else endWithError(channel, this.codec as Codec, error, (failure) => this.report(failure))
  }

  /** Takes one message, or null. */
  read(): Message | null {
    const message = this.channel?.read() ?? null
    if (message !== null) this.noteInput(message.headers)
    return message
  }

  /** The value of a message. One that has none ends the channel; throws the reason. */
  decode(payload: Uint8Array): unknown {
    return this.decodeBytes(payload, 0, payload.length)
  }

  private decodeBytes(bytes: Uint8Array, start: number, end: number): unknown {
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
    if ((this.bits & FLOW_DUE) !== 0) return
    this.bits |= FLOW_DUE
    this.common.host.flows.add(this)
  }

  flow(): void {
    this.bits &= ~FLOW_DUE
    if (this.onMessageCall !== null) this.channel?.resume()
    if (this.rare === null) return
    this.tellEnd()
    this.tellClose()
  }

  // ---- the handler of an inbound channel ----------------------------------------------------------------------------

  /** It returned. What it has not ended is ended, unless callbacks, streams or a join go on with the channel. */
  handlerReturned(): void {
    const isTakenOver = this.taker !== 'nobody' && this.taker !== 'an iterator'
    if (isTakenOver && (this.bits & CLOSED) === 0) {
      this.bits |= SETTLES_AT_CLOSE
      return
    }
    this.endOutput(Headers.EMPTY)
    this.settled()
  }

  /** It threw: the other side learns it, and `onError` unless the error was meant for the other side. */
  handlerThrew(error: unknown): void {
    this.onThrown(error)
    this.settled()
  }

  /** An error that no caller hears of. */
  report(error: unknown): void {
    this.common.host.reportError(error, this.name, this.remote?.id ?? '')
  }

  // ---- from the request ---------------------------------------------------------------------------------------------

  onAssigned(request: OpenRequest): void {
    this.origin = request
    this.onOpened(request.connection as PeerConnection, request.codec as Codec, request.channel as Channel)
  }

  onOpened(connection: PeerConnection, codec: Codec, channel: Channel): void {
    this.common = this.common.on(connection, codec)
    this.channel = channel
    if (this.onMessageCall === null) channel.pause()
    if ((this.bits & STOPPED) !== 0) channel.stop()
    try {
      if (this.rare !== null || this.isOutputEnded) this.sendHeld(channel, codec)
    } catch (error) {
      this.fail(error)
    }
  }

  onFailed(error: PeerplexError): void {
    this.ending.failure = error
    this.finish(errorOutcome(error))
    this.closed()
  }

  onCancelled(code: number): void {
    const own = this.rare === null ? null : this.rare.ownError
    const outcome = own === null ? cancelledOutcome(code) : errorOutcome(own)
    this.ending.failure ??= own ?? new ClosedError(outcome.code, `channel '${this.name}' was given up here`)
    this.finish(outcome)
    this.closed()
  }

  // ---- from the wire ------------------------------------------------------------------------------------------------

  onMessage(payload: Uint8Array, headers: Headers): void {
    this.onMessageRange(payload, 0, payload.length, headers)
  }

  onMessageRange(bytes: Uint8Array, start: number, end: number, headers: Headers): void {
    if ((this.bits & HAS_INPUT) === 0) this.noteInput(headers)
    // A decoding error has ended the channel by itself; `fail` does nothing then.
    try {
      const value = this.decodeBytes(bytes, start, end)
      this.onMessageCall?.(value, headers)
    } catch (error) {
      this.onThrown(error)
    }
  }

  onReadable(): void {
    this.rare?.reader?.onInput()
  }

  onHeaders(headers: Headers): void {
    this.noteInput(headers)
  }

  onEnd(trailers: Headers): void {
    this.bits |= HAS_INPUT | INPUT_ENDED
    if (trailers !== Headers.EMPTY) this.extras.trailers = trailers
    this.trimHeld()
    const { options } = this.common
    if (options.onTrailers !== undefined) this.guarded(options.onTrailers.bind(options), trailers)
    this.tellEnd()
    this.rare?.reader?.onInput()
  }

  onStop(): void {
    this.bits |= HAS_INPUT
    this.onWritable()
    if (!this.isOutputEnded) this.rare?.onOutputClosed?.()
  }

  onFailing(outcome: Outcome): void {
    this.ended(outcome)
  }

  onClose(outcome: Outcome): void {
    if (!this.isInbound && outcome.code !== 0 && this.isRepeated(outcome)) {
      this.channel = null
      return
    }
    this.ended(outcome)
    if (this.request !== null) this.common.host.settle(this.request, isAnswered(outcome))
    this.closed()
  }

  /** Whether it waits for another connection now. One that had no request gets it here, past its first attempt. */
  private isRepeated(outcome: Outcome): boolean {
    if (this.hasOutcome || (this.bits & (HAS_INPUT | GIVEN_UP)) !== 0 || !this.canReplay(outcome))
      return false
    const { host, spec } = this.common
    if (typeof this.origin === 'number') {
      const request = host.requestFor(spec as OpenSpec, this, this.origin)
      request.state = 'assigned'
      request.connection = this.common.connection
      request.attempts = 1
      request.heldBytes = this.heldBytes
      this.origin = request
    }
    return host.retry(this.origin, outcome)
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  /** How it ended is known; messages may still wait to be read. */
  private get hasOutcome(): boolean {
    const ending = this.rare === null ? null : this.rare.ending
    return ending !== null && ending.outcome !== null
  }

  /** Before there is a connection: the codec that was asked for, or ours of choice. What is held is encoded anew if need be. */
  private provisionalCodec(): Codec {
    const codec = this.common.host.codecs.choose(this.common.spec?.codec, null)
    if (codec instanceof Error) throw codec
    return codec
  }

  private noteInput(headers: Headers): void {
    if ((this.bits & HAS_INPUT) !== 0) return
    this.bits |= HAS_INPUT
    this.trimHeld()
    if (this.isInbound) return
    if (headers !== Headers.EMPTY) this.extras.headers = headers
    const { options } = this.common
    if (options.onHeaders !== undefined) this.guarded(options.onHeaders.bind(options), headers)
  }

  private ended(outcome: Outcome): void {
    if (this.hasOutcome) return
    let error: PeerplexError | null = null
    if (outcome.code !== 0) {
      const { name, remote, codec } = this
      const { attempts = 1, earlier = 'not-sent' } = this.request ?? {}
      const place = { spec: { name }, remote, codec, attempts, earlier } as const
      error = this.rare?.ownError ?? outcomeError(outcome, place)
      this.ending.failure ??= error
    }
    this.finish(channelOutcome(outcome, error, this.rare?.trailers ?? Headers.EMPTY))
  }

  private finish(outcome: ChannelOutcome): void {
    const { extras } = this
    if (extras.onAbort !== null) this.common.options.signal?.removeEventListener('abort', extras.onAbort)
    const wasEnded = this.isOutputEnded
    this.closeOutput()
    this.ending.finish(outcome)
    if (!wasEnded) extras.onOutputClosed?.()
    extras.reader?.onInput()
  }

  /** The wire is done with it, or never had it: nothing comes after this. */
  private closed(): void {
    this.bits |= CLOSED
    this.tellClose()
    if ((this.bits & SETTLES_AT_CLOSE) !== 0) this.channel?.settle()
    this.rare?.reader?.onInput()
  }

  /** The program's own signal says why. */
  private giveUp(signal: AbortSignal): void {
    if (!this.hasOutcome) this.ending.failure = signal.reason
  }

  /** The handler is done with the channel; what it has not read is dropped. */
  private settled(): void {
    const channel = this.channel as Channel
    this.bits |= STOPPED | INPUT_ENDED
    channel.stop()
    channel.settle()
  }

  private tellEnd(): void {
    const call = this.rare === null ? null : this.rare.onEndCall
    if (call === null || (this.bits & (END_TOLD | STOPPED | INPUT_ENDED)) !== INPUT_ENDED) return
    this.bits |= END_TOLD
    this.guarded(call, this.extras.trailers)
  }

  private tellClose(): void {
    const call = this.rare === null ? null : this.rare.onCloseCall
    if (call === null || (this.bits & (CLOSE_TOLD | CLOSED)) !== CLOSED) return
    this.bits |= CLOSE_TOLD
    this.guarded(call, this.ending.outcome as ChannelOutcome)
  }

  /** What a callback throws ends the channel, as what a handler throws does. */
  private guarded<T>(call: (argument: T) => void, argument: T): void {
    try {
      call(argument)
    } catch (error) {
      this.onThrown(error)
    }
  }

  /** Errors of this library are meant for the other side; all others are defects of this one. */
  private onThrown(error: unknown): void {
    const isKnown = this.ending.hasFailed && error === this.ending.failure
    if (!(error instanceof PeerplexError) && !isKnown) this.report(error)
    this.fail(error)
  }
}
