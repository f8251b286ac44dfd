// Owns: what narrows down where one open may go, beside what its spec says.
// Must not know: which peers there are.
import { isSamePeer } from './identity.js'
import type { Target } from './open-request.js'
import type { RemotePeer } from './remote-peer.js'

/** The targets of one name that somebody else looks up: only connections that were dialed for it will do. */
export interface TargetGroup {
  /** Whether a connection that was dialed to this URL will do. */
  has(url: string): boolean
  /** Nobody looks it up any more: who waits for it asks for its name anew. */
  readonly isForgotten: boolean
  /** Opens that wait for a connection to it; the queue counts them. */
  waitingCount: number
}

/** Where names are looked up that somebody else knows the targets of. */
export interface GroupFinder {
  /** Whether there are none. */
  readonly isEmpty: boolean
  /** Where a name is looked up to, which begins to be if it was not; null when nobody does that for it. */
  find(name: string): TargetGroup | null
}

/** Whether `to` means this peer; an id, only the one whom it belongs to. */
export function isTarget(to: Target, remote: RemotePeer): boolean {
  return typeof to === 'string' ? remote.id === to && !remote.isNamesake : to(remote)
}

interface Avoided {
  readonly remote: RemotePeer
  readonly untilMs: number
}

/** Peers that an open does not go to again: for a time, or at all. As many as it may have attempts. */
export class Avoidance {
  readonly #avoided: Avoided[] = []

  add(remote: RemotePeer, untilMs: number): void {
    this.#avoided.push({ remote, untilMs })
  }

  covers(remote: RemotePeer, nowMs: number): boolean {
    // By run, not by object: after a lost connection the same run comes back as a new object.
    return this.#avoided.some((each) => each.untilMs > nowMs && isSamePeer(each.remote, remote))
  }

  /** When the first of them will do again; Infinity when none ever will. */
  endsMs(nowMs: number): number {
    let endsMs = Number.POSITIVE_INFINITY
    for (const { untilMs } of this.#avoided) if (untilMs > nowMs && untilMs < endsMs) endsMs = untilMs
    return endsMs
  }
}
