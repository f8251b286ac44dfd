// Owns: how many channels the other side may open (spec §11): a slot comes back when the channel is closed on the wire
// AND its handler has settled, so work that was cancelled but still runs keeps its slot.
// Must not know: channels, frames.
import { remaining } from './serial.js'

/** So many returned slots are worth a CREDIT. */
const ANNOUNCE_COUNT = 64

export class OpenSlots {
  /** How many may be open at once. */
  #windowCount: number
  #receivedCount = 0
  #returnedCount = 0
  #grantedCount: number
  /** Slots of channels cancelled before our first frame: they wait for the next tick, which makes rapid reset pointless. */
  #delayedCount = 0

  constructor(windowCount: number) {
    this.#windowCount = windowCount
    this.#grantedCount = windowCount | 0
  }

  /** The cumulative limit to announce. */
  get limit(): number {
    return this.#grantedCount
  }

  get delayedCount(): number {
    return this.#delayedCount
  }

  /** Channels whose slot is taken, running handlers included. */
  get takenCount(): number {
    return remaining(this.#receivedCount, this.#returnedCount)
  }

  /** Counts an OPEN; false when it is beyond the limit. */
  receive(): boolean {
    this.#receivedCount = (this.#receivedCount + 1) | 0
    return remaining(this.#grantedCount, this.#receivedCount) >= 0
  }

  /** Gives back one slot, now or at the next tick. */
  release(isDelayed: boolean): void {
    if (isDelayed) this.#delayedCount++
    else this.#returnedCount = (this.#returnedCount + 1) | 0
  }

  /** The tick: what was delayed is returned. */
  releaseDelayed(): void {
    this.#returnedCount = (this.#returnedCount + this.#delayedCount) | 0
    this.#delayedCount = 0
  }

  /** Another number of channels at once, announced with the next CREDIT 0. */
  resize(windowCount: number): void {
    this.#windowCount = windowCount
  }

  /** Whether there is enough to announce, or anything while the opener can have less than a quarter left. */
  isDue(): boolean {
    const owed = this.#owedCount()
    if (owed <= 0) return false
    return (
      owed >= ANNOUNCE_COUNT || 4 * remaining(this.#grantedCount, this.#receivedCount) < this.#windowCount
    )
  }

  /** Starts the counts elsewhere, for tests of the wrap. @internal */
  startAt(count: number): void {
    this.#receivedCount = (this.#receivedCount + count) | 0
    this.#returnedCount = (this.#returnedCount + count) | 0
    this.#grantedCount = (this.#grantedCount + count) | 0
  }

  grant(): void {
    const owed = this.#owedCount()
    if (owed > 0) this.#grantedCount = (this.#grantedCount + owed) | 0
  }

  #owedCount(): number {
    return remaining((this.#returnedCount + this.#windowCount) | 0, this.#grantedCount)
  }
}
