// What a user of channels gets; siblings of this project find more in internal.ts.

export type { Authenticate, PeerHello, PendingConnection } from './authentication.js'
export type { AutoOptions, AutoStats } from './auto.js'
export type { ChannelHandler } from './channel-handler.js'
export type { MessageCallback } from './channel-input.js'
export type { ChannelOptions } from './channel-options.js'
export type { ChannelOutcome } from './channel-outcome.js'
export type { ChannelPeerParts } from './channel-peer.js'
export { ChannelPeer, createChannelPeer } from './channel-peer.js'
export type { Clock, TimerHandle } from './clock.js'
export { SYSTEM_CLOCK } from './clock.js'
export type { CodecSet } from './codec-set.js'
export type { BoundListener } from './connections.js'
export type { PeerEvent, PeerEventMap } from './events.js'
export type { Filter, FilterOpen, FilterResult } from './filters.js'
export type { InboundHandler } from './inbox.js'
export type { DuplexLike } from './join.js'
export type { LinkState } from './link.js'
export { Link } from './link.js'
export { MutableHeaders } from './mutable-headers.js'
export type { Target } from './open-request.js'
export { outcomeError } from './open-request.js'
export type {
  BalancePolicy,
  BindOptions,
  ChannelPeerOptions,
  ConnectOptions,
  Credentials,
  DrainOptions,
  ErrorContext,
  Logger,
  QueueOptions,
  QueueOverflow,
  ReconnectOptions,
  TransportOptions,
} from './options.js'
export type { SendOptions } from './peer-channel.js'
export { PeerChannel } from './peer-channel.js'
export type { LimitProfile, PeerLimits, PeerOwnLimits } from './peer-limits.js'
export type { RemoteState } from './remote-peer.js'
export { RemotePeer } from './remote-peer.js'
export type { SessionDriverEvents, SessionDriverOptions } from './session-driver.js'
export { SessionDriver } from './session-driver.js'
export type { ConnectionStats, LimitStats, PeerStats } from './stats.js'
export type { WebStreams } from './web-streams.js'
