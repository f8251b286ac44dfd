// Owns: which scheme leads to which kind of socket. Everything that needs Node for it is behind this file, which is loaded with the first socket.
// Must not know: the options of a transport and their defaults.
// An entry for sibling packages; no promise of stability. @internal
import type { AbortSignalLike, Connection, Endpoint, Listener } from '@peerplex/wire/transport'
import { dial } from './dial.js'
import { listenTcp } from './listen-tcp.js'
import { listenUnix } from './listen-unix.js'
import type { ResolvedNetOptions } from './options.js'
import type { ReadBuffer } from './read-buffer.js'
import { resolveSocketPath } from './socket-path.js'

export async function connectSocket(
  endpoint: Endpoint,
  options: ResolvedNetOptions,
  buffer: ReadBuffer,
  signal: AbortSignalLike | undefined,
): Promise<Connection> {
  const { scheme, host, port, url } = endpoint
  const { localAddress } = options
  const target =
    scheme === 'unix'
      ? { path: resolveSocketPath(endpoint) }
      : { host, port, noDelay: true, ...(localAddress !== undefined && { localAddress }) }
  return dial(url, target, options, buffer, signal)
}

export function listenOnSocket(
  endpoint: Endpoint,
  options: ResolvedNetOptions,
  buffer: ReadBuffer,
  onConnection: (connection: Connection) => void,
): Promise<Listener> {
  const listen = endpoint.scheme === 'unix' ? listenUnix : listenTcp
  return listen(endpoint, options, buffer, onConnection)
}
