// Owns: what all calls of this side have in common: asking for a connection, sending a streamed input, being repeated where
// that does no harm, being given up, and coming to an end exactly once.
// Must not know: what an answer is; handlers; how connections are chosen.

import { type OpenRequest, outcomeError, type RequestSink } from '@peerplex/peer/internal'
import {
  type Channel,
  ClosedError,
  type Codec,
  type Headers,
  type Outcome,
  type PeerplexError,
} from '@peerplex/wire'
import { CODE_CANCELLED } from '@peerplex/wire/internal'
import type { CallHost } from './call-host.js'
import { type CallOptions, callSpec, isAsyncIterable, NO_OPTIONS } from './call-options.js'
import { Pump, type PumpEnd } from './pump.js'

/** What a repetition may cost in memory (spec §25, retry input buffer). */
const KEEP_INPUT_BYTES = 262_144

export abstract class OutgoingCall implements RequestSink {
  protected readonly host: CallHost
  /** Null until it is submitted. */
  protected request: OpenRequest | null = null
  readonly #name: string
  readonly #options: CallOptions
  #input: unknown = undefined
  #pump: Pump | null = null
  #isOver = false
  #hasHeaders = false
  /** All of the input was given to a channel: another one gets its end at once. */
  #isInputDone = false
  #onAbort: (() => void) | null = null

  constructor(host: CallHost, name: string, options: CallOptions) {
    this.host = host
    this.#name = name
    this.#options = options
  }

  /** Begins; the last thing that a constructor does. Throws UsageError, LimitError for what can never be sent. */
  protected start(input: unknown, isOneway: boolean): void {
    // A one-way is one message: what streams is for calls.
    const isStream = !isOneway && isAsyncIterable(input)
    this.#input = input
    const isPlain = this.#options === NO_OPTIONS && !isStream && !isOneway
    const spec = isPlain
      ? this.host.specs.get(this.host, this.#name)
      : callSpec(this.host, this.#name, this.#options, {
          what: 'the call of',
          isOneway,
          hasMessage: !isStream,
          windowBytes: undefined,
          windowMessages: undefined,
          // Not from within the search of a connection, on which other calls wait too.
          onTargetError: (error) => queueMicrotask(() => this.giveUp(error)),
        })
    const { signal } = this.#options
    if (signal?.aborted === true) {
      this.fail(signal.reason)
      return
    }
    if (isStream) {
      const onEnd = (end: PumpEnd, error: unknown): void => this.#onInputEnd(end, error)
      this.#pump = new Pump(input, { onEnd, keepBytes: KEEP_INPUT_BYTES })
    }
    if (signal !== undefined) {
      this.#onAbort = () => this.giveUp(signal.reason)
      signal.addEventListener('abort', this.#onAbort)
    }
    this.request = this.host.channels.submit(spec, this)
    // A one-way may be gone already.
    if (this.#isOver) this.host.channels.cancel(this.request)
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
  protected giveUp(error: unknown, code: number = CODE_CANCELLED): void {
    this.fail(error)
    this.stopInput()
    if (this.request !== null) this.host.channels.cancel(this.request, code)
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
  encodeFirst(codec: Codec): Uint8Array {
    const payload = codec.encode(this.#input)
    // That runs code of the program, which may have aborted: then nothing is to leave. The reason is told already.
    if (this.#isOver) throw new ClosedError('CANCELLED', `'${this.#name}' was given up`)
    return payload
  }

  onAssigned(request: OpenRequest): void {
    this.request = request
    const { channel, codec } = request
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
    const { request } = this
    // A one-way may be gone before its opening returns.
    if (request === null) {
      this.complete()
      return
    }
    if (!this.#isOver && this.#isRepeated(request, outcome)) return
    this.stopInput()
    this.host.channels.settle(request)
    if (outcome.code === 0) this.complete()
    else if (!this.#isOver) this.fail(outcomeError(outcome, request))
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  #isRepeated(request: OpenRequest, outcome: Outcome): boolean {
    if (outcome.code === 0 || this.#pump?.canRepeat === false) return false
    // Before the peer takes it back: it may find another channel for it at once.
    this.#pump?.detach()
    return this.host.channels.retry(request, outcome)
  }

  #onInputEnd(end: PumpEnd, error: unknown): void {
    if (end === 'done') {
      this.#isInputDone = true
      this.request?.channel?.end()
    } else if (end === 'failed') this.giveUp(error)
    else if (end === 'unclean') {
      this.host.reportError(error, this.#name, this.request?.remote?.id ?? '')
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
