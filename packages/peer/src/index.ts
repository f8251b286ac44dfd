// What a user of channels gets; siblings of this project find more in internal.ts.
export type { BoundListener, ChannelPeerParts, DrainOptions } from './channel-peer.js'
export { ChannelPeer, createChannelPeer } from './channel-peer.js'
export type { Clock, TimerHandle } from './clock.js'
export { SYSTEM_CLOCK } from './clock.js'
export type { CodecSet } from './codec-set.js'
export type { PeerEvent, PeerEventMap } from './events.js'
export type { InboundHandler } from './inbox.js'
export type { LinkState } from './link.js'
export { Link } from './link.js'
export type {
  ChannelPeerOptions,
  Credentials,
  ErrorContext,
  Logger,
  PeerLimits,
  QueueOptions,
  QueueOverflow,
  ReconnectOptions,
} from './options.js'
export type { RemoteState } from './remote-peer.js'
export { RemotePeer } from './remote-peer.js'
export type { SessionDriverEvents, SessionDriverOptions } from './session-driver.js'
export { SessionDriver } from './session-driver.js'
export type { ConnectionStats, PeerStats } from './stats.js'
