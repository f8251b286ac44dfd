/**
 * Owns: what a simulation sends: random messages in each direction of each channel, and the manners of those who send
 * and read them; and the pipe that their bytes pass through.
 * Must not know: when anything happens; that is said by the simulation.
 */

import { Random } from '@peerplex/testkit'
import { type Channel, Headers, type SessionLimits } from '@peerplex/wire'

/** Payloads are windows of this, so that a byte in the wrong place is noticed and comparing is cheap. */
const POOL = new Random(4711).bytes(262_144)

export interface Plan {
  readonly at: number
  readonly bytes: number
  readonly headers: Headers
}

type SenderManner = 'eager' | 'paced' | 'slow'
type ReaderManner = 'flowing' | 'pulling' | 'dozing' | 'sleeping' | 'toggling'

/** One direction of one channel. */
export class Flow {
  readonly plans: readonly Plan[]
  readonly senderManner: SenderManner
  readonly readerManner: ReaderManner
  sender: Channel | null = null
  receiver: Channel | null = null
  sentCount = 0
  receivedCount = 0
  isRoomAwaited = false
  hasEnded = false
  isEndSeen = false
  isCancelled = false
  /** The headers of a message in OPEN are those of the channel. */
  isFirstInOpen = false

  constructor(plans: readonly Plan[], senderManner: SenderManner, readerManner: ReaderManner) {
    this.plans = plans
    this.senderManner = senderManner
    this.readerManner = readerManner
  }

  get isComplete(): boolean {
    return this.isCancelled || (this.receivedCount === this.plans.length && this.isEndSeen)
  }
}

/** What is to be sent in one direction, and how: at random, within what its receiver announces. */
export function makeFlow(
  random: Random,
  limits: SessionLimits,
  windowOverride: number | undefined,
  settings: { readonly isTiny: boolean; readonly maxMessagesPerFlow: number },
): Flow {
  const { isTiny, maxMessagesPerFlow } = settings
  const window = Math.min(limits.channelWindowBytes, windowOverride ?? limits.channelWindowBytes)
  const maxMeta = Math.min(
    limits.maxHeaderBytes,
    limits.maxFrameBytes - 64,
    window / 2 - 64,
    limits.connectionWindowBytes / 2 - 64,
  )
  const count = random.int(0, maxMessagesPerFlow)
  const plans = Array.from({ length: count }, (): Plan => {
    const bytes = isTiny
      ? 0
      : random.bool(0.05)
        ? random.int(window, limits.maxMessageBytes)
        : random.bool(0.1)
          ? 0
          : random.int(0, 2_000)
    const headers = isTiny || random.bool(0.9) ? Headers.EMPTY : headersOf(random.int(16, maxMeta - 64))
    return { at: random.int(0, POOL.length - 1 - bytes), bytes, headers }
  })
  const senderManner = isTiny ? 'eager' : random.pick<SenderManner>(['eager', 'paced', 'slow'])
  const isLazy = random.bool(0.2)
  const readerManner = isTiny
    ? 'sleeping'
    : isLazy
      ? 'dozing'
      : random.pick<ReaderManner>(['flowing', 'pulling', 'toggling'])
  return new Flow(plans, senderManner, readerManner)
}

/** What a plan sends. */
export function payloadOf(plan: Plan): Uint8Array {
  return POOL.slice(plan.at, plan.at + plan.bytes)
}

/** Whether that is what a plan sends. */
export function isPayloadOf(plan: Plan, payload: Uint8Array): boolean {
  return Buffer.compare(payload, POOL.subarray(plan.at, plan.at + plan.bytes)) === 0
}

/** One entry; about so many bytes as metadata. */
function headersOf(bytes: number): Headers {
  return Headers.from({ pad: 'x'.repeat(Math.max(1, bytes - 6)) })
}

/** Bytes that left one session and did not reach the other. */
export class Pipe {
  readonly #parts: Uint8Array[] = []
  bytes = 0

  push(parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      this.#parts.push(part)
      this.bytes += part.length
    }
  }

  /** A copy of the next bytes, at most so many. */
  take(count: number): Uint8Array {
    const out = new Uint8Array(Math.min(count, this.bytes))
    let at = 0
    while (at < out.length) {
      const part = this.#parts[0] as Uint8Array
      const piece = part.subarray(0, out.length - at)
      out.set(piece, at)
      at += piece.length
      if (piece.length === part.length) this.#parts.shift()
      else this.#parts[0] = part.subarray(piece.length)
    }
    this.bytes -= out.length
    return out
  }
}
