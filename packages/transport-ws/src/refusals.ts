// Owns: the words for an upgrade that did not come about, at both ends, and the name of the subprotocol.
// Must not know: sockets.
import { TransportError } from '@peerplex/wire'
import { printable } from './close-codes.js'

/** Spec §18: offered by who dials, chosen by who listens. */
export const SUBPROTOCOL = 'peerplex.1'

interface Status {
  readonly words: string
  readonly hint: string
  readonly isLasting: boolean
}

const REDIRECT: Status = {
  words: 'a redirect that is not followed',
  hint: 'connect to the address it names, if that is meant',
  isLasting: true,
}

const NOT_WEBSOCKET =
  'a web server that has no WebSocket here: check the path, and that proxies pass upgrades on'

const STATUSES: Readonly<Record<number, Status>> = {
  200: { words: 'an ordinary answer', hint: NOT_WEBSOCKET, isLasting: true },
  400: {
    words: 'a bad request',
    hint: `the listener does not take the subprotocol ${SUBPROTOCOL}, or a proxy on the way drops upgrade headers`,
    isLasting: true,
  },
  401: { words: 'not authenticated', hint: 'give credentials in `auth` or `headers`', isLasting: true },
  403: {
    words: 'forbidden',
    hint: 'the listener refuses this Origin (its option `origins`), or wants other credentials',
    isLasting: true,
  },
  404: {
    words: 'not found',
    hint: 'check the path of the URL: the listener has another one',
    isLasting: true,
  },
  426: { words: 'an upgrade is required', hint: NOT_WEBSOCKET, isLasting: true },
  429: { words: 'too many requests', hint: 'connect again later', isLasting: false },
  502: { words: 'a proxy cannot reach the listener', hint: 'check that it runs', isLasting: false },
  503: { words: 'the listener is full or stopped', hint: 'connect again later', isLasting: false },
  504: { words: 'the listener does not answer a proxy', hint: 'check that it runs', isLasting: false },
}

/** The listener answered with something other than an upgrade; `body` is the beginning of what it said. */
export function answerError(
  url: string,
  status: number,
  location: string | undefined,
  body: string,
): TransportError {
  const isRedirect = status >= 300 && status < 400
  const { words, hint, isLasting } = (isRedirect ? REDIRECT : STATUSES[status]) ?? {
    words: 'no upgrade',
    hint: 'check the URL, and what answers there',
    isLasting: status < 500,
  }
  const target = location === undefined ? '' : `, to ${printable(location.slice(0, 200))}`
  const said = printable(body)
  const message = `connect ${url}: HTTP status ${status}, ${words}${target}${said === '' ? '' : `: ${said}`}`
  return new TransportError('UNAVAILABLE', message, { hint, retryable: !isLasting })
}

export function noSubprotocol(url: string): TransportError {
  return new TransportError(
    'UNAVAILABLE',
    `connect ${url}: the listener did not choose the subprotocol ${SUBPROTOCOL}`,
    {
      hint: 'another WebSocket service listens there: check the port and the path',
    },
  )
}

export function timeoutError(url: string, timeoutMs: number): TransportError {
  return new TransportError('UNAVAILABLE', `connect ${url}: no upgrade within ${timeoutMs} ms`, {
    hint: 'check that a WebSocket listener is there and not overloaded, or raise handshakeTimeoutMs',
    retryable: true,
  })
}

export function givenUp(url: string, reason: unknown): TransportError {
  return new TransportError('CANCELLED', `connect ${url}: given up`, { cause: reason })
}
