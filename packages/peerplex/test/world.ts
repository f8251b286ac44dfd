/**
 * Owns: two peers with a connection of either kind, made from either side, and a third that looks on and must not be disturbed.
 * Must not know: what is tested.
 */
import { afterEach, expect } from 'vitest'
import { createPeer, type Handler, type Peer, type PeerOptions } from '../src/index.js'
import { sleep, until, upTo, within } from './support.js'

/** Which of the two dials: the one that calls, or the one that answers. */
export type Side = 'dialing' | 'listening'

export const PLACES: [transport: 'tcp' | 'memory', side: Side][] = [
  ['tcp', 'dialing'],
  ['tcp', 'listening'],
  ['memory', 'dialing'],
  ['memory', 'listening'],
]

let nameCount = 0

/** Where to bind. */
export function newUrl(transport: string): string {
  return transport === 'tcp' ? 'tcp://127.0.0.1:0' : `memory:system-${nameCount++}`
}

/** Somebody else on the same peer, with calls and a stream under way. */
export class Bystander {
  readonly peer: Peer = createPeer({ id: 'bystander' })
  lostCount = 0
  received = 0
  #problem: unknown = null

  constructor() {
    this.peer.on('disconnect', () => {
      this.lostCount++
    })
  }

  async start(url: string): Promise<void> {
    await this.peer.connect(url).ready
    this.#read().catch((error) => {
      this.#problem = error
    })
    await until(() => this.received > 0, 'the first item of the bystander')
  }

  /** Fails unless its stream still runs and its calls are answered. */
  async check(): Promise<void> {
    const before = this.received
    await until(() => this.received > before || this.#problem !== null, 'an item of the bystander')
    expect([this.#problem, this.lostCount]).toEqual([null, 0])
    expect(await within(this.peer.call('add', [20, 22]), 'an answer for the bystander')).toBe(42)
  }

  async #read(): Promise<void> {
    for await (const _ of this.peer.stream('clock')) this.received++
  }
}

/** What every answering peer here can do. */
export const BASICS: Readonly<Record<string, Handler>> = {
  add: ([a, b]: [number, number]) => a + b,
  ticks: (n: number) => upTo(n),
  clock: async function* (_input, { signal }) {
    for (let i = 0; !signal.aborted; i++) {
      yield i
      await sleep(5)
    }
  },
}

export interface Pair {
  readonly caller: Peer
  readonly callee: Peer
  readonly bystander: Bystander
}

export class World {
  readonly reported: unknown[] = []
  readonly #peers: Peer[] = []
  readonly #bystanders: Bystander[] = []
  readonly #cleanUps: (() => void)[] = []

  peer(options: PeerOptions): Peer {
    const peer = createPeer({ onError: (error) => this.reported.push(error), ...options })
    this.#peers.push(peer)
    return peer
  }

  /** Called when the test is over. */
  onEnd(cleanUp: () => void): void {
    this.#cleanUps.push(cleanUp)
  }

  async pair(
    [transport, side]: [transport: string, side: Side],
    handlers: Readonly<Record<string, Handler>> = {},
    options: { caller?: PeerOptions; callee?: PeerOptions } = {},
  ): Promise<Pair> {
    const caller = this.peer({ id: 'caller', ...options.caller })
    const callee = this.peer({ id: 'callee', ...options.callee })
    callee.handle({ ...BASICS, ...handlers })
    const [listens, dials] = side === 'dialing' ? [callee, caller] : [caller, callee]
    const bystander = await this.bystander((await callee.bind(newUrl(transport))).url)
    const { url } = await listens.bind(newUrl(transport))
    await dials.connect(url).ready
    await until(() => caller.peers().some(({ id }) => id === 'callee'), 'the connection')
    return { caller, callee, bystander }
  }

  async bystander(url: string): Promise<Bystander> {
    const bystander = new Bystander()
    this.#peers.push(bystander.peer)
    this.#bystanders.push(bystander)
    await bystander.start(url)
    return bystander
  }

  async close(): Promise<void> {
    try {
      for (const bystander of this.#bystanders.splice(0)) await bystander.check()
    } finally {
      await within(Promise.all(this.#peers.splice(0).map((peer) => peer.close())), 'close()')
      for (const cleanUp of this.#cleanUps.splice(0)) cleanUp()
    }
  }
}

/** A new world for each test of the file. After it the bystanders are looked at, and all peers closed. */
export function useWorld(): () => World {
  let world = new World()
  afterEach(async () => {
    const { close } = world
    const used = world
    world = new World()
    await close.call(used)
  })
  return () => world
}
