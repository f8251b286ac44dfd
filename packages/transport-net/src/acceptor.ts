// Owns: a listening socket: what it accepts, and its end.
// Must not know: kinds of addresses and what they leave behind.
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import type { Connection } from '@peerplex/wire/transport'
import { withLargeReads } from './large-reads.js'
import { NetConnection } from './net-connection.js'
import type { ResolvedNetOptions } from './options.js'
import type { ReadBuffer } from './read-buffer.js'

/** Hands every accepted connection to `onConnection`; `urlOf` names it. Not listening yet. */
export function createAcceptor(
  options: ResolvedNetOptions,
  buffer: ReadBuffer,
  urlOf: (socket: Socket) => string,
  onConnection: (connection: Connection) => void,
): Server {
  const server = createServer({
    allowHalfOpen: true,
    noDelay: true,
    highWaterMark: options.highWaterMarkBytes,
    pauseOnConnect: true,
  })
  server.on('connection', (socket) => {
    const url = urlOf(socket)
    const reader = buffer.reader()
    const fresh = reader && withLargeReads(socket, reader, options.highWaterMarkBytes)
    const connection = fresh ? new NetConnection(fresh, url, reader) : new NetConnection(socket, url)
    try {
      onConnection(connection)
    } catch (error) {
      connection.destroy()
      throw error
    }
  })
  return server
}

/** Resolves once the server listens; rejects with the error of the system, after which it may be tried again. */
export function startListening(server: Server, target: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const onListening = (): void => {
      server.off('error', onError)
      // An error while accepting costs the connection that could not be accepted. The system closes what it has no
      // descriptor for (EMFILE), and goes on as soon as there is one.
      server.on('error', () => {})
      resolve()
    }
    const onError = (error: unknown): void => {
      server.off('listening', onListening)
      reject(error)
    }
    server.once('listening', onListening)
    server.once('error', onError)
    server.listen(target)
  })
}

/** Stops accepting and gives the address back at once; does not wait for the connections, as the callback of `close` would. */
export function stopListening(server: Server): void {
  server.close()
}
