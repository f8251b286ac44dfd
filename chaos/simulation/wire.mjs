// Owns: one connection of the simulated network: two pipes in which bytes take their time, and everything that can go wrong with them.
// Must not know: who dials whom, what the bytes mean (frames.mjs knows where frames begin).
//
// Parts are kept as they were written and read only when they are delivered, and a delivered chunk is overwritten at once: whoever breaks the
// rules of ownership (architecture, §7) is found out.

import { TransportError } from '@peerplex/wire'
import { CallsUnderWay, FrameScanner, isFarewell, spoilHeader } from './frames.mjs'

/** @typedef {import('@peerplex/wire/transport').Connection} Connection */
/** @typedef {import('@peerplex/wire/transport').ConnectionSink} ConnectionSink */
/** @typedef {import('./net.mjs').SimNet} SimNet */
/** @typedef {import('./clock.mjs').SimProcess} SimProcess */
/** Where a connection is broken: both sides are told, or only one of them. @typedef {'both' | 'dialer' | 'listener'} Told */

/** From here on `write` asks to wait. */
const HIGH_WATER_BYTES = 65_536
const LATENCY_MS = 2
const NEVER = Number.POSITIVE_INFINITY

/** @type {ConnectionSink} */
const NOBODY = { onData: () => {}, onDrain: () => {}, onEnd: () => {} }

/** What one side writes on its way to the other one. */
export class Pipe {
  /** Nothing is delivered until then. */
  heldUntilMs = 0
  /** Takes no more than it must. */
  fullUntilMs = 0
  /** Until then everything takes longer, or comes in tiny pieces. */
  slowUntilMs = 0
  slowMs = 0
  shredUntilMs = 0
  /** The connection breaks when so many bytes were delivered. */
  cutAtBytes = NEVER
  /** The next header that can be is spoilt. */
  isSpoiling = false
  isSpoilt = false
  deliveredBytes = 0
  queuedBytes = 0
  /** A message is the parts of one write; bytes are parts one by one. @type {Uint8Array[][]} */
  #queue = []
  /** What comes after the data: nothing yet, the end, the loss. @type {{ error: Error | undefined } | null} */
  #ending = null
  /** Nothing written arrives any more, and nobody is told so. */
  #isVoid = false
  /** The next delivery. @type {unknown} */
  #timer = null
  #isDrainOwed = false
  #sent
  #got

  /** @param {Wire} wire @param {Side} from @param {Side} to */
  constructor(wire, from, to) {
    this.wire = wire
    this.from = from
    this.to = to
    this.#sent = new FrameScanner(wire.kind)
    this.#got = new FrameScanner(wire.kind)
  }

  /** @param {readonly Uint8Array[]} parts */
  write(parts) {
    let length = 0
    for (const part of parts) {
      length += part.length
      this.#sent.feed(part, (type, flags, channel) => this.from.underWay.sent(type, flags, channel))
    }
    if (this.#ending === null && length > 0) {
      this.queuedBytes += length
      if (this.wire.kind === 'message') this.#queue.push([...parts])
      else for (const part of parts) if (part.length > 0) this.#queue.push([part])
      this.#schedule()
    }
    const { clock } = this.wire.net
    if (this.queuedBytes <= HIGH_WATER_BYTES && this.fullUntilMs <= clock.now()) return true
    this.#isDrainOwed = true
    if (this.queuedBytes === 0) this.#oweDrain()
    return false
  }

  /** Nothing comes behind what is under way but this. @param {Error | undefined} error */
  end(error) {
    if (this.#ending !== null) return
    this.#ending = { error }
    this.#schedule()
  }

  /** What is under way is lost; the reader is told, or never is. @param {Error | undefined} error @param {boolean} isTold */
  lose(error, isTold) {
    if (this.#isVoid) return
    this.#queue = []
    this.queuedBytes = 0
    this.#ending = { error }
    this.#isVoid = !isTold
    this.heldUntilMs = 0
    this.wire.net.clock.clearTimer(this.#timer)
    this.#timer = null
    this.#schedule()
  }

  #schedule() {
    if (this.#timer !== null || this.#isVoid || this.to.isSilent) return
    if (this.#queue.length === 0 && this.#ending === null) return
    const { clock, random } = this.wire.net
    const nowMs = clock.now()
    const latencyMs = this.slowUntilMs > nowMs ? this.slowMs : LATENCY_MS
    this.#timer = clock.setTimer(nowMs + random.fraction() * latencyMs, () => this.#deliver())
  }

  #deliver() {
    this.#timer = null
    const { clock } = this.wire.net
    if (this.to.isSilent || this.to.process.isDead) return
    const waitMs = Math.max(this.heldUntilMs, this.to.process.thawMs)
    if (waitMs > clock.now()) {
      this.#timer = clock.setTimer(waitMs, () => this.#deliver())
      return
    }
    const piece = this.#take()
    if (piece === null) {
      if (this.#ending !== null) this.to.told(this.#ending.error)
      return
    }
    this.deliveredBytes += piece.length
    const isCut = this.deliveredBytes >= this.cutAtBytes
    this.#got.feed(piece, (type, flags, channel, start) => {
      if (!this.isSpoilt) this.to.underWay.received(type, flags, channel)
      if (isFarewell(type)) this.wire.net.onFarewell(this.wire)
      if (!this.isSpoiling || start < 0) return
      this.isSpoiling = false
      this.isSpoilt = true
      spoilHeader(piece, start, this.wire.net.random.int(0, 2))
    })
    if (this.queuedBytes === 0 && this.#isDrainOwed) this.#oweDrain()
    this.to.given(piece)
    if (isCut) this.wire.break('both')
    else this.#schedule()
  }

  /** The next piece, which is nobody else's; null when there is none. */
  #take() {
    const { random, clock } = this.wire.net
    if (this.#queue.length === 0) return null
    let length = this.queuedBytes
    if (this.wire.kind === 'message') {
      length = (this.#queue[0] ?? []).reduce((sum, part) => sum + part.length, 0)
    } else {
      if (this.shredUntilMs > clock.now()) length = Math.min(length, random.int(1, 7))
      else if (random.chance(0.3)) length = random.int(1, length)
      length = Math.max(1, Math.min(length, this.cutAtBytes - this.deliveredBytes))
    }
    const piece = new Uint8Array(length)
    for (let at = 0; at < length; ) {
      const parts = /** @type {Uint8Array[]} */ (this.#queue[0])
      const part = /** @type {Uint8Array} */ (parts[0])
      const count = Math.min(part.length, length - at)
      piece.set(part.subarray(0, count), at)
      at += count
      if (count < part.length) parts[0] = part.subarray(count)
      else parts.shift()
      if (parts.length === 0) this.#queue.shift()
    }
    this.queuedBytes -= length
    return piece
  }

  #oweDrain() {
    const { clock } = this.wire.net
    clock.setTimer(Math.max(clock.now(), this.fullUntilMs, this.from.process.thawMs), () => {
      if (!this.#isDrainOwed || this.queuedBytes > 0) return
      this.#isDrainOwed = false
      if (!this.from.isSilent && !this.from.process.isDead) this.from.sink.onDrain()
    })
  }
}

/** One end of a connection, as its owner sees it. @implements {Connection} */
export class Side {
  /** @type {ConnectionSink} */
  sink = NOBODY
  /** The owner was told the end, or has destroyed it. */
  isSilent = false
  /** The owner has ended it, or was told the end. */
  hasLeft = false
  /** Calls that the owner of this side made. */
  underWay = new CallsUnderWay()
  /** @type {Pipe} */
  out

  /** @param {Wire} wire @param {SimProcess} process */
  constructor(wire, process) {
    this.wire = wire
    this.process = process
    this.kind = wire.kind
    this.url = `memory:${wire.name}`
    this.out = new Pipe(wire, this, this)
  }

  get bufferedBytes() {
    return this.isSilent ? 0 : this.out.queuedBytes
  }

  /** @param {readonly Uint8Array[]} parts */
  write(parts) {
    if (this.isSilent) return false
    return this.out.write(parts)
  }

  end() {
    if (this.isSilent) return
    this.#leave()
    this.out.end(undefined)
  }

  destroy() {
    if (this.isSilent) return
    this.#leave()
    this.isSilent = true
    this.wire.destroyedBy(this)
  }

  /** Its process is gone. */
  vanish() {
    if (this.isSilent) return
    this.isSilent = true
    this.wire.destroyedBy(this)
  }

  /** What the owner does not know now it will never know. */
  #leave() {
    if (this.hasLeft) return
    this.hasLeft = true
    this.wire.net.onLeft(this)
  }

  /** @param {Uint8Array} piece */
  given(piece) {
    const { net, name } = this.wire
    net.delivering = name
    try {
      this.sink.onData(piece)
    } finally {
      net.delivering = ''
    }
    // It was lent.
    piece.fill(0xee)
  }

  /** @param {Error | undefined} error */
  told(error) {
    if (this.isSilent) return
    this.#leave()
    this.isSilent = true
    this.wire.net.ended(this.wire)
    this.sink.onEnd(error)
  }
}

/** A connection between two processes. */
export class Wire {
  /** It is broken, or one side has left. */
  isOver = false

  /**
   * @param {SimNet} net @param {string} name @param {'byte' | 'message'} kind
   * @param {SimProcess} dialer @param {SimProcess} listener
   */
  constructor(net, name, kind, dialer, listener) {
    this.net = net
    this.name = name
    this.kind = kind
    this.dialer = new Side(this, dialer)
    this.listener = new Side(this, listener)
    this.dialer.out = new Pipe(this, this.dialer, this.listener)
    this.listener.out = new Pipe(this, this.listener, this.dialer)
    this.pipes = /** @type {const} */ ([this.dialer.out, this.listener.out])
  }

  /** What is under way is lost. @param {Told} told */
  break(told) {
    this.net.ended(this)
    const error = new TransportError('UNAVAILABLE', `${this.dialer.url}: broken by the simulation`, {
      retryable: true,
    })
    this.listener.out.lose(error, told !== 'listener')
    this.dialer.out.lose(error, told !== 'dialer')
  }

  /** One side sends nothing any more, and hears that of nobody. @param {Side} from */
  halfClose(from) {
    this.net.ended(this)
    from.out.end(undefined)
  }

  /** A system closes a socket: what was written is sent, then the end; or a reset, when there is something that was not read. @param {Side} side */
  destroyedBy(side) {
    this.net.ended(this)
    const other = side === this.dialer ? this.listener : this.dialer
    if (other.out.queuedBytes > 0 || this.net.random.chance(0.3)) {
      const error = new TransportError('UNAVAILABLE', `${side.url}: reset by the other side`, {
        retryable: true,
      })
      side.out.lose(error, true)
    } else side.out.end(undefined)
    other.out.lose(undefined, false)
  }

  /** A process dies. @param {SimProcess} process */
  killedWith(process) {
    if (this.dialer.process === process) this.dialer.vanish()
    if (this.listener.process === process) this.listener.vanish()
  }
}
