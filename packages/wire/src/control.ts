// Owns: the frames of the connection itself that this side sends: what is owed (PONG, CREDIT), PING, and the GOAWAYs of a drain
// (spec §10, §15, §16). What is owed is a state, not a queue: only its newest value is sent.
// Must not know: timers, how the session begins and ends.
import type { Channels } from './channels.js'
import { Drain } from './drain.js'
import { Keepalive } from './keepalive.js'
import type { ChannelsHost } from './session-core.js'

const NO_BYTES = new Uint8Array(0)

export class Control {
  readonly keepalive: Keepalive
  readonly drain: Drain = new Drain()
  readonly #channels: Channels
  readonly #host: ChannelsHost
  #owedPong: readonly [low: number, high: number] | null = null
  #owesConnectionCredit = false

  constructor(channels: Channels, host: ChannelsHost) {
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

  /** A PING arrived; an older one that is still unanswered is answered with it. */
  owePong(low: number, high: number): void {
    this.#owedPong = [low, high]
    this.#host.onOutputPending()
  }

  /** CREDIT 0 is to be sent whatever is due: it tells the other side that it is admitted. */
  oweConnectionCredit(): void {
    this.#owesConnectionCredit = true
    this.#host.onOutputPending()
  }

  /** Puts what is owed into the outbox. */
  commitOwed(): void {
    const { outbox, receiver, slots, counters } = this.#channels
    if (this.#owedPong !== null) {
      outbox.pong(this.#owedPong[0], this.#owedPong[1])
      this.#owedPong = null
    }
    counters.creditsSent += receiver.commitCredits()
    if (!this.#isCreditDue() && (this.#host.isAuthPending || !slots.isDue())) return
    this.#owesConnectionCredit = false
    if (receiver.withheldSinceMs < 0) receiver.connection.grant()
    slots.grant()
    outbox.credit(0, receiver.connection.bytesGranted >>> 0, slots.limit >>> 0)
    counters.creditsSent++
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

  /** Notice and fence; false when the drain had begun. */
  beginDrain(graceMs: number): boolean {
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

  #writeFinal(graceMs: number): void {
    this.#channels.outbox.goaway(true, 0, this.lastId, graceMs, NO_BYTES)
    this.#host.onOutputPending()
  }

  #isCreditDue(): boolean {
    if (this.#host.isAuthPending) return false
    const { receiver, slots } = this.#channels
    return this.#owesConnectionCredit || receiver.isConnectionCreditDue() || slots.isUrgent()
  }
}
