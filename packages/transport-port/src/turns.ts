// Owns: when a delivery runs: in a later microtask, and now and then in a later task.
// Must not know: what is delivered.

const LATER: Promise<void> = Promise.resolve()

/** Runs `run` once the running code and the microtasks queued so far are through. */
export function afterMicrotasks(run: () => void): void {
  LATER.then(run)
}

/**
 * Runs `run` in a task of its own: timers and input come first. A channel of messages, because unlike a timer it is
 * neither rounded up to milliseconds nor slowed down in the background tabs of a browser.
 */
export function afterTask(run: () => void): void {
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => {
    // An open port would hold the process.
    port1.close()
    run()
  }
  port2.postMessage(null)
}

/** The turns of one end of a connection. */
export class Turns {
  readonly #maxPerTask: number
  #count = 0

  constructor(maxPerTask: number) {
    this.#maxPerTask = maxPerTask
  }

  next(run: () => void): void {
    this.#count += 1
    if (this.#count < this.#maxPerTask) {
      afterMicrotasks(run)
      return
    }
    this.#count = 0
    afterTask(run)
  }
}
