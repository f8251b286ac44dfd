// Owns: which channels are open on a connection, and what the ids of all others mean (spec §7).
// Must not know: frames, states. Keys: above 0 opened here, below 0 opened by the other side.
import type { Channel } from './channel.js'
import { ChannelMap } from './channel-map.js'
import { isNewId, isPastId, nextId } from './serial.js'

export class ChannelTable {
  readonly #channels = new ChannelMap()
  /** The last id that we gave to an OPEN; 0 before the first. */
  #lastLocalId = 0
  #hasLocalWrapped = false
  /** The last id of an OPEN from the other side, refused and discarded ones included. */
  #lastRemoteId = 0
  #hasRemoteWrapped = false

  get size(): number {
    return this.#channels.size
  }

  get(key: number): Channel | undefined {
    return this.#channels.get(key)
  }

  /** All open channels at this moment; safe to close while going through them. */
  snapshot(): Channel[] {
    return this.#channels.values()
  }

  add(channel: Channel): void {
    this.#channels.set(channel.id, channel)
  }

  remove(channel: Channel): boolean {
    return this.#channels.delete(channel.id)
  }

  /** The id for our next OPEN: one further, past those still open. */
  allocate(): number {
    let id = nextId(this.#lastLocalId)
    while (this.#channels.has(id)) id = nextId(id)
    if (id < this.#lastLocalId) this.#hasLocalWrapped = true
    this.#lastLocalId = id
    return id
  }

  /** Accounts for the id of an arriving OPEN; false when it was used before or goes back. */
  admitRemote(id: number): boolean {
    if (!isNewId(this.#lastRemoteId, id) || this.#channels.has(-id)) return false
    if (id < this.#lastRemoteId) this.#hasRemoteWrapped = true
    this.#lastRemoteId = id
    return true
  }

  /** Whether a key that is not in the table was open once. */
  isPast(key: number): boolean {
    return key > 0
      ? isPastId(this.#lastLocalId, key, this.#hasLocalWrapped)
      : isPastId(this.#lastRemoteId, -key, this.#hasRemoteWrapped)
  }

  /** Whether one of our ids comes after `lastId`, the fence of the other side's FINAL. */
  isBeyond(id: number, lastId: number): boolean {
    return lastId === 0 || isNewId(lastId, id)
  }

  /** Starts the ids elsewhere, for tests of the wrap. @internal */
  startIdsAt(lastLocalId: number, lastRemoteId: number): void {
    this.#lastLocalId = lastLocalId
    this.#lastRemoteId = lastRemoteId
  }
}
