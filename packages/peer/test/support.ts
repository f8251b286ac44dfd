/**
 * Owns: peers under a test's control: codecs of a few lines, connections that a test can block and cut, a clock that only
 * moves when told to.
 * Must not know: what is tested.
 */
import { VirtualClock } from '@peerplex/testkit'
import { createMemoryTransport } from '@peerplex/transport-port'
import { type Codec, PeerplexError, TransportError } from '@peerplex/wire'
import type {
  Connection,
  ConnectionSink,
  ConnectOptions,
  Endpoint,
  Listener,
  ListenOptions,
  Transport,
} from '@peerplex/wire/transport'
import {
  type ChannelPeer,
  type ChannelPeerOptions,
  type CodecSet,
  createChannelPeer,
  type PeerChannel,
} from '../src/index.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

export const RAW: Codec = {
  id: 0,
  name: 'raw',
  encode: (value) => {
    if (value instanceof Uint8Array) return value.slice()
    throw new PeerplexError('INVALID_ARGUMENT', 'raw takes bytes')
  },
  decode: (payload) => payload.slice(),
}

export const JSON_CODEC: Codec = {
  id: 1,
  name: 'json',
  encode: (value) => {
    const text = JSON.stringify(value)
    if (text === undefined) throw new PeerplexError('INVALID_ARGUMENT', 'json has no text for this')
    return encoder.encode(text)
  },
  decode: (payload) => JSON.parse(decoder.decode(payload)) as unknown,
}

export const TEXT: Codec = {
  id: 5,
  name: 'text',
  encode: (value) => encoder.encode(String(value)),
  decode: (payload) => decoder.decode(payload),
}

const STANDARD: readonly Codec[] = [JSON_CODEC, TEXT, RAW]

/** A set of codecs, in order of preference. */
export function codecSet(codecs: readonly Codec[] = STANDARD): CodecSet {
  const names = codecs.map(({ name }) => name).join(',')
  return {
    announce: () => names,
    parse: (text) =>
      new Map(
        text.split(',').flatMap((name) => {
          const known = STANDARD.find((codec) => codec.name === name)
          return known === undefined ? [] : [[name, known.id] as const]
        }),
      ),
    byTheirId: (id) => codecs.find((codec) => codec.id === id),
    choose: (name, theirs) => {
      const wanted = name === undefined ? codecs : codecs.filter((codec) => codec.name === name)
      const found = wanted.find((codec) => theirs === null || theirs.get(codec.name) === codec.id)
      if (found !== undefined) return found
      const theirNames = theirs === null ? 'not known' : [...theirs.keys()].join(',')
      return new PeerplexError(
        'UNSUPPORTED_CODEC',
        `no common codec${name === undefined ? '' : ` '${name}'`}: ours ${names}; theirs ${theirNames}`,
      )
    },
  }
}

/** One end of a connection that the test may block or cut. */
export class TestConnection implements Connection {
  readonly kind: Connection['kind']
  readonly url: string
  readonly facts: Readonly<Record<string, unknown>>
  readonly #inner: Connection
  #sink: ConnectionSink = { onData() {}, onDrain() {}, onEnd() {} }
  #isBlocked = false
  #isCut = false
  #isSilent = false
  isDestroyed = false

  constructor(inner: Connection, url: string = inner.url, facts: Readonly<Record<string, unknown>> = {}) {
    this.#inner = inner
    this.kind = inner.kind
    this.url = url
    this.facts = facts
  }

  get sink(): ConnectionSink {
    return this.#sink
  }

  set sink(sink: ConnectionSink) {
    this.#sink = sink
    this.#inner.sink = {
      onData: (chunk) => this.#isCut || this.#isSilent || sink.onData(chunk),
      onDrain: () => this.#isCut || this.#isBlocked || sink.onDrain(),
      onEnd: (error) => this.#isCut || this.#isSilent || sink.onEnd(error),
    }
  }

  write(parts: readonly Uint8Array[]): boolean {
    if (this.#isSilent) return true
    return this.#inner.write(parts) && !this.#isBlocked
  }

  end(closeCode: number): void {
    this.#inner.end(closeCode)
  }

  destroy(): void {
    this.isDestroyed = true
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

  /** Nothing passes any more, in either direction, and nobody is told: a cable that was pulled. */
  silence(): void {
    this.#isSilent = true
  }

  /** Takes one write, and asks to wait again. */
  unblockOnce(): void {
    this.#sink.onDrain()
  }

  /** The connection breaks; both ends hear of it. */
  cut(): void {
    if (this.#isCut || this.isDestroyed) return
    const sink = this.#sink
    this.#isCut = true
    this.#inner.destroy()
    sink.onEnd(new Error('the cable was cut'))
  }
}

/** In-process connections; dialing can be made to fail or to hang. */
export class TestTransport implements Transport {
  readonly schemes: readonly string[] = ['memory']
  readonly #inner = createMemoryTransport({ maxDeliveriesPerTask: Number.POSITIVE_INFINITY })
  /** Of those who dialed, in order. */
  readonly dialed: TestConnection[] = []
  readonly accepted: TestConnection[] = []
  dialCount = 0
  /** So many attempts fail. */
  failCount = 0
  /** Attempts hang until they are given up. */
  isHanging = false
  /** What accepted connections say of themselves: by default their own url, and no facts. */
  urlOfAccepted: string | undefined = undefined
  factsOfAccepted: Readonly<Record<string, unknown>> = {}
  /** What each `listen` was given. */
  readonly listenOptions: ListenOptions[] = []

  async connect(endpoint: Endpoint, options: ConnectOptions): Promise<Connection> {
    this.dialCount++
    if (this.isHanging) {
      return new Promise((_, reject) => {
        options.signal?.addEventListener('abort', () => reject(new Error('given up')))
      })
    }
    if (this.failCount > 0) {
      this.failCount--
      throw new TransportError('UNAVAILABLE', `connect ${endpoint.url}: refused by the test`, {
        retryable: true,
      })
    }
    const connection = new TestConnection(await this.#inner.connect(endpoint, options))
    this.dialed.push(connection)
    return connection
  }

  listen(
    endpoint: Endpoint,
    options: ListenOptions,
    onConnection: (connection: Connection) => void,
  ): Promise<Listener> {
    this.listenOptions.push(options)
    return this.#inner.listen(endpoint, options, (connection) => {
      const own = new TestConnection(connection, this.urlOfAccepted, this.factsOfAccepted)
      this.accepted.push(own)
      onConnection(own)
    })
  }

  /** The connection that was dialed last. */
  get last(): TestConnection {
    const connection = this.dialed.at(-1)
    if (connection === undefined) throw new Error('nothing was dialed')
    return connection
  }
}

/** An error that nobody heard of but `onError`. */
export interface ReportedError {
  readonly peer: string
  readonly error: unknown
  readonly name: string
}

export interface WorldPeerOptions extends ChannelPeerOptions {
  readonly codecSet?: CodecSet
}

/** Peers that share a clock and a transport; random numbers are fixed at one half unless a peer has its own. */
export class World {
  readonly clock: VirtualClock = new VirtualClock(1_000)
  readonly transport: TestTransport = new TestTransport()
  readonly peers: ChannelPeer[] = []
  readonly reported: ReportedError[] = []
  #seed = 0

  peer(id: string, options: WorldPeerOptions = {}): ChannelPeer {
    const { codecSet: codecs = codecSet(), ...rest } = options
    let calls = 0
    const seed = ++this.#seed
    const peer = createChannelPeer(
      { transports: [this.transport], codecs, agent: 'test/1' },
      {
        id,
        clock: this.clock,
        // The first sixteen numbers are the instance, which must differ from peer to peer.
        random: () => (calls++ < 16 ? ((seed * 37 + calls) % 256) / 256 : 0.5),
        onError: (error, { name }) => this.reported.push({ peer: id, error, name }),
        ...rest,
      },
    )
    this.peers.push(peer)
    return peer
  }

  /** A peer that listens under its id. */
  async server(id: string, options: WorldPeerOptions = {}): Promise<ChannelPeer> {
    const peer = this.peer(id, options)
    await peer.bind(`memory:${id}`)
    return peer
  }

  /** Two peers with a connection: `a` dialed `b`. */
  async pair(
    aOptions: WorldPeerOptions = {},
    bOptions: WorldPeerOptions = {},
  ): Promise<{ a: ChannelPeer; b: ChannelPeer }> {
    const b = await this.server('b', bOptions)
    const a = this.peer('a', aOptions)
    const link = a.connect('memory:b')
    await link.ready
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

  /** Closes all peers; fails when one of them leaves a timer behind. */
  async close(): Promise<void> {
    let isClosed = false
    const closing = Promise.all(this.peers.map((peer) => peer.close())).then(() => {
      isClosed = true
    })
    await settle()
    // A connection whose other side does not answer takes its leave by time.
    for (let seconds = 0; !isClosed && seconds < 20; seconds++) await this.advance(1_000)
    if (!isClosed) throw new Error('a peer does not get closed')
    await closing
    if (this.clock.pendingTimerCount > 0) {
      throw new Error(`${this.clock.pendingTimerCount} timers are left after all peers were closed`)
    }
  }
}

/** Lets everything happen that needs no time. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** All messages of a channel up to its end. */
export async function collect<T>(channel: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const message of channel) all.push(message)
  return all
}

/** What a promise rejected with; fails when it did not. */
export async function rejection(promise: Promise<unknown>): Promise<PeerplexError> {
  try {
    await promise
  } catch (error) {
    return error as PeerplexError
  }
  throw new Error('it did not reject')
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

/** Whether a promise has settled by now. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const mark = {}
  await settle()
  return (await Promise.race([promise, Promise.resolve(mark)])) === mark
}

/** A handler that sends every message back and ends when the other side does. */
export async function echo(channel: PeerChannel): Promise<void> {
  for await (const message of channel) await channel.send(message)
}

/** Bytes of one value. */
export function bytes(length: number, value = 1): Uint8Array {
  return new Uint8Array(length).fill(value)
}
