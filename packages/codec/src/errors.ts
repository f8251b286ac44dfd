// Owns: how the codecs say what is wrong: with a value and where in it, with a payload and at which byte.
// Must not know: any encoding.

import { LimitError, PeerplexError, type UsageError } from '@peerplex/wire'
import { invalidArgument } from '@peerplex/wire/internal'
import type { CodecLimits } from './options.js'

/** Where in a value something is: property names and positions, from the outside in. */
export type Path = readonly (string | number)[]

/** Steps that are shown of a long path, at its beginning and at its end. */
const SHOWN_STEPS = 8
const SHOWN_KEY_CHARACTERS = 40

/** A path as a program would write it: `value[1].shout`. */
function pathText(path: Path): string {
  const isLong = path.length > 2 * SHOWN_STEPS
  const steps = path.map(stepText)
  return `value${
    isLong ? `${steps.slice(0, SHOWN_STEPS).join('')}…${steps.slice(-SHOWN_STEPS).join('')}` : steps.join('')
  }`
}

function stepText(step: string | number): string {
  if (typeof step === 'number') return `[${step}]`
  if (step.length > SHOWN_KEY_CHARACTERS)
    return `[${JSON.stringify(`${step.slice(0, SHOWN_KEY_CHARACTERS)}…`)}]`
  return /^[A-Za-z_$][\w$]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`
}

/** The value at `path` cannot be sent. `problem` continues the sentence that the path begins. */
export function unsendable(
  codec: string,
  path: Path,
  problem: string,
  hint: string,
  cause?: unknown,
): UsageError {
  return invalidArgument(`codec ${codec} cannot encode this: ${pathText(path)} ${problem}`, hint, cause)
}

/** The payload is malformed, or holds what this codec does not take. */
export function unreadable(codec: string, problem: string, cause?: unknown): PeerplexError {
  return new PeerplexError('INVALID_ARGUMENT', `codec ${codec} cannot decode what arrived: ${problem}`, {
    hint: `compare what the other side sends with what codec ${codec} takes (docs/codecs.md)`,
    // The codec does not see whether this is a request or a reply; only the layer above can promise more.
    delivery: 'unknown',
    cause,
  })
}

/** A value about to be sent exceeds a limit that the other side has as well. */
export function tooLargeToSend(codec: string, path: Path, limit: keyof CodecLimits, max: number): LimitError {
  return new LimitError(
    'INVALID_ARGUMENT',
    `codec ${codec} cannot encode this: at ${pathText(path)} it exceeds ${limitText(limit, max)}`,
    { hint: LIMIT_HINTS[limit] },
  )
}

/** A payload exceeds a limit of this side. */
export function tooLargeToTake(codec: string, limit: keyof CodecLimits, max: number): LimitError {
  return new LimitError(
    'INVALID_ARGUMENT',
    `codec ${codec} cannot decode what arrived: it exceeds ${limitText(limit, max)}`,
    { hint: LIMIT_HINTS[limit], delivery: 'unknown' },
  )
}

function limitText(limit: keyof CodecLimits, max: number): string {
  return limit === 'maxDepth'
    ? `maxDepth, ${max} arrays and objects inside each other`
    : `maxElementCount, ${max} values in one message`
}

const LIMIT_HINTS: Readonly<Record<keyof CodecLimits, string>> = Object.freeze({
  maxDepth: 'flatten the value, or raise maxDepth of this codec on both sides',
  maxElementCount:
    'send the items as a stream, put numbers into a typed array, or raise maxElementCount of this codec on both sides',
})

/**
 * What a codec throws for an error that is not its own: a getter, a toJSON or a Proxy that failed, memory that ran out.
 * Errors of this library pass unchanged.
 */
export function encodeFailure(codec: string, path: Path, error: unknown): PeerplexError {
  if (error instanceof PeerplexError) return error
  return unsendable(
    codec,
    path,
    `failed while it was read: ${errorText(error)}`,
    'see the cause: a getter, a toJSON method or a Proxy threw',
    error,
  )
}

/** As `encodeFailure`, for the way in. */
export function decodeFailure(codec: string, error: unknown): PeerplexError {
  return error instanceof PeerplexError ? error : unreadable(codec, errorText(error), error)
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : `${typeof error} thrown`
}
