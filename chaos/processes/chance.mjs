// Owns: what is left to chance, from a seed.
// Must not know: what is decided.

import { Random } from '@peerplex/testkit'

export class Chance {
  #random

  /** @param {number} seed @param {string} [of] a name, so that each process has its own numbers out of one seed */
  constructor(seed, of = '') {
    let mixed = seed
    for (const letter of of) mixed = Math.imul(mixed ^ letter.charCodeAt(0), 0x01000193)
    this.#random = new Random(mixed)
  }

  /** Both included. @param {number} min @param {number} max */
  int(min, max) {
    return this.#random.int(min, max)
  }

  /** @param {number} probability */
  bool(probability) {
    return this.#random.bool(probability)
  }

  /** @template T @param {readonly T[]} items @returns {T} */
  pick(items) {
    return this.#random.pick(items)
  }

  /** @template T @param {readonly T[]} items @returns {T[]} */
  shuffle(items) {
    return this.#random.shuffle(items)
  }

  /** Times that are so long on average, and never more than six times that. @param {number} meanMs */
  spanMs(meanMs) {
    return Math.min(6, -Math.log(1 - this.#random.next() / 2 ** 32)) * meanMs
  }

  /** One of the names, as often as its weight says. @template {string} K @param {Readonly<Record<K, number>>} weights @returns {K} */
  weighted(weights) {
    const names = /** @type {K[]} */ (Object.keys(weights))
    let rest = (this.#random.next() / 2 ** 32) * names.reduce((sum, name) => sum + weights[name], 0)
    for (const name of names) {
      rest -= weights[name]
      if (rest < 0) return name
    }
    return /** @type {K} */ (names.at(-1))
  }
}
