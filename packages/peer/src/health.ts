// Owns: how a peer has done lately: one that fails or refuses is passed over for a while, and comes back (spec §19).
// Must not know: what failed, or who else there is.

/** The first failure sets a peer aside for so long; each further one in a row for twice as long. */
const FIRST_EJECTION_MS = 1_000
const LONGEST_EJECTION_MS = 30_000

export class Health {
  /** In a row. */
  failures = 0
  /** Until then others are taken first. */
  ejectedUntilMs = 0

  fail(nowMs: number): void {
    // What fails together counts once: a lost connection takes many calls with it.
    if (nowMs < this.ejectedUntilMs) return
    const forMs = Math.min(FIRST_EJECTION_MS * 2 ** Math.min(this.failures, 30), LONGEST_EJECTION_MS)
    this.failures++
    this.ejectedUntilMs = nowMs + forMs
  }

  /** Something went well; what was under way when it failed does not count. */
  succeed(nowMs: number): void {
    if (nowMs >= this.ejectedUntilMs) this.failures = 0
  }

  isEjected(nowMs: number): boolean {
    return nowMs < this.ejectedUntilMs
  }
}

/** Peers whose health is remembered while they are away. */
const KEPT_PEERS = 1_024

/** By id: who starts again after a crash is as good as it was. */
export class HealthTable {
  readonly #healths = new Map<string, Health>()

  /** What is known of a peer; null when there is nothing to hold against it. */
  of(id: string): Health | null {
    return this.#healths.get(id) ?? null
  }

  /** Notes a failure, and returns what is known now. */
  fail(id: string, nowMs: number): Health {
    let health = this.#healths.get(id)
    if (health === undefined) {
      if (this.#healths.size >= KEPT_PEERS) this.#forgetOne(nowMs)
      health = new Health()
      this.#healths.set(id, health)
    }
    health.fail(nowMs)
    return health
  }

  /** How many are set aside now. */
  ejectedCount(nowMs: number): number {
    let count = 0
    for (const health of this.#healths.values()) if (health.isEjected(nowMs)) count++
    return count
  }

  /** The first that is not set aside, or the oldest. */
  #forgetOne(nowMs: number): void {
    let victim: string | undefined
    for (const [id, health] of this.#healths) {
      victim ??= id
      if (health.isEjected(nowMs)) continue
      victim = id
      break
    }
    if (victim !== undefined) this.#healths.delete(victim)
  }
}
