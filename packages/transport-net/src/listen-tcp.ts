// Owns: listening on a host and port.
// Must not know: what is done with the connections.
import type { AddressInfo, Socket } from 'node:net'
import type { Connection, Endpoint, Listener } from '@peerplex/wire/transport'
import { createAcceptor, startListening, stopListening } from './acceptor.js'
import type { ResolvedNetOptions } from './options.js'
import type { ReadBuffer } from './read-buffer.js'
import { listenError } from './system-errors.js'

export async function listenTcp(
  endpoint: Endpoint,
  options: ResolvedNetOptions,
  buffer: ReadBuffer,
  onConnection: (connection: Connection) => void,
): Promise<Listener> {
  const server = createAcceptor(options, buffer, remoteUrl, onConnection)
  const { host, port } = endpoint
  try {
    await startListening(server, { host, port, backlog: options.backlogCount })
  } catch (error) {
    throw listenError(endpoint.url, error)
  }
  return {
    url: tcpUrl(host, (server.address() as AddressInfo).port),
    close: async () => stopListening(server),
  }
}

/** Where an accepted connection comes from. A socket that was closed while it waited has no address any more. */
function remoteUrl({ remoteAddress = 'unknown', remotePort = 0 }: Socket): string {
  // An IPv4 address as an IPv6 listener sees it.
  return tcpUrl(remoteAddress.replace(/^::ffff:(?=\d+\.)/, ''), remotePort)
}

function tcpUrl(host: string, port: number): string {
  return `tcp://${host.includes(':') ? `[${host}]` : host}:${port}`
}
