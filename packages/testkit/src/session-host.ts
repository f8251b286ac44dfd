/**
 * Owns: one session under a test's control: its recording sink, its timer on the virtual clock, its output.
 * Must not know: who is on the other end of its bytes.
 */
import { type ConnectionKind, Session, type SessionOptions } from '@peerplex/wire'
import { RecordingSessionSink, type SessionEvent } from './recording-sink.js'
import type { VirtualClock, VirtualTimer } from './virtual-clock.js'

/** Options of a session, of which a test needs to give none. */
export interface HostedSessionOptions extends Partial<Omit<SessionOptions, 'now' | 'kind'>> {
  /** Writes down what the session reports; by default one that accepts every channel. */
  readonly sink?: RecordingSessionSink
  /** Sees every event that the sink writes down; the sink's own `onEvent` stays free for the test. */
  readonly observer?: (event: SessionEvent) => void
}

/** A session, its sink and its timer. */
export class SessionHost {
  readonly session: Session
  readonly sink: RecordingSessionSink
  readonly #clock: VirtualClock
  #timer: VirtualTimer | null = null
  #isAnnounced = false

  /** The session is made but not started. */
  constructor(clock: VirtualClock, kind: ConnectionKind, options: HostedSessionOptions = {}) {
    const { sink = new RecordingSessionSink(), observer, ...rest } = options
    this.#clock = clock
    this.sink = sink
    // Output is asked for by whoever pumps, never from inside a call of the session.
    sink.driver = {
      onOutputPending: () => {
        this.#isAnnounced = true
      },
      onTimer: (atMs) => this.#setTimer(atMs),
      onEvent: (event) => observer?.(event),
    }
    const instance = rest.instance ?? new Uint8Array(16).fill(0xaa)
    this.session = new Session({ ...rest, instance, kind, now: clock.now }, sink)
  }

  /**
   * All output there is, as a transport would get it: each item is the result of one `takeOutput`. Does what a
   * driver does, and throws where one would hang or spin: output that was never announced, or promised but not given.
   */
  takeAll(): Uint8Array[][] {
    const taken: Uint8Array[][] = []
    if (this.session.hasOutput && !this.#isAnnounced)
      throw new Error('there is output that was not announced')
    while (this.session.hasOutput) {
      this.#isAnnounced = false
      const parts = this.session.takeOutput()
      if (parts.length > 0) taken.push(parts)
      else if (this.session.hasOutput) throw new Error('there is said to be output, but none is given')
      if (taken.length > 100_000) throw new Error('the output does not come to an end')
    }
    return taken
  }

  /** Whether the session has asked to be called at some time. */
  get hasTimer(): boolean {
    return this.#timer !== null
  }

  #setTimer(atMs: number): void {
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer)
    this.#timer = null
    if (!Number.isFinite(atMs)) return
    this.#timer = this.#clock.setTimer(atMs, () => {
      this.#timer = null
      this.session.tick()
    })
  }
}

/** Moves the clock on and calls `afterEach` after every timer, so that output flows before the next one fires. */
export function advanceWith(clock: VirtualClock, ms: number, afterEach: () => void): void {
  const untilMs = clock.now() + ms
  for (;;) {
    const nextMs = clock.nextTimerMs
    if (nextMs === null || nextMs > untilMs) break
    clock.advanceTo(Math.max(nextMs, clock.now()))
    afterEach()
  }
  clock.advanceTo(untilMs)
  afterEach()
}
