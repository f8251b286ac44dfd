// Owns: sending the items of an iterable on a channel, as fast as its reader allows and no faster; and telling the iterable
// when nobody wants more.
// Must not know: whether that is the input of a call or the output of a handler.
import { encodeTo } from '@peerplex/peer/internal'
import { type Channel, type Codec, Headers } from '@peerplex/wire'
import { byteRange, keptBytes } from '@peerplex/wire/internal'

/**
 * How a pump ends. `done`: all was sent. `failed`: the iterable threw, or an item could not be sent. `stopped`: nobody wanted
 * more, and the iterable has cleaned up. `unclean`: the same, but it threw while doing so.
 */
export type PumpEnd = 'done' | 'failed' | 'stopped' | 'unclean'

export interface PumpOptions {
  /** Called exactly once, never from within a call of this object except `stop`. `error` comes with `failed` and `unclean`. */
  readonly onEnd: (end: PumpEnd, error: unknown) => void
  /** Headers that leave with the first item. */
  readonly takeHeaders?: () => Headers
  /** So much is kept so that it can be sent again on another channel. Default 0: nothing is. */
  readonly keepBytes?: number
}

interface KeptItem {
  payload: Uint8Array
  codec: Codec
}

/** Between a codec and a channel. */
const encoded = byteRange()

export class Pump {
  readonly #iterable: AsyncIterable<unknown>
  readonly #options: PumpOptions
  #iterator: AsyncIterator<unknown> | null = null
  #channel: Channel | null = null
  #codec: Codec | null = null
  /** Everything that was sent, while it is still needed; null once it is not. */
  #kept: KeptItem[] | null
  #keptBytes = 0
  #isStarted = false
  #isStopped = false
  /** It was told to clean up, and will say when it has. */
  #isReturning = false
  #isOver = false
  #isFirst = true
  #hasRoom = true
  /** Continues the loop, which waits for a channel or for room on it. */
  #wake: (() => void) | null = null

  /** The iterable is not touched before `attach`. */
  constructor(iterable: AsyncIterable<unknown>, options: PumpOptions) {
    this.#iterable = iterable
    this.#options = options
    this.#kept = (options.keepBytes ?? 0) > 0 ? [] : null
  }

  /** Whether another channel can get everything that was sent so far. */
  get canRepeat(): boolean {
    return this.#kept !== null || this.#isFirst
  }

  /** Goes on here; what was sent on an earlier channel is sent again. Throws LimitError for what is too large there. */
  attach(channel: Channel, codec: Codec): void {
    this.#channel = channel
    this.#codec = codec
    this.#hasRoom = true
    for (const item of this.#kept ?? []) {
      if (item.codec !== codec) {
        item.payload = codec.encode(item.codec.decode(item.payload))
        item.codec = codec
      }
      this.#hasRoom = channel.send(item.payload)
    }
    if (!this.#isStarted) {
      this.#isStarted = true
      this.#run()
    } else if (this.#hasRoom) this.#continue()
  }

  /** The channel is gone, and another one will come. */
  detach(): void {
    this.#channel = null
  }

  /** What was sent is not going to be needed again. */
  forget(): void {
    this.#kept = null
  }

  /** The channel has room again. */
  onWritable(): void {
    this.#hasRoom = true
    this.#continue()
  }

  /** Nobody wants more: the iterable is told to clean up. */
  stop(): void {
    if (this.#isStopped || this.#isOver) return
    this.#isStopped = true
    this.#continue()
    // At once, and not when the pending item has come: it may come only because of this.
    const returned = this.#return()
    this.#isReturning = returned !== null
    returned?.then(
      () => this.#end('stopped', undefined),
      (error) => this.#end('unclean', error),
    )
  }

  async #run(): Promise<void> {
    let isExhausted = true
    try {
      // Whoever attaches finishes first.
      await null
      const iterator = this.#iterable[Symbol.asyncIterator]()
      this.#iterator = iterator
      if (this.#isStopped) {
        // It may hold something already, such as a call of its own.
        await iterator.return?.()
        this.#end('stopped', undefined)
        return
      }
      for (;;) {
        // An iterator that ends or throws by itself is not to be told.
        isExhausted = true
        const item = await iterator.next()
        if (item.done === true) break
        isExhausted = false
        if (this.#channel === null || !this.#hasRoom) await this.#untilRoom()
        if (this.#isStopped) break
        this.#send(item.value)
        if (this.#channel === null || !this.#hasRoom) await this.#untilRoom()
        if (this.#isStopped) break
      }
      if (!this.#isStopped) this.#end('done', undefined)
      else if (!this.#isReturning) this.#end('stopped', undefined)
    } catch (error) {
      if (this.#isStopped) {
        this.#end('unclean', error)
        return
      }
      this.#end('failed', error)
      // Its error is on its way; one more has nobody to tell.
      if (!isExhausted) this.#return()?.catch(() => {})
    }
  }

  #send(value: unknown): void {
    const channel = this.#channel as Channel
    const codec = this.#codec as Codec
    encodeTo(codec, value, encoded)
    const headers = this.#isFirst ? this.#options.takeHeaders?.() : undefined
    this.#isFirst = false
    const kept = this.#kept === null ? null : { payload: keptBytes(encoded), codec }
    // On a channel that is over it is lost; whoever attached hears of that, and stops this.
    this.#hasRoom = channel.sendRange(encoded, headers ?? Headers.EMPTY, Headers.EMPTY, false)
    if (kept !== null) this.#keep(kept)
  }

  #keep(item: KeptItem): void {
    if (this.#kept === null) return
    this.#kept.push(item)
    this.#keptBytes += item.payload.length
    // The first one alone is kept whatever its size: it waits here for its OPEN to leave.
    if (this.#kept.length > 1 && this.#keptBytes > (this.#options.keepBytes ?? 0)) this.#kept = null
  }

  async #untilRoom(): Promise<void> {
    while (!this.#isStopped && (this.#channel === null || !this.#hasRoom)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  #continue(): void {
    const wake = this.#wake
    this.#wake = null
    wake?.()
  }

  /** Null when there is nobody to tell. */
  #return(): Promise<unknown> | null {
    try {
      const returned = this.#iterator?.return?.()
      return returned === undefined ? null : Promise.resolve(returned)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #end(end: PumpEnd, error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#options.onEnd(end, error)
  }
}
