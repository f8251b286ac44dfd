// Owns: nothing; names what the parts of a session ask of it, so that they do not import it.
// Must not know: how a session does it.
import type { Channel } from './channel.js'
import type { Headers } from './entries.js'

/** What channels need of their session. @internal */
export interface ChannelsHost {
  /** Time at the last call from outside. */
  readonly nowMs: number
  /** The sink's `onChannel` and friends are not called any more once this is false. */
  readonly isOpen: boolean
  /** Credentials are still being checked: inbound channels are held. */
  readonly isAuthPending: boolean
  /** FINAL was sent: of new channels only calls of references get through. */
  readonly hasSentFinal: boolean
  onOutputPending(): void
  scheduleAt(atMs: number): void
  notifyChannel(channel: Channel): void
  notifyHandlerError(error: unknown, channel: Channel): void
  /** An exported reference is gone: released, or its channel over. */
  notifyRefFreed(refId: number): void
  /** A channel left the table; after FINAL the last one ends the session. */
  onChannelRemoved(): void
}

/** What the dispatcher needs of the session itself. @internal */
export interface DispatcherHost {
  /** False once the session is closed: what still arrives is not looked at. */
  readonly isOpen: boolean
  readonly hasHello: boolean
  /** FINAL was sent: new channels are discarded. */
  readonly hasSentFinal: boolean
  receiveHello(meta: Uint8Array): void
  receiveGoaway(isFinal: boolean, code: number, lastId: number, graceMs: number, headers: Headers): void
  owePong(low: number, high: number): void
  /** False when it answers no PING of ours. */
  receivePong(number: number): boolean
  notifyRefFreed(refId: number): void
  /** More channels may be opened than before. */
  notifyOpenCredit(): void
}

/** Counts since the session began. */
export interface SessionCounters {
  framesReceived: number
  messagesReceived: number
  creditsReceived: number
  creditsSent: number
  channelsOpened: number
  channelsAccepted: number
  channelsRefused: number
  opensDiscarded: number
  ownChannelsEnded: number
  handlerErrors: number
}

export function zeroCounters(): SessionCounters {
  return {
    framesReceived: 0,
    messagesReceived: 0,
    creditsReceived: 0,
    creditsSent: 0,
    channelsOpened: 0,
    channelsAccepted: 0,
    channelsRefused: 0,
    opensDiscarded: 0,
    ownChannelsEnded: 0,
    handlerErrors: 0,
  }
}
