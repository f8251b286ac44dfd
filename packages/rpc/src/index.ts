// Calls, streams and handlers. A program usually imports them from `peerplex`, with transports and codecs filled in.
export type { CallOptions, Target } from './call-options.js'
export { Context } from './context.js'
export type { Handler } from './inbound-call.js'
export type { PeerEvent, PeerEventName, PeerOptions, PeerParts } from './peer.js'
export { createPeer, Peer } from './peer.js'
export { RemotePeer } from './remote-peer.js'
export { ReplyHeaders } from './reply-headers.js'
export { ReplyStream } from './reply-stream.js'
