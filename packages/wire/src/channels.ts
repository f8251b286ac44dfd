// Owns: all channels of a session and the parts that serve them; how channels begin: opened here, or opened there and then
// accepted, refused or held (spec §5, §8, §11).
// Must not know: how channels end (endings.ts), the session's own beginning and end, keepalive, drain.

import { type ByteRange, byteRange } from './byte-range.js'
import { Channel, type ChannelHost, type ChannelSink, type FailOptions } from './channel.js'
import {
  ACCEPTED,
  ARRIVING,
  FINISHED,
  IDEMPOTENT,
  MAY_BE_SEEN,
  ONEWAY,
  OUTPUT_SEEN,
  SETTLED,
  STARTS_WITH_MESSAGE,
  STOP_RECEIVED,
  STOP_WANTED,
} from './channel-bits.js'
import { ChannelDeadline } from './channel-deadline.js'
import { canSend, channelTable, ON_OPEN, ON_OPEN_FIN, STATE_IDLE } from './channel-state.js'
import { ChannelTable } from './channel-table.js'
import { assertCode, failedPrecondition, invalidArgument } from './checks.js'
import { FLAG_IDEM, FLAG_MSG, FLAG_NOPROC, FLAG_ONEWAY, REF_NAME, TYPE_END, TYPE_RESET } from './constants.js'
import { ReceiveCredit, SendCredit } from './credit.js'
import { DeadlineHeap } from './deadlines.js'
import { EARN_MESSAGE, Economy } from './economy.js'
import { Endings, errorHeaders } from './endings.js'
import { findStatic, Headers } from './entries.js'
import {
  CODE_CANCELLED,
  CODE_REF_GONE,
  CODE_RESOURCE_EXHAUSTED,
  CODE_UNIMPLEMENTED,
  CODE_UNKNOWN,
} from './error-codes.js'
import { LimitError } from './errors.js'
import { KEY_ENCODING, KEY_REFS } from './header-keys.js'
import { LateSet } from './late-set.js'
import type { OpenInfo } from './open-info.js'
import { OpenSlots } from './open-slots.js'
import type { SessionLimits } from './options.js'
import type { Outbox } from './outbox.js'
import { Receiver, type ReceiverHost } from './receiver.js'
import { RefTable } from './refs.js'
import { Sender, type SenderHost } from './sender.js'
import { type ChannelsHost, type SessionCounters, zeroCounters } from './session-core.js'
import type { SessionProfile } from './session-profile.js'
import { NO_BYTES } from './utf8.js'

const NOTHING: ByteRange = byteRange()

/** Receives nothing: for channels that nobody has taken. */
export const SILENT: ChannelSink = { onMessage: () => {} }

export class Channels implements ChannelHost, SenderHost, ReceiverHost {
  readonly limits: SessionLimits
  readonly table: ChannelTable = new ChannelTable()
  readonly sender: Sender
  readonly receiver: Receiver
  readonly slots: OpenSlots
  readonly economy: Economy
  /** References that we exported, and those that we received. */
  readonly exports: RefTable
  readonly imports: RefTable
  readonly counters: SessionCounters = zeroCounters()
  /** The last channel of the other side that was accepted, references' calls apart: lastId of GOAWAY. */
  lastAcceptedId = 0

  readonly endings: Endings
  /** Inbound channels that wait for the verdict on the credentials, in order. */
  readonly held: LateSet<Channel> = new LateSet()

  readonly #host: ChannelsHost
  readonly #deadlines = new DeadlineHeap<ChannelDeadline>()
  /** REFs that wait for an OPEN. */
  #releases: (readonly [refId: number, count: number])[] = []
  /** Whether a message with `encoding` is refused; a middleman passes it on. */
  readonly checksEncoding: boolean

  constructor(host: ChannelsHost, profile: SessionProfile) {
    const { limits, hello } = profile
    this.#host = host
    this.limits = limits
    this.checksEncoding = profile.checksEncoding
    this.sender = new Sender(this, limits, profile.blocks)
    this.receiver = new Receiver(this, limits, hello.connectionWindowBytes)
    this.slots = new OpenSlots(hello.maxOpenChannels)
    this.economy = new Economy(limits.economyCap, limits.economyRefill, limits.economyRefillMs, host.nowMs)
    this.exports = new RefTable(limits.maxExportedRefs)
    this.imports = new RefTable(limits.maxExportedRefs)
    this.endings = new Endings(this, host, this.#deadlines)
  }

  get nowMs(): number {
    return this.#host.nowMs
  }

  get outbox(): Outbox {
    return this.sender.committer.outbox
  }

  nextTimerMs(): number {
    return Math.min(this.endings.nextTimerMs(), this.receiver.nextTimerMs())
  }

  tick(nowMs: number): void {
    this.endings.tick(nowMs)
    this.receiver.tick(nowMs)
  }

  onOutputPending(): void {
    this.#host.onOutputPending()
  }

  scheduleAt(atMs: number): void {
    this.#host.scheduleAt(atMs)
  }

  // ---- beginning ----------------------------------------------------------------------------------------------------

  /** Opens a channel; takes `message`. Its OPEN leaves when credit allows. Throws LimitError. */
  open(open: OpenInfo, message: ByteRange | null, sink: ChannelSink): Channel {
    const { flags, timeoutMs } = open
    const bits =
      ACCEPTED |
      ((flags & FLAG_ONEWAY) !== 0 ? ONEWAY : 0) |
      ((flags & FLAG_IDEM) !== 0 ? IDEMPOTENT : 0) |
      (message !== null ? STARTS_WITH_MESSAGE : 0)
    const channel = new Channel(this, 0, open, bits, sink)
    if (timeoutMs > 0) this.#setDeadline(channel, timeoutMs)
    try {
      if (message === null) this.sender.open(channel, flags, NOTHING)
      else this.sender.open(channel, flags | FLAG_MSG, message)
    } catch (error) {
      if (channel.deadline !== null) this.#deadlines.remove(channel.deadline)
      throw error
    }
    return channel
  }

  makeSendCredit(channel: Channel): SendCredit {
    const { channelWindowBytes, channelWindowMessages } = this.sender.committer.remote
    const { open, firstSentBytes } = channel
    const isAnswering = !channel.isLocal
    const credit = new SendCredit(
      (isAnswering && open.windowBytes) || channelWindowBytes,
      (isAnswering && open.windowMessages) || channelWindowMessages,
    )
    credit.charge(firstSentBytes)
    // What answers alone is a message; an OPEN may come without one.
    const hasMessage = isAnswering || channel.startsWithMessage
    credit.messagesSent = firstSentBytes > 0 && hasMessage ? 1 : 0
    return credit
  }

  makeReceiveCredit(channel: Channel): ReceiveCredit {
    const { open, firstReceivedBytes } = channel
    const credit = new ReceiveCredit(
      (channel.isLocal && open.windowBytes) || this.limits.channelWindowBytes,
      (channel.isLocal && open.windowMessages) || this.limits.channelWindowMessages,
    )
    const hasMessage = channel.isLocal || channel.startsWithMessage
    const messages = firstReceivedBytes > 0 && hasMessage ? 1 : 0
    credit.receive(firstReceivedBytes, messages)
    credit.consume(firstReceivedBytes, messages)
    return credit
  }

  enterChannel(channel: Channel): void {
    channel.id = this.table.allocate()
    this.table.add(channel)
    this.counters.channelsOpened++
  }

  /** Creates the channel of an OPEN that passed all checks. */
  createInbound(id: number, open: OpenInfo, isLast: boolean, bits: number): Channel {
    const channel = new Channel(this, id, open, bits, SILENT)
    channel.stateNumber = channelTable.next(STATE_IDLE, isLast ? ON_OPEN_FIN : ON_OPEN)
    this.table.add(channel)
    this.counters.channelsAccepted++
    if (open.name !== REF_NAME) this.lastAcceptedId = -id
    if (open.timeoutMs > 0) this.#setDeadline(channel, open.timeoutMs)
    return channel
  }

  /** Shows the channel to the program, or holds it while credentials are checked. */
  presentInbound(channel: Channel): void {
    if (this.#host.hasSentFinal && !this.exports.isOnLiveChannel(channel.headers.getNumber('ref') ?? 0)) {
      this.#turnAway(channel, CODE_REF_GONE)
    } else if (this.#host.isAuthPending) this.held.add(channel)
    else this.#host.notifyChannel(channel)
  }

  /** The credentials are good: full limits. */
  admit(): void {
    this.receiver.isHeld = false
    this.receiver.connection.windowBytes = this.limits.connectionWindowBytes
    this.slots.resize(this.limits.maxOpenChannels)
  }

  /** What was held meanwhile is shown, in order. */
  presentHeld(): void {
    const held = [...this.held]
    this.held.clear()
    for (const channel of held) if (!channel.isClosed) this.#host.notifyChannel(channel)
  }

  /** RESET with NOPROC before there is a channel; a one-way gets no frame. */
  rejectOpen(id: number, isOneway: boolean, code: number): void {
    this.counters.channelsRefused++
    if (!isOneway) this.outbox.coded(TYPE_RESET, FLAG_NOPROC, -id, code, NO_BYTES, NO_BYTES)
    this.slots.release(false)
    this.onOutputPending()
  }

  acceptChannel(channel: Channel, sink: ChannelSink): boolean {
    if (channel.isLocal || (channel.bits & (ACCEPTED | FINISHED)) !== 0) {
      throw failedPrecondition(
        `channel '${channel.name}' was accepted or refused before`,
        'decide once about each channel of the other side',
      )
    }
    if (channel.isClosed) {
      channel.bits |= SETTLED | FINISHED
      this.receiver.dropQueue(channel)
      this.endings.releaseSlot(channel)
      return false
    }
    const entries = channel.headers.encoded
    if (
      this.checksEncoding &&
      entries.length > 0 &&
      findStatic(entries, 0, entries.length, KEY_ENCODING) >= 0
    ) {
      this.refuseChannel(channel, CODE_UNIMPLEMENTED, {
        message: 'message encodings are not supported',
      })
      return false
    }
    channel.sink = sink
    channel.bits |= ACCEPTED
    if ((channel.bits & STOP_RECEIVED) !== 0) this.#answerStop(channel)
    if (channel.holdsAny) this.receiver.drainQueue(channel)
    return true
  }

  refuseChannel(channel: Channel, code: number, options: FailOptions): void {
    if (channel.isLocal || (channel.bits & ACCEPTED) !== 0) {
      throw failedPrecondition(
        `channel '${channel.name}' can no longer be refused`,
        'use fail() or reset() after accept()',
      )
    }
    assertCode('refuse', code, 1)
    const headers = errorHeaders(options)
    if (!channel.isClosed) this.sender.committer.assertEndFits(channel, headers.encoded.length, 0)
    channel.bits |= SETTLED
    this.held.delete(channel)
    if (!channel.isClosed) {
      this.counters.channelsRefused++
      this.endings.end(channel, TYPE_END, code, headers, NO_BYTES)
    }
    channel.bits |= FINISHED
    this.endings.releaseSlot(channel)
  }

  // ---- for the other parts ------------------------------------------------------------------------------------------

  /** An OPEN took a slot or one came back: slots to announce may be owed now. */
  announceSlots(): void {
    if (!this.#host.isAuthPending && this.slots.isDue()) this.onOutputPending()
  }

  failChannel(channel: Channel, code: number, options: FailOptions): void {
    this.endings.fail(channel, code, options)
  }

  resetChannel(channel: Channel, code: number): void {
    this.endings.reset(channel, code)
  }

  failOversized(channel: Channel, code: number, message: string): void {
    this.endings.end(channel, TYPE_RESET, code, Headers.from({ message }), NO_BYTES)
  }

  ignoreAnswer(channel: Channel): void {
    channel.bits = (channel.bits & ~ONEWAY) | STOP_WANTED
  }

  settleChannel(channel: Channel): void {
    this.endings.settle(channel)
  }

  applyLocal(channel: Channel, event: number): void {
    this.endings.applyLocal(channel, event)
    this.sendReleases()
    if ((channel.bits & STOP_WANTED) === 0) return
    // Its OPEN has left now.
    channel.bits &= ~STOP_WANTED
    this.receiver.stop(channel, channel.holdInput().stopCode)
  }

  receiveStop(channel: Channel, code: number): void {
    channel.bits |= STOP_RECEIVED
    channel.holdInput().stopCode = code === 0 ? CODE_CANCELLED : code
    // FIN on a channel that nobody has taken yet would say that the call ran: it is answered by accept or refuse.
    if ((channel.bits & ACCEPTED) !== 0) this.#answerStop(channel)
  }

  #answerStop(channel: Channel): void {
    // The program first: FIN may close the channel, and it may want to answer with an error instead.
    if ((channel.bits & FINISHED) === 0) {
      try {
        channel.sink.onStop?.(channel.holdInput().stopCode, channel)
      } catch (error) {
        this.onHandlerError(error, channel)
      }
    }
    // A one-way is never answered.
    if ((channel.bits & ONEWAY) === 0 && canSend(channel.stateNumber)) this.sender.abandon(channel)
  }

  // ---- telling the program ------------------------------------------------------------------------------------------

  notifyHeaders(channel: Channel, headers: Headers): void {
    if ((channel.bits & (ACCEPTED | FINISHED)) !== ACCEPTED) return
    channel.bits |= OUTPUT_SEEN
    try {
      channel.sink.onHeaders?.(headers, channel)
    } catch (error) {
      this.onHandlerError(error, channel)
    }
  }

  notifyWritable(channel: Channel): void {
    try {
      channel.sink.onWritable?.(channel)
    } catch (error) {
      this.onHandlerError(error, channel)
    }
  }

  onMessageCompleted(): void {
    this.counters.messagesReceived++
    this.economy.earn(EARN_MESSAGE)
  }

  onHandlerError(error: unknown, channel: Channel): void {
    this.counters.handlerErrors++
    channel.bits |= SETTLED | MAY_BE_SEEN
    const type = channel.isLocal ? TYPE_RESET : TYPE_END
    this.endings.end(channel, type, CODE_UNKNOWN, Headers.EMPTY, NO_BYTES)
    // One that was closed before has a slot, and a one-way past its deadline a place in the table, that only this gives back.
    this.endings.settle(channel)
    this.#host.notifyHandlerError(error, channel)
  }

  // ---- references ---------------------------------------------------------------------------------------------------

  exportRefs(channel: Channel, entries: Uint8Array): void {
    const refs = refsOf(entries)
    if (refs === null || this.exports.add(channel, refs)) return
    throw new LimitError(
      'RESOURCE_EXHAUSTED',
      `more than ${this.limits.maxExportedRefs} references are exported`,
      { hint: 'release retained references, or end the channels that carry them' },
    )
  }

  /** False when they are too many: the channel that carried them has ended. */
  importRefs(channel: Channel, headers: Headers): boolean {
    const refs = refsOf(headers.encoded)
    if (refs === null || this.imports.add(channel, refs)) return true
    if ((channel.bits & ARRIVING) !== 0) this.#turnAway(channel, CODE_RESOURCE_EXHAUSTED)
    else this.endings.end(channel, TYPE_END, CODE_RESOURCE_EXHAUSTED, Headers.EMPTY, NO_BYTES)
    return false
  }

  /** Gives back receptions of a retained reference. Throws UsageError. */
  releaseImport(refId: number, count: number): void {
    const isCount = Number.isInteger(count) && count > 0
    const result = isCount ? this.imports.release(refId, count) : 'violation'
    if (result === 'violation') {
      throw invalidArgument(
        `reference ${refId} was not received ${count} times as retained`,
        'release it as often as it was received with the retained flag',
      )
    }
    if (result === 'ignored') return
    this.#releases.push([refId, count])
    this.sendReleases()
  }

  /** Sends what was given back, unless an OPEN that calls it still waits: a REF does not overtake that (spec §9). */
  sendReleases(): void {
    // Most times there are none, and what follows costs memory at once.
    if (this.#releases.length > 0) this.#sendReleases()
  }

  #sendReleases(): void {
    const called = new Set(
      this.sender
        .opening(true)
        .filter((channel) => channel.name === REF_NAME && channel.stateNumber === STATE_IDLE)
        .map((channel) => channel.headers.getNumber('ref')),
    )
    this.#releases = this.#releases.filter(([refId, count]) => {
      if (called.has(refId)) return true
      this.outbox.ref([refId, count])
      return false
    })
    this.onOutputPending()
  }

  /** Whether it calls a received reference whose channel is alive, which a drain does not forbid (spec §16). */
  isCallOfLiveRef(open: OpenInfo): boolean {
    if (open.name !== REF_NAME) return false
    return this.imports.isOnLiveChannel(open.headers.getNumber('ref') ?? 0)
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  /** Ends a channel that the program was never shown. */
  #turnAway(channel: Channel, code: number): void {
    channel.bits |= SETTLED
    this.endings.end(channel, TYPE_END, code, Headers.EMPTY, NO_BYTES)
  }

  openTimeoutMs(channel: Channel): number {
    const { deadline } = channel
    if (deadline === null || deadline.heapIndex < 0) return 0
    return Math.max(1, Math.ceil(deadline.deadlineMs - this.nowMs))
  }

  #setDeadline(channel: Channel, timeoutMs: number): void {
    const deadline = new ChannelDeadline(channel, this.nowMs + timeoutMs)
    channel.deadline = deadline
    this.#deadlines.add(deadline)
    this.scheduleAt(deadline.deadlineMs)
  }
}

function refsOf(entries: Uint8Array): Uint8Array | null {
  const at = entries.length === 0 ? -1 : findStatic(entries, 0, entries.length, KEY_REFS)
  if (at < 0) return null
  const length = (entries[at - 2] as number) | ((entries[at - 1] as number) << 8)
  return entries.subarray(at, at + length)
}
