// Owns: what a call may be told, and how that becomes what the peer opens.
// Must not know: how a call runs.

import type { ChannelPeer } from '@peerplex/peer'
import type { OpenSpec, Target } from '@peerplex/peer/internal'
import { type Codec, Headers, type HeadersInit, UsageError } from '@peerplex/wire'

/** Options of `call`, `stream`, `notify` and `open`; always the last argument. */
export interface CallOptions {
  /** Aborting rejects at once with the signal's reason and ends the call on the other side; the connection lives on. */
  readonly signal?: AbortSignal | undefined
  /** Deadline, ms, waiting included; 0 for none. Default: that of the peer. */
  readonly timeoutMs?: number | undefined
  readonly headers?: HeadersInit | undefined
  /** Name of the codec; default: the first of this peer's that the other side has. */
  readonly codec?: string | undefined
  /** Peer id, or a test over the remote peers. */
  readonly to?: Target | undefined
  /** Running it twice does no harm: it may be repeated after a lost connection. */
  readonly idempotent?: boolean | undefined
  /** False: fails at once when no connection is ready. Default: that of the peer. */
  readonly waitForReady?: boolean | undefined
  /** Called with the headers of the first reply message, or those that came before it. */
  readonly onHeaders?: ((headers: Headers) => void) | undefined
  /** Called with the trailers at the end of the reply. */
  readonly onTrailers?: ((trailers: Headers) => void) | undefined
}

/** What differs between the kinds of calls. */
export interface CallShape {
  readonly isLast: boolean
  readonly isOneway: boolean
  /** Undefined when the input is a stream. */
  readonly encodeFirst: ((codec: Codec) => Uint8Array) | undefined
}

const MAX_TIMEOUT_MS = 2 ** 31 - 1

/** Throws UsageError for options that make no sense, before anything is sent. */
export function openSpec(peer: ChannelPeer, name: string, options: CallOptions, shape: CallShape): OpenSpec {
  const timeoutMs = options.timeoutMs ?? peer.options.timeoutMs
  if (!Number.isInteger(timeoutMs) || timeoutMs < 0 || timeoutMs > MAX_TIMEOUT_MS) {
    throw new UsageError('INVALID_ARGUMENT', `timeoutMs of '${name}' is ${String(timeoutMs)}`, {
      hint: `give a whole number from 0 (none) to ${MAX_TIMEOUT_MS}`,
    })
  }
  const { to } = options
  if (to !== undefined && typeof to !== 'string' && typeof to !== 'function') {
    throw new UsageError('INVALID_ARGUMENT', `'to' of '${name}' is neither a peer id nor a function`)
  }
  return {
    name,
    codec: options.codec,
    headers: Headers.from(options.headers),
    timeoutMs,
    isLast: shape.isLast,
    isOneway: shape.isOneway,
    isIdempotent: options.idempotent === true,
    windowBytes: undefined,
    windowMessages: undefined,
    to,
    waitForReady: options.waitForReady ?? peer.options.waitForReady,
    encodeFirst: shape.encodeFirst,
  }
}

/** Whether an argument is a stream of inputs rather than one value. */
export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}
