// Owns: whether an open that failed is repeated, and where not (spec §19): only where that is provably harmless, at most three attempts,
// within a budget, and not before the other side said.
// Must not know: queues, connections.
import type { Outcome } from '@peerplex/wire'
import type { OpenRequest } from './open-request.js'
import { Avoidance } from './route.js'

/** An open that was refused is tried so often in all. */
const MAX_ATTEMPTS = 3

/** Refusals that another attempt can overcome, at once and anywhere. */
const PASSING: ReadonlySet<string> = new Set(['REFUSED', 'UNAVAILABLE'])
/** What another peer may have that this one has not. */
const ELSEWHERE_ONLY = 'UNIMPLEMENTED'

/**
 * Repetitions that are free: all that one connection may have under way by default, so that what is harmless survives its loss
 * (docs/adr/0009-retry-budget.md). For how many calls there is one more; what was not used is kept up to that same number.
 */
const FREE_REPEATS = 1_024
const CALLS_PER_REPEAT = 10

/** Whether somebody other than those that are avoided could take it. */
export type HasOther = (request: OpenRequest) => boolean

export class RetryPolicy {
  /** Opens that failed for good because the budget was used up. */
  unaffordableCount = 0
  #repeatsLeft = FREE_REPEATS
  /** Number of the last open that earned something. */
  #earnedUpTo = 0

  /**
   * Whether a request that was sent may be repeated; notes in it whom to avoid. `openCount`: opens so far; `latestMs`: when it must have
   * found a connection.
   */
  allows(
    request: OpenRequest,
    outcome: Outcome,
    nowMs: number,
    latestMs: number,
    openCount: number,
    hasOther: HasOther,
  ): boolean {
    if (request.attempts >= MAX_ATTEMPTS) return false
    if (!this.#isHarmless(request, outcome, nowMs, latestMs, hasOther)) return false
    // What a drain leaves over was nobody's work yet: moving it is what the drain is for.
    const isLeftOver = outcome.delivery === 'not-processed' && outcome.origin === 'local'
    return isLeftOver || this.#spend(openCount)
  }

  #isHarmless(
    request: OpenRequest,
    outcome: Outcome,
    nowMs: number,
    latestMs: number,
    hasOther: HasOther,
  ): boolean {
    const { name, delivery } = outcome
    const { isIdempotent, isOneway } = request.spec
    if (delivery === 'unknown') return PASSING.has(name) && isIdempotent && !isOneway
    if (delivery !== 'not-processed') return false
    if (name === ELSEWHERE_ONLY) {
      avoid(request, Number.POSITIVE_INFINITY)
      return hasOther(request)
    }
    const afterMs = Number(outcome.headers.get('retry-after-ms') ?? 0)
    if (!(afterMs > 0)) return PASSING.has(name)
    avoid(request, nowMs + afterMs)
    return nowMs + afterMs < latestMs || hasOther(request)
  }

  /** A storm of failures must not become a storm of calls: 10 % of all opens may be repeated, and so many beside (SEM-010). */
  #spend(openCount: number): boolean {
    const earned = (openCount - this.#earnedUpTo) / CALLS_PER_REPEAT
    this.#earnedUpTo = openCount
    this.#repeatsLeft = Math.min(FREE_REPEATS, this.#repeatsLeft + earned)
    if (this.#repeatsLeft < 1) {
      this.unaffordableCount++
      return false
    }
    this.#repeatsLeft--
    return true
  }
}

function avoid(request: OpenRequest, untilMs: number): void {
  if (request.remote === null) return
  request.avoidance ??= new Avoidance()
  request.avoidance.add(request.remote, untilMs)
}
