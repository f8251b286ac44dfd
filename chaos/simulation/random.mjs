// Owns: every decision of a simulation that is left to chance: the same seed, the same decisions.
// Must not know: what is decided.

import { Random } from '@peerplex/testkit'

export class SimRandom {
  #random

  /** @param {number} seed */
  constructor(seed) {
    this.#random = new Random(seed)
  }

  /** 0 … 1, without 1. Bound: peers get it as their own. */
  fraction = () => this.#random.next() / 2 ** 32

  /** Both included. @param {number} min @param {number} max */
  int(min, max) {
    return this.#random.int(min, max)
  }

  /** @param {number} probability */
  chance(probability) {
    return this.fraction() < probability
  }

  /** @template T @param {readonly T[]} items @returns {T} */
  pick(items) {
    return this.#random.pick(items)
  }

  /** Times between things that happen by themselves, so many milliseconds apart on average. @param {number} meanMs */
  gapMs(meanMs) {
    return -Math.log(1 - this.fraction()) * meanMs
  }

  /** One of the names, as often as its weight says. @template {string} K @param {Readonly<Record<K, number>>} weights @returns {K} */
  weighted(weights) {
    const names = /** @type {K[]} */ (Object.keys(weights))
    let rest = this.fraction() * names.reduce((sum, name) => sum + weights[name], 0)
    for (const name of names) {
      rest -= weights[name]
      if (rest < 0) return name
    }
    return /** @type {K} */ (names.at(-1))
  }
}
