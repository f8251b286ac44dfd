// What a user of the protocol core needs; siblings of this project find more in internal.ts.
export type { ByteRange } from './byte-range.js'
export type { ChannelSink, FailOptions, Message, OpenOptions, Outcome } from './channel.js'
export { Channel } from './channel.js'
export type { Codec, RefExporter, RefImporter } from './codec.js'
export type { HeadersInit, HeaderValue } from './entries.js'
export { Headers } from './entries.js'
export type { Delivery, ErrorName, ErrorRow, ErrorScope, Origin, PeerplexErrorInit } from './errors.js'
export {
  CallError,
  ClosedError,
  codeName,
  codeNumber,
  ERRORS,
  FIRST_APPLICATION_CODE,
  LimitError,
  PeerplexError,
  ProtocolError,
  TransportError,
  UsageError,
} from './errors.js'
export type { Hello } from './hello.js'
export type { SessionLimits } from './options.js'
export { DEFAULT_SESSION_LIMITS, PUBLIC_SESSION_LIMITS } from './options.js'
export { Session } from './session.js'
export { SessionProfile } from './session-profile.js'
export type {
  ConnectionKind,
  DrainInfo,
  SessionOptions,
  SessionProfileOptions,
  SessionSink,
  SessionStart,
  SessionStats,
} from './session-types.js'
