// Owns: the errors that this side raises because of what the other side sent, rather than because of what it says.
// Must not know: how calls run.

import type { OpenRequest } from '@peerplex/peer/internal'
import { CallError, type Channel, type Codec, type PeerplexError } from '@peerplex/wire'
import { reasonOf } from '@peerplex/wire/internal'

const CODEC_HINT = 'check that both sides use the same version of the codec'

/** DATA_LOSS: an answer that is not what its codec says. */
export function undecodable(error: unknown, request: OpenRequest): PeerplexError {
  const reason = reasonOf(error)
  const codec = request.codec?.name ?? 'its codec'
  return answerError('DATA_LOSS', request, {
    message: `the reply to '${request.spec.name}' does not decode as ${codec}: ${reason}`,
    hint: CODEC_HINT,
    cause: error,
  })
}

/** FAILED_PRECONDITION: `call` on something that answers with more than one message (spec §20). */
export function moreThanOne(request: OpenRequest): PeerplexError {
  return answerError('FAILED_PRECONDITION', request, {
    message: `'${request.spec.name}' answered with more than one message`,
    hint: 'use stream() instead of call()',
  })
}

interface AnswerProblem {
  readonly message: string
  readonly hint: string
  readonly cause?: unknown
}

function answerError(code: string, request: OpenRequest, problem: AnswerProblem): PeerplexError {
  const { message, hint, cause } = problem
  return new CallError(code, message, {
    hint,
    cause,
    delivery: 'processed',
    remote: request.remote?.id,
    attempts: request.attempts,
  })
}

/** INVALID_ARGUMENT: an input that is not what its codec says. */
export function undecodableInput(error: unknown, channel: Channel, codec: Codec): PeerplexError {
  const reason = reasonOf(error)
  const message = `the input of '${channel.name}' does not decode as ${codec.name}: ${reason}`
  const init = { origin: 'remote', delivery: 'processed', hint: CODEC_HINT, cause: error } as const
  return new CallError('INVALID_ARGUMENT', message, init)
}
