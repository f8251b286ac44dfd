// Owns: when faults come and what they hit: row after row of all kinds, with peace between rows.
// Must not know: which faults there are (faults.mjs), calls, how a run begins and ends.

import { setTimeout as delay } from 'node:timers/promises'
import { drawFault, shuffledDeck } from './faults.mjs'

/** @typedef {import('./children.mjs').Child} Child */

/**
 * `gapMs`: mean time between faults. `rows`: after so many there are no more.
 * @typedef {{ chance: import('./chance.mjs').Chance, kinds: readonly import('./faults.mjs').FaultKind[], gapMs: number, idleTimeoutMs: number,
 *   rows: number }} StrikerOptions
 */

/**
 * What can be hit. `write`: into the ledger of the controller.
 * @typedef {{ callers: ReadonlyMap<string, Child>, callees: import('./callees.mjs').Callees, pairs: readonly string[], proxies: Child,
 *   write: (line: import('../ledger.mjs').Line) => void }} Targets
 */

/** After a row of faults nothing happens for a while: order is judged then. */
const PEACE_MS = 1_500
const LOOK_MS = 20

export class Striker {
  /** So often each kind came. @type {Record<string, number>} */
  counts = {}
  #options
  #targets
  #onTrouble
  #isOver = false
  /** Pairs and callers to which something is being done. @type {Set<string>} */
  #busy = new Set()
  /** Faults that are not over. @type {Set<Promise<void>>} */
  #lasting = new Set()

  /** @param {StrikerOptions} options @param {Targets} targets @param {(text: string) => void} onTrouble */
  constructor(options, targets, onTrouble) {
    this.#options = options
    this.#targets = targets
    this.#onTrouble = onTrouble
  }

  /** No more faults; `run` resolves when those that last are over. */
  stop() {
    this.#isOver = true
  }

  /** Resolves when there are no more faults, and none of them lasts. */
  async run() {
    const { rows, chance, kinds } = this.#options
    for (let row = 0; row < rows && !this.#isOver; row++) {
      for (const kind of shuffledDeck(chance, kinds)) await this.#strike(kind)
      await Promise.all(this.#lasting)
      if (!this.#isOver) await delay(PEACE_MS)
    }
  }

  /** Waits until there is something that it can hit. @param {import('./faults.mjs').FaultKind} kind */
  async #strike(kind) {
    const { chance, gapMs, idleTimeoutMs } = this.#options
    const drawn = drawFault(kind, chance, idleTimeoutMs)
    await delay(this.#isOver ? 0 : chance.spanMs(gapMs))
    for (;;) {
      if (this.#isOver) return
      const over = this.#hit(drawn)
      if (over !== null) {
        this.counts[kind] = (this.counts[kind] ?? 0) + 1
        this.#last(over)
        return
      }
      await delay(LOOK_MS)
    }
  }

  /** Null when something is done already to everything that it could hit. @param {import('./faults.mjs').Drawn} drawn @returns {Promise<void> | null} */
  #hit(drawn) {
    const { callers, callees, pairs } = this.#targets
    const { chance } = this.#options
    if (drawn.at === 'callee') return callees.strike(drawn.fault, chance)
    const free = (drawn.at === 'caller' ? [...callers.keys()] : pairs).filter((name) => !this.#busy.has(name))
    if (free.length === 0) return null
    const name = chance.pick(free)
    this.#busy.add(name)
    const over = drawn.at === 'pair' ? this.#hurt(name, drawn.fault) : this.#freeze(name, drawn.fault.forMs)
    return over.finally(() => this.#busy.delete(name))
  }

  /** @param {string} pair @param {import('./chaos-proxy.mjs').PairFault} fault */
  async #hurt(pair, fault) {
    this.#targets.proxies.send({ do: 'strike', pair, fault })
    await delay(fault.forMs)
  }

  /** @param {string} caller @param {number} forMs */
  async #freeze(caller, forMs) {
    const { write, callers, proxies } = this.#targets
    // What goes on to it meanwhile it may never read.
    proxies.send({ do: 'freezeCaller', caller, forMs })
    write({ k: 'fault', t: Date.now(), kind: 'freeze', target: caller, count: 0, forMs })
    callers.get(caller)?.process.kill('SIGSTOP')
    await delay(forMs)
    callers.get(caller)?.process.kill('SIGCONT')
  }

  /** @param {Promise<void>} over */
  #last(over) {
    const lasting = over
      .catch((error) => this.#onTrouble(error.message))
      .finally(() => this.#lasting.delete(lasting))
    this.#lasting.add(lasting)
  }
}
