// Owns: the inputs of a streaming call as its handler reads them: pulled, so that a slow handler slows the caller.
// Must not know: calls, handlers.
import { CallError, type Channel, type Codec, ERRORS, type Message, type PeerplexError } from '@peerplex/wire'

const DONE: IteratorResult<never, undefined> = Object.freeze({ done: true, value: undefined })

interface Waiter {
  readonly resolve: (result: IteratorResult<unknown, undefined>) => void
  readonly reject: (error: unknown) => void
}

export class InputStream implements AsyncIterableIterator<unknown, undefined> {
  readonly #channel: Channel
  readonly #codec: Codec
  readonly #waiters: Waiter[] = []
  #end: 'open' | 'done' | { readonly error: unknown } = 'open'

  /** The channel is paused by its owner, who forwards `onReadable` and its end. */
  constructor(channel: Channel, codec: Codec) {
    this.#channel = channel
    this.#codec = codec
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
      this.serve()
    })
  }

  /** The handler wants no more: the caller is told to stop. */
  return(): Promise<IteratorResult<unknown, undefined>> {
    if (this.#end === 'open') this.#channel.stop()
    this.finish('done')
    return Promise.resolve(DONE)
  }

  /** Something can be read, or has ended. */
  serve(): void {
    while (this.#waiters.length > 0) {
      const waiter = this.#waiters.shift() as Waiter
      const message = this.#end === 'open' ? this.#channel.read() : null
      if (message !== null) this.#hand(waiter, message)
      else if (this.#end === 'open') {
        this.#waiters.unshift(waiter)
        return
      } else if (this.#end === 'done') waiter.resolve(DONE)
      else {
        const { error } = this.#end
        this.#end = 'done'
        waiter.reject(error)
      }
    }
  }

  /** Nothing more comes: `done` after FIN, an error otherwise. */
  finish(end: 'done' | { readonly error: unknown }): void {
    if (this.#end !== 'open') return
    this.#end = end
    this.serve()
  }

  #hand(waiter: Waiter, message: Message): void {
    try {
      waiter.resolve({ done: false, value: this.#codec.decode(message.payload) })
    } catch (error) {
      const failure = undecodableInput(error, this.#channel, this.#codec)
      waiter.reject(failure)
      this.finish('done')
      this.#channel.fail(ERRORS.INVALID_ARGUMENT.wireCode, { message: failure.message })
    }
  }
}

/** The error for an input that is not what its codec says. */
export function undecodableInput(error: unknown, channel: Channel, codec: Codec): PeerplexError {
  const reason = error instanceof Error ? error.message : String(error)
  const message = `the input of '${channel.name}' does not decode as ${codec.name}: ${reason}`
  return new CallError('INVALID_ARGUMENT', message, { origin: 'remote', delivery: 'processed', cause: error })
}
