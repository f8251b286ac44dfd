// For sibling packages and tests of this repository; no promise of stability. @internal
export { BlockPool, blockBytes } from './block-pool.js'
export { byteRange, keptBytes, setWhole, viewOf } from './byte-range.js'
export { CHANNEL_STATES, CHANNEL_TRANSITIONS } from './channel-state.js'
export {
  assertKnown,
  assertWhole,
  failedPrecondition,
  invalidArgument,
  resolveLimits,
  showScalar,
} from './checks.js'
export {
  FLAG_MASKS,
  FRAME_TYPES,
  HEADER_BYTES,
  MAX_CHANNEL_ID,
  MESSAGE_CHARGE_BYTES,
  PREFACE,
  QUEUED_MESSAGE_BYTES,
} from './constants.js'
export type { Deadline } from './deadlines.js'
export { DeadlineHeap } from './deadlines.js'
export { COST_IDLE_FRAME, COST_REFUSED_OPEN, EARN_CHANNEL, EARN_MESSAGE } from './economy.js'
export { encodeEntry, scanEntries } from './entries.js'
export {
  CODE_CANCELLED,
  CODE_INVALID_ARGUMENT,
  CODE_OK,
  CODE_RESOURCE_EXHAUSTED,
  CODE_UNIMPLEMENTED,
  CODE_UNKNOWN,
  CODE_UNSUPPORTED_CODEC,
} from './error-codes.js'
export { reasonOf } from './errors.js'
export type { FrameSink } from './frame-decoder.js'
export { FrameDecoder, frameName } from './frame-decoder.js'
export { HEADER_KEYS, staticKey, staticRow } from './header-keys.js'
export { FLOOR_HELLO } from './hello.js'
export type { InspectedFrame, InspectedValue } from './inspect.js'
export { inspectFrame } from './inspect.js'
export { isChannelName, type OpenInfo, openInfo } from './open-info.js'
export { resolveSessionLimits, SESSION_LIMIT_ROWS } from './options.js'
export type { DueListener, Outbox } from './outbox.js'
export {
  DRAIN_STATES,
  LOCAL_DRAIN_TRANSITIONS,
  REMOTE_DRAIN_TRANSITIONS,
  SESSION_STATES,
  SESSION_TRANSITIONS,
} from './session-state.js'
export type { TransitionRow } from './state-table.js'
export { NO_TRANSITION, StateTable } from './state-table.js'
export { encodeText, NO_BYTES } from './utf8.js'
