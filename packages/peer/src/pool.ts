// Owns: the connections of a peer by remote peer: who is there, who came back, and how each has done lately.
// Must not know: queues, links, listeners; whose turn it is (balancer.ts).
import type { Headers, Hello } from '@peerplex/wire'
import { Balancer } from './balancer.js'
import type { Clock } from './clock.js'
import { HealthTable } from './health.js'
import type { OpenSpec } from './open-request.js'
import type { ResolvedPeerOptions } from './options.js'
import { PatternTable } from './pattern-table.js'
import type { PeerConnection } from './peer-connection.js'
import { RemotePeer } from './remote-peer.js'
import type { Avoidance, TargetGroup } from './route.js'

/** Peers that are gone and whose last run is remembered. */
const KEPT_DEPARTED = 1_024
/** Names that a peer may say it serves. */
const MAX_SERVED = 1_024

/** Makes the object that stands for another peer; layers above give it more to do. */
export type RemoteFactory = (id: string, instance: string) => RemotePeer

export class Pool {
  readonly #createRemote: RemoteFactory
  readonly #connections = new Set<PeerConnection>()
  /** How many of them were accepted from an address; an address without any is not in here. */
  readonly #acceptedFrom = new Map<string, number>()
  /** In the order in which they came. A peer that restarts takes a new place. */
  readonly #remotes: RemotePeer[] = []
  readonly #balancer: Balancer
  readonly #healths = new HealthTable()
  /** The last run of peers that are gone, by id, to tell one that started again. */
  readonly #departed = new Map<string, string>()
  readonly #clock: Clock

  constructor(
    { balance, clock, random }: Pick<ResolvedPeerOptions, 'balance' | 'clock' | 'random'>,
    createRemote: RemoteFactory = (id, instance) => new RemotePeer(id, instance),
  ) {
    this.#createRemote = createRemote
    this.#clock = clock
    this.#balancer = new Balancer(this.#remotes, balance, clock, random)
  }

  /** All connections, those without HELLO included. */
  get connections(): ReadonlySet<PeerConnection> {
    return this.#connections
  }

  /** Peers with at least one connection. */
  get remotes(): readonly RemotePeer[] {
    return this.#remotes
  }

  add(connection: PeerConnection): void {
    this.#connections.add(connection)
    if (connection.isAccepted) this.#countFrom(connection, 1)
  }

  /** How many connections were accepted from where `url` leads to; 0 for transports that have no addresses. */
  acceptedFrom(url: string): number {
    return this.#acceptedFrom.get(addressOf(url)) ?? 0
  }

  #countFrom(connection: PeerConnection, change: 1 | -1): void {
    const address = addressOf(connection.url)
    if (address === '') return
    const count = (this.#acceptedFrom.get(address) ?? 0) + change
    if (count === 0) this.#acceptedFrom.delete(address)
    else this.#acceptedFrom.set(address, count)
  }

  /** Enters a connection whose HELLO came, with these headers, under its remote peer; says whether that peer is new, or the same id restarted. */
  enter(
    connection: PeerConnection,
    hello: Hello,
    headers: Headers,
  ): { remote: RemotePeer; isNew: boolean; isRestart: boolean } {
    const instance = toHex(hello.instance)
    const id = headers.get('peer') ?? instance
    let remote = this.#remotes.find((each) => each.id === id && each.instance === instance)
    const isNew = remote === undefined
    const isRestart = isNew && this.#isOtherRun(id, instance)
    if (remote === undefined) {
      remote = this.#createRemote(id, instance)
      remote.serves = servedBy(headers)
      remote.health = this.#healths.of(id)
      this.#remotes.push(remote)
      this.#departed.delete(id)
    }
    remote.connections.push(connection)
    return { remote, isNew, isRestart }
  }

  /** Takes a connection out; returns its remote peer when that was the last one to it. */
  remove(connection: PeerConnection): RemotePeer | null {
    if (this.#connections.delete(connection) && connection.isAccepted) this.#countFrom(connection, -1)
    const { remote } = connection
    if (remote === null) return null
    const at = remote.connections.indexOf(connection)
    if (at < 0) return null
    remote.connections.splice(at, 1)
    if (remote.connections.length > 0) return null
    const index = this.#remotes.indexOf(remote)
    if (index < 0) return remote
    this.#remotes.splice(index, 1)
    this.#balancer.onRemoved(index)
    this.#depart(remote)
    return remote
  }

  #isOtherRun(id: string, instance: string): boolean {
    const last = this.#departed.get(id)
    if (last !== undefined) return last !== instance
    return this.#remotes.some((each) => each.id === id)
  }

  #depart({ id, instance }: RemotePeer): void {
    // Another run of it is there: what left is not what comes back.
    if (this.#remotes.some((each) => each.id === id)) return
    this.#departed.delete(id)
    if (this.#departed.size >= KEPT_DEPARTED) {
      this.#departed.delete(this.#departed.keys().next().value as string)
    }
    this.#departed.set(id, instance)
  }

  // ---- where opens go -------------------------------------------------------------------------------------------------

  /** Where an open goes now; null when nobody suitable has room. `group`: those that its name is looked up to. */
  choose(spec: OpenSpec, group: TargetGroup | null, avoidance: Avoidance | null): PeerConnection | null {
    return this.#balancer.choose(spec, group, avoidance)
  }

  /** Whether there is a connection for an open, with room or without. */
  isReady(spec: OpenSpec, group: TargetGroup | null, avoidance: Avoidance | null): boolean {
    const nowMs = this.#clock.now()
    return this.#remotes.some(
      (remote) => this.isCandidate(remote, spec, group) && avoidance?.covers(remote, nowMs) !== true,
    )
  }

  /** Whether an open may go to a peer, if it has room. */
  isCandidate(remote: RemotePeer, { to, name }: OpenSpec, group: TargetGroup | null): boolean {
    return (
      remote.isReadyFor(group) &&
      (to === undefined || (typeof to === 'string' ? remote.id === to : to(remote))) &&
      (remote.serves === null || remote.serves(name))
    )
  }

  /** Whether some peers say what they serve: then not every open may go to every peer. */
  get hasChoosyRemotes(): boolean {
    for (const remote of this.#remotes) if (remote.serves !== null) return true
    return false
  }

  /** It refused, or its connection broke: others are taken first for a while. */
  noteFailure(remote: RemotePeer): void {
    const health = this.#healths.fail(remote.id, this.#clock.now())
    for (const each of this.#remotes) if (each.id === remote.id) each.health = health
  }

  /** Peers that others are taken before. */
  get ejectedCount(): number {
    return this.#healths.ejectedCount(this.#clock.now())
  }
}

/** What HELLO says of the names that a peer serves: null when it says nothing, and then it may be asked for anything. */
function servedBy(headers: Headers): ((name: string) => boolean) | null {
  const text = headers.get('serves')
  if (text === undefined) return null
  const table = new PatternTable<true>()
  for (const pattern of text.split(',', MAX_SERVED)) {
    try {
      table.add(pattern.trim(), true)
    } catch {
      // What is no pattern here may mean something to a later version.
    }
  }
  return (name) => name.startsWith('~') || table.find(name) === true
}

/** The address that a connection comes from, without its port; empty for transports that have none. */
function addressOf(url: string): string {
  return /^\w+:\/\/(\[[^\]]*\]|[^/:]*):\d+/.exec(url)?.[1] ?? ''
}

function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}
