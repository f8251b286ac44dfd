// Owns: what a program sees of a call that gets a stream of answers.
// Must not know: how the call runs (stream-call.ts).

import { DONE } from '@peerplex/peer/internal'
import type { Headers } from '@peerplex/wire'
import type { StreamCall } from './stream-call.js'

/** The answers of a streaming call, in order. One reader; leaving the loop ends the call on the other side. */
export class ReplyStream<T = unknown> implements AsyncIterableIterator<T, undefined> {
  readonly #call: StreamCall

  /** @internal */
  constructor(call: StreamCall) {
    this.#call = call
  }

  /** Headers of the first answer, or those that came before it; empty ones when the call ends without. Never rejects. */
  get headers(): Promise<Headers> {
    return this.#call.headers
  }

  /** Trailers at the end; empty ones when there are none, or when it did not end well. Never rejects. */
  get trailers(): Promise<Headers> {
    return this.#call.trailers
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** The next answer. Rejects with PeerplexError or the reason of `options.signal`, once; after that the stream is over. */
  next(): Promise<IteratorResult<T, undefined>> {
    return this.#call.next() as Promise<IteratorResult<T, undefined>>
  }

  /** Ends the call: the handler is told to give up. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#call.leave()
    return Promise.resolve(DONE)
  }

  throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    this.#call.leave()
    return Promise.reject(error)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#call.leave()
    return Promise.resolve()
  }

  /** As a Web stream, with back-pressure; cancelling it ends the call. The stream is read by nobody else then. */
  toWeb(): ReadableStream<T> {
    return new ReadableStream<T>(
      {
        pull: async (controller) => {
          const item = await this.next()
          if (item.done === true) controller.close()
          else controller.enqueue(item.value)
        },
        cancel: () => this.#call.leave(),
      },
      { highWaterMark: 0 },
    )
  }
}
