// Owns: what becomes of one upgrade request: which are accepted, and what the others are told.
// Must not know: where the server comes from, paths.
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Connection } from '@peerplex/wire/transport'
import type { ServerOptions, WebSocketServer } from 'ws'
import { nodeConnection, WS_OPTIONS } from './node-pipe.js'
import type { OriginCheck, ResolvedWsOptions } from './options.js'
import { isOriginAllowed } from './origin.js'
import { SUBPROTOCOL } from './refusals.js'
import { hostUrl } from './urls.js'

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  426: 'Upgrade Required',
  503: 'Service Unavailable',
}

/** What a refusal says. */
export interface Refusal {
  readonly status: number
  readonly text: string
  readonly headers?: Readonly<Record<string, string>>
}

export const NOT_HERE: Refusal = { status: 404, text: 'nothing here: check the path of the URL' }

/** For plain requests on the path of a listener, too. */
export const UPGRADE_REQUIRED: Refusal = {
  status: 426,
  text: `this is a WebSocket endpoint with the subprotocol ${SUBPROTOCOL}: connect with a peer, not with a browser's address bar`,
  headers: { upgrade: 'websocket' },
}

const WRONG_VERSION: Refusal = {
  status: 426,
  text: 'only version 13 of WebSocket is spoken here',
  headers: { upgrade: 'websocket', 'sec-websocket-version': '13' },
}

const NO_SUBPROTOCOL: Refusal = {
  status: 400,
  text: `offer the subprotocol ${SUBPROTOCOL}: new WebSocket(url, ['${SUBPROTOCOL}']); this endpoint speaks nothing else`,
}

const WRONG_ORIGIN: Refusal = {
  status: 403,
  text: 'this Origin may not connect: the listener allows others with its option `origins`',
}

const FULL: Refusal = { status: 503, text: 'too many connections are being made: try again later' }

const CLOSED: Refusal = { status: 503, text: 'nobody listens here any more' }

export interface GateParts {
  readonly options: ResolvedWsOptions
  /** A server of `ws` that accepts nothing by itself. */
  readonly acceptor: WebSocketServer
  readonly isSecure: boolean
  readonly onConnection: (connection: Connection) => void
  /** The socket is no longer in its HTTP phase. */
  readonly onUpgraded?: (socket: Socket) => void
}

/** For `acceptor` in `GateParts`. */
export const ACCEPTOR_OPTIONS: ServerOptions = {
  ...WS_OPTIONS,
  noServer: true,
  clientTracking: false,
  handleProtocols: () => SUBPROTOCOL,
}

/** Decides about upgrade requests, one after another or several at a time. */
export class Gate {
  readonly #parts: GateParts
  /** An `origins` function is at work on them. */
  #waitingCount = 0
  #isClosed = false

  constructor(parts: GateParts) {
    this.#parts = parts
    const { handshakeTimeoutMs } = parts.options
    parts.acceptor.on('wsClientError', (error, socket) => {
      refuse(
        socket as Socket,
        { status: 400, text: `${error.message}: not a WebSocket handshake` },
        handshakeTimeoutMs,
      )
    })
  }

  /** Those that wait are refused when their turn comes. */
  close(): void {
    this.#isClosed = true
  }

  handle(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { origins, handshakeTimeoutMs } = this.#parts.options
    // Node has taken its own listener away.
    socket.on('error', () => socket.destroy())
    const problem = this.#problemWith(request)
    if (problem !== null) refuse(socket, problem, handshakeTimeoutMs)
    else if (typeof origins === 'function') this.#ask(origins, request, socket, head)
    else if (this.#isAllowed(origins, request)) this.#accept(request, socket, head)
    else refuse(socket, WRONG_ORIGIN, handshakeTimeoutMs)
  }

  #problemWith({ headers, method }: IncomingMessage): Refusal | null {
    if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') return UPGRADE_REQUIRED
    if (headers['sec-websocket-version'] !== '13') return WRONG_VERSION
    const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim())
    return offered.includes(SUBPROTOCOL) ? null : NO_SUBPROTOCOL
  }

  #isAllowed(origins: '*' | ReadonlySet<string> | undefined, request: IncomingMessage): boolean {
    const { origin, host } = request.headers
    const { remoteAddress } = request.socket
    return isOriginAllowed({ origin, host, remoteAddress, isSecure: this.#parts.isSecure }, origins)
  }

  async #ask(check: OriginCheck, request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const { maxHandshakes, handshakeTimeoutMs } = this.#parts.options
    if (this.#waitingCount >= maxHandshakes) {
      refuse(socket, FULL, handshakeTimeoutMs)
      return
    }
    this.#waitingCount += 1
    const isAllowed = await answerOf(check, request, handshakeTimeoutMs)
    this.#waitingCount -= 1
    if (this.#isClosed) refuse(socket, CLOSED, handshakeTimeoutMs)
    else if (isAllowed) this.#accept(request, socket, head)
    else refuse(socket, WRONG_ORIGIN, handshakeTimeoutMs)
  }

  #accept(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { acceptor, options, isSecure, onConnection, onUpgraded } = this.#parts
    const url = remoteUrl(socket, isSecure)
    try {
      acceptor.handleUpgrade(request, socket, head, (ws) => {
        onUpgraded?.(socket)
        hand(nodeConnection(url, ws, socket, options.highWaterMarkBytes), onConnection)
      })
    } catch {
      // Somebody else who listens for upgrades on the same server has taken the socket.
    }
  }
}

function hand(connection: Connection, onConnection: (connection: Connection) => void): void {
  try {
    onConnection(connection)
  } catch (error) {
    connection.destroy()
    // Visible as an uncaught error, and not as a failure of whatever called this.
    queueMicrotask(() => {
      throw error
    })
  }
}

/** Answers with a text and closes; who does not read the answer is dropped after `timeoutMs`. */
export function refuse(socket: Socket, { status, text, headers = {} }: Refusal, timeoutMs: number): void {
  // Gone while it waited for its turn: no 'close' would stop the timer.
  if (socket.destroyed) return
  const lines = {
    connection: 'close',
    'content-type': 'text/plain; charset=utf-8',
    'content-length': String(Buffer.byteLength(`${text}\n`)),
    ...headers,
  }
  const timer = setTimeout(() => socket.destroy(), timeoutMs)
  socket.once('close', () => clearTimeout(timer))
  socket.once('finish', () => socket.destroy())
  const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${REASONS[status]}\r\n${head.join('')}\r\n${text}\n`)
}

/** False for a function that throws, rejects, takes too long, or says anything but true. */
async function answerOf(check: OriginCheck, request: IncomingMessage, timeoutMs: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs)
  })
  try {
    return (await Promise.race([check(request.headers.origin, request), timeout])) === true
  } catch {
    return false
  } finally {
    clearTimeout(timer)
  }
}

/** Where an accepted connection comes from. A socket that was closed while it waited has no address any more. */
function remoteUrl({ remoteAddress = 'unknown', remotePort = 0 }: Socket, isSecure: boolean): string {
  // An IPv4 address as an IPv6 listener sees it.
  return hostUrl(isSecure, remoteAddress.replace('::ffff:', ''), remotePort)
}
