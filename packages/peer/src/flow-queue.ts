// Owns: what channels put off to the end of the turn: one microtask for all that were opened or accepted in it.
// Must not know: what a channel does then.

/** What a queue calls. @internal */
export interface Flowing {
  flow(): void
}

export class FlowQueue {
  #waiting: Flowing[] = []
  #wake: () => void = () => {}
  readonly #keepWake = (resolve: () => void): void => {
    this.#wake = resolve
  }
  readonly #run = (): void => this.#flow()

  constructor() {
    this.#prepare()
  }

  /** Calls `flow` when the running code is through. */
  add(channel: Flowing): void {
    if (this.#waiting.length === 0) this.#wake()
    this.#waiting.push(channel)
  }

  /**
   * The microtask is made before anybody needs it: made by the first channel of a turn it would call all others in the asynchronous
   * context of that one (AsyncLocalStorage). Not `queueMicrotask` for each: that makes a closure and an object of the platform every time.
   */
  #prepare(): void {
    new Promise<void>(this.#keepWake).then(this.#run)
  }

  #flow(): void {
    this.#prepare()
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
