// Owns: which transport serves what `bind` and `connect` are given: a URL, or an object instead of one.
// Must not know: any particular transport.

import { TransportError } from '@peerplex/wire'
import { invalidArgument } from '@peerplex/wire/internal'
import { type Connection, type Endpoint, parseEndpoint, type Transport } from '@peerplex/wire/transport'

/** Throws UsageError INVALID_ARGUMENT that says what would do. */
export function findTransport(
  target: string | object,
  transports: readonly Transport[],
): { transport: Transport; endpoint: Endpoint } {
  if (typeof target === 'object' && target !== null) return findForObject(target, transports)
  const endpoint = parseEndpoint(target)
  const transport = transports.find((each) => each.schemes.includes(endpoint.scheme))
  if (transport !== undefined) return { transport, endpoint }
  const known = transports.flatMap((each) => each.schemes)
  throw invalidArgument(
    `the endpoint '${endpoint.url}': no transport for '${endpoint.scheme}:'`,
    `this peer has transports for ${known.join(', ') || 'nothing'}`,
  )
}

function findForObject(
  target: object,
  transports: readonly Transport[],
): { transport: Transport; endpoint: Endpoint } {
  for (const transport of [...transports, HANDED_IN]) {
    const endpoint = transport.endpointOf?.(target) ?? null
    if (endpoint !== null) return { transport, endpoint }
  }
  const known = [...transports, HANDED_IN].flatMap((each) => each.targets ?? [])
  throw invalidArgument(
    'no transport takes the object that was given as an endpoint',
    `give a URL, or one of: ${known.join(', ')}`,
  )
}

/** Connections that somebody else made. Each is used once, by whichever of `bind` and `connect` it is given to. */
const HANDED_IN: Transport = {
  schemes: [],
  targets: ['a connection'],
  endpointOf: (target) =>
    isConnection(target)
      ? { scheme: 'connection', host: '', port: 0, path: '', url: target.url, target }
      : null,
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

function isConnection(target: object): target is Connection {
  const { kind, url, write, end, destroy } = target as Partial<Record<keyof Connection, unknown>>
  const isKind = kind === 'byte' || kind === 'message'
  return (
    isKind && typeof url === 'string' && [write, end, destroy].every((each) => typeof each === 'function')
  )
}
