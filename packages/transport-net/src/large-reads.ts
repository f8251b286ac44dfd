// Owns: sockets that read into one large buffer, which all of a transport share, instead of a new one of 64 KiB for each read.
// Must not know: what is done with what was read.
//
// What is read is only there until the callback returns. Everything here runs on one thread and a read is handed over at once, so
// one buffer serves all sockets. Node offers this for sockets that dial (`onread`); an accepted one is made anew around its handle,
// which is not documented: where there is no such handle, and in other runtimes, sockets stay as they are.
import { Socket } from 'node:net'

/** What a socket with large reads tells, once it has somebody to tell. */
export interface ReadTarget {
  /** `bytes` (borrowed) were read. */
  onRead(bytes: Uint8Array): void
}

/** The buffer of one transport; none before the first socket needs it. */
export class ReadBuffer {
  readonly #size: number
  #bytes: Uint8Array | null = null

  /** 0: no large reads. */
  constructor(size: number) {
    this.#size = size
  }

  /** What a socket is made with, and the place for whoever is to be told. Undefined where there are no large reads. */
  reader(): Reader | undefined {
    if (this.#size === 0) return undefined
    this.#bytes ??= new Uint8Array(this.#size)
    return new Reader(this.#bytes)
  }
}

export class Reader {
  /** Set before the socket reads. */
  target: ReadTarget | null = null
  readonly #buffer: Uint8Array

  constructor(buffer: Uint8Array) {
    this.#buffer = buffer
  }

  /** For the options of a socket. */
  onread(): OnRead {
    const buffer = this.#buffer
    const callback = (byteCount: number): boolean => {
      this.target?.onRead(buffer.subarray(0, byteCount))
      return true
    }
    return { buffer, callback }
  }
}

interface OnRead {
  readonly buffer: Uint8Array
  readonly callback: (byteCount: number, bytes: Uint8Array) => boolean
}

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
