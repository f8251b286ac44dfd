// Owns: a message that waits to be read, what it costs in memory, and which bytes are worth keeping as they are.
// Must not know: channels, credit.
import type { Message } from './channel.js'
import { QUEUED_MESSAGE_BYTES } from './constants.js'

/** A complete message that waits to be read. */
export interface InboundMessage extends Message {
  /** Consumed when it is read. */
  readonly chargeBytes: number
  next: InboundMessage | null
}

/** A payload at least this long may keep the chunk it arrived in alive; a smaller one is copied. */
const KEEP_VIEW_BYTES = 4_096

/** What it costs while it waits (spec §10.3). */
export function memoryOf(message: InboundMessage): number {
  return message.payload.length + message.headers.encoded.length + QUEUED_MESSAGE_BYTES
}

/** `bytes[start, end)` beyond the life of the chunk that they came in: small ones are copied, so that they do not pin it. */
export function keep(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return end - start < KEEP_VIEW_BYTES ? bytes.slice(start, end) : bytes.subarray(start, end)
}
