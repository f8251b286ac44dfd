// What the tests of this repository use, in the order of the files. Private package: nothing here is for applications.

export {
  type BytesLike,
  byteAt,
  concat,
  equalBytes,
  hex,
  readI32,
  readU16,
  readU32,
  toBytes,
  toText,
  u8,
  u16,
  u32,
  unhex,
} from './bytes.js'
export {
  ConnectionRecorder,
  ContractWatch,
  type Sent,
  sendRandom,
  within,
} from './connection-recorder.js'
export { describeFrame, describeFrames, typeName } from './describe-frame.js'
export type { FaultClock } from './fault-clock.js'
export type { ProxyConnection } from './fault-connection.js'
export { MAX_PIPE_BYTES } from './fault-pipe.js'
export {
  createFaultProxy,
  FaultProxy,
  type FaultProxyOptions,
  type ProxyAddress,
  proxyAddress,
} from './fault-proxy.js'
export {
  type CutKind,
  type Direction as FaultDirection,
  FAULT_KINDS,
  type FaultKind,
  type FaultSettings,
  type FaultStep,
  NO_FAULTS,
  type RandomFaultScriptOptions,
  randomFaultScript,
} from './fault-script.js'
export {
  credit,
  data,
  end,
  entry,
  frame,
  goaway,
  header,
  hello,
  ignorable,
  open,
  ping,
  pong,
  preface,
  type RawEntryOverrides,
  type RawGoaway,
  type RawHeader,
  type RawHello,
  type RawOpen,
  type RawOverrides,
  ref,
  refsValue,
  reset,
  stop,
  type WithEntries,
} from './frame-builders.js'
export {
  describeMatcher,
  type EntryPattern,
  type FrameMatcher,
  type FramePattern,
  frameDifference,
} from './frame-matcher.js'
export {
  damageFrame,
  dropFrame,
  duplicatePart,
  extend,
  FRAME_MUTATORS,
  type FrameMutator,
  flipBit,
  INTERESTING_NUMBERS,
  insertFrame,
  mutateBodyNumber,
  mutateChannel,
  mutateFlags,
  mutateFrame,
  mutateMeta,
  mutateSequence,
  mutateSize,
  mutateType,
  repeatFrame,
  setByte,
  splice,
  swapFrames,
  truncate,
  withRightSize,
} from './fuzz.js'
export { generateEntries, generateFrame, generateHello } from './fuzz-generate.js'
export { generateSequence, type SequenceLimits, type SequenceOptions } from './fuzz-sequence.js'
export {
  type Chunker,
  type Direction,
  MemoryPair,
  type MemoryPairOptions,
  seededChunks,
  singleByteChunks,
  wholeChunks,
} from './memory-pair.js'
export {
  decodeHeader,
  type NaiveContext,
  type NaiveResult,
  naiveDecode,
  splitPreface,
} from './naive-codec.js'
export { naiveEncode } from './naive-encode.js'
export {
  type NaiveBody,
  type NaiveEntry,
  type NaiveFrame,
  type NaiveFrameInput,
  type NaiveFrameOf,
  type NaiveHeader,
  type NaiveHelloValues,
  type NaiveKind,
  RAW_CONNECTION_CODE,
  RAW_FLAG,
  RAW_TYPE,
  readAsMs,
  STATIC_KEYS,
  STATIC_VALUE_BYTES,
} from './naive-frames.js'
export { Random, randomChunks } from './random.js'
export {
  acceptAll,
  acceptAsEcho,
  type ChannelEvent,
  type ChannelEventHandler,
  type InboundHandler,
  type RecordedChannel,
  RecordingChannelSink,
  RecordingSessionSink,
  type SessionDriver,
  type SessionEvent,
} from './recording-sink.js'
export { type GoawayExpectation, ScriptedPeer, type ScriptedPeerOptions } from './scripted-peer.js'
export { advanceWith, type HostedSessionOptions, SessionHost } from './session-host.js'
export { Timeline, type TimelineDirection, type TimelineEvent } from './timeline.js'
export {
  type TransportContractCase,
  type TransportContractSetup,
  transportContract,
} from './transport-contract.js'
export { VirtualClock, type VirtualTimer } from './virtual-clock.js'
