// Owns: what a channel holds of its output: messages that wait to be committed, and its place among the channels that have some. Channels
// for which nothing ever waited have none.
// Must not know: whose turn it is (sender.ts), credit and frames (committer.ts).
import type { Channel } from './channel.js'
import type { OutboundItem } from './committer.js'

/** @internal */
export class ChannelOutput {
  /** First and last item that wait to be committed. */
  head: OutboundItem | null = null
  tail: OutboundItem | null = null
  /** Payload bytes of all of them. */
  bytes = 0
  /** Next in the sender's ready or waiting list. */
  nextListed: Channel | null = null
}
