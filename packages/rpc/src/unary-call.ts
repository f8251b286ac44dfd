// Owns: one call that gets one answer: from its opening to the promise that tells how it went.
// Must not know: handlers, how connections are chosen.
import type { ChannelPeer } from '@peerplex/peer'
import type { OpenRequest, RequestSink } from '@peerplex/peer/internal'
import { type Channel, ERRORS, type Headers, type Outcome, type PeerplexError } from '@peerplex/wire'
import { callError, moreThanOne, undecodable } from './call-errors.js'
import { type CallOptions, isAsyncIterable, openSpec } from './call-options.js'
import { Pump, type PumpEnd } from './input-pump.js'

/** Calls `name` and resolves with its answer. One promise per call, made by the caller of this. */
export function startCall(
  peer: ChannelPeer,
  name: string,
  input: unknown,
  options: CallOptions,
  resolve: (value: unknown) => void,
  reject: (error: unknown) => void,
): void {
  new UnaryCall(peer, name, input, options, resolve, reject)
}

class UnaryCall implements RequestSink {
  readonly #peer: ChannelPeer
  readonly #options: CallOptions
  readonly #resolve: (value: unknown) => void
  readonly #reject: (error: unknown) => void
  readonly #stream: AsyncIterable<unknown> | null
  #request: OpenRequest | null = null
  #pump: Pump | null = null
  #hasAnswer = false
  #answer: unknown = undefined
  #isSettled = false
  #hasHeaders = false

  constructor(
    peer: ChannelPeer,
    name: string,
    input: unknown,
    options: CallOptions,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.#peer = peer
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
    this.#stream = isAsyncIterable(input) ? input : null
    const { signal } = options
    if (signal?.aborted === true) {
      this.#isSettled = true
      reject(signal.reason)
      return
    }
    const isStream = this.#stream !== null
    const spec = openSpec(peer, name, options, {
      isLast: !isStream,
      isOneway: false,
      encodeFirst: isStream ? undefined : (codec) => codec.encode(input),
    })
    signal?.addEventListener('abort', this.#onAbort)
    this.#request = peer.submit(spec, this)
  }

  // ---- from the peer ------------------------------------------------------------------------------------------------

  onAssigned(request: OpenRequest): void {
    this.#request = request
    if (this.#stream === null || request.channel === null || request.codec === null) return
    // An iterable can be read only once: a second attempt is not made, see `onClose`.
    const end = (result: PumpEnd): void => this.#onInputEnd(result)
    this.#pump ??= new Pump(this.#stream, request.channel, request.codec, () => undefined, end)
  }

  onFailed(error: PeerplexError): void {
    this.#fail(error)
  }

  onHeaders(headers: Headers): void {
    if (this.#hasHeaders) return
    this.#hasHeaders = true
    this.#options.onHeaders?.(headers)
  }

  onMessage(payload: Uint8Array, headers: Headers, channel: Channel): void {
    const request = this.#request as OpenRequest
    if (this.#hasAnswer) {
      this.#fail(moreThanOne(request, headers))
      channel.reset()
      return
    }
    this.#hasAnswer = true
    this.onHeaders(headers)
    try {
      this.#answer = request.codec?.decode(payload)
    } catch (error) {
      this.#fail(undecodable(error, request))
      channel.reset(ERRORS.INVALID_ARGUMENT.wireCode)
    }
  }

  onEnd(trailers: Headers): void {
    this.#options.onTrailers?.(trailers)
    this.#succeed()
  }

  onWritable(): void {
    this.#pump?.onWritable()
  }

  onStop(): void {
    this.#pump?.stop()
  }

  onClose(outcome: Outcome): void {
    const request = this.#request as OpenRequest
    if (!this.#isSettled) {
      if (outcome.code === 0) this.#succeed()
      else if (this.#pump === null && this.#peer.retry(request, outcome)) return
      else this.#fail(callError(outcome, request))
    }
    this.#pump?.stop()
    this.#peer.settle(request)
  }

  // ---- the end ------------------------------------------------------------------------------------------------------

  #onInputEnd(end: PumpEnd): void {
    const channel = this.#request?.channel
    if (end.kind === 'failed') {
      this.#fail(end.error)
      channel?.reset()
    } else channel?.end()
  }

  readonly #onAbort = (): void => {
    if (this.#isSettled) return
    this.#fail(this.#options.signal?.reason)
    if (this.#request !== null) this.#peer.cancel(this.#request)
    this.#pump?.stop()
  }

  #succeed(): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#resolve(this.#answer)
  }

  #fail(error: unknown): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#reject(error)
  }
}

/** One-way: resolves when it is handed to the transport, rejects when it is certain that it will not be. */
export function startNotify(
  peer: ChannelPeer,
  name: string,
  input: unknown,
  options: CallOptions,
  resolve: () => void,
  reject: (error: unknown) => void,
): void {
  const { signal } = options
  if (signal?.aborted === true) {
    reject(signal.reason)
    return
  }
  const spec = openSpec(peer, name, options, {
    isLast: true,
    isOneway: true,
    encodeFirst: (codec) => codec.encode(input),
  })
  let request: OpenRequest | null = null
  const onAbort = (): void => {
    reject(signal?.reason)
    if (request !== null) peer.cancel(request)
  }
  const finish = (act: () => void): void => {
    signal?.removeEventListener('abort', onAbort)
    act()
  }
  const sink: RequestSink = {
    onMessage: () => {},
    onFailed: (error) => finish(() => reject(error)),
    onClose: (outcome) => {
      // Sent is all that a one-way can be; whatever comes after that is nobody's business.
      if (outcome.code === 0 || outcome.delivery !== 'not-sent') finish(resolve)
      else if (request !== null && !peer.retry(request, outcome)) {
        const error = callError(outcome, request)
        finish(() => reject(error))
      }
    },
  }
  signal?.addEventListener('abort', onAbort)
  request = peer.submit(spec, sink)
}
