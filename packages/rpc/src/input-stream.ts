// Owns: the inputs of a streaming call as its handler reads them: pulled, so that a slow handler slows the caller.
// Must not know: calls, handlers.

import { DONE, type PulledItem, Puller } from '@peerplex/peer/internal'
import type { Channel, Codec } from '@peerplex/wire'
import { CODE_INVALID_ARGUMENT } from '@peerplex/wire/internal'
import { undecodableInput } from './call-errors.js'

export class InputStream implements AsyncIterableIterator<unknown, undefined> {
  readonly #channel: Channel
  readonly #codec: Codec
  readonly #puller = new Puller(() => this.#take())

  /** The channel is paused by its owner, who forwards `onReadable` and its end. */
  constructor(channel: Channel, codec: Codec) {
    this.#channel = channel
    this.#codec = codec
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    return this.#puller.next()
  }

  /** The handler wants no more: the caller is told to stop. */
  return(): Promise<IteratorResult<unknown, undefined>> {
    this.#puller.finish('done')
    this.#channel.stop()
    return Promise.resolve(DONE)
  }

  /** There may be something to read. */
  onReadable(): void {
    this.#puller.serve()
  }

  /** All of it has arrived and was read. */
  onEnd(): void {
    this.#puller.finish('done')
  }

  /** The call is over: what was not read is dropped. */
  abandon(error: unknown): void {
    this.#puller.finish({ error })
    this.#channel.stop()
  }

  #take(): PulledItem | null {
    const message = this.#channel.read()
    if (message === null) return null
    try {
      return { value: this.#codec.decode(message.payload) }
    } catch (error) {
      const failure = undecodableInput(error, this.#channel, this.#codec)
      this.#puller.finish('done')
      this.#channel.fail(CODE_INVALID_ARGUMENT, { message: failure.message })
      throw failure
    }
  }
}
