// What `import … from 'peerplex'` gives in a browser: peers over memory; WebSocket and MessagePort follow.
import type { Peer } from '@peerplex/rpc'
import { createMemoryTransport } from '@peerplex/transport-port'
import { assemblePeer, type PeerOptions } from './create-peer.js'

/** Shared by all peers of the page, so that they find each other's `memory:` names. */
const transports = [createMemoryTransport()]

/** A peer: binds and connects, calls and is called. Throws UsageError for options out of range. */
export function createPeer(options: PeerOptions = {}): Peer {
  return assemblePeer(transports, options)
}

export * from './names.js'
