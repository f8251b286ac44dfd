/**
 * Owns: the judgement of a simulation: whether each step kept to the rules, whether each message came as it was sent,
 * and what the run came to.
 * Must not know: how steps are chosen.
 */

import type { Headers, Session, SessionLimits } from '@peerplex/wire'
import { type Flow, isPayloadOf, type Plan } from './flow-simulation-flows.js'

export interface SimulationResult {
  readonly messageCount: number
  readonly payloadBytes: number
  readonly stepCount: number
  /** The most that either side held, and what it may hold at most. */
  readonly maxMemoryBytes: number
  readonly maxAssemblingBytes: number
  /** The highest share of the bound that was used, 0 … 1. */
  readonly maxMemoryShare: number
  readonly leastEconomy: number
  /** Whether the run came to what it is meant to try: each of the three made somebody wait. */
  readonly hasWithheldCredit: boolean
  readonly hasFilledPartials: boolean
  readonly hasQueuedOpens: boolean
}

export class Judge {
  stepCount = 0
  readonly #sessions: readonly [Session, Session]
  readonly #failures: string[]
  readonly #settings: object
  #messageCount = 0
  #payloadBytes = 0
  #maxMemoryBytes = 0
  #maxMemoryShare = 0
  #maxAssemblingBytes = 0
  #leastEconomy = Number.POSITIVE_INFINITY
  #hasWithheldCredit = false
  #hasFilledPartials = false
  #hasQueuedOpens = false

  /** Whatever is added to `failures` is thrown by the next check; `settings` are what a failure tells of the run. */
  constructor(sessions: readonly [Session, Session], failures: string[], settings: object) {
    this.#sessions = sessions
    this.#failures = failures
    this.#settings = settings
  }

  noteSent(flow: Flow, plan: Plan): void {
    flow.sentCount++
    this.#messageCount++
    this.#payloadBytes += plan.bytes
  }

  noteReceived(flow: Flow, payload: Uint8Array, headers: Headers): void {
    if (flow.isCancelled) return
    const plan = flow.plans[flow.receivedCount]
    const isInOpen = flow.isFirstInOpen && flow.receivedCount === 0
    flow.receivedCount++
    if (plan === undefined) this.#failures.push('a message that was never sent')
    else if (!isPayloadOf(plan, payload)) this.#failures.push('a message with other content')
    else if (headers.encoded.length !== (isInOpen ? 0 : plan.headers.encoded.length))
      this.#failures.push('a message with other headers')
  }

  /** After each step: nothing is beyond its bound, and nothing has failed. */
  check(): void {
    for (const side of [0, 1]) {
      const stats = (this.#sessions[side] as Session).stats()
      const limits = (this.#sessions[side] as Session).limits
      const bound = memoryBound(limits)
      const held = stats.unreadBytes + stats.assemblingBytes
      if (held > bound) this.fail(`MEMORY side ${side} holds ${held} of ${bound}`)
      if (stats.inboundPartials > limits.maxPartialMessages) this.fail('too many incomplete messages')
      this.#maxMemoryBytes = Math.max(this.#maxMemoryBytes, held)
      this.#maxMemoryShare = Math.max(this.#maxMemoryShare, held / bound)
      this.#maxAssemblingBytes = Math.max(this.#maxAssemblingBytes, stats.assemblingBytes)
      this.#leastEconomy = Math.min(this.#leastEconomy, stats.economyBalance)
      if (stats.unreadBytes > limits.maxUnreadBytes) this.#hasWithheldCredit = true
      if (stats.inboundPartials === limits.maxPartialMessages) this.#hasFilledPartials = true
      if (stats.openingChannels > 0) this.#hasQueuedOpens = true
    }
    const failure = this.#failures[0]
    if (failure !== undefined) this.fail(failure)
  }

  /** All is read: nothing may be left anywhere, and both sides must have counted the same. */
  expectNothingLeft(): void {
    for (const side of [0, 1]) {
      const session = this.#sessions[side] as Session
      const other = this.#sessions[1 - side] as Session
      const stats = session.stats()
      const left = [
        stats.unreadBytes,
        stats.assemblingBytes,
        stats.inboundPartials,
        stats.outboundPartials,
        stats.queuedOutputBytes,
        stats.committedOutputBytes,
        stats.openChannels,
        stats.openingChannels,
        stats.openSlotsTaken,
      ]
      if (left.some((level) => level !== 0)) this.fail(`side ${side} keeps ${left.join(' ')}`)
      const sent = session.channels.sender.committer.credit
      const received = other.channels.receiver.connection
      if (sent.bytesSent !== received.bytesReceived) this.fail('the two sides have counted different charges')
      if (2 * sent.bytesLeft <= received.windowBytes)
        this.fail(`only ${sent.bytesLeft} bytes of connection credit are left`)
    }
  }

  result(): SimulationResult {
    return {
      messageCount: this.#messageCount,
      payloadBytes: this.#payloadBytes,
      stepCount: this.stepCount,
      maxMemoryBytes: this.#maxMemoryBytes,
      maxAssemblingBytes: this.#maxAssemblingBytes,
      maxMemoryShare: this.#maxMemoryShare,
      leastEconomy: this.#leastEconomy,
      hasWithheldCredit: this.#hasWithheldCredit,
      hasFilledPartials: this.#hasFilledPartials,
      hasQueuedOpens: this.#hasQueuedOpens,
    }
  }

  /** What each side holds and waits for. */
  levels(): string {
    return this.#sessions
      .map((session) => {
        const { unreadBytes, assemblingBytes, queuedOutputBytes, openingChannels, inboundPartials } =
          session.stats()
        return JSON.stringify({
          unreadBytes,
          assemblingBytes,
          queuedOutputBytes,
          openingChannels,
          inboundPartials,
        })
      })
      .join(' ')
  }

  fail(what: string): never {
    throw new Error(`${what} after ${this.stepCount} steps of ${JSON.stringify(this.#settings)}`)
  }
}

/** What a receiver may hold at most (spec §10.3), headers of incomplete messages included. */
export function memoryBound(limits: SessionLimits): number {
  const perPartial = limits.maxMessageBytes + limits.maxHeaderBytes
  return limits.maxUnreadBytes + 6 * limits.connectionWindowBytes + limits.maxPartialMessages * perPartial
}
