// Owns: the connections of a peer by remote peer: who is there, who came back, and how each has done lately.
// Must not know: queues, links, listeners; whose turn it is (balancer.ts).
import type { Headers } from '@peerplex/wire'
import type { PeerHello } from './authentication.js'
import { Balancer } from './balancer.js'
import type { Clock } from './clock.js'
import { Health, HealthTable } from './health.js'
import { isSameIdentity, isSamePeer, markNamesakes, type PeerNames } from './identity.js'
import type { OpenSpec } from './open-request.js'
import type { ResolvedPeerOptions } from './options.js'
import { PatternTable } from './pattern-table.js'
import type { PeerConnection } from './peer-connection.js'
import { RemotePeer } from './remote-peer.js'
import { type Avoidance, isTarget, type TargetGroup } from './route.js'

/** Peers that are gone and whose last run is remembered. */
const KEPT_DEPARTED = 1_024
/** Names that a peer may say it serves. */
const MAX_SERVED = 1_024

type Departed = Pick<PeerNames, 'instance' | 'identity'>

/** Makes the object that stands for another peer; layers above give it more to do. */
export type RemoteFactory = (id: string, instance: string) => RemotePeer

export class Pool {
  readonly #createRemote: RemoteFactory
  readonly #connections = new Set<PeerConnection>()
  /** In the order in which they came. A peer that restarts takes a new place. */
  readonly #remotes: RemotePeer[] = []
  readonly #balancer: Balancer
  readonly #healths = new HealthTable()
  /** The last run of peers that are gone, by id, to tell one that started again. */
  readonly #departed = new Map<string, Departed>()
  readonly #clock: Clock
  /** Whether anybody was ever authenticated: only then can an id have several owners. */
  #hasIdentities = false

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
  }

  /** Enters a connection under the peer at its other end; says whether that is new, or the same id and identity restarted. */
  enter(
    connection: PeerConnection,
    { id, instance, headers }: PeerHello,
    identity: unknown,
  ): { remote: RemotePeer; isNew: boolean; isRestart: boolean } {
    const names = { id, instance, identity }
    let remote = this.#remotes.find((each) => isSamePeer(each, names))
    const isNew = remote === undefined
    const isRestart = isNew && this.#isOtherRun(names)
    if (remote === undefined) {
      remote = this.#createRemote(id, instance)
      remote.identity = identity
      remote.serves = servedBy(headers)
      this.#remotes.push(remote)
      this.#departed.delete(id)
      this.#hasIdentities ||= identity !== undefined
      if (this.#hasIdentities) markNamesakes(this.#remotes, id)
      if (!remote.isNamesake) remote.health = this.#healths.of(id)
    }
    remote.connections.push(connection)
    return { remote, isNew, isRestart }
  }

  /** Whether peers with different identities have this id. */
  isContested(id: string): boolean {
    return this.#hasIdentities && this.#remotes.some((remote) => remote.id === id && remote.isNamesake)
  }

  /** Takes a connection out; returns its remote peer when that was the last one to it. */
  remove(connection: PeerConnection): RemotePeer | null {
    this.#connections.delete(connection)
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
    if (this.#hasIdentities) markNamesakes(this.#remotes, remote.id)
    return remote
  }

  /** Whether the same peer, as far as one can know, was or is here as another run. */
  #isOtherRun({ id, instance, identity }: PeerNames): boolean {
    const last = this.#departed.get(id)
    if (last !== undefined) return last.instance !== instance && isSameIdentity(last.identity, identity)
    return this.#remotes.some((each) => each.id === id && isSameIdentity(each.identity, identity))
  }

  #depart({ id, instance, identity }: RemotePeer): void {
    // Another run of it is there: what left is not what comes back.
    if (this.#remotes.some((each) => each.id === id)) return
    this.#departed.delete(id)
    if (this.#departed.size >= KEPT_DEPARTED) {
      this.#departed.delete(this.#departed.keys().next().value as string)
    }
    this.#departed.set(id, { instance, identity })
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
      remote.isReadyFor(group, to !== undefined) &&
      (to === undefined || isTarget(to, remote)) &&
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
    const nowMs = this.#clock.now()
    // Whoever claims the id of somebody else must not have that one set aside.
    if (remote.isNamesake) {
      remote.health ??= new Health()
      remote.health.fail(nowMs)
      return
    }
    const health = this.#healths.fail(remote.id, nowMs)
    for (const each of this.#remotes) if (each.id === remote.id && !each.isNamesake) each.health = health
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
