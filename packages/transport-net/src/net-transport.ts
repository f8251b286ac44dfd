// Owns: the socket transport: what it takes, and that sockets cost nothing before the first of them.
// Must not know: how sockets are made, parts of Node.
import type { Transport } from '@peerplex/wire/transport'
import { type NetTransportOptions, resolveNetOptions } from './options.js'
import { ReadBuffer } from './read-buffer.js'

/** `tcp:` and `unix:` on Node. Throws UsageError for an option out of range. */
export function netTransport(options: NetTransportOptions = {}): Transport {
  const buffer = new ReadBuffer(resolveNetOptions(options).readBufferBytes)
  // node:net and node:fs take some 3 ms to load: whoever uses other transports, or none yet, does without.
  let sockets: Promise<typeof import('./sockets.js')> | undefined
  const load = (): Promise<typeof import('./sockets.js')> => {
    sockets ??= import('./sockets.js')
    return sockets
  }
  return {
    schemes: ['tcp', 'unix'],
    connect: async (endpoint, { signal, transport }) => {
      const { connectSocket } = await load()
      return connectSocket(endpoint, resolveNetOptions(options, transport), buffer, signal)
    },
    listen: async (endpoint, { transport }, onConnection) => {
      const { listenOnSocket } = await load()
      return listenOnSocket(endpoint, resolveNetOptions(options, transport), buffer, onConnection)
    },
  }
}
