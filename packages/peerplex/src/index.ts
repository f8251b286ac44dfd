// What `import … from 'peerplex'` gives in Node: peers over TCP, Unix sockets and memory.
import type { Peer } from '@peerplex/rpc'
import { netTransport } from '@peerplex/transport-net'
import { createMemoryTransport } from '@peerplex/transport-port'
import { assemblePeer, type PeerOptions } from './create-peer.js'

/** Shared by all peers of the process, so that they find each other's `memory:` names. */
const transports = [netTransport(), createMemoryTransport()]

/** A peer: binds and connects, calls and is called. Throws UsageError for options out of range. */
export function createPeer(options: PeerOptions = {}): Peer {
  return assemblePeer(transports, options)
}

export * from './names.js'
