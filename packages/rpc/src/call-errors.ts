// Owns: how the end of a call becomes the error that its caller gets: what was tried, where, and what to do.
// Must not know: how calls run.

import { type OpenRequest, outcomeError } from '@peerplex/peer/internal'
import { CallError, type Codec, type Headers, type Outcome, type PeerplexError } from '@peerplex/wire'

/** Errors that the peer's own machinery reports, not its application. */
const REFUSALS: ReadonlySet<string> = new Set(['UNIMPLEMENTED', 'UNSUPPORTED_CODEC'])

/** The error for an outcome whose code is not 0. */
export function callError(outcome: Outcome, request: OpenRequest): PeerplexError {
  if (outcome.origin === 'local' || outcome.message === '') return outcomeError(outcome, request)
  const hint = outcome.headers.get('hint') ?? ''
  const isRefusal = outcome.delivery === 'not-processed' && REFUSALS.has(outcome.name)
  const message = isRefusal
    ? `${outcome.message} at peer ${describe(request)}${hint === '' ? '' : `; ${hint}`}`
    : outcome.message
  return new CallError(outcome.name, message, {
    hint,
    delivery: outcome.delivery,
    retryable: outcome.delivery === 'not-processed' || outcome.headers.has('retry-after-ms'),
    origin: 'remote',
    details: decodeDetails(outcome.details, request.codec),
    remote: request.remote?.id,
    attempts: request.attempts,
  })
}

function describe(request: OpenRequest): string {
  return request.remote === null ? 'unknown' : request.remote.describe()
}

/** Details that do not decode are not worth losing the error over. */
function decodeDetails(details: Uint8Array, codec: Codec | null): unknown {
  if (details.length === 0 || codec === null) return undefined
  try {
    return codec.decode(details)
  } catch {
    return details
  }
}

/** Why a received message cannot be handed over, on the side that reads it. */
export function undecodable(error: unknown, request: OpenRequest): PeerplexError {
  const reason = error instanceof Error ? error.message : String(error)
  const what = `the reply to '${request.spec.name}' does not decode as ${request.codec?.name ?? 'its codec'}: ${reason}`
  return new CallError('DATA_LOSS', what, {
    hint: 'check that both sides use the same version of the codec',
    delivery: 'processed',
    origin: 'local',
    remote: request.remote?.id,
    attempts: request.attempts,
    cause: error,
  })
}

/** `call` on something that answers with more than one message. */
export function moreThanOne(request: OpenRequest, headers: Headers): PeerplexError {
  void headers
  return new CallError('FAILED_PRECONDITION', `'${request.spec.name}' answered with more than one message`, {
    hint: 'use stream() instead of call()',
    delivery: 'processed',
    origin: 'local',
    remote: request.remote?.id,
    attempts: request.attempts,
  })
}
