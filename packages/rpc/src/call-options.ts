// Owns: what a call may be told, and how that becomes what the peer opens.
// Must not know: how a call runs.

import { isOpenableName, type OpenSpec } from '@peerplex/peer/internal'
import { type Codec, Headers, type HeadersInit, type UsageError } from '@peerplex/wire'
import { invalidArgument } from '@peerplex/wire/internal'
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
  /** Running it twice does no harm: it may be repeated after a lost connection. */
  readonly idempotent?: boolean | undefined
  /** False: fails at once when no connection is ready. Default: that of the peer. */
  readonly waitForReady?: boolean | undefined
  /** Called once, with the headers of the first reply message or those that came before it. What it throws fails the call. */
  readonly onHeaders?: ((headers: Headers) => void) | undefined
  /** Called with the trailers at the end of the reply. What it throws fails the call. */
  readonly onTrailers?: ((trailers: Headers) => void) | undefined
}

/** What differs between the kinds of calls. */
export interface CallShape {
  readonly isOneway: boolean
  /** Undefined when the input is a stream. */
  readonly encodeFirst: ((codec: Codec) => Uint8Array) | undefined
  /** Told what the program's own test over the peers throws. */
  readonly onTargetError: (error: unknown) => void
}

const MAX_TIMEOUT_MS = 2 ** 31 - 1

/** Throws UsageError for what makes no sense, LimitError for too many headers; nothing has been sent then. */
export function openSpec(host: CallHost, name: string, options: CallOptions, shape: CallShape): OpenSpec {
  const defaults = host.channels.options
  assertOptions(name, options)
  return {
    name,
    codec: options.codec,
    headers: Headers.from(options.headers),
    timeoutMs: options.timeoutMs ?? defaults.timeoutMs,
    isLast: shape.encodeFirst !== undefined,
    isOneway: shape.isOneway,
    isIdempotent: options.idempotent === true,
    windowBytes: undefined,
    windowMessages: undefined,
    to: guardedTarget(options.to, shape.onTargetError),
    waitForReady: options.waitForReady ?? defaults.waitForReady,
    encodeFirst: shape.encodeFirst,
  }
}

/** Whether an argument is a stream of inputs rather than one value. */
export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

function assertOptions(name: string, options: CallOptions): void {
  if (typeof name !== 'string' || name === '') {
    throw invalidArgument(
      `the name of a call is ${name === '' ? 'empty' : typeof name}`,
      "give the name of a handler, such as 'math.add'",
    )
  }
  if (!isOpenableName(name)) {
    throw invalidArgument(
      `'${name.slice(0, 80)}' is not the name of a call`,
      'use 1 to 255 bytes without control characters',
    )
  }
  const { timeoutMs, to, codec, signal, onHeaders, onTrailers } = options
  if (
    timeoutMs !== undefined &&
    !(Number.isInteger(timeoutMs) && timeoutMs >= 0 && timeoutMs <= MAX_TIMEOUT_MS)
  ) {
    throw badOption(name, 'timeoutMs', timeoutMs, `a whole number from 0 (none) to ${MAX_TIMEOUT_MS}`)
  }
  if (to !== undefined && typeof to !== 'string' && typeof to !== 'function') {
    throw badOption(name, 'to', to, 'the id of a peer, or a function that tells which peers will do')
  }
  if (codec !== undefined && typeof codec !== 'string') {
    throw badOption(name, 'codec', codec, "the name of a codec, such as 'json'")
  }
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw badOption(name, 'signal', signal, 'an AbortSignal')
  }
  if (onHeaders !== undefined && typeof onHeaders !== 'function') {
    throw badOption(name, 'onHeaders', onHeaders, 'a function')
  }
  if (onTrailers !== undefined && typeof onTrailers !== 'function') {
    throw badOption(name, 'onTrailers', onTrailers, 'a function')
  }
}

function badOption(name: string, option: string, value: unknown, allowed: string): UsageError {
  const shown = typeof value === 'number' ? String(value) : value === null ? 'null' : typeof value
  return invalidArgument(`option ${option} of the call of '${name}' is ${shown}`, `give ${allowed}`)
}

/** A test that throws suits nobody, and its call hears of it. */
function guardedTarget(to: Target | undefined, onError: (error: unknown) => void): OpenSpec['to'] {
  if (typeof to !== 'function') return to
  return (remote) => {
    try {
      // All remotes of this peer are made by it, see peer.ts.
      return to(remote as RemotePeer)
    } catch (error) {
      // Not from within the search of a connection, on which other calls wait too.
      queueMicrotask(() => onError(error))
      return false
    }
  }
}
