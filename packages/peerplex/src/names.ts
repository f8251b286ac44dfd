// The names that `peerplex` gives everywhere, beside createPeer.
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
