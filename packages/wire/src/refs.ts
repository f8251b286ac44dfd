// Owns: which references are alive on a connection, in one direction (spec §14): a session has a table of those it exported
// and one of those it received.
// Must not know: what a reference stands for.
import type { Channel } from './channel.js'
import { REF_ITEM_BYTES } from './constants.js'
import { readU32 } from './entries.js'

interface RefEntry {
  /** How often it was sent as retained and not released yet. */
  retainedCount: number
  /** Open channels that carried it: the end of the last one frees it unless it is retained. */
  channelCount: number
}

/** What became of a release. */
export type ReleaseResult = 'released' | 'freed' | 'ignored' | 'violation'

const NONE: readonly number[] = Object.freeze([])

export class RefTable {
  readonly #maxCount: number
  /** Null until there is a reference: most connections never carry one. */
  #live: Map<number, RefEntry> | null = null
  #byChannel: Map<Channel, Set<number>> | null = null
  #highest = 0

  constructor(maxCount: number) {
    this.#maxCount = maxCount
  }

  get size(): number {
    return this.#live?.size ?? 0
  }

  isLive(refId: number): boolean {
    return this.#live?.has(refId) ?? false
  }

  /** Whether a channel that carried it is still open. */
  isOnLiveChannel(refId: number): boolean {
    return (this.#live?.get(refId)?.channelCount ?? 0) > 0
  }

  /** Enters the references of a `refs` value (borrowed). False, and none entered, when there would be too many. */
  add(channel: Channel, refs: Uint8Array): boolean {
    let added = 0
    for (let at = 0; at < refs.length; at += REF_ITEM_BYTES) if (!this.isLive(readU32(refs, at))) added++
    if (this.size + added > this.#maxCount) return false
    for (let at = 0; at < refs.length; at += REF_ITEM_BYTES) {
      this.#enter(channel, readU32(refs, at), refs[at + 5] === 1)
    }
    return true
  }

  /** Takes `count` releases of a retained reference. */
  release(refId: number, count: number): ReleaseResult {
    if (refId > this.#highest) return 'violation'
    const entry = this.#live?.get(refId)
    if (entry === undefined) return 'ignored'
    if (count > entry.retainedCount) return 'violation'
    entry.retainedCount -= count
    return this.#freeIfUnused(refId, entry) ? 'freed' : 'released'
  }

  /** The channel is over: what only it kept alive is gone. Returns those ids. */
  releaseChannel(channel: Channel): readonly number[] {
    // Most channels carry none, and looking an object up costs more than the rest of its end.
    const ids = this.#byChannel?.size ? this.#byChannel.get(channel) : undefined
    if (ids === undefined) return NONE
    this.#byChannel?.delete(channel)
    return [...ids].filter((refId) => {
      const entry = this.#live?.get(refId) as RefEntry
      entry.channelCount--
      return this.#freeIfUnused(refId, entry)
    })
  }

  #enter(channel: Channel, refId: number, isRetained: boolean): void {
    if (refId > this.#highest) this.#highest = refId
    this.#live ??= new Map()
    this.#byChannel ??= new Map()
    let entry = this.#live.get(refId)
    if (entry === undefined) {
      entry = { retainedCount: 0, channelCount: 0 }
      this.#live.set(refId, entry)
    }
    if (isRetained) entry.retainedCount++
    let ids = this.#byChannel.get(channel)
    if (ids === undefined) {
      ids = new Set()
      this.#byChannel.set(channel, ids)
    }
    if (ids.has(refId)) return
    ids.add(refId)
    entry.channelCount++
  }

  #freeIfUnused(refId: number, entry: RefEntry): boolean {
    if (entry.retainedCount > 0 || entry.channelCount > 0) return false
    this.#live?.delete(refId)
    return true
  }
}
