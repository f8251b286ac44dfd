// Owns: the deadline of a channel that has one, as an item of the heap of deadlines.
// Must not know: what happens when it passes.
import type { Channel } from './channel.js'
import type { Deadline } from './deadlines.js'

/** @internal */
export class ChannelDeadline implements Deadline {
  readonly channel: Channel
  readonly deadlineMs: number
  heapIndex = -1

  constructor(channel: Channel, deadlineMs: number) {
    this.channel = channel
    this.deadlineMs = deadlineMs
  }
}
