/**
 * Owns: the real thing under the model: two sessions, the pipes between them, their clock, and what programs do with channels.
 * Must not know: what is right. Every call of a sink goes to one observer as it happens; whoever steers the world asks the model.
 */
import {
  type Channel,
  type ChannelSink,
  type ConnectionKind,
  type DrainInfo,
  type Headers,
  type Outcome,
  type PeerplexError,
  Session,
  type SessionLimits,
  type SessionSink,
} from '@peerplex/wire'
import { concat } from '../bytes.js'
import { lend } from '../lend.js'

export type Side = 'a' | 'b'

function otherSide(side: Side): Side {
  return side === 'a' ? 'b' : 'a'
}

export interface WorldSetup {
  readonly kind: ConnectionKind
  readonly limits: Readonly<Record<Side, Partial<SessionLimits>>>
  /** Whether `b` checks credentials: it shows no channel before `admit`. */
  readonly isAuthRequired: boolean
  /** Time moves on only while everything is delivered: idle times and the like are as in practice. */
  readonly isAlwaysPumping: boolean
}

/** One call of a sink. Payloads are copies. */
export type WorldEvent = { readonly side: Side } & (
  | { readonly type: 'channel'; readonly channel: Channel }
  | {
      readonly type: 'message'
      readonly channel: Channel
      readonly payload: Uint8Array
      readonly headers: Headers
    }
  | { readonly type: 'headers'; readonly channel: Channel; readonly headers: Headers }
  | { readonly type: 'end'; readonly channel: Channel; readonly trailers: Headers }
  | { readonly type: 'stop'; readonly channel: Channel; readonly code: number }
  | { readonly type: 'writable' | 'readable'; readonly channel: Channel }
  | { readonly type: 'close'; readonly channel: Channel; readonly outcome: Outcome }
  | { readonly type: 'drain'; readonly info: DrainInfo }
  | { readonly type: 'over'; readonly error: PeerplexError | null }
  | { readonly type: 'handlerError'; readonly error: unknown }
)

export type Observer = (event: WorldEvent) => void

/** One session with its timer, the channels its program holds, and the pipe that leads away from it. */
export class End implements SessionSink, ChannelSink {
  readonly side: Side
  readonly session: Session
  /** By name; names are unique in a world. */
  readonly channels: Map<string, Channel> = new Map()
  /** Under way to the other side; on a message connection one item is one transport message. */
  readonly pipe: Uint8Array[] = []
  timerMs: number = Number.POSITIVE_INFINITY
  isOver = false
  /** The transport in this direction has ended. */
  isPipeEnded = false
  readonly #observe: Observer
  /** Output was announced, or the transport was full while there was more. */
  #mayTake = false

  constructor(side: Side, setup: WorldSetup, now: () => number, observe: Observer) {
    this.side = side
    this.#observe = observe
    this.session = new Session(
      {
        kind: setup.kind,
        instance: new Uint8Array(16).fill(side.charCodeAt(0)),
        now,
        limits: setup.limits[side],
        isAuthRequired: setup.isAuthRequired && side === 'b',
      },
      this,
    )
  }

  /** Moves what one `takeOutput` gives into the pipe; false when there was nothing. */
  take(): boolean {
    const { session } = this
    if (!session.hasOutput) return false
    if (!this.#mayTake) throw new Error(`${this.side} has output that it did not announce`)
    const bytes = concat(session.takeOutput())
    this.#mayTake = session.hasOutput
    if (bytes.length === 0 && session.hasOutput) throw new Error(`${this.side} promised output, gave none`)
    if (bytes.length > 0 && !this.isPipeEnded) this.pipe.push(bytes)
    return true
  }

  onOutputPending(): void {
    this.#mayTake = true
  }

  onTimer(atMs: number): void {
    this.timerMs = atMs
  }

  onChannel(channel: Channel): void {
    this.channels.set(channel.name, channel)
    this.#observe({ side: this.side, type: 'channel', channel })
  }

  onDrain(info: DrainInfo): void {
    this.#observe({ side: this.side, type: 'drain', info })
  }

  onClose(first: Outcome | PeerplexError | null, channel?: Channel): void {
    if (channel !== undefined) {
      this.#observe({ side: this.side, type: 'close', channel, outcome: first as Outcome })
      return
    }
    this.isOver = true
    this.#observe({ side: this.side, type: 'over', error: first as PeerplexError | null })
  }

  onHandlerError(error: unknown): void {
    this.#observe({ side: this.side, type: 'handlerError', error })
  }

  onMessage(payload: Uint8Array, headers: Headers, channel: Channel): void {
    this.#observe({ side: this.side, type: 'message', channel, payload: payload.slice(), headers })
  }

  onReadable(channel: Channel): void {
    this.#observe({ side: this.side, type: 'readable', channel })
  }

  onHeaders(headers: Headers, channel: Channel): void {
    this.#observe({ side: this.side, type: 'headers', channel, headers })
  }

  onEnd(trailers: Headers, channel: Channel): void {
    this.#observe({ side: this.side, type: 'end', channel, trailers })
  }

  onWritable(channel: Channel): void {
    this.#observe({ side: this.side, type: 'writable', channel })
  }

  onStop(code: number, channel: Channel): void {
    this.#observe({ side: this.side, type: 'stop', channel, code })
  }
}

/** Two ends, lossless pipes and one clock. Nothing moves by itself. */
export class World {
  readonly setup: WorldSetup
  readonly ends: Readonly<Record<Side, End>>
  nowMs = 1_000

  constructor(setup: WorldSetup, observe: Observer) {
    this.setup = setup
    const now = (): number => this.nowMs
    this.ends = { a: new End('a', setup, now, observe), b: new End('b', setup, now, observe) }
    this.ends.a.session.start()
    this.ends.b.session.start()
  }

  /** Delivers `count` bytes (transport messages on a message connection) of a pipe, in pieces. Returns how many it were. */
  deliver(from: Side, count: number, chunkBytes: number): number {
    const end = this.ends[from]
    const receiver = this.ends[otherSide(from)].session
    let delivered = 0
    for (let first = end.pipe[0]; first !== undefined && delivered < count; first = end.pipe[0]) {
      const isWhole = this.setup.kind === 'message'
      const length = isWhole ? first.length : Math.min(first.length, count - delivered, chunkBytes)
      if (length === first.length) end.pipe.shift()
      else end.pipe[0] = first.subarray(length)
      // A copy: what the receiver keeps must not hang on the sender's memory.
      lend(receiver, first.subarray(0, length))
      delivered += isWhole ? 1 : length
    }
    if (end.isOver && end.pipe.length === 0 && !end.session.hasOutput && !end.isPipeEnded) {
      end.isPipeEnded = true
      receiver.receiveEnd()
    }
    return delivered
  }

  /** Moves everything until nothing moves any more. */
  pump(chunkBytes: number = Number.POSITIVE_INFINITY): void {
    for (let rounds = 0; ; rounds++) {
      let hasMoved = false
      for (const side of ['a', 'b'] as const) {
        while (this.ends[side].take()) hasMoved = true
        if (this.deliver(side, Number.POSITIVE_INFINITY, chunkBytes) > 0) hasMoved = true
      }
      if (!hasMoved) return
      if (rounds > 10_000) throw new Error('the two sides do not come to rest')
    }
  }

  /** Moves time on. With `isPumping` everything is delivered after every timer, otherwise nothing is. */
  advance(ms: number, isPumping: boolean): void {
    const untilMs = this.nowMs + ms
    for (let ticks = 0; ; ticks++) {
      if (isPumping || this.setup.isAlwaysPumping) this.pump()
      const next = Math.min(this.ends.a.timerMs, this.ends.b.timerMs)
      if (next > untilMs) break
      this.nowMs = Math.max(this.nowMs, next)
      for (const end of [this.ends.a, this.ends.b]) {
        if (end.timerMs > this.nowMs) continue
        end.timerMs = Number.POSITIVE_INFINITY
        end.session.tick()
      }
      if (ticks > 10_000) throw new Error('a session asks for one timer after the other')
    }
    this.nowMs = untilMs
  }

  /** Whether a side keeps connection credit back because too much is unread. */
  isWithholding(side: Side): boolean {
    const { session } = this.ends[side]
    return session.stats().unreadBytes > session.limits.maxUnreadBytes
  }

  /** The connection is lost: what is under way is gone. */
  cut(): void {
    for (const end of [this.ends.a, this.ends.b]) {
      end.pipe.length = 0
      end.isPipeEnded = true
    }
    this.ends.a.session.receiveEnd()
    this.ends.b.session.receiveEnd()
  }
}
