// Owns: what each frame type does on arrival: reading its fixed fields, checking ids and state, and calling the part of the
// session that acts (spec §5, §8). The order of checks is that of spec §4.
// Must not know: transports, timers, how output is scheduled.

import { checkRefs, countEntries, readGoaway, violation } from './bodies.js'
import type { Channel } from './channel.js'
import {
  ARRIVING,
  HAS_SLOT,
  HEADERS_SEEN,
  IDEMPOTENT,
  IN_MESSAGE,
  INPUT_SEEN,
  MAY_BE_SEEN,
  ONEWAY,
  SLOT_DELAYED,
  STARTS_WITH_MESSAGE,
  STOP_RECEIVED,
  STOP_SENT,
} from './channel-bits.js'
import { canSend, channelTable, ON_DATA, ON_END, ON_FIN, ON_RESET } from './channel-state.js'
import type { Channels } from './channels.js'
import {
  CODE_BYTES,
  FLAG_FIN,
  FLAG_FINAL,
  FLAG_IDEM,
  FLAG_MORE,
  FLAG_MSG,
  FLAG_NOPROC,
  FLAG_ONEWAY,
  FLAG_TRL,
  MESSAGE_CHARGE_BYTES,
  REF_ITEM_BYTES,
  REF_NAME,
  TINY_FRAGMENT_BYTES,
  TYPE_CREDIT,
  TYPE_DATA,
  TYPE_END,
  TYPE_GOAWAY,
  TYPE_HELLO,
  TYPE_OPEN,
  TYPE_PING,
  TYPE_PONG,
  TYPE_REF,
  TYPE_RESET,
  TYPE_STOP,
} from './constants.js'
import { COST_IDLE_FRAME, COST_REFUSED_OPEN } from './economy.js'
import { findStatic, Headers, readU32 } from './entries.js'
import {
  CODE_MESSAGE_TOO_LARGE,
  CODE_METADATA_TOO_LARGE,
  CODE_REFUSED,
  CODE_UNIMPLEMENTED,
} from './error-codes.js'
import { ProtocolError } from './errors.js'
import { type FrameSink, frameName } from './frame-decoder.js'
import { KEY_ENCODING, KEY_SIZE } from './header-keys.js'
import { OpenReader } from './open-reader.js'
import type { DispatcherHost } from './session-core.js'
import { NO_TRANSITION } from './state-table.js'

export class Dispatcher implements FrameSink {
  readonly #host: DispatcherHost
  readonly #core: Channels
  readonly #opens = new OpenReader()
  /** Sent charges and ended channels at the last CREDIT 0: one with neither since costs. */
  #bytesSentAtCredit = 0
  #endedAtCredit = 0

  constructor(host: DispatcherHost, channels: Channels) {
    this.#host = host
    this.#core = channels
  }

  get isReceiving(): boolean {
    return this.#host.isOpen
  }

  get isHelloNext(): boolean {
    return !this.#host.hasHello
  }

  onFrame(
    type: number,
    flags: number,
    metaBytes: number,
    channelId: number,
    body: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.#core.counters.framesReceived++
    switch (type) {
      case TYPE_DATA:
        this.#onData(flags, metaBytes, -channelId, body, start, end)
        break
      case TYPE_OPEN:
        this.#onOpen(flags, metaBytes, channelId, body, start, end)
        break
      case TYPE_CREDIT:
        this.#onCredit(-channelId, readU32(body, start), readU32(body, start + 4))
        break
      case TYPE_END:
      case TYPE_RESET:
        this.#onEnd(type, flags, metaBytes, -channelId, body, start, end)
        break
      case TYPE_STOP:
        this.#onStop(-channelId, readU32(body, start))
        break
      case TYPE_PING:
        this.#onPing(readU32(body, start), readU32(body, start + 4))
        break
      case TYPE_PONG:
        this.#onPong(readU32(body, start), readU32(body, start + 4))
        break
      case TYPE_GOAWAY:
        this.#onGoaway(flags, body, start, end)
        break
      case TYPE_REF:
        this.#onRef(body, start, end)
        break
      case TYPE_HELLO:
        this.#host.receiveHello(body.subarray(start, end))
        break
      default:
        this.#spend(COST_IDLE_FRAME, frameName(type))
    }
  }

  // ---- OPEN ---------------------------------------------------------------------------------------------------------

  #onOpen(flags: number, meta: number, id: number, body: Uint8Array, start: number, end: number): void {
    const core = this.#core
    const metaEnd = start + meta
    const open = this.#opens.read(body, start, metaEnd)
    const { entriesAt, entryCount } = this.#opens
    if (!core.table.admitRemote(id)) throw violation(`OPEN: id ${id} was used before or goes back`)
    const hasMessage = (flags & FLAG_MSG) !== 0
    const charge = end - start + (hasMessage ? MESSAGE_CHARGE_BYTES : 0)
    core.receiver.chargeConnection(charge)
    core.receiver.assertWindow(charge)
    const isWithinLimit = core.slots.receive()
    const isDiscarded = this.#host.hasSentFinal && open.name !== REF_NAME
    if (isDiscarded) core.slots.release(false)
    core.announceSlots()
    if (isDiscarded) {
      core.counters.opensDiscarded++
      return
    }
    const isOneway = (flags & FLAG_ONEWAY) !== 0
    if (!isWithinLimit) {
      core.rejectOpen(id, isOneway, CODE_REFUSED)
      this.#spend(COST_REFUSED_OPEN, 'OPEN beyond the limit')
      return
    }
    const reason = this.#rejection(body, entriesAt, metaEnd, entryCount)
    if (reason !== 0) {
      core.rejectOpen(id, isOneway, reason)
      return
    }
    const isLast = (flags & FLAG_FIN) !== 0
    const bits =
      HAS_SLOT |
      ARRIVING |
      (hasMessage ? STARTS_WITH_MESSAGE : 0) |
      (isOneway ? ONEWAY : 0) |
      ((flags & FLAG_IDEM) !== 0 ? IDEMPOTENT : 0)
    const info = entryCount === 0 ? open : open.withHeaders(new Headers(body.slice(entriesAt, metaEnd)))
    const channel = core.createInbound(-id, info, isLast, bits)
    core.receiver.chargeOpen(channel, charge, hasMessage && !isLast)
    this.#spendOnTinyFragment(flags, end - metaEnd)
    if (entryCount > 0 && !core.importRefs(channel, info.headers)) return
    core.presentInbound(channel)
    if (hasMessage) this.#fragment(channel, flags, Headers.EMPTY, body, metaEnd, end, charge)
    channel.bits &= ~ARRIVING
    if (isLast && !hasFailed(channel)) core.endings.queueEnd(channel, Headers.EMPTY)
  }

  /** Why an OPEN is refused before anybody sees it; 0 when it is not. */
  #rejection(body: Uint8Array, start: number, end: number, entryCount: number): number {
    if (entryCount === 0) return 0
    if (entryCount > this.#core.limits.maxHeaderCount) return CODE_METADATA_TOO_LARGE
    return this.#isHintTooLarge(body, start, end) ? CODE_MESSAGE_TOO_LARGE : 0
  }

  // ---- DATA ---------------------------------------------------------------------------------------------------------

  #onData(flags: number, meta: number, key: number, body: Uint8Array, start: number, end: number): void {
    const core = this.#core
    const metaEnd = start + meta
    const entryCount = meta > 0 ? countEntries('DATA', body, start, metaEnd) : 0
    const hasMessage = (flags & FLAG_MSG) !== 0
    const isFin = (flags & FLAG_FIN) !== 0
    const charge = hasMessage ? end - start + MESSAGE_CHARGE_BYTES : isFin ? 0 : end - start
    const channel = core.table.get(key)
    if (channel === undefined) {
      this.#assertPast(TYPE_DATA, key)
      core.receiver.chargeConnection(charge)
      return
    }
    if (channelTable.next(channel.stateNumber, isFin ? ON_FIN : ON_DATA) === NO_TRANSITION) {
      throw violation(`DATA on channel ${key} after its FIN`)
    }
    this.#checkSequence(channel, flags, meta)
    this.#spendOnTinyFragment(flags, end - metaEnd)
    core.receiver.chargeConnection(charge)
    const startsMessage = hasMessage && (channel.bits & IN_MESSAGE) === 0
    core.receiver.chargeChannel(channel, charge, startsMessage ? 1 : 0, isFin)
    channel.bits |= INPUT_SEEN
    if ((channel.bits & STOP_SENT) !== 0) this.#discard(channel, flags)
    else if (!this.#deliver(channel, flags, entryCount, body, start, metaEnd, end, charge)) return
    if (!isFin || channel.isClosed) return
    const isTrailing = (flags & FLAG_TRL) !== 0 && entryCount > 0
    core.endings.receiveFin(channel, isTrailing ? new Headers(body.slice(start, metaEnd)) : Headers.EMPTY)
  }

  /** Messages are contiguous: inside one only its continuation may come, or FIN if we want no more anyway. */
  #checkSequence(channel: Channel, flags: number, meta: number): void {
    if ((channel.bits & IN_MESSAGE) === 0) return
    if ((flags & FLAG_MSG) === 0) {
      const mayAbandon = (flags & FLAG_FIN) !== 0 && (channel.bits & STOP_SENT) !== 0
      if (!mayAbandon) throw violation(`DATA on channel ${channel.id} interrupts a message`)
    } else if (meta > 0 && (flags & FLAG_TRL) === 0) {
      throw violation(`DATA on channel ${channel.id}: headers on a continuation`)
    }
  }

  /** After our STOP: only message boundaries matter, for the count of messages. */
  #discard(channel: Channel, flags: number): void {
    if ((flags & FLAG_MORE) !== 0) channel.bits |= IN_MESSAGE
    else channel.bits &= ~IN_MESSAGE
  }

  /** Hands a fragment, a message or headers on; false when the channel ended over it. */
  #deliver(
    channel: Channel,
    flags: number,
    entryCount: number,
    body: Uint8Array,
    start: number,
    metaEnd: number,
    end: number,
    charge: number,
  ): boolean {
    const core = this.#core
    const isTrailing = (flags & FLAG_TRL) !== 0
    let headers = Headers.EMPTY
    if (entryCount > 0) {
      if (entryCount > core.limits.maxHeaderCount) {
        channel.bits |= MAY_BE_SEEN
        return this.#end(channel, CODE_METADATA_TOO_LARGE)
      }
      if (!isTrailing) {
        if (this.#isHintTooLarge(body, start, metaEnd)) return this.#end(channel, CODE_MESSAGE_TOO_LARGE)
        headers = new Headers(body.slice(start, metaEnd))
        if (findStatic(body, start, metaEnd, KEY_ENCODING) >= 0 && core.checksEncoding) {
          channel.bits |= MAY_BE_SEEN
          core.failChannel(channel, CODE_UNIMPLEMENTED, {
            message: 'message encodings are not supported',
          })
          return false
        }
        if (!core.importRefs(channel, headers)) return false
      }
    }
    if ((flags & FLAG_MSG) !== 0) return this.#fragment(channel, flags, headers, body, metaEnd, end, charge)
    if (entryCount > 0 && !isTrailing) {
      if ((channel.bits & HEADERS_SEEN) !== 0) this.#spend(COST_IDLE_FRAME, 'headers without a message')
      channel.bits |= HEADERS_SEEN
      if (!channel.isClosed && !core.receiver.addHeaders(channel, headers, charge)) {
        return this.#end(channel, CODE_METADATA_TOO_LARGE)
      }
    }
    return true
  }

  #fragment(
    channel: Channel,
    flags: number,
    headers: Headers,
    body: Uint8Array,
    start: number,
    end: number,
    charge: number,
  ): boolean {
    if (hasFailed(channel)) return false
    if ((channel.bits & STOP_SENT) !== 0) {
      this.#discard(channel, flags)
      return true
    }
    const isWithin = this.#core.receiver.addFragment(channel, flags, headers, body, start, end, charge)
    return isWithin || this.#end(channel, CODE_MESSAGE_TOO_LARGE)
  }

  #end(channel: Channel, code: number): false {
    this.#core.resetChannel(channel, code)
    return false
  }

  // ---- the other frames of a channel --------------------------------------------------------------------------------

  #onEnd(
    type: number,
    flags: number,
    meta: number,
    key: number,
    body: Uint8Array,
    start: number,
    end: number,
  ): void {
    const metaEnd = start + meta
    const entryCount = countEntries(frameName(type), body, start + CODE_BYTES, metaEnd)
    const code = readU32(body, start)
    if (type === TYPE_END && code === 0) throw violation('END with code 0')
    const channel = this.#channel(type, key)
    if (channel === null) return
    const event = type === TYPE_END ? ON_END : ON_RESET
    if (!channel.isLocal) channel.bits |= SLOT_DELAYED
    const isCounted = entryCount > 0 && entryCount <= this.#core.limits.maxHeaderCount
    const headers = isCounted ? new Headers(body.slice(start + CODE_BYTES, metaEnd)) : Headers.EMPTY
    const isUnprocessed = (flags & FLAG_NOPROC) !== 0 && (channel.bits & INPUT_SEEN) === 0
    this.#core.endings.receiveEnd(channel, event, code, isUnprocessed, headers, body.slice(metaEnd, end))
  }

  #onStop(key: number, code: number): void {
    const channel = this.#channel(TYPE_STOP, key)
    if (channel === null) return
    channel.bits |= INPUT_SEEN
    if ((channel.bits & STOP_RECEIVED) !== 0) this.#spend(COST_IDLE_FRAME, 'a second STOP')
    else if (canSend(channel.stateNumber)) this.#core.receiveStop(channel, code)
  }

  #onCredit(key: number, byteLimit: number, countLimit: number): void {
    const core = this.#core
    core.counters.creditsReceived++
    if (key === 0) {
      const { credit } = core.sender.committer
      if (
        credit.bytesSent === this.#bytesSentAtCredit &&
        core.counters.ownChannelsEnded === this.#endedAtCredit
      ) {
        this.#spend(COST_IDLE_FRAME, 'CREDIT with nothing sent since the last')
      }
      this.#bytesSentAtCredit = credit.bytesSent
      this.#endedAtCredit = core.counters.ownChannelsEnded
      if (!core.sender.raiseConnection(byteLimit, countLimit)) {
        throw new ProtocolError('FLOW_CONTROL', 'a limit of the connection goes back')
      }
      this.#host.notifyOpenCredit()
      return
    }
    const channel = this.#channel(TYPE_CREDIT, key)
    if (channel === null) return
    const { sendCredit } = channel
    if (sendCredit.bytesSent === sendCredit.bytesSentAtCredit) {
      this.#spend(COST_IDLE_FRAME, 'CREDIT with nothing sent since the last')
    }
    sendCredit.bytesSentAtCredit = sendCredit.bytesSent
    if (!canSend(channel.stateNumber)) return
    if (core.sender.raise(channel, byteLimit, countLimit)) return
    throw new ProtocolError('FLOW_CONTROL', `a limit of channel ${key} goes back`)
  }

  // ---- frames of the connection -------------------------------------------------------------------------------------

  #onPing(low: number, high: number): void {
    this.#host.owePong(low, high)
    this.#spend(COST_IDLE_FRAME, 'PING')
  }

  #onPong(low: number, high: number): void {
    if (high === 0 && this.#host.receivePong(low)) return
    this.#spend(COST_IDLE_FRAME, 'PONG that answers nothing')
  }

  #onGoaway(flags: number, body: Uint8Array, start: number, end: number): void {
    const isFinal = (flags & FLAG_FINAL) !== 0
    const goaway = readGoaway(isFinal, this.#core.limits.maxHeaderCount, body, start, end)
    const { lastId, entryCount } = goaway
    const { table } = this.#core
    const isOurs = lastId === 0 || table.get(lastId) !== undefined || table.isPast(lastId)
    if (isFinal && !isOurs) throw violation(`GOAWAY with lastId ${lastId}, which was never opened`)
    const headers = entryCount === 0 ? Headers.EMPTY : new Headers(body.slice(goaway.entriesAt, end))
    this.#host.receiveGoaway(isFinal, goaway.code, lastId, goaway.graceMs, headers)
  }

  #onRef(body: Uint8Array, start: number, end: number): void {
    checkRefs(body, start, end)
    for (let at = start; at < end; at += REF_ITEM_BYTES) {
      const refId = readU32(body, at)
      const result = this.#core.exports.release(refId, readU32(body, at + 4))
      if (result === 'violation') throw violation(`REF releases reference ${refId}, more than was exported`)
      if (result === 'freed') this.#host.notifyRefFreed(refId)
    }
  }

  // ---- shared -------------------------------------------------------------------------------------------------------

  /**
   * The channel of a control frame; null for one that is closed, whose frame costs and means nothing. Every live state has a row
   * for END, RESET, STOP and CREDIT, so state needs no check here.
   */
  #channel(type: number, key: number): Channel | null {
    const channel = this.#core.table.get(key)
    if (channel !== undefined) return channel
    this.#assertPast(type, key)
    this.#spend(COST_IDLE_FRAME, `${frameName(type)} for a closed channel`)
    return null
  }

  #assertPast(type: number, key: number): void {
    if (!this.#core.table.isPast(key))
      throw violation(`${frameName(type)} on channel ${key}, which was never opened`)
  }

  #isHintTooLarge(body: Uint8Array, start: number, end: number): boolean {
    const at = findStatic(body, start, end, KEY_SIZE)
    return at >= 0 && readU32(body, at) > this.#core.limits.maxMessageBytes
  }

  #spendOnTinyFragment(flags: number, payloadBytes: number): void {
    if ((flags & FLAG_MORE) !== 0 && payloadBytes < TINY_FRAGMENT_BYTES) {
      this.#spend(COST_IDLE_FRAME, 'a tiny fragment')
    }
  }

  #spend(amount: number, what: string): void {
    if (this.#core.economy.spend(amount)) return
    throw new ProtocolError('ENHANCE_CALM', `too many frames that do no work, the last: ${what}`, {
      hint: 'the economy counter is explained in spec/protocol.md §17',
    })
  }
}

/** Whether it ended with an error: what still belongs to it is void. */
function hasFailed(channel: Channel): boolean {
  return channel.outcome !== null && channel.outcome.code !== 0
}
