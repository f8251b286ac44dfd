// Owns: a connected socket as a byte connection of the library.
// Must not know: sessions, what the bytes mean, where the socket comes from.
import type { Socket } from 'node:net'
import type { Connection, ConnectionEnd, ConnectionSink } from '@peerplex/wire/transport'
import type { Reader, ReadTarget } from './read-buffer.js'
import { brokenError } from './system-errors.js'

/** Parts are copied together up to this size; above it, several buffers in one system call cost less than the copy. */
const COPY_BYTES = 4_096

const IS_OTHER_RUNTIME = 'Bun' in globalThis || 'Deno' in globalThis

/** For the time before somebody has taken the connection over. */
const NOBODY: ConnectionSink = { onData: () => {}, onDrain: () => {}, onEnd: () => {} }

/** Where a socket keeps its connection: so the functions that listen to it are the same for all sockets. */
const OWNER = Symbol('connection')

type OwnedSocket = Socket & { [OWNER]: NetConnection }

/** The socket must have been made with `allowHalfOpen`: when the output ends is the owner's business. */
export class NetConnection implements Connection, ReadTarget {
  readonly url: string
  readonly #socket: OwnedSocket
  readonly #reader: Reader | undefined
  #sink: ConnectionSink = NOBODY
  #isTaken = false
  /** `onEnd` was called, or `destroy`: the sink hears nothing any more. */
  #isSilent = false
  /** The input has ended, or the socket is closed: all that is left to do is to say so. */
  #isOver = false
  #error: ConnectionEnd
  /** Somebody was told to wait. */
  #owesDrain = false

  /** With a reader the socket reads into that; without, it emits what it reads. Until a sink is set it is paused, or was never read from. */
  constructor(socket: Socket, url: string, reader?: Reader) {
    this.#socket = Object.assign(socket, { [OWNER]: this })
    this.url = url
    this.#reader = reader
    // Output is collected before it is written: Nagle's algorithm could only delay it.
    socket.setNoDelay(true)
    // Listened to at all times, so that it is never unhandled; 'close' follows and reports it.
    socket.on('error', NetConnection.#onSocketError)
    socket.on('end', NetConnection.#onSocketEnd)
    socket.on('close', NetConnection.#onSocketEnd)
  }

  get kind(): 'byte' {
    return 'byte'
  }

  get sink(): ConnectionSink {
    return this.#sink
  }

  /** Nothing is taken out of the socket before the first sink is set: nothing is lost however long that takes. */
  set sink(sink: ConnectionSink) {
    this.#sink = sink
    if (this.#isTaken) return
    this.#isTaken = true
    const socket = this.#socket
    if (this.#reader === undefined) socket.on('data', (chunk: Uint8Array) => this.onRead(chunk))
    else this.#reader.target = this
    // Those that were accepted, and those with a reader, are paused.
    socket.resume()
    socket.on('drain', NetConnection.#onSocketDrain)
    if (this.#isOver) process.nextTick(() => this.#endInput())
  }

  /** From the socket. */
  onRead(bytes: Uint8Array): void {
    if (!this.#isSilent) this.#sink.onData(bytes)
  }

  /** Node has written, or copied, what it does not count any more; other runtimes make no such promise. */
  get returnsParts(): boolean {
    return !IS_OTHER_RUNTIME
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  write(parts: readonly Uint8Array[]): boolean {
    const socket = this.#socket
    if (socket.destroyed || socket.writableEnded) return false
    // What a socket answers is how much it was given; much of that has been written already.
    if (this.#give(parts) || socket.writableLength === 0) return true
    this.#owesDrain = true
    return false
  }

  #give(parts: readonly Uint8Array[]): boolean {
    const socket = this.#socket
    if (parts.length === 1) return socket.write(parts[0] as Uint8Array)
    let byteCount = 0
    for (const part of parts) byteCount += part.length
    if (byteCount <= COPY_BYTES) return socket.write(Buffer.concat(parts, byteCount))
    // Corked parts leave in one system call, uncopied.
    socket.cork()
    let hasRoom = true
    for (const part of parts) hasRoom = socket.write(part)
    socket.uncork()
    return hasRoom
  }

  end(_closeCode: number): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#isSilent = true
    this.#socket.destroy()
  }

  // Called with the socket as `this`, as all listeners are.

  static readonly #onSocketError = function (this: OwnedSocket, error: unknown): void {
    const connection = this[OWNER]
    connection.#error ??= brokenError(connection.url, error)
  }

  static readonly #onSocketEnd = function (this: OwnedSocket): void {
    this[OWNER].#endInput()
  }

  static readonly #onSocketDrain = function (this: OwnedSocket): void {
    const connection = this[OWNER]
    if (connection.#isSilent || !connection.#owesDrain) return
    connection.#owesDrain = false
    connection.#sink.onDrain()
  }

  #endInput(): void {
    this.#isOver = true
    if (this.#isSilent || !this.#isTaken) return
    this.#isSilent = true
    this.#sink.onEnd(this.#error)
  }
}
