// Owns: every limit and time of a session: unit, range, default, what happens at it, and why this default (spec §25).
// Must not know: how a limit is enforced. `resolveSessionLimits` is the only place that fills in a default.
import { assertWhole, resolveLimits } from './checks.js'
import {
  FLOOR_CHANNEL_BYTES,
  FLOOR_CHANNEL_MESSAGES,
  FLOOR_CONNECTION_BYTES,
  FLOOR_FRAME_BYTES,
  FLOOR_HEADER_BYTES,
  FLOOR_IDLE_MS,
  FLOOR_MESSAGE_BYTES,
  FLOOR_PARTIAL_MESSAGES,
  MAX_FRAME_BYTES,
  MAX_U31,
} from './constants.js'

/** What one session allows the other side. All sizes are what a remote can make this side hold. */
export interface SessionLimits {
  /** Largest frame accepted, without its header. Beyond: FRAME_SIZE. 64 KiB keeps one slow frame from blocking others. */
  readonly maxFrameBytes: number
  /** Largest message accepted, all fragments together. Beyond: MESSAGE_TOO_LARGE on the channel. Cost: times maxPartialMessages. */
  readonly maxMessageBytes: number
  /** Bytes a channel may have under way to us. 256 KiB is where throughput stops growing steeply on one host. */
  readonly channelWindowBytes: number
  /** Messages a channel may have under way to us. At the default the byte window binds first. */
  readonly channelWindowMessages: number
  /** Bytes all channels together may have under way to us; up to six times this may be held (spec §10). */
  readonly connectionWindowBytes: number
  /** Channels the other side may have open, counting handlers that still run. Beyond: REFUSED. 0 withholds all. */
  readonly maxOpenChannels: number
  /** Metadata per frame. Beyond: FRAME_SIZE. */
  readonly maxHeaderBytes: number
  /** Entries per frame. Beyond: METADATA_TOO_LARGE on the channel. Fixed by the protocol at 64 or fewer. */
  readonly maxHeaderCount: number
  /** Messages that may be incomplete at once. Beyond: FLOW_CONTROL. Cost: times maxMessageBytes. */
  readonly maxPartialMessages: number
  /** Complete messages that wait to be read, bytes with overhead; beyond, connection credit is withheld. */
  readonly maxUnreadBytes: number
  /** How long credit is withheld before the channel with most unread bytes is reset (RESOURCE_EXHAUSTED). */
  readonly withheldTimeoutMs: number
  /** The connection is dropped when nothing at all arrives for this long (IDLE_TIMEOUT); declared to the other side. 0: never. */
  readonly idleTimeoutMs: number
  /** How long the other side has for its preface and HELLO (HELLO_TIMEOUT). */
  readonly helloTimeoutMs: number
  /** An incomplete message that makes no progress for this long, with credit left, ends its channel (ABORTED). 0: never. */
  readonly partialTimeoutMs: number
  /** References that may be exported at once. */
  readonly maxExportedRefs: number
  /** What a channel may send in its turn while others wait, bytes; a message of at most four times this goes in one turn. */
  readonly quantumBytes: number
  /** The slot of a channel that was cancelled before we answered returns at the next tick of this length. */
  readonly openSlotTickMs: number
  /** The economy counter (spec §17) starts and stays at or below this; below 0 the connection ends (ENHANCE_CALM). */
  readonly economyCap: number
  /** Added to the economy counter every economyRefillMs. */
  readonly economyRefill: number
  readonly economyRefillMs: number
}

/** Lowest and highest value of each limit, and the default (spec §25). */
export const SESSION_LIMIT_ROWS: Readonly<
  Record<keyof SessionLimits, readonly [min: number, max: number, byDefault: number]>
> = {
  maxFrameBytes: [FLOOR_FRAME_BYTES, MAX_FRAME_BYTES, 65_536],
  maxMessageBytes: [FLOOR_MESSAGE_BYTES, MAX_U31, 4_194_304],
  channelWindowBytes: [FLOOR_CHANNEL_BYTES, MAX_U31, 262_144],
  channelWindowMessages: [FLOOR_CHANNEL_MESSAGES, MAX_U31, 16_384],
  connectionWindowBytes: [FLOOR_CONNECTION_BYTES, MAX_U31, 4_194_304],
  maxOpenChannels: [0, MAX_U31, 1_024],
  maxHeaderBytes: [FLOOR_HEADER_BYTES, 65_535, 16_384],
  maxHeaderCount: [1, 64, 64],
  maxPartialMessages: [FLOOR_PARTIAL_MESSAGES, 65_535, 16],
  maxUnreadBytes: [FLOOR_MESSAGE_BYTES, Number.MAX_SAFE_INTEGER, 33_554_432],
  withheldTimeoutMs: [1, MAX_U31, 10_000],
  idleTimeoutMs: [0, MAX_U31, 45_000],
  helloTimeoutMs: [1, MAX_U31, 10_000],
  partialTimeoutMs: [0, MAX_U31, 30_000],
  maxExportedRefs: [0, MAX_U31, 4_096],
  quantumBytes: [4_096, MAX_FRAME_BYTES, 16_384],
  openSlotTickMs: [1, MAX_U31, 1_000],
  economyCap: [0, MAX_U31, 2_000],
  economyRefill: [0, MAX_U31, 500],
  economyRefillMs: [1, MAX_U31, 10_000],
}

/** The defaults. Worst case per connection: maxUnread + 6 × connectionWindow + partials × maxMessage, about 120 MiB. */
export const DEFAULT_SESSION_LIMITS: SessionLimits = Object.freeze(
  Object.fromEntries(Object.entries(SESSION_LIMIT_ROWS).map(([name, [, , byDefault]]) => [name, byDefault])),
) as unknown as SessionLimits

/** For untrusted remotes: about 18 MiB per connection at worst instead of 120. */
export const PUBLIC_SESSION_LIMITS: SessionLimits = Object.freeze({
  ...DEFAULT_SESSION_LIMITS,
  maxMessageBytes: 1_048_576,
  channelWindowBytes: 65_536,
  connectionWindowBytes: 1_048_576,
  maxPartialMessages: 4,
  maxUnreadBytes: 8_388_608,
})

/** Fills in defaults and checks every range. Throws UsageError INVALID_ARGUMENT that names the option and its range. */
export function resolveSessionLimits(limits: Partial<SessionLimits> = {}): SessionLimits {
  const resolved = resolveLimits('limit', limits, DEFAULT_SESSION_LIMITS, SESSION_LIMIT_ROWS)
  const { idleTimeoutMs } = resolved
  if (idleTimeoutMs !== 0)
    assertWhole('limit idleTimeoutMs', idleTimeoutMs, FLOOR_IDLE_MS, MAX_U31, '0 (never) or ')
  return resolved
}
