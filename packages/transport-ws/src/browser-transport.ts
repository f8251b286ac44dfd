// Owns: the WebSocket transport of browsers: dialing with the class that the platform has.
// Must not know: how an open WebSocket is used.
import { TransportError, UsageError } from '@peerplex/wire'
import type { AbortSignalLike, Connection, ConnectOptions, Transport } from '@peerplex/wire/transport'
import { type BrowserSocket, browserConnection } from './browser-pipe.js'
import { givenUp, noSubprotocol, SUBPROTOCOL } from './refusals.js'

type BrowserSocketClass = new (url: string, protocols: string[]) => BrowserSocket

/** `ws:` and `wss:` in browsers, to dial. `bind` rejects: a page cannot listen. */
export function wsTransport(): Transport {
  return {
    schemes: ['ws', 'wss'],
    connect: async ({ url }, { signal, transport }) => {
      refuseHeaders(url, transport)
      return dial(url, signal)
    },
    listen: async ({ url }) => {
      throw new UsageError(
        'UNIMPLEMENTED',
        `listen ${url}: a browser cannot listen on a WebSocket endpoint`,
        {
          hint: 'let the other side listen and connect to it from here: a connection works in both directions',
        },
      )
    },
  }
}

/** Left out silently, they would be missing where somebody relies on them. */
function refuseHeaders(
  url: string,
  { headers, origin }: NonNullable<ConnectOptions['transport']> = {},
): void {
  if (headers === undefined && origin === undefined) return
  const name = headers === undefined ? 'origin' : 'headers'
  throw new UsageError('INVALID_ARGUMENT', `connect ${url}: a browser lets nobody set ${name}`, {
    hint: 'give credentials as `auth`; the browser names the Origin itself',
  })
}

/** Rejects with TransportError UNAVAILABLE, or CANCELLED when `signal` was first. */
function dial(url: string, signal: AbortSignalLike | undefined): Promise<Connection> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) throw givenUp(url, signal.reason)
    const socket = open(url)
    socket.binaryType = 'arraybuffer'
    let isSettled = false
    const settle = (): boolean => {
      if (isSettled) return false
      isSettled = true
      signal?.removeEventListener('abort', onAbort)
      return true
    }
    const fail = (error: TransportError): void => {
      if (!settle()) return
      socket.close()
      reject(error)
    }
    const onAbort = (): void => fail(givenUp(url, signal?.reason))
    signal?.addEventListener('abort', onAbort, { once: true })
    socket.addEventListener('open', () => {
      if (socket.protocol !== SUBPROTOCOL) fail(noSubprotocol(url))
      else if (settle()) resolve(browserConnection(url, socket))
    })
    // Says nothing; 'close' follows.
    socket.addEventListener('error', () => {})
    socket.addEventListener('close', ({ code }) => fail(unexplained(url, code)))
  })
}

function open(url: string): BrowserSocket {
  const { WebSocket: Class } = globalThis as { WebSocket?: BrowserSocketClass }
  if (Class === undefined) {
    throw new UsageError('UNIMPLEMENTED', `connect ${url}: this platform has no WebSocket class`, {
      hint: 'on Node use the main entry of @peerplex/transport-ws; elsewhere set globalThis.WebSocket',
    })
  }
  try {
    return new Class(url, [SUBPROTOCOL])
  } catch (cause) {
    throw new UsageError(
      'INVALID_ARGUMENT',
      `connect ${url}: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        hint: 'check the URL; a page that came over https: may only use wss:',
        cause,
      },
    )
  }
}

/** Browsers keep the reason from pages, which could otherwise look around in the network of the user. */
function unexplained(url: string, code: number): TransportError {
  return new TransportError(
    'UNAVAILABLE',
    `connect ${url}: no WebSocket came about, and the browser does not say why (close code ${code})`,
    {
      hint:
        'look at the console of the browser; is the listener running, does it allow this Origin (its option `origins`), ' +
        'are path and certificate right, and is it wss: on a page that came over https:?',
      retryable: true,
    },
  )
}
