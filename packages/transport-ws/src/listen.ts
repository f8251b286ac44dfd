// Owns: listening on a host and port: the http server for it, and sockets that have not come further than HTTP.
// Must not know: which upgrades are accepted, what is done with the connections.
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { UsageError } from '@peerplex/wire'
import type { Connection, Endpoint, Listener } from '@peerplex/wire/transport'
import type { ResolvedWsOptions } from './options.js'
import { listenError } from './system-errors.js'
import { ACCEPTOR_OPTIONS, Gate, NOT_HERE, refuse, UPGRADE_REQUIRED } from './upgrade.js'
import { assertPath, hostUrl, pathOf } from './urls.js'

export async function listenAlone(
  endpoint: Endpoint,
  options: ResolvedWsOptions,
  onConnection: (connection: Connection) => void,
): Promise<Listener> {
  const { host, port, scheme, url } = endpoint
  assertPath(endpoint.path, url)
  const path = endpoint.path === '' ? '/' : endpoint.path
  const isSecure = scheme === 'wss'
  const { WebSocketServer } = await import('ws')
  const server = await createServer(endpoint, options)
  const early = new EarlySockets(options)
  const gate = new Gate({
    options,
    isSecure,
    onConnection,
    acceptor: new WebSocketServer(ACCEPTOR_OPTIONS),
    onUpgraded: (socket) => early.release(socket),
  })
  server.on('connection', (socket: Socket) => early.add(socket, isSecure))
  const answered = new WeakSet<Socket>()
  server.on('request', (request, response) => {
    // One answer a socket: whoever sends many requests at once without waiting gets nothing for the others.
    if (answered.has(request.socket)) return
    answered.add(request.socket)
    answerPlain(request, response, path)
  })
  server.on('upgrade', (request, socket, head) => {
    if (!early.has(socket as Socket)) socket.destroy()
    else if (pathOf(request) === path) gate.handle(request, socket as Socket, head)
    else refuse(socket as Socket, NOT_HERE, options.handshakeTimeoutMs)
  })
  try {
    await startListening(server, host, port)
  } catch (error) {
    throw listenError(url, error)
  }
  return {
    url: hostUrl(isSecure, host, (server.address() as AddressInfo).port) + endpoint.path,
    close: async () => {
      gate.close()
      server.close()
      early.destroyAll()
    },
  }
}

async function createServer({ scheme, url }: Endpoint, options: ResolvedWsOptions): Promise<Server> {
  // Times are kept by EarlySockets, from the first byte on and with one clock.
  const limits = { headersTimeout: 0, requestTimeout: 0 }
  const { tls } = options
  if (scheme === 'ws') {
    const http = await import('node:http')
    return http.createServer(limits)
  }
  const hasCertificate = (tls.cert !== undefined && tls.key !== undefined) || tls.pfx !== undefined
  if (!hasCertificate && tls.SNICallback === undefined)
    throw unusableTls(url, 'no certificate and key', undefined)
  const https = await import('node:https')
  try {
    return https.createServer({ ...limits, ...tls, handshakeTimeout: options.handshakeTimeoutMs })
  } catch (cause) {
    throw unusableTls(url, cause instanceof Error ? cause.message : String(cause), cause)
  }
}

function unusableTls(url: string, what: string, cause: unknown): UsageError {
  return new UsageError('INVALID_ARGUMENT', `listen ${url}: the option tls is not usable: ${what}`, {
    hint: 'give a certificate and its key in PEM, as tls: { cert, key }; or listen on ws: behind a proxy with TLS',
    cause,
  })
}

/** Resolves once the server listens; rejects with the error of the system. */
function startListening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const onListening = (): void => {
      server.off('error', reject)
      // An error while accepting costs the connection that could not be accepted.
      server.on('error', () => {})
      resolve()
    }
    server.once('listening', onListening)
    server.once('error', reject)
    server.listen(port, host)
  })
}

/** A request that is no upgrade. */
function answerPlain(request: IncomingMessage, response: ServerResponse, path: string): void {
  const { status, text, headers = {} } = pathOf(request) === path ? UPGRADE_REQUIRED : NOT_HERE
  // Nobody has a reason to ask twice: the socket is closed.
  response.writeHead(status, { ...headers, connection: 'close', 'content-type': 'text/plain; charset=utf-8' })
  response.end(`${text}\n`)
}

/** Sockets of which no WebSocket has come yet: how many there may be, and how long. */
class EarlySockets {
  readonly #options: ResolvedWsOptions
  readonly #entries = new Map<
    string,
    { readonly socket: Socket; readonly timer: ReturnType<typeof setTimeout>; readonly address: string }
  >()
  /** How many of them each address has. */
  readonly #counts = new Map<string, number>()

  constructor(options: ResolvedWsOptions) {
    this.#options = options
  }

  /** The socket as the system accepted it: with TLS, not the one of which requests come. */
  add(socket: Socket, isSecure: boolean): void {
    const { maxHandshakes, handshakeTimeoutMs } = this.#options
    const address = String(socket.remoteAddress)
    if (this.#entries.size >= maxHandshakes && !this.#makeRoomFor(address)) {
      // As cheaply as can be: where there is TLS, a text would need a handshake.
      if (!isSecure)
        socket.write('HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
      socket.destroySoon()
      return
    }
    // Closed by the other side before we got to see it.
    if (socket.remoteAddress === undefined) {
      socket.destroy()
      return
    }
    const key = keyOf(socket)
    const timer = setTimeout(() => socket.destroy(), handshakeTimeoutMs)
    this.#entries.set(key, { socket, timer, address })
    this.#counts.set(address, (this.#counts.get(address) ?? 0) + 1)
    socket.once('close', () => {
      if (this.#entries.get(key)?.socket === socket) this.#remove(key)
    })
  }

  has(socket: Socket): boolean {
    return this.#entries.has(keyOf(socket))
  }

  release(socket: Socket): void {
    this.#remove(keyOf(socket))
  }

  destroyAll(): void {
    for (const { socket } of this.#entries.values()) socket.destroy()
  }

  /** The address with the most gives up its oldest one; false when nobody has more than the newcomer's. */
  #makeRoomFor(address: string): boolean {
    let most = this.#counts.get(address) ?? 0
    let victim: string | null = null
    for (const [each, count] of this.#counts) {
      if (count <= most) continue
      most = count
      victim = each
    }
    if (victim === null) return false
    for (const [key, entry] of this.#entries) {
      if (entry.address !== victim) continue
      this.#remove(key)
      entry.socket.destroy()
      return true
    }
    return false
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    clearTimeout(entry.timer)
    this.#entries.delete(key)
    const count = this.#counts.get(entry.address) ?? 0
    if (count > 1) this.#counts.set(entry.address, count - 1)
    else this.#counts.delete(entry.address)
  }
}

/** The two addresses; they name a connection while it is open, for a socket and for the TLS socket over it. */
function keyOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`
}
