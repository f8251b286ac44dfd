// Owns: who wants to be told of changes, and the timer that looks for them while there is anybody.
// Must not know: what changes, or how that is seen.
import type { TargetClock } from './target-clock.js'

export interface ChangeWatchInit {
  readonly clock: TargetClock
  /** From the end of one look to the next. */
  readonly intervalMs: number
  /** Looks once; never rejects. Gives a number that is another one after a change. */
  readonly look: () => Promise<number>
  /** Nobody listens any more: a look that is under way is not needed. */
  readonly onUnwatched?: () => void
}

interface Watcher {
  readonly onChange: () => void
  seenVersion: number
}

export class ChangeWatch {
  readonly #init: ChangeWatchInit
  readonly #watchers = new Set<Watcher>()
  #timer: unknown = null
  #isLooking = false

  constructor(init: ChangeWatchInit) {
    this.#init = init
  }

  /** Tells of everything after `version`, until what it returns is called. */
  add(onChange: () => void, version: number): () => void {
    const watcher = { onChange, seenVersion: version }
    this.#watchers.add(watcher)
    this.#schedule()
    return () => {
      if (this.#watchers.delete(watcher) && this.#watchers.size === 0) this.#stop()
    }
  }

  #schedule(): void {
    if (this.#timer !== null || this.#isLooking || this.#watchers.size === 0) return
    const { clock, intervalMs } = this.#init
    this.#timer = clock.setTimer(clock.now() + intervalMs, () => {
      this.#timer = null
      void this.#look()
    })
  }

  async #look(): Promise<void> {
    this.#isLooking = true
    const version = await this.#init.look()
    this.#isLooking = false
    for (const watcher of this.#watchers) {
      if (watcher.seenVersion === version) continue
      watcher.seenVersion = version
      // In a turn of its own: what it throws is seen as an uncaught error and stops neither the others nor the next look.
      queueMicrotask(() => {
        if (this.#watchers.has(watcher)) watcher.onChange()
      })
    }
    this.#schedule()
  }

  #stop(): void {
    if (this.#timer !== null) this.#init.clock.clearTimer(this.#timer)
    this.#timer = null
    this.#init.onUnwatched?.()
  }
}
