// Owns: every option of a peer: unit, range, default, what happens at the limit, and why this default.
// Must not know: how an option takes effect. `resolvePeerOptions` is the only place that fills in a default.

import type { PeerplexError, SessionLimits } from '@peerplex/wire'
import { assertKnown, assertWhole, encodeText, invalidArgument } from '@peerplex/wire/internal'
import type { Authenticate } from './authentication.js'
import { type Clock, SYSTEM_CLOCK } from './clock.js'
import {
  assertProfile,
  type LimitProfile,
  type PeerLimits,
  type PeerOwnLimits,
  resolvePeerLimits,
} from './peer-limits.js'

/** What happens to an open when the local queue is full. */
export type QueueOverflow = 'reject' | 'block' | 'drop-oldest'

export interface QueueOptions {
  /** Opens that may wait for a connection. Default 1000; each costs its message and about 1 KB. */
  readonly maxCalls?: number
  /** Bytes of their first messages, all together. Default 8 MiB. */
  readonly maxBytes?: number
  /** How long one may wait, ms; 0 for ever. Default 30 s. Beyond: UNAVAILABLE, not-sent. */
  readonly waitMs?: number
  /**
   * `reject` (default): RESOURCE_EXHAUSTED, not-sent. `block`: waits for room outside the queue, unbounded by it, for producers
   * that await each call. `drop-oldest`: the oldest one-way gives way; if there is none, as `reject`.
   */
  readonly overflow?: QueueOverflow
}

/** How an open finds its peer among several. */
export type BalancePolicy = 'roundRobin' | 'leastLoaded' | 'sticky'

export interface ReconnectOptions {
  /** Unit of the backoff, ms: a pause is random in 0 … initialMs × 2^n. Default 250. */
  readonly initialMs?: number
  /** Longest pause, ms. Default 30 s. */
  readonly maxMs?: number
}

export interface Logger {
  debug(message: string, fields?: object): void
  info(message: string, fields?: object): void
  warn(message: string, fields?: object): void
  error(message: string, fields?: object): void
}

export interface ChannelPeerOptions {
  /** Logical name announced to others; random when absent. At most 255 bytes. */
  readonly id?: string
  /** Limits for trusted (`default`) or untrusted (`public`) remotes; single ones are set in `limits`. */
  readonly profile?: LimitProfile
  /** See docs/limits.md. */
  readonly limits?: PeerLimits
  /** Deadline of every call and channel that names none, ms; 0 (default) for none. */
  readonly timeoutMs?: number
  /** Whether an open waits for a usable connection (default) or fails at once with the last connect error as cause. */
  readonly waitForReady?: boolean
  readonly queue?: QueueOptions
  /**
   * `roundRobin` (default): peers in turn, in a fixed order. `leastLoaded`: of two that chance picks the one with fewer channels. `sticky`: calls
   * with a `routeKey` go to the peer that the key belongs to, the others in turn; a `routeKey` does that with the other two as well.
   */
  readonly balance?: BalancePolicy
  /** Names and patterns that this peer answers to, told to others, which then ask it for nothing else. Default: not told. */
  readonly serves?: readonly string[]
  /** `false`: a link connects once and then closes. */
  readonly reconnect?: ReconnectOptions | false
  /** How long one attempt to connect may take until HELLO is there, `credentials` included, ms. Default 10 s. */
  readonly connectTimeoutMs?: number
  /**
   * For transports with TLS, on Node: `cert`, `key`, `ca`, … as node:tls takes them, or what a single `bind` or `connect` gives as its
   * own option `tls`.
   */
  readonly tls?: Readonly<Record<string, unknown>>
  /**
   * Asked about every connection, dialed ones too, before anything is answered, called or told on it. Default: everybody is welcome, and
   * `remote.id` is what they claim. See docs/guide/authentication.md.
   */
  readonly authenticate?: Authenticate | undefined
  /**
   * Shown to those whom this peer dials, as HELLO `auth`; a function is asked before each attempt. Not shown to those who dial: see
   * `BindOptions`.
   */
  readonly credentials?: Credentials
  /** Handler errors that nobody else hears of. Default: nothing. */
  readonly onError?: (error: unknown, context: ErrorContext) => void
  readonly logger?: Logger
  /** Time and randomness, for tests and simulations. */
  readonly clock?: Clock
  readonly random?: () => number
}

export type Credentials = string | Uint8Array | (() => string | Uint8Array | Promise<string | Uint8Array>)

/** What may be said anew for the connections of one target. */
interface TargetOptions {
  /** Instead of that of the peer; false: nobody is asked. */
  readonly authenticate?: Authenticate | false | undefined
  /** Instead of that of the peer, whose own `limits` do not hold then. */
  readonly profile?: LimitProfile | undefined
  /** Limits of the sessions; those of the whole peer are for `createPeer`. */
  readonly limits?: Partial<SessionLimits> | undefined
  /** Any other name is an option of the transport, see docs/transports.md. */
  readonly [transportOption: string]: unknown
}

export interface BindOptions extends TargetOptions {
  /**
   * What this side shows to whoever dials, before it knows who that is: no secret, but for instance a statement that somebody signed. A
   * function is asked for each connection and answers at once. Default: nothing.
   */
  readonly credentials?: string | Uint8Array | (() => string | Uint8Array) | false | undefined
}

export interface ConnectOptions extends TargetOptions {
  /** Instead of those of the peer; false: none. */
  readonly credentials?: Credentials | false | undefined
  /** Instead of that of the peer. */
  readonly reconnect?: ReconnectOptions | false | undefined
  /** Instead of that of the peer. */
  readonly connectTimeoutMs?: number | undefined
}

/** Where an error came from that had no caller. */
export interface ErrorContext {
  /** Name of the channel, empty for what concerns a connection. */
  readonly name: string
  /** Id of the remote peer, where known. */
  readonly remote: string
}

/** What a transport lets one listener or link choose, by name. */
export type TransportOptions = Readonly<Record<string, unknown>>

/** How `drain` is told when to give up. */
export interface DrainOptions {
  /** How long running work may run, ms. Default 30 s. */
  readonly graceMs?: number
}

export interface ResolvedPeerOptions {
  readonly id: string
  readonly sessionLimits: SessionLimits
  readonly limits: PeerOwnLimits
  readonly timeoutMs: number
  readonly waitForReady: boolean
  readonly queue: Required<QueueOptions>
  readonly balance: BalancePolicy
  readonly serves: readonly string[] | undefined
  readonly reconnect: Required<ReconnectOptions> | false
  readonly connectTimeoutMs: number
  readonly tls: Readonly<Record<string, unknown>> | undefined
  readonly authenticate: Authenticate | undefined
  readonly credentials: Credentials | undefined
  readonly onError: (error: unknown, context: ErrorContext) => void
  readonly logger: Logger
  readonly clock: Clock
  readonly random: () => number
}

const DEFAULT_QUEUE: Required<QueueOptions> = Object.freeze({
  maxCalls: 1_000,
  maxBytes: 8_388_608,
  waitMs: 30_000,
  overflow: 'reject',
})

export const DEFAULT_RECONNECT: Required<ReconnectOptions> = Object.freeze({ initialMs: 250, maxMs: 30_000 })

/** Every option by name, so that a misspelt one is noticed without types too; the compiler keeps it complete. */
const OPTIONS: Readonly<Record<keyof ChannelPeerOptions, true>> = {
  id: true,
  profile: true,
  limits: true,
  timeoutMs: true,
  waitForReady: true,
  queue: true,
  balance: true,
  serves: true,
  reconnect: true,
  connectTimeoutMs: true,
  tls: true,
  authenticate: true,
  credentials: true,
  onError: true,
  logger: true,
  clock: true,
  random: true,
}

const SILENT: Logger = Object.freeze({ debug() {}, info() {}, warn() {}, error() {} })
const MAX_MS = 2 ** 31 - 1
const MAX_ID_BYTES = 255

/** Fills in defaults, checks names and ranges. Throws UsageError INVALID_ARGUMENT that names the option and what is allowed. */
export function resolvePeerOptions(options: ChannelPeerOptions = {}): ResolvedPeerOptions {
  assertKnown('option', options, OPTIONS)
  const profile = options.profile ?? 'default'
  assertProfile(profile)
  const { session, own } = resolvePeerLimits(profile, options.limits)
  const random = options.random ?? Math.random
  return Object.freeze({
    id: resolveId(options.id, random),
    sessionLimits: session,
    limits: own,
    timeoutMs: count('timeoutMs', options.timeoutMs ?? 0, 0),
    waitForReady: options.waitForReady ?? true,
    queue: resolveQueue(options.queue ?? {}),
    balance: resolveBalance(options.balance),
    serves: resolveServes(options.serves),
    reconnect: resolveReconnect(options.reconnect),
    connectTimeoutMs: resolveConnectTimeout(options.connectTimeoutMs),
    tls: options.tls,
    authenticate: resolveHook(options.authenticate),
    credentials: options.credentials,
    onError: options.onError ?? (() => {}),
    logger: options.logger ?? SILENT,
    clock: options.clock ?? SYSTEM_CLOCK,
    random,
  })
}

function resolveQueue(queue: QueueOptions): Required<QueueOptions> {
  assertKnown('option', queue, DEFAULT_QUEUE, 'queue.')
  const overflow = queue.overflow ?? DEFAULT_QUEUE.overflow
  if (!['reject', 'block', 'drop-oldest'].includes(overflow)) {
    throw bad('queue.overflow', overflow, "'reject', 'block' or 'drop-oldest'")
  }
  return Object.freeze({
    maxCalls: count('queue.maxCalls', queue.maxCalls ?? DEFAULT_QUEUE.maxCalls, 0),
    maxBytes: count('queue.maxBytes', queue.maxBytes ?? DEFAULT_QUEUE.maxBytes, 0),
    waitMs: count('queue.waitMs', queue.waitMs ?? DEFAULT_QUEUE.waitMs, 0),
    overflow,
  })
}

function resolveBalance(balance: BalancePolicy = 'roundRobin'): BalancePolicy {
  if (['roundRobin', 'leastLoaded', 'sticky'].includes(balance)) return balance
  throw bad('balance', balance, "'roundRobin', 'leastLoaded' or 'sticky'")
}

function resolveServes(serves: readonly string[] | undefined): readonly string[] | undefined {
  if (serves === undefined) return undefined
  const isList =
    Array.isArray(serves) && serves.every((name) => typeof name === 'string' && /^[^,]+$/.test(name))
  if (!isList) throw bad('serves', serves, 'an array of names or patterns, without commas')
  return Object.freeze([...serves])
}

/** Throws UsageError INVALID_ARGUMENT. */
export function resolveReconnect(given: ReconnectOptions | false = {}): Required<ReconnectOptions> | false {
  if (given === false) return false
  if (typeof given !== 'object' || given === null)
    throw bad('reconnect', given, 'an object with initialMs and maxMs, or false')
  assertKnown('option', given, DEFAULT_RECONNECT, 'reconnect.')
  return Object.freeze({
    initialMs: count('reconnect.initialMs', given.initialMs ?? DEFAULT_RECONNECT.initialMs, 1),
    maxMs: count('reconnect.maxMs', given.maxMs ?? DEFAULT_RECONNECT.maxMs, 1),
  })
}

/** Throws UsageError INVALID_ARGUMENT. */
export function resolveConnectTimeout(timeoutMs = 10_000): number {
  return count('connectTimeoutMs', timeoutMs, 1)
}

/** `false`: none. Throws UsageError INVALID_ARGUMENT for what is no function. */
export function resolveHook(hook: Authenticate | false | undefined): Authenticate | undefined {
  if (hook === undefined || hook === false) return undefined
  if (typeof hook === 'function') return hook
  throw bad('authenticate', hook, 'a function')
}

function resolveId(id: string | undefined, random: () => number): string {
  if (id === undefined)
    return `peer-${Math.floor(random() * 2 ** 48)
      .toString(16)
      .padStart(12, '0')}`
  const isLegal = typeof id === 'string' && id.length > 0 && encodeText(id).length <= MAX_ID_BYTES
  if (!isLegal) throw bad('id', id, `text of 1 to ${MAX_ID_BYTES} bytes`)
  return id
}

function count(option: string, value: number, min: number): number {
  assertWhole(`option ${option}`, value, min, MAX_MS)
  return value
}

function bad(option: string, value: unknown, allowed: string): PeerplexError {
  return invalidArgument(`option ${option} is ${String(value)}`, `give ${allowed}`)
}
