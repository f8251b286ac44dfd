// Owns: a TCP socket as a byte connection of the library.
// Must not know: sessions, what the bytes mean, where the socket comes from.
import type { Socket } from 'node:net'
import type { Connection, ConnectionSink } from '@peerplex/wire/transport'

/** For the time before somebody has taken the connection over. */
const NOBODY: ConnectionSink = { onData: () => {}, onDrain: () => {}, onEnd: () => {} }

/** The socket must have been made with `allowHalfOpen`: when the output ends is the owner's business. */
export class NetConnection implements Connection {
  readonly kind = 'byte'
  readonly url: string
  sink: ConnectionSink = NOBODY
  readonly #socket: Socket
  #error: Error | undefined
  #isInputOver = false

  constructor(socket: Socket, url: string) {
    this.#socket = socket
    this.url = url
    // Output is collected before it is written: Nagle's algorithm could only delay it.
    socket.setNoDelay(true)
    socket.on('data', (chunk: Uint8Array) => this.sink.onData(chunk))
    socket.on('drain', () => this.sink.onDrain())
    socket.on('end', () => this.#endInput())
    // Always listened to, so that it is never unhandled; 'close' follows and reports it.
    socket.on('error', (error) => {
      this.#error = error
    })
    socket.on('close', () => this.#endInput())
  }

  write(parts: readonly Uint8Array[]): boolean {
    const socket = this.#socket
    if (socket.destroyed) return false
    if (parts.length === 1) return socket.write(parts[0] as Uint8Array)
    // Corked parts leave in one system call, uncopied.
    socket.cork()
    let hasRoom = true
    for (const part of parts) hasRoom = socket.write(part)
    socket.uncork()
    return hasRoom
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#isInputOver = true
    this.#socket.destroy()
  }

  #endInput(): void {
    if (this.#isInputOver) return
    this.#isInputOver = true
    this.sink.onEnd(this.#error)
  }
}
