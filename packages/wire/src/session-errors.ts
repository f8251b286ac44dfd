// Owns: the words of the errors with which a session ends or refuses.
// Must not know: when that happens.
import { failedPrecondition } from './checks.js'
import {
  CODE_HELLO_TIMEOUT,
  CODE_IDLE_TIMEOUT,
  CODE_INTERNAL_ERROR,
  CODE_PROTOCOL_ERROR,
} from './error-codes.js'
import {
  ClosedError,
  codeName,
  codeNumber,
  ERRORS,
  PeerplexError,
  ProtocolError,
  TransportError,
  type UsageError,
} from './errors.js'

/** The code of a GOAWAY that says so: the error's own when it is one of a connection. */
export function connectionCodeOf(error: PeerplexError): number {
  const code = codeNumber(error.code)
  return code >= CODE_PROTOCOL_ERROR ? code : CODE_INTERNAL_ERROR
}

/** With what a message transport is closed after a GOAWAY with this code (spec §18); 4999 is the last there is. */
export function closeCodeOf(code: number): number {
  return code === 0 ? 1000 : Math.min(4000 + code, 4999)
}

/** The other side sent GOAWAY with an error. */
export function endedRemotely(code: number, text: string): ClosedError {
  const name = codeName(code)
  const isRetryable = code === CODE_IDLE_TIMEOUT || code === CODE_HELLO_TIMEOUT
  return new ClosedError(
    name,
    `the other side ended the connection: ${name}${text === '' ? '' : `, ${text}`}`,
    {
      hint: ERRORS[name as keyof typeof ERRORS]?.message ?? 'see what the other side documents for this code',
      origin: 'remote',
      retryable: isRetryable,
    },
  )
}

/** The transport broke, or its input ended. */
export function connectionLost(cause: unknown): TransportError {
  const known = cause instanceof PeerplexError ? cause.hint : ''
  const hint = known === '' ? 'the other side went away, or the network between: connect again' : known
  return new TransportError('UNAVAILABLE', 'the connection was lost', { hint, cause, retryable: true })
}

/** Neither HELLO nor, after it, a verdict on the credentials came in time. */
export function helloTimeout(hasHello: boolean, timeoutMs: number): ProtocolError {
  const what = hasHello ? 'no verdict on the credentials' : 'no HELLO'
  return new ProtocolError('HELLO_TIMEOUT', `${what} within ${timeoutMs} ms`, {
    hint: 'check that the other side speaks Peerplex and is not overloaded',
    retryable: true,
  })
}

/** Nothing at all arrived for the declared time. */
export function idleTimeout(timeoutMs: number): ProtocolError {
  return new ProtocolError('IDLE_TIMEOUT', `nothing arrived for ${timeoutMs} ms`, {
    hint: 'the other side is frozen, or the network between is down: connect again',
    retryable: true,
  })
}

/** A local event that the state of a session or channel does not have. */
export function wrongState(what: string, state: string, event: string | undefined): UsageError {
  return failedPrecondition(`${what} is ${state}`, `it cannot '${event}' now`)
}

/** `start` on a session that has begun or ended. */
export function startedTwice(): UsageError {
  return failedPrecondition(
    'the session was started before',
    'a session serves one connection: make a new one for the next',
  )
}

/** A call that would have sent something ahead of HELLO. */
export function notStarted(verb: string): UsageError {
  return failedPrecondition(`${verb} before start()`, 'call start() first')
}

/** `open` on a session that takes no new channels. */
export function notUsable(name: string, isOpen: boolean): ClosedError {
  const why = isOpen ? 'the other side drains' : 'the connection is closed'
  return new ClosedError('UNAVAILABLE', `open '${name}': ${why}`, {
    hint: 'open it on another connection',
    retryable: true,
  })
}

/** A defect of this library: the connection ends rather than the process. */
export function internalError(cause: unknown): PeerplexError {
  return new PeerplexError('INTERNAL_ERROR', 'an unexpected failure inside the session', {
    hint: 'this is a defect of the library: please report the cause',
    cause,
  })
}
