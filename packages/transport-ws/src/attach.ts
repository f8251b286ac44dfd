// Owns: listening on a path of an http server that somebody else made and keeps.
// Must not know: which upgrades are accepted, what is done with the connections.
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TransportError, UsageError } from '@peerplex/wire'
import type { Connection, Endpoint, Listener } from '@peerplex/wire/transport'
import { assertPath, pathOf } from './listen.js'
import type { ResolvedWsOptions } from './options.js'
import { ACCEPTOR_OPTIONS, Gate, hostUrl, NOT_HERE, refuse } from './upgrade.js'

interface ServerTarget {
  readonly server: Server
  readonly path: string
}

/** The gates of one server by path, kept on the server's own listener: so all transports of the process find them. */
interface PathListener {
  (request: IncomingMessage, socket: Duplex, head: Buffer): void
  [GATES]: Map<string, Gate>
}

const GATES: unique symbol = Symbol('gates of Peerplex by path')

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

export async function listenOnServer(
  endpoint: Endpoint,
  options: ResolvedWsOptions,
  onConnection: (connection: Connection) => void,
): Promise<Listener> {
  const { server, path } = endpoint.target as ServerTarget
  const { WebSocketServer } = await import('ws')
  const listener = pathListenerOf(server, options.handshakeTimeoutMs)
  const gates = listener[GATES]
  if (gates.has(path)) {
    throw new TransportError('FAILED_PRECONDITION', `listen ${urlOf(server, path)}: the path is in use`, {
      hint: 'choose another path, or close the listener that has this one',
    })
  }
  const acceptor = new WebSocketServer(ACCEPTOR_OPTIONS)
  const gate = new Gate({ options, acceptor, isSecure: isSecure(server), onConnection })
  gates.set(path, gate)
  return {
    get url() {
      return urlOf(server, path)
    },
    close: async () => {
      gate.close()
      if (gates.get(path) === gate) gates.delete(path)
      if (gates.size === 0) server.removeListener('upgrade', listener)
    },
  }
}

/** The one listener for upgrades that all paths of a server share; added to the server when it is not there yet. */
function pathListenerOf(server: Server, timeoutMs: number): PathListener {
  const found = server.listeners('upgrade').find((each): each is PathListener => GATES in each)
  if (found !== undefined) return found
  const gates = new Map<string, Gate>()
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const gate = gates.get(pathOf(request))
    if (gate !== undefined) gate.handle(request, socket as Socket, head)
    // Somebody else's, if there is somebody else.
    else if (server.listenerCount('upgrade') === 1) refuseAlone(socket as Socket, timeoutMs)
  }
  const listener: PathListener = Object.assign(onUpgrade, { [GATES]: gates })
  server.on('upgrade', listener)
  return listener
}

function refuseAlone(socket: Socket, timeoutMs: number): void {
  // Node has taken its own listener away.
  socket.on('error', () => socket.destroy())
  refuse(socket, NOT_HERE, timeoutMs)
}

/** By what it can do: the modules of Node are not loaded before they are needed. */
function isHttpServer(server: unknown): server is Server {
  if (typeof server !== 'object' || server === null) return false
  const { on, removeListener, listenerCount, address } = server as Partial<Record<keyof Server, unknown>>
  const isServer = [on, removeListener, listenerCount, address].every((each) => typeof each === 'function')
  return isServer && 'headersTimeout' in server
}

function isSecure(server: Server): boolean {
  return 'setSecureContext' in server
}

/** Port 0 for a server that does not listen yet, or not on a port. */
function urlOf(server: Server, path: string): string {
  const address = server.address()
  const hasPort = address !== null && typeof address === 'object'
  return hostUrl(isSecure(server), hasPort ? address.address : '127.0.0.1', hasPort ? address.port : 0) + path
}
