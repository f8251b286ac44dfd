// Owns: the messages of a channel as an iterator: pulled one by one, so that a slow reader slows the sender.
// Must not know: connections, what comes of the messages.
import type { ChannelCore } from './channel-core.js'
import type { Reader } from './channel-input.js'
import { DONE, type Pulled, Puller } from './puller.js'

export class MessageIterator<T> implements AsyncIterableIterator<T, undefined>, Reader {
  readonly #core: ChannelCore
  readonly #puller = new Puller(() => this.#take())

  constructor(core: ChannelCore) {
    this.#core = core
    core.extras.reader = this
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** The next message; done at the end of the input. Rejects once when the channel failed or a message does not decode. */
  next(): Promise<IteratorResult<T, undefined>> {
    return this.#puller.next() as Promise<IteratorResult<T, undefined>>
  }

  /** Wants no more: the other side is told to stop. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#puller.finish('done')
    this.#core.stop()
    return Promise.resolve(DONE)
  }

  /** Something can be read, or the input is over. */
  onInput(): void {
    this.#puller.serve()
  }

  #take(): Pulled {
    const core = this.#core
    const message = core.read()
    if (message === null) {
      if (core.isInputEnded) return 'done'
      return core.ending.hasFailed ? { error: core.ending.failure } : null
    }
    try {
      return { value: core.decode(message.payload) }
    } catch (error) {
      this.#puller.finish('done')
      throw error
    }
  }
}
