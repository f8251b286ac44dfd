/**
 * Owns: what time is to a fault proxy: a reading, and timers that can be taken back.
 * Must not know: what anybody waits for.
 */

/** A `VirtualClock` is one, and so is the clock of a peer. */
export interface FaultClock {
  /** Milliseconds that never go back, from any origin. */
  readonly now: () => number
  setTimer(atMs: number, run: () => void): unknown
  clearTimer(timer: unknown): void
}

/** Timers of the platform take no longer delay; who waits looks at the clock again. */
const LONGEST_DELAY_MS = 2 ** 31 - 1

/** The machine's monotonic clock. */
export const MACHINE_CLOCK: FaultClock = {
  now: () => performance.now(),
  setTimer: (atMs, run) =>
    setTimeout(run, Math.min(LONGEST_DELAY_MS, Math.max(0, Math.ceil(atMs - performance.now())))),
  clearTimer: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
}
