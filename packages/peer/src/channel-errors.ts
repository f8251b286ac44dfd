// Owns: how an error of this side's program reaches the other side, and what of it must not (spec §12.3).
// Must not know: why it was raised.
import { CallError, type Channel, type Codec, codeNumber, ERRORS, PeerplexError } from '@peerplex/wire'

/** Longer texts are cut where the whole error does not fit one frame. */
const SHORT_MESSAGE_CHARACTERS = 1_000

/** File URLs, absolute paths of at least two parts, and Windows paths. Not what follows a host name. */
const PATHS = /file:\/\/\S+|(?<![\w:/.~-])(?:\/[\w.@+~-]+){2,}|(?<!\w)[A-Za-z]:\\[^\s'"]+/g

/** The wire code of an error; UNKNOWN for what has none. Never 0. */
export function wireCodeOf(error: unknown): number {
  const code = error instanceof PeerplexError ? codeNumber(error.code) : 0
  return code === 0 ? ERRORS.UNKNOWN.wireCode : code
}

/**
 * What the other side may read of an error: all that somebody wrote for it (PeerplexError and its kinds), and of any other
 * exception the first line, without paths of this machine (spec ERR-012).
 */
export function messageForRemote(error: unknown): string {
  if (error instanceof PeerplexError) return error.message
  const text = error instanceof Error ? error.message : String(error)
  return (text.split('\n', 1)[0] as string).replace(PATHS, '…')
}

/** Ends a channel that the other side opened with an error. `report` hears of what could not be said. */
export function endWithError(
  channel: Channel,
  codec: Codec,
  error: unknown,
  report: (failure: unknown) => void,
): void {
  if (channel.isClosed) {
    channel.reset(wireCodeOf(error))
    return
  }
  const code = wireCodeOf(error)
  const message = messageForRemote(error)
  const hint = error instanceof PeerplexError ? error.hint : ''
  const hasDetails = error instanceof CallError && error.details !== undefined
  try {
    channel.fail(code, {
      message,
      ...(hint !== '' && { headers: { hint } }),
      ...(hasDetails && { details: codec.encode(error.details) }),
    })
  } catch (failure) {
    report(failure)
    channel.fail(code, { message: message.slice(0, SHORT_MESSAGE_CHARACTERS) })
  }
}
