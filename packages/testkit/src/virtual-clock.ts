/**
 * Owns: time for tests: a number that moves only when told to, and the timers that hang on it.
 * Must not know: sessions, transports, or the machine's clock.
 */

/** Handle of a pending timer. */
export type VirtualTimer = number

interface Pending {
  readonly id: VirtualTimer
  readonly atMs: number
  readonly run: () => void
}

/**
 * A clock under the test's control. Timers fire in the order of their times; equal times fire in the
 * order in which they were set. While a timer runs, `now()` is the time it was set for.
 */
export class VirtualClock {
  #nowMs: number
  #nextId: VirtualTimer = 1
  #pending: Pending[] = []
  #isRunning = false

  constructor(startMs = 0) {
    this.#nowMs = startMs
  }

  /** The current time in milliseconds; bound, so that it can be handed over as a function. */
  readonly now = (): number => this.#nowMs

  /** Runs `run` at `atMs`; a time in the past means: at the next advance, without going back in time. */
  setTimer(atMs: number, run: () => void): VirtualTimer {
    if (Number.isNaN(atMs)) throw new Error('a timer needs a time')
    const id = this.#nextId++
    this.#pending.push({ id, atMs: Math.max(atMs, this.#nowMs), run })
    return id
  }

  /** Forgets a timer; one that has fired or was cleared before is ignored. */
  clearTimer(id: VirtualTimer): void {
    this.#pending = this.#pending.filter((timer) => timer.id !== id)
  }

  /** Moves on by `ms` and runs everything that falls due on the way, also timers set meanwhile. */
  advance(ms: number): void {
    this.advanceTo(this.#nowMs + ms)
  }

  /** Moves on to `toMs`; going back throws. */
  advanceTo(toMs: number): void {
    if (!(toMs >= this.#nowMs)) throw new Error(`time does not go back: ${this.#nowMs} to ${toMs}`)
    this.#guarded(() => {
      for (let timer = this.#takeFirst(toMs); timer !== null; timer = this.#takeFirst(toMs)) this.#fire(timer)
      this.#nowMs = toMs
    })
  }

  /**
   * Jumps on without running anything, as when a process was frozen: what fell due meanwhile runs late,
   * at the next advance (`advance(0)` is enough).
   */
  jump(ms: number): void {
    if (!(ms >= 0)) throw new Error('time does not go back')
    this.#nowMs += ms
  }

  /** Runs timer after timer until none is left; returns how many. More than `limit` throws. */
  runUntilIdle(limit = 1000): number {
    let count = 0
    this.#guarded(() => {
      for (
        let timer = this.#takeFirst(Number.POSITIVE_INFINITY);
        timer !== null;
        timer = this.#takeFirst(Number.POSITIVE_INFINITY)
      ) {
        if (count === limit) throw new Error(`still not idle after ${limit} timers`)
        count += 1
        this.#fire(timer)
      }
    })
    return count
  }

  /** How many timers wait. */
  get pendingTimerCount(): number {
    return this.#pending.length
  }

  /** The time of the next timer, or null. */
  get nextTimerMs(): number | null {
    return this.#first()?.atMs ?? null
  }

  #fire(timer: Pending): void {
    this.#nowMs = Math.max(this.#nowMs, timer.atMs)
    timer.run()
  }

  #first(): Pending | null {
    let first: Pending | null = null
    for (const timer of this.#pending) if (first === null || timer.atMs < first.atMs) first = timer
    return first
  }

  #takeFirst(untilMs: number): Pending | null {
    const first = this.#first()
    if (first === null || first.atMs > untilMs) return null
    this.#pending.splice(this.#pending.indexOf(first), 1)
    return first
  }

  #guarded(run: () => void): void {
    if (this.#isRunning) throw new Error('a timer must not move the clock')
    this.#isRunning = true
    try {
      run()
    } finally {
      this.#isRunning = false
    }
  }
}
