// Owns: what time is to this package: a reading and timers that can be taken back. Tests and simulations bring their own.
// Must not know: what anybody waits for.

/** A pending timer; only the clock that made it knows what it is. */
export type TimerHandle = unknown

export interface Clock {
  /** Milliseconds that never go back, from any origin. Bound: it is handed over as a function. */
  readonly now: () => number
  /** Runs `run` once at `atMs`; a little early or late does no harm. Holds the process until then. */
  setTimer(atMs: number, run: () => void): TimerHandle
  /** Takes a timer back; one that has fired or was taken back before is ignored. */
  clearTimer(timer: TimerHandle): void
}

/** Timers of the platform take no longer delay; what fires early is set again by whoever looks at the clock. */
const LONGEST_DELAY_MS = 2 ** 31 - 1

/** The machine's monotonic clock and its timers, in Node and in browsers. */
export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  setTimer: (atMs, run) => {
    // Rounded up: a timer that fires a fraction of a millisecond early would only be set once more.
    const delayMs = Math.min(LONGEST_DELAY_MS, Math.max(0, Math.ceil(atMs - performance.now())))
    return setTimeout(run, delayMs)
  },
  clearTimer: (timer) => {
    clearTimeout(timer as ReturnType<typeof setTimeout>)
  },
}
