// Owns: how a channel ended, in the words of a program: names instead of numbers, and what to do about it.
// Must not know: how channels run.
import type { Channel, Delivery, Headers, Origin, Outcome, PeerplexError } from '@peerplex/wire'
import { codeName, Headers as WireHeaders } from '@peerplex/wire'

/** How a channel ended. */
export interface ChannelOutcome {
  /** `OK` when both directions ended in order, otherwise the name of the error. */
  readonly code: string
  /** What went wrong, for people; empty for `OK`. */
  readonly message: string
  /** What to do about it; empty where there is nothing to say. */
  readonly hint: string
  /** Whether the other side's application may have seen the channel. */
  readonly delivery: Delivery
  /** On which side it ended. */
  readonly origin: Origin
  /** What the other side sent with its end: trailers, or the entries of its error. */
  readonly trailers: Headers
}

/** The outcome of a channel that had a connection. `error` is null for `OK`. */
export function channelOutcome(
  outcome: Outcome,
  error: PeerplexError | null,
  trailers: Headers,
): ChannelOutcome {
  return {
    code: error === null ? outcome.name : error.code,
    message: error === null ? outcome.message : error.message,
    hint: error === null ? '' : error.hint,
    delivery: outcome.delivery,
    origin: outcome.origin,
    trailers: outcome.code === 0 ? trailers : outcome.headers,
  }
}

/** The same before anything is known but what the wire told; for filters. */
export function plainOutcome(outcome: Outcome, channel: Channel): ChannelOutcome {
  return channelOutcome(outcome, null, channel.trailers)
}

/** The outcome of an open that never had a connection. */
export function errorOutcome(error: PeerplexError): ChannelOutcome {
  return {
    code: error.code,
    message: error.message,
    hint: error.hint,
    delivery: error.delivery,
    origin: error.origin,
    trailers: WireHeaders.EMPTY,
  }
}

/** The outcome of an open that was given up here, before any connection had it. */
export function cancelledOutcome(code: number): ChannelOutcome {
  return {
    code: codeName(code),
    message: '',
    hint: '',
    delivery: 'not-sent',
    origin: 'local',
    trailers: WireHeaders.EMPTY,
  }
}
