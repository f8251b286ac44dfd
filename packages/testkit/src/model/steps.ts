/**
 * Owns: the steps of a random conversation: what each does to the model and to the world, and how often it comes.
 * Must not know: what is right (the model), how random steps are found and made smaller (fast-check).
 */
import { type Channel, type Headers, LimitError, type Outcome, PeerplexError } from '@peerplex/wire'
import type fc from 'fast-check'
import { Random } from '../random.js'
import { checkAtEnd, checkAtRest } from './at-rest.js'
import { type Call, demand, type Half, type Item, otherHalf, ReferenceModel } from './reference-model.js'
import { otherSide, type Side, World, type WorldEvent, type WorldSetup } from './world.js'

/** How a program treats channels that are opened towards it. */
export type Manner = 'later' | 'accept' | 'echo'

export interface Setup extends WorldSetup {
  readonly manner: Manner
}

/** Payloads are pieces of this, so that a message of 300 kB costs nothing to make. */
const POOL: Uint8Array = new Random(7).bytes(400_000)
const NO_BYTES = new Uint8Array(0)

/** Model and world together, and what the program of each side does. */
export class Play {
  readonly world: World
  readonly model: ReferenceModel
  #manner: Manner
  #count = 0
  /** `read` tells the end of the channel before it returns the last message. */
  #endsOfRead: WorldEvent[] | null = null
  /** The first thing that was wrong inside a sink: sinks must not throw into the session. */
  #failure: unknown = null

  constructor(setup: Setup) {
    this.#manner = setup.manner
    this.world = new World(setup, (event) => this.#observe(event))
    this.model = new ReferenceModel(() => this.world.nowMs, {
      a: this.world.ends.a.session.limits,
      b: this.world.ends.b.session.limits,
    })
  }

  /** Runs one step; throws what was wrong inside or after it. */
  run(step: () => void): void {
    try {
      step()
    } catch (error) {
      throw this.#failure ?? error
    }
    if (this.#failure !== null) throw this.#failure
  }

  /** Ends in peace what is still running, and looks whether anything is left. */
  finish(): void {
    const { model, world } = this
    const accepts = this.#manner === 'later' ? 'accept' : this.#manner
    this.#manner = accepts
    world.ends.b.session.admit()
    for (const call of model.calls.values()) {
      if (call.acceptor.isShown && !call.acceptor.isDecided) this.accept(call, 'accept')
    }
    // Several rounds: what waits for a slot or for credit comes when others have ended.
    for (let round = 0; round < 5 + 2 * model.calls.size; round++) {
      for (const { call, half, channel } of this.held()) {
        if (half.isPaused) this.resume(half, channel)
        if (half.outcome === null && !half.isEnded) this.endOutput(call, half, channel, '')
        if (!half.isSettled && !half.isOpener) this.settle(half, channel)
      }
      world.pump()
      checkAtRest(model, world)
      world.advance(1_500, true)
      if (this.held().every(({ half }) => half.outcome !== null && (half.isOpener || half.isSettled))) break
    }
    world.pump()
    checkAtEnd(model, world)
  }

  /** The ends that a program works with; `side` leaves the other one out. */
  held(side?: Side): { call: Call; half: Half; channel: Channel }[] {
    const found: { call: Call; half: Half; channel: Channel }[] = []
    for (const call of this.model.calls.values()) {
      for (const half of [call.opener, call.acceptor]) {
        const channel = this.world.ends[half.side].channels.get(call.name)
        if (channel !== undefined && half.isHeld && (side === undefined || side === half.side))
          found.push({ call, half, channel })
      }
    }
    return found
  }

  // ---- what a program can do ----------------------------------------------------------------------------------------

  open(side: Side, options: OpenStep): void {
    const end = this.world.ends[side]
    const name = `c${++this.#count}`
    const party = this.model.parties[side]
    const isUsable = !party.isGone && !party.wasToldNotice
    demand(end.session.isUsable === isUsable, `${side}: isUsable is ${end.session.isUsable}`)
    const message = options.bytes < 0 ? null : POOL.subarray(options.salt, options.salt + options.bytes)
    const headers = headersOf(options.headers)
    const isKnownTooLarge =
      (message?.length ?? 0) > (end.session.remoteHello?.maxMessageBytes ?? Number.POSITIVE_INFINITY)
    const half = this.model.open(side, name, options.isOneway, options.timeoutMs, textOf(headers))
    if (message !== null) half.sent.push({ isMessage: true, bytes: message, headers: '' })
    half.isEnded = options.isLast || options.isOneway
    try {
      const channel = end.session.open(name, {
        headers,
        timeoutMs: options.timeoutMs,
        isLast: options.isLast,
        isOneway: options.isOneway,
        sink: end,
        ...(message === null ? {} : { message }),
        ...(options.windowBytes === 0 ? {} : { windowBytes: options.windowBytes }),
        ...(options.windowMessages === 0 ? {} : { windowMessages: options.windowMessages }),
      })
      end.channels.set(name, channel)
      demand(isUsable && !isKnownTooLarge, `${name} should not have been opened`)
    } catch (error) {
      this.model.calls.delete(name)
      if (isUsable && isKnownTooLarge) demand(error instanceof LimitError, `${name}: ${error}`)
      else if (isUsable || !(error instanceof PeerplexError)) throw error
    }
  }

  accept(call: Call, manner: Manner): void {
    const end = this.world.ends[call.acceptor.side]
    const channel = end.channels.get(call.name) as Channel
    // What waits is handed over inside `accept`, so the model has to know before.
    call.acceptor.isHeld = true
    call.acceptor.isDecided = true
    this.#echoing.set(call.name, manner === 'echo')
    this.model.accept(call, channel.accept(end))
  }

  readonly #echoing = new Map<string, boolean>()

  send(
    call: Call,
    half: Half,
    channel: Channel,
    item: Item,
    headers: [string, string][],
    isLast: boolean,
  ): void {
    this.model.checkWritable(call, half, channel.isWritable)
    if (!channel.isWritable) return
    const most = this.world.ends[half.side].session.remoteHello?.maxMessageBytes ?? Number.POSITIVE_INFINITY
    if (item.bytes.length > most) {
      demand(
        throwsLimit(() => channel.send(item.bytes, headers)),
        `${call.name}: a message too large is taken`,
      )
      return
    }
    half.sent.push(item)
    if (isLast) half.isEnded = true
    const count = half.sent.length
    const isRoom = isLast ? channel.sendLast(item.bytes, headers) : channel.send(item.bytes, headers)
    half.isWaiting = !isRoom
    if (isRoom) half.committedCount = Math.max(half.committedCount, count)
  }

  sendHeaders(call: Call, half: Half, channel: Channel, value: string): void {
    this.model.checkWritable(call, half, channel.isWritable)
    if (!channel.isWritable) return
    half.sent.push({ isMessage: false, bytes: NO_BYTES, headers: textOf([['x-early', value]]) })
    channel.sendHeaders([['x-early', value]])
  }

  endOutput(call: Call, half: Half, channel: Channel, trailer: string): void {
    this.model.checkWritable(call, half, channel.isWritable)
    if (!channel.isWritable) return
    const trailers: [string, string][] = trailer === '' ? [] : [['x-trailer', trailer]]
    half.isEnded = true
    half.trailers = textOf(trailers)
    channel.end(trailers)
  }

  resume(half: Half, channel: Channel): void {
    half.isPaused = false
    channel.resume()
  }

  settle(half: Half, channel: Channel): void {
    half.isSettled = true
    channel.settle()
  }

  read(call: Call, half: Half, channel: Channel): void {
    const ends: WorldEvent[] = []
    this.#endsOfRead = ends
    const message = channel.read()
    this.#endsOfRead = null
    if (message !== null) {
      const item = { isMessage: true, bytes: message.payload, headers: textOf(message.headers) }
      this.model.got(call, half, item)
    }
    for (const event of ends) this.#observe(event)
  }

  // ---- what a program is told ---------------------------------------------------------------------------------------

  #observe(event: WorldEvent): void {
    if (this.#endsOfRead !== null && (event.type === 'end' || event.type === 'close')) {
      this.#endsOfRead.push(event)
      return
    }
    try {
      this.#pass(event)
    } catch (error) {
      this.#failure ??= error
    }
  }

  #pass(event: WorldEvent): void {
    const { model } = this
    const party = model.parties[event.side]
    switch (event.type) {
      case 'channel': {
        const { name, timeoutMs, headers, isOneway } = event.channel
        model.shown(name, event.side, timeoutMs, textOf(headers), isOneway)
        if (this.#manner !== 'later') this.accept(model.calls.get(name) as Call, this.#manner)
        return
      }
      case 'drain':
        party.wasToldNotice = true
        if (event.info.isFinal) party.wasToldFinal = true
        return
      case 'over':
        model.over(event.side, event.error?.code ?? null)
        return
      case 'handlerError':
        throw event.error
      default:
        this.#passChannel(event)
    }
  }

  #passChannel(
    event: Extract<
      WorldEvent,
      { type: 'message' | 'headers' | 'end' | 'stop' | 'writable' | 'readable' | 'close' }
    >,
  ): void {
    const { channel, side } = event
    const call = this.model.calls.get(channel.name) as Call
    const half = call.opener.side === side ? call.opener : call.acceptor
    switch (event.type) {
      case 'message': {
        demand(!half.isPaused, `${call.name}: pushed while paused`)
        const item = { isMessage: true, bytes: event.payload, headers: textOf(event.headers) }
        this.model.got(call, half, item)
        if (!half.isOpener && this.#echoing.get(call.name) === true) this.#echo(call, half, channel, event)
        return
      }
      case 'headers':
        this.model.got(call, half, { isMessage: false, bytes: NO_BYTES, headers: textOf(event.headers) })
        return
      case 'end':
        this.model.gotEnd(call, half, textOf(event.trailers))
        if (!half.isOpener && this.#echoing.get(call.name) === true && channel.isWritable)
          this.endOutput(call, half, channel, 'echoed')
        return
      case 'stop':
        this.model.toldStop(call, half, event.code)
        return
      case 'readable':
        demand(half.isPaused, `${call.name}: onReadable while messages flow`)
        return
      case 'writable':
        this.model.writable(call, half)
        return
      default:
        this.model.closed(call, half, plain(event.outcome), channel.id !== 0)
    }
  }

  #echo(call: Call, half: Half, channel: Channel, message: { payload: Uint8Array; headers: Headers }): void {
    if (!channel.isWritable) return
    const headers = [...message.headers] as [string, string][]
    this.send(
      call,
      half,
      channel,
      { isMessage: true, bytes: message.payload, headers: textOf(headers) },
      headers,
      false,
    )
  }
}

/** One random step. Numbers that choose (`pick`) are taken modulo what there is to choose from. */
export type Step =
  | { readonly type: 'open'; readonly side: Side; readonly options: OpenStep }
  | { readonly type: 'accept'; readonly side: Side; readonly pick: number; readonly manner: Manner }
  | { readonly type: 'refuse'; readonly side: Side; readonly pick: number; readonly code: number }
  | {
      readonly type: 'send' | 'sendLast'
      readonly side: Side
      readonly pick: number
      readonly bytes: number
      readonly salt: number
      readonly headers: number
    }
  | {
      readonly type: 'sendHeaders' | 'end'
      readonly side: Side
      readonly pick: number
      readonly text: string
    }
  | {
      readonly type: 'stop' | 'reset' | 'fail'
      readonly side: Side
      readonly pick: number
      readonly code: number
    }
  | { readonly type: 'pause' | 'resume' | 'read' | 'settle'; readonly side: Side; readonly pick: number }
  | { readonly type: 'take'; readonly side: Side }
  | { readonly type: 'deliver'; readonly side: Side; readonly count: number; readonly chunkBytes: number }
  | { readonly type: 'flush'; readonly chunkBytes: number }
  | { readonly type: 'advance'; readonly ms: number; readonly isPumping: boolean }
  | { readonly type: 'drain'; readonly side: Side; readonly graceMs: number }
  | { readonly type: 'close'; readonly side: Side }
  | { readonly type: 'cut' | 'admit' }

export interface OpenStep {
  /** -1: without a message. */
  readonly bytes: number
  readonly salt: number
  readonly headers: number
  readonly isLast: boolean
  readonly isOneway: boolean
  readonly timeoutMs: number
  readonly windowBytes: number
  readonly windowMessages: number
}

/** A step as fast-check wants it; a step without anything to act on is left out. */
export class StepCommand implements fc.Command<object, Play> {
  readonly step: Step

  constructor(step: Step) {
    this.step = step
  }

  check(): boolean {
    return true
  }

  run(_: object, play: Play): void {
    play.run(() => runStep(play, this.step))
  }

  toString(): string {
    return JSON.stringify(this.step)
  }
}

function runStep(play: Play, step: Step): void {
  const { world, model } = play
  switch (step.type) {
    case 'open':
      play.open(step.side, step.options)
      return
    case 'accept':
    case 'refuse': {
      const waiting = [...model.calls.values()].filter(
        ({ acceptor }) =>
          acceptor.side === step.side && acceptor.isShown && !acceptor.isDecided,
      )
      const call = waiting[step.pick % waiting.length]
      if (call === undefined) return
      if (step.type === 'accept') play.accept(call, step.manner)
      else {
        call.acceptor.isDecided = true
        call.acceptor.refusedWith = step.code
        world.ends[step.side].channels.get(call.name)?.refuse(step.code, 'not now')
      }
      return
    }
    case 'take':
      world.ends[step.side].take()
      return
    case 'deliver':
      world.ends[step.side].take()
      world.deliver(step.side, step.count, step.chunkBytes)
      return
    case 'flush':
      world.pump(step.chunkBytes)
      checkAtRest(model, world)
      return
    case 'advance':
      world.advance(step.ms, step.isPumping)
      model.checkTime()
      return
    case 'drain': {
      const party = model.parties[step.side]
      if (party.isGone || party.isDraining) return
      party.isDraining = true
      party.graceEndsMs = world.nowMs + step.graceMs
      world.ends[step.side].session.drain(step.graceMs)
      return
    }
    case 'close':
      model.parties[step.side].isGone = true
      model.parties[step.side].isDraining = true
      world.ends[step.side].session.close()
      return
    case 'cut':
      model.parties.a.isGone = true
      model.parties.b.isGone = true
      world.cut()
      return
    case 'admit':
      world.ends.b.session.admit()
      return
    default:
      runOnChannel(play, step)
  }
}

function runOnChannel(play: Play, step: Extract<Step, { pick: number }>): void {
  const held = play.held(step.side)
  const target = held[step.pick % held.length]
  if (target === undefined) return
  const { call, half, channel } = target
  switch (step.type) {
    case 'send':
    case 'sendLast': {
      const headers = headersOf(step.headers)
      const bytes = POOL.subarray(step.salt, step.salt + step.bytes)
      const item = { isMessage: true, bytes, headers: textOf(headers) }
      play.send(call, half, channel, item, headers, step.type === 'sendLast')
      return
    }
    case 'sendHeaders':
      play.sendHeaders(call, half, channel, step.text)
      return
    case 'end':
      play.endOutput(call, half, channel, step.text)
      return
    case 'stop':
      if (half.stopCode === 0 && half.outcome === null) half.stopCode = step.code
      channel.stop(step.code)
      return
    case 'reset':
      play.model.end(half, 'reset', step.code)
      channel.reset(step.code)
      return
    case 'fail':
      play.model.end(half, 'fail', step.code)
      channel.fail(step.code, { message: 'failed' })
      return
    case 'pause':
      if (half.outcome === null) half.isPaused = true
      channel.pause()
      return
    case 'resume':
      play.resume(half, channel)
      return
    case 'read':
      if (half.isPaused) play.read(call, half, channel)
      return
    case 'settle':
      if (!half.isOpener) play.settle(half, channel)
  }
}

function headersOf(size: number): [string, string][] {
  if (size === 0) return []
  return size === 1
    ? [
        ['x-k', 'v'],
        ['x-k', 'w'],
      ]
    : [['x-long', 'h'.repeat(size)]]
}

function textOf(headers: Headers | Iterable<readonly [string, string | Uint8Array]>): string {
  return [...headers].map(([key, value]) => `${key}=${value}`).join(';')
}

function plain({ code, delivery, origin }: Outcome): { code: number; delivery: string; origin: string } {
  return { code, delivery, origin }
}

function throwsLimit(run: () => void): boolean {
  try {
    run()
    return false
  } catch (error) {
    return error instanceof LimitError
  }
}
