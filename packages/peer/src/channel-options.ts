// Owns: what a channel or a call may be told when it is opened, and how that becomes what the peer opens.
// Must not know: how a channel or a call runs.
import { Headers, type HeadersInit, type UsageError } from '@peerplex/wire'
import { invalidArgument, isChannelName, showScalar } from '@peerplex/wire/internal'
import type { OpenSpec, Target } from './open-request.js'
import type { ResolvedPeerOptions } from './options.js'

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
  /** Equal keys go to the same peer as long as it is there; told to the other side, for those that pass it on. 1 to 1,024 characters. */
  readonly routeKey?: string | undefined
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

/** What differs between a channel and the kinds of calls. */
export interface OpenShape {
  /** What is opened, in errors; its name follows. */
  readonly what: 'channel' | 'the call of'
  readonly isOneway: boolean
  readonly windowBytes: number | undefined
  readonly windowMessages: number | undefined
  /** Its sink has the first message, and the only one. */
  readonly hasMessage: boolean
  /** Told what the program's own test over the peers throws; such a peer will not do. */
  readonly onTargetError: (error: unknown) => void
}

const MAX_MS = 2 ** 31 - 1
const MAX_NAME_BYTES = 255
const MAX_KEY_CHARACTERS = 1_024
const LEAST_WINDOW_BYTES = 16_384

/** What is told when nothing is: specs of such opens are made once a name. */
export const NO_OPTIONS: Readonly<Record<string, never>> = Object.freeze({})

/** Names with a spec that is kept. Cleared when full. */
const KEPT_SPECS = 1_024

/** What is opened without options, by name: most are, and each would make an object of its own. */
export class SpecCache<T extends { readonly name: string } = OpenSpec> {
  readonly #make: (name: string) => T
  readonly #specs = new Map<string, T>()
  /** The same name again and again: comparing is cheaper than looking up. */
  #last: T | null = null

  /** `make` throws for names that make no sense. */
  constructor(make: (name: string) => T) {
    this.#make = make
  }

  get(name: string): T {
    const last = this.#last
    if (last !== null && last.name === name) return last
    let spec = this.#specs.get(name)
    if (spec === undefined) {
      spec = this.#make(name)
      if (this.#specs.size >= KEPT_SPECS) this.#specs.clear()
      this.#specs.set(name, spec)
    }
    this.#last = spec
    return spec
  }
}

/** Throws UsageError, LimitError for what makes no sense, before anything is sent. `report` hears what `to` throws. */
export function channelSpec(
  name: string,
  options: ChannelOptions,
  defaults: ResolvedPeerOptions,
  report: (error: unknown) => void,
): OpenSpec {
  if (!isChannelName(name) || name.startsWith('~')) {
    throw invalidArgument(
      `'${String(name).slice(0, 80)}' is not a channel name`,
      `use 1 to ${MAX_NAME_BYTES} bytes without control characters; names with '~' belong to the protocol`,
    )
  }
  return openSpec(name, options, defaults, {
    what: 'channel',
    isOneway: false,
    windowBytes: options.windowBytes,
    windowMessages: options.windowMessages,
    hasMessage: false,
    onTargetError: report,
  })
}

/** For a name that is checked. Throws UsageError for an option that makes no sense, LimitError for too many headers. */
export function openSpec(
  name: string,
  options: Omit<ChannelOptions, 'windowBytes' | 'windowMessages'>,
  defaults: ResolvedPeerOptions,
  shape: OpenShape,
): OpenSpec {
  assertOptions(name, options, shape)
  const headers = headersOf(options)
  return {
    name,
    codec: options.codec,
    headers,
    routeKey: options.routeKey ?? headers.get('route-key'),
    timeoutMs: options.timeoutMs ?? defaults.timeoutMs,
    isLast: shape.hasMessage,
    isOneway: shape.isOneway,
    isIdempotent: options.idempotent === true,
    windowBytes: shape.windowBytes,
    windowMessages: shape.windowMessages,
    to: guardedTarget(options.to, shape.onTargetError),
    waitForReady: options.waitForReady ?? defaults.waitForReady,
    hasMessage: shape.hasMessage,
    opened: undefined,
  }
}

function assertOptions(name: string, options: ChannelOptions, shape: OpenShape): void {
  const { timeoutMs, to, routeKey, codec, signal, onHeaders, onTrailers } = options
  const { windowBytes, windowMessages } = shape
  if (!isWhole(timeoutMs, 0, MAX_MS))
    throw wrong(name, shape, 'timeoutMs', timeoutMs, `a whole number from 0 (none) to ${MAX_MS}`)
  if (!isWhole(windowBytes, LEAST_WINDOW_BYTES, MAX_MS))
    throw wrong(
      name,
      shape,
      'windowBytes',
      windowBytes,
      `a whole number from ${LEAST_WINDOW_BYTES} to ${MAX_MS}`,
    )
  if (!isWhole(windowMessages, 1, 0xffff))
    throw wrong(name, shape, 'windowMessages', windowMessages, 'a whole number from 1 to 65535')
  if (!isKind(to, 'string') && typeof to !== 'function')
    throw wrong(name, shape, 'to', to, 'the id of a peer, or a function that tells which peers will do')
  if (!isKind(routeKey, 'string') || routeKey === '' || (routeKey?.length ?? 0) > MAX_KEY_CHARACTERS)
    throw wrong(name, shape, 'routeKey', routeKey, `text of 1 to ${MAX_KEY_CHARACTERS} characters`)
  if (!isKind(codec, 'string'))
    throw wrong(name, shape, 'codec', codec, "the name of a codec, such as 'json'")
  if (signal !== undefined && typeof signal?.addEventListener !== 'function')
    throw wrong(name, shape, 'signal', signal, 'an AbortSignal')
  if (!isKind(onHeaders, 'function')) throw wrong(name, shape, 'onHeaders', onHeaders, 'a function')
  if (!isKind(onTrailers, 'function')) throw wrong(name, shape, 'onTrailers', onTrailers, 'a function')
}

/** What the program says, and the key that it gives beside. */
function headersOf({ headers, routeKey }: Pick<ChannelOptions, 'headers' | 'routeKey'>): Headers {
  const own = Headers.from(headers)
  if (routeKey === undefined || own.has('route-key')) return own
  return Headers.from([...own.rawEntries(), ['route-key', routeKey]])
}

function isWhole(value: number | undefined, min: number, max: number): boolean {
  return value === undefined || (Number.isInteger(value) && value >= min && value <= max)
}

function isKind(value: unknown, kind: 'string' | 'function'): boolean {
  return value === undefined || typeof value === kind
}

function wrong(name: string, shape: OpenShape, option: string, value: unknown, allowed: string): UsageError {
  return invalidArgument(
    `option ${option} of ${shape.what} '${name}' is ${showScalar(value)}`,
    `give ${allowed}`,
  )
}

/** A test that throws fits nobody. */
function guardedTarget(to: Target | undefined, onError: (error: unknown) => void): Target | undefined {
  if (typeof to !== 'function') return to
  return (remote) => {
    try {
      return to(remote)
    } catch (error) {
      onError(error)
      return false
    }
  }
}
