// Owns: a WebSocket of the browser as a pipe: when it has room, and how it is closed.
// Must not know: who dialed, sessions.
import { browserCode, endOf } from './close-codes.js'
import { type Pipe, type PipeOwner, WsConnection } from './ws-connection.js'

/** What is used of the WebSocket class of browsers. */
export interface BrowserSocket {
  binaryType: string
  readonly bufferedAmount: number
  readonly protocol: string
  readonly readyState: number
  send(data: Uint8Array): void
  close(code?: number): void
  addEventListener<Name extends keyof BrowserEvents>(
    name: Name,
    listener: (event: BrowserEvents[Name]) => void,
  ): void
}

interface BrowserEvents {
  open: object
  error: object
  message: { readonly data: unknown }
  close: { readonly code: number; readonly reason: string }
}

/** Spec §18, WST-011: sending stops above the first and goes on below the second. */
const STOP_BYTES = 1_048_576
const RESUME_BYTES = 262_144

/**
 * No event tells that `bufferedAmount` went down. Asked so often only while somebody waits; a tab in the background is
 * slowed down to one timer a second or a minute, hence every message that comes is taken as a chance to ask.
 */
const POLL_MS = 10

const OPEN = 1

/** The connection over a WebSocket that is open; call it in the same turn, or messages are missed. */
export function browserConnection(url: string, socket: BrowserSocket): WsConnection {
  return new WsConnection(url, (owner) => new BrowserPipe(url, socket, owner))
}

class BrowserPipe implements Pipe {
  readonly #socket: BrowserSocket
  readonly #owner: PipeOwner
  readonly #look = (): void => this.#lookForRoom()
  #timer: ReturnType<typeof setTimeout> | undefined
  #isBlocked = false
  #isEndedHere = false

  constructor(url: string, socket: BrowserSocket, owner: PipeOwner) {
    this.#socket = socket
    this.#owner = owner
    socket.addEventListener('message', ({ data }) => {
      if (data instanceof ArrayBuffer) owner.onMessage(new Uint8Array(data))
      else owner.onText()
      if (this.#isBlocked) this.#lookForRoom()
    })
    socket.addEventListener('close', ({ code, reason }) => {
      this.#unblock()
      owner.onClosed(endOf(url, code, reason, this.#isEndedHere))
    })
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount
  }

  /** A browser cannot be told to stop reading. */
  resume(): void {}

  send(message: Uint8Array): boolean {
    const socket = this.#socket
    // Closed by the other side or lost, and the end is about to be reported.
    if (socket.readyState !== OPEN) return false
    socket.send(message)
    if (socket.bufferedAmount <= STOP_BYTES) return true
    this.#isBlocked = true
    this.#timer ??= setTimeout(this.#look, POLL_MS)
    return false
  }

  close(closeCode: number): void {
    this.#isEndedHere = true
    this.#unblock()
    this.#socket.close(browserCode(closeCode))
  }

  /** What the browser has taken it will still send: there is no way to call that back. */
  destroy(): void {
    this.#unblock()
    this.#socket.close()
  }

  #lookForRoom(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#socket.bufferedAmount >= RESUME_BYTES) {
      this.#timer = setTimeout(this.#look, POLL_MS)
      return
    }
    this.#isBlocked = false
    this.#owner.onRoom()
  }

  #unblock(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#isBlocked = false
  }
}
