// Owns: the snapshot of counts and levels of a peer.
// Must not know: how the numbers come about.
import type { SessionStats } from '@peerplex/wire'
import type { Assigner, AssignerStats } from './assigner.js'
import type { AutoStats } from './auto.js'
import type { Link } from './link.js'
import type { Pool } from './pool.js'

export interface ConnectionStats extends SessionStats {
  readonly url: string
  /** Id of the peer at the other end; empty before its HELLO. */
  readonly remote: string
  readonly instance: string
  /** Output that the transport holds back in this process; 0 where it cannot know. */
  readonly transportBytes: number
}

export interface PeerStats {
  readonly connections: readonly ConnectionStats[]
  readonly links: readonly { readonly url: string; readonly state: string }[]
  readonly listeners: readonly string[]
  readonly queue: AssignerStats
  /** Names whose targets are looked up. */
  readonly autos: readonly AutoStats[]
  /** How often which error ended something here. */
  readonly errors: Readonly<Record<string, number>>
  /** Memory kept for messages to come: at most 4 MiB, given up when nothing needed it between two keepalives. */
  readonly spareBytes: number
}

/** A new plain object. */
export function collectPeerStats(
  pool: Pool,
  assigner: Assigner,
  links: Iterable<Link>,
  listeners: Iterable<{ readonly url: string }>,
  errors: ReadonlyMap<string, number>,
  spareBytes: number,
): Omit<PeerStats, 'autos'> {
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
    errors: Object.fromEntries(errors),
    spareBytes,
  }
}
