// Owns: listening on a path of an http server that somebody else made and keeps.
// Must not know: which upgrades are accepted, what is done with the connections.
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TransportError } from '@peerplex/wire'
import type { Connection, Endpoint, Listener } from '@peerplex/wire/transport'
import type { ResolvedWsOptions } from './options.js'
import { isSecure, type ServerTarget, urlOf } from './server-target.js'
import { ACCEPTOR_OPTIONS, Gate, NOT_HERE, refuse } from './upgrade.js'
import { pathOf } from './urls.js'

/** The gates of one server by path, kept on the server's own listener: so all transports of the process find them. */
interface PathListener {
  (request: IncomingMessage, socket: Duplex, head: Buffer): void
  [GATES]: Map<string, Gate>
}

const GATES: unique symbol = Symbol('gates of Peerplex by path')

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
