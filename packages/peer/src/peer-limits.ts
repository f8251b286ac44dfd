// Owns: the limits of a peer beside those of its sessions: unit, range, default, value of the public profile, and what happens at each
// (docs/limits.md has all of them in one table).
// Must not know: how a limit is enforced.
import { DEFAULT_SESSION_LIMITS, PUBLIC_SESSION_LIMITS, type SessionLimits } from '@peerplex/wire'
import {
  assertKnown,
  invalidArgument,
  resolveLimits,
  resolveSessionLimits,
  SESSION_LIMIT_ROWS,
} from '@peerplex/wire/internal'

/** What a peer allows all others together. */
export interface PeerOwnLimits {
  /** Connections accepted at once by all listeners of this peer; further ones are closed. An idle one costs about 15 KB. */
  readonly maxConnections: number
  /**
   * Of those, from one address (IPv6: one /64 network); further ones are closed. Where all visitors come through one proxy, raise it to
   * `maxConnections`.
   */
  readonly maxConnectionsPerAddress: number
  /**
   * Of those, without HELLO or without a verdict of `authenticate`; never more than a tenth of `maxConnections`, or 8. Beyond, the oldest
   * one that has said nothing gives way, of the address that has the most; if none has, the new one is closed.
   */
  readonly maxUnauthenticated: number
  /** Connections accepted a second from one address in the long run; further ones are closed. */
  readonly acceptsPerSecond: number
  /** So many of them at once. */
  readonly acceptBurst: number
  /**
   * Memory that the connections of all peers of this process hold, bytes: unread, arriving, and to be sent. Beyond, the connection with the
   * most unread is ended (ENHANCE_CALM). Looked at once a second and after each sixteenth that arrives: so much more there may be.
   */
  readonly maxProcessBytes: number
  /** Output that waits for a connection that takes none, bytes. Beyond, it is given up after `unsentTimeoutMs` (UNAVAILABLE). */
  readonly maxUnsentBytes: number
  /** How long a connection with so much unsent output may take none of it, ms. */
  readonly unsentTimeoutMs: number
  /** Lines a second in the log about the connections of one address. */
  readonly logLinesPerSecond: number
}

/** Limits of the sessions, and those of the peer itself. */
export interface PeerLimits extends Partial<SessionLimits>, Partial<PeerOwnLimits> {}

/** Whether remotes are trusted. */
export type LimitProfile = 'default' | 'public'

const MAX_COUNT = 2 ** 31 - 1

/** Lowest and highest value of each limit, the default, and that of the public profile. */
export const PEER_LIMIT_ROWS: Readonly<
  Record<keyof PeerOwnLimits, readonly [min: number, max: number, byDefault: number, inPublic: number]>
> = {
  maxConnections: [1, MAX_COUNT, 4_096, 4_096],
  // A household or an office behind one address, not a farm.
  maxConnectionsPerAddress: [1, MAX_COUNT, 64, 32],
  maxUnauthenticated: [1, MAX_COUNT, 256, 256],
  acceptsPerSecond: [1, MAX_COUNT, 50, 10],
  acceptBurst: [1, MAX_COUNT, 200, 50],
  maxProcessBytes: [1_048_576, Number.MAX_SAFE_INTEGER, 268_435_456, 268_435_456],
  // Two of the largest messages.
  maxUnsentBytes: [65_536, Number.MAX_SAFE_INTEGER, 8_388_608, 2_097_152],
  unsentTimeoutMs: [1_000, MAX_COUNT, 30_000, 30_000],
  logLinesPerSecond: [1, MAX_COUNT, 10, 10],
}

/**
 * What a peer announces where the session's own default would cost speed, with figures in docs/adr/0008-frames-and-windows.md: a frame holds a
 * message of 64 KiB with its metadata, a channel eight of those with what they are charged, a connection 64. Worst case per connection:
 * about 126 MiB.
 */
const PEER_SESSION_LIMITS: SessionLimits = Object.freeze({
  ...DEFAULT_SESSION_LIMITS,
  maxFrameBytes: 81_920,
  channelWindowBytes: 540_672,
  connectionWindowBytes: 5_242_880,
})

/** Limits of the sessions of a profile, where nothing else is said. */
export const PROFILE_SESSION_LIMITS: Readonly<Record<LimitProfile, SessionLimits>> = {
  default: PEER_SESSION_LIMITS,
  public: PUBLIC_SESSION_LIMITS,
}

/** Fills in defaults, checks names and ranges. Throws UsageError INVALID_ARGUMENT that names the limit and what is allowed. */
export function resolvePeerLimits(
  profile: LimitProfile,
  limits: PeerLimits = {},
): { readonly session: SessionLimits; readonly own: PeerOwnLimits } {
  assertKnown('limit', limits, { ...SESSION_LIMIT_ROWS, ...PEER_LIMIT_ROWS })
  const own = pick(limits, (name) => Object.hasOwn(PEER_LIMIT_ROWS, name)) as Partial<PeerOwnLimits>
  const session = pick(limits, (name) => !Object.hasOwn(PEER_LIMIT_ROWS, name)) as Partial<SessionLimits>
  return {
    session: resolveSessionLimits({ ...PROFILE_SESSION_LIMITS[profile], ...session }),
    own: resolveLimits('limit', own, defaultsOf(profile), PEER_LIMIT_ROWS),
  }
}

/** Throws UsageError INVALID_ARGUMENT unless it is the name of one. */
export function assertProfile(profile: unknown): asserts profile is LimitProfile {
  if (profile !== 'default' && profile !== 'public')
    throw invalidArgument(`option profile is ${String(profile)}`, "give 'default' or 'public'")
}

function defaultsOf(profile: LimitProfile): PeerOwnLimits {
  const column = profile === 'public' ? 3 : 2
  const rows = Object.entries(PEER_LIMIT_ROWS).map(([name, row]) => [name, row[column]])
  return Object.fromEntries(rows) as PeerOwnLimits
}

function pick(limits: PeerLimits, isWanted: (name: string) => boolean): object {
  return Object.fromEntries(Object.entries(limits).filter(([name]) => isWanted(name)))
}
