// Owns: the options of the WebSocket transport on Node, their defaults and bounds.
// Must not know: what they do.
import type { IncomingMessage } from 'node:http'
import { UsageError } from '@peerplex/wire'
import { normalOrigin } from './origin.js'

/** Decides about one upgrade request. What throws, rejects or takes longer than `handshakeTimeoutMs` refuses it. */
export type OriginCheck = (origin: string | undefined, request: IncomingMessage) => boolean | Promise<boolean>

/** For `wsTransport`; all of them may also be given for one `bind` or `connect`. */
export interface WsTransportOptions {
  /** `write` asks to wait once more than so many bytes are held back in this process. Default 131,072. */
  readonly highWaterMarkBytes?: number
  /**
   * How long a connection may take from its first byte to the end of the upgrade, TLS and an `origins` function included; when
   * dialing, until the upgrade is answered. 1 … 2^31 - 1, default 10,000.
   */
  readonly handshakeTimeoutMs?: number
  /** A listener's bound on connections whose upgrade is not through; more are turned away. Default 256. */
  readonly maxHandshakes?: number
  /**
   * Which web pages may connect to a listener, by the Origin header of their browser: `'*'` for all, exact origins such as
   * `https://app.example` or `'null'`, or a function. Default: programs without that header; pages of this machine to a
   * connection from this machine; pages that were loaded from the very address, if it is an IP address.
   */
  readonly origins?: '*' | readonly string[] | OriginCheck
  /** Headers of the upgrade request when dialing, for instance `{ authorization: 'Bearer …' }`. Default: none. */
  readonly headers?: Readonly<Record<string, string>>
  /** The Origin header when dialing. Default: none. */
  readonly origin?: string
  /** For `wss:`, as `node:tls` takes it: `cert` and `key` to listen; `ca`, `servername`, `rejectUnauthorized`, … to dial. */
  readonly tls?: Readonly<Record<string, unknown>>
}

/** `undefined` stands for the default where there is no value for it. */
export interface ResolvedWsOptions {
  readonly highWaterMarkBytes: number
  readonly handshakeTimeoutMs: number
  readonly maxHandshakes: number
  /** The texts are normal, see origin.ts. */
  readonly origins: '*' | ReadonlySet<string> | OriginCheck | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly origin: string | undefined
  readonly tls: Readonly<Record<string, unknown>>
}

type Name = keyof WsTransportOptions

interface NumberRow {
  readonly name: Name
  readonly max: number
  readonly defaultValue: number
}

const NUMBERS: readonly NumberRow[] = [
  // One batch of a session: what fits is not worth waiting for.
  { name: 'highWaterMarkBytes', max: 2 ** 30, defaultValue: 131_072 },
  { name: 'handshakeTimeoutMs', max: 2 ** 31 - 1, defaultValue: 10_000 },
  // About 20 KiB each while it lasts: 5 MiB at most.
  { name: 'maxHandshakes', max: 2 ** 20, defaultValue: 256 },
]

/** `ws` sets them: a second one would contradict it. */
const OWN_HEADERS: ReadonlySet<string> = new Set(['connection', 'upgrade', 'host'])

/** The options of the transport, overridden by those of one call. Throws UsageError INVALID_ARGUMENT for one out of range. */
export function resolveWsOptions(
  options: WsTransportOptions,
  perCall: Readonly<Record<string, unknown>> = {},
): ResolvedWsOptions {
  const givenFor = (name: Name): unknown => perCall[name] ?? options[name]
  const numbers: Partial<Record<Name, number>> = {}
  for (const { name, max, defaultValue } of NUMBERS) {
    const value = givenFor(name) ?? defaultValue
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > max) {
      throw wrong(name, String(value), `an integer from 1 to ${max}`)
    }
    numbers[name] = value
  }
  return {
    ...(numbers as Pick<ResolvedWsOptions, 'highWaterMarkBytes' | 'handshakeTimeoutMs' | 'maxHandshakes'>),
    origins: originsOf(givenFor('origins')),
    headers: headersOf(givenFor('headers')),
    origin: originOf(givenFor('origin')),
    tls: recordOf('tls', givenFor('tls'), 'an object for node:tls, such as { cert, key } or { ca }'),
  }
}

function originsOf(value: unknown): ResolvedWsOptions['origins'] {
  if (value === undefined || value === '*') return value
  if (typeof value === 'function') return value as OriginCheck
  const hint = "'*', an array of origins such as 'https://app.example', or a function"
  if (!Array.isArray(value)) throw wrong('origins', describe(value), hint)
  const origins = new Set<string>()
  for (const each of value) {
    if (typeof each === 'string' && each !== '*' && each.includes('*'))
      throw wrong('origins', `${describe(each)} in its list`, 'name each origin in full, or give a function')
    const origin = each === 'null' ? 'null' : typeof each === 'string' ? normalOrigin(each) : null
    if (origin === null) throw wrong('origins', `${describe(each)} in its list`, hint)
    origins.add(origin)
  }
  return origins
}

function headersOf(value: unknown): Readonly<Record<string, string>> {
  const hint = "an object of texts, such as { authorization: 'Bearer …' }"
  const headers = recordOf('headers', value, hint)
  for (const [name, text] of Object.entries(headers)) {
    const isOwn = OWN_HEADERS.has(name.toLowerCase()) || name.toLowerCase().startsWith('sec-websocket-')
    if (isOwn) throw wrong('headers', `with ${name}`, 'leave it out: the upgrade request has its own')
    const isText = typeof text === 'string' && /^[\t\x20-\x7e\x80-\xff]*$/.test(text)
    if (!isText || !/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw wrong('headers', `wrong at '${name}'`, hint)
  }
  return headers as Record<string, string>
}

function originOf(value: unknown): string | undefined {
  if (value === undefined) return undefined
  const isOrigin = typeof value === 'string' && (value === 'null' || normalOrigin(value) !== null)
  if (!isOrigin) throw wrong('origin', describe(value), "an origin such as 'https://app.example'")
  return value
}

function recordOf(name: Name, value: unknown, hint: string): Readonly<Record<string, unknown>> {
  if (value === undefined) return {}
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(name, describe(value), hint)
  return value as Record<string, unknown>
}

function describe(value: unknown): string {
  return typeof value === 'string'
    ? `'${value.slice(0, 100)}'`
    : Array.isArray(value)
      ? 'an array'
      : String(value)
}

function wrong(name: Name, what: string, hint: string): UsageError {
  return new UsageError('INVALID_ARGUMENT', `wsTransport: ${name} is ${what}`, { hint })
}
