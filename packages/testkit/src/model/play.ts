/**
 * Owns: a world with its model: what the programs of both sides do, told to the model first and to the session then, and what
 * they are told, passed on to the model.
 * Must not know: what is right (the model), in which order things are done (steps.ts).
 */
import { type Channel, type Headers, LimitError, PeerplexError } from '@peerplex/wire'
import { Random } from '../random.js'
import { checkAtEnd, checkAtRest, checkLevels, checkTime } from './at-rest.js'
import { type Call, demand, type Half, type Item } from './model-state.js'
import { ReferenceModel } from './reference-model.js'
import { type Side, World, type WorldEvent, type WorldSetup } from './world.js'

/** How programs treat channels that are opened towards them. */
export type Manner = 'later' | 'accept' | 'echo'

export interface Setup extends WorldSetup {
  readonly manner: Manner
  /** The memory for what is unread is small, so that readers that do not read are ended. */
  readonly isCramped: boolean
}

/** What `Session.open` is to be given; -1 `bytes`: no message. */
export interface OpenStep {
  readonly bytes: number
  readonly salt: number
  readonly headers: number
  readonly isLast: boolean
  readonly isOneway: boolean
  readonly timeoutMs: number
  readonly windowBytes: number
  readonly windowMessages: number
}

/** Changes what programs are told, to see that the model notices. */
export type Tamper = (event: WorldEvent) => readonly WorldEvent[]

type HeaderPairs = [string, string][]

/** Payloads are pieces of this, so that a message of 300 kB costs nothing to make. */
const POOL: Uint8Array = new Random(7).bytes(400_000)
const NO_BYTES = new Uint8Array(0)

export class Play {
  readonly world: World
  readonly model: ReferenceModel
  readonly #manner: Manner
  readonly #tamper: Tamper | null
  readonly #echoing = new Set<string>()
  #isFinishing = false
  #openCount = 0
  #stepCount = 0
  /** `read` tells the end of the channel before it returns the last message. */
  #endsOfRead: WorldEvent[] | null = null
  /** The first thing that was wrong inside a sink: sinks must not throw into the session. */
  #failure: unknown = null

  constructor(setup: Setup, tamper: Tamper | null = null) {
    this.#manner = setup.manner
    this.#tamper = tamper
    this.world = new World(setup, (event) => this.#observe(event))
    const limitsOf = (side: Side) => {
      const { limits } = this.world.ends[side].session
      return setup.isCramped ? limits : { ...limits, maxUnreadBytes: Number.POSITIVE_INFINITY }
    }
    this.model = new ReferenceModel(() => this.world.nowMs, { a: limitsOf('a'), b: limitsOf('b') })
  }

  /** Runs one step; throws what was wrong inside or after it. */
  run(step: () => void): void {
    try {
      step()
      for (const side of ['a', 'b'] as const)
        if (++this.#stepCount % 3 === 0) checkLevels(this.model, this.world, side)
    } catch (error) {
      throw this.#failure ?? error
    }
    if (this.#failure !== null) throw this.#failure
  }

  /** Ends in peace what is still running, and looks whether anything is left. */
  finish(): void {
    const { model, world } = this
    this.#isFinishing = true
    world.ends.b.session.admit()
    for (const call of model.calls.values())
      if (call.acceptor.isShown && !call.acceptor.isDecided) this.accept(call, 'accept')
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
      checkTime(model, world.nowMs)
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
        if (channel !== undefined && half.isHeld && (side ?? half.side) === half.side)
          found.push({ call, half, channel })
      }
    }
    return found
  }

  // ---- what a program can do ----------------------------------------------------------------------------------------

  open(side: Side, options: OpenStep): void {
    const { model } = this
    const end = this.world.ends[side]
    const name = `c${++this.#openCount}`
    const party = model.parties[side]
    const isUsable = !party.isGone && !party.wasToldNotice
    demand(end.session.isUsable === isUsable, `${side}: isUsable is ${end.session.isUsable}`)
    const message = options.bytes < 0 ? null : piece(options.salt, options.bytes)
    const headers = headersOf(options.headers)
    const isTooLarge = (message?.length ?? 0) > this.#mostBytes(side)
    const half = model.open(side, name, options.isOneway, options.timeoutMs, textOf(headers))
    if (message !== null) half.sent.push({ isMessage: true, bytes: message, headers: '' })
    half.windowBytes = options.windowBytes
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
      demand(isUsable && !isTooLarge, `${name} should not have been opened`)
    } catch (error) {
      model.calls.delete(name)
      const isExpected = isUsable ? isTooLarge && error instanceof LimitError : error instanceof PeerplexError
      if (!isExpected) throw error
    }
  }

  accept(call: Call, manner: Manner): void {
    const end = this.world.ends[call.acceptor.side]
    const channel = end.channels.get(call.name) as Channel
    // What waits is handed over inside `accept`, so the model has to know before.
    call.acceptor.isHeld = true
    call.acceptor.isDecided = true
    if (manner === 'echo') this.#echoing.add(call.name)
    this.model.accept(call, channel.accept(end))
  }

  refuse(call: Call, code: number): void {
    call.acceptor.isDecided = true
    call.acceptor.refusedWith = code
    this.world.ends[call.acceptor.side].channels.get(call.name)?.refuse(code, 'not now')
  }

  /** `trailer` '': none; only the last message may have one. */
  send(call: Call, half: Half, channel: Channel, message: SendStep): void {
    this.model.checkWritable(call, half, channel.isWritable)
    if (!channel.isWritable) return
    const { bytes, headers, isLast, trailer } = message
    if (bytes.length > this.#mostBytes(half.side)) {
      demand(
        throwsLimit(() => channel.send(bytes)),
        `${call.name}: a message too large is taken`,
      )
      return
    }
    half.sent.push({ isMessage: true, bytes, headers: textOf(headers) })
    const trailers: HeaderPairs = trailer === '' ? [] : [['x-trailer', trailer]]
    if (isLast) {
      half.isEnded = true
      half.trailers = textOf(trailers)
    }
    const count = half.sent.length
    const isRoom = isLast ? channel.sendLast(bytes, headers, trailers) : channel.send(bytes, headers)
    half.isWaiting = !isRoom
    if (isRoom) half.committedCount = Math.max(half.committedCount, count)
  }

  sendHeaders(call: Call, half: Half, channel: Channel, value: string): void {
    this.model.checkWritable(call, half, channel.isWritable)
    if (!channel.isWritable) return
    const headers: HeaderPairs = [['x-early', value]]
    half.sent.push({ isMessage: false, bytes: NO_BYTES, headers: textOf(headers) })
    channel.sendHeaders(headers)
  }

  endOutput(call: Call, half: Half, channel: Channel, trailer: string): void {
    this.model.checkWritable(call, half, channel.isWritable)
    if (!channel.isWritable) return
    const trailers: HeaderPairs = trailer === '' ? [] : [['x-trailer', trailer]]
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
    if (message !== null) this.model.got(call, half, itemOf(message))
    for (const event of ends) this.#observe(event)
  }

  // ---- what a program is told ---------------------------------------------------------------------------------------

  #observe(told: WorldEvent): void {
    if (this.#endsOfRead !== null && (told.type === 'end' || told.type === 'close')) {
      this.#endsOfRead.push(told)
      return
    }
    try {
      for (const event of this.#tamper?.(told) ?? [told]) this.#pass(event)
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
        const manner = this.#isFinishing && this.#manner === 'later' ? 'accept' : this.#manner
        if (manner !== 'later') this.accept(model.calls.get(name) as Call, manner)
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

  #passChannel(event: Extract<WorldEvent, { channel: Channel }>): void {
    const { model } = this
    const { channel, side } = event
    const call = model.calls.get(channel.name) as Call
    const half = call.opener.side === side ? call.opener : call.acceptor
    const isEchoing = !half.isOpener && this.#echoing.has(call.name)
    switch (event.type) {
      case 'message':
        demand(!half.isPaused, `${call.name}: pushed while paused`)
        model.got(call, half, itemOf(event))
        if (isEchoing) {
          const headers = [...event.headers] as HeaderPairs
          this.send(call, half, channel, { bytes: event.payload, headers, isLast: false, trailer: '' })
        }
        return
      case 'headers':
        model.got(call, half, { isMessage: false, bytes: NO_BYTES, headers: textOf(event.headers) })
        return
      case 'end':
        model.gotEnd(call, half, textOf(event.trailers))
        if (isEchoing && channel.isWritable) this.endOutput(call, half, channel, 'echoed')
        return
      case 'stop':
        model.toldStop(call, half, event.code)
        return
      case 'readable':
        demand(half.isPaused && half.outcome === null, `${call.name}: onReadable at the wrong time`)
        return
      case 'writable':
        model.writable(call, half)
        return
      case 'close': {
        const { code, delivery, origin } = event.outcome
        model.closed(call, half, { code, delivery, origin }, channel.id !== 0)
      }
    }
  }

  /** What `side` knows of the largest message that the other one takes. */
  #mostBytes(side: Side): number {
    return this.world.ends[side].session.remoteHello?.maxMessageBytes ?? Number.POSITIVE_INFINITY
  }
}

export interface SendStep {
  readonly bytes: Uint8Array
  readonly headers: HeaderPairs
  readonly isLast: boolean
  readonly trailer: string
}

/** A payload; different salts give different bytes. */
export function piece(salt: number, length: number): Uint8Array {
  return POOL.subarray(salt, salt + length)
}

/** 0: no headers; 1: a repeated key; more: one long value. */
export function headersOf(size: number): HeaderPairs {
  if (size === 0) return []
  if (size > 1) return [['x-long', 'h'.repeat(size)]]
  return [
    ['x-k', 'v'],
    ['x-k', 'w'],
  ]
}

function itemOf(message: { readonly payload: Uint8Array; readonly headers: Headers }): Item {
  return { isMessage: true, bytes: message.payload, headers: textOf(message.headers) }
}

function textOf(headers: Iterable<readonly [string, string | Uint8Array]>): string {
  return [...headers].map(([key, value]) => `${key}=${value}`).join(';')
}

function throwsLimit(run: () => void): boolean {
  try {
    run()
    return false
  } catch (error) {
    return error instanceof LimitError
  }
}
