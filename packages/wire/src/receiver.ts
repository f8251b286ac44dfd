// Owns: what arrives on channels (spec §9, §10): credit that we granted, messages under assembly, messages that wait to be
// read, and the CREDIT frames owed for them. Rules R1–R4 live here.
// Must not know: frame layout, ids, what goes out.

import { Assembly } from './assembly.js'
import type { Channel, Message } from './channel.js'
import {
  ACCEPTED,
  ARRIVING,
  CREDIT_OWED,
  END_QUEUED,
  FINISHED,
  IN_MESSAGE,
  OUTPUT_SEEN,
  PAUSED,
  STOP_SENT,
  STOP_WANTED,
} from './channel-bits.js'
import { canReceive, DO_SEND_CREDIT, DO_SEND_STOP, STATE_IDLE } from './channel-state.js'
import { assertCode } from './checks.js'
import { FLAG_MORE } from './constants.js'
import { ConnectionCredit } from './credit.js'
import { concatBytes, Headers } from './entries.js'
import { CODE_ABORTED, CODE_RESOURCE_EXHAUSTED } from './error-codes.js'
import { ProtocolError } from './errors.js'
import { type InboundMessage, memoryOf } from './inbound-message.js'
import { LateSet } from './late-set.js'
import type { SessionLimits } from './options.js'
import type { Outbox } from './outbox.js'

/** What the receiver asks of its session. @internal */
export interface ReceiverHost {
  readonly nowMs: number
  readonly outbox: Outbox
  onOutputPending(): void
  /** Something is to happen at this time. */
  scheduleAt(atMs: number): void
  applyLocal(channel: Channel, event: number): void
  /** Hands over headers that came without a message. */
  notifyHeaders(channel: Channel, headers: Headers): void
  /** What the program threw: the channel is reset, the session goes on. */
  onHandlerError(error: unknown, channel: Channel): void
  /** A message was completed and not discarded. */
  onMessageCompleted(): void
  /** RESET by a rule of this file. */
  resetChannel(channel: Channel, code: number): void
}

export class Receiver {
  /** What we let the other side send on the whole connection. */
  readonly connection: ConnectionCredit
  /** Memory of all complete messages that wait to be read, and the channels that have them. */
  unreadBytes = 0
  readonly unread: LateSet<Channel> = new LateSet()
  /** Messages that have arrived in part. */
  readonly assembly: Assembly
  /** When connection credit began to be withheld (R3); -1 while it is not. */
  withheldSinceMs = -1
  /** Credit is not given while credentials are checked: the floors must do. */
  isHeld = false

  readonly #host: ReceiverHost
  readonly #limits: SessionLimits
  #owed: Channel[] = []

  constructor(host: ReceiverHost, limits: SessionLimits, connectionWindowBytes: number) {
    this.#host = host
    this.#limits = limits
    this.assembly = new Assembly(limits)
    this.connection = new ConnectionCredit(connectionWindowBytes)
  }

  /** Counts a charged frame on the connection; throws FLOW_CONTROL when it exceeds what we granted. */
  chargeConnection(bytes: number): void {
    if (this.connection.receive(bytes)) {
      if (this.isConnectionCreditDue()) this.#host.onOutputPending()
      return
    }
    throw new ProtocolError('FLOW_CONTROL', 'the connection credit is overrun', {
      hint: 'count size + 32 for every frame with MSG (spec §10)',
    })
  }

  /** Checks an OPEN against the window of a new channel, before there is one; throws FLOW_CONTROL. */
  assertWindow(bytes: number): void {
    if (bytes <= this.#limits.channelWindowBytes) return
    throw new ProtocolError('FLOW_CONTROL', 'an OPEN exceeds the window of its channel')
  }

  /** Counts the OPEN on its channel; `isUnread`: with a message after which more may come. What else an OPEN carries is consumed. */
  chargeOpen(channel: Channel, bytes: number, isUnread: boolean): void {
    if (isUnread) channel.receiveCredit.receive(bytes, 1)
    else channel.firstReceivedBytes = bytes
  }

  /** Counts a frame on its channel; throws FLOW_CONTROL. `isLast`: nothing comes after it, so nothing will be granted. */
  chargeChannel(channel: Channel, bytes: number, messages: number, isLast: boolean): void {
    if (bytes === 0) return
    // Only where it was opened: elsewhere the OPEN came first.
    if (isLast && channel.receiveState === null && channel.firstReceivedBytes === 0) {
      channel.firstReceivedBytes = bytes
      if (bytes <= (channel.open.windowBytes || this.#limits.channelWindowBytes)) return
    } else if (channel.receiveCredit.receive(bytes, messages)) return
    throw new ProtocolError('FLOW_CONTROL', `the credit of channel ${channel.id} is overrun`, {
      hint: 'wait for CREDIT; metadata and the 32 per frame count too (spec §10)',
    })
  }

  /** Bytes that belong to no message, or to one that is dropped. */
  consume(channel: Channel, bytes: number, messages: number): void {
    if (channel.receiveState === null) return
    channel.receiveState.consume(bytes, messages)
    this.#oweCredit(channel)
  }

  // ---- messages -----------------------------------------------------------------------------------------------------

  /**
   * Takes a fragment or a whole message, `body[start, end)` (borrowed), already charged. False when the message exceeds the limit: the caller
   * ends the channel. Throws FLOW_CONTROL for one incomplete message too many.
   */
  addFragment(
    channel: Channel,
    flags: number,
    headers: Headers,
    body: Uint8Array,
    start: number,
    end: number,
    charge: number,
  ): boolean {
    const isFirst = (channel.bits & IN_MESSAGE) === 0
    const isLast = (flags & FLAG_MORE) === 0
    const total = (isFirst ? 0 : channel.partialPayloadBytes) + end - start
    if (total > this.#limits.maxMessageBytes) return false
    if (isFirst && isLast) {
      this.#deliver(channel, body, start, end, headers, charge, false)
      return true
    }
    if (isFirst) {
      this.assembly.start(channel, headers)
      this.#host.scheduleAt(this.assembly.nextTimerMs())
    }
    this.assembly.add(channel, body, start, end, charge, this.#host.nowMs)
    if (!isLast) {
      this.#oweCredit(channel)
      return true
    }
    const input = channel.holdInput()
    const whole = concatBytes(input.partial as Uint8Array[])
    const wholeCharge = channel.receiveCredit.partialBytes
    const first = input.partialHeaders
    this.assembly.end(channel)
    this.#deliver(channel, whole, 0, whole.length, first, wholeCharge, true)
    return true
  }

  /**
   * Takes headers without a message, already charged: told at once, ahead of messages that wait. While nobody has accepted the
   * channel they are kept as one set; false when that grows beyond what one frame may hold: the caller ends the channel.
   */
  addHeaders(channel: Channel, headers: Headers, charge: number): boolean {
    this.consume(channel, charge, 0)
    if ((channel.bits & ACCEPTED) !== 0) {
      this.#host.notifyHeaders(channel, headers)
      return true
    }
    const input = channel.holdInput()
    if (input.earlyHeaders.size + headers.size > this.#limits.maxHeaderCount) return false
    input.earlyHeaders = new Headers(concatBytes([input.earlyHeaders.encoded, headers.encoded]))
    this.#setUnread(channel, headers.encoded.length)
    return true
  }

  /** Drops an incomplete message; what it cost is consumed. */
  dropPartial(channel: Channel): void {
    if (channel.input === null || channel.input.partial === null) return
    channel.receiveCredit.consume(channel.receiveCredit.partialBytes, 1)
    this.assembly.end(channel)
  }

  /** Drops everything unread. */
  dropQueue(channel: Channel): void {
    const { input } = channel
    if (input === null) return
    this.dropPartial(channel)
    input.head = null
    input.tail = null
    input.earlyHeaders = Headers.EMPTY
    this.#setUnread(channel, -input.unreadBytes)
  }

  /** Hands over what is queued as far as the program lets it, then the end. */
  drainQueue(channel: Channel): void {
    this.#handHeaders(channel)
    while (hasMessages(channel) && (channel.bits & (PAUSED | ACCEPTED)) === ACCEPTED) {
      const message = this.#shift(channel) as InboundMessage
      const { payload } = message
      this.#hand(channel, payload, 0, payload.length, message.headers, message.chargeBytes)
    }
    this.handEnd(channel)
  }

  /** Takes one queued message in pull mode. */
  read(channel: Channel): Message | null {
    if ((channel.bits & ACCEPTED) === 0) return null
    const message = this.#shift(channel)
    if (message !== null) {
      channel.bits |= OUTPUT_SEEN
      this.consume(channel, message.chargeBytes, 1)
    }
    this.handEnd(channel)
    return message
  }

  /** Tells the program about FIN and the outcome once nothing waits before them. */
  handEnd(channel: Channel): void {
    // Accepting answers a STOP that waits, which may close the channel before anything else is handed over.
    this.#handHeaders(channel)
    if (hasMessages(channel) || (channel.bits & (ACCEPTED | ARRIVING)) !== ACCEPTED) return
    if ((channel.bits & (END_QUEUED | FINISHED)) === END_QUEUED) {
      channel.bits = (channel.bits & ~END_QUEUED) | OUTPUT_SEEN
      try {
        channel.sink.onEnd?.(channel.trailers, channel)
      } catch (error) {
        this.#host.onHandlerError(error, channel)
      }
    }
    let outcome = channel.outcome
    if (outcome === null || (channel.bits & FINISHED) !== 0) return
    // What was read between the end and its telling counts too: a repeat is no longer harmless.
    if (outcome.delivery === 'unknown' && (channel.bits & OUTPUT_SEEN) !== 0) {
      outcome = { ...outcome, delivery: 'processed' }
      channel.outcome = outcome
    }
    channel.bits |= FINISHED
    try {
      channel.sink.onClose?.(outcome, channel)
    } catch (error) {
      this.#host.onHandlerError(error, channel)
    }
  }

  /** The program wants no more input: STOP, and everything still to come is discarded. */
  stop(channel: Channel, code: number): void {
    assertCode('stop', code, 0)
    if ((channel.bits & (STOP_SENT | STOP_WANTED | FINISHED)) !== 0) return
    if (channel.stateNumber === STATE_IDLE) {
      channel.bits |= STOP_WANTED
      channel.holdInput().stopCode = code
      return
    }
    if (!canReceive(channel.stateNumber)) {
      // All of it has arrived: what is unread is dropped, and that it ended is not told.
      this.dropQueue(channel)
      channel.bits = (channel.bits & ~END_QUEUED) | STOP_SENT
      this.handEnd(channel)
      return
    }
    this.#host.applyLocal(channel, DO_SEND_STOP)
    // Whether the message under way is one of theirs already counted stays known: its rest must not count again.
    const inMessage = channel.bits & IN_MESSAGE
    this.dropQueue(channel)
    channel.bits |= STOP_SENT | inMessage
    this.#host.outbox.stop(channel.id, code)
    this.#host.onOutputPending()
  }

  // ---- credit -------------------------------------------------------------------------------------------------------

  /** Whether CREDIT 0 has bytes to give: half a window is used, and reading is not withheld (R3). */
  isConnectionCreditDue(): boolean {
    return !this.isHeld && this.withheldSinceMs < 0 && this.connection.isDue()
  }

  /** Raises what is granted on the connection, unless R3 forbids it. */
  grantConnection(): void {
    if (this.withheldSinceMs >= 0) return
    if (!this.connection.obligesSender) this.assembly.forgive(this.#host.nowMs)
    this.connection.grant()
  }

  /** Whether CREDIT frames of channels are owed. */
  get owesCredit(): boolean {
    return this.#owed.length > 0 && !this.isHeld
  }

  /** Puts owed CREDIT frames into the outbox: one per channel, with the newest limits. Returns how many. */
  commitCredits(): number {
    if (this.isHeld || this.#owed.length === 0) return 0
    const owed = this.#owed
    this.#owed = []
    let count = 0
    for (const channel of owed) {
      channel.bits &= ~CREDIT_OWED
      if (!this.#mayGrant(channel) || !channel.receiveCredit.isDue()) continue
      // With less credit than obliges the sender it did not have to make progress: its time begins now.
      if (!channel.receiveCredit.obligesSender) channel.holdInput().partialProgressMs = this.#host.nowMs
      channel.receiveCredit.grant()
      this.#host.applyLocal(channel, DO_SEND_CREDIT)
      this.#host.outbox.credit(
        channel.id,
        channel.receiveCredit.bytesGranted >>> 0,
        channel.receiveCredit.messagesGranted >>> 0,
      )
      count++
    }
    return count
  }

  // ---- time ---------------------------------------------------------------------------------------------------------

  /** The next moment at which `tick` has something to do. */
  nextTimerMs(): number {
    const withheldMs =
      this.withheldSinceMs >= 0
        ? this.withheldSinceMs + this.#limits.withheldTimeoutMs
        : Number.POSITIVE_INFINITY
    return Math.min(withheldMs, this.assembly.nextTimerMs())
  }

  /** R4, and messages that make no progress. */
  tick(nowMs: number): void {
    if (this.withheldSinceMs >= 0 && nowMs - this.withheldSinceMs >= this.#limits.withheldTimeoutMs) {
      this.#evictHoarder(nowMs)
    }
    for (const channel of this.assembly.stalled(nowMs)) {
      const isObliged = channel.receiveCredit.obligesSender && this.connection.obligesSender
      if (!isObliged) channel.holdInput().partialProgressMs = nowMs
      else this.#host.resetChannel(channel, CODE_ABORTED)
    }
  }

  /** R4: one reader that never reads must not freeze all others. */
  #evictHoarder(nowMs: number): void {
    let hoarder: Channel | null = null
    for (const channel of this.unread) {
      if (hoarder === null || channel.unreadBytes > hoarder.unreadBytes) hoarder = channel
    }
    this.withheldSinceMs = nowMs
    if (hoarder !== null) this.#host.resetChannel(hoarder, CODE_RESOURCE_EXHAUSTED)
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  /** `isOwned`: all of `bytes` is the message, and ours to keep; otherwise it is a part of the chunk in hand. */
  #deliver(
    channel: Channel,
    bytes: Uint8Array,
    start: number,
    end: number,
    headers: Headers,
    charge: number,
    isOwned: boolean,
  ): void {
    this.#host.onMessageCompleted()
    const isFlowing = (channel.bits & (PAUSED | ACCEPTED)) === ACCEPTED && !hasMessages(channel)
    if (isFlowing) this.#hand(channel, bytes, start, end, headers, charge)
    else {
      const kept = isOwned ? bytes : bytes.slice(start, end)
      this.#queue(channel, { payload: kept, headers, chargeBytes: charge, next: null })
    }
  }

  /** Headers that came before the channel was accepted. */
  #handHeaders(channel: Channel): void {
    const { input } = channel
    if (input === null || input.earlyHeaders === Headers.EMPTY || (channel.bits & ACCEPTED) === 0) return
    const headers = input.earlyHeaders
    input.earlyHeaders = Headers.EMPTY
    this.#setUnread(channel, -headers.encoded.length)
    this.#host.notifyHeaders(channel, headers)
  }

  #hand(
    channel: Channel,
    bytes: Uint8Array,
    start: number,
    end: number,
    headers: Headers,
    charge: number,
  ): void {
    channel.bits |= OUTPUT_SEEN
    const { sink } = channel
    try {
      if (sink.onMessageRange !== undefined) sink.onMessageRange(bytes, start, end, headers, channel)
      else sink.onMessage(bytes.subarray(start, end), headers, channel)
    } catch (error) {
      this.#host.onHandlerError(error, channel)
    }
    this.consume(channel, charge, 1)
  }

  #queue(channel: Channel, message: InboundMessage): void {
    const input = channel.holdInput()
    const wasEmpty = input.head === null
    if (input.tail === null) input.head = message
    else input.tail.next = message
    input.tail = message
    this.#setUnread(channel, memoryOf(message))
    if (!wasEmpty || (channel.bits & ACCEPTED) === 0) return
    try {
      channel.sink.onReadable?.(channel)
    } catch (error) {
      this.#host.onHandlerError(error, channel)
    }
  }

  #shift(channel: Channel): InboundMessage | null {
    const { input } = channel
    if (input === null || input.head === null) return null
    const message = input.head
    input.head = message.next
    if (message.next === null) input.tail = null
    // Who keeps a message must not keep those behind it.
    message.next = null
    this.#setUnread(channel, -memoryOf(message))
    return message
  }

  #setUnread(channel: Channel, change: number): void {
    if (change === 0) return
    const input = channel.holdInput()
    input.unreadBytes += change
    this.unreadBytes += change
    if (input.unreadBytes === 0) this.unread.delete(channel)
    else this.unread.add(channel)
    const isOver = this.unreadBytes > this.#limits.maxUnreadBytes
    if (isOver === this.withheldSinceMs >= 0) return
    this.withheldSinceMs = isOver ? this.#host.nowMs : -1
    if (isOver) this.#host.scheduleAt(this.withheldSinceMs + this.#limits.withheldTimeoutMs)
    else if (this.connection.isDue()) this.#host.onOutputPending()
  }

  #mayGrant(channel: Channel): boolean {
    return canReceive(channel.stateNumber) && (channel.bits & STOP_SENT) === 0
  }

  #oweCredit(channel: Channel): void {
    if ((channel.bits & CREDIT_OWED) !== 0 || !channel.receiveCredit.isDue() || !this.#mayGrant(channel))
      return
    channel.bits |= CREDIT_OWED
    this.#owed.push(channel)
    this.#host.onOutputPending()
  }
}

/** Whether messages wait to be read. */
function hasMessages(channel: Channel): boolean {
  return channel.input !== null && channel.input.head !== null
}
