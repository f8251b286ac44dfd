// Owns: what is known of the end of a channel, and who is told of it: `closed`, `signal`.
// Must not know: how it came about.
import type { ChannelOutcome } from './channel-outcome.js'

export class ChannelEnd {
  /** How it ended; messages may still wait to be read. Null while it is alive. */
  outcome: ChannelOutcome | null = null
  /** Why it ended, other than in order: an error, or the reason of the program's own signal. */
  failure: unknown = undefined
  #abort: AbortController | null = null
  #closed: Promise<ChannelOutcome> | null = null
  #resolveClosed: ((outcome: ChannelOutcome) => void) | null = null

  get hasFailed(): boolean {
    return this.outcome !== null && this.outcome.code !== 'OK'
  }

  /** Made when it is first asked for. */
  get closed(): Promise<ChannelOutcome> {
    const { outcome } = this
    if (this.#closed === null) {
      this.#closed =
        outcome !== null
          ? Promise.resolve(outcome)
          : new Promise((resolve) => {
              this.#resolveClosed = resolve
            })
    }
    return this.#closed
  }

  /** Made when it is first asked for. */
  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController()
      if (this.hasFailed) this.#abort.abort(this.failure)
    }
    return this.#abort.signal
  }

  /** The outcome is known; `failure` was set before. */
  finish(outcome: ChannelOutcome): void {
    this.outcome = outcome
    if (this.hasFailed) this.#abort?.abort(this.failure)
    this.#resolveClosed?.(outcome)
  }
}
