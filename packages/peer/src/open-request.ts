// Owns: one channel that somebody wants opened: what to open, where it stands (waiting, on a connection, settled), and its
// attempts. Calls of the RPC layer and channels of the user are both built on it.
// Must not know: how a connection is chosen (pool.ts) or what the messages mean.

import {
  type ByteRange,
  CallError,
  type Channel,
  type ChannelSink,
  ClosedError,
  type Codec,
  codeNumber,
  type Delivery,
  ERRORS,
  type ErrorName,
  Headers,
  LimitError,
  type Outcome,
  PeerplexError,
} from '@peerplex/wire'
import {
  type BlockPool,
  blockBytes,
  byteRange,
  CODE_UNKNOWN,
  NO_BYTES,
  type OpenInfo,
  type Outbox,
  openInfo,
  reasonOf,
  setWhole,
  viewOf,
} from '@peerplex/wire/internal'
import type { Clock } from './clock.js'
import type { QueuePlace } from './open-queue.js'
import type { PeerConnection } from './peer-connection.js'
import type { RemotePeer } from './remote-peer.js'
import type { Avoidance, TargetGroup } from './route.js'

/** Which remote an open is for: a peer id, or a test. */
export type Target = string | ((remote: RemotePeer) => boolean)

export interface OpenSpec {
  readonly name: string
  /** Name of the codec; undefined: the first of ours that the other side has. */
  readonly codec: string | undefined
  readonly headers: Headers
  /** 0 for none. Runs while waiting, too. */
  readonly timeoutMs: number
  readonly isLast: boolean
  readonly isOneway: boolean
  readonly isIdempotent: boolean
  readonly windowBytes: number | undefined
  readonly windowMessages: number | undefined
  readonly to: Target | undefined
  /** Equal ones go to the same peer. */
  readonly routeKey: string | undefined
  readonly waitForReady: boolean
  /** Its sink has a first message, which `encodeFirst` gives. */
  readonly hasMessage: boolean
  /** What the wire makes of it; kept by `openAs`, since many requests have the same spec. */
  opened?: OpenInfo | undefined
}

/** What a request tells whoever made it. Channel callbacks come between `onAssigned` and `onClose`. */
export interface RequestSink extends ChannelSink {
  /** The first message, when the spec says there is one. Asked once per codec tried; throws PeerplexError for what cannot be encoded. */
  encodeFirst?(codec: Codec): Uint8Array
  /** A connection took it; `request.channel`, `remote` and `codec` are set. Again for each further attempt. */
  onAssigned?(request: OpenRequest): void
  /** It will never be on a connection: expired, queue full, peer closed. Called at most once, and then nothing else. */
  onFailed(error: PeerplexError, request: OpenRequest): void
  /** It was cancelled while no connection had it; nothing else is called then. For filters. */
  onCancelled?(code: number, request: OpenRequest): void
}

const NO_BLOCK = 0
const BLOCK_NOT_SENT = -1

/** `waiting` in the queue or for room in it, `assigned` to a connection, `settled` for good. */
export type RequestState = 'waiting' | 'assigned' | 'settled'

export class OpenRequest {
  /** Filters may replace both before it is submitted. */
  spec: OpenSpec
  sink: RequestSink
  state: RequestState = 'waiting'
  channel: Channel | null = null
  connection: PeerConnection | null = null
  codec: Codec | null = null
  /** Times it was handed to a connection whose transport may have taken it. */
  attempts = 0
  /** What became of the attempts before the one under way: that a later one never left does not undo an earlier one. */
  earlier: Delivery = 'not-sent'
  /** Where its name is looked up to, if it is. */
  group: TargetGroup | null = null
  /** Whom it does not go to again; null while that is nobody. */
  avoidance: Avoidance | null = null
  /** Bytes of further messages that its sink holds for it; they count in the queue as the first message does. */
  heldBytes = 0
  /** The queue's; null outside. */
  place: QueuePlace | null = null
  /** Later ones have greater numbers. */
  readonly sequence: number
  /** Null without a deadline: most have none, and a number that is no integer is an object of its own. */
  #expiresAtMs: number | null
  /** The first message: a part of these bytes; null while it is not encoded. */
  #bytes: Uint8Array | null = null
  #view: DataView | null = null
  #start = 0
  #end = 0
  /** Where the message ends in the stream, if it lies in a block of its own; else one of the two below. */
  #blockSentAt: number = NO_BLOCK

  /** `sink` null: it is its own. `clock` is read only when there is a deadline. */
  constructor(spec: OpenSpec, sink: RequestSink | null, clock: Clock, sequence: number) {
    this.sequence = sequence
    this.spec = spec
    this.sink = sink ?? (this as unknown as RequestSink)
    this.#expiresAtMs = spec.timeoutMs > 0 ? clock.now() + spec.timeoutMs : null
  }

  /** Whom it was assigned to. */
  get remote(): RemotePeer | null {
    return this.connection === null ? null : this.connection.remote
  }

  /** Monotonic; Infinity without a deadline. */
  get expiresAtMs(): number {
    return this.#expiresAtMs ?? Number.POSITIVE_INFINITY
  }

  set expiresAtMs(atMs: number) {
    this.#expiresAtMs = atMs
  }

  /** Whether others may go where it may not, or not where it may. */
  get isNarrow(): boolean {
    return this.spec.to !== undefined || this.group !== null || this.avoidance !== null
  }

  /** Bytes of the first message, as far as it is encoded, and of what its sink holds. */
  get messageBytes(): number {
    return this.#end - this.#start + this.heldBytes
  }

  /**
   * Encodes the first message, if there is one, with `codec`; anew only when that differs from the last one. Memory of the program is copied,
   * into a block of `blocks` if there is one.
   */
  encode(codec: Codec, blocks: BlockPool | null): void {
    if (this.spec.hasMessage && (this.#bytes === null || this.codec !== codec)) {
      this.encodeMessage(codec, encoded)
      this.#blockSentAt = encoded.isBorrowed ? BLOCK_NOT_SENT : NO_BLOCK
      if (encoded.isBorrowed) keepIn(blocks, encoded)
      this.#bytes = encoded.bytes
      this.#view = encoded.view
      this.#start = encoded.start
      this.#end = encoded.end
      encoded.bytes = NO_BYTES
    }
    this.codec = codec
  }

  /** The first message, to be read at once; null when there is none. */
  get message(): ByteRange | null {
    if (this.#bytes === null) return null
    encoded.bytes = this.#bytes
    encoded.view = this.#view
    encoded.start = this.#start
    encoded.end = this.#end
    encoded.isBorrowed = false
    return encoded
  }

  /** The message was given to `outbox`, by way of `channel`. */
  sent(channel: Channel, outbox: Outbox): void {
    if (this.#blockSentAt === NO_BLOCK) return
    // What is sent twice may be read by a connection that was given up; what waits, by nobody knows whom.
    const isSentAtOnce = this.attempts === 1 && channel.openAt >= 0 && channel.bufferedBytes === 0
    this.#blockSentAt = isSentAtOnce ? outbox.committedBytes : NO_BLOCK
  }

  /** Forgets the message: it was sent to `outbox` and will not be sent again. Its block is used again if nobody reads it any more. */
  releaseTo(outbox: Outbox): void {
    const isReturned = this.#blockSentAt > 0 && outbox.returnedBytes >= this.#blockSentAt
    if (isReturned && this.#bytes !== null) outbox.blocks?.give(this.#bytes)
    this.release()
  }

  /** Forgets the message: it will not be sent again. */
  release(): void {
    this.#blockSentAt = NO_BLOCK
    this.heldBytes = 0
    this.#bytes = null
    this.#view = null
    this.#start = 0
    this.#end = 0
  }

  /** Sets `out` to the first message; what a request that is its own sink does by itself. */
  protected encodeMessage(codec: Codec, out: ByteRange): void {
    setWhole(out, this.sink.encodeFirst?.(codec) ?? NO_BYTES)
  }
}

/** Copies what is borrowed, so that it can be sent again. */
function keepIn(blocks: BlockPool | null, range: ByteRange): void {
  const length = range.end - range.start
  const block = blocks?.take(length) ?? new Uint8Array(blocks === null ? length : blockBytes(length))
  block.set(viewOf(range))
  setWhole(range, block)
  range.end = length
}

/** Between a codec and a request, and between a request and a session. */
const encoded = byteRange()

/** What the wire is to open: `timeoutMs` is what is left, 0 for no deadline. */
export function openAs(spec: OpenSpec, attempts: number, codec: number, timeoutMs: number): OpenInfo {
  const known = spec.opened
  if (known !== undefined && known.codec === codec && known.timeoutMs === timeoutMs && attempts === 1) {
    return known
  }
  const { name, windowBytes, windowMessages, isLast, isOneway, isIdempotent } = spec
  // A repetition says how many attempts came before it (spec SEM-009).
  const headers =
    attempts === 1 ? spec.headers : Headers.from([...spec.headers.rawEntries(), ['attempt', attempts - 1]])
  const opened = openInfo(name, {
    codec,
    headers,
    timeoutMs,
    windowBytes,
    windowMessages,
    isLast,
    isOneway,
    isIdempotent,
  })
  if (attempts === 1) spec.opened = opened
  return opened
}

/** Whether the other side said how it ended, rather than that nothing more was heard of it. */
export function isAnswered(outcome: Outcome): boolean {
  return outcome.code === 0 || outcome.origin === 'remote'
}

/** What an error says about the channel that it ended; an OpenRequest is one. */
export interface OutcomePlace {
  readonly spec: { readonly name: string }
  readonly remote: RemotePeer | null
  readonly codec: Codec | null
  readonly attempts: number
  readonly earlier: Delivery
}

/** From what surely did not run to what surely did. */
const DELIVERIES: readonly Delivery[] = ['not-sent', 'not-processed', 'unknown', 'processed']

/** What is known of several attempts together. */
export function overall(a: Delivery, b: Delivery): Delivery {
  return DELIVERIES.indexOf(a) >= DELIVERIES.indexOf(b) ? a : b
}

/** Refusals that the other peer's machinery reports, not its application: where it happened is half the message. */
const REFUSALS: ReadonlySet<string> = new Set(['UNIMPLEMENTED', 'UNSUPPORTED_CODEC'])

/** What happened to a call or channel, as an error for the program: what was tried, where, and what to do. */
export function outcomeError(outcome: Outcome, place: OutcomePlace, hint = ''): PeerplexError {
  const isRemote = outcome.origin === 'remote'
  const remoteHint = isRemote ? (outcome.headers.get('hint') ?? '') : ''
  const delivery = overall(outcome.delivery, place.earlier)
  const canRepeat = delivery === 'not-sent' || delivery === 'not-processed'
  // What the application over there says stands for itself.
  const isAnswer = isRemote && outcome.message !== ''
  const Kind = isAnswer ? CallError : ClosedError
  return new Kind(
    codeOf(outcome),
    isAnswer ? answerText(outcome, place, remoteHint) : localText(outcome, place),
    {
      hint: hint || remoteHint || hintFor(outcome, delivery),
      delivery,
      retryable: canRepeat || outcome.headers.has('retry-after-ms'),
      origin: outcome.origin,
      details: decodeDetails(outcome.details, place.codec),
      remote: place.remote?.id,
      attempts: place.attempts,
    },
  )
}

/** Whether a code is a name that an application chose, rather than one of the table or a number. */
export function isApplicationCode(code: string): boolean {
  return code !== '' && !Object.hasOwn(ERRORS, code) && codeNumber(code) === CODE_UNKNOWN
}

/** An application's own name counts where the table has none. */
function codeOf(outcome: Outcome): string {
  const name = outcome.code === CODE_UNKNOWN ? (outcome.headers.get('error-type') ?? '') : ''
  return isApplicationCode(name) ? name : outcome.name
}

function meaningOf(name: string): string {
  return Object.hasOwn(ERRORS, name) ? ERRORS[name as ErrorName].message : `ended with ${name}`
}

function localText(outcome: Outcome, { spec, remote }: OutcomePlace): string {
  const where = remote === null ? '' : ` at peer ${remote.describe()}`
  return `'${spec.name}'${where}: ${outcome.message === '' ? meaningOf(outcome.name) : outcome.message}`
}

function answerText(outcome: Outcome, { remote }: OutcomePlace, hint: string): string {
  const isRefusal = outcome.delivery === 'not-processed' && REFUSALS.has(outcome.name)
  if (!isRefusal || remote === null) return outcome.message
  return `${outcome.message} at peer ${remote.describe()}${hint === '' ? '' : `; ${hint}`}`
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

function hintFor(outcome: Outcome, delivery: Delivery): string {
  if (outcome.name === 'UNIMPLEMENTED') return 'check the name, and what that peer handles'
  switch (delivery) {
    case 'not-sent':
      return 'nothing was sent: it is safe to try again'
    case 'not-processed':
      return 'the other side did not start it: it is safe to try again'
    case 'unknown':
      return 'it may have run: try again only if running it twice does no harm'
    default:
      // What the application over there answered needs no explanation of ours.
      return outcome.origin === 'remote' && outcome.message !== ''
        ? ''
        : 'it ran, maybe not to its end: try again only if running it twice does no harm'
  }
}

/** A failure while no connection has it. What earlier attempts may have done stays said. */
export function notSentError(
  code: string,
  request: OpenRequest,
  reason: string,
  hint: string,
  cause?: unknown,
): PeerplexError {
  const Kind = code === 'RESOURCE_EXHAUSTED' ? LimitError : ClosedError
  const isOpen = request.earlier === 'unknown'
  return new Kind(code, `'${request.spec.name}': ${reason}`, {
    hint: isOpen ? `${hint}; an earlier attempt may have run` : hint,
    delivery: request.earlier,
    retryable: !isOpen && code !== 'DEADLINE_EXCEEDED' && code !== 'CANCELLED',
    attempts: request.attempts,
    cause,
  })
}

/** There is no peer any more for it to go out from. */
export function closedError(request: OpenRequest): PeerplexError {
  return notSentError('UNAVAILABLE', request, 'this peer is closed', 'create a new peer')
}

/** It does not wait. `isFull`: there are connections for it, without room; else `cause`: why there is none. */
export function unreadyError(
  request: OpenRequest,
  isFull: boolean,
  cause: PeerplexError | null,
): PeerplexError {
  const what = isFull ? 'the other side takes no more calls at a time' : 'no connection is ready'
  const reason = cause === null ? what : `${what}: ${cause.message}`
  const hint = `leave waitForReady on to wait for ${isFull ? 'room' : 'a connection'}`
  return notSentError('UNAVAILABLE', request, reason, hint, cause)
}

/** The time of one that waits is over: that of its deadline, or the `waitMs` of the queue. `cause`: why there is no connection. */
export function expiryError(
  request: OpenRequest,
  nowMs: number,
  waitMs: number,
  cause: PeerplexError | null,
): PeerplexError {
  const why = cause === null ? '' : `; the last attempt to connect: ${cause.message}`
  if (request.expiresAtMs <= nowMs) {
    const reason = `no connection within ${request.spec.timeoutMs} ms${why}`
    return notSentError('DEADLINE_EXCEEDED', request, reason, 'raise timeoutMs, or check the address', cause)
  }
  const reason = `no connection within ${waitMs} ms${why}`
  return notSentError('UNAVAILABLE', request, reason, 'raise queue.waitMs, or check the address', cause)
}

/** Whatever was thrown, as an error of this library. */
export function asPeerplexError(error: unknown): PeerplexError {
  if (error instanceof PeerplexError) return error
  const message = reasonOf(error)
  return new PeerplexError('UNKNOWN', message, { cause: error })
}
