// Owns: what a channel holds of its input: messages that wait to be read, the one under assembly, and what came before anybody
// could take it. Channels that hold nothing have none.
// Must not know: the rules (receiver.ts, assembly.ts).
import { Headers } from './entries.js'
import type { InboundMessage } from './inbound-message.js'

/** @internal */
export class ChannelInput {
  /** First and last message that wait to be read. */
  head: InboundMessage | null = null
  tail: InboundMessage | null = null
  /** What the queued messages and early headers cost in memory. */
  unreadBytes = 0
  /** The message under assembly. */
  partial: Uint8Array[] | null = null
  partialPayloadBytes = 0
  partialHeaders: Headers = Headers.EMPTY
  partialProgressMs = 0
  /** Headers that came before anybody accepted it. */
  earlyHeaders: Headers = Headers.EMPTY
  trailers: Headers = Headers.EMPTY
  /** Code of a STOP that waits: theirs until the channel is accepted, ours until OPEN has left. */
  stopCode = 0
}
