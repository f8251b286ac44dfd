// Owns: how channels end: by FIN, END, RESET, loss or a deadline; what is then released, and what the program is told
// (spec §8, §11, §12). Every path leads through `#finish`, once per channel.
// Must not know: how channels begin (channels.ts), the session's own end.

import { type Channel, type FailOptions, goodOutcome, makeOutcome, type Outcome } from './channel.js'
import {
  ACCEPTED,
  ANSWERED,
  ARRIVING,
  END_QUEUED,
  FINISHED,
  HAS_SLOT,
  IN_MESSAGE,
  MAY_BE_SEEN,
  ONEWAY,
  OUTPUT_SEEN,
  SETTLED,
  SLOT_DELAYED,
  STOP_SENT,
} from './channel-bits.js'
import type { ChannelDeadline } from './channel-deadline.js'
import {
  channelTable,
  DO_LOSE,
  DO_OPEN_ONEWAY,
  DO_SEND_END,
  DO_SEND_FIN,
  DO_SEND_RESET,
  DO_SETTLE_ONEWAY,
  ON_END,
  ON_FIN,
  ON_RESET,
  STATE_CLOSED,
  STATE_HALF_LOCAL,
  STATE_IDLE,
} from './channel-state.js'
import type { Channels } from './channels.js'
import { assertCode } from './checks.js'
import { FLAG_NOPROC, REF_NAME, TYPE_END, TYPE_RESET } from './constants.js'
import type { DeadlineHeap } from './deadlines.js'
import { EARN_CHANNEL } from './economy.js'
import { Headers } from './entries.js'
import {
  CODE_CANCELLED,
  CODE_DEADLINE_EXCEEDED,
  CODE_MESSAGE_TOO_LARGE,
  CODE_METADATA_TOO_LARGE,
  CODE_UNAVAILABLE,
  CODE_UNSUPPORTED_CODEC,
} from './error-codes.js'
import { codeName, type Delivery } from './errors.js'
import type { ChannelsHost } from './session-core.js'
import { wrongState } from './session-errors.js'
import { NO_TRANSITION } from './state-table.js'
import { NO_BYTES } from './utf8.js'

/** Codes by which an opener rejects a reply: the call has run (spec §12.2). */
const UNREADABLE_REPLY: ReadonlySet<number> = new Set([
  CODE_MESSAGE_TOO_LARGE,
  CODE_METADATA_TOO_LARGE,
  CODE_UNSUPPORTED_CODEC,
])

/** The entries of an END: its text, then what else the program adds. Throws UsageError, LimitError. */
export function errorHeaders(options: FailOptions): Headers {
  const hasText = options.message !== undefined && options.message !== ''
  const pairs: [string, string | Uint8Array][] = hasText ? [['message', options.message as string]] : []
  return Headers.from([...pairs, ...Headers.from(options.headers)])
}

export class Endings {
  readonly #channels: Channels
  readonly #host: ChannelsHost
  readonly #deadlines: DeadlineHeap<ChannelDeadline>
  /** One-ways whose OPEN is committed: how they end shows when the transport has it. */
  #handingOver: Channel[] = []
  /** When delayed slots return. */
  #slotTickMs: number = Number.POSITIVE_INFINITY

  constructor(channels: Channels, host: ChannelsHost, deadlines: DeadlineHeap<ChannelDeadline>) {
    this.#channels = channels
    this.#host = host
    this.#deadlines = deadlines
  }

  /** Channels with a deadline. */
  get deadlineCount(): number {
    return this.#deadlines.size
  }

  nextTimerMs(): number {
    return Math.min(this.#deadlines.earliestMs, this.#slotTickMs)
  }

  /** Ends what is out of time, and returns delayed slots. */
  tick(nowMs: number): void {
    this.expire(nowMs)
    if (nowMs < this.#slotTickMs) return
    this.#slotTickMs = Number.POSITIVE_INFINITY
    const { slots } = this.#channels
    slots.releaseDelayed()
    this.#channels.announceSlots()
  }

  // ---- from here ----------------------------------------------------------------------------------------------------

  /** END; throws UsageError, LimitError. */
  fail(channel: Channel, code: number, options: FailOptions): void {
    assertCode('fail', code, 1)
    const headers = errorHeaders(options)
    const details = options.details ?? NO_BYTES
    if (!channel.isClosed)
      this.#channels.sender.committer.assertEndFits(channel, headers.encoded.length, details.length)
    this.end(channel, TYPE_END, code, headers, details)
  }

  /** RESET; 0 means CANCELLED. */
  reset(channel: Channel, code: number): void {
    assertCode('reset', code, 0)
    const known = code === 0 ? CODE_CANCELLED : code
    const isReply = channel.isLocal && channel.openAt >= 0 && UNREADABLE_REPLY.has(code)
    const delivery = isReply ? 'processed' : this.#localDelivery(channel)
    this.end(channel, TYPE_RESET, known, Headers.EMPTY, NO_BYTES, delivery)
  }

  /** The handler is done. */
  settle(channel: Channel): void {
    channel.bits |= SETTLED
    if (channel.isLocal) return
    if ((channel.bits & ONEWAY) !== 0 && channel.stateNumber !== STATE_CLOSED) {
      this.#step(channel, DO_SETTLE_ONEWAY)
      this.#remove(channel)
      this.#finish(channel, 0, '', 'processed', 'local')
    }
    if (channel.stateNumber === STATE_CLOSED) {
      this.#dropUnread(channel)
      this.releaseSlot(channel)
      this.#channels.receiver.handEnd(channel)
    } else this.#stopUnread(channel)
  }

  /** Applies a local event; a channel whose both directions ended by FIN is complete. */
  applyLocal(channel: Channel, event: number): void {
    this.#step(channel, event)
    if (event === DO_SEND_FIN && !channel.isLocal) this.#stopUnread(channel)
    if (channel.stateNumber !== STATE_CLOSED) return
    this.#remove(channel)
    if (event === DO_OPEN_ONEWAY) {
      this.#handingOver.push(channel)
      if (channel.deadline !== null) this.#deadlines.add(channel.deadline)
    } else this.#finish(channel, 0, '', 'processed', 'remote')
  }

  /** Output has left: one-ways that went with it are done; whether they ran nobody will tell. */
  onTaken(): void {
    if (this.#handingOver.length > 0) this.finishOneways(this.#channels.outbox.takenBytes)
  }

  /** Ends the one-ways whose OPEN stands before `takenBytes` in the output. */
  finishOneways(takenBytes: number): void {
    const gone = this.#handingOver.filter((channel) => channel.openAt < takenBytes)
    this.#handingOver = this.#handingOver.filter((channel) => channel.openAt >= takenBytes)
    for (const channel of gone) this.#finish(channel, 0, '', 'unknown', 'remote')
  }

  // ---- from there ---------------------------------------------------------------------------------------------------

  receiveFin(channel: Channel, trailers: Headers): void {
    this.#step(channel, ON_FIN)
    this.queueEnd(channel, trailers)
  }

  /** The input is complete; OPEN with FIN comes here directly. */
  queueEnd(channel: Channel, trailers: Headers): void {
    this.#channels.receiver.dropPartial(channel)
    channel.bits &= ~IN_MESSAGE
    if ((channel.bits & STOP_SENT) === 0) {
      if (trailers !== Headers.EMPTY) channel.holdInput().trailers = trailers
      channel.bits |= END_QUEUED
    }
    if (channel.stateNumber === STATE_CLOSED) {
      this.#remove(channel)
      this.#finish(channel, 0, '', 'processed', 'remote')
    } else this.#channels.receiver.handEnd(channel)
  }

  receiveEnd(
    channel: Channel,
    event: number,
    code: number,
    isUnprocessed: boolean,
    headers: Headers,
    details: Uint8Array,
  ): void {
    const isAnswer = event === ON_END || (channel.bits & OUTPUT_SEEN) !== 0
    const delivery = isUnprocessed ? 'not-processed' : isAnswer || !channel.isLocal ? 'processed' : 'unknown'
    this.#step(channel, event)
    this.#channels.sender.drop(channel)
    this.#channels.receiver.dropPartial(channel)
    channel.bits &= ~END_QUEUED
    if (event === ON_RESET) this.#channels.receiver.dropQueue(channel)
    this.#remove(channel)
    const known = code === 0 ? CODE_CANCELLED : code
    this.#finish(channel, known, headers.get('message') ?? '', delivery, 'remote', headers, details)
  }

  // ---- many at once -------------------------------------------------------------------------------------------------

  /** OPENs that wait go back to their callers: nothing of them was sent. */
  returnOpening(message: string, includesRefs: boolean): void {
    for (const channel of this.#channels.sender.opening(includesRefs))
      this.#lose(channel, 'not-sent', message)
  }

  /** Our channels beyond the other side's fence never ran. `isOver`: what has not left yet never will. */
  loseBeyond(lastId: number, message: string, isOver: boolean): void {
    const { table, outbox } = this.#channels
    for (const channel of table.snapshot()) {
      if (!channel.isLocal || channel.name === REF_NAME || !table.isBeyond(channel.id, lastId)) continue
      const hasLeft = !isOver || channel.openAt < outbox.takenBytes
      this.#lose(channel, hasLeft ? 'not-processed' : 'not-sent', message)
    }
  }

  /** Whatever still runs ends now: RESET(UNAVAILABLE) on it. What is in the output goes out, one-ways too. */
  endAll(reason: string): void {
    this.returnOpening(reason, true)
    for (const channel of this.#channels.table.snapshot()) {
      if (channel.stateNumber !== STATE_CLOSED) this.reset(channel, CODE_UNAVAILABLE)
    }
    this.finishOneways(Number.POSITIVE_INFINITY)
  }

  /** The connection is over. `delivery` overrides what is otherwise known of each call of ours. */
  loseAll(message: string, delivery: Delivery | null): void {
    this.returnOpening(message, true)
    // Written in the middle of a turn, on a connection that has not asked for more since: nobody was told yet.
    this.onTaken()
    const stuck = this.#handingOver
    this.#handingOver = []
    for (const channel of stuck) this.#finish(channel, CODE_UNAVAILABLE, message, 'not-sent', 'local')
    this.#channels.held.clear()
    for (const channel of this.#channels.table.snapshot())
      this.#lose(channel, delivery ?? this.#lostDelivery(channel), message)
  }

  /** Ends what is out of time. */
  expire(nowMs: number): void {
    for (
      let deadline = this.#deadlines.takeExpired(nowMs);
      deadline;
      deadline = this.#deadlines.takeExpired(nowMs)
    ) {
      const { channel } = deadline
      const code = CODE_DEADLINE_EXCEEDED
      if (channel.isLocal) this.reset(channel, code)
      else if ((channel.bits & (ACCEPTED | ONEWAY)) === (ACCEPTED | ONEWAY)) {
        this.#finish(channel, code, '', 'processed', 'local')
      } else this.end(channel, TYPE_END, code, Headers.EMPTY, NO_BYTES)
    }
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  #step(channel: Channel, event: number): void {
    const next = channelTable.next(channel.stateNumber, event)
    if (next === NO_TRANSITION)
      throw wrongState(`channel '${channel.name}'`, channel.state, channelTable.events[event])
    channel.stateNumber = next
  }

  /** Both directions end from here: by END or RESET, or without a frame where none can be sent. */
  end(
    channel: Channel,
    type: number,
    code: number,
    headers: Headers,
    details: Uint8Array,
    delivery: Delivery = this.#localDelivery(channel),
  ): void {
    this.#channels.receiver.dropQueue(channel)
    if (channel.isClosed) {
      const place = this.#handingOver.indexOf(channel)
      if (place < 0) this.#finishUnread(channel, code)
      else this.#giveUpOneway(place, code, headers, details)
      return
    }
    this.#channels.sender.drop(channel)
    channel.bits &= ~END_QUEUED
    if (channel.stateNumber !== STATE_IDLE) {
      this.#step(channel, type === TYPE_END ? DO_SEND_END : DO_SEND_RESET)
      const isUnseen = !channel.isLocal && (channel.bits & (ACCEPTED | MAY_BE_SEEN)) === 0
      if ((channel.bits & ONEWAY) === 0) {
        this.#channels.outbox.coded(
          type,
          isUnseen ? FLAG_NOPROC : 0,
          channel.id,
          code,
          headers.encoded,
          details,
        )
        channel.bits |= ANSWERED
        this.#host.onOutputPending()
      }
    }
    this.#remove(channel)
    this.#finish(channel, code, headers.get('message') ?? '', delivery, 'local', headers, details)
  }

  /** Its OPEN cannot be taken back from the output: it may still run. */
  #giveUpOneway(place: number, code: number, headers: Headers, details: Uint8Array): void {
    const [channel] = this.#handingOver.splice(place, 1) as [Channel]
    this.#finish(channel, code, headers.get('message') ?? '', 'unknown', 'local', headers, details)
  }

  /** It was closed on the wire already, with messages unread: those are gone now. */
  #finishUnread(channel: Channel, code: number): void {
    if ((channel.bits & FINISHED) !== 0) return
    channel.bits &= ~END_QUEUED
    channel.outcome = makeOutcome(code, codeName(code), '', 'processed', 'local')
    this.#channels.receiver.handEnd(channel)
  }

  #lose(channel: Channel, delivery: Delivery, message: string): void {
    // A program that is told of one channel may end others meanwhile.
    if (
      channel.stateNumber === STATE_CLOSED ||
      (channel.stateNumber === STATE_IDLE && channel.outcome !== null)
    )
      return
    if (channel.stateNumber !== STATE_IDLE) this.#step(channel, DO_LOSE)
    this.#channels.sender.drop(channel)
    this.#channels.receiver.dropPartial(channel)
    this.#remove(channel)
    this.#finish(channel, CODE_UNAVAILABLE, message, delivery, 'local')
  }

  #finish(
    channel: Channel,
    code: number,
    message: string,
    delivery: Delivery,
    origin: 'local' | 'remote',
    headers: Headers = Headers.EMPTY,
    details: Uint8Array = NO_BYTES,
  ): void {
    if (channel.outcome === null) {
      const isGood = code === 0 && origin === 'remote'
      channel.outcome = isGood
        ? goodOutcome(delivery)
        : makeOutcome(code, codeName(code), message, delivery, origin, headers, details)
    }
    // An error is told at once; nothing else of the OPEN will be.
    if (code !== 0) channel.bits &= ~ARRIVING
    if (channel.deadline !== null) this.#deadlines.remove(channel.deadline)
    this.#channels.receiver.handEnd(channel)
    if (code !== 0 && (channel.bits & (ACCEPTED | FINISHED)) === ACCEPTED) this.#tellFailing(channel)
  }

  /** Its end waits behind messages that nobody reads; a program that waits for room must not wait for that. */
  #tellFailing(channel: Channel): void {
    try {
      channel.sink.onFailing?.(channel.outcome as Outcome, channel)
    } catch (error) {
      this.#channels.onHandlerError(error, channel)
    }
  }

  #remove(channel: Channel): void {
    if (channel.deadline !== null) this.#deadlines.remove(channel.deadline)
    const { exports, held, imports, table } = this.#channels
    const freed = exports.releaseChannel(channel)
    for (let at = 0; at < freed.length; at++) this.#host.notifyRefFreed(freed[at] as number)
    imports.releaseChannel(channel)
    this.#channels.sendReleases()
    if (!table.remove(channel)) return
    // Own ones too: when a deadline passes on both sides, the END that crosses our RESET would only cost.
    this.#channels.economy.earn(EARN_CHANNEL)
    if (channel.isLocal) this.#channels.counters.ownChannelsEnded++
    else {
      // Nobody will be given what a channel holds that is over before it was taken.
      if ((channel.bits & ACCEPTED) === 0) this.#channels.receiver.dropQueue(channel)
      if (held.size > 0 && held.delete(channel)) channel.bits |= SETTLED
      if ((channel.bits & SETTLED) !== 0) {
        this.#dropUnread(channel)
        this.releaseSlot(channel)
      }
    }
    this.#host.onChannelRemoved()
  }

  /** Its handler is done and nothing more comes: what is unread will never be read. */
  #dropUnread(channel: Channel): void {
    if (channel.input === null || channel.input.head === null) return
    this.#channels.receiver.dropQueue(channel)
    channel.bits &= ~END_QUEUED
  }

  releaseSlot(channel: Channel): void {
    if ((channel.bits & HAS_SLOT) === 0) return
    channel.bits &= ~HAS_SLOT
    const isDelayed = (channel.bits & (SLOT_DELAYED | ANSWERED)) === SLOT_DELAYED
    this.#channels.slots.release(isDelayed)
    if (isDelayed) this.#delaySlot()
    else this.#channels.announceSlots()
  }

  #delaySlot(): void {
    if (this.#slotTickMs !== Number.POSITIVE_INFINITY) return
    this.#slotTickMs = this.#host.nowMs + this.#channels.limits.openSlotTickMs
    this.#host.scheduleAt(this.#slotTickMs)
  }

  /** An acceptor that has answered and whose handler is done wants no more input (spec §20). */
  #stopUnread(channel: Channel): void {
    if ((channel.bits & SETTLED) !== 0 && channel.stateNumber === STATE_HALF_LOCAL)
      this.#channels.receiver.stop(channel, 0)
  }

  /** How far a call of ours got when this side ends it. */
  #localDelivery(channel: Channel): Delivery {
    if (!channel.isLocal) return 'processed'
    if (channel.openAt < 0) return 'not-sent'
    return (channel.bits & OUTPUT_SEEN) !== 0 ? 'processed' : 'unknown'
  }

  /** How far it got when the connection ends: an OPEN that never left the outbox did not. */
  #lostDelivery(channel: Channel): Delivery {
    if (channel.isLocal && channel.openAt >= this.#channels.outbox.takenBytes) return 'not-sent'
    return this.#localDelivery(channel)
  }
}
