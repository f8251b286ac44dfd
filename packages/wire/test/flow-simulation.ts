/**
 * Owns: two real sessions with random limits that exchange random messages while bytes, reads and sends happen in
 * random order, one small step at a time; and what no step can move any more, which is a stall.
 * Must not know: how a session counts credit. The only look inside is the one that starts its counters elsewhere.
 */

import { Random } from '@peerplex/testkit'
import { type Channel, type ChannelSink, Session, type SessionLimits } from '@peerplex/wire'
import { type Flow, makeFlow, Pipe, type Plan, payloadOf } from './flow-simulation-flows.js'
import { Judge, type SimulationResult } from './flow-simulation-judge.js'

export interface SimulationSettings {
  readonly seed: number
  readonly channelCount: number
  /** Messages per direction of a channel: 0 … so many. */
  readonly maxMessagesPerFlow: number
  /** Whether all messages are empty. */
  readonly isTiny: boolean
  /** Whether some channels are cancelled on the way. */
  readonly hasCancels: boolean
  /** Where all counters of bytes and messages begin. */
  readonly startAt: number
  /** What each side announces. */
  readonly limits: readonly [Partial<SessionLimits>, Partial<SessionLimits>]
  /** Called with each session and each channel, to break something on purpose. */
  readonly sabotage?: Sabotage
}

export interface Sabotage {
  onSession?(session: Session, side: number): void
  onChannel?(channel: Channel, side: number): void
  /** Called before every step; may change what is under way. */
  onStep?(run: Simulation): void
}

const MAX_STEPS = 3_000_000
/** So many steps without effect, and everything is tried once in a fixed order. */
const IDLE_STEPS = 64

export class Simulation {
  readonly sessions: readonly [Session, Session]
  readonly pipes: readonly [Pipe, Pipe] = [new Pipe(), new Pipe()]
  readonly #settings: SimulationSettings
  readonly #random: Random
  readonly #judge: Judge
  /** By channel: from its opener, towards its opener. */
  readonly #flows: (readonly [Flow, Flow])[] = []
  readonly #pendingAccepts: (() => void)[] = []
  readonly #wantsOutput = [false, false]
  readonly #timerMs = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  readonly #failures: string[] = []
  #nowMs = 0

  constructor(settings: SimulationSettings) {
    this.#settings = settings
    this.#random = new Random(settings.seed)
    this.sessions = [this.#makeSession(0), this.#makeSession(1)]
    const { sabotage: _, ...shown } = settings
    this.#judge = new Judge(this.sessions, this.#failures, shown)
  }

  /** Runs until all messages are read; throws when that does not happen, or when a rule is broken on the way. */
  run(): SimulationResult {
    this.#handshake()
    for (let i = 0; i < this.#settings.channelCount; i++) this.#openChannel(i)
    let idleSteps = 0
    while (!this.#isComplete()) {
      if (++this.#judge.stepCount > MAX_STEPS) this.#judge.fail('no end in sight')
      this.#settings.sabotage?.onStep?.(this)
      if (this.#randomStep()) idleSteps = 0
      else if (++idleSteps > IDLE_STEPS) {
        idleSteps = 0
        if (!this.#sweep() && !this.#sweepLater()) this.#judge.fail(`STALL ${this.#judge.levels()}`)
      }
      this.#judge.check()
    }
    this.#finish()
    return this.#judge.result()
  }

  // ---- building -----------------------------------------------------------------------------------------------------

  #makeSession(side: number): Session {
    const session = new Session(
      {
        kind: 'byte',
        instance: new Uint8Array(16).fill(side + 1),
        now: () => this.#nowMs,
        // Time stands still unless nothing else can happen, so no rule that waits may decide anything.
        limits: { idleTimeoutMs: 0, partialTimeoutMs: 0, ...this.#settings.limits[side] },
      },
      {
        onOutputPending: () => {
          this.#wantsOutput[side] = true
        },
        onTimer: (atMs) => {
          this.#timerMs[side] = atMs
        },
        onChannel: (channel) => this.#onChannel(channel, side),
        onHandlerError: (error) => this.#failures.push(`a sink threw ${String(error)}`),
        // The cause, before what the channels have to say about it.
        onClose: (error) => this.#failures.unshift(`side ${side} ended: ${error?.code} ${error?.message}`),
      },
    )
    return session
  }

  #handshake(): void {
    for (const session of this.sessions) session.start()
    while (this.#sweep()) this.#judge.check()
    for (const side of [0, 1]) {
      const session = this.sessions[side] as Session
      const { committer } = session.channels.sender
      shift(committer.credit, ['byteLimit', 'bytesSent'], this.#settings.startAt)
      shift(session.channels.receiver.connection, ['bytesReceived', 'bytesGranted'], this.#settings.startAt)
      this.#settings.sabotage?.onSession?.(session, side)
    }
  }

  #openChannel(index: number): void {
    const random = this.#random
    const side = random.int(0, 1)
    const opener = this.sessions[side] as Session
    const hasOverride = random.bool(0.3)
    const windowBytes = hasOverride ? random.pick([16_384, 32_768, 65_536]) : undefined
    const there = makeFlow(random, (this.sessions[1 - side] as Session).limits, undefined, this.#settings)
    const back = makeFlow(random, opener.limits, windowBytes, this.#settings)
    this.#flows.push([there, back])
    const isFirstInOpen = there.plans.length > 0 && random.bool()
    const first = isFirstInOpen ? (there.plans[0] as Plan) : null
    const isLast = isFirstInOpen && there.plans.length === 1 && random.bool()
    const channel = opener.open(`flow ${index}`, {
      sink: this.#sinkOf(there, back),
      ...(windowBytes === undefined ? {} : { windowBytes }),
      ...(hasOverride ? { windowMessages: random.pick([1, 4, 64]) } : {}),
      ...(first === null ? {} : { message: payloadOf(first), headers: first.headers }),
      ...(isLast ? { isLast: true } : {}),
    })
    if (first !== null) this.#judge.noteSent(there, first)
    there.isFirstInOpen = isFirstInOpen
    if (isLast) there.hasEnded = true
    there.sender = channel
    back.receiver = channel
    this.#startCounters(channel, side)
    if (back.readerManner !== 'flowing') channel.pause()
    if (there.senderManner === 'eager') while (this.#sendNext(there)) {}
  }

  #onChannel(channel: Channel, side: number): void {
    const [there, back] = this.#flows[Number(channel.name.split(' ')[1])] as readonly [Flow, Flow]
    there.receiver = channel
    back.sender = channel
    this.#startCounters(channel, side)
    const accept = (): void => {
      if (there.readerManner !== 'flowing') channel.pause()
      if (!channel.accept(this.#sinkOf(back, there))) return
      if (back.senderManner === 'eager') while (this.#sendNext(back)) {}
    }
    if (this.#random.bool(0.8)) accept()
    else this.#pendingAccepts.push(accept)
  }

  /** Both ends of a channel do this before any CREDIT for it can be under way, so they agree at all times. */
  #startCounters(channel: Channel, side: number): void {
    const { startAt, sabotage } = this.#settings
    shift(
      channel.sendCredit,
      ['byteLimit', 'bytesSent', 'messageLimit', 'messagesSent', 'bytesSentAtCredit'],
      startAt,
    )
    shift(
      channel.receiveCredit,
      [
        'bytesReceived',
        'bytesConsumed',
        'bytesGranted',
        'messagesReceived',
        'messagesConsumed',
        'messagesGranted',
      ],
      startAt,
    )
    sabotage?.onChannel?.(channel, side)
  }

  #sinkOf(out: Flow, into: Flow): ChannelSink {
    return {
      onMessage: (payload, headers) => this.#judge.noteReceived(into, payload, headers),
      onEnd: () => {
        into.isEndSeen = true
      },
      onWritable: () => {
        out.isRoomAwaited = false
      },
      onClose: (outcome, channel) => {
        if (outcome.code !== 0 && !(out.isCancelled && into.isCancelled)) {
          this.#failures.push(`'${channel.name}' ended with ${outcome.name} ${outcome.message}`)
        }
        channel.settle()
      },
    }
  }

  // ---- steps --------------------------------------------------------------------------------------------------------

  /** One thing that could happen next; false when it had no effect. */
  #randomStep(): boolean {
    const random = this.#random
    const chance = random.next() / 2 ** 32
    if (chance < 0.3) return this.#takeOutput(random.int(0, 1))
    if (chance < 0.65) return this.#deliver(random.int(0, 1), this.#pieceBytes())
    const flow = random.pick(random.pick(this.#flows))
    if (chance < 0.8) return this.#sendNext(flow)
    if (chance < 0.97) return this.#read(flow)
    if (chance < 0.98) return this.#acceptNext()
    return (
      this.#settings.hasCancels && random.bool(0.05) && this.#cancel(random.int(0, this.#flows.length - 1))
    )
  }

  #pieceBytes(): number {
    const kind = this.#random.int(0, 3)
    return kind === 0
      ? this.#random.int(1, 64)
      : kind === 1
        ? this.#random.int(1, 4_096)
        : this.#random.int(1, 131_072)
  }

  /** What a driver does: it takes output when told that there is some, and while there is more. */
  #takeOutput(side: number): boolean {
    if (!this.#wantsOutput[side]) return false
    this.#wantsOutput[side] = false
    const session = this.sessions[side] as Session
    const parts = session.takeOutput()
    if (session.hasOutput) this.#wantsOutput[side] = true
    this.pipes[side]?.push(parts)
    return parts.length > 0
  }

  #deliver(side: number, maxBytes: number): boolean {
    const pipe = this.pipes[side] as Pipe
    if (pipe.bytes === 0) return false
    this.sessions[1 - side]?.receive(pipe.take(maxBytes))
    return true
  }

  #sendNext(flow: Flow): boolean {
    const channel = flow.sender
    if (channel === null || flow.isCancelled || flow.hasEnded || flow.isRoomAwaited) return false
    if (!channel.isLocal && !isAccepted(channel)) return false
    const plan = flow.plans[flow.sentCount]
    if (plan === undefined) {
      flow.hasEnded = true
      channel.end(this.#random.bool(0.2) ? { note: 'x'.repeat(this.#random.int(0, 900)) } : undefined)
      return true
    }
    this.#judge.noteSent(flow, plan)
    const isLast = flow.sentCount === flow.plans.length && this.#random.bool()
    const hasRoom = isLast
      ? channel.sendLast(payloadOf(plan), plan.headers)
      : channel.send(payloadOf(plan), plan.headers)
    if (isLast) flow.hasEnded = true
    else if (!hasRoom && flow.senderManner === 'paced') flow.isRoomAwaited = true
    return true
  }

  #read(flow: Flow): boolean {
    const channel = flow.receiver
    if (channel === null) return false
    switch (flow.readerManner) {
      case 'flowing':
      // Reads only when nothing else moves.
      case 'sleeping':
        return false
      case 'toggling': {
        const hadUnread = channel.unreadBytes > 0
        if (channel.isPaused) channel.resume()
        else channel.pause()
        return hadUnread
      }
      case 'dozing':
        return this.#random.bool(0.05) && this.#readOne(flow)
      case 'pulling':
        return this.#readOne(flow)
    }
  }

  #readOne(flow: Flow): boolean {
    const message = flow.receiver?.read() ?? null
    if (message === null) return false
    this.#judge.noteReceived(flow, message.payload, message.headers)
    return true
  }

  #acceptNext(): boolean {
    const accept = this.#pendingAccepts.shift()
    accept?.()
    return accept !== undefined
  }

  /** Somebody gives up: the whole channel, or what comes in on it. */
  #cancel(index: number): boolean {
    const [there, back] = this.#flows[index] as readonly [Flow, Flow]
    const atOpener = this.#random.bool()
    const channel = atOpener ? there.sender : there.receiver
    const into = atOpener ? back : there
    if (channel === null || channel.isClosed || (!atOpener && !isAccepted(channel))) return false
    if (this.#random.bool() && into.plans.length > 0 && !into.isEndSeen && channel.state !== 'IDLE') {
      into.isCancelled = true
      channel.stop()
    } else {
      there.isCancelled = true
      back.isCancelled = true
      if (this.#random.bool()) channel.reset()
      else channel.fail(10)
    }
    return true
  }

  /** Tries everything once; false when nothing at all moves. */
  #sweep(): boolean {
    let hasMoved = false
    for (const side of [0, 1]) {
      if (this.#takeOutput(side)) hasMoved = true
      if (this.#deliver(side, Number.MAX_SAFE_INTEGER)) hasMoved = true
    }
    while (this.#acceptNext()) hasMoved = true
    for (const pair of this.#flows) {
      for (const flow of pair) {
        if (this.#sendNext(flow)) hasMoved = true
        if (flow.receiver === null || flow.readerManner === 'flowing') continue
        if (flow.receiver.isPaused ? this.#readOne(flow) : false) hasMoved = true
      }
    }
    return hasMoved
  }

  /** A second later: delayed slots return. Time decides nothing else here. */
  #sweepLater(): boolean {
    if (!this.#settings.hasCancels) return false
    this.#nowMs += 1_000
    for (const side of [0, 1]) {
      if ((this.#timerMs[side] as number) > this.#nowMs) continue
      this.#timerMs[side] = Number.POSITIVE_INFINITY
      this.sessions[side]?.tick()
    }
    return this.#sweep()
  }

  // ---- ending -------------------------------------------------------------------------------------------------------

  #isComplete(): boolean {
    return (
      this.#failures.length > 0 || this.#flows.every(([there, back]) => there.isComplete && back.isComplete)
    )
  }

  /** All is read: what is still under way may arrive, then nothing may be left. */
  #finish(): void {
    this.#judge.check()
    for (let i = 0; i < 3; i++) {
      while (this.#sweep()) this.#judge.check()
      this.#sweepLater()
    }
    this.#judge.expectNothingLeft()
  }
}

function isAccepted(channel: Channel): boolean {
  return channel.isLocal || (channel.bits & 0x20) !== 0
}

/** Moves counters on by the same amount; they are kept as signed 32-bit numbers. */
function shift<T extends object>(counters: T, names: readonly (keyof T)[], by: number): void {
  for (const name of names)
    (counters as Record<keyof T, number>)[name] = ((counters[name] as number) + by) | 0
}
