// Owns: the economy counter (spec §17): frames that do no work are paid for by frames that do.
// Must not know: frames; the caller says what happened.

/** Earned whenever the entry of a channel is removed, whoever opened it. */
export const EARN_CHANNEL = 3
/** Earned by a completed message that was not discarded. */
export const EARN_MESSAGE = 1
/** Cost of an OPEN beyond the open limit; every other costly thing costs 1. */
export const COST_REFUSED_OPEN = 2
export const COST_IDLE_FRAME = 1

export class Economy {
  readonly #cap: number
  readonly #refill: number
  readonly #refillMs: number
  #balance: number
  #refilledAtMs: number

  constructor(cap: number, refill: number, refillMs: number, nowMs: number) {
    this.#cap = cap
    this.#refill = refill
    this.#refillMs = refillMs
    this.#balance = cap
    this.#refilledAtMs = nowMs
  }

  get balance(): number {
    return this.#balance
  }

  /** Adds what is due for the time that passed; called once per chunk, so that no frame costs a clock read. */
  refill(nowMs: number): void {
    const periods = Math.floor((nowMs - this.#refilledAtMs) / this.#refillMs)
    if (periods <= 0) return
    this.#refilledAtMs += periods * this.#refillMs
    this.earn(periods * this.#refill)
  }

  earn(amount: number): void {
    const sum = this.#balance + amount
    this.#balance = Math.min(sum, this.#cap)
  }

  /** False when the counter falls below 0: the connection ends with ENHANCE_CALM. */
  spend(amount: number): boolean {
    this.#balance -= amount
    return this.#balance >= 0
  }
}
