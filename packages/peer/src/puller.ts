// Owns: who waits for the next item of a stream, and what each of them gets: items in order, then the end.
// Must not know: where items come from.

/** How every iteration ends that ends well. */
export const DONE: IteratorResult<never, undefined> = Object.freeze({ done: true, value: undefined })

/** The end of a stream, as its reader hears of it. */
export type PullEnd = 'done' | { readonly error: unknown }

/** The next item, or the end; null while there is neither. */
export type Pulled = PulledItem | PullEnd | null

export interface PulledItem {
  readonly value: unknown
}

interface Waiter {
  readonly resolve: (result: IteratorResult<unknown, undefined>) => void
  readonly reject: (error: unknown) => void
}

export class Puller {
  readonly #take: () => Pulled
  readonly #waiters: Waiter[] = []
  #end: PullEnd | null = null

  /** What `take` throws goes to the reader instead of an item. */
  constructor(take: () => Pulled) {
    this.#take = take
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
      this.serve()
    })
  }

  /** There may be an item now. */
  serve(): void {
    while (this.#waiters.length > 0) {
      // Off the list first: taking the last item may end the stream, and that serves whoever still waits.
      const waiter = this.#waiters.shift() as Waiter
      if (this.#end !== null) this.#tellEnd(waiter, this.#end)
      else if (!this.#hand(waiter)) {
        this.#waiters.unshift(waiter)
        return
      }
    }
  }

  /** Nothing more comes; what was not taken is not going to be. The first end counts. */
  finish(end: PullEnd): void {
    if (this.#end !== null) return
    this.#end = end
    this.serve()
  }

  #hand(waiter: Waiter): boolean {
    try {
      const item = this.#take()
      if (item === 'done' || (item !== null && 'error' in item)) this.#tellEnd(waiter, item)
      else if (item !== null) waiter.resolve({ done: false, value: item.value })
      else if (this.#end !== null) this.#tellEnd(waiter, this.#end)
      else return false
    } catch (error) {
      waiter.reject(error)
    }
    return true
  }

  /** A reader hears of an error once; after that the stream is just over. */
  #tellEnd(waiter: Waiter, end: PullEnd): void {
    this.#end = 'done'
    if (end === 'done') waiter.resolve(DONE)
    else waiter.reject(end.error)
  }
}
