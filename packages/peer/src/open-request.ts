// Owns: one channel that somebody wants opened: what to open, where it stands (waiting, on a connection, settled), and its
// attempts. Calls of the RPC layer and channels of the user are both built on it.
// Must not know: how a connection is chosen (pool.ts) or what the messages mean.
import {
  type Channel,
  type ChannelSink,
  ClosedError,
  type Codec,
  type Headers,
  LimitError,
  type Outcome,
  PeerplexError,
} from '@peerplex/wire'
import type { PeerConnection } from './peer-connection.js'
import type { RemotePeer } from './remote-peer.js'

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
  readonly waitForReady: boolean
  /** The first message; undefined for none. Asked once per codec tried; throws PeerplexError for what cannot be encoded. */
  readonly encodeFirst: ((codec: Codec) => Uint8Array) | undefined
}

/** What a request tells whoever made it. Channel callbacks come between `onAssigned` and `onClose`. */
export interface RequestSink extends ChannelSink {
  /** A connection took it; `request.channel`, `remote` and `codec` are set. Again for each further attempt. */
  onAssigned?(request: OpenRequest): void
  /** It will never be on a connection: expired, queue full, peer closed. Called at most once, and then nothing else. */
  onFailed(error: PeerplexError, request: OpenRequest): void
}

/** `waiting` in the queue or for room in it, `assigned` to a connection, `settled` for good. */
export type RequestState = 'waiting' | 'assigned' | 'settled'

const NO_BYTES = new Uint8Array(0)

export class OpenRequest {
  readonly spec: OpenSpec
  readonly sink: RequestSink
  state: RequestState = 'waiting'
  channel: Channel | null = null
  connection: PeerConnection | null = null
  remote: RemotePeer | null = null
  codec: Codec | null = null
  /** Times it was handed to a connection whose transport may have taken it. */
  attempts = 0
  /** Monotonic; Infinity without a deadline. */
  readonly expiresAtMs: number

  // ---- the queue's -------------------------------------------------------------------------------------------------
  previous: OpenRequest | null = null
  next: OpenRequest | null = null
  isQueued = false
  /** The earlier of its deadline and the end of its waiting time. */
  deadlineMs: number = Number.POSITIVE_INFINITY
  heapIndex = -1

  #message: Uint8Array = NO_BYTES
  #encodedWith: Codec | null = null

  /** Later ones have greater numbers. */
  readonly sequence: number

  constructor(spec: OpenSpec, sink: RequestSink, nowMs: number, sequence: number) {
    this.sequence = sequence
    this.spec = spec
    this.sink = sink
    this.expiresAtMs = spec.timeoutMs > 0 ? nowMs + spec.timeoutMs : Number.POSITIVE_INFINITY
  }

  /** Bytes of the first message, as far as it is encoded. */
  get messageBytes(): number {
    return this.#message.length
  }

  /** The first message in `codec`; encoded anew only when the codec differs from the last one. */
  message(codec: Codec): Uint8Array | undefined {
    if (this.spec.encodeFirst === undefined) return undefined
    if (this.#encodedWith !== codec) {
      this.#message = this.spec.encodeFirst(codec)
      this.#encodedWith = codec
    }
    return this.#message
  }

  /** Forgets the message: it will not be sent again. */
  release(): void {
    this.#message = NO_BYTES
    this.#encodedWith = null
  }
}

/** What happened to a call, as an error for its caller: what was tried, where, and what to do. */
export function outcomeError(outcome: Outcome, request: OpenRequest, hint = ''): PeerplexError {
  const where = request.remote === null ? '' : ` at peer ${request.remote.describe()}`
  const text = outcome.message === '' ? `ended with ${outcome.name}` : outcome.message
  return new ClosedError(outcome.name, `'${request.spec.name}'${where}: ${text}`, {
    hint: hint === '' ? hintFor(outcome) : hint,
    delivery: outcome.delivery,
    retryable: outcome.delivery === 'not-sent' || outcome.delivery === 'not-processed',
    origin: outcome.origin,
    remote: request.remote?.id,
    attempts: request.attempts,
  })
}

function hintFor(outcome: Outcome): string {
  switch (outcome.delivery) {
    case 'not-sent':
      return 'nothing was sent: it is safe to try again'
    case 'not-processed':
      return 'the other side did not start it: it is safe to try again'
    case 'unknown':
      return 'it may have run: try again only if running it twice does no harm'
    default:
      return ''
  }
}

/** A failure before any connection had it. */
export function notSentError(
  code: string,
  request: OpenRequest,
  reason: string,
  hint: string,
  cause?: unknown,
): PeerplexError {
  const Kind = code === 'RESOURCE_EXHAUSTED' ? LimitError : ClosedError
  return new Kind(code, `'${request.spec.name}': ${reason}`, {
    hint,
    delivery: 'not-sent',
    retryable: code !== 'DEADLINE_EXCEEDED' && code !== 'CANCELLED',
    attempts: request.attempts,
    cause,
  })
}

/** Whatever was thrown, as an error of this library. */
export function asPeerplexError(error: unknown): PeerplexError {
  if (error instanceof PeerplexError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new PeerplexError('UNKNOWN', message, { cause: error })
}
