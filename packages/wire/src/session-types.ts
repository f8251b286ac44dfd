// Owns: what a session is given, what it tells, and what it counts: the types of its public face.
// Must not know: how any of it works.
import type { BlockPool } from './block-pool.js'
import type { Channel } from './channel.js'
import type { HeadersInit } from './entries.js'
import type { PeerplexError } from './errors.js'
import type { Hello } from './hello.js'
import type { SessionLimits } from './options.js'
import type { SessionCounters } from './session-core.js'
import type { SessionProfile } from './session-profile.js'

/** How the transport carries bytes: a stream (`byte`), or messages that each hold whole frames (`message`). */
export type ConnectionKind = 'byte' | 'message'

/** What sessions of one peer have in common. */
export interface SessionProfileOptions {
  /** 16 random bytes, the same for all sessions of one Peer. Copied. */
  readonly instance: Uint8Array
  /** Entries of our HELLO: `peer`, `agent`, `codecs`, `auth`, `serves`, `contract`. */
  readonly hello?: HeadersInit
  readonly limits?: Partial<SessionLimits>
  /** Holds inbound channels until `admit()`; until then only the floors are announced (spec §21). Default false. */
  readonly isAuthRequired?: boolean
  /** Passes messages with an `encoding` entry on instead of refusing them; for middlemen. Default false. */
  readonly passesEncoding?: boolean
  /** Memory for what passes through, shared with others; its own when absent. @internal */
  readonly blocks?: BlockPool
}

export interface SessionOptions extends SessionProfileOptions {
  readonly kind: ConnectionKind
  /** Monotonic milliseconds. */
  readonly now: () => number
}

/** What a session is made of; for one of many, what they have in common was put together before. */
export type SessionStart =
  | SessionOptions
  | (Pick<SessionOptions, 'kind' | 'now'> & { readonly profile: SessionProfile })

/** What a session tells its driver. All calls come from within a call to the session. */
export interface SessionSink {
  /** There is output since the last `takeOutput`: call it soon, at the latest at the end of this turn. */
  onOutputPending(): void
  /** Call `tick()` at this time; replaces what was asked before. */
  onTimer(atMs: number): void
  /** The other side's HELLO arrived: limits are known, channels may be opened beyond the floors. */
  onHello?(hello: Hello): void
  /** The other side opened a channel: `accept` or `refuse` it, now or later. */
  onChannel(channel: Channel): void
  /** The other side drains: open nothing here any more. */
  onDrain?(info: DrainInfo): void
  /** The other side lets us open more channels: what waits for that elsewhere may come here. */
  onOpenCredit?(): void
  /** A reference that we exported is gone: released for the last time, or the channel that carried it is over. */
  onRefFreed?(refId: number): void
  /** A channel's sink threw; the channel has been ended. */
  onHandlerError?(error: unknown, channel: Channel): void
  /**
   * The session is over, exactly once. Every channel has been told before. Hand the remaining output to the transport, then
   * close it: after null by ending it, after an error by reading on for up to 1 s and destroying it.
   */
  onClose(error: PeerplexError | null): void
}

export interface DrainInfo {
  /** False for the notice, true once it is fixed which calls were processed. */
  readonly isFinal: boolean
  /** How long the other side lets running calls run. */
  readonly graceMs: number
}

/** What `Session.stats` returns: counts since the beginning, and levels now. */
export interface SessionStats extends SessionCounters {
  readonly state: string
  readonly framesSent: number
  readonly messagesSent: number
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly openChannels: number
  readonly openingChannels: number
  readonly heldChannels: number
  readonly openSlotsTaken: number
  readonly queuedOutputBytes: number
  readonly committedOutputBytes: number
  readonly unreadBytes: number
  readonly assemblingBytes: number
  readonly inboundPartials: number
  readonly outboundPartials: number
  readonly economyBalance: number
  readonly deadlines: number
  readonly exportedRefs: number
  readonly importedRefs: number
}
