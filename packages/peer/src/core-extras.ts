// Owns: what few channels have: an object that a channel makes when it has the first of it.
// Must not know: when that is.
import { type Codec, Headers, type PeerplexError } from '@peerplex/wire'
import type { ChannelEnd } from './channel-end.js'
import type { Reader } from './channel-input.js'
import type { ChannelOutcome } from './channel-outcome.js'

export interface HeldMessage {
  payload: Uint8Array
  readonly headers: Headers
  /** What the payload is encoded with; null for bytes that are sent as they are. */
  codec: Codec | null
}

/** @internal */
export class CoreExtras {
  reader: Reader | null = null
  /** Nothing goes out any more though the program did not end it: STOP, or the end. */
  onOutputClosed: (() => void) | null = null
  onEndCall: ((trailers: Headers) => void) | null = null
  onCloseCall: ((outcome: ChannelOutcome) => void) | null = null
  /** Made when somebody asks for the end, or it comes. */
  ending: ChannelEnd | null = null
  /** Where they are not those of the channel of the wire: what the other side sent first, or a filter made of them. */
  headers: Headers | null = null
  /** What the other side ended its output with. */
  trailers: Headers = Headers.EMPTY
  /** Listens to the program's signal. */
  onAbort: (() => void) | null = null
  /** What this side gave as the reason to end it. */
  ownError: PeerplexError | null = null
  /** What was sent and may have to be sent again, or for the first time. */
  held: HeldMessage[] | null = null
  heldBytes = 0
  /** What the program ended its output with before there was a connection. */
  heldTrailers: Headers = Headers.EMPTY
  /** Who waits for room. */
  room: Promise<void> | null = null
  resolveRoom: (() => void) | null = null
}
