// Owns: a channel as a program sees it: what api of both directions there is, and what each call means.
// Must not know: connections, queues, the wire: all that is behind channel-core.ts.

import { codeNumber, Headers, type HeadersInit } from '@peerplex/wire'
import { CODE_UNKNOWN, invalidArgument } from '@peerplex/wire/internal'
import type { ChannelCore } from './channel-core.js'
import type { MessageCallback } from './channel-input.js'
import type { ChannelOutcome } from './channel-outcome.js'
import { type DuplexLike, joinDuplex } from './join.js'
import { MessageIterator } from './message-iterator.js'
import type { RemotePeer } from './remote-peer.js'
import { type WebStreams, webStreams } from './web-streams.js'

/** What `send` may add to a message. */
export interface SendOptions {
  readonly headers?: HeadersInit | undefined
}

/**
 * Messages in both directions, each with its own end. Whoever opened it, both sides use it alike. The messages of the other
 * side have one taker: a loop over the channel, `onMessage`, `toWeb()` or `join()`; until there is one they wait, within the
 * window of the channel.
 */
export class PeerChannel<T = unknown> implements AsyncIterable<T> {
  readonly #core: ChannelCore

  /** @internal */
  constructor(core: ChannelCore) {
    this.#core = core
  }

  get name(): string {
    return this.#core.name
  }

  /** Those of the OPEN on the side that accepted it; on the other side the first that came back, empty before. */
  get headers(): Headers {
    return this.#core.headers
  }

  /** The peer at the other end; null while a channel waits for a connection. */
  get remote(): RemotePeer | null {
    return this.#core.remote
  }

  /** Name of the codec of all messages; empty while a channel waits for a connection and none was asked for. */
  get codec(): string {
    return this.#core.codec?.name ?? this.#core.common.spec?.codec ?? ''
  }

  /** Aborted, with the reason, when the channel ends otherwise than in order. Made when it is first asked for. */
  get signal(): AbortSignal {
    return this.#core.ending.signal
  }

  /** Resolves with how it ended: an error at once, an end in order behind the last message. Never rejects. */
  get closed(): Promise<ChannelOutcome> {
    return this.#core.ending.closed
  }

  /** Whether what is sent now may still reach somebody. */
  get writable(): boolean {
    return this.#core.isWritable
  }

  /** Bytes that were sent and have not left this side. */
  get bufferedBytes(): number {
    return this.#core.bufferedBytes
  }

  // ---- output -------------------------------------------------------------------------------------------------------

  /**
   * Sends a message. The promise is one that all sends share while there is room, and a pending one while there is not:
   * await it to go no faster than the other side. It never rejects: on a channel that is over it resolves, `writable` is
   * false and `closed` says why. What cannot be sent at all is thrown, at once, and nothing was sent: PeerplexError
   * INVALID_ARGUMENT for a value or header without encoding, LimitError MESSAGE_TOO_LARGE or METADATA_TOO_LARGE, UsageError
   * after `end()`. What turns out to be too large only when a connection is found ends the channel with that code.
   */
  send(value: unknown, options?: SendOptions): Promise<void> {
    return this.#core.sendValue(
      value,
      options?.headers === undefined ? Headers.EMPTY : Headers.from(options.headers),
    )
  }

  /** Ends the output; messages of the other side go on. Throws UsageError, LimitError for trailers that cannot be sent. */
  end(trailers?: HeadersInit): void {
    this.#core.endOutput(Headers.from(trailers))
  }

  /** Wants no more messages: the other side is told to stop sending. The output goes on. */
  stop(): void {
    this.#core.stop()
  }

  /** Ends both directions at once. `code`: a name of the error table or a number; CANCELLED when absent. Throws UsageError. */
  reset(code: string | number = 'CANCELLED'): void {
    this.#core.reset(resetCode(code))
  }

  // ---- input --------------------------------------------------------------------------------------------------------

  /**
   * The messages, one by one; reading slowly slows the other side. Ends when the other side has ended, throws when the channel
   * failed. Leaving the loop is `stop()`. Throws UsageError when the messages have another taker.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    const core = this.#core
    if (core.taker === 'an iterator') return core.extras.reader as MessageIterator<T>
    core.claim('an iterator')
    return new MessageIterator<T>(core)
  }

  /**
   * Called with each message, at the earliest when the running code is through, so that all callbacks can be set first. What
   * it throws ends the channel. Null gives the messages back. Setting it throws UsageError when they have another taker.
   */
  get onMessage(): MessageCallback<T> | null {
    return this.#core.onMessageCall
  }

  set onMessage(callback: MessageCallback<T> | null) {
    this.#core.giveTo(callback)
  }

  /** Called once, behind the last message, when the other side has ended its output. */
  get onEnd(): ((trailers: Headers) => void) | null {
    return this.#core.extras.onEndCall
  }

  set onEnd(callback: ((trailers: Headers) => void) | null) {
    this.#core.extras.onEndCall = callback
    this.#core.flowSoon()
  }

  /** Called once, as the last of all calls. */
  get onClose(): ((outcome: ChannelOutcome) => void) | null {
    return this.#core.extras.onCloseCall
  }

  set onClose(callback: ((outcome: ChannelOutcome) => void) | null) {
    this.#core.extras.onCloseCall = callback
    this.#core.flowSoon()
  }

  // ---- other shapes -------------------------------------------------------------------------------------------------

  /** The channel as Web Streams. Throws UsageError when the messages have another taker. */
  toWeb(): WebStreams<T> {
    this.#core.claim('toWeb()')
    return webStreams<T>(this.#core)
  }

  /**
   * Ties the channel to a stream: bytes go both ways as they are, without the codec. Each direction ends for itself; an error
   * of one side ends the other. Resolves when both have ended, rejects with the error; it need not be awaited.
   */
  join(duplex: DuplexLike): Promise<void> {
    this.#core.claim('join()')
    return joinDuplex(this.#core, duplex)
  }
}

function resetCode(code: string | number): number {
  const number = typeof code === 'string' ? codeNumber(code) : code
  const isKnown = typeof code !== 'string' || code === 'UNKNOWN' || number !== CODE_UNKNOWN
  if (isKnown && Number.isInteger(number) && number > 0 && number <= 0xffff_ffff) return number
  throw invalidArgument(
    `reset with code ${String(code).slice(0, 80)}`,
    "give a name like 'CANCELLED' (docs/errors.md has them all) or a number from 1 to 2^32-1",
  )
}
