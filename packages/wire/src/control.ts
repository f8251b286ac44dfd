// Owns: the frames of the connection itself that this side sends: preface and HELLO, what is owed (PONG, CREDIT), PING, and
// GOAWAY (spec §3, §10, §12, §15, §16). What is owed is a state, not a queue: only its newest value is sent.
// Must not know: timers, how the session begins and ends.

import type { Channels } from './channels.js'
import { assertWhole } from './checks.js'
import { MAX_U31 } from './constants.js'
import { Drain } from './drain.js'
import { Headers } from './entries.js'
import { Keepalive } from './keepalive.js'
import type { ChannelsHost } from './session-core.js'
import type { SessionProfile } from './session-profile.js'
import type { ConnectionKind } from './session-types.js'
import { NO_BYTES } from './utf8.js'

/** Longer error texts are cut: they are for people, and the other side's limits may not be known yet. */
const ERROR_TEXT_LENGTH = 500

export class Control {
  readonly keepalive: Keepalive
  readonly drain: Drain = new Drain()
  readonly profile: SessionProfile
  readonly #kind: ConnectionKind
  readonly #channels: Channels
  readonly #host: ChannelsHost
  #owedPong: readonly [low: number, high: number] | null = null

  constructor(kind: ConnectionKind, profile: SessionProfile, channels: Channels, host: ChannelsHost) {
    this.#kind = kind
    this.profile = profile
    this.#channels = channels
    this.#host = host
    this.keepalive = new Keepalive(channels.limits.idleTimeoutMs, host.nowMs)
  }

  /** Whether `commitOwed` has something to send. */
  get isOwing(): boolean {
    return this.#owedPong !== null || this.#channels.receiver.owesCredit || this.#isCreditDue()
  }

  /** lastId of a GOAWAY: the last channel that we may have acted on. */
  get lastId(): number {
    return this.#host.isAuthPending ? 0 : this.#channels.lastAcceptedId
  }

  /** Preface, on byte connections, and HELLO. */
  greet(): void {
    this.#channels.outbox.greeting(this.profile.greeting(this.#kind))
  }

  /** The last frame after an error; behind preface and HELLO even if those had not left yet. */
  sayError(code: number, text: string): void {
    const { outbox } = this.#channels
    if (outbox.takenBytes === 0) this.greet()
    const message = Headers.from({ message: text.slice(0, ERROR_TEXT_LENGTH) })
    outbox.goaway(true, code, this.lastId, 0, message.encoded)
  }

  /** A PING arrived; an older one that is still unanswered is answered with it. */
  owePong(low: number, high: number): void {
    this.#owedPong = [low, high]
    this.#host.onOutputPending()
  }

  /** CREDIT 0 with the real limits, ahead of anything that held channels answer: it says that the other side is admitted. */
  announceAdmission(): void {
    this.#writeCredit()
    this.#host.onOutputPending()
  }

  /** Puts what is owed into the outbox. */
  commitOwed(): void {
    const { outbox, receiver, counters } = this.#channels
    if (this.#owedPong !== null) {
      outbox.pong(this.#owedPong[0], this.#owedPong[1])
      this.#owedPong = null
    }
    counters.creditsSent += receiver.commitCredits()
    if (this.#isCreditDue()) this.#writeCredit()
  }

  /** Sends a PING; returns its number. */
  ping(): number {
    const number = this.keepalive.nextPing()
    this.#channels.outbox.ping(number, 0)
    this.#host.onOutputPending()
    return number
  }

  /** A PONG arrived: false when it answers no PING. The fence of a drain may be answered with it. */
  receivePong(number: number): boolean {
    if (!this.keepalive.onPong(number)) return false
    const { fencePing } = this.drain
    if (fencePing > 0 && this.keepalive.isAnswered(fencePing) && this.drain.onFence()) {
      this.#writeFinal(Math.max(0, Math.ceil(this.drain.graceEndsMs - this.#host.nowMs)))
    }
    return true
  }

  /** Notice and fence; false when the drain had begun. Throws UsageError. */
  beginDrain(graceMs: number): boolean {
    assertWhole('drain: graceMs', graceMs, 0, MAX_U31)
    if (!this.drain.begin()) return false
    this.drain.graceEndsMs = this.#host.nowMs + graceMs
    this.#channels.outbox.goaway(false, 0, 0, graceMs, NO_BYTES)
    this.drain.fencePing = this.ping()
    return true
  }

  /** FINAL without waiting for the fence, unless it was sent. */
  finishDrain(): void {
    this.drain.graceEndsMs = Number.POSITIVE_INFINITY
    if (this.drain.finish()) this.#writeFinal(0)
  }

  #writeCredit(): void {
    const { outbox, receiver, slots, counters } = this.#channels
    receiver.grantConnection()
    slots.grant()
    outbox.credit(0, receiver.connection.bytesGranted >>> 0, slots.limit >>> 0)
    counters.creditsSent++
  }

  #writeFinal(graceMs: number): void {
    // Held channels count as accepted: they run if the verdict is good, and a bad one says lastId 0.
    this.#channels.outbox.goaway(true, 0, this.#channels.lastAcceptedId, graceMs, NO_BYTES)
    this.#host.onOutputPending()
  }

  #isCreditDue(): boolean {
    if (this.#host.isAuthPending) return false
    const { receiver, slots } = this.#channels
    return receiver.isConnectionCreditDue() || slots.isDue()
  }
}
