// Owns: making one outgoing WebSocket, or giving up cleanly.
// Must not know: what the connection is for; when to try again.
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { TransportError, UsageError } from '@peerplex/wire'
import type { AbortSignalLike, Connection } from '@peerplex/wire/transport'
import type { ClientOptions, WebSocket } from 'ws'
import { nodeConnection, WS_OPTIONS } from './node-pipe.js'
import type { ResolvedWsOptions } from './options.js'
import { answerError, givenUp, noSubprotocol, SUBPROTOCOL, timeoutError } from './refusals.js'
import { connectError } from './system-errors.js'

/** So much of the body of a refusal is quoted. */
const BODY_BYTES = 500

/** Rejects with TransportError UNAVAILABLE, or CANCELLED when `signal` was first. After that nothing is left open. */
export async function dial(
  url: string,
  options: ResolvedWsOptions,
  signal: AbortSignalLike | undefined,
): Promise<Connection> {
  if (signal?.aborted) throw givenUp(url, signal.reason)
  // Not before it is needed: reading `ws` takes longer than all the rest of this library.
  const { WebSocket } = await import('ws')
  if (signal?.aborted) throw givenUp(url, signal.reason)
  return new Promise((resolve, reject) => {
    const ws = open(WebSocket, url, options)
    let socket: Socket | null = null
    const settle = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const fail = (error: TransportError): void => {
      settle()
      ws.terminate()
      reject(error)
    }
    const onAbort = (): void => fail(givenUp(url, signal?.reason))
    let onTimeout = (): void => fail(timeoutError(url, options.handshakeTimeoutMs))
    const timer = setTimeout(() => onTimeout(), options.handshakeTimeoutMs)
    signal?.addEventListener('abort', onAbort, { once: true })
    ws.on('upgrade', (response) => {
      socket = response.socket ?? null
      if (response.headers['sec-websocket-protocol'] === SUBPROTOCOL) return
      fail(noSubprotocol(url))
    })
    ws.on('unexpected-response', (_request, response) => {
      // Whatever of the text has come by then.
      onTimeout = readSome(response, (body) =>
        fail(answerError(url, response.statusCode ?? 0, response.headers.location, body)),
      )
    })
    // Stays after a failure: whatever it still has to say is handled.
    const onError = (error: Error): void => fail(connectError(url, error))
    ws.on('error', onError)
    ws.on('open', () => {
      try {
        const connection = nodeConnection(url, ws, socket, options.highWaterMarkBytes)
        settle()
        ws.off('error', onError)
        resolve(connection)
      } catch (error) {
        // A `ws` that is not the one we know, as some runtimes have it.
        onError(error as Error)
      }
    })
  })
}

function open(Class: typeof WebSocket, url: string, options: ResolvedWsOptions): WebSocket {
  const { tls, headers, origin } = options
  const settings: ClientOptions = {
    ...tls,
    ...WS_OPTIONS,
    followRedirects: false,
    headers,
    ...(origin !== undefined && { origin }),
  }
  try {
    return new Class(url, [SUBPROTOCOL], settings)
  } catch (cause) {
    if (cause instanceof TransportError) throw cause
    throw new UsageError(
      'INVALID_ARGUMENT',
      `connect ${url}: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        hint: 'check the URL and the options tls and headers',
        cause,
      },
    )
  }
}

/** The first bytes of a body as text; what there is when it ends or breaks early, or when the result is called. */
function readSome(response: IncomingMessage, then: (text: string) => void): () => void {
  let body = Buffer.alloc(0)
  const stop = (): void => {
    response.off('data', onData)
    then(body.subarray(0, BODY_BYTES).toString())
  }
  const onData = (chunk: Buffer): void => {
    body = Buffer.concat([body, chunk.subarray(0, BODY_BYTES)])
    if (body.length >= BODY_BYTES) stop()
  }
  response.on('data', onData)
  response.on('error', () => {})
  response.on('close', stop)
  return stop
}
