// Owns: the messages of a channel as an iterator: pulled one by one, so that a slow reader slows the sender.
// Must not know: connections, what comes of the messages.
import type { Message } from '@peerplex/wire'
import type { ChannelCore } from './channel-core.js'
import type { Reader } from './channel-input.js'

interface Waiter<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void
  readonly reject: (error: unknown) => void
}

const DONE: IteratorResult<never, undefined> = Object.freeze({ done: true, value: undefined })

export class MessageIterator<T> implements AsyncIterableIterator<T, undefined>, Reader {
  readonly #core: ChannelCore
  readonly #waiters: Waiter<T>[] = []
  #isOver = false

  constructor(core: ChannelCore) {
    this.#core = core
    core.reader = this
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** The next message; done at the end of the input. Rejects once when the channel failed or a message does not decode. */
  next(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
      this.onInput()
    })
  }

  /** Wants no more: the other side is told to stop. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#isOver = true
    this.#core.stop()
    this.onInput()
    return Promise.resolve(DONE)
  }

  /** Something can be read, or the input is over. */
  onInput(): void {
    for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift()) {
      // Reading may end the channel, and that leads back here: nobody may be first in line twice.
      const message = this.#isOver ? null : this.#core.read()
      if (message !== null) this.#hand(waiter, message)
      else if (!this.#isOver && !this.#core.isInputEnded && !this.#core.ending.hasFailed) {
        this.#waiters.unshift(waiter)
        return
      } else this.#finish(waiter)
    }
  }

  #hand(waiter: Waiter<T>, message: Message): void {
    let value: unknown
    try {
      value = this.#core.decode(message.payload)
    } catch (error) {
      this.#isOver = true
      waiter.reject(error)
      return
    }
    waiter.resolve({ done: false, value: value as T })
  }

  #finish(waiter: Waiter<T>): void {
    const hasFailed = !this.#isOver && !this.#core.isInputEnded
    this.#isOver = true
    if (hasFailed) waiter.reject(this.#core.ending.failure)
    else waiter.resolve(DONE)
  }
}
