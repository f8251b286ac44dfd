// Owns: how an error of this side's program reaches the other side, and what of it must not (spec §12.3).
// Must not know: why it was raised.

import { CallError, type Channel, type Codec, codeNumber, PeerplexError, UsageError } from '@peerplex/wire'
import { CODE_UNKNOWN, reasonOf } from '@peerplex/wire/internal'
import { isApplicationCode } from './open-request.js'

/** Longer texts are cut where the whole error does not fit one frame. */
const SHORT_MESSAGE_CHARACTERS = 1_000

/** File URLs, absolute paths of at least two parts, and Windows paths. Not what follows a host name. */
const PATHS = /file:\/\/\S+|(?<![\w/.~-])(?:\/[\w.@+~-]+){2,}|(?<!\w)[A-Za-z]:\\[^\s'"]+/g

/** Lines of a stack trace that somebody put into a message. */
const STACK_LINES = /(?:\r?\n\s+at .*)+/g

/** The wire code of an error; UNKNOWN for what has none that means something to the other side. Never 0. */
export function wireCodeOf(error: unknown): number {
  // A wrong use of this library is a fault of this side, whatever the other side sent.
  const code = error instanceof PeerplexError && !(error instanceof UsageError) ? codeNumber(error.code) : 0
  return code === 0 ? CODE_UNKNOWN : code
}

/**
 * What the other side may read of an error: all of what an application wrote for it (CallError), and of any other exception the
 * message without stack and without paths of this machine (spec ERR-012).
 */
export function messageForRemote(error: unknown): string {
  const text = textOf(error)
  return error instanceof CallError ? text : text.replace(STACK_LINES, '').replace(PATHS, '…')
}

/** Ends a channel that the other side opened with an error. `report` hears of what could not be said. */
export function endWithError(
  channel: Channel,
  codec: Codec,
  error: unknown,
  report: (failure: unknown) => void,
): void {
  const code = wireCodeOf(error)
  if (channel.isClosed) {
    channel.reset(code)
    return
  }
  const message = messageForRemote(error)
  const headers = errorEntries(error)
  const hasDetails = error instanceof CallError && error.details !== undefined
  try {
    channel.fail(code, { message, headers, details: hasDetails ? codec.encode(error.details) : undefined })
  } catch (failure) {
    report(failure)
    channel.fail(code, { message: message.slice(0, SHORT_MESSAGE_CHARACTERS) })
  }
}

/** Codes that the table does not have travel by name. */
function errorEntries(error: unknown): Record<string, string | undefined> {
  if (!(error instanceof PeerplexError)) return {}
  const isOwnCode = error instanceof CallError && isApplicationCode(error.code)
  return {
    'error-type': isOwnCode ? error.code : undefined,
    hint: error.hint === '' ? undefined : error.hint,
  }
}

function textOf(error: unknown): string {
  try {
    return reasonOf(error)
  } catch {
    return 'an object without a text was thrown'
  }
}

/** Why a received message cannot be handed over. */
export function undecodable(
  name: string,
  codec: Codec,
  remote: string | undefined,
  cause: unknown,
): PeerplexError {
  const reason = reasonOf(cause)
  return new PeerplexError(
    'INVALID_ARGUMENT',
    `a message on channel '${name}' does not decode as ${codec.name}: ${reason}`,
    { hint: 'check that both sides mean the same codec', delivery: 'processed', remote, cause },
  )
}
