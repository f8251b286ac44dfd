// Owns: the error table (spec §12), the few error classes, and the one place where a code number becomes a name and back.
// Must not know: when an error is raised; sessions, channels and frames raise, this file only describes.

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

const row = (wireCode: number, scope: ErrorScope, message: string): ErrorRow =>
  Object.freeze({ wireCode, scope, message })

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
  OK: row(0, 'none', 'no error'),
  CANCELLED: row(1, 'channel', 'the caller gave up'),
  UNKNOWN: row(2, 'channel', 'the handler failed with an error that has no code'),
  INVALID_ARGUMENT: row(3, 'channel', 'the input is wrong whatever the state of the system'),
  DEADLINE_EXCEEDED: row(4, 'channel', 'the time for the call ran out'),
  NOT_FOUND: row(5, 'channel', 'the thing asked for does not exist'),
  ALREADY_EXISTS: row(6, 'channel', 'the thing to be made exists already'),
  PERMISSION_DENIED: row(7, 'channel', 'the asker is known and may not do this'),
  RESOURCE_EXHAUSTED: row(8, 'channel', 'a quota, a queue or a memory limit is used up'),
  FAILED_PRECONDITION: row(9, 'channel', 'the system is not in the state that this needs'),
  ABORTED: row(10, 'channel', 'the work was given up because of a conflict or a stall'),
  OUT_OF_RANGE: row(11, 'channel', 'the position asked for lies outside the valid range'),
  UNIMPLEMENTED: row(12, 'channel', 'nothing answers to this name or feature'),
  INTERNAL: row(13, 'channel', 'an invariant of the callee is broken'),
  UNAVAILABLE: row(14, 'channel', 'no usable connection, or it was lost'),
  DATA_LOSS: row(15, 'channel', 'data is lost or corrupted for good'),
  UNAUTHENTICATED: row(16, 'channel', 'the asker is not known'),
  REFUSED: row(32, 'channel', 'the open limit is used up; nothing was started'),
  UNSUPPORTED_CODEC: row(33, 'channel', 'the other side does not have this codec'),
  MESSAGE_TOO_LARGE: row(34, 'channel', 'the message exceeds what its receiver announced'),
  METADATA_TOO_LARGE: row(35, 'channel', 'the headers exceed what their receiver announced'),
  STALLED: row(36, 'channel', 'the stream made no progress for too long'),
  REF_GONE: row(37, 'channel', 'the function or stream behind this reference is gone'),
  LOOP: row(38, 'channel', 'the call passed through too many middlemen'),
  QUOTA: row(39, 'channel', 'reserved: a paid or granted amount is used up'),
  PROTOCOL_ERROR: row(64, 'connection', 'a frame breaks the rules of layout, order or state'),
  VERSION: row(65, 'connection', 'the other side speaks another version of the protocol'),
  FRAME_SIZE: row(66, 'connection', 'a length is above its limit or wrong for its frame type'),
  FLOW_CONTROL: row(67, 'connection', 'more was sent than was allowed, or a limit went back'),
  ENHANCE_CALM: row(68, 'connection', 'too many frames that do no work'),
  HELLO_TIMEOUT: row(69, 'connection', 'no HELLO arrived in time'),
  IDLE_TIMEOUT: row(70, 'connection', 'nothing at all arrived for the declared idle time'),
  SELF_CONNECT: row(71, 'connection', 'both ends of the connection are the same peer'),
  DUPLICATE: row(72, 'connection', 'another connection to this peer is kept instead'),
  AUTH: row(73, 'connection', 'the credentials were not accepted'),
  INTERNAL_ERROR: row(74, 'connection', 'an invariant of the endpoint itself is broken'),
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
  return number <= 0xffff_ffff ? number : ERRORS.UNKNOWN.wireCode
}

/** Throws UsageError unless `code` is a wire code from `min` on. */
export function assertCode(verb: string, code: number, min: 0 | 1): void {
  if (Number.isInteger(code) && code >= min && code <= 0xffff_ffff) return
  throw new UsageError('INVALID_ARGUMENT', `${verb} with code ${code}`, {
    hint: `give a code from ${min} to 4294967295`,
  })
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
    this.name = new.target.name
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
  constructor(code: string, message: string, init: PeerplexErrorInit = {}) {
    const hint =
      init.hint ?? 'the other side breaks the protocol: check which library it uses, and its version'
    super(code, message, { ...init, hint })
  }
}

/** The program called this library wrongly; nothing was sent. Fix the call. */
export class UsageError extends PeerplexError {}

/** The session or channel was closed, by either side or by loss of the connection. */
export class ClosedError extends PeerplexError {}

/** A limit of this side or one announced by the other side does not allow this; nothing was sent. */
export class LimitError extends PeerplexError {}

/** The connection could not be made or broke below the protocol. */
export class TransportError extends PeerplexError {}

/** The other side's application answered with an error. */
export class CallError extends PeerplexError {}
