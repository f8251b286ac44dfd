// Owns: an http server that somebody else made, as something to bind: how it is recognised, and its URL.
// Must not know: how it is listened on.
import type { Server } from 'node:http'
import { UsageError } from '@peerplex/wire'
import type { Endpoint } from '@peerplex/wire/transport'
import { assertPath, hostUrl } from './urls.js'

export interface ServerTarget {
  readonly server: Server
  readonly path: string
}

/** For `{ server, path }`; null for an object without a server. Throws UsageError for one that is not usable. */
export function endpointOfServer(target: object): Endpoint | null {
  // A socket has a server too, and so may a connection of somebody's own making.
  const isStream = ['write', 'pipe'].some(
    (name) => typeof (target as Record<string, unknown>)[name] === 'function',
  )
  if (!('server' in target) || isStream) return null
  const { server, path = '/' } = target as { server: unknown; path?: unknown }
  if (!isHttpServer(server)) {
    throw new UsageError(
      'INVALID_ARGUMENT',
      'the server of { server, path } is not one of node:http or node:https',
      {
        hint: 'give what createServer of node:http or node:https returns; express: the result of app.listen()',
      },
    )
  }
  if (typeof path !== 'string' || !path.startsWith('/')) {
    throw new UsageError('INVALID_ARGUMENT', `the path of { server, path } is ${String(path)}`, {
      hint: "write a path that starts with '/', such as '/peer'",
    })
  }
  const url = urlOf(server, path)
  assertPath(path, url)
  const scheme = isSecure(server) ? 'wss' : 'ws'
  return { scheme, host: '', port: 0, path, url, target: { server, path } }
}

/** By what it can do: the modules of Node are not loaded before they are needed. */
function isHttpServer(server: unknown): server is Server {
  if (typeof server !== 'object' || server === null) return false
  const { on, removeListener, listenerCount, address } = server as Partial<Record<keyof Server, unknown>>
  const isServer = [on, removeListener, listenerCount, address].every((each) => typeof each === 'function')
  return isServer && 'headersTimeout' in server
}

export function isSecure(server: Server): boolean {
  return 'setSecureContext' in server
}

/** Port 0 for a server that does not listen yet, or not on a port. */
export function urlOf(server: Server, path: string): string {
  const address = server.address()
  const hasPort = address !== null && typeof address === 'object'
  return hostUrl(isSecure(server), hasPort ? address.address : '127.0.0.1', hasPort ? address.port : 0) + path
}
