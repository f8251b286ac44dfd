// Owns: which transport serves what `bind` and `connect` are given: a URL, or an object instead of one.
// Must not know: any particular transport.

import { TransportError } from '@peerplex/wire'
import { failedPrecondition, invalidArgument } from '@peerplex/wire/internal'
import { type Connection, type Endpoint, parseEndpoint, type Transport } from '@peerplex/wire/transport'

/** Throws UsageError INVALID_ARGUMENT that says what would do. */
export function findTransport(
  target: string | object,
  transports: readonly Transport[],
): { transport: Transport; endpoint: Endpoint } {
  const isObject = (typeof target === 'object' && target !== null) || typeof target === 'function'
  const href = isObject ? hrefOf(target) : undefined
  if (isObject && href === undefined) return findForObject(target as object, transports)
  // What is neither text nor object is refused there.
  const endpoint = parseEndpoint(href ?? (target as string))
  const transport = transports.find((each) => each.schemes.includes(endpoint.scheme))
  if (transport !== undefined) return { transport, endpoint }
  const known = transports.flatMap((each) => each.schemes)
  throw invalidArgument(
    `the endpoint '${endpoint.url}': no transport for '${endpoint.scheme}:'`,
    `this peer has transports for ${known.join(', ') || 'nothing'}`,
  )
}

/** A URL object is as good as its text; undefined for any other object. */
function hrefOf(target: object | string): string | undefined {
  const { href, searchParams } = target as { href?: unknown; searchParams?: unknown }
  return typeof href === 'string' && searchParams !== undefined ? href : undefined
}

function findForObject(
  target: object,
  transports: readonly Transport[],
): { transport: Transport; endpoint: Endpoint } {
  for (const transport of transports) {
    const endpoint = transport.endpointOf?.(target) ?? null
    if (endpoint !== null) return { transport, endpoint }
  }
  const known = transports.flatMap((each) => each.targets ?? [])
  throw invalidArgument(
    'no transport takes the object that was given as an endpoint',
    `give a URL, or one of: ${known.join(', ')}`,
  )
}

/** For connections that somebody else made. Each is used once, by whichever of `bind` and `connect` it is given to. */
export function handedInTransport(): Transport {
  const used = new WeakSet<object>()
  return {
    schemes: [],
    targets: ['a connection'],
    endpointOf: (target) => {
      if (!isConnection(target)) return null
      const { url } = target
      if (used.has(target))
        throw failedPrecondition(`${url}: this connection was given to a peer before`, 'make another one')
      used.add(target)
      return { scheme: 'connection', host: '', port: 0, path: '', url, target }
    },
    connect: async ({ target }, { signal }) => {
      const connection = target as Connection
      if (signal?.aborted !== true) return connection
      connection.destroy()
      throw new TransportError('CANCELLED', `connect ${connection.url}: given up`, { cause: signal.reason })
    },
    listen: async ({ target }, _options, onConnection) => {
      const connection = target as Connection
      onConnection(connection)
      return { url: connection.url, close: async () => {} }
    },
  }
}

function isConnection(target: object): target is Connection {
  const { kind, url, write, end, destroy } = target as Partial<Record<keyof Connection, unknown>>
  const isKind = kind === 'byte' || kind === 'message'
  return (
    isKind && typeof url === 'string' && [write, end, destroy].every((each) => typeof each === 'function')
  )
}
