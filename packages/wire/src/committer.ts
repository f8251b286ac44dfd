// Owns: what may leave in one frame (spec §9, §10): the credit the other side gave, its limits, the slots for incomplete
// messages, and the outbox that holds what is committed.
// Must not know: queues and turns (sender.ts), what arrives, why a channel closes.

import type { BlockPool } from './block-pool.js'
import { type ByteRange, byteRange } from './byte-range.js'
import type { Channel } from './channel.js'
import { ANSWERED, OUT_MESSAGE, PARTIAL_SLOT } from './channel-bits.js'
import { DO_OPEN, DO_OPEN_FIN, DO_OPEN_ONEWAY, DO_SEND, DO_SEND_FIN } from './channel-state.js'
import {
  CODE_BYTES,
  FLAG_FIN,
  FLAG_IDEM,
  FLAG_MORE,
  FLAG_MSG,
  FLAG_ONEWAY,
  FLAG_TRL,
  FLOOR_CHANNEL_BYTES,
  FLOOR_CONNECTION_BYTES,
  MESSAGE_CHARGE_BYTES,
  OPEN_PREFIX_BYTES,
} from './constants.js'
import { SendCredit } from './credit.js'
import { ERRORS, LimitError } from './errors.js'
import { FLOOR_HELLO, type Hello } from './hello.js'
import type { SessionLimits } from './options.js'
import { Outbox } from './outbox.js'
import { remaining } from './serial.js'
import { NO_BYTES } from './utf8.js'

/** What waits in a channel: a message or the rest of one, headers alone, or FIN alone; the first may be the OPEN. */
export interface OutboundItem {
  flags: number
  entries: Uint8Array
  payload: Uint8Array
  offset: number
  next: OutboundItem | null
}

/** What committing asks of the session. @internal */
export interface CommitHost {
  /** Applies a local event of the channel table; closes the channel when it leads there. */
  applyLocal(channel: Channel, event: number): void
  /** Gives the channel its id and its place in the table. */
  enterChannel(channel: Channel): void
  /** Remaining time for the OPEN prefix, 0 for none. */
  openTimeoutMs(channel: Channel): number
  /** A one-way that does not fit one frame goes as a call whose answer nobody hears (spec §20). */
  ignoreAnswer(channel: Channel): void
  /** Ends a channel whose queued message turned out to be larger than the other side allows. */
  failOversized(channel: Channel, code: number, message: string): void
}

/** Set beside wire flags on the item that is to leave as OPEN. */
export const ITEM_OPEN = 0x100

/** Larger frames save nothing and make control frames wait. */
export const LARGEST_SENT_FRAME_BYTES = 262_144

// Results of `commit` below 0: why nothing was committed.
const LACKS_CHANNEL_CREDIT = -1
export const LACKS_CONNECTION_CREDIT = -2
export const LACKS_PARTIAL_SLOT = -3
export const IS_OVERSIZED = -4

/** What `maxMetaBytes` comes to with the least window that there is, 16 KiB. */
const LEAST_META_BYTES = FLOOR_CHANNEL_BYTES / 2 - 64

export class Committer {
  readonly outbox: Outbox
  /** What the other side lets us send on the whole connection. */
  readonly credit: SendCredit = new SendCredit(FLOOR_CONNECTION_BYTES, 0)
  /** What the other side announced; the floors until it did. */
  remote: Hello = FLOOR_HELLO
  /** Messages of ours that are incomplete on the wire. */
  partialCount = 0
  /** Messages begun. */
  messagesSent = 0

  readonly #host: CommitHost
  readonly #limits: SessionLimits
  #openLimit: number = FLOOR_HELLO.maxOpenChannels
  #opensSent = 0
  readonly #part = byteRange()
  /** The largest frame that is sent, header apart. */
  #frameBytes: number = Math.min(FLOOR_HELLO.maxFrameBytes, LARGEST_SENT_FRAME_BYTES)
  /** Metadata that fits on every channel. */
  #plainMetaBytes: number = Math.min(FLOOR_HELLO.maxHeaderBytes, LEAST_META_BYTES)

  constructor(host: CommitHost, limits: SessionLimits, blocks: BlockPool) {
    this.outbox = new Outbox(blocks)
    this.#host = host
    this.#limits = limits
  }

  /** How many channels we may still open. */
  get openCredit(): number {
    return remaining(this.#openLimit, this.#opensSent)
  }

  /** Starts the count of opens elsewhere, for tests of the wrap. @internal */
  startOpensAt(count: number): void {
    this.#opensSent = (this.#opensSent + count) | 0
    this.#openLimit = (this.#openLimit + count) | 0
  }

  get hasPartialSlot(): boolean {
    return this.partialCount < this.remote.maxPartialMessages
  }

  /** The most metadata that the other side takes in one frame of this channel (spec §6). */
  maxMetaBytes(channel: Channel): number {
    const { maxHeaderBytes, maxFrameBytes, channelWindowBytes, connectionWindowBytes } = this.remote
    const window = Math.min(channelWindowBytes, connectionWindowBytes, this.#windowBytes(channel))
    return Math.min(maxHeaderBytes, maxFrameBytes - 64, Math.floor(window / 2) - 64)
  }

  /** Their HELLO: the floors give way to what they announce. */
  start(hello: Hello): void {
    this.remote = hello
    this.credit.start(hello.connectionWindowBytes, 0)
    this.#openLimit = hello.maxOpenChannels | 0
    this.#frameBytes = Math.min(hello.maxFrameBytes, LARGEST_SENT_FRAME_BYTES)
    this.#plainMetaBytes = Math.min(hello.maxHeaderBytes, LEAST_META_BYTES)
  }

  /** CREDIT 0; false when a limit goes back. */
  raiseConnection(byteLimit: number, openLimit: number): boolean {
    if (remaining(openLimit, this.#openLimit) < 0 || !this.credit.raise(byteLimit, 0)) return false
    this.#openLimit = openLimit | 0
    return true
  }

  /** Throws when an END with so much metadata and details would exceed a frame of the other side. */
  assertEndFits(channel: Channel, metaBytes: number, detailsBytes: number): void {
    const most = this.maxMetaBytes(channel)
    const frameBytes = this.#frameBytes
    if (metaBytes + CODE_BYTES <= most && metaBytes + CODE_BYTES + detailsBytes <= frameBytes) return
    throw new LimitError(
      'METADATA_TOO_LARGE',
      `an error with ${metaBytes} bytes of headers and ${detailsBytes} of details`,
      {
        hint: `the other side takes ${most} of metadata and ${frameBytes} in all in one frame`,
      },
    )
  }

  /** Gives back the channel's slot for an incomplete message, if it has one. */
  freePartial(channel: Channel): void {
    if ((channel.bits & PARTIAL_SLOT) === 0) return
    channel.bits &= ~PARTIAL_SLOT
    this.partialCount--
  }

  /** Throws when the other side is known to refuse it; before its HELLO this shows only when the message is due. */
  assertFits(channel: Channel, payloadBytes: number, meta: number): void {
    if (this.remote === FLOOR_HELLO) return
    if (payloadBytes <= this.remote.maxMessageBytes && meta <= this.#plainMetaBytes) return
    if (payloadBytes > this.remote.maxMessageBytes) {
      throw new LimitError(
        'MESSAGE_TOO_LARGE',
        `a message of ${payloadBytes} bytes on channel '${channel.name}', the other side takes ${this.remote.maxMessageBytes}`,
        { hint: 'split it, or raise limits.maxMessageBytes over there' },
      )
    }
    const most = this.maxMetaBytes(channel)
    if (meta > most) {
      throw new LimitError(
        'METADATA_TOO_LARGE',
        `${meta} bytes of headers on channel '${channel.name}', the other side takes ${most}`,
        { hint: 'send large values in a message' },
      )
    }
  }

  /**
   * Commits one frame for the item: as much of its payload as credit, frame size and quantum allow.
   * Returns how many payload bytes went, or why none could.
   */
  commit(channel: Channel, item: OutboundItem, quantumBytes: number): number {
    const { flags, payload } = item
    const isOpen = (flags & ITEM_OPEN) !== 0 && item.offset === 0
    const isFirst = (channel.bits & OUT_MESSAGE) === 0
    const entries = isFirst ? item.entries : NO_BYTES
    const meta = entries.length + (isOpen ? OPEN_PREFIX_BYTES + channel.open.nameBytes.length : 0)
    if (isFirst && !this.#isAllowed(channel, payload.length, meta)) return this.#refuse(channel, item)
    const own = channel.sendCredit
    const hasMessage = (flags & FLAG_MSG) !== 0
    let bytes = 0
    let isMore = false
    if (hasMessage) {
      if (isFirst && own.messagesLeft <= 0) return LACKS_CHANNEL_CREDIT
      const left = payload.length - item.offset
      const room = this.#frameRoom(own, meta, left, quantumBytes)
      if (room < 0) return room
      bytes = room
      isMore = bytes < left
      if (isMore && (channel.bits & PARTIAL_SLOT) === 0) {
        if (!this.hasPartialSlot) {
          bytes = this.#frameRoom(own, meta, left, LARGEST_SENT_FRAME_BYTES)
          if (bytes < left) return LACKS_PARTIAL_SLOT
          isMore = false
        } else {
          this.partialCount++
          channel.bits |= PARTIAL_SLOT
        }
      }
    } else if (isOpen || (flags & FLAG_FIN) === 0) {
      // Charged like a message but for the 32: an OPEN without one, and headers alone. FIN alone is free.
      if (own.bytesLeft < meta) return LACKS_CHANNEL_CREDIT
      if (this.credit.bytesLeft < meta) return LACKS_CONNECTION_CREDIT
    }
    const isFree = !hasMessage && !isOpen && (flags & FLAG_FIN) !== 0
    const charge = isFree ? 0 : meta + bytes + (hasMessage ? MESSAGE_CHARGE_BYTES : 0)
    own.charge(charge)
    this.credit.charge(charge)
    if (hasMessage && isFirst) {
      own.messagesSent = (own.messagesSent + 1) | 0
      this.messagesSent++
    }
    const part = this.#part
    part.bytes = payload
    part.start = item.offset
    part.end = item.offset + bytes
    this.#write(channel, flags, isOpen, isMore, entries, part)
    part.bytes = NO_BYTES
    return bytes
  }

  /**
   * Commits a whole message, or an OPEN, in one frame where every credit and limit covers it: what nearly all are. The caller sees to it
   * that nothing of the channel waits before it. False: nothing was done, and `commit` has to judge.
   */
  commitWhole(channel: Channel, flags: number, entries: Uint8Array, payload: ByteRange): boolean {
    const isOpen = (flags & ITEM_OPEN) !== 0
    const hasMessage = (flags & FLAG_MSG) !== 0
    if (!isOpen && !hasMessage) return false
    const bytes = payload.end - payload.start
    const meta = entries.length + (isOpen ? OPEN_PREFIX_BYTES + channel.open.nameBytes.length : 0)
    const size = meta + bytes
    if (meta > this.#plainMetaBytes || size > this.#frameBytes) return false
    if (bytes > this.remote.maxMessageBytes) return false
    const charge = hasMessage ? size + MESSAGE_CHARGE_BYTES : size
    if (charge > this.credit.bytesLeft) return false
    if (channel.sendState === null && channel.firstSentBytes === 0) {
      if (charge > this.#windowBytes(channel)) return false
      channel.firstSentBytes = charge
    } else {
      const own = channel.sendCredit
      if (charge > own.bytesLeft || (hasMessage && own.messagesLeft <= 0)) return false
      own.charge(charge)
      if (hasMessage) own.messagesSent = (own.messagesSent + 1) | 0
    }
    this.credit.charge(charge)
    if (hasMessage) this.messagesSent++
    this.#write(channel, flags, isOpen, false, entries, payload)
    return true
  }

  /** What the other side lets us have under way on a channel to begin with. */
  #windowBytes(channel: Channel): number {
    return (!channel.isLocal && channel.open.windowBytes) || this.remote.channelWindowBytes
  }

  #write(
    channel: Channel,
    flags: number,
    isOpen: boolean,
    isMore: boolean,
    entries: Uint8Array,
    part: ByteRange,
  ): void {
    const ending = isMore ? FLAG_MORE : flags & (FLAG_FIN | FLAG_TRL)
    const wireFlags = (flags & FLAG_MSG) | ending
    if (isMore) channel.bits |= OUT_MESSAGE
    else {
      channel.bits &= ~OUT_MESSAGE
      this.freePartial(channel)
    }
    if (!isOpen) {
      channel.bits |= ANSWERED
      const { bytes, start, end, view, isBorrowed } = part
      this.outbox.data(wireFlags, channel.id, entries, bytes, start, end, view, isBorrowed)
      this.#host.applyLocal(channel, (wireFlags & FLAG_FIN) !== 0 ? DO_SEND_FIN : DO_SEND)
      return
    }
    this.#opensSent = (this.#opensSent + 1) | 0
    this.#host.enterChannel(channel)
    channel.openAt = this.outbox.committedBytes
    const { nameBytes, codec, windowBytes, windowMessages } = channel.open
    const isTooLong = isMore && (flags & FLAG_ONEWAY) !== 0
    if (isTooLong) this.#host.ignoreAnswer(channel)
    const openFlags = wireFlags | (flags & (isTooLong ? FLAG_IDEM : FLAG_IDEM | FLAG_ONEWAY))
    const timeoutMs = this.#host.openTimeoutMs(channel)
    this.outbox.open(
      openFlags,
      channel.id,
      timeoutMs,
      windowBytes === this.#limits.channelWindowBytes ? 0 : windowBytes,
      windowMessages === this.#limits.channelWindowMessages ? 0 : windowMessages,
      codec,
      nameBytes,
      entries,
      part.bytes,
      part.start,
      part.end,
      part.view,
      part.isBorrowed,
    )
    const event =
      (openFlags & FLAG_ONEWAY) !== 0 ? DO_OPEN_ONEWAY : (openFlags & FLAG_FIN) !== 0 ? DO_OPEN_FIN : DO_OPEN
    this.#host.applyLocal(channel, event)
  }

  /**
   * Payload bytes that may go in one frame: what is wanted if credit covers it; less only when both credits are at least
   * half a window (spec §10), so that fragments do not dwindle; else which credit lacks.
   */
  #frameRoom(own: SendCredit, meta: number, left: number, quantumBytes: number): number {
    const ownLeft = own.bytesLeft
    const sharedLeft = this.credit.bytesLeft
    const wanted = Math.min(left, this.#frameBytes - meta, quantumBytes)
    const room = Math.min(ownLeft, sharedLeft) - MESSAGE_CHARGE_BYTES - meta
    if (room >= wanted) return wanted
    if (2 * ownLeft < own.windowBytes || ownLeft - MESSAGE_CHARGE_BYTES - meta <= 0)
      return LACKS_CHANNEL_CREDIT
    if (2 * sharedLeft < this.credit.windowBytes || room <= 0) return LACKS_CONNECTION_CREDIT
    return room
  }

  /** Before their HELLO only what any HELLO must allow may start; afterwards only what theirs allows. */
  #isAllowed(channel: Channel, payloadBytes: number, meta: number): boolean {
    return payloadBytes <= this.remote.maxMessageBytes && meta <= this.maxMetaBytes(channel)
  }

  #refuse(channel: Channel, item: OutboundItem): number {
    if (this.remote === FLOOR_HELLO) return LACKS_CONNECTION_CREDIT
    const isMessage = item.payload.length > this.remote.maxMessageBytes
    const row = isMessage ? ERRORS.MESSAGE_TOO_LARGE : ERRORS.METADATA_TOO_LARGE
    this.#host.failOversized(channel, row.wireCode, row.message)
    return IS_OVERSIZED
  }
}
