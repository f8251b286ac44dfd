// Owns: the WebSocket transport on Node: what it takes, what serves it, and that this is loaded when it is first needed.
// Must not know: how WebSockets are made.
import { UsageError } from '@peerplex/wire'
import type { Transport } from '@peerplex/wire/transport'
import { resolveWsOptions, type WsTransportOptions } from './options.js'
import { endpointOfServer } from './server-target.js'

/**
 * `ws:` and `wss:` on Node; binds also to a path of an http server that exists, as `{ server, path }`. Throws UsageError for an
 * option out of range.
 */
export function wsTransport(options: WsTransportOptions = {}): Transport {
  resolveWsOptions(options)
  let sockets: Promise<typeof import('./sockets.js')> | undefined
  const load = (): Promise<typeof import('./sockets.js')> => {
    sockets ??= import('./sockets.js')
    return sockets
  }
  return {
    schemes: ['ws', 'wss'],
    targets: ['{ server, path }: a server of node:http or node:https, to bind'],
    endpointOf: endpointOfServer,
    connect: async ({ url, target }, { signal, transport }) => {
      if (target === undefined) {
        const { dial } = await load()
        return dial(url, resolveWsOptions(options, transport), signal)
      }
      throw new UsageError('INVALID_ARGUMENT', `connect ${url}: a server can only be bound`, {
        hint: 'bind it, and connect to its URL',
      })
    },
    listen: async (endpoint, { transport }, onConnection) => {
      const { listenAlone, listenOnServer } = await load()
      const listen = endpoint.target === undefined ? listenAlone : listenOnServer
      return listen(endpoint, resolveWsOptions(options, transport), onConnection)
    },
  }
}
