// Owns: sending the items of an iterable on a channel, as fast as its reader allows and no faster.
// Must not know: whether that is the input of a call or the output of a handler.
import type { Channel, Codec, Headers } from '@peerplex/wire'

/** How a pump ends: all was sent, nobody wants more, or the iterable or an item failed. */
export type PumpEnd =
  | { readonly kind: 'done' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly error: unknown }

export class Pump {
  readonly #iterator: AsyncIterator<unknown>
  readonly #channel: Channel
  readonly #codec: Codec
  readonly #onEnd: (end: PumpEnd) => void
  /** Sent with the first item. */
  readonly #headers: () => Headers | undefined
  #isOver = false
  #isFirst = true
  /** Continues once there is room; null while nobody waits. */
  #resume: (() => void) | null = null

  /** Begins at once. `onEnd` is called exactly once, never from within this. */
  constructor(
    iterable: AsyncIterable<unknown>,
    channel: Channel,
    codec: Codec,
    headers: () => Headers | undefined,
    onEnd: (end: PumpEnd) => void,
  ) {
    this.#iterator = iterable[Symbol.asyncIterator]()
    this.#channel = channel
    this.#codec = codec
    this.#headers = headers
    this.#onEnd = onEnd
    this.#run()
  }

  /** The channel has room again. */
  onWritable(): void {
    const resume = this.#resume
    this.#resume = null
    resume?.()
  }

  /** Nobody wants more: the iterable is told to clean up. */
  stop(): void {
    if (this.#isOver) return
    this.#end({ kind: 'stopped' })
    const returned = this.#iterator.return?.()
    // A clean-up that fails has nobody to tell: the stream is over for both sides.
    if (returned !== undefined) Promise.resolve(returned).catch(() => {})
  }

  async #run(): Promise<void> {
    try {
      await null
      while (!this.#isOver) {
        const item = await this.#iterator.next()
        if (this.#isOver) return
        if (item.done === true) {
          this.#end({ kind: 'done' })
          return
        }
        const headers = this.#isFirst ? this.#headers() : undefined
        this.#isFirst = false
        if (this.#channel.send(this.#codec.encode(item.value), headers)) continue
        if (this.#isOver) return
        if (this.#channel.isWritable) await this.#room()
        else this.stop()
      }
    } catch (error) {
      if (this.#isOver) return
      this.#end({ kind: 'failed', error })
      const returned = this.#iterator.return?.()
      if (returned !== undefined) Promise.resolve(returned).catch(() => {})
    }
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve
    })
  }

  #end(end: PumpEnd): void {
    if (this.#isOver) return
    this.#isOver = true
    this.onWritable()
    this.#onEnd(end)
  }
}
