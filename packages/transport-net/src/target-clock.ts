// Owns: time as the resolvers of this package need it, with timers that do not hold the process.
// Must not know: what anybody waits for.
import { invalidArgument, showScalar } from '@peerplex/wire/internal'

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

/** Throws UsageError INVALID_ARGUMENT; `what` is the name of the option. */
export function assertClock(what: string, clock: TargetClock): void {
  const hint = 'give an object with the methods now, setTimer and clearTimer, or leave it out'
  if ((typeof clock !== 'object' && typeof clock !== 'function') || clock === null) {
    throw invalidArgument(`${what} is ${showScalar(clock)}`, hint)
  }
  for (const name of ['now', 'setTimer', 'clearTimer'] as const) {
    if (typeof clock[name] === 'function') continue
    throw invalidArgument(`${what}.${name} is ${showScalar(clock[name])}`, hint)
  }
}
