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

export type {
  BoundListener,
  ChannelHandler,
  ChannelOptions,
  ChannelOutcome,
  Filter,
  FilterOpen,
  FilterResult,
  Link,
  PeerChannel,
} from '@peerplex/peer'
export type { CallOptions, Handler, PeerEvent, PeerEventName } from '@peerplex/rpc'
export { Context, Peer, RemotePeer, ReplyHeaders, ReplyStream } from '@peerplex/rpc'
export type { Codec, Delivery, ErrorName, HeadersInit, HeaderValue, Origin } from '@peerplex/wire'
export {
  CallError,
  ClosedError,
  Headers,
  LimitError,
  PeerplexError,
  ProtocolError,
  TransportError,
  UsageError,
} from '@peerplex/wire'
export type { PeerOptions } from './create-peer.js'
