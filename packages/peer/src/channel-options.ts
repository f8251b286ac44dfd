// Owns: what `open` may be told, and how that becomes what the peer opens.
// Must not know: how a channel runs.

import { Headers, type HeadersInit } from '@peerplex/wire'
import { invalidArgument } from '@peerplex/wire/internal'
import type { OpenSpec, Target } from './open-request.js'
import type { ResolvedPeerOptions } from './options.js'
import type { RemotePeer } from './remote-peer.js'

export interface ChannelOptions {
  /** Aborting gives the channel up at once: it ends with CANCELLED here and on the other side. */
  readonly signal?: AbortSignal | undefined
  /** Deadline, ms, waiting included; 0 for none. Default: that of the peer. Beyond: DEADLINE_EXCEEDED on both sides. */
  readonly timeoutMs?: number | undefined
  readonly headers?: HeadersInit | undefined
  /** Name of the codec; default: the first of this peer's that the other side has. */
  readonly codec?: string | undefined
  /** Peer id, or a test over the remote peers. */
  readonly to?: Target | undefined
  /** Opening it twice does no harm; told to the other side. */
  readonly idempotent?: boolean | undefined
  /** False: fails at once when no connection is ready. Default: that of the peer. */
  readonly waitForReady?: boolean | undefined
  /** Bytes the other side may have under way on this channel, 16,384 … 2^31-1. Default: limits.channelWindowBytes. */
  readonly windowBytes?: number | undefined
  /** Messages the other side may have under way, 1 … 65,535; 1 is strict one-at-a-time. Default: limits.channelWindowMessages. */
  readonly windowMessages?: number | undefined
  /** Called with the headers of the first message, or those that came before it. */
  readonly onHeaders?: ((headers: Headers) => void) | undefined
  /** Called with what the other side sent at the end of its output. */
  readonly onTrailers?: ((trailers: Headers) => void) | undefined
}

const MAX_TIMEOUT_MS = 2 ** 31 - 1
const MAX_NAME_BYTES = 255

/** Throws UsageError, LimitError for what makes no sense, before anything is sent. `report` hears what `to` throws. */
export function channelSpec(
  name: string,
  options: ChannelOptions,
  defaults: ResolvedPeerOptions,
  report: (error: unknown) => void,
): OpenSpec {
  assertName(name)
  assertKinds(options)
  const timeoutMs = options.timeoutMs ?? defaults.timeoutMs
  assertRange('timeoutMs', timeoutMs, 0, MAX_TIMEOUT_MS)
  if (options.windowBytes !== undefined)
    assertRange('windowBytes', options.windowBytes, 16_384, MAX_TIMEOUT_MS)
  if (options.windowMessages !== undefined) assertRange('windowMessages', options.windowMessages, 1, 0xffff)
  return {
    name,
    codec: options.codec,
    headers: Headers.from(options.headers),
    timeoutMs,
    isLast: false,
    isOneway: false,
    isIdempotent: options.idempotent === true,
    windowBytes: options.windowBytes,
    windowMessages: options.windowMessages,
    to: guardedTarget(options.to, report),
    waitForReady: options.waitForReady ?? defaults.waitForReady,
    encodeFirst: undefined,
  }
}

/** A test that throws fits nobody; what is behind it is the program's defect. */
function guardedTarget(to: Target | undefined, report: (error: unknown) => void): Target | undefined {
  if (to === undefined || typeof to === 'string') return to
  if (typeof to !== 'function') {
    throw invalidArgument(`'to' is ${typeof to}`, 'give a peer id or a function')
  }
  return (remote: RemotePeer) => {
    try {
      return to(remote)
    } catch (error) {
      report(error)
      return false
    }
  }
}

/** Whether a name can be opened at all; whose it is is another question. */
export function isOpenableName(name: string): boolean {
  const bytes = typeof name === 'string' ? new TextEncoder().encode(name) : new Uint8Array(0)
  return bytes.length > 0 && bytes.length <= MAX_NAME_BYTES && bytes.every((byte) => byte >= 0x20)
}

function assertName(name: string): void {
  if (isOpenableName(name) && !name.startsWith('~')) return
  throw invalidArgument(
    `'${String(name).slice(0, 80)}' is not a channel name`,
    `use 1 to ${MAX_NAME_BYTES} bytes without control characters; names with '~' belong to the protocol`,
  )
}

function assertKinds({ codec, signal, onHeaders, onTrailers }: ChannelOptions): void {
  assertKind('codec', codec, typeof codec === 'string', "the name of a codec, such as 'json'")
  assertKind('signal', signal, typeof signal?.addEventListener === 'function', 'an AbortSignal')
  assertKind('onHeaders', onHeaders, typeof onHeaders === 'function', 'a function')
  assertKind('onTrailers', onTrailers, typeof onTrailers === 'function', 'a function')
}

function assertKind(option: string, value: unknown, isRight: boolean, allowed: string): void {
  if (value === undefined || isRight) return
  throw invalidArgument(`open: ${option} is ${value === null ? 'null' : typeof value}`, `give ${allowed}`)
}

function assertRange(option: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return
  throw invalidArgument(`open: ${option} is ${String(value)}`, `give a whole number from ${min} to ${max}`)
}
