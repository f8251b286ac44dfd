// Owns: what waits to go out on channels and whose turn it is (spec §9).
// Must not know: credit and frame layout (committer.ts), what arrives, timers, why a channel closes.
//
// A message goes straight into the outbox while nothing waits before it; otherwise it becomes an OutboundItem of its channel,
// and the channel a member of one list: ready (has its turn), waitingConnection or waitingPartial. A channel that lacks its
// own credit is in no list; CREDIT puts it back.

import type { BlockPool } from './block-pool.js'
import { type ByteRange, byteRange, keptBytes } from './byte-range.js'
import type { Channel } from './channel.js'
import { ANSWERED, LISTED, OUT_MESSAGE, OUTPUT_ENDED, STOP_RECEIVED, WANTS_ROOM } from './channel-bits.js'
import { ChannelList } from './channel-list.js'
import { DO_SEND_FIN, STATE_CLOSED, STATE_IDLE } from './channel-state.js'
import { failedPrecondition } from './checks.js'
import {
  type CommitHost,
  Committer,
  IS_OVERSIZED,
  ITEM_OPEN,
  LACKS_CONNECTION_CREDIT,
  LACKS_PARTIAL_SLOT,
  LARGEST_SENT_FRAME_BYTES,
  type OutboundItem,
} from './committer.js'
import { FLAG_FIN, FLAG_MSG, FLAG_TRL, OPEN_PREFIX_BYTES, REF_NAME } from './constants.js'
import type { Headers } from './entries.js'
import type { Hello } from './hello.js'
import { LateSet } from './late-set.js'
import type { SessionLimits } from './options.js'
import { NO_BYTES } from './utf8.js'

/** What the sender asks of its session. @internal */
export interface SenderHost extends CommitHost {
  onOutputPending(): void
  /** Tells the program that there is room. */
  notifyWritable(channel: Channel): void
  /** References that a message carries. */
  exportRefs(channel: Channel, entries: Uint8Array): void
}

/** So much is committed ahead of the transport; control frames wait behind no more than this and one frame (spec §9). */
const COMMIT_AHEAD_BYTES = 65_536
/**
 * A message of at most so many quanta leaves whole, if the frame allows: cut into quanta it would have to be put together over there, which
 * costs more than the others wait. `64k`: 0.56 of raw when cut into four, 0.73 in one.
 */
const WHOLE_QUANTA = 4
/** A last message this small always fits one frame, so its trailers may ride along. */
const SMALL_LAST_BYTES = 4_000

const NOTHING: ByteRange = byteRange()

/** What `commit` would say of an item that has to wait its turn. */
const NOT_TRIED = -9

export class Sender {
  readonly committer: Committer
  /** Payload bytes of all channels that wait for credit or their turn. */
  queuedBytes = 0
  readonly #host: SenderHost
  readonly #quantumBytes: number
  readonly #ready = new ChannelList()
  readonly #waitingConnection = new ChannelList()
  readonly #waitingPartial = new ChannelList()
  /** Channels whose OPEN waits, in the order of `open`. A set, because any of them may be cancelled. */
  readonly #opening = new LateSet<Channel>()
  /** Why the first of them cannot go; 0 when nobody has tried since something changed. */
  #openBlock = 0

  constructor(host: SenderHost, limits: SessionLimits, blocks: BlockPool) {
    this.#host = host
    this.#quantumBytes = limits.quantumBytes
    this.committer = new Committer(host, limits, blocks)
  }

  /** Channels whose OPEN waits to be committed. */
  get openingCount(): number {
    return this.#opening.size
  }

  /** Whether `fill` or the outbox has something for the transport. */
  get hasOutput(): boolean {
    return (
      this.committer.outbox.pendingBytes > 0 ||
      !this.#ready.isEmpty ||
      this.#canOpen() ||
      (!this.#waitingPartial.isEmpty && this.committer.hasPartialSlot)
    )
  }

  // ---- from the program ---------------------------------------------------------------------------------------------

  /** Queues the OPEN of a new channel with its first message, if any. Throws LimitError. */
  open(channel: Channel, flags: number, payload: ByteRange): void {
    const entries = channel.headers.encoded
    const meta = OPEN_PREFIX_BYTES + channel.open.nameBytes.length + entries.length
    this.committer.assertFits(channel, payload.end - payload.start, meta)
    if (entries.length > 0) this.#host.exportRefs(channel, entries)
    if ((flags & FLAG_FIN) !== 0) channel.bits |= OUTPUT_ENDED
    const isNext = this.#opening.size === 0 && this.committer.openCredit > 0
    this.#submit(channel, flags | ITEM_OPEN, entries, payload, isNext)
  }

  send(
    channel: Channel,
    payload: ByteRange,
    headers: Headers,
    trailers: Headers | null,
    isLast: boolean,
  ): boolean {
    if (!this.#assertOpen(channel, 'send')) return false
    let flags = FLAG_MSG
    let entries = headers.encoded
    let last: Uint8Array | null = null
    const bytes = payload.end - payload.start
    if (isLast) {
      const trailing = trailers === null ? NO_BYTES : trailers.encoded
      if (trailing.length === 0) flags |= FLAG_FIN
      else if (entries.length === 0 && bytes + trailing.length <= SMALL_LAST_BYTES) {
        flags |= FLAG_FIN | FLAG_TRL
        entries = trailing
      } else last = trailing
    }
    this.committer.assertFits(
      channel,
      bytes,
      last === null ? entries.length : Math.max(entries.length, last.length),
    )
    if (entries.length > 0) this.#host.exportRefs(channel, entries)
    if (isLast) channel.bits |= OUTPUT_ENDED
    this.#submit(channel, flags, entries, payload, this.#isFirst(channel))
    if (last !== null) this.#submit(channel, FLAG_FIN | FLAG_TRL, last, NOTHING, this.#isFirst(channel))
    if (channel.outHead === null) return true
    channel.bits |= WANTS_ROOM
    return false
  }

  sendHeaders(channel: Channel, headers: Headers): void {
    if (!this.#assertOpen(channel, 'send headers')) return
    if (headers.encoded.length === 0) return
    this.committer.assertFits(channel, 0, headers.encoded.length)
    this.#submit(channel, 0, headers.encoded, NOTHING, this.#isFirst(channel))
  }

  end(channel: Channel, trailers: Headers): void {
    if ((channel.bits & OUTPUT_ENDED) !== 0 || !channel.isWritable) return
    this.committer.assertFits(channel, 0, trailers.encoded.length)
    channel.bits |= OUTPUT_ENDED
    const flags = trailers.encoded.length > 0 ? FLAG_FIN | FLAG_TRL : FLAG_FIN
    this.#submit(channel, flags, trailers.encoded, NOTHING, this.#isFirst(channel))
  }

  /** Forgets what the channel has not committed. Returns whether its OPEN was among it. */
  drop(channel: Channel): boolean {
    const { output } = channel
    if (output !== null) {
      output.head = null
      output.tail = null
      this.queuedBytes -= output.bytes
      output.bytes = 0
    }
    channel.bits &= ~(OUT_MESSAGE | WANTS_ROOM)
    this.committer.freePartial(channel)
    const wasOpening = this.#opening.delete(channel)
    if (wasOpening) this.#openBlock = 0
    // Others may go now; or this was all that a drain still waited for.
    if (wasOpening || this.#opening.size > 0 || !this.#waitingPartial.isEmpty) this.#host.onOutputPending()
    return wasOpening
  }

  // ---- from the other side ------------------------------------------------------------------------------------------

  /** Their HELLO: the floors give way to what they announce. */
  start(hello: Hello, channels: Iterable<Channel>): void {
    this.committer.start(hello)
    for (const channel of channels) {
      if (!channel.isLocal) continue
      channel.sendState?.start(hello.channelWindowBytes, hello.channelWindowMessages)
      this.#list(channel)
    }
    for (const channel of this.#opening) {
      channel.sendState?.start(hello.channelWindowBytes, hello.channelWindowMessages)
    }
    this.#unblock()
  }

  /** CREDIT 0; false when a limit goes back. */
  raiseConnection(byteLimit: number, openLimit: number): boolean {
    if (!this.committer.raiseConnection(byteLimit, openLimit)) return false
    this.#unblock()
    return true
  }

  /** CREDIT n; false when a limit goes back. */
  raise(channel: Channel, byteLimit: number, messageLimit: number): boolean {
    if (!channel.sendCredit.raise(byteLimit, messageLimit)) return false
    // One that waits for a slot may fit a single frame now, and then needs none.
    if ((channel.bits & LISTED) !== 0) this.#ready.append(this.#waitingPartial)
    this.#list(channel)
    if (channel.outHead !== null) this.#host.onOutputPending()
    return true
  }

  /** They want no more: what waits is dropped and FIN answers, also in the middle of a message. */
  abandon(channel: Channel): void {
    this.drop(channel)
    channel.bits |= OUTPUT_ENDED | ANSWERED
    this.committer.outbox.data(FLAG_FIN, channel.id, NO_BYTES, NO_BYTES)
    this.#host.applyLocal(channel, DO_SEND_FIN)
    this.#host.onOutputPending()
  }

  /** Channels whose OPEN waits; a drain leaves calls of references where they are (spec §16). */
  opening(includesRefs: boolean): Channel[] {
    return [...this.#opening].filter((channel) => channel.name !== REF_NAME || includesRefs)
  }

  // ---- to the transport ---------------------------------------------------------------------------------------------

  /** Commits what may go, one OPEN and one ready channel in turn, until enough is ahead of the transport. */
  fill(): void {
    let isMoving = true
    while (isMoving && this.committer.outbox.pendingBytes < COMMIT_AHEAD_BYTES) {
      const hasOpened = this.#serveOpening()
      isMoving = this.#serveReady() || hasOpened
    }
  }

  #canOpen(): boolean {
    if (this.#opening.size === 0) return false
    return this.#openBlock === 0 || (this.#openBlock === LACKS_PARTIAL_SLOT && this.committer.hasPartialSlot)
  }

  #serveOpening(): boolean {
    if (!this.#canOpen()) return false
    const channel = this.#opening[Symbol.iterator]().next().value as Channel
    const item = channel.outHead as OutboundItem
    const hasCredit = this.committer.openCredit > 0
    const result = hasCredit ? this.#commitTurn(channel, item) : LACKS_CONNECTION_CREDIT
    if (result === IS_OVERSIZED) return true
    this.#openBlock = Math.min(result, 0)
    if (result < 0) return false
    this.#opening.delete(channel)
    this.#advance(channel, item, result)
    return true
  }

  #serveReady(): boolean {
    if (this.committer.hasPartialSlot) {
      const waiting = this.#waitingPartial.shift()
      if (waiting !== null) this.#ready.push(waiting)
    }
    const channel = this.#ready.shift()
    if (channel === null) return false
    channel.bits &= ~LISTED
    const item = channel.outHead
    if (item === null) return true
    const isAlone = this.#ready.isEmpty && !this.#canOpen()
    const result = isAlone
      ? this.committer.commit(channel, item, LARGEST_SENT_FRAME_BYTES)
      : this.#commitTurn(channel, item)
    if (result >= 0) this.#advance(channel, item, result)
    else if (result === LACKS_CONNECTION_CREDIT) this.#put(this.#waitingConnection, channel)
    else if (result === LACKS_PARTIAL_SLOT) this.#put(this.#waitingPartial, channel)
    return true
  }

  /** The turn of a channel while others wait: a short message as a whole if credit allows, else a quantum. */
  #commitTurn(channel: Channel, item: OutboundItem): number {
    if (item.offset === 0 && item.payload.length <= WHOLE_QUANTA * this.#quantumBytes) {
      const result = this.committer.commit(channel, item, LARGEST_SENT_FRAME_BYTES)
      if (result >= 0 || result === IS_OVERSIZED) return result
    }
    return this.committer.commit(channel, item, this.#quantumBytes)
  }

  /** Takes committed bytes off the head of the queue and gives the channel its next turn or its room. */
  #advance(channel: Channel, item: OutboundItem, bytes: number): void {
    const output = channel.holdOutput()
    if (output.head !== item) return
    output.bytes -= bytes
    this.queuedBytes -= bytes
    item.offset += bytes
    if (item.offset === item.payload.length) {
      output.head = item.next
      if (item.next === null) output.tail = null
    }
    if (output.head !== null) this.#list(channel)
    else if ((channel.bits & WANTS_ROOM) !== 0) {
      channel.bits &= ~WANTS_ROOM
      // What was just committed may have been the FIN that closed it.
      if (!channel.isClosed) this.#host.notifyWritable(channel)
    }
  }

  #isFirst(channel: Channel): boolean {
    return channel.outHead === null && channel.stateNumber !== STATE_IDLE
  }

  /** `isNext`: nothing of its own kind waits before it. Then it goes straight through, without a place in a queue. */
  #submit(channel: Channel, flags: number, entries: Uint8Array, payload: ByteRange, isNext: boolean): void {
    const isNow = isNext && this.#isCalm(payload)
    if (!isNow || !this.committer.commitWhole(channel, flags, entries, payload)) {
      this.#submitItem(channel, flags, entries, keptBytes(payload), isNow)
    }
    this.#host.onOutputPending()
  }

  /** One that is too large for a frame, or has to wait. */
  #submitItem(
    channel: Channel,
    flags: number,
    entries: Uint8Array,
    payload: Uint8Array,
    isNow: boolean,
  ): void {
    const item = { flags, entries, payload, offset: 0, next: null }
    const result = isNow ? this.committer.commit(channel, item, LARGEST_SENT_FRAME_BYTES) : NOT_TRIED
    if (result === payload.length || result === IS_OVERSIZED) return
    item.offset = Math.max(result, 0)
    this.#enqueue(channel, item)
    if (channel.stateNumber === STATE_IDLE) this.#opening.add(channel)
    else this.#list(channel)
  }

  #enqueue(channel: Channel, item: OutboundItem): void {
    const output = channel.holdOutput()
    if (output.tail === null) output.head = item
    else output.tail.next = item
    output.tail = item
    const bytes = item.payload.length - item.offset
    output.bytes += bytes
    this.queuedBytes += bytes
  }

  /** Nobody waits before a new message, and there is room ahead of the transport. */
  #isCalm(payload: ByteRange): boolean {
    if (!this.#ready.isEmpty) return false
    const { outbox } = this.committer
    // A message that waits is kept, which costs what is borrowed a copy in memory of its own.
    if (outbox.pendingBytes >= COMMIT_AHEAD_BYTES) {
      // A connection may lie within a channel of another: then writing is sending, which sets the same range anew.
      const { bytes, view, start, end, isBorrowed } = payload
      outbox.offer()
      payload.bytes = bytes
      payload.view = view
      payload.start = start
      payload.end = end
      payload.isBorrowed = isBorrowed
    }
    return outbox.pendingBytes < COMMIT_AHEAD_BYTES
  }

  #assertOpen(channel: Channel, verb: string): boolean {
    const isEnded = (channel.bits & (OUTPUT_ENDED | STOP_RECEIVED)) === OUTPUT_ENDED
    if (isEnded && channel.stateNumber !== STATE_CLOSED) {
      throw failedPrecondition(
        `${verb} on channel '${channel.name}' after its output was ended`,
        'send everything before end() or sendLast()',
      )
    }
    return channel.isWritable
  }

  #list(channel: Channel): void {
    if (channel.outHead === null || channel.stateNumber === STATE_IDLE) return
    this.#put(this.#ready, channel)
  }

  #put(list: ChannelList, channel: Channel): void {
    if ((channel.bits & LISTED) !== 0) return
    channel.bits |= LISTED
    list.push(channel)
  }

  #unblock(): void {
    this.#openBlock = 0
    this.#ready.append(this.#waitingConnection)
    this.#ready.append(this.#waitingPartial)
    if (this.hasOutput) this.#host.onOutputPending()
  }
}
