// Owns: what a transport is to the rest of the library: endpoints as URLs, and connections of two kinds.
// Must not know: any particular transport. Types and pure functions only.
import { invalidArgument } from './checks.js'
import type { UsageError } from './errors.js'
import type { ConnectionKind } from './session-types.js'

/** A parsed endpoint. `url` is the canonical text of it. */
export interface Endpoint {
  /** Lower case, without the colon: `tcp`, `unix`, `ws`, `memory`, … */
  readonly scheme: string
  /** Host name or address without brackets; empty where the scheme has none. */
  readonly host: string
  /** 0 … 65535; 0 where none was given or the scheme has none. */
  readonly port: number
  /** Socket path, memory name, command line or URL path, by scheme. */
  readonly path: string
  readonly url: string
  /** What was handed in instead of a URL: a port, a worker, a server, a connection. Connected to once, never again after a loss. */
  readonly target?: object
}

/** Why and how a connection ended below the protocol; undefined for a clean end. */
export type ConnectionEnd = Error | undefined

/** What a connection reports to its owner. */
export interface ConnectionSink {
  /** Bytes arrived: any piece of a stream, or one whole transport message. Lends the chunk: it may be written to again afterwards. */
  onData(chunk: Uint8Array): void
  /** `write` returned false and there is room again. */
  onDrain(): void
  /** A message that is not binary came over a message connection; `what` says what it was (spec §18, WST-003). */
  onNonBinary?(what: string): void
  /** The other side will send no more, or the connection broke. Comes exactly once, and nothing after it. */
  onEnd(error: ConnectionEnd): void
}

/** One connection: a pipe for bytes, or for messages. The owner sets `sink` before the current turn ends. */
export interface Connection {
  readonly kind: ConnectionKind
  /** For messages to people: `tcp://127.0.0.1:7000`. */
  readonly url: string
  sink: ConnectionSink
  /**
   * What the transport knows of the other side beside its address, such as a certificate that it has verified; whoever authenticates is
   * shown it. Absent: nothing.
   */
  readonly facts?: Readonly<Record<string, unknown>>
  /** Written and held back in this process until the system takes it; absent where that cannot be known. */
  readonly bufferedBytes?: number
  /**
   * Whether parts are the owner's again as soon as `bufferedBytes` is 0, right after `write` or later: then their memory is used again. Absent:
   * never.
   */
  readonly returnsParts?: boolean
  /**
   * Sends the parts, in order; on a message connection together as one transport message. Takes them. False when the owner
   * had better wait for `onDrain`.
   */
  write(parts: readonly Uint8Array[]): boolean
  /** Sends what was written, then ends the output. Input goes on until `onEnd` or `destroy`. */
  end(closeCode: number): void
  /** Drops everything at once. */
  destroy(): void
}

/** Something that accepts connections. */
export interface Listener {
  /** Where it listens, with the real port. */
  readonly url: string
  /** Stops accepting and gives the address back; connections that exist stay. */
  close(): Promise<void>
}

/** The part of an AbortSignal that a transport needs. */
export interface AbortSignalLike {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** Per attempt; what a transport does not know it ignores. */
export interface ConnectOptions {
  /** Gives up. */
  readonly signal?: AbortSignalLike
  /** Passed through to the transport, for instance TLS options. */
  readonly transport?: Readonly<Record<string, unknown>>
}

export interface ListenOptions {
  readonly transport?: Readonly<Record<string, unknown>>
}

/** Where a name is served: one URL or several, or none for now. Asked on first use, again after failures, and when it says that something changed. */
export interface TargetResolver {
  /** Throws or rejects when it cannot say; ends early when `signal` is aborted. */
  (
    name: string,
    context: { readonly signal: AbortSignalLike },
  ): string | readonly string[] | Promise<string | readonly string[]>
  /** Tells of changes by itself: returns what ends that. Called while the targets are in use. */
  watch?(onChange: () => void): () => void
}

/** Makes connections for some schemes. */
export interface Transport {
  readonly schemes: readonly string[]
  /** The kinds of objects that this transport takes instead of a URL, for messages to people: `a MessagePort`. */
  readonly targets?: readonly string[]
  /**
   * The endpoint for such an object, with it as `target`; null for an object that is none of this transport's. Throws UsageError for
   * one that is, and is not usable.
   */
  endpointOf?(target: object): Endpoint | null
  /** Rejects with TransportError UNAVAILABLE that says what was tried and what the system answered. */
  connect(endpoint: Endpoint, options: ConnectOptions): Promise<Connection>
  /**
   * Accepts connections until closed. Rejects with TransportError, code FAILED_PRECONDITION for an address in use.
   * `onConnection` gives each connection its sink before it returns.
   */
  listen(
    endpoint: Endpoint,
    options: ListenOptions,
    onConnection: (connection: Connection) => void,
  ): Promise<Listener>
}

const SCHEMES_WITH_PORT: ReadonlySet<string> = new Set(['tcp', 'tls', 'ws', 'wss'])
const SCHEMES_WITH_PATH: ReadonlySet<string> = new Set(['unix', 'memory', 'exec'])

/**
 * Parses an endpoint URL. Hosts default to loopback. Throws UsageError INVALID_ARGUMENT naming the part that is wrong and
 * what is allowed there.
 */
export function parseEndpoint(url: string): Endpoint {
  if (typeof url !== 'string')
    throw badEndpoint(url, `is ${typeof url}`, 'give a URL such as tcp://host:port')
  const colon = url.indexOf(':')
  const scheme = colon < 0 ? '' : url.slice(0, colon).toLowerCase()
  if (SCHEMES_WITH_PORT.has(scheme)) return parseHostEndpoint(url, scheme, url.slice(colon + 1))
  if (scheme === 'stdio') return { scheme, host: '', port: 0, path: '', url: 'stdio:' }
  if (SCHEMES_WITH_PATH.has(scheme)) {
    const path = url.slice(colon + 1)
    if (path.length > 0) return { scheme, host: '', port: 0, path, url: `${scheme}:${path}` }
    throw badEndpoint(url, 'has nothing after the scheme', `write ${scheme}: and a path or name`)
  }
  const known = [...SCHEMES_WITH_PORT, ...SCHEMES_WITH_PATH, 'stdio'].join(', ')
  throw badEndpoint(
    url,
    colon < 0 ? 'has no scheme' : `has the unknown scheme '${scheme}'`,
    `the schemes are ${known}`,
  )
}

function parseHostEndpoint(url: string, scheme: string, rest: string): Endpoint {
  if (!rest.startsWith('//'))
    throw badEndpoint(url, 'lacks // after the scheme', `write ${scheme}://host:port`)
  const slash = rest.indexOf('/', 2)
  const authority = slash < 0 ? rest.slice(2) : rest.slice(2, slash)
  const path = slash < 0 ? '' : rest.slice(slash)
  const isWeb = scheme === 'ws' || scheme === 'wss'
  if (!isWeb && path !== '')
    throw badEndpoint(url, `has the path '${path}'`, `${scheme}: takes host and port only`)
  const match = /^(\[[0-9a-fA-F:.]+(?:%[\w.~-]+)?\]|[^:[\]@]*)(?::(\d{1,5}))?$/.exec(authority)
  if (match === null)
    throw badEndpoint(url, `has the host and port '${authority}'`, 'write host:port, IPv6 in brackets')
  const host = (match[1] ?? '').replace(/^\[|\]$/g, '') || '127.0.0.1'
  const port = match[2] === undefined ? (isWeb ? (scheme === 'ws' ? 80 : 443) : -1) : Number(match[2])
  if (port < 0) throw badEndpoint(url, 'has no port', 'add :0 … :65535; 0 picks a free one when binding')
  if (port > 65_535) throw badEndpoint(url, `has the port ${port}`, 'ports go from 0 to 65535')
  const shown = host.includes(':') ? `[${host}]` : host
  return { scheme, host, port, path, url: `${scheme}://${shown}:${port}${path}` }
}

function badEndpoint(url: string, what: string, hint: string): UsageError {
  return invalidArgument(`the endpoint '${String(url).slice(0, 200)}' ${what}`, hint)
}
