/**
 * Owns: one direction of a connection through a fault proxy: what has come, when it may go on, in which pieces and with which damage.
 * Must not know: the other direction, who commands the faults, or what the bytes mean.
 *
 *   source ──data──► [ merge → latency, jitter ] queue [ black hole → rate → split → damage ] ──write──► target
 *
 * What delays is decided when something comes, everything else when it goes on. Bytes, the end and the abort of the source go the same way.
 *
 * The bound: the source is paused while the pipe and the target's buffer hold 1 MiB, or the pipe 4,096 chunks. On top of that comes what was
 * being read and what a paused socket buffers, together less than 256 KiB.
 */
import type { Socket } from 'node:net'
import type { FaultClock } from './fault-clock.js'
import type { FaultSettings } from './fault-script.js'
import { Random } from './random.js'

/** Enough for a latency of 100 ms at 10 MB/s. */
const MAX_HELD_BYTES = 2 ** 20
/** A chunk of one byte costs some hundred bytes. */
const MAX_HELD_CHUNKS = 4_096
/** The most that one direction of a connection holds, in the pipe and in the buffers of its two sockets. */
export const MAX_PIPE_BYTES: number = MAX_HELD_BYTES + 2 ** 18

/** How much time's worth of bytes goes on at once when there is a rate: timers are not finer than a millisecond. */
const SLICE_MS = 10

/** What is decided outside of the pipe. */
export interface PipeOwner {
  /** How many bytes may still go on; Infinity unless a cut is planned. */
  allowedBytes(): number
  /** These go on now; lent for the call. */
  onPass(bytes: Uint8Array): void
  /** All that was allowed has been given to the system. */
  onUsedUp(): void
  /** The source was aborted, and it is time for the target to hear of it. */
  onAbort(): void
  /** A bit was flipped. */
  onFlip(): void
}

interface Piece {
  readonly chunks: Uint8Array[]
  readonly dueMs: number
  /** What comes until then is a part of it. */
  readonly openUntilMs: number
}

/**
 * `waiting`: the sockets are not connected yet, and nothing is read. `ending`: the source has ended, the target has not been told. `ended`: it has been, and may still hear of an abort. `stopped`: nobody is
 * there to hear anything.
 */
type PipeState = 'waiting' | 'flowing' | 'ending' | 'ended' | 'stopped'

export interface FaultPipeOptions {
  readonly source: Socket
  readonly target: Socket
  /** Those of the direction; read anew for everything that comes and goes. */
  readonly settings: FaultSettings
  readonly clock: FaultClock
  readonly owner: PipeOwner
  readonly seed: number
}

export class FaultPipe {
  readonly #source: Socket
  readonly #target: Socket
  readonly #settings: FaultSettings
  readonly #clock: FaultClock
  readonly #owner: PipeOwner
  readonly #jitter: Random
  readonly #damage: Random
  #state: PipeState = 'waiting'
  readonly #queue: Piece[] = []
  #heldBytes = 0
  #heldChunks = 0
  /** When the end may go on. */
  #endDueMs = 0
  /** When the abort may go on; it overtakes what is held up by the rate or by the target, as a RST does. */
  #abortDueMs = Number.POSITIVE_INFINITY
  /** The rate has used up the time until then. */
  #busyUntilMs = Number.NEGATIVE_INFINITY
  #isTargetFull = false
  #timer: { readonly handle: unknown; readonly atMs: number } | null = null
  /** Where pieces are split, each goes on in a turn of its own. */
  #turn: NodeJS.Immediate | null = null
  #isTurn = false
  /** For which setting the place of the next flip was drawn, and how far it is. */
  #flipEvery = 0
  #untilFlipBytes = 0

  constructor({ source, target, settings, clock, owner, seed }: FaultPipeOptions) {
    this.#source = source
    this.#target = target
    this.#settings = settings
    this.#clock = clock
    this.#owner = owner
    this.#jitter = new Random(seed)
    this.#damage = new Random(~seed)
  }

  /** What has come and has not been taken by the system on its way on. */
  get heldBytes(): number {
    return this.#heldBytes + this.#source.readableLength + this.#target.writableLength
  }

  /** Begins to read. Both sockets are connected. */
  start(): void {
    if (this.#state !== 'waiting') return
    this.#state = 'flowing'
    this.#source.on('data', (chunk: Uint8Array) => this.#receive(chunk))
    this.#source.on('end', () => this.#receiveEnd())
    this.#target.on('drain', () => {
      this.#isTargetFull = false
      this.pump()
    })
    this.#source.resume()
  }

  /** The source is gone without an end, or after it. */
  receiveAbort(): void {
    if (this.#state === 'stopped' || this.#abortDueMs < Number.POSITIVE_INFINITY) return
    this.#abortDueMs = this.#dueMs(this.#clock.now())
    this.pump()
  }

  /** What is held is due now; for a pipe that has been healed. */
  hurry(): void {
    const nowMs = this.#clock.now()
    for (const [index, { chunks }] of this.#queue.entries())
      this.#queue[index] = { chunks, dueMs: nowMs, openUntilMs: nowMs }
    this.#endDueMs = Math.min(this.#endDueMs, nowMs)
    if (this.#abortDueMs < Number.POSITIVE_INFINITY) this.#abortDueMs = nowMs
    this.#busyUntilMs = Number.NEGATIVE_INFINITY
    this.pump()
  }

  /** Ends the target's input now; what is held is dropped, and so is what still comes. */
  finish(): void {
    if (this.#state === 'stopped') return
    this.#drop()
    this.#passEnd()
  }

  /** The target is gone: what is held is dropped, and so is what still comes. */
  stop(): void {
    this.#state = 'stopped'
    this.#drop()
  }

  /** Passes on what may go on now, and sees to it that the rest follows. Harmless at any time. */
  pump(): void {
    if (this.#state === 'stopped' || this.#settings.isBlackHole) return
    if (this.#abortDueMs <= this.#clock.now()) {
      this.stop()
      this.#owner.onAbort()
      return
    }
    const wakeAtMs = Math.min(this.#passAll(), this.#abortDueMs)
    if (this.#state === 'flowing' && this.#source.isPaused() && !this.#isFull) this.#source.resume()
    if (wakeAtMs < Number.POSITIVE_INFINITY) this.#wakeAt(wakeAtMs)
  }

  // ---- in ---------------------------------------------------------------------------------------------------------

  #receive(chunk: Uint8Array): void {
    if (this.#state !== 'flowing') return
    const nowMs = this.#clock.now()
    const last = this.#queue.at(-1)
    if (last !== undefined && nowMs < last.openUntilMs) last.chunks.push(chunk)
    else {
      const openUntilMs = this.#settings.mergeMs > 0 ? nowMs + this.#settings.mergeMs : nowMs
      this.#queue.push({ chunks: [chunk], dueMs: this.#dueMs(openUntilMs), openUntilMs })
    }
    this.#heldBytes += chunk.length
    this.#heldChunks += 1
    this.pump()
    if (this.#isFull) this.#source.pause()
  }

  #receiveEnd(): void {
    if (this.#state !== 'flowing') return
    this.#state = 'ending'
    this.#endDueMs = this.#dueMs(this.#clock.now())
    this.pump()
  }

  /** When what comes at a time may go on: never before what came earlier. */
  #dueMs(atMs: number): number {
    const { latencyMs, jitterMs } = this.#settings
    const jitter = jitterMs > 0 ? (this.#jitter.next() / 2 ** 32) * jitterMs : 0
    const last = this.#queue.at(-1)
    return Math.max(atMs + latencyMs + jitter, last?.dueMs ?? 0, this.#endDueMs)
  }

  get #isFull(): boolean {
    const heldBytes = this.#heldBytes + this.#target.writableLength
    return heldBytes >= MAX_HELD_BYTES || this.#heldChunks >= MAX_HELD_CHUNKS
  }

  // ---- out --------------------------------------------------------------------------------------------------------

  /** Until when time alone is in the way; Infinity when nothing is held, or something else will call `pump`. */
  #passAll(): number {
    while (!this.#settings.isBlackHole) {
      const piece = this.#queue[0]
      if (piece === undefined && this.#state !== 'ending') break
      const nowMs = this.#clock.now()
      const dueMs = piece?.dueMs ?? this.#endDueMs
      if (dueMs > nowMs) return dueMs
      if (piece === undefined) {
        this.#passEnd()
        break
      }
      if (this.#isTargetFull) break
      if (this.#busyUntilMs > nowMs) return this.#busyUntilMs
      const allowedBytes = this.#owner.allowedBytes()
      if (allowedBytes === 0 || !this.#hasTurn()) break
      this.#pass(this.#take(piece, allowedBytes), allowedBytes)
    }
    return Number.POSITIVE_INFINITY
  }

  /** Whether a piece may go on in this turn of the event loop; if not, the next one is taken for it. A turn is used up by that. */
  #hasTurn(): boolean {
    if (this.#settings.splitBytes === Number.POSITIVE_INFINITY) return true
    const isTurn = this.#isTurn
    this.#isTurn = false
    if (!isTurn) {
      this.#turn ??= setImmediate(() => {
        this.#turn = null
        this.#isTurn = true
        this.pump()
        this.#isTurn = false
      })
    }
    return isTurn
  }

  /** Takes from the front as much as may go on at once. */
  #take(piece: Piece, allowedBytes: number): Uint8Array {
    const { chunks } = piece
    if (chunks.length > 1) {
      this.#heldChunks -= chunks.length - 1
      chunks.splice(0, chunks.length, Buffer.concat(chunks))
    }
    const whole = chunks[0] as Uint8Array
    const { splitBytes, bytesPerSecond } = this.#settings
    const sliceBytes = Math.max(1, Math.floor((bytesPerSecond * SLICE_MS) / 1_000))
    const byteCount = Math.min(whole.length, splitBytes, sliceBytes, allowedBytes)
    this.#heldBytes -= byteCount
    if (byteCount === whole.length) {
      this.#queue.shift()
      this.#heldChunks -= 1
      return whole
    }
    chunks[0] = whole.subarray(byteCount)
    return whole.subarray(0, byteCount)
  }

  #pass(bytes: Uint8Array, allowedBytes: number): void {
    this.#flip(bytes)
    const { bytesPerSecond } = this.#settings
    if (bytesPerSecond < Number.POSITIVE_INFINITY) {
      // A late timer may be caught up with, time without bytes may not be saved.
      const fromMs = Math.max(this.#busyUntilMs, this.#clock.now() - SLICE_MS)
      this.#busyUntilMs = fromMs + (bytes.length / bytesPerSecond) * 1_000
    }
    this.#owner.onPass(bytes)
    // Who looks on may have cut the connection.
    if (this.#target.destroyed || this.#target.writableEnded) return
    const isLast = bytes.length === allowedBytes
    const hasRoom = this.#target.write(bytes, isLast ? () => this.#owner.onUsedUp() : undefined)
    if (!hasRoom) this.#isTargetFull = true
  }

  #passEnd(): void {
    this.#state = 'ended'
    if (!this.#target.destroyed) this.#target.end()
  }

  #drop(): void {
    this.#queue.length = 0
    this.#heldBytes = 0
    this.#heldChunks = 0
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer.handle)
    this.#timer = null
    if (this.#turn !== null) clearImmediate(this.#turn)
    this.#turn = null
    if (!this.#source.destroyed) this.#source.resume()
  }

  #flip(bytes: Uint8Array): void {
    const { corruptEvery } = this.#settings
    if (corruptEvery !== this.#flipEvery) {
      this.#flipEvery = corruptEvery
      this.#untilFlipBytes = this.#damage.int(0, Math.max(0, 2 * corruptEvery - 2))
    }
    if (corruptEvery === 0) return
    while (this.#untilFlipBytes < bytes.length) {
      // What was read belongs to the pipe.
      bytes[this.#untilFlipBytes] = (bytes[this.#untilFlipBytes] as number) ^ (1 << this.#damage.int(0, 7))
      this.#untilFlipBytes += this.#damage.int(1, 2 * corruptEvery - 1)
      this.#owner.onFlip()
    }
    this.#untilFlipBytes -= bytes.length
  }

  // ---- time -------------------------------------------------------------------------------------------------------

  #wakeAt(atMs: number): void {
    if (this.#timer !== null) {
      if (this.#timer.atMs === atMs) return
      this.#clock.clearTimer(this.#timer.handle)
    }
    const handle = this.#clock.setTimer(atMs, () => {
      this.#timer = null
      this.pump()
    })
    this.#timer = { handle, atMs }
  }
}
