// Owns: making one outgoing socket, or giving up cleanly.
// Must not know: what the connection is for; when to try again.
import { Socket, type SocketConnectOpts } from 'node:net'
import { TransportError } from '@peerplex/wire'
import type { AbortSignalLike } from '@peerplex/wire/transport'
import { NetConnection } from './net-connection.js'
import type { ResolvedNetOptions } from './options.js'
import type { ReadBuffer } from './read-buffer.js'
import { connectError } from './system-errors.js'

/** Rejects with TransportError UNAVAILABLE, or CANCELLED when `signal` was first. After that nothing is left open. */
export function dial(
  url: string,
  target: SocketConnectOpts,
  options: ResolvedNetOptions,
  buffer: ReadBuffer,
  signal: AbortSignalLike | undefined,
): Promise<NetConnection> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(givenUp(url, signal.reason))
      return
    }
    const reader = buffer.reader()
    const socket = new Socket({
      allowHalfOpen: true,
      highWaterMark: options.highWaterMarkBytes,
      ...(reader !== undefined && { onread: reader.onread() }),
    } as ConstructorParameters<typeof Socket>[0])
    // Else it would read before there is somebody to read for.
    if (reader !== undefined) socket.pause()
    const settle = (): void => {
      signal?.removeEventListener('abort', onAbort)
      socket.off('connect', onConnect)
    }
    const fail = (error: TransportError): void => {
      settle()
      socket.destroy()
      reject(error)
    }
    const onAbort = (): void => fail(givenUp(url, signal?.reason))
    const onConnect = (): void => {
      if (isConnectedToItself(socket)) {
        fail(connectError(url, Object.assign(new Error('connected to itself'), { code: 'ECONNREFUSED' })))
        return
      }
      settle()
      const connection = new NetConnection(socket, url, reader)
      socket.off('error', onError)
      resolve(connection)
    }
    // Stays after a failure: whatever the socket still has to say is handled.
    const onError = (error: unknown): void => fail(connectError(url, error))
    signal?.addEventListener('abort', onAbort, { once: true })
    socket.on('connect', onConnect)
    socket.on('error', onError)
    socket.connect(target)
  })
}

/**
 * Whoever dials a free port of its own machine again and again can meet itself: the system picks that very port for its own
 * side, and TCP then connects the socket with itself. Nobody listens there.
 */
function isConnectedToItself(socket: Socket): boolean {
  return (
    socket.localPort !== undefined &&
    socket.localPort === socket.remotePort &&
    socket.localAddress === socket.remoteAddress
  )
}

function givenUp(url: string, reason: unknown): TransportError {
  return new TransportError('CANCELLED', `connect ${url}: given up`, { cause: reason })
}
