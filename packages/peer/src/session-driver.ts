// Owns: one session over one connection: when output is written, when the session's clock ticks, and how the connection is
// taken down (spec §12.4, §16). Nothing else calls `receive`, `takeOutput` and `tick` of that session.
// Must not know: frames, channels, what the bytes mean; any particular transport.
import {
  type Channel,
  type DrainInfo,
  type Hello,
  type PeerplexError,
  Session,
  type SessionProfile,
  type SessionProfileOptions,
  type SessionSink,
} from '@peerplex/wire'
import type { DueListener } from '@peerplex/wire/internal'
import type { Connection, ConnectionEnd, ConnectionSink } from '@peerplex/wire/transport'
import { type Clock, SYSTEM_CLOCK, type TimerHandle } from './clock.js'

/** How long input is still read, and thrown away, after a connection error of ours, so that GOAWAY survives (spec §12.4). */
const LINGER_MS = 1_000
/**
 * How long a session that ended well waits for its last output to leave and for the other side to end too. Whoever closes a
 * peer waits as long, also for a side that says nothing: hence below 5 s.
 */
const CLOSE_TIMEOUT_MS = 4_000

/** Who looks at the memory of many connections; told of what makes it grow. @internal */
export interface DriverWatch {
  onReceived(bytes: number): void
  /** The connection asked to wait. */
  onBlocked(): void
}

/** What the session is made of, or what it has in common with the others of its peer. */
export type SessionDriverOptions = (SessionProfileOptions | { readonly profile: SessionProfile }) & {
  /** Default: the machine's. */
  readonly clock?: Clock
  /** @internal */
  readonly watch?: DriverWatch
}

/**
 * What the owner of a driver is told: what a session tells, less what the driver itself serves. What a callback throws goes
 * to `onUnexpectedError`; `onChannel` is different: its channel is ended and `onHandlerError` called.
 */
export interface SessionDriverEvents extends Omit<SessionSink, 'onOutputPending' | 'onTimer'> {
  /** The connection is gone, after `onClose`: nothing of this driver holds the process any more. The last call. */
  onReleased?(): void
  /** Something threw that should not: a callback of this object, or the connection. Nothing else happens because of it. */
  onUnexpectedError?(error: unknown): void
}

/** What is left to do: all of it, to end well, to end after a connection error, nothing. */
type Phase = 'open' | 'closing' | 'failing' | 'released'

/**
 * A turn that commits much writes it in about four parts, so that both sides work at the same time; a turn that commits little, in one.
 */
const EARLY_SHARE = 0.25
const LEAST_EARLY_BYTES = 1_024
const LEAST_EARLY_ANSWER_BYTES = 32_768
const MOST_EARLY_BYTES = 65_536

/**
 * A flush waits for so many microtasks in which nothing was added: what an async generator yields, or a handler answers after an
 * `await`, comes a few microtasks apart, and each would be a write of its own. Together they take a fifth of a microsecond.
 */
const QUIET_MICROTASKS = 4
/** However busy a turn is, output waits no longer than this. */
const MOST_MICROTASKS = 256

/** Flushing at the end of the turn costs one callback of this promise; a microtask of the platform costs thrice as much. */
const END_OF_TURN: Promise<void> = Promise.resolve()

export class SessionDriver {
  /** May be used freely, except for `start`, `receive`, `receiveEnd`, `takeOutput` and `tick`, which are the driver's. */
  readonly session: Session
  readonly connection: Connection

  readonly #clock: Clock
  readonly #events: SessionDriverEvents
  readonly #watch: DriverWatch | undefined
  readonly #flushWhenQuiet = (): void => this.#waitOrFlush()
  /** While a flush is queued: what was committed when last looked at, microtasks since it grew, and microtasks in all. */
  #seenBytes = 0
  #quietCount = 0
  #waitCount = 0
  /** Written since the last flush ended. */
  #turnBytes = 0
  /** The greatest of the last turns, each counting half of the one after it. */
  #usualBytes = 0
  /** Frames committed and channels accepted until then. */
  #frameCount = 0
  #acceptedCount = 0
  readonly #tick = (): void => this.#guard(() => this.session.tick())
  #phase: Phase = 'open'
  /** The session's timer while it is open, then the one that ends the wait for the other side. */
  #timer: TimerHandle = null
  /** A flush is queued or running. */
  #isFlushing = false
  /** The connection asked to wait for `onDrain`. */
  #isBlocked = false
  #isInputEnded = false
  #isOutputEnded = false

  /** Takes over the connection and its sink; nothing is sent before `start`. Throws UsageError for options out of range. */
  constructor(connection: Connection, options: SessionDriverOptions, events: SessionDriverEvents) {
    const { clock = SYSTEM_CLOCK, watch } = options
    this.#clock = clock
    this.#watch = watch
    this.#events = events
    this.connection = connection
    const told = new SessionDriver.#Told(this)
    this.session = new Session({ ...options, kind: connection.kind, now: clock.now }, told)
    connection.sink = new SessionDriver.#Fed(this)
    const { outbox } = this.session.channels
    outbox.dueListener = told
    outbox.dueBytes = LEAST_EARLY_BYTES
    outbox.isReclaimed = connection.returnsParts === true
  }

  /** Whether the connection is gone and nothing is left to wait for. */
  get isReleased(): boolean {
    return this.#phase === 'released'
  }

  /** Whether the connection takes no more for now. */
  get isBlocked(): boolean {
    return this.#isBlocked && this.#phase !== 'released'
  }

  /** Begins the handshake. */
  start(): void {
    this.session.start()
  }

  /** Gives the connection up at once, without a word to the other side: for all channels it is lost, because of `cause`. */
  drop(cause: unknown): void {
    this.#isInputEnded = true
    this.#tell(() => this.session.receiveEnd(cause))
    this.#release()
  }

  // ---- what the session and the connection tell ---------------------------------------------------------------------

  // One object each instead of a closure for each call: there may be many connections, and most of them are idle.

  /** What the session tells. */
  static readonly #Told = class implements SessionSink, DueListener {
    readonly #driver: SessionDriver

    constructor(driver: SessionDriver) {
      this.#driver = driver
    }

    onOutputPending(): void {
      this.#driver.#scheduleFlush()
    }

    onDue(): void {
      this.#driver.#writeEarly()
    }

    onTimer(atMs: number): void {
      this.#driver.#setTimer(atMs, this.#driver.#tick)
    }

    onHello(hello: Hello): void {
      this.#driver.#tell((events) => events.onHello?.(hello))
    }

    onChannel(channel: Channel): void {
      // The session itself catches what this throws: it knows which channel pays for it.
      this.#driver.#events.onChannel(channel)
    }

    onDrain(info: DrainInfo): void {
      this.#driver.#tell((events) => events.onDrain?.(info))
    }

    onOpenCredit(): void {
      this.#driver.#tell((events) => events.onOpenCredit?.())
    }

    onRefFreed(refId: number): void {
      this.#driver.#tell((events) => events.onRefFreed?.(refId))
    }

    onHandlerError(error: unknown, channel: Channel): void {
      this.#driver.#tell((events) => events.onHandlerError?.(error, channel))
    }

    onClose(error: PeerplexError | null): void {
      this.#driver.#onSessionClose(error)
    }
  }

  /** What the connection brings. */
  static readonly #Fed = class implements ConnectionSink {
    readonly #driver: SessionDriver

    constructor(driver: SessionDriver) {
      this.#driver = driver
    }

    onData(chunk: Uint8Array): void {
      // A session that is closed does not look at it.
      const driver = this.#driver
      const { length } = chunk
      driver.#guard(() => driver.session.receive(chunk))
      if (driver.#phase !== 'released') driver.#watch?.onReceived(length)
    }

    onNonBinary(what: string): void {
      this.#driver.#guard(() => this.#driver.session.receiveNonBinary(what))
    }

    onDrain(): void {
      this.#driver.#isBlocked = false
      this.#driver.#reclaim()
      this.#driver.#scheduleFlush()
    }

    onEnd(error: ConnectionEnd): void {
      this.#driver.#onConnectionEnd(error)
    }
  }

  #onConnectionEnd(error: ConnectionEnd): void {
    this.#isInputEnded = true
    this.#guard(() => this.session.receiveEnd(error))
    // Whoever ends its output has ended its session: what is still to be sent would be thrown away over there.
    this.#release()
  }

  #onSessionClose(error: PeerplexError | null): void {
    this.#phase = error === null ? 'closing' : 'failing'
    const waitMs = error === null ? CLOSE_TIMEOUT_MS : LINGER_MS
    this.#setTimer(this.#clock.now() + waitMs, () => this.#release())
    // Not at once: this may be a call from within `takeOutput`, or from a sink in the middle of a chunk.
    this.#scheduleFlush()
    this.#tell((events) => events.onClose(error))
    // Who sent GOAWAY with an error expects no answer, and reads none (spec §12.4).
    if (error?.origin === 'remote') this.#release()
  }

  // ---- output -------------------------------------------------------------------------------------------------------

  /**
   * The one place that decides when a flush comes: once the running code is through and the microtasks have gone quiet.
   * What is sent in one turn then shares a write, and no sink runs in the middle of somebody's call.
   */
  #scheduleFlush(): void {
    if (this.#isFlushing || this.#phase === 'released') return
    this.#isFlushing = true
    this.#seenBytes = this.session.channels.outbox.committedBytes
    this.#quietCount = 0
    this.#waitCount = 0
    END_OF_TURN.then(this.#flushWhenQuiet)
  }

  #waitOrFlush(): void {
    const { committedBytes } = this.session.channels.outbox
    const hasGrown = committedBytes !== this.#seenBytes
    this.#seenBytes = committedBytes
    this.#quietCount = hasGrown ? 0 : this.#quietCount + 1
    this.#waitCount++
    if (this.#quietCount >= QUIET_MICROTASKS || this.#waitCount >= MOST_MICROTASKS) this.#flush()
    else END_OF_TURN.then(this.#flushWhenQuiet)
  }

  #flush(): void {
    const { outbox } = this.session.channels
    outbox.dueBytes = Number.POSITIVE_INFINITY
    this.#guard(() => this.#writeAll())
    this.#isFlushing = false
    outbox.dueBytes = this.#earlyBytes()
  }

  /**
   * How much of the next turn is worth a write of its own. Who waits for answers has a quarter of what is under way written at a time, and
   * gets answers in such quarters too: who only answers need not cut them again (bench `c256`: 1.15 of the rate, `c64` as before).
   */
  #earlyBytes(): number {
    const { counters, outbox } = this.session.channels
    const callCount = counters.channelsOpened - counters.ownChannelsEnded
    const isAnswering = callCount === 0 && counters.channelsAccepted !== this.#acceptedCount
    const frameCount = Math.max(1, outbox.frameCount - this.#frameCount)
    const underWayBytes = (callCount * this.#turnBytes) / frameCount
    // Half of what was usual counts too: the turn in which room is told is small, and the next one fills it.
    this.#usualBytes = Math.max(this.#turnBytes, this.#usualBytes / 2)
    const bytes = Math.max(underWayBytes, this.#usualBytes) * EARLY_SHARE
    const leastBytes = isAnswering ? LEAST_EARLY_ANSWER_BYTES : LEAST_EARLY_BYTES
    this.#turnBytes = 0
    this.#frameCount = outbox.frameCount
    this.#acceptedCount = counters.channelsAccepted
    return Math.min(Math.max(leastBytes, bytes), MOST_EARLY_BYTES)
  }

  /** In the middle of a turn: only what is committed, and nobody is told of it before the flush. */
  #writeEarly(): void {
    if (this.#phase !== 'open' || this.#isBlocked) return
    const { outbox } = this.session.channels
    this.#turnBytes += outbox.pendingBytes
    this.#write(outbox.take())
  }

  #write(parts: readonly Uint8Array[]): void {
    this.#isBlocked = !this.connection.write(parts)
    if (this.#isBlocked) this.#watch?.onBlocked()
    this.#reclaim()
  }

  /** Memory of what the transport has written is used again. */
  #reclaim(): void {
    const { outbox } = this.session.channels
    if (outbox.isReclaimed && this.connection.bufferedBytes === 0) outbox.reclaim()
  }

  #writeAll(): void {
    const { session, connection } = this
    while (this.#mayWrite() && session.hasOutput) {
      const parts = session.takeOutput()
      // It calls sinks, which may have ended everything: then there is nothing to write any more.
      if (parts.length === 0) break
      for (let at = 0; at < parts.length; at++) this.#turnBytes += (parts[at] as Uint8Array).length
      this.#write(parts)
    }
    const isEnding = this.#phase === 'closing' || this.#phase === 'failing'
    if (!isEnding || this.#isOutputEnded || session.hasOutput) return
    this.#isOutputEnded = true
    connection.end(session.transportCloseCode)
  }

  /** The GOAWAY of a failing session goes out, best effort, even where the connection asked to wait (spec §12.4). */
  #mayWrite(): boolean {
    return this.#phase === 'failing' || (this.#phase !== 'released' && !this.#isBlocked)
  }

  // ---- time ---------------------------------------------------------------------------------------------------------

  #setTimer(atMs: number, run: () => void): void {
    this.#clearTimer()
    this.#timer = this.#clock.setTimer(atMs, run)
  }

  #clearTimer(): void {
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer)
    this.#timer = null
  }

  // ---- the end, and errors ------------------------------------------------------------------------------------------

  #release(): void {
    if (this.#phase === 'released') return
    this.#phase = 'released'
    this.#clearTimer()
    this.#tell(() => this.#dropConnection())
    this.#tell((events) => events.onReleased?.())
  }

  #dropConnection(): void {
    const { connection, session } = this
    try {
      // A message connection tells the other side why it closes, as far as that still gets there (spec §18).
      const hasReason = connection.kind === 'message' && !this.#isOutputEnded && !this.#isInputEnded
      if (hasReason) connection.end(session.transportCloseCode)
    } finally {
      connection.destroy()
    }
  }

  /** A transport that throws, or a defect of the session, costs this connection and nothing else. */
  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.drop(error)
    }
  }

  #tell(call: (events: SessionDriverEvents) => void): void {
    try {
      call(this.#events)
    } catch (error) {
      try {
        this.#events.onUnexpectedError?.(error)
      } catch {
        // Who reports errors by throwing has nobody left to tell.
      }
    }
  }
}
