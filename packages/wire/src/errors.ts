// Owns: the error table (spec §12), the few error classes, and the one place where a code number becomes a name and back.
// Must not know: when an error is raised; sessions, channels and frames raise, this file only describes.
import {
  CODE_ABORTED,
  CODE_CANCELLED,
  CODE_DEADLINE_EXCEEDED,
  CODE_HELLO_TIMEOUT,
  CODE_IDLE_TIMEOUT,
  CODE_INTERNAL_ERROR,
  CODE_INVALID_ARGUMENT,
  CODE_MESSAGE_TOO_LARGE,
  CODE_METADATA_TOO_LARGE,
  CODE_OK,
  CODE_PROTOCOL_ERROR,
  CODE_REF_GONE,
  CODE_REFUSED,
  CODE_RESOURCE_EXHAUSTED,
  CODE_UNAVAILABLE,
  CODE_UNIMPLEMENTED,
  CODE_UNKNOWN,
  CODE_UNSUPPORTED_CODEC,
} from './error-codes.js'

/** How far a call can have got: did it leave this side, did the other side's application see it (spec §12). */
export type Delivery = 'not-sent' | 'not-processed' | 'unknown' | 'processed'

/** On which side of the connection the error arose. */
export type Origin = 'local' | 'remote'

/** What an error ends: `none` (code OK), one channel, or the whole connection. */
export type ErrorScope = 'none' | 'channel' | 'connection'

export interface ErrorRow {
  /** The number on the wire. */
  readonly wireCode: number
  readonly scope: ErrorScope
  /** One sentence for a reader who meets the code for the first time. */
  readonly message: string
}

const row = (wireCode: number, message: string): ErrorRow =>
  Object.freeze({ wireCode, scope: scopeOf(wireCode), message })

function scopeOf(wireCode: number): ErrorScope {
  if (wireCode === CODE_OK) return 'none'
  return wireCode < CODE_PROTOCOL_ERROR ? 'channel' : 'connection'
}

/** The name of a row of the table. */
export type ErrorName =
  | 'OK'
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED'
  | 'REFUSED'
  | 'UNSUPPORTED_CODEC'
  | 'MESSAGE_TOO_LARGE'
  | 'METADATA_TOO_LARGE'
  | 'STALLED'
  | 'REF_GONE'
  | 'LOOP'
  | 'QUOTA'
  | 'PROTOCOL_ERROR'
  | 'VERSION'
  | 'FRAME_SIZE'
  | 'FLOW_CONTROL'
  | 'ENHANCE_CALM'
  | 'HELLO_TIMEOUT'
  | 'IDLE_TIMEOUT'
  | 'SELF_CONNECT'
  | 'DUPLICATE'
  | 'AUTH'
  | 'INTERNAL_ERROR'

/** Every code of version 1 by name. `spec/tables/errors.json` holds the same rows; a test keeps them equal. */
export const ERRORS: Readonly<Record<ErrorName, ErrorRow>> = Object.freeze({
  OK: row(CODE_OK, 'no error'),
  CANCELLED: row(CODE_CANCELLED, 'the caller gave up'),
  UNKNOWN: row(CODE_UNKNOWN, 'the handler failed with an error that has no code'),
  INVALID_ARGUMENT: row(CODE_INVALID_ARGUMENT, 'the input is wrong whatever the state of the system'),
  DEADLINE_EXCEEDED: row(CODE_DEADLINE_EXCEEDED, 'the time for the call ran out'),
  NOT_FOUND: row(5, 'the thing asked for does not exist'),
  ALREADY_EXISTS: row(6, 'the thing to be made exists already'),
  PERMISSION_DENIED: row(7, 'the asker is known and may not do this'),
  RESOURCE_EXHAUSTED: row(CODE_RESOURCE_EXHAUSTED, 'a quota, a queue or a memory limit is used up'),
  FAILED_PRECONDITION: row(9, 'the system is not in the state that this needs'),
  ABORTED: row(CODE_ABORTED, 'the work was given up because of a conflict or a stall'),
  OUT_OF_RANGE: row(11, 'the position asked for lies outside the valid range'),
  UNIMPLEMENTED: row(CODE_UNIMPLEMENTED, 'nothing answers to this name or feature'),
  INTERNAL: row(13, 'an invariant of the callee is broken'),
  UNAVAILABLE: row(CODE_UNAVAILABLE, 'no usable connection, or it was lost'),
  DATA_LOSS: row(15, 'data is lost or corrupted for good'),
  UNAUTHENTICATED: row(16, 'the asker is not known'),
  REFUSED: row(CODE_REFUSED, 'the open limit is used up; nothing was started'),
  UNSUPPORTED_CODEC: row(CODE_UNSUPPORTED_CODEC, 'the other side does not have this codec'),
  MESSAGE_TOO_LARGE: row(CODE_MESSAGE_TOO_LARGE, 'the message exceeds what its receiver announced'),
  METADATA_TOO_LARGE: row(CODE_METADATA_TOO_LARGE, 'the headers exceed what their receiver announced'),
  STALLED: row(36, 'the stream made no progress for too long'),
  REF_GONE: row(CODE_REF_GONE, 'the function or stream behind this reference is gone'),
  LOOP: row(38, 'the call passed through too many middlemen'),
  QUOTA: row(39, 'reserved: a paid or granted amount is used up'),
  PROTOCOL_ERROR: row(CODE_PROTOCOL_ERROR, 'a frame breaks the rules of layout, order or state'),
  VERSION: row(65, 'the other side speaks another version of the protocol'),
  FRAME_SIZE: row(66, 'a length is above its limit or wrong for its frame type'),
  FLOW_CONTROL: row(67, 'more was sent than was allowed, or a limit went back'),
  ENHANCE_CALM: row(68, 'too many frames that do no work'),
  HELLO_TIMEOUT: row(CODE_HELLO_TIMEOUT, 'no HELLO arrived in time'),
  IDLE_TIMEOUT: row(CODE_IDLE_TIMEOUT, 'nothing at all arrived for the declared idle time'),
  SELF_CONNECT: row(71, 'both ends of the connection are the same peer'),
  DUPLICATE: row(72, 'another connection to this peer is kept instead'),
  AUTH: row(73, 'the credentials were not accepted'),
  INTERNAL_ERROR: row(CODE_INTERNAL_ERROR, 'an invariant of the endpoint itself is broken'),
})

const NAMES_BY_CODE: ReadonlyMap<number, ErrorName> = new Map(
  (Object.keys(ERRORS) as ErrorName[]).map((name) => [ERRORS[name].wireCode, name]),
)

/** Application codes start here; the protocol never assigns one. */
export const FIRST_APPLICATION_CODE = 0x1_0000

/** The name of a wire code: the table's, or `CODE_<n>` for one that this version does not know. */
export function codeName(wireCode: number): string {
  return NAMES_BY_CODE.get(wireCode) ?? `CODE_${wireCode}`
}

/** The wire code of a name that `codeName` made; UNKNOWN for any other text. */
export function codeNumber(name: string): number {
  if (Object.hasOwn(ERRORS, name)) return ERRORS[name as ErrorName].wireCode
  const match = /^CODE_(\d{1,10})$/.exec(name)
  const number = match ? Number(match[1]) : Number.NaN
  return number <= 0xffff_ffff ? number : CODE_UNKNOWN
}

/** What was thrown, in words. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

export interface PeerplexErrorInit {
  /** What to do about it, one clause. */
  readonly hint?: string | undefined
  readonly delivery?: Delivery | undefined
  readonly retryable?: boolean | undefined
  readonly origin?: Origin | undefined
  /** Whatever the other side attached, decoded by the layer that knows the codec. */
  readonly details?: unknown
  /** Which remote: a peer id and, where known, its address. */
  readonly remote?: string | undefined
  /** How often the call was handed to a connection. */
  readonly attempts?: number | undefined
  readonly cause?: unknown
}

/**
 * Base of every error of this library. `code` is stable and is what a program tests; `message` says what was tried,
 * where, and what went wrong; `hint` says what to do; `delivery` says whether the call may have run (spec §12).
 */
export class PeerplexError extends Error {
  // Text, not the name of the class: a minifier changes that.
  override readonly name: string = 'PeerplexError'
  readonly code: string
  readonly hint: string
  readonly delivery: Delivery
  readonly retryable: boolean
  readonly origin: Origin
  readonly details: unknown
  readonly remote: string
  readonly attempts: number

  constructor(code: string, message: string, init: PeerplexErrorInit = {}) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause })
    this.code = code
    this.hint = init.hint ?? ''
    this.delivery = init.delivery ?? 'not-sent'
    this.retryable = init.retryable ?? false
    this.origin = init.origin ?? 'local'
    this.details = init.details
    this.remote = init.remote ?? ''
    this.attempts = init.attempts ?? 0
  }
}

/** The bytes on the connection break the protocol; the connection is over. `code` is the code of GOAWAY. */
export class ProtocolError extends PeerplexError {
  override readonly name: string = 'ProtocolError'

  constructor(code: string, message: string, init: PeerplexErrorInit = {}) {
    const hint =
      init.hint ?? 'the other side breaks the protocol: check which library it uses, and its version'
    super(code, message, { ...init, hint })
  }
}

/** The program called this library wrongly; nothing was sent. Fix the call. */
export class UsageError extends PeerplexError {
  override readonly name: string = 'UsageError'
}

/** The session or channel was closed, by either side or by loss of the connection. */
export class ClosedError extends PeerplexError {
  override readonly name: string = 'ClosedError'
}

/** A limit of this side or one announced by the other side does not allow this; nothing was sent. */
export class LimitError extends PeerplexError {
  override readonly name: string = 'LimitError'
}

/** The connection could not be made or broke below the protocol. */
export class TransportError extends PeerplexError {
  override readonly name: string = 'TransportError'
}

/** The other side's application answered with an error. */
export class CallError extends PeerplexError {
  override readonly name: string = 'CallError'
}
