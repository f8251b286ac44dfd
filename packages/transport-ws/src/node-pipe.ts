// Owns: a WebSocket of `ws` as a pipe: when it has room, how it is closed, and what its errors mean.
// Must not know: who dialed, sessions.
import type { Duplex } from 'node:stream'
import { ProtocolError } from '@peerplex/wire'
import type { ConnectionEnd } from '@peerplex/wire/transport'
import type { ServerOptions, WebSocket } from 'ws'
import { endOf, NO_CLOSE_FRAME, sendableCode } from './close-codes.js'
import { brokenError, systemCode } from './system-errors.js'
import { type Pipe, type PipeOwner, WsConnection } from './ws-connection.js'

/** Spec §18: a receiver takes messages up to this size. */
const MAX_MESSAGE_BYTES = 1_048_576

/**
 * How long the other side may take to answer the close frame that follows broken input. What it sends meanwhile is thrown
 * away; closing the socket at once could take the close frame back, with what is under way.
 */
const LINGER_MS = 1_000

/** For both ends of `ws`; its limits on fragments stay as they are. */
export const WS_OPTIONS: Readonly<
  Pick<ServerOptions, 'perMessageDeflate' | 'maxPayload' | 'skipUTF8Validation'>
> = {
  // Spec §18: compression costs memory for every connection, and lets a small message become a big one.
  perMessageDeflate: false,
  maxPayload: MAX_MESSAGE_BYTES,
  // Texts are refused unread (1003), whatever they consist of.
  skipUTF8Validation: true,
}

/** The connection over a WebSocket that has just opened; `socket` is the one that carries it, where it can be had. Nothing is read before a sink is set. */
export function nodeConnection(
  url: string,
  ws: WebSocket,
  socket: Duplex | null,
  highWaterMarkBytes: number,
): WsConnection {
  return new WsConnection(url, (owner) => new NodePipe(url, ws, socket, highWaterMarkBytes, owner))
}

class NodePipe implements Pipe {
  readonly #url: string
  readonly #ws: WebSocket
  readonly #highWaterMarkBytes: number
  readonly #owner: PipeOwner
  /** Sent, and not yet reported as taken by the system. */
  #unsentCount = 0
  #isBlocked = false
  #isEndedHere = false
  /** What was wrong with the input. */
  #inputError: ConnectionEnd
  /** What the system says. */
  #socketError: ConnectionEnd
  #lingerTimer: ReturnType<typeof setTimeout> | undefined

  readonly #onSent = (): void => {
    this.#unsentCount -= 1
    if (this.#unsentCount > 0 || !this.#isBlocked) return
    this.#isBlocked = false
    this.#owner.onRoom()
  }

  constructor(
    url: string,
    ws: WebSocket,
    socket: Duplex | null,
    highWaterMarkBytes: number,
    owner: PipeOwner,
  ) {
    this.#url = url
    this.#ws = ws
    this.#highWaterMarkBytes = highWaterMarkBytes
    this.#owner = owner
    ws.pause()
    ws.on('message', (data, isBinary) => {
      // `ws` is left at its binary type, in which a message is one Buffer.
      if (isBinary) owner.onMessage(data as Buffer)
      else owner.onText()
    })
    // The socket's own errors do not get through `ws`, which only says 1006 after them. Bun, whose `ws` is its own, shows no socket to
    // who dials: then what the system says is lost, not the end itself.
    socket?.on('error', (error) => {
      this.#socketError ??= brokenError(url, error)
    })
    ws.on('error', (error) => this.#onError(error))
    ws.on('close', (code, reason) => {
      clearTimeout(this.#lingerTimer)
      owner.onClosed(this.#inputError ?? this.#endOf(code, reason.toString()))
    })
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount
  }

  resume(): void {
    this.#ws.resume()
  }

  send(message: Uint8Array): boolean {
    const ws = this.#ws
    // Closed by the other side or lost, and the end is about to be reported.
    if (ws.readyState !== ws.OPEN) return false
    this.#unsentCount += 1
    ws.send(message, this.#onSent)
    if (ws.bufferedAmount <= this.#highWaterMarkBytes) return true
    this.#isBlocked = true
    return false
  }

  close(closeCode: number): void {
    this.#isEndedHere = true
    this.#ws.close(sendableCode(closeCode))
  }

  destroy(): void {
    clearTimeout(this.#lingerTimer)
    this.#ws.terminate()
  }

  /** After both close frames it does not matter how the socket ended. */
  #endOf(code: number, reason: string): ConnectionEnd {
    const end = endOf(this.#url, code, reason, this.#isEndedHere)
    return code === NO_CLOSE_FRAME ? (this.#socketError ?? end) : end
  }

  /** `ws` has sent a close frame and waits for the answer; the end is reported after that. */
  #onError(error: Error): void {
    this.#inputError ??= inputError(this.#url, error)
    this.#lingerTimer ??= setTimeout(() => this.#ws.terminate(), LINGER_MS)
  }
}

/** What `ws` says about input that it does not accept. */
function inputError(url: string, cause: Error): Error {
  const code = systemCode(cause)
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' || code === 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH') {
    return new ProtocolError('FRAME_SIZE', `${url}: a message of more than ${MAX_MESSAGE_BYTES} bytes`, {
      hint: `at most ${MAX_MESSAGE_BYTES} bytes of whole frames fit one WebSocket message: check what the other side is`,
      cause,
    })
  }
  if (!code.startsWith('WS_ERR_')) return brokenError(url, cause)
  return new ProtocolError('PROTOCOL_ERROR', `${url}: ${cause.message}`, {
    hint: 'the other side, or a proxy on the way, breaks the rules of WebSocket: check what it is',
    cause,
  })
}
