// Owns: the WebSocket transport on Node: what it takes, and what serves it.
// Must not know: how WebSockets are made.
import { UsageError } from '@peerplex/wire'
import type { Transport } from '@peerplex/wire/transport'
import { endpointOfServer, listenOnServer } from './attach.js'
import { dial } from './dial.js'
import { listenAlone } from './listen.js'
import { resolveWsOptions, type WsTransportOptions } from './options.js'

/**
 * `ws:` and `wss:` on Node; binds also to a path of an http server that exists, as `{ server, path }`. Throws UsageError for an
 * option out of range.
 */
export function wsTransport(options: WsTransportOptions = {}): Transport {
  resolveWsOptions(options)
  return {
    schemes: ['ws', 'wss'],
    targets: ['{ server, path }: a server of node:http or node:https, to bind'],
    endpointOf: endpointOfServer,
    connect: async ({ url, target }, { signal, transport }) => {
      if (target === undefined) return dial(url, resolveWsOptions(options, transport), signal)
      throw new UsageError('INVALID_ARGUMENT', `connect ${url}: a server can only be bound`, {
        hint: 'bind it, and connect to its URL',
      })
    },
    listen: async (endpoint, { transport }, onConnection) => {
      const listen = endpoint.target === undefined ? listenAlone : listenOnServer
      return listen(endpoint, resolveWsOptions(options, transport), onConnection)
    },
  }
}
