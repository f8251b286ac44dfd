/**
 * Owns: two sessions connected by lossless pipes, moved by hand: nothing travels unless the test says so.
 * Must not know: what the sessions say to each other. A sink never leads back into `receive`: bytes wait in
 * the pipe until the next pump.
 */
import type { ConnectionKind, Session } from '@peerplex/wire'
import { concat, equalBytes } from './bytes.js'
import { lend } from './lend.js'
import { naiveDecode } from './naive-codec.js'
import { type NaiveFrame, PREFACE } from './naive-frames.js'
import { Random, randomChunks } from './random.js'
import type { RecordingSessionSink } from './recording-sink.js'
import { advanceWith, type HostedSessionOptions, SessionHost } from './session-host.js'
import { VirtualClock } from './virtual-clock.js'

/** Cuts the bytes of one delivery on a byte connection; joined, the pieces must be the same bytes. */
export type Chunker = (bytes: Uint8Array) => Uint8Array[]

/** Everything in one piece. */
export const wholeChunks: Chunker = (bytes) => [bytes]

/** One byte at a time. */
export const singleByteChunks: Chunker = (bytes) => Array.from(bytes, (byte) => Uint8Array.of(byte))

/** Pieces of random length, the same for the same seed. */
export function seededChunks(seed: number, maxChunkBytes = 4096): Chunker {
  const rng = new Random(seed)
  return (bytes) => randomChunks(bytes, rng, maxChunkBytes)
}

export type Direction = 'aToB' | 'bToA'

export interface MemoryPairOptions {
  readonly kind?: ConnectionKind
  readonly clock?: VirtualClock
  /** How deliveries are cut on byte connections. */
  readonly chunker?: Chunker
  readonly a?: HostedSessionOptions
  readonly b?: HostedSessionOptions
  /** Whether all bytes are kept for `sentBytes`; true unless a test moves very much. */
  readonly isCapturing?: boolean
  /** Whether a session that has ended, once its last bytes are delivered, ends the other one's input; true by default. */
  readonly isEndingOnClose?: boolean
  /** Whether the two are started by the constructor; true by default. */
  readonly isStarted?: boolean
}

/** What one `takeOutput` gave: the parts as they are, and a copy from the time they were taken. */
interface Shipment {
  readonly parts: readonly Uint8Array[]
  readonly copy: Uint8Array
  deliveredBytes: number
}

class Pipe {
  readonly from: SessionHost
  readonly to: SessionHost
  readonly shipments: Shipment[] = []
  readonly captured: Uint8Array[] = []
  isPaused = false
  isCut = false

  constructor(from: SessionHost, to: SessionHost) {
    this.from = from
    this.to = to
  }

  get inFlightBytes(): number {
    return this.shipments.reduce((sum, one) => sum + one.copy.length - one.deliveredBytes, 0)
  }
}

/** Two sessions, `a` and `b`, and the pipes between them. */
export class MemoryPair {
  readonly clock: VirtualClock
  readonly kind: ConnectionKind
  readonly a: SessionHost
  readonly b: SessionHost
  chunker: Chunker
  readonly #isCapturing: boolean
  readonly #isEndingOnClose: boolean
  readonly #pipes: Readonly<Record<Direction, Pipe>>
  #isMoving = false

  constructor(options: MemoryPairOptions = {}) {
    this.kind = options.kind ?? 'byte'
    this.clock = options.clock ?? new VirtualClock()
    this.chunker = options.chunker ?? wholeChunks
    this.#isCapturing = options.isCapturing ?? true
    this.#isEndingOnClose = options.isEndingOnClose ?? true
    this.a = new SessionHost(this.clock, this.kind, { instance: new Uint8Array(16).fill(0xa1), ...options.a })
    this.b = new SessionHost(this.clock, this.kind, { instance: new Uint8Array(16).fill(0xb2), ...options.b })
    this.#pipes = { aToB: new Pipe(this.a, this.b), bToA: new Pipe(this.b, this.a) }
    if (options.isStarted ?? true) this.start()
  }

  /** Starts both sessions; only for pairs made with `isStarted: false`. */
  start(): void {
    this.a.session.start()
    this.b.session.start()
  }

  get sessionA(): Session {
    return this.a.session
  }

  get sessionB(): Session {
    return this.b.session
  }

  get sinkA(): RecordingSessionSink {
    return this.a.sink
  }

  get sinkB(): RecordingSessionSink {
    return this.b.sink
  }

  /** Moves everything in both directions until nothing is left to move. Returns how many rounds that took. */
  pump(maxRounds = 10_000): number {
    for (let round = 0; round < maxRounds; round++) {
      const hasMovedThere = this.pumpOnce('aToB')
      const hasMovedBack = this.pumpOnce('bToA')
      if (!hasMovedThere && !hasMovedBack) return round
    }
    throw new Error(`still not quiescent after ${maxRounds} rounds`)
  }

  /** Takes what one side has to send now, and delivers all that is under way to the other. False when nothing moved. */
  pumpOnce(direction: Direction): boolean {
    const hasTaken = this.takeOutput(direction)
    const hasDelivered = this.deliver(direction) > 0
    return this.#endIfClosed(direction) || hasTaken || hasDelivered
  }

  /** Moves a session's output into the pipe; nothing while the direction is paused. False when there was none. */
  takeOutput(direction: Direction): boolean {
    const pipe = this.#pipes[direction]
    if (pipe.isPaused || pipe.isCut) return false
    const taken = this.#guarded(() => pipe.from.takeAll())
    for (const parts of taken) {
      const copy = concat(parts)
      pipe.shipments.push({ parts, copy, deliveredBytes: 0 })
      if (this.#isCapturing) pipe.captured.push(copy)
    }
    return taken.length > 0
  }

  /**
   * Delivers what is under way: on a byte connection so many bytes, on a message connection so many
   * transport messages; everything by default. Returns how many it were.
   */
  deliver(direction: Direction, count: number = Number.POSITIVE_INFINITY): number {
    const pipe = this.#pipes[direction]
    return this.#guarded(() =>
      this.kind === 'byte' ? this.#deliverBytes(pipe, count) : this.#deliverMessages(pipe, count),
    )
  }

  /** Bytes taken from one session and not yet delivered to the other. */
  inFlightBytes(direction: Direction): number {
    return this.#pipes[direction].inFlightBytes
  }

  /** Transport messages (results of `takeOutput`) not yet delivered. */
  inFlightMessages(direction: Direction): number {
    return this.#pipes[direction].shipments.length
  }

  /** While a direction is paused its sender's output is not taken, as on a transport that is full. */
  pause(direction: Direction): void {
    this.#pipes[direction].isPaused = true
  }

  resume(direction: Direction): void {
    this.#pipes[direction].isPaused = false
  }

  /** Ends a direction: what is under way is lost, and the receiver's input ends. */
  cut(direction: Direction): void {
    const pipe = this.#pipes[direction]
    if (pipe.isCut) return
    pipe.isCut = true
    pipe.shipments.length = 0
    this.#guarded(() => pipe.to.session.receiveEnd())
  }

  /** Ends both directions: the connection is lost. */
  cutAll(): void {
    this.cut('aToB')
    this.cut('bToA')
  }

  /** Moves time on; after every timer everything is pumped. */
  advance(ms: number): void {
    advanceWith(this.clock, ms, () => this.pump())
  }

  /** All bytes that were taken from a session so far, the preface included. */
  sentBytes(direction: Direction): Uint8Array {
    return concat(this.#pipes[direction].captured)
  }

  /** The same as frames, read by the naive codec; throws when a session has sent something illegal. */
  sentFrames(direction: Direction): NaiveFrame[] {
    const bytes = this.sentBytes(direction)
    const start = this.kind === 'byte' ? PREFACE.length : 0
    const result = naiveDecode(bytes.slice(start), { maxFrame: 2 ** 24 - 1, maxMeta: 65535 })
    if (result.error !== undefined) throw new Error(`${direction} carried ${result.error}: ${result.reason}`)
    if (result.restBytes > 0) throw new Error(`${direction} ended inside a frame`)
    return result.frames
  }

  /** What a transport does for a session that is through: it writes the rest and closes. */
  #endIfClosed(direction: Direction): boolean {
    const pipe = this.#pipes[direction]
    const isThrough = pipe.from.sink.isClosed && !pipe.from.session.hasOutput && pipe.shipments.length === 0
    if (!this.#isEndingOnClose || pipe.isCut || pipe.isPaused || !isThrough) return false
    this.cut(direction)
    return true
  }

  #deliverBytes(pipe: Pipe, count: number): number {
    let delivered = 0
    for (
      let shipment = pipe.shipments[0];
      shipment !== undefined && delivered < count;
      shipment = pipe.shipments[0]
    ) {
      const start = shipment.deliveredBytes
      const end = Math.min(shipment.copy.length, start + count - delivered)
      const isLast = end === shipment.copy.length
      if (start === 0 || isLast) demandUntouched(shipment)
      shipment.deliveredBytes = end
      if (isLast) pipe.shipments.shift()
      delivered += end - start
      // Slices are copies: what the receiver keeps must not hang on what the sender does next, nor on the capture.
      for (const chunk of this.chunker(shipment.copy.slice(start, end))) lend(pipe.to.session, chunk)
    }
    return delivered
  }

  #deliverMessages(pipe: Pipe, count: number): number {
    let delivered = 0
    for (; delivered < count; delivered++) {
      const shipment = pipe.shipments.shift()
      if (shipment === undefined) break
      demandUntouched(shipment)
      lend(pipe.to.session, shipment.copy)
    }
    return delivered
  }

  #guarded<T>(run: () => T): T {
    if (this.#isMoving) throw new Error('a sink must not move bytes')
    this.#isMoving = true
    try {
      return run()
    } finally {
      this.#isMoving = false
    }
  }
}

/** A transport may write late: what was handed over must still be the same bytes then. */
function demandUntouched({ parts, copy }: Shipment): void {
  if (!equalBytes(concat(parts), copy)) throw new Error('output was changed after it was handed over')
}
