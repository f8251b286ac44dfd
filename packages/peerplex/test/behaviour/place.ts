/**
 * Owns: what a behaviour case may ask of where it runs, and what its outcome can be. Everything here is
 * types, so that a realm (a thread, a page, another runtime) needs nothing but this file, runner.ts, the
 * cases and its own way to make a meeting.
 * Must not know: transports, realms, cases.
 */
import type { CallError, Peer, PeerOptions } from '../../src/browser.js'

/** Options that are data, so that they can be told to a peer in another realm. */
export type MeetingOptions = Pick<
  PeerOptions,
  | 'id'
  | 'profile'
  | 'limits'
  | 'timeoutMs'
  | 'waitForReady'
  | 'queue'
  | 'reconnect'
  | 'connectTimeoutMs'
  | 'codec'
>

/** What the realm imports from 'peerplex' and hands in: cases and service import its types only. */
export interface Library {
  createPeer(options?: PeerOptions): Peer
  readonly CallError: typeof CallError
}

export type Stats = ReturnType<Peer['stats']>

/** Which of the two dials: the caller, or the peer that answers. */
export type Side = 'dialing' | 'listening'

// ---- the answering side -------------------------------------------------------------------------

/**
 * The target is a URL, or a port when the realm can be handed one. `options` are those of `bind` and
 * `connect`.
 */
export type CalleeTarget =
  | { readonly bind: string | object; readonly options?: Readonly<Record<string, unknown>> }
  | { readonly connect: string | object; readonly options?: Readonly<Record<string, unknown>> }

/**
 * A peer with the service of service.ts, wherever it runs. It is told from outside, not through its own
 * connection.
 */
export interface OtherSide {
  /** Where it listens, with the real port; empty when it dialed. */
  readonly url: string
  /**
   * Closes it, and starts a new one with the same id at the same address, with the same service and none of
   * its state.
   */
  restart(): Promise<void>
  /** `peer.drain({ graceMs })`; resolves when that does. */
  drain(graceMs: number): Promise<void>
  stats(): Promise<Stats>
  /** What its `onError` was told since this was last asked, as text. */
  reported(): Promise<readonly string[]>
  close(): Promise<void>
}

/** A realm that can be told to start answering peers: this one, or another one at the end of a line. */
export interface CalleeHost {
  /** Resolves when it listens, or has dialed and is ready. */
  startCallee(options: MeetingOptions, target: CalleeTarget): Promise<OtherSide>
}

// ---- where a case runs --------------------------------------------------------------------------

/** `caller` and the answering peer, id 'callee', have found each other. */
export interface Meeting {
  readonly caller: Peer
  readonly other: OtherSide
  /** What the caller's `onError` was told; a case takes out what it expects, anything else fails it. */
  readonly reported: unknown[]
  /** Another answering peer, connected to the same caller. Needs 'another'. */
  another(options: MeetingOptions): Promise<OtherSide>
  /** Ends everything that belongs to this meeting. */
  close(): Promise<void>
}

export interface MeetOptions {
  readonly caller?: MeetingOptions
  readonly callee?: MeetingOptions
}

/**
 * What not every place has. `restart`: an answering peer that went away can come back at the same address.
 * `another`: a second answering peer can join.
 */
export type Need = 'restart' | 'another'

/** A transport, and the side of it on which the caller is. */
export interface Place {
  readonly transport: string
  readonly side: Side
  /** Why this cannot be had here, in a clause; null when it can. */
  reasonFor(need: Need): string | null
  /** A new meeting. */
  meet(options?: MeetOptions): Promise<Meeting>
  /** Ends what all its meetings share. */
  close(): Promise<void>
}

// ---- cases --------------------------------------------------------------------------------------

/** What a case gets. The runner closes the meetings, and looks whether something is left of the case. */
interface Stage {
  readonly place: Place
  /** The meeting with default options that cases share: leave it as you found it. */
  shared(): Promise<Meeting>
  /** A meeting of its own. */
  meet(options?: MeetOptions): Promise<Meeting>
  /** How much data the long cases move. */
  readonly floodBytes: number
  /** Something worth knowing about a case that passes, such as what it measured. */
  note(text: string): void
}

export interface BehaviourCase {
  readonly name: string
  readonly needs?: readonly Need[]
  /** Rejects when something is not as it should be. */
  run(stage: Stage): Promise<void>
}

export type Outcome =
  | { readonly kind: 'pass'; readonly ms: number; readonly note?: string }
  | { readonly kind: 'fail'; readonly ms: number; readonly text: string }
  | { readonly kind: 'not applicable'; readonly reason: string }

/** Data, so that it can cross a realm. */
export interface CaseResult {
  readonly transport: string
  readonly side: Side
  readonly name: string
  readonly outcome: Outcome
}
