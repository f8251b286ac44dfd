// Owns: watching how a channel ends on behalf of filters, without its owner's help.
// Must not know: filters, who the owner is.

import type { Channel, ChannelSink, Codec, Headers, Outcome, PeerplexError } from '@peerplex/wire'
import { CODE_UNKNOWN, NO_BYTES } from '@peerplex/wire/internal'
import { type ChannelOutcome, cancelledOutcome, errorOutcome, plainOutcome } from './channel-outcome.js'
import type { OpenRequest, RequestSink } from './open-request.js'

/** Passes everything on to the sink it stands before, and knows the outcome. */
export class ObservedSink implements RequestSink {
  /** Resolves when the channel will not come back. */
  readonly outcome: Promise<ChannelOutcome>
  /** The request, on the opening side. */
  request: OpenRequest | null = null
  readonly #sink: ChannelSink & Partial<RequestSink>
  #resolve: (outcome: ChannelOutcome) => void = () => {}

  constructor(sink: ChannelSink & Partial<RequestSink>) {
    this.#sink = sink
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  encodeFirst(codec: Codec): Uint8Array {
    return this.#sink.encodeFirst?.(codec) ?? NO_BYTES
  }

  onMessage(payload: Uint8Array, headers: Headers, channel: Channel): void {
    this.#sink.onMessage(payload, headers, channel)
  }

  onReadable(channel: Channel): void {
    this.#sink.onReadable?.(channel)
  }

  onHeaders(headers: Headers, channel: Channel): void {
    this.#sink.onHeaders?.(headers, channel)
  }

  onEnd(trailers: Headers, channel: Channel): void {
    this.#sink.onEnd?.(trailers, channel)
  }

  onWritable(channel: Channel): void {
    this.#sink.onWritable?.(channel)
  }

  onStop(code: number, channel: Channel): void {
    this.#sink.onStop?.(code, channel)
  }

  onFailing(outcome: Outcome, channel: Channel): void {
    this.#sink.onFailing?.(outcome, channel)
  }

  onClose(outcome: Outcome, channel: Channel): void {
    this.#sink.onClose?.(outcome, channel)
    // A request that waits again goes to another connection: that was not its end.
    if (this.request?.state !== 'waiting') this.#resolve(plainOutcome(outcome, channel))
  }

  onAssigned(request: OpenRequest): void {
    this.#sink.onAssigned?.(request)
  }

  onFailed(error: PeerplexError, request: OpenRequest): void {
    this.#sink.onFailed?.(error, request)
    this.#resolve(errorOutcome(error))
  }

  onCancelled(code: number, request: OpenRequest): void {
    this.#sink.onCancelled?.(code, request)
    this.#resolve(cancelledOutcome(code))
  }
}

/** Hands an inbound channel on by `start`; resolves when it is over, however its owner takes or refuses it. */
export function observeInbound(channel: Channel, start: () => void): Promise<ChannelOutcome> {
  return new Promise((resolve, reject) => {
    const { accept, refuse } = channel
    let isDecided = false
    // On this one object only: its owner calls one of them exactly once, now or later.
    channel.accept = (sink) => {
      isDecided = true
      const observed = new ObservedSink(sink)
      observed.outcome.then(resolve)
      const isTaken = accept.call(channel, observed)
      if (!isTaken && channel.outcome !== null) resolve(plainOutcome(channel.outcome, channel))
      return isTaken
    }
    channel.refuse = (code, message, headers) => {
      isDecided = true
      refuse.call(channel, code, message, headers)
      if (channel.outcome !== null) resolve(plainOutcome(channel.outcome, channel))
    }
    try {
      start()
    } catch (error) {
      // Its code has run: that nothing did must not be said.
      if (!isDecided) accept.call(channel, { onMessage: () => {} })
      if (!channel.isClosed) channel.fail(CODE_UNKNOWN)
      channel.settle()
      reject(error)
    }
  })
}
