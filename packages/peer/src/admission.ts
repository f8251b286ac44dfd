// Owns: who may come in: how many connections there may be, from where, how fast, and how many of which nobody knows yet who they are
// (spec §17.1, LIM-005). A stranger that says nothing gives way to the next one.
// Must not know: listeners, how a connection is given up.
import { sourceOf } from './address.js'
import type { Clock } from './clock.js'
import type { PeerOwnLimits } from './peer-limits.js'
import { RateLimiter } from './rate-limiter.js'

/** So many strangers may be there however few connections are allowed in all. */
const LEAST_UNAUTHENTICATED = 8
/** Of all connections that are allowed, strangers may be this part. */
const UNAUTHENTICATED_SHARE = 0.1
/** Who came this moment may not have got to say anything: they are not given up for somebody who came no earlier. */
const SETTLING_MS = 100

/** Why a connection is not taken. */
export type Refusal = 'connections' | 'perAddress' | 'unauthenticated' | 'acceptRate'

/** What is asked of an accepted connection. */
export interface Guest {
  readonly url: string
}

interface Arrival {
  readonly source: string
  readonly atMs: number
}

export class Admission<T extends Guest> {
  readonly #limits: PeerOwnLimits
  readonly #clock: Clock
  readonly #rate: RateLimiter
  readonly #giveUp: (guest: T) => void
  /** Accepted, and their sockets are not gone yet; those whose transport has no addresses are in no row. */
  readonly #fromSource = new Map<string, number>()
  #count = 0
  /** Without HELLO, in the order in which they came. */
  readonly #silent = new Map<T, Arrival>()
  /** With HELLO and without a verdict. */
  readonly #pending = new Set<T>()
  readonly refused: Record<Refusal, number> = {
    connections: 0,
    perAddress: 0,
    unauthenticated: 0,
    acceptRate: 0,
  }
  /** Silent ones that gave way. */
  evictedCount = 0

  /** `giveUp` ends a connection, whose end is then told here as any other. */
  constructor(limits: PeerOwnLimits, clock: Clock, giveUp: (guest: T) => void) {
    this.#limits = limits
    this.#clock = clock
    this.#giveUp = giveUp
    this.#rate = new RateLimiter(limits.acceptsPerSecond, limits.acceptBurst, clock)
  }

  get connectionCount(): number {
    return this.#count
  }

  get unauthenticatedCount(): number {
    return this.#silent.size + this.#pending.size
  }

  /** Why there is no place for one more from there; null when there is, if need be that of a silent one. */
  refusalOf(url: string): Refusal | null {
    const refusal = this.#refusalOf(sourceOf(url))
    if (refusal !== null) this.refused[refusal]++
    return refusal
  }

  #refusalOf(source: string): Refusal | null {
    // First: whoever comes too fast shall not push others out.
    if (source !== '' && !this.#rate.take(source)) return 'acceptRate'
    const { maxConnections, maxConnectionsPerAddress, maxUnauthenticated } = this.#limits
    const fromThere = this.#fromSource.get(source) ?? 0
    if (fromThere >= maxConnectionsPerAddress && !this.#evict(source)) return 'perAddress'
    const share = Math.max(LEAST_UNAUTHENTICATED, Math.floor(maxConnections * UNAUTHENTICATED_SHARE))
    const isFull = this.unauthenticatedCount >= Math.min(maxUnauthenticated, share)
    if (isFull && !this.#evict()) return 'unauthenticated'
    return this.#count >= maxConnections && !this.#evict() ? 'connections' : null
  }

  /** It was accepted. */
  enter(guest: T): void {
    const source = sourceOf(guest.url)
    this.#count++
    if (source !== '') this.#fromSource.set(source, (this.#fromSource.get(source) ?? 0) + 1)
    this.#silent.set(guest, { source, atMs: this.#clock.now() })
  }

  /** Its HELLO came. */
  onHello(guest: T): void {
    if (this.#silent.delete(guest)) this.#pending.add(guest)
  }

  /** It is known now, or over: a stranger no longer. */
  onDecided(guest: T): void {
    this.#silent.delete(guest)
    this.#pending.delete(guest)
  }

  /** Its socket is gone. */
  leave(guest: T): void {
    const source = sourceOf(guest.url)
    this.#count--
    const count = this.#fromSource.get(source) ?? 0
    if (count > 1) this.#fromSource.set(source, count - 1)
    else this.#fromSource.delete(source)
  }

  /** Gives up the oldest silent one of `only`, or of the source that has the most; false when none is to be had. */
  #evict(only?: string): boolean {
    const counts = new Map<string, number>()
    for (const { source } of this.#silent.values()) counts.set(source, (counts.get(source) ?? 0) + 1)
    const beforeMs = this.#clock.now() - SETTLING_MS
    let victim: T | null = null
    let most = 0
    for (const [guest, { source, atMs }] of this.#silent) {
      const count = counts.get(source) as number
      if (atMs > beforeMs || count <= most || (only !== undefined && source !== only)) continue
      victim = guest
      most = count
    }
    if (victim === null) return false
    this.evictedCount++
    this.#giveUp(victim)
    return true
  }
}
