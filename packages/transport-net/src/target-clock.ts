// Owns: time as the resolvers of this package need it, with timers that do not hold the process.
// Must not know: what anybody waits for.

/** A reading and timers; the clock of a peer has this shape too. Tests bring their own. */
export interface TargetClock {
  /** Milliseconds that never go back, from any origin. Bound: it is handed over as a function. */
  readonly now: () => number
  /** Runs `run` once at `atMs`. */
  setTimer(atMs: number, run: () => void): unknown
  clearTimer(timer: unknown): void
}

/** A process that has nothing else to do ends without waiting for any of these timers. */
export const UNHELD_CLOCK: TargetClock = {
  now: () => performance.now(),
  setTimer: (atMs, run) => setTimeout(run, Math.max(0, Math.ceil(atMs - performance.now()))).unref(),
  clearTimer: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
}
