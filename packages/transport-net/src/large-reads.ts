// Owns: accepted sockets that read into the buffer of their transport.
// Must not know: what is done with what was read.
//
// Node offers this for sockets that dial (`onread`); an accepted one is made anew around its handle, which is not documented: where
// there is no such handle, and in other runtimes, sockets stay as they are.
import { Socket } from 'node:net'
import type { Reader } from './read-buffer.js'

/** Of an accepted socket, as far as Node of today has it. */
interface Internals {
  _handle?: { readStart?: unknown; reading?: boolean } | null
  _server?: unknown
}

/** The same connection as a paused socket with large reads; null where that cannot be had, and then `socket` is as it was. */
export function withLargeReads(socket: Socket, reader: Reader, highWaterMarkBytes: number): Socket | null {
  const inner = socket as unknown as Internals
  const handle = inner._handle
  const isOther = 'Bun' in globalThis || 'Deno' in globalThis
  if (isOther || handle === undefined || handle === null || typeof handle.readStart !== 'function')
    return null
  // Something was read already: it would be lost.
  if (handle.reading === true || socket.readableLength > 0 || socket.destroyed) return null
  const fresh = new Socket({
    handle,
    allowHalfOpen: true,
    highWaterMark: highWaterMarkBytes,
    onread: reader.onread(),
  } as ConstructorParameters<typeof Socket>[0])
  fresh.pause()
  // The server counts its connections by this, and the old socket must not close what is no longer its own.
  ;(fresh as unknown as Internals)._server = inner._server
  inner._server = null
  inner._handle = null
  return fresh
}
