// Owns: which of many deadlines comes next: a binary heap whose items know their place, so removal leaves nothing behind.
// Must not know: what expires.

/** Something with a deadline. `heapIndex` belongs to the heap: -1 while outside. */
export interface Deadline {
  deadlineMs: number
  heapIndex: number
}

/** Adding the latest deadline, the usual case, touches one slot; removing any costs log n. */
export class DeadlineHeap<T extends Deadline> {
  readonly #items: T[] = []

  get size(): number {
    return this.#items.length
  }

  /** The earliest deadline; Infinity when there is none. */
  get earliestMs(): number {
    return this.#items[0]?.deadlineMs ?? Number.POSITIVE_INFINITY
  }

  add(item: T): void {
    this.#items.push(item)
    this.#rise(item, this.#items.length - 1)
  }

  remove(item: T): void {
    const index = item.heapIndex
    if (index < 0) return
    item.heapIndex = -1
    const last = this.#items.pop() as T
    if (last === item) return
    this.#rise(last, index)
    this.#sink(last, last.heapIndex)
  }

  /** Removes and returns one item whose time has come, or undefined. */
  takeExpired(nowMs: number): T | undefined {
    const first = this.#items[0]
    if (first === undefined || first.deadlineMs > nowMs) return undefined
    this.remove(first)
    return first
  }

  #rise(item: T, from: number): void {
    let index = from
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = this.#items[above] as T
      if (parent.deadlineMs <= item.deadlineMs) break
      this.#place(parent, index)
      index = above
    }
    this.#place(item, index)
  }

  #sink(item: T, from: number): void {
    let index = from
    for (;;) {
      let below = 2 * index + 1
      if (below >= this.#items.length) break
      const right = this.#items[below + 1]
      if (right !== undefined && right.deadlineMs < (this.#items[below] as T).deadlineMs) below++
      const child = this.#items[below] as T
      if (child.deadlineMs >= item.deadlineMs) break
      this.#place(child, index)
      index = below
    }
    this.#place(item, index)
  }

  #place(item: T, index: number): void {
    this.#items[index] = item
    item.heapIndex = index
  }
}
