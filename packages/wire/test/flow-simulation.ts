/**
 * Owns: two real sessions with random limits that exchange random messages while bytes, reads and sends happen in
 * random order, one small step at a time; and the judgement of each step: stall, overrun, memory.
 * Must not know: how a session counts credit. The only look inside is the one that starts its counters elsewhere.
 */

import { Random } from '@peerplex/testkit'
import { type Channel, type ChannelSink, Headers, Session, type SessionLimits } from '@peerplex/wire'

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

export interface SimulationResult {
  readonly messageCount: number
  readonly payloadBytes: number
  readonly stepCount: number
  /** The most that either side held, and what it may hold at most. */
  readonly maxMemoryBytes: number
  readonly maxAssemblingBytes: number
  /** The highest share of the bound that was used, 0 … 1. */
  readonly maxMemoryShare: number
  readonly leastEconomy: number
  /** Whether the run came to what it is meant to try: each of the three made somebody wait. */
  readonly hasWithheldCredit: boolean
  readonly hasFilledPartials: boolean
  readonly hasQueuedOpens: boolean
}

/** Payloads are windows of this, so that a byte in the wrong place is noticed and comparing is cheap. */
const POOL = new Random(4711).bytes(262_144)
const MAX_STEPS = 3_000_000
/** So many steps without effect, and everything is tried once in a fixed order. */
const IDLE_STEPS = 64

interface Plan {
  readonly at: number
  readonly bytes: number
  readonly headers: Headers
}

type SenderManner = 'eager' | 'paced' | 'slow'
type ReaderManner = 'flowing' | 'pulling' | 'dozing' | 'sleeping' | 'toggling'

/** One direction of one channel. */
class Flow {
  readonly plans: readonly Plan[]
  readonly senderManner: SenderManner
  readonly readerManner: ReaderManner
  sender: Channel | null = null
  receiver: Channel | null = null
  sentCount = 0
  receivedCount = 0
  isRoomAwaited = false
  hasEnded = false
  isEndSeen = false
  isCancelled = false
  /** The headers of a message in OPEN are those of the channel. */
  isFirstInOpen = false

  constructor(plans: readonly Plan[], senderManner: SenderManner, readerManner: ReaderManner) {
    this.plans = plans
    this.senderManner = senderManner
    this.readerManner = readerManner
  }

  get isComplete(): boolean {
    return this.isCancelled || (this.receivedCount === this.plans.length && this.isEndSeen)
  }
}

/** Bytes that left one session and did not reach the other. */
class Pipe {
  readonly #parts: Uint8Array[] = []
  bytes = 0

  push(parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      this.#parts.push(part)
      this.bytes += part.length
    }
  }

  /** A copy of the next bytes, at most so many. */
  take(count: number): Uint8Array {
    const out = new Uint8Array(Math.min(count, this.bytes))
    let at = 0
    while (at < out.length) {
      const part = this.#parts[0] as Uint8Array
      const piece = part.subarray(0, out.length - at)
      out.set(piece, at)
      at += piece.length
      if (piece.length === part.length) this.#parts.shift()
      else this.#parts[0] = part.subarray(piece.length)
    }
    this.bytes -= out.length
    return out
  }
}

export class Simulation {
  readonly sessions: readonly [Session, Session]
  readonly pipes: readonly [Pipe, Pipe] = [new Pipe(), new Pipe()]
  readonly #settings: SimulationSettings
  readonly #random: Random
  readonly #resolved: readonly [SessionLimits, SessionLimits]
  /** By channel: from its opener, towards its opener. */
  readonly #flows: (readonly [Flow, Flow])[] = []
  readonly #pendingAccepts: (() => void)[] = []
  readonly #wantsOutput = [false, false]
  readonly #timerMs = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  readonly #failures: string[] = []
  #nowMs = 0
  #stepCount = 0
  #messageCount = 0
  #payloadBytes = 0
  #maxMemoryBytes = 0
  #maxMemoryShare = 0
  #maxAssemblingBytes = 0
  #leastEconomy = Number.POSITIVE_INFINITY
  #hasWithheldCredit = false
  #hasFilledPartials = false
  #hasQueuedOpens = false

  constructor(settings: SimulationSettings) {
    this.#settings = settings
    this.#random = new Random(settings.seed)
    this.sessions = [this.#makeSession(0), this.#makeSession(1)]
    this.#resolved = [this.sessions[0].limits, this.sessions[1].limits]
  }

  /** Runs until all messages are read; throws when that does not happen, or when a rule is broken on the way. */
  run(): SimulationResult {
    this.#handshake()
    for (let i = 0; i < this.#settings.channelCount; i++) this.#openChannel(i)
    let idleSteps = 0
    while (!this.#isComplete()) {
      if (++this.#stepCount > MAX_STEPS) this.#fail('no end in sight')
      this.#settings.sabotage?.onStep?.(this)
      if (this.#randomStep()) idleSteps = 0
      else if (++idleSteps > IDLE_STEPS) {
        idleSteps = 0
        if (!this.#sweep() && !this.#sweepLater()) this.#fail(`STALL ${this.#levels()}`)
      }
      this.#check()
    }
    this.#finish()
    return {
      messageCount: this.#messageCount,
      payloadBytes: this.#payloadBytes,
      stepCount: this.#stepCount,
      maxMemoryBytes: this.#maxMemoryBytes,
      maxAssemblingBytes: this.#maxAssemblingBytes,
      maxMemoryShare: this.#maxMemoryShare,
      leastEconomy: this.#leastEconomy,
      hasWithheldCredit: this.#hasWithheldCredit,
      hasFilledPartials: this.#hasFilledPartials,
      hasQueuedOpens: this.#hasQueuedOpens,
    }
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
    while (this.#sweep()) this.#check()
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
    const there = this.#makeFlow(1 - side, undefined)
    const back = this.#makeFlow(side, windowBytes)
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
    if (first !== null) this.#noteSent(there, first)
    there.isFirstInOpen = isFirstInOpen
    if (isLast) there.hasEnded = true
    there.sender = channel
    back.receiver = channel
    this.#startCounters(channel, side)
    if (back.readerManner !== 'flowing') channel.pause()
    if (there.senderManner === 'eager') while (this.#sendNext(there)) {}
  }

  #makeFlow(receiverSide: number, windowOverride: number | undefined): Flow {
    const random = this.#random
    const { isTiny, maxMessagesPerFlow } = this.#settings
    const limits = (this.sessions[receiverSide] as Session).limits
    const window = Math.min(limits.channelWindowBytes, windowOverride ?? limits.channelWindowBytes)
    const maxMeta = Math.min(
      limits.maxHeaderBytes,
      limits.maxFrameBytes - 64,
      window / 2 - 64,
      limits.connectionWindowBytes / 2 - 64,
    )
    const count = random.int(0, maxMessagesPerFlow)
    const plans = Array.from({ length: count }, (): Plan => {
      const bytes = isTiny
        ? 0
        : random.bool(0.05)
          ? random.int(window, limits.maxMessageBytes)
          : random.bool(0.1)
            ? 0
            : random.int(0, 2_000)
      const headers = isTiny || random.bool(0.9) ? Headers.EMPTY : headersOf(random.int(16, maxMeta - 64))
      return { at: random.int(0, POOL.length - 1 - bytes), bytes, headers }
    })
    const senderManner = isTiny ? 'eager' : random.pick<SenderManner>(['eager', 'paced', 'slow'])
    const isLazy = random.bool(0.2)
    const readerManner = isTiny
      ? 'sleeping'
      : isLazy
        ? 'dozing'
        : random.pick<ReaderManner>(['flowing', 'pulling', 'toggling'])
    return new Flow(plans, senderManner, readerManner)
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
      onMessage: (payload, headers) => this.#noteReceived(into, payload, headers),
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
    this.#noteSent(flow, plan)
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
    this.#noteReceived(flow, message.payload, message.headers)
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

  // ---- judging ------------------------------------------------------------------------------------------------------

  #noteSent(flow: Flow, plan: Plan): void {
    flow.sentCount++
    this.#messageCount++
    this.#payloadBytes += plan.bytes
  }

  #noteReceived(flow: Flow, payload: Uint8Array, headers: Headers): void {
    if (flow.isCancelled) return
    const plan = flow.plans[flow.receivedCount]
    const isInOpen = flow.isFirstInOpen && flow.receivedCount === 0
    flow.receivedCount++
    const wanted = plan === undefined ? null : POOL.subarray(plan.at, plan.at + plan.bytes)
    if (plan === undefined || wanted === null) this.#failures.push('a message that was never sent')
    else if (Buffer.compare(payload, wanted) !== 0) this.#failures.push('a message with other content')
    else if (headers.encoded.length !== (isInOpen ? 0 : plan.headers.encoded.length))
      this.#failures.push('a message with other headers')
  }

  #isComplete(): boolean {
    return (
      this.#failures.length > 0 || this.#flows.every(([there, back]) => there.isComplete && back.isComplete)
    )
  }

  #check(): void {
    for (const side of [0, 1]) {
      const stats = (this.sessions[side] as Session).stats()
      const limits = this.#resolved[side] as SessionLimits
      const bound = memoryBound(limits)
      const held = stats.unreadBytes + stats.assemblingBytes
      if (held > bound) this.#fail(`MEMORY side ${side} holds ${held} of ${bound}`)
      if (stats.inboundPartials > limits.maxPartialMessages) this.#fail('too many incomplete messages')
      this.#maxMemoryBytes = Math.max(this.#maxMemoryBytes, held)
      this.#maxMemoryShare = Math.max(this.#maxMemoryShare, held / bound)
      this.#maxAssemblingBytes = Math.max(this.#maxAssemblingBytes, stats.assemblingBytes)
      this.#leastEconomy = Math.min(this.#leastEconomy, stats.economyBalance)
      if (stats.unreadBytes > limits.maxUnreadBytes) this.#hasWithheldCredit = true
      if (stats.inboundPartials === limits.maxPartialMessages) this.#hasFilledPartials = true
      if (stats.openingChannels > 0) this.#hasQueuedOpens = true
    }
    const failure = this.#failures[0]
    if (failure !== undefined) this.#fail(failure)
  }

  /** All is read: nothing may be left anywhere, and both sides must have counted the same. */
  #finish(): void {
    this.#check()
    for (let i = 0; i < 3; i++) {
      while (this.#sweep()) this.#check()
      this.#sweepLater()
    }
    for (const side of [0, 1]) {
      const session = this.sessions[side] as Session
      const other = this.sessions[1 - side] as Session
      const stats = session.stats()
      const left = [
        stats.unreadBytes,
        stats.assemblingBytes,
        stats.inboundPartials,
        stats.outboundPartials,
        stats.queuedOutputBytes,
        stats.committedOutputBytes,
        stats.openChannels,
        stats.openingChannels,
        stats.openSlotsTaken,
      ]
      if (left.some((level) => level !== 0)) this.#fail(`side ${side} keeps ${left.join(' ')}`)
      const sent = session.channels.sender.committer.credit
      const received = other.channels.receiver.connection
      if (sent.bytesSent !== received.bytesReceived)
        this.#fail('the two sides have counted different charges')
      if (2 * sent.bytesLeft <= received.windowBytes)
        this.#fail(`only ${sent.bytesLeft} bytes of connection credit are left`)
    }
  }

  #levels(): string {
    return this.sessions
      .map((session) => {
        const { unreadBytes, assemblingBytes, queuedOutputBytes, openingChannels, inboundPartials } =
          session.stats()
        return JSON.stringify({
          unreadBytes,
          assemblingBytes,
          queuedOutputBytes,
          openingChannels,
          inboundPartials,
        })
      })
      .join(' ')
  }

  #fail(what: string): never {
    const { sabotage: _, ...settings } = this.#settings
    throw new Error(`${what} after ${this.#stepCount} steps of ${JSON.stringify(settings)}`)
  }
}

/** What a receiver may hold at most (spec §10.3), headers of incomplete messages included. */
export function memoryBound(limits: SessionLimits): number {
  const perPartial = limits.maxMessageBytes + limits.maxHeaderBytes
  return limits.maxUnreadBytes + 6 * limits.connectionWindowBytes + limits.maxPartialMessages * perPartial
}

function payloadOf(plan: Plan): Uint8Array {
  return POOL.slice(plan.at, plan.at + plan.bytes)
}

/** One entry; about so many bytes as metadata. */
function headersOf(bytes: number): Headers {
  return Headers.from({ pad: 'x'.repeat(Math.max(1, bytes - 6)) })
}

function isAccepted(channel: Channel): boolean {
  return channel.isLocal || (channel.bits & 0x20) !== 0
}

/** Moves counters on by the same amount; they are kept as signed 32-bit numbers. */
function shift<T extends object>(counters: T, names: readonly (keyof T)[], by: number): void {
  for (const name of names)
    (counters as Record<keyof T, number>)[name] = ((counters[name] as number) + by) | 0
}
