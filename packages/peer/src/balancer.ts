// Owns: which peer the next open goes to (spec §19), among those that are there: in turn, the less loaded of two, or the one that a key
// belongs to.
// Must not know: how peers come and go, queues.
import type { Clock } from './clock.js'
import type { OpenSpec } from './open-request.js'
import type { BalancePolicy } from './options.js'
import type { PeerConnection } from './peer-connection.js'
import type { RemotePeer } from './remote-peer.js'
import { type Avoidance, isTarget, type TargetGroup } from './route.js'

/** Draws for the less loaded of two before all are looked at: more than that many unsuitable ones in a row are rare. */
const DRAWS = 4

export class Balancer {
  readonly #remotes: readonly RemotePeer[]
  readonly #policy: BalancePolicy
  readonly #clock: Clock
  readonly #random: () => number
  /** Index of the remote whose turn is next. */
  #next = 0
  /** The same for opens that only some peers may have: they take nobody's turn. */
  #nextOfSome = 0

  /** `remotes` is the pool's own list. */
  constructor(remotes: readonly RemotePeer[], policy: BalancePolicy, clock: Clock, random: () => number) {
    this.#remotes = remotes
    this.#policy = policy
    this.#clock = clock
    this.#random = random
  }

  /** Where an open goes now; null when nobody suitable has room. `group`: those that its name is looked up to. */
  choose(spec: OpenSpec, group: TargetGroup | null, avoidance: Avoidance | null): PeerConnection | null {
    if (spec.routeKey !== undefined) return this.#chooseByKey(spec.routeKey, spec, group, avoidance)
    const isForAll = spec.to === undefined && group === null
    if (this.#policy === 'leastLoaded' && spec.to === undefined) {
      const drawn = this.#draw(spec, group, avoidance)
      if (drawn !== null) return drawn
    }
    return this.#chooseInTurn(isForAll, spec, group, avoidance)
  }

  /** The remote at `index` is gone: who comes next stays the same. */
  onRemoved(index: number): void {
    if (index < this.#next) this.#next--
    if (index < this.#nextOfSome) this.#nextOfSome--
  }

  /** Those that failed lately only if there is nobody else: one peer alone is not set aside for nothing. */
  #chooseInTurn(
    isForAll: boolean,
    spec: OpenSpec,
    group: TargetGroup | null,
    avoidance: Avoidance | null,
  ): PeerConnection | null {
    const count = this.#remotes.length
    const first = isForAll ? this.#next : this.#nextOfSome
    let spare: PeerConnection | null = null
    let spareAt = 0
    for (let step = 0; step < count; step++) {
      const index = (first + step) % count
      const remote = this.#remotes[index] as RemotePeer
      const connection = this.#connectionOf(remote, spec, group, avoidance)
      if (connection === null) continue
      if (!this.#isEjected(remote)) {
        this.#endTurn(isForAll, index)
        return connection
      }
      if (spare !== null) continue
      spare = connection
      spareAt = index
    }
    if (spare !== null) this.#endTurn(isForAll, spareAt)
    return spare
  }

  #endTurn(isForAll: boolean, index: number): void {
    const next = (index + 1) % this.#remotes.length
    if (isForAll) this.#next = next
    else this.#nextOfSome = next
  }

  /** The less loaded of two that chance picks: close to the best of all, without everybody picking the same one. */
  #draw(spec: OpenSpec, group: TargetGroup | null, avoidance: Avoidance | null): PeerConnection | null {
    const count = this.#remotes.length
    let best: PeerConnection | null = null
    let bestLoad = 0
    let found = 0
    for (let draw = 0; draw < DRAWS && found < 2 && count > 2; draw++) {
      const remote = this.#remotes[Math.floor(this.#random() * count)] as RemotePeer
      if (this.#isEjected(remote)) continue
      const connection = this.#connectionOf(remote, spec, group, avoidance)
      if (connection === null || connection === best) continue
      found++
      const load = remote.load
      if (best !== null && load >= bestLoad) continue
      best = connection
      bestLoad = load
    }
    return best ?? this.#leastOfAll(spec, group, avoidance)
  }

  #leastOfAll(spec: OpenSpec, group: TargetGroup | null, avoidance: Avoidance | null): PeerConnection | null {
    let best: PeerConnection | null = null
    let bestLoad = 0
    for (const remote of this.#remotes) {
      if (this.#isEjected(remote)) continue
      const connection = this.#connectionOf(remote, spec, group, avoidance)
      if (connection === null || (best !== null && remote.load >= bestLoad)) continue
      best = connection
      bestLoad = remote.load
    }
    return best
  }

  /** Rendezvous hashing: each peer draws for each key, the highest wins; when one leaves, only its keys move. */
  #chooseByKey(
    key: string,
    spec: OpenSpec,
    group: TargetGroup | null,
    avoidance: Avoidance | null,
  ): PeerConnection | null {
    let best: PeerConnection | null = null
    let bestScore = -1
    let isBestEjected = false
    for (const remote of this.#remotes) {
      const connection = this.#connectionOf(remote, spec, group, avoidance)
      if (connection === null) continue
      const isEjected = this.#isEjected(remote)
      const score = scoreOf(key, remote)
      const isBetter = isEjected === isBestEjected ? score > bestScore : isBestEjected
      if (best !== null && !isBetter) continue
      best = connection
      bestScore = score
      isBestEjected = isEjected
    }
    return best
  }

  #connectionOf(
    remote: RemotePeer,
    spec: OpenSpec,
    group: TargetGroup | null,
    avoidance: Avoidance | null,
  ): PeerConnection | null {
    const { to } = spec
    if (to !== undefined && !isTarget(to, remote)) return null
    if (remote.serves !== null && !remote.serves(spec.name)) return null
    if (avoidance?.covers(remote, this.#clock.now()) === true) return null
    return remote.best(group, to !== undefined)
  }

  #isEjected({ health }: RemotePeer): boolean {
    return health?.isEjected(this.#clock.now()) === true
  }
}

/** 32 bits of key and peer: by id, so that a peer that starts again keeps its keys; by run among peers of one id. */
function scoreOf(key: string, { id, instance }: RemotePeer): number {
  const seed = hash(key, 0x811c9dc5)
  return hash(id, seed) * 0x1_0000 + (hash(instance, seed) & 0xffff)
}

/** FNV-1a over UTF-16 units, and a last mix: neighbouring keys must not go the same way. */
function hash(text: string, seed: number): number {
  let value = seed
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  value ^= value >>> 16
  value = Math.imul(value, 0x7feb352d)
  value ^= value >>> 15
  value = Math.imul(value, 0x846ca68b)
  return (value ^ (value >>> 16)) >>> 0
}
