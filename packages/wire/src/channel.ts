// Owns: one channel as the program sees it: its fields, and the calls on it. The rules behind a call live in sender.ts
// (what goes out), receiver.ts (what comes in) and session.ts (opening and closing).
// Must not know: bytes on the wire.

import { type ByteRange, byteRange, setWhole } from './byte-range.js'
import {
  ACCEPTED,
  END_QUEUED,
  IDEMPOTENT,
  ONEWAY,
  OUTPUT_ENDED,
  PAUSED,
  SETTLED,
  STARTS_WITH_MESSAGE,
  STOP_RECEIVED,
} from './channel-bits.js'
import type { ChannelDeadline } from './channel-deadline.js'
import { ChannelInput } from './channel-input.js'
import { ChannelOutput } from './channel-output.js'
import { CHANNEL_STATES, canSend, STATE_CLOSED, STATE_IDLE } from './channel-state.js'
import type { OutboundItem } from './committer.js'
import type { ReceiveCredit, SendCredit } from './credit.js'
import { Headers, type HeadersInit } from './entries.js'
import { CODE_CANCELLED, CODE_UNIMPLEMENTED } from './error-codes.js'
import type { Delivery, Origin } from './errors.js'
import type { OpenInfo } from './open-info.js'
import type { Receiver } from './receiver.js'
import type { Sender } from './sender.js'
import { NO_BYTES } from './utf8.js'

/** A received message in the hands of its reader. The bytes belong to the reader. */
export interface Message {
  readonly payload: Uint8Array
  readonly headers: Headers
}

/** How a channel ended (spec §12). */
export interface Outcome {
  /** Wire code; 0 when both directions ended by FIN. */
  readonly code: number
  /** Name of the code. */
  readonly name: string
  readonly message: string
  /** Whether the call may have run on the other side. */
  readonly delivery: Delivery
  readonly origin: Origin
  /** Entries of the END or RESET. */
  readonly headers: Headers
  /** Details of an END, in the channel's codec; empty when there are none. */
  readonly details: Uint8Array
}

/**
 * Receives what happens on a channel. Every call carries the channel, so one object may serve many. A call may use the
 * channel freely but must not call `Session.receive`. What it throws resets this channel only (UNKNOWN).
 */
export interface ChannelSink {
  /** A whole message. `payload` is borrowed: copy what is to outlive the call. */
  onMessage(payload: Uint8Array, headers: Headers, channel: Channel): void
  /** In place of `onMessage` where it is there: a whole message as `bytes[start, end)`, borrowed, which saves making a view of it. */
  onMessageRange?(bytes: Uint8Array, start: number, end: number, headers: Headers, channel: Channel): void
  /** The channel is paused and its queue is no longer empty: `read()` has something. */
  onReadable?(channel: Channel): void
  /** Headers that came without a message; they do not wait for messages that are unread. */
  onHeaders?(headers: Headers, channel: Channel): void
  /** The other side's output is complete; comes after its last message. */
  onEnd?(trailers: Headers, channel: Channel): void
  /** There is room again after `send` returned false. */
  onWritable?(channel: Channel): void
  /** The other side wants no more of our output; `isWritable` is false from now on. */
  onStop?(code: number, channel: Channel): void
  /** It has failed while messages wait to be read: nothing goes out any more. `onClose` comes once they are read. */
  onFailing?(outcome: Outcome, channel: Channel): void
  /** The last call for this channel, always exactly one. Work for it is to be given up if the code is not 0. */
  onClose?(outcome: Outcome, channel: Channel): void
}

/** What `Session.open` may be told. */
export interface OpenOptions {
  /** Codec id of all messages on this channel; 0 raw. */
  readonly codec?: number | undefined
  /** The channel ends with DEADLINE_EXCEEDED after this long, on both sides. 0: never. */
  readonly timeoutMs?: number | undefined
  readonly headers?: HeadersInit | undefined
  /** Bytes the other side may have under way on this channel, 16,384 … 2^31-1; default: as in HELLO. */
  readonly windowBytes?: number | undefined
  /** Messages the other side may have under way, 1 … 65,535; 1 gives strict one-at-a-time pull. */
  readonly windowMessages?: number | undefined
  /** First message; taken: it must not be changed any more. */
  readonly message?: Uint8Array | undefined
  /** No message follows: FIN goes with OPEN. */
  readonly isLast?: boolean | undefined
  /** No answer of any kind; implies isLast. Its `onClose` comes when the transport has it (delivery `unknown`). */
  readonly isOneway?: boolean | undefined
  /** Running it twice does no harm. */
  readonly isIdempotent?: boolean | undefined
  readonly sink?: ChannelSink | undefined
}

/** What `Channel.fail` may add to the code. */
export interface FailOptions {
  readonly message?: string | undefined
  readonly headers?: HeadersInit | undefined
  /** Encoded with the channel's codec; taken. */
  readonly details?: Uint8Array | undefined
}

/** The parts of a session that a channel calls. @internal */
export interface ChannelHost {
  readonly sender: Sender
  readonly receiver: Receiver
  makeSendCredit(channel: Channel): SendCredit
  makeReceiveCredit(channel: Channel): ReceiveCredit
  acceptChannel(channel: Channel, sink: ChannelSink): boolean
  refuseChannel(channel: Channel, code: number, options: FailOptions): void
  failChannel(channel: Channel, code: number, options: FailOptions): void
  resetChannel(channel: Channel, code: number): void
  settleChannel(channel: Channel): void
}

/** Lent to the sender for one call. */
const whole = byteRange()

/**
 * Most channels carry one message each way and never wait for anything: what only the others need is made when they need it
 * (bench `c256`: half of the memory of a call).
 */
export class Channel {
  /** Above 0: opened here; below: opened by the other side; 0 while our OPEN waits to be committed. */
  id: number

  // Everything below belongs to session, sender and receiver.
  /** @internal What OPEN says; shared. */ readonly open: OpenInfo
  /** @internal */ readonly host: ChannelHost
  /** @internal One of STATE_…; only `channelTable` says which follows. */
  stateNumber: number = STATE_IDLE
  /** @internal Set of modifiers, see channel-bits.ts. */
  bits: number
  /** @internal */ sink: ChannelSink
  /** @internal Null while at most one frame was charged, `firstSentBytes`; see `sendCredit`. */
  sendState: SendCredit | null = null
  /** @internal Null while at most one frame was charged, `firstReceivedBytes`, and nothing is owed for it; see `receiveCredit`. */
  receiveState: ReceiveCredit | null = null
  /** @internal Charges of the first frame in each direction. */
  firstSentBytes = 0
  /** @internal */ firstReceivedBytes = 0
  /** @internal What waits to be committed; null while nothing ever did. */
  output: ChannelOutput | null = null
  /** @internal Position of our OPEN in the output stream; -1 before it is committed. */
  openAt = -1
  /** @internal What arrived and is held; null for nothing. */
  input: ChannelInput | null = null
  /** @internal How it ended, while messages still wait to be read. */
  outcome: Outcome | null = null
  /** @internal Null for none. */
  deadline: ChannelDeadline | null = null

  /** @internal */
  constructor(host: ChannelHost, id: number, open: OpenInfo, bits: number, sink: ChannelSink) {
    this.host = host
    this.id = id
    this.open = open
    this.bits = bits
    this.sink = sink
  }

  get name(): string {
    return this.open.name
  }

  get codec(): number {
    return this.open.codec
  }

  /** Headers of OPEN. */
  get headers(): Headers {
    return this.open.headers
  }

  /** What OPEN said, 0 for none. */
  get timeoutMs(): number {
    return this.open.timeoutMs
  }

  /** What the other side lets us send on it. @internal */
  get sendCredit(): SendCredit {
    this.sendState ??= this.host.makeSendCredit(this)
    return this.sendState
  }

  /** What we let the other side send on it. @internal */
  get receiveCredit(): ReceiveCredit {
    this.receiveState ??= this.host.makeReceiveCredit(this)
    return this.receiveState
  }

  /** The place for what is held of its input, made when there is something. @internal */
  holdInput(): ChannelInput {
    this.input ??= new ChannelInput()
    return this.input
  }

  /** The place for what waits to be committed, made when there is something. @internal */
  holdOutput(): ChannelOutput {
    this.output ??= new ChannelOutput()
    return this.output
  }

  /** The first item that waits to be committed. @internal */
  get outHead(): OutboundItem | null {
    return this.output === null ? null : this.output.head
  }

  /** Whether anything may be held that the program has not been told; most channels have nothing. @internal */
  get holdsAny(): boolean {
    return this.input !== null || this.outcome !== null || (this.bits & END_QUEUED) !== 0
  }

  /** @internal */
  get trailers(): Headers {
    return this.input === null ? Headers.EMPTY : this.input.trailers
  }

  /** What its unread messages and early headers cost in memory. @internal */
  get unreadBytes(): number {
    return this.input === null ? 0 : this.input.unreadBytes
  }

  /** Payload bytes of the message under assembly. @internal */
  get partialPayloadBytes(): number {
    return this.input === null ? 0 : this.input.partialPayloadBytes
  }

  /** IDLE (our OPEN waits), OPEN, HALF_LOCAL, HALF_REMOTE or CLOSED. */
  get state(): string {
    return CHANNEL_STATES[this.stateNumber] as string
  }

  get isOneway(): boolean {
    return (this.bits & ONEWAY) !== 0
  }

  get isIdempotent(): boolean {
    return (this.bits & IDEMPOTENT) !== 0
  }

  /** Whether its OPEN carried a message, or the beginning of one: the argument of a call (spec §20). */
  get startsWithMessage(): boolean {
    return (this.bits & STARTS_WITH_MESSAGE) !== 0
  }

  /** Whether this side opened it. */
  get isLocal(): boolean {
    return this.id >= 0
  }

  /** Whether `send` still reaches anybody. */
  get isWritable(): boolean {
    // The opener of a one-way sends with OPEN only, its acceptor nothing.
    if (this.outcome !== null || (this.bits & (OUTPUT_ENDED | STOP_RECEIVED | ONEWAY)) !== 0) return false
    return this.stateNumber === STATE_IDLE || canSend(this.stateNumber)
  }

  /** Whether it is over for the program: closed on the wire, or ended before its OPEN left. */
  get isClosed(): boolean {
    return this.stateNumber === STATE_CLOSED || this.outcome !== null
  }

  /** Whether messages are held back for `read()`. */
  get isPaused(): boolean {
    return (this.bits & PAUSED) !== 0
  }

  /** Payload bytes that wait for credit or their turn on this side. */
  get bufferedBytes(): number {
    return this.output === null ? 0 : this.output.bytes
  }

  /** Milliseconds until the deadline; Infinity without one. */
  remainingMs(nowMs: number): number {
    return this.deadline === null ? Number.POSITIVE_INFINITY : this.deadline.deadlineMs - nowMs
  }

  // ---- inbound channels: exactly one of these two, at once or later -------------------------------------------------

  /**
   * Takes a channel that the other side opened; messages flow to `sink` from now on. False when it is gone already or was
   * refused because its first message is encoded in a way that this version does not know (spec §12).
   */
  accept(sink: ChannelSink): boolean {
    return this.host.acceptChannel(this, sink)
  }

  /** Refuses it: the other side learns that nothing ran (NOPROC) and may try elsewhere. Codes as in spec §12. */
  refuse(code: number = CODE_UNIMPLEMENTED, message = '', headers?: HeadersInit): void {
    this.host.refuseChannel(this, code, { message, headers })
  }

  // ---- output -------------------------------------------------------------------------------------------------------

  /**
   * Sends a message; takes `payload`. Returns false when the program had better wait for `onWritable`; the message is queued
   * all the same. On a channel that ended remotely it does nothing and returns false: see `isWritable` and `onClose`.
   * Throws UsageError after `end`, LimitError MESSAGE_TOO_LARGE or METADATA_TOO_LARGE (nothing is sent then).
   */
  send(payload: Uint8Array, headers?: HeadersInit): boolean {
    return this.host.sender.send(this, setWhole(whole, payload), Headers.from(headers), null, false)
  }

  /** Sends the last message and ends the output, in one frame where it fits. Trailers and headers exclude each other. */
  sendLast(payload: Uint8Array, headers?: HeadersInit, trailers?: HeadersInit): boolean {
    return this.host.sender.send(
      this,
      setWhole(whole, payload),
      Headers.from(headers),
      Headers.from(trailers),
      true,
    )
  }

  /** As `send`, or `sendLast` when `isLast`, for bytes of which no view is to be made; takes the bytes. @internal */
  sendRange(payload: ByteRange, headers: Headers, trailers: Headers, isLast: boolean): boolean {
    return this.host.sender.send(this, payload, headers, trailers, isLast)
  }

  /** Sends headers without a message, for instance before a slow answer. The second time costs the other side patience. */
  sendHeaders(headers: HeadersInit): void {
    this.host.sender.sendHeaders(this, Headers.from(headers))
  }

  /** Ends the output (half-close); input goes on. */
  end(trailers?: HeadersInit): void {
    this.host.sender.end(this, Headers.from(trailers))
  }

  /** Ends both directions with an error, behind what is committed; drops what is not. `code` must not be 0. */
  fail(code: number, options: FailOptions = {}): void {
    this.host.failChannel(this, code, options)
  }

  /** Ends both directions at once; no answer comes. */
  reset(code: number = CODE_CANCELLED): void {
    this.host.resetChannel(this, code)
  }

  // ---- input --------------------------------------------------------------------------------------------------------

  /** Wants no more input; output goes on. What still arrives is dropped. */
  stop(code: number = CODE_CANCELLED): void {
    this.host.receiver.stop(this, code)
  }

  /** Holds messages back, at most a window of them. */
  pause(): void {
    this.bits |= PAUSED
  }

  /** Lets messages flow again; queued ones are handed over before this returns. */
  resume(): void {
    this.bits &= ~PAUSED
    if (this.holdsAny) this.host.receiver.drainQueue(this)
  }

  /** Headers of the message that `read()` would give now; null when there is none. */
  get nextHeaders(): Headers | null {
    return this.input?.head?.headers ?? null
  }

  /** Takes one held message, or null. Only while paused. */
  read(): Message | null {
    return this.host.receiver.read(this)
  }

  /** The handler of an inbound channel is done: its open slot returns once the channel is closed too. */
  settle(): void {
    if ((this.bits & (ACCEPTED | SETTLED)) === ACCEPTED) this.host.settleChannel(this)
  }
}

/** Channels on which nothing went wrong: most, so they share what is said of them. */
const PROCESSED: Outcome = Object.freeze(makeOutcome(0, 'OK', '', 'processed', 'remote'))
const GONE: Outcome = Object.freeze(makeOutcome(0, 'OK', '', 'unknown', 'remote'))

/** Both directions ended by FIN, or the transport has a one-way (`unknown`). */
export function goodOutcome(delivery: Delivery): Outcome {
  return delivery === 'unknown' ? GONE : PROCESSED
}

/** An outcome; the only place where one is made, those of `goodOutcome` included. */
export function makeOutcome(
  code: number,
  name: string,
  message: string,
  delivery: Delivery,
  origin: Origin,
  headers: Headers = Headers.EMPTY,
  details: Uint8Array = NO_BYTES,
): Outcome {
  return { code, name, message, delivery, origin, headers, details }
}
