// Owns: a message that waits to be read, and what it costs in memory.
// Must not know: channels, credit.
import type { Message } from './channel.js'
import { QUEUED_MESSAGE_BYTES } from './constants.js'

/** A complete message that waits to be read. */
export interface InboundMessage extends Message {
  /** Consumed when it is read. */
  readonly chargeBytes: number
  next: InboundMessage | null
}

/** What it costs while it waits (spec §10.3). */
export function memoryOf(message: InboundMessage): number {
  return message.payload.length + message.headers.encoded.length + QUEUED_MESSAGE_BYTES
}
