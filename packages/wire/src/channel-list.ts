// Owns: a queue of channels linked through the channels themselves: no allocation per turn.
// Must not know: what the channels wait for. A channel is in at most one list; its LISTED bit says whether.
import type { Channel } from './channel.js'

export class ChannelList {
  #head: Channel | null = null
  #tail: Channel | null = null

  get isEmpty(): boolean {
    return this.#head === null
  }

  push(channel: Channel): void {
    channel.holdOutput().nextListed = null
    if (this.#tail === null) this.#head = channel
    else this.#tail.holdOutput().nextListed = channel
    this.#tail = channel
  }

  shift(): Channel | null {
    const channel = this.#head
    if (channel === null) return null
    const output = channel.holdOutput()
    this.#head = output.nextListed
    if (this.#head === null) this.#tail = null
    output.nextListed = null
    return channel
  }

  /** Moves all of `other` to the end of this list. */
  append(other: ChannelList): void {
    if (other.#head === null) return
    if (this.#tail === null) this.#head = other.#head
    else this.#tail.holdOutput().nextListed = other.#head
    this.#tail = other.#tail
    other.#head = null
    other.#tail = null
  }
}
