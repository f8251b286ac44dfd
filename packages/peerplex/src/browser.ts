// What `import … from 'peerplex'` gives in a browser: peers over WebSocket (dialing), ports and workers, and memory.
import type { Peer } from '@peerplex/rpc'
import { assemblePeer, type PeerOptions } from './create-peer.js'
import { PAGE_TRANSPORTS } from './page-transports.js'

/** A peer: binds and connects, calls and is called. Throws UsageError for options out of range. */
export function createPeer(options: PeerOptions = {}): Peer {
  return assemblePeer(PAGE_TRANSPORTS, options)
}

export type {
  Authenticate,
  AutoOptions,
  BindOptions,
  BoundListener,
  ChannelHandler,
  ChannelOptions,
  ChannelOutcome,
  ConnectOptions,
  Filter,
  FilterOpen,
  FilterResult,
  Link,
  PeerChannel,
  PeerHello,
  PendingConnection,
} from '@peerplex/peer'
export type { Answer, CallOptions, Handler, PeerEvent, PeerEventName } from '@peerplex/rpc'
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
