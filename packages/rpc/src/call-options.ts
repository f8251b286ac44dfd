// Owns: what a call may be told, and how that becomes what the peer opens.
// Must not know: how a call runs.

import type { ChannelOptions } from '@peerplex/peer'
import { NO_OPTIONS, type OpenShape, type OpenSpec, openSpec } from '@peerplex/peer/internal'
import type { Headers, HeadersInit } from '@peerplex/wire'
import { invalidArgument, isChannelName } from '@peerplex/wire/internal'
import type { CallHost } from './call-host.js'
import type { RemotePeer } from './remote-peer.js'

/** Which peer a call is for: its id, or a test over those that are connected. */
export type Target = string | ((remote: RemotePeer) => boolean)

/** Options of `call`, `stream` and `notify`; always the last argument. */
export interface CallOptions {
  /** Aborting rejects at once with the signal's reason and ends the call on the other side; the connection lives on. */
  readonly signal?: AbortSignal | undefined
  /** Deadline, ms, waiting for a connection included; 0 for none. Default: that of the peer. */
  readonly timeoutMs?: number | undefined
  readonly headers?: HeadersInit | undefined
  /** Name of the codec; default: the first of this peer's that the other side has. */
  readonly codec?: string | undefined
  readonly to?: Target | undefined
  /** Calls with equal keys go to the same peer as long as it is there. 1 to 1,024 characters. */
  readonly routeKey?: string | undefined
  /** Running it twice does no harm: it may be repeated after a lost connection. */
  readonly idempotent?: boolean | undefined
  /** False: fails at once when no connection is ready. Default: that of the peer. */
  readonly waitForReady?: boolean | undefined
  /** Called once, with the headers of the first reply message or those that came before it. What it throws fails the call. */
  readonly onHeaders?: ((headers: Headers) => void) | undefined
  /** Called with the trailers at the end of the reply. What it throws fails the call. */
  readonly onTrailers?: ((trailers: Headers) => void) | undefined
}

/** A call of one message. */
export const PLAIN: OpenShape = Object.freeze({
  what: 'the call of',
  isOneway: false,
  hasMessage: true,
  windowBytes: undefined,
  windowMessages: undefined,
  onTargetError: () => {},
})

/** As `callSpec` for a call of one message without options. */
export function plainSpec(host: CallHost, name: string): OpenSpec {
  return callSpec(host, name, NO_OPTIONS, PLAIN)
}

/** Throws UsageError for what makes no sense, LimitError for too many headers; nothing has been sent then. */
export function callSpec(host: CallHost, name: string, options: CallOptions, shape: OpenShape): OpenSpec {
  if (typeof name !== 'string' || name === '') {
    throw invalidArgument(
      `the name of a call is ${name === '' ? 'empty' : typeof name}`,
      "give the name of a handler, such as 'math.add'",
    )
  }
  if (!isChannelName(name)) {
    throw invalidArgument(
      `'${name.slice(0, 80)}' is not the name of a call`,
      'use 1 to 255 bytes without control characters',
    )
  }
  // All remotes of this peer are made by it, see peer.ts.
  return openSpec(name, options as ChannelOptions, host.channels.options, shape)
}

/** Whether an argument is a stream of inputs rather than one value. */
export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}
