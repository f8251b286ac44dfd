// Owns: the messages of a connection that have arrived in part: how many there may be, what they cost, and since when each makes no
// progress (spec §9.3).
// Must not know: credit, frames, what becomes of a message.
import type { Channel } from './channel.js'
import { IN_MESSAGE } from './channel-bits.js'
import { Headers } from './entries.js'
import { ProtocolError } from './errors.js'
import { LateSet } from './late-set.js'
import type { SessionLimits } from './options.js'

export class Assembly {
  /** Payload bytes held. */
  bytes = 0
  readonly #limits: SessionLimits
  readonly #channels = new LateSet<Channel>()

  constructor(limits: SessionLimits) {
    this.#limits = limits
  }

  /** Incomplete messages that are not being discarded. */
  get count(): number {
    return this.#channels.size
  }

  /** The first fragment of a message is here; throws FLOW_CONTROL for one incomplete message too many. */
  start(channel: Channel, headers: Headers): void {
    if (this.#channels.size >= this.#limits.maxPartialMessages) {
      throw new ProtocolError(
        'FLOW_CONTROL',
        `more than ${this.#limits.maxPartialMessages} incomplete messages`,
      )
    }
    this.#channels.add(channel)
    channel.bits |= IN_MESSAGE
    const input = channel.holdInput()
    input.partial = []
    input.partialPayloadBytes = 0
    input.partialHeaders = headers
    channel.receiveCredit.partialBytes = 0
  }

  /** Adds `body[start, end)` (borrowed), which was charged with `charge`. */
  add(channel: Channel, body: Uint8Array, start: number, end: number, charge: number, nowMs: number): void {
    channel.receiveCredit.partialBytes += charge
    const input = channel.holdInput()
    input.partialPayloadBytes += end - start
    input.partialProgressMs = nowMs
    ;(input.partial as Uint8Array[]).push(body.slice(start, end))
    this.bytes += end - start
  }

  /** It is whole, or dropped. */
  end(channel: Channel): void {
    const input = channel.holdInput()
    this.bytes -= input.partialPayloadBytes
    this.#channels.delete(channel)
    channel.bits &= ~IN_MESSAGE
    input.partial = null
    input.partialHeaders = Headers.EMPTY
    channel.receiveCredit.partialBytes = 0
  }

  /** Nobody had to make progress: the time of all of them begins now. */
  forgive(nowMs: number): void {
    for (const channel of this.#channels) channel.holdInput().partialProgressMs = nowMs
  }

  /** When the first one will have made no progress for too long; Infinity for never. */
  nextTimerMs(): number {
    let at = Number.POSITIVE_INFINITY
    if (this.#limits.partialTimeoutMs === 0) return at
    for (const channel of this.#channels) {
      at = Math.min(at, channel.holdInput().partialProgressMs + this.#limits.partialTimeoutMs)
    }
    return at
  }

  /** Those that have made no progress for too long. */
  stalled(nowMs: number): Channel[] {
    const { partialTimeoutMs } = this.#limits
    if (partialTimeoutMs === 0) return []
    return [...this.#channels].filter(
      (channel) => nowMs - channel.holdInput().partialProgressMs >= partialTimeoutMs,
    )
  }
}
