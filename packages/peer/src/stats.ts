// Owns: the snapshot of counts and levels of a peer.
// Must not know: how the numbers come about.
import type { SessionStats } from '@peerplex/wire'
import type { Assigner, AssignerStats } from './assigner.js'
import type { AutoStats } from './auto.js'
import { processBytes } from './buffer-watch.js'
import type { Connections } from './connections.js'
import type { Pool } from './pool.js'

export interface ConnectionStats extends SessionStats {
  readonly url: string
  /** Id of the peer at the other end; empty before it is known. */
  readonly remote: string
  readonly instance: string
  /** Output that the transport holds back in this process; 0 where it cannot know. */
  readonly transportBytes: number
}

/** How near a peer is to its limits, and what happened at them; docs/limits.md says which is which. */
export interface LimitStats {
  /** Connections accepted that still have their socket. */
  readonly connections: number
  /** Of those, without HELLO or verdict. */
  readonly unauthenticated: number
  /** Memory that the connections of all peers of this process hold, bytes; as old as a second. */
  readonly processBytes: number
  /** Connections that were not taken, by the limit in the way: `maxConnections`, … */
  readonly connectionsRefused: number
  readonly perAddressRefused: number
  readonly unauthenticatedRefused: number
  readonly acceptRateRefused: number
  /** Connections that gave way to newer ones because they had said nothing. */
  readonly unauthenticatedEvicted: number
  /** Connections that were ended for `maxProcessBytes`. */
  readonly processBytesEnded: number
  /** Connections that were given up for `maxUnsentBytes`. */
  readonly unsentBytesEnded: number
  readonly logLinesDropped: number
}

export interface PeerStats {
  readonly connections: readonly ConnectionStats[]
  readonly links: readonly { readonly url: string; readonly state: string }[]
  readonly listeners: readonly string[]
  readonly queue: AssignerStats
  /** Names whose targets are looked up. */
  readonly autos: readonly AutoStats[]
  readonly limits: LimitStats
  /** How often which error ended something here. */
  readonly errors: Readonly<Record<string, number>>
  /** Memory kept for messages to come: at most 4 MiB, given up when nothing needed it between two keepalives. */
  readonly spareBytes: number
}

/** A new plain object. */
export function collectPeerStats(
  pool: Pool,
  assigner: Assigner,
  { links, listeners, errorCounts, admission, watch, log }: Connections,
  spareBytes: number,
): Omit<PeerStats, 'autos'> {
  const { refused } = admission
  return {
    connections: [...pool.connections].map((connection) => ({
      ...connection.driver.session.stats(),
      url: connection.url,
      remote: connection.remote?.id ?? '',
      instance: connection.remote?.instance ?? '',
      transportBytes: connection.driver.connection.bufferedBytes ?? 0,
    })),
    links: [...links].map(({ url, state }) => ({ url, state })),
    listeners: [...listeners].map(({ url }) => url),
    queue: assigner.stats,
    limits: {
      connections: admission.connectionCount,
      unauthenticated: admission.unauthenticatedCount,
      processBytes: processBytes(),
      connectionsRefused: refused.connections,
      perAddressRefused: refused.perAddress,
      unauthenticatedRefused: refused.unauthenticated,
      acceptRateRefused: refused.acceptRate,
      unauthenticatedEvicted: admission.evictedCount,
      processBytesEnded: watch.shedCount,
      unsentBytesEnded: watch.stuckCount,
      logLinesDropped: log.droppedCount,
    },
    errors: Object.fromEntries(errorCounts),
    spareBytes,
  }
}
