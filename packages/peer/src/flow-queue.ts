// Owns: what channels put off to the end of the turn: one microtask for all that were opened or accepted in it.
// Must not know: what a channel does then.

/** What a queue calls. @internal */
export interface Flowing {
  flow(): void
}

/** Not `queueMicrotask` for each: that makes a closure and an object of the platform every time. */
const END_OF_TURN: Promise<void> = Promise.resolve()

export class FlowQueue {
  #waiting: Flowing[] = []
  readonly #run = (): void => this.#flow()

  /** Calls `flow` when the running code is through. */
  add(channel: Flowing): void {
    if (this.#waiting.length === 0) END_OF_TURN.then(this.#run)
    this.#waiting.push(channel)
  }

  #flow(): void {
    const due = this.#waiting
    this.#waiting = []
    let count = 0
    try {
      while (count < due.length) (due[count++] as Flowing).flow()
    } finally {
      // One that throws does not keep the others from their turn.
      while (count < due.length) this.add(due[count++] as Flowing)
    }
  }
}
