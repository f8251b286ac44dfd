// What `import … from 'peerplex/json'` gives: what a page has of 'peerplex', without codec msgpack.
import type { Peer } from '@peerplex/rpc'
import { assemble, type PeerOptions } from './assemble.js'
import { PAGE_TRANSPORTS } from './page-transports.js'

/** A peer with codecs json, text and raw, of which it prefers json. Throws UsageError for options out of range. */
export function createPeer(options: PeerOptions = {}): Peer {
  return assemble({ transports: PAGE_TRANSPORTS, codecs: [] }, options)
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
export type { PeerOptions } from './assemble.js'
