// Owns: the socket transport: which scheme leads where.
// Must not know: how sockets are made.
import type { Transport } from '@peerplex/wire/transport'
import { dial } from './dial.js'
import { ReadBuffer } from './large-reads.js'
import { listenTcp } from './listen-tcp.js'
import { listenUnix } from './listen-unix.js'
import { type NetTransportOptions, resolveNetOptions } from './options.js'
import { resolveSocketPath } from './socket-path.js'

/** `tcp:` and `unix:` on Node. Throws UsageError for an option out of range. */
export function netTransport(options: NetTransportOptions = {}): Transport {
  const buffer = new ReadBuffer(resolveNetOptions(options).readBufferBytes)
  return {
    schemes: ['tcp', 'unix'],
    connect: async (endpoint, { signal, transport }) => {
      const { scheme, host, port, url } = endpoint
      const target = scheme === 'unix' ? { path: resolveSocketPath(endpoint) } : { host, port, noDelay: true }
      return dial(url, target, resolveNetOptions(options, transport), buffer, signal)
    },
    listen: async (endpoint, { transport }, onConnection) => {
      const listen = endpoint.scheme === 'unix' ? listenUnix : listenTcp
      return listen(endpoint, resolveNetOptions(options, transport), buffer, onConnection)
    },
  }
}
