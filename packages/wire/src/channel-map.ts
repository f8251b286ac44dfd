// Owns: channels by their number: a hash table over two flat arrays that are changed in place.
// Must not know: what the numbers mean. A `Map` would do but for garbage: it makes a new table every so many deletions, and a dead table
// that has grown old keeps all it ever held alive until the next full collection (bench: half of all garbage of short calls).
import type { Channel } from './channel.js'

const FIRST_BITS = 4
/** 2^32 over the golden ratio: numbers that follow each other land far apart, so that places in use do not form long runs. */
const SPREAD = 0x9e3779b1
/** The number that stands for an empty place. A channel whose OPEN waits has it too, and is in no table. */
const FREE = 0

/** What all tables begin with, and only read: most connections have no channel at most times. */
const NO_KEYS = new Int32Array(1 << FIRST_BITS)
const NO_CHANNELS: (Channel | null)[] = new Array<Channel | null>(1 << FIRST_BITS).fill(null)

export class ChannelMap {
  #bits = FIRST_BITS
  #keys = NO_KEYS
  #channels: (Channel | null)[] = NO_CHANNELS
  #size = 0

  get size(): number {
    return this.#size
  }

  get(key: number): Channel | undefined {
    const keys = this.#keys
    const mask = keys.length - 1
    for (let at = this.#home(key); ; at = (at + 1) & mask) {
      const found = keys[at]
      if (found === FREE) return undefined
      if (found === key) return this.#channels[at] ?? undefined
    }
  }

  has(key: number): boolean {
    return this.get(key) !== undefined
  }

  /** Enters a channel under a number that is not 0; another one with that number gives way. */
  set(key: number, channel: Channel): void {
    // At most half full: runs of neighbours stay short, and there is always a free place to stop at.
    if (this.#keys === NO_KEYS) this.#allocate()
    else if ((this.#size + 1) * 2 > this.#keys.length) this.#grow()
    const keys = this.#keys
    const mask = keys.length - 1
    let at = this.#home(key)
    while (keys[at] !== FREE && keys[at] !== key) at = (at + 1) & mask
    if (keys[at] === FREE) this.#size++
    keys[at] = key
    this.#channels[at] = channel
  }

  delete(key: number): boolean {
    const keys = this.#keys
    const channels = this.#channels
    const mask = keys.length - 1
    let at = this.#home(key)
    for (; keys[at] !== key || key === FREE; at = (at + 1) & mask) if (keys[at] === FREE) return false
    // What follows in the same run moves up as far as its own place allows, so that a search never stops too early.
    for (let next = (at + 1) & mask; keys[next] !== FREE; next = (next + 1) & mask) {
      const home = this.#home(keys[next] as number)
      if (((next - home) & mask) < ((next - at) & mask)) continue
      keys[at] = keys[next] as number
      channels[at] = channels[next] as Channel
      at = next
    }
    keys[at] = FREE
    channels[at] = null
    this.#size--
    return true
  }

  /** All channels at this moment, in no particular order. */
  values(): Channel[] {
    return this.#channels.filter((channel) => channel !== null)
  }

  #home(key: number): number {
    return Math.imul(key, SPREAD) >>> (32 - this.#bits)
  }

  #allocate(): void {
    this.#keys = new Int32Array(1 << this.#bits)
    this.#channels = new Array<Channel | null>(1 << this.#bits).fill(null)
  }

  #grow(): void {
    const channels = this.#channels
    const keys = this.#keys
    this.#bits++
    this.#allocate()
    this.#size = 0
    for (let at = 0; at < keys.length; at++) {
      const channel = channels[at] as Channel | null
      if (channel !== null) this.set(keys[at] as number, channel)
    }
  }
}
