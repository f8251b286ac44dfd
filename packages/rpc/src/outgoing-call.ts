// Owns: what all calls of this side have in common: asking for a connection, sending a streamed input, being repeated where
// that does no harm, being given up, and coming to an end exactly once.
// Must not know: what an answer is; handlers; how connections are chosen.

import {
  encodeTo,
  isAnswered,
  NO_OPTIONS,
  OpenRequest,
  type OpenSpec,
  outcomeError,
  type RequestSink,
} from '@peerplex/peer/internal'
import {
  type ByteRange,
  type Channel,
  ClosedError,
  type Codec,
  type Headers,
  type Outcome,
  type PeerplexError,
} from '@peerplex/wire'
import { CODE_CANCELLED } from '@peerplex/wire/internal'
import type { CallHost } from './call-host.js'
import { type CallOptions, callSpec, isAsyncIterable } from './call-options.js'
import { Pump, type PumpEnd } from './pump.js'

/** What a repetition may cost in memory (spec §25, retry input buffer). */
const KEEP_INPUT_BYTES = 262_144

/** What the option `to` throws ends the call that it belongs to. */
class TargetErrors {
  call: OutgoingCall | null = null

  /** Not from within the search of a connection, on which other calls wait too. */
  tell(error: unknown): void {
    queueMicrotask(() => this.call?.giveUp(error))
  }
}

/** Apart from the constructor, where the closure would cost every call. */
function specOf(
  host: CallHost,
  name: string,
  options: CallOptions,
  isOneway: boolean,
  isStream: boolean,
  target: TargetErrors,
): OpenSpec {
  return callSpec(host, name, options, {
    what: 'the call of',
    isOneway,
    hasMessage: !isStream,
    windowBytes: undefined,
    windowMessages: undefined,
    onTargetError: (error) => target.tell(error),
  })
}

/** A call is the request for its channel and that request's sink: one object instead of two (bench `c256`: see docs/performance.md). */
export abstract class OutgoingCall extends OpenRequest implements RequestSink {
  protected readonly host: CallHost
  readonly #options: CallOptions
  #input: unknown
  #pump: Pump | null = null
  #isOver = false
  #hasHeaders = false
  /** All of the input was given to a channel: another one gets its end at once. */
  #isInputDone = false
  #onAbort: (() => void) | null = null

  /** Throws UsageError, LimitError for what can never be sent. `start` begins it. */
  constructor(host: CallHost, name: string, input: unknown, options: CallOptions, isOneway: boolean) {
    // A one-way is one message: what streams is for calls.
    const isStream = !isOneway && isAsyncIterable(input)
    const isPlain = options === NO_OPTIONS && !isStream && !isOneway
    const target = isPlain ? null : new TargetErrors()
    const spec =
      target === null ? host.specs.get(name) : specOf(host, name, options, isOneway, isStream, target)
    super(spec, null, host.channels.clock, host.channels.nextSequence())
    if (target !== null) target.call = this
    this.host = host
    this.#options = options
    this.#input = input
  }

  /** Begins; the last thing that a constructor does. */
  protected start(): void {
    const { signal } = this.#options
    if (signal !== undefined && !this.#listen(signal)) return
    if (!this.spec.hasMessage) this.#makePump()
    this.host.channels.enter(this)
  }

  /** False when it was aborted before, and is over. */
  #listen(signal: AbortSignal): boolean {
    if (signal.aborted) {
      this.state = 'settled'
      this.fail(signal.reason)
      return false
    }
    this.#onAbort = () => this.giveUp(signal.reason)
    signal.addEventListener('abort', this.#onAbort)
    return true
  }

  #makePump(): void {
    const onEnd = (end: PumpEnd, error: unknown): void => this.#onInputEnd(end, error)
    this.#pump = new Pump(this.#input as AsyncIterable<unknown>, { onEnd, keepBytes: KEEP_INPUT_BYTES })
  }

  // ---- for the kinds of calls ---------------------------------------------------------------------------------------

  /** It ended well; told once, unless `failed` or `end` came before. */
  protected abstract completed(): void

  /** It failed; told once, unless `completed` or `end` came before. */
  protected abstract failed(error: unknown): void

  /** Nothing more is told to the program. False when that was so before. */
  protected end(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    if (this.#onAbort !== null) this.#options.signal?.removeEventListener('abort', this.#onAbort)
    return true
  }

  protected complete(): void {
    if (this.end()) this.completed()
  }

  protected fail(error: unknown): void {
    if (this.end()) this.failed(error)
  }

  /** Fails it here and ends it over there. */
  giveUp(error: unknown, code: number = CODE_CANCELLED): void {
    this.fail(error)
    this.stopInput()
    this.host.channels.cancel(this, code)
  }

  protected stopInput(): void {
    this.#pump?.stop()
  }

  /** Something of the answer is there: what was sent will not be sent again. */
  protected tellHeaders(headers: Headers): void {
    this.#pump?.forget()
    if (this.#hasHeaders || this.#isOver) return
    this.#hasHeaders = true
    this.#tell(this.#options.onHeaders, headers)
  }

  protected tellTrailers(trailers: Headers): void {
    this.#pump?.forget()
    if (!this.#isOver) this.#tell(this.#options.onTrailers, trailers)
  }

  // ---- from the peer ------------------------------------------------------------------------------------------------

  abstract onMessage(payload: Uint8Array, headers: Headers, channel: Channel): void

  /** The input as one message. */
  protected override encodeMessage(codec: Codec, out: ByteRange): void {
    encodeTo(codec, this.#input, out)
    // That runs code of the program, which may have aborted: then nothing is to leave. The reason is told already.
    if (this.#isOver) throw new ClosedError('CANCELLED', `'${this.spec.name}' was given up`)
  }

  onAssigned(): void {
    const { channel, codec } = this
    if (this.#pump === null || channel === null || codec === null) return
    try {
      this.#pump.attach(channel, codec)
      if (this.#isInputDone) channel.end()
    } catch (error) {
      this.giveUp(error)
    }
  }

  onFailed(error: PeerplexError): void {
    this.fail(error)
    this.stopInput()
  }

  onHeaders(headers: Headers): void {
    this.tellHeaders(headers)
  }

  onWritable(): void {
    this.#pump?.onWritable()
  }

  onStop(): void {
    this.stopInput()
  }

  onFailing(): void {
    this.stopInput()
  }

  onClose(outcome: Outcome): void {
    if (!this.#isOver && this.#isRepeated(outcome)) return
    this.stopInput()
    this.host.channels.settle(this, isAnswered(outcome))
    if (outcome.code === 0) this.complete()
    else if (!this.#isOver) this.fail(outcomeError(outcome, this))
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  #isRepeated(outcome: Outcome): boolean {
    if (outcome.code === 0 || this.#pump?.canRepeat === false) return false
    // Before the peer takes it back: it may find another channel for it at once.
    this.#pump?.detach()
    return this.host.channels.retry(this, outcome)
  }

  #onInputEnd(end: PumpEnd, error: unknown): void {
    if (end === 'done') {
      this.#isInputDone = true
      this.channel?.end()
    } else if (end === 'failed') this.giveUp(error)
    else if (end === 'unclean') {
      this.host.reportError(error, this.spec.name, this.remote?.id ?? '')
    }
  }

  #tell(callback: ((headers: Headers) => void) | undefined, headers: Headers): void {
    if (callback === undefined) return
    try {
      callback(headers)
    } catch (error) {
      this.giveUp(error)
    }
  }
}
