/**
 * Owns: peers under a test's control: connections that a test can block and cut, a clock that only moves when told to, and
 * small helpers for promises and iterables.
 * Must not know: what is tested.
 */
import { standardCodecs } from '@peerplex/codec'
import type { CodecSet } from '@peerplex/peer'
import { Random, VirtualClock } from '@peerplex/testkit'
import { createMemoryTransport } from '@peerplex/transport-port'
import type { PeerplexError } from '@peerplex/wire'
import { TransportError } from '@peerplex/wire'
import {
  type Connection,
  type ConnectionSink,
  type Endpoint,
  type Listener,
  parseEndpoint,
  type Transport,
} from '@peerplex/wire/transport'
import { afterEach, beforeEach, expect } from 'vitest'
import { createPeer, type Handler, type Peer, type PeerOptions } from '../src/index.js'

/** One end of a connection that the test may block or cut. */
export class TestConnection implements Connection {
  readonly kind: Connection['kind']
  readonly url: string
  readonly #inner: Connection
  #sink: ConnectionSink = { onData() {}, onDrain() {}, onEnd() {} }
  #isBlocked = false
  #isCut = false
  /** Told before each write. */
  onWrite: () => void = () => {}

  constructor(inner: Connection, url: string) {
    this.#inner = inner
    this.kind = inner.kind
    this.url = url
  }

  get sink(): ConnectionSink {
    return this.#sink
  }

  set sink(sink: ConnectionSink) {
    this.#sink = sink
    this.#inner.sink = {
      onData: (chunk) => this.#isCut || sink.onData(chunk),
      onDrain: () => this.#isCut || this.#isBlocked || sink.onDrain(),
      onEnd: (error) => this.#isCut || sink.onEnd(error),
    }
  }

  write(parts: readonly Uint8Array[]): boolean {
    this.onWrite()
    return this.#inner.write(parts) && !this.#isBlocked
  }

  end(closeCode: number): void {
    this.#inner.end(closeCode)
  }

  destroy(): void {
    this.#inner.destroy()
  }

  /** From the next write on the owner is asked to wait. */
  block(): void {
    this.#isBlocked = true
  }

  unblock(): void {
    this.#isBlocked = false
    this.#sink.onDrain()
  }

  /** The connection breaks; both ends hear of it. */
  cut(): void {
    if (this.#isCut) return
    this.#isCut = true
    this.#inner.destroy()
    this.#sink.onEnd(new Error('the cable was cut'))
  }
}

/** In-process connections; dialing can be made to fail. */
class TestTransport implements Transport {
  readonly schemes: readonly string[] = ['memory', 'tcp']
  readonly dialed: TestConnection[] = []
  readonly accepted: TestConnection[] = []
  /** Every attempt fails. */
  isDown = false
  readonly #inner = createMemoryTransport({ maxDeliveriesPerTask: 10_000 })

  async connect(...[endpoint, options]: Parameters<Transport['connect']>): Promise<Connection> {
    if (this.isDown) throw new TransportError('UNAVAILABLE', `connect ${endpoint.url}: refused by the test`)
    const inner = await this.#inner.connect(inMemory(endpoint), options)
    const connection = new TestConnection(inner, endpoint.url)
    this.dialed.push(connection)
    return connection
  }

  async listen(...[endpoint, options, onConnection]: Parameters<Transport['listen']>): Promise<Listener> {
    const { close } = await this.#inner.listen(inMemory(endpoint), options, (inner) => {
      const connection = new TestConnection(inner, endpoint.url)
      this.accepted.push(connection)
      onConnection(connection)
    })
    return { url: endpoint.url, close }
  }
}

/** Whatever the scheme, nothing leaves the process. */
function inMemory(endpoint: Endpoint): Endpoint {
  const { scheme, url } = endpoint
  return scheme === 'memory' ? endpoint : parseEndpoint(`memory:${url.replace(/[^a-z0-9]/g, '-')}`)
}

/** An error that nobody heard of but `onError`. */
export interface ReportedError {
  readonly peer: string
  readonly error: unknown
  readonly name: string
  readonly remote: string
}

export interface WorldPeerOptions extends PeerOptions {
  readonly codecs?: CodecSet
}

export interface Pair {
  /** It dialed. */
  readonly a: Peer
  /** It listens on `memory:b`. */
  readonly b: Peer
}

/** Peers that share a clock and a transport. */
export class World {
  readonly clock: VirtualClock = new VirtualClock(1_000)
  readonly transport: TestTransport = new TestTransport()
  readonly reported: ReportedError[] = []
  readonly #peers: Peer[] = []

  peer(id: string, options: WorldPeerOptions = {}): Peer {
    const { codecs = standardCodecs({ preferred: 'json' }), ...rest } = options
    const random = new Random(this.#peers.length + 1)
    const peer = createPeer(
      { transports: [this.transport], codecs, agent: 'test/1' },
      {
        id,
        clock: this.clock,
        random: () => random.next() / 2 ** 32,
        onError: (error, { name, remote }) => this.reported.push({ peer: id, error, name, remote }),
        ...rest,
      },
    )
    this.#peers.push(peer)
    return peer
  }

  /** Two peers; `a` dialed `b`. */
  async pair(
    handlersOfB: Readonly<Record<string, Handler>> = {},
    optionsOfA: WorldPeerOptions = {},
    optionsOfB: WorldPeerOptions = {},
  ): Promise<Pair> {
    const b = this.peer('b', optionsOfB)
    b.handle(handlersOfB)
    await b.bind('memory:b')
    const a = this.peer('a', optionsOfA)
    await a.connect('memory:b').ready
    await settle()
    return { a, b }
  }

  /** Moves time on; after each timer everything that follows from it happens first. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.clock.now() + ms
    for (;;) {
      await settle()
      const nextMs = this.clock.nextTimerMs
      if (nextMs === null || nextMs > untilMs) break
      this.clock.advanceTo(Math.max(nextMs, this.clock.now()))
    }
    this.clock.advanceTo(untilMs)
    await settle()
  }

  /** The connection that was dialed last, on the side that dialed. */
  get wire(): TestConnection {
    const connection = this.transport.dialed.at(-1)
    if (connection === undefined) throw new Error('nothing was dialed')
    return connection
  }

  /** Channels that any of the peers still has. */
  get openChannelCount(): number {
    const connections = this.#peers.flatMap((peer) => peer.stats().connections)
    return connections.reduce((sum, { openChannels }) => sum + openChannels, 0)
  }

  /** Closes all peers; fails when they leave a timer or a connection behind. */
  async close(): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer.close()))
    await settle()
    const connectionCount = this.#peers.reduce((sum, peer) => sum + peer.stats().connections.length, 0)
    const { pendingTimerCount } = this.clock
    if (pendingTimerCount + connectionCount > 0) {
      throw new Error(
        `after all peers were closed: ${pendingTimerCount} timers, ${connectionCount} connections`,
      )
    }
  }
}

/** A new world for each test of the file, closed and checked after it. */
export function useWorld(): () => World {
  let world: World
  beforeEach(() => {
    world = new World()
  })
  afterEach(() => world.close())
  return () => world
}

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 3; round++) await new Promise((resolve) => setImmediate(resolve))
}

/** Ends all that a test opened, and checks that nothing is left of it. */
export async function expectNothingOpen(current: World): Promise<void> {
  await settle()
  expect(current.openChannelCount).toBe(0)
  expect(current.reported).toEqual([])
}

/** All items up to the end. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** What a promise rejected with; fails when it did not. */
export async function rejection(promise: Promise<unknown>): Promise<PeerplexError> {
  return promise.then(
    (value) => {
      throw new Error(`it resolved with ${String(value)}`)
    },
    (error) => error,
  )
}

/** What a call threw; fails when it did not. */
export function thrown(call: () => unknown): PeerplexError {
  try {
    call()
  } catch (error) {
    return error as PeerplexError
  }
  throw new Error('it did not throw')
}

/** Whether a promise waits though everything has happened that needs no time. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const mark = {}
  await settle()
  return (await Promise.race([promise.catch(() => undefined), Promise.resolve(mark)])) === mark
}

/** The numbers 0 … count-1, and what became of the one who gave them. */
export class Counting implements AsyncIterable<number> {
  given = 0
  isCleanedUp = false
  readonly #count: number

  constructor(count: number) {
    this.#count = count
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<number> {
    try {
      while (this.given < this.#count) yield this.given++
    } finally {
      this.isCleanedUp = true
    }
  }
}

/** A promise that the test settles. */
export class Gate<T = void> {
  open: (value: T) => void = () => {}
  fail: (error: unknown) => void = () => {}
  readonly passed: Promise<T> = new Promise<T>((resolve, reject) => {
    this.open = resolve
    this.fail = reject
  })
}
