// Owns: channels by their number: a hash table over one flat array that is changed in place.
// Must not know: what the numbers mean. A `Map` would do but for garbage: it makes a new table every so many deletions, and a dead table
// that has grown old keeps all it ever held alive until the next full collection (bench: half of all garbage of short calls).
import type { Channel } from './channel.js'

const FIRST_BITS = 4
/** 2^32 over the golden ratio: numbers that follow each other land far apart, so that places in use do not form long runs. */
const SPREAD = 0x9e3779b1

/** What all tables begin with, and only read: most connections have no channel at most times. */
const NO_CHANNELS: (Channel | null)[] = new Array<Channel | null>(1 << FIRST_BITS).fill(null)

export class ChannelMap {
  #bits = FIRST_BITS
  #channels: (Channel | null)[] = NO_CHANNELS
  #size = 0

  get size(): number {
    return this.#size
  }

  get(key: number): Channel | undefined {
    const channels = this.#channels
    const mask = channels.length - 1
    for (let at = this.#home(key); ; at = (at + 1) & mask) {
      const found = channels[at] as Channel | null
      if (found === null) return undefined
      if (found.id === key) return found
    }
  }

  has(key: number): boolean {
    return this.get(key) !== undefined
  }

  /** Enters a channel under its number, which stays what it is and is not 0; another one with that number gives way. */
  set(key: number, channel: Channel): void {
    // At most three quarters full: runs of neighbours stay short, and there is always a free place to stop at.
    if (this.#channels === NO_CHANNELS) this.#allocate()
    else if ((this.#size + 1) * 4 > this.#channels.length * 3) this.#grow()
    const channels = this.#channels
    const mask = channels.length - 1
    let at = this.#home(key)
    for (let found = channels[at]; found !== null; found = channels[at]) {
      if ((found as Channel).id === key) break
      at = (at + 1) & mask
    }
    if (channels[at] === null) this.#size++
    channels[at] = channel
  }

  delete(key: number): boolean {
    const channels = this.#channels
    const mask = channels.length - 1
    let at = this.#home(key)
    for (let found = channels[at]; ; found = channels[at]) {
      if (found === null) return false
      if ((found as Channel).id === key) break
      at = (at + 1) & mask
    }
    // What follows in the same run moves up as far as its own place allows, so that a search never stops too early.
    for (let next = (at + 1) & mask; ; next = (next + 1) & mask) {
      const channel = channels[next] as Channel | null
      if (channel === null) break
      const home = this.#home(channel.id)
      if (((next - home) & mask) < ((next - at) & mask)) continue
      channels[at] = channel
      at = next
    }
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
    this.#channels = new Array<Channel | null>(1 << this.#bits).fill(null)
  }

  #grow(): void {
    const channels = this.#channels
    this.#bits++
    this.#allocate()
    this.#size = 0
    for (let at = 0; at < channels.length; at++) {
      const channel = channels[at] as Channel | null
      if (channel !== null) this.set(channel.id, channel)
    }
  }
}
