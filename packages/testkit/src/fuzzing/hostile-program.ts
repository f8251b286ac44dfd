/**
 * Owns: a program as a session may meet it: it echoes, holds, pauses, refuses, throws, opens channels and closes the session,
 * at random and from inside any call; and what it must not be told.
 * Must not know: the input of the session.
 */
import {
  type Channel,
  type ChannelSink,
  type Outcome,
  PeerplexError,
  type Session,
  type SessionSink,
} from '@peerplex/wire'
import type { Random } from '../random.js'

/** Something that no input may bring about. */
export class FuzzFailure extends Error {}

/** What a program throws inside a sink. */
class ProgramError extends Error {}

/** What is known of one channel. */
interface Entry {
  readonly channel: Channel
  /** The program has taken it, so it is told how it ends. */
  isTaken: boolean
  closeCount: number
}

const NAMES = ['echo', 'a', '~ref', 'x'.repeat(255)]
const CODES = [1, 2, 14, 70_000]
/** References 1 and 2. */
const TWO_RETAINED_REFS: Uint8Array = Uint8Array.of(1, 0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0)
const SMALL: Uint8Array = new Uint8Array(100).fill(0x61)
const LARGE: Uint8Array = new Uint8Array(40_000).fill(0x62)
/** More than this is not given to a channel whose other side does not read. */
const MAX_BUFFERED_BYTES = 100_000

export class HostileProgram implements SessionSink, ChannelSink {
  isOver = false
  error: PeerplexError | null = null
  timerMs: number = Number.POSITIVE_INFINITY
  /** It has ended the session itself, or asked it to end. */
  hasClosed = false
  /** The first thing that it should not have been told. It is not thrown into the session, which would answer for it. */
  failure: FuzzFailure | null = null
  readonly #rng: Random
  /** How likely it is to do something unexpected, 0 … 1. */
  #wildness: number
  readonly #entries = new Map<Channel, Entry>()
  #session: Session | null = null

  constructor(rng: Random, wildness: number) {
    this.#rng = rng
    this.#wildness = wildness
  }

  get session(): Session {
    return this.#session as Session
  }

  set session(session: Session) {
    this.#session = session
  }

  // ---- by itself ----------------------------------------------------------------------------------------------------

  /** Opens a channel; `isPlain`: with nothing that could keep its OPEN back. */
  open(isPlain: boolean): void {
    const rng = this.#rng
    const isOneway = !isPlain && rng.bool(0.1)
    const message = isPlain || rng.bool(0.8) ? SMALL : LARGE
    this.attempt(() => {
      const channel = this.session.open(isPlain ? 'echo' : rng.pick(NAMES), {
        sink: this,
        isOneway,
        isLast: rng.bool(0.3),
        timeoutMs: rng.pick([0, 0, 0, 5, 2_000]),
        ...(rng.bool(0.7) ? { message } : {}),
        ...(!isPlain && rng.bool(0.2) ? { windowBytes: 16_384, windowMessages: 1 } : {}),
        ...(rng.bool(0.2) ? { headers: { 'x-a': '1', refs: TWO_RETAINED_REFS } } : {}),
      })
      // `open` may have told its end already.
      if (!this.#entries.has(channel)) this.#entries.set(channel, { channel, isTaken: true, closeCount: 0 })
    })
  }

  /** Does something with one of its channels, or with the session. */
  act(): void {
    const rng = this.#rng
    if (rng.bool(0.15)) this.open(false)
    if (rng.bool(0.01 * this.#wildness)) this.end()
    if (rng.bool(0.01)) this.attempt(() => this.session.drain(rng.pick([0, 10, 5_000])))
    const entry = this.#pick()
    if (entry === null) return
    if (!entry.isTaken) this.#decide(entry)
    else this.#use(entry.channel)
  }

  /** Ends the session in one of the ways there are. */
  end(): void {
    this.hasClosed = true
    const { session } = this
    const rng = this.#rng
    switch (rng.int(0, 4)) {
      case 0:
        session.close()
        return
      case 1:
        session.fail(new PeerplexError('DUPLICATE', 'another connection is kept'))
        return
      case 2:
        session.refuseAuth()
        return
      case 3:
        this.attempt(() => session.drain(rng.pick([0, 10, 5_000])))
        return
      default:
        session.receiveEnd(new Error('the transport broke'))
    }
  }

  /** Reads what is unread and decides what is undecided, so that every channel comes to its end. */
  settleAll(): void {
    this.#wildness = 0
    for (const entry of [...this.#entries.values()]) {
      if (!entry.isTaken) this.#take(entry)
      this.attempt(() => entry.channel.resume())
      this.attempt(() => entry.channel.settle())
    }
  }

  /** Each channel of the ended session was told its end exactly once, if it was the program's at all. */
  checkEnds(): void {
    for (const { channel, isTaken, closeCount } of this.#entries.values()) {
      const expected = isTaken ? 1 : 0
      if (closeCount !== expected)
        this.#fail(`channel ${channel.id} '${channel.name}' had onClose ${closeCount} times`)
    }
  }

  /** Runs a call of the program; only errors that the library documents may come out of it. */
  attempt(run: () => void): void {
    try {
      run()
    } catch (error) {
      if (error instanceof PeerplexError && error.code !== 'INTERNAL_ERROR') return
      this.#fail(`a call threw ${error instanceof Error ? error.stack : String(error)}`)
    }
  }

  // ---- told by the session ------------------------------------------------------------------------------------------

  onOutputPending(): void {
    this.#alive('onOutputPending')
  }

  onTimer(atMs: number): void {
    this.#alive('onTimer')
    this.timerMs = atMs
  }

  onHello(): void {
    this.#alive('onHello')
    this.#intervene()
  }

  onDrain(): void {
    this.#alive('onDrain')
    this.#intervene()
  }

  onOpenCredit(): void {
    this.#alive('onOpenCredit')
    this.#intervene()
  }

  onRefFreed(): void {
    this.#alive('onRefFreed')
    this.#intervene()
  }

  onHandlerError(error: unknown): void {
    if (!(error instanceof ProgramError))
      this.#fail(`a sink threw ${error instanceof Error ? error.stack : String(error)}`)
  }

  onChannel(channel: Channel): void {
    this.#alive('onChannel')
    const entry: Entry = { channel, isTaken: false, closeCount: 0 }
    this.#entries.set(channel, entry)
    if (this.#rng.bool(0.15)) return
    this.#decide(entry)
    this.#surprise(channel)
  }

  onMessage(payload: Uint8Array, _: unknown, channel: Channel): void {
    this.#told(channel)
    const rng = this.#rng
    if (rng.bool(0.4) && channel.isWritable && channel.bufferedBytes < MAX_BUFFERED_BYTES)
      this.attempt(() => channel.send(payload.slice()))
    this.#surprise(channel)
  }

  onReadable(channel: Channel): void {
    this.#told(channel)
    if (this.#rng.bool(0.5)) this.attempt(() => channel.read())
    this.#surprise(channel)
  }

  onHeaders(_: unknown, channel: Channel): void {
    this.#told(channel)
    this.#surprise(channel)
  }

  onEnd(_: unknown, channel: Channel): void {
    this.#told(channel)
    if (this.#rng.bool(0.6)) this.attempt(() => channel.end())
    if (this.#rng.bool(0.6)) channel.settle()
    this.#surprise(channel)
  }

  onWritable(channel: Channel): void {
    this.#told(channel)
    this.#surprise(channel)
  }

  onStop(_: number, channel: Channel): void {
    this.#told(channel)
    this.#surprise(channel)
  }

  onClose(first: Outcome | PeerplexError | null, channel?: Channel): void {
    if (channel === undefined) {
      this.#alive('onClose')
      this.isOver = true
      this.error = first as PeerplexError | null
      return
    }
    this.#told(channel).closeCount++
    if (this.#rng.bool(0.7)) channel.settle()
    if (this.#rng.bool(0.05)) this.open(false)
    this.#surprise(channel)
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  #alive(what: string): void {
    if (this.isOver) this.#fail(`${what} after the session has ended`)
  }

  #fail(message: string): void {
    this.failure ??= new FuzzFailure(message)
  }

  #told(channel: Channel): Entry {
    let entry = this.#entries.get(channel)
    if (entry === undefined) {
      // Told while `open` has not returned yet.
      entry = { channel, isTaken: true, closeCount: 0 }
      this.#entries.set(channel, entry)
    }
    if (!entry.isTaken) this.#fail(`channel ${channel.id} was told something before it was accepted`)
    if (entry.closeCount > 0) this.#fail(`channel ${channel.id} was told something after onClose`)
    return entry
  }

  #pick(): Entry | null {
    const entries = [...this.#entries.values()]
    return entries.length === 0 ? null : this.#rng.pick(entries)
  }

  #decide(entry: Entry): void {
    const { channel } = entry
    const rng = this.#rng
    if (rng.bool(0.15)) {
      this.attempt(() => channel.refuse(rng.pick(CODES), 'not now'))
      return
    }
    if (rng.bool(0.2)) channel.pause()
    this.#take(entry)
  }

  #take(entry: Entry): void {
    this.attempt(() => {
      entry.isTaken = true
      let isAccepted = false
      try {
        isAccepted = entry.channel.accept(this)
      } finally {
        entry.isTaken = isAccepted
      }
    })
  }

  /** The same on what concerns the session as a whole; what a program throws there is not caught. */
  #intervene(): void {
    const rng = this.#rng
    if (!rng.bool(0.1 * this.#wildness)) return
    if (rng.bool(0.2)) this.end()
    else this.act()
  }

  /** Now and then something else than what one expects of a program, from inside a call of the session. */
  #surprise(channel: Channel): void {
    const rng = this.#rng
    if (!rng.bool(0.1 * this.#wildness)) return
    if (rng.bool(0.05)) this.end()
    else if (rng.bool(0.2)) throw new ProgramError('a handler failed')
    else this.#use(channel)
  }

  #use(channel: Channel): void {
    const rng = this.#rng
    this.attempt(() => {
      switch (rng.int(0, 12)) {
        case 0:
          if (channel.bufferedBytes < MAX_BUFFERED_BYTES)
            channel.send(rng.bool(0.9) ? SMALL : LARGE, { 'x-b': 'c' })
          return
        case 1:
          channel.sendLast(SMALL, undefined, rng.bool() ? { 'x-t': '1' } : undefined)
          return
        case 2:
          channel.sendHeaders({ 'x-h': '1' })
          return
        case 3:
          channel.end()
          return
        case 4:
          channel.fail(rng.pick(CODES), { message: 'failed' })
          return
        case 5:
          channel.reset(rng.pick([...CODES, 0]))
          return
        case 6:
          channel.stop(rng.pick(CODES))
          return
        case 7:
          channel.pause()
          return
        case 8:
          channel.resume()
          return
        case 9:
          channel.read()
          return
        case 10:
          channel.settle()
          return
        case 11:
          if (rng.bool(0.2)) this.session.releaseRef(rng.int(1, 5), rng.int(1, 2))
          return
        default:
          this.session.admit()
      }
    })
  }
}
