// Owns: the snapshot of counts and levels that a session gives: every limit has a number here that shows how near it is.
// Must not know: how the numbers come about.
import type { Channels } from './channels.js'
import type { SessionStats } from './session-types.js'

/** A new plain object. */
export function collectStats(
  state: string,
  bytesReceived: number,
  decoderBytes: number,
  channels: Channels,
): SessionStats {
  const { outbox, table, sender, receiver, slots, economy, counters, endings } = channels
  // Field by field: a spread makes this twenty times slower, and monitoring calls it often.
  return {
    framesReceived: counters.framesReceived,
    messagesReceived: counters.messagesReceived,
    creditsReceived: counters.creditsReceived,
    creditsSent: counters.creditsSent,
    channelsOpened: counters.channelsOpened,
    channelsAccepted: counters.channelsAccepted,
    channelsRefused: counters.channelsRefused,
    opensDiscarded: counters.opensDiscarded,
    ownChannelsEnded: counters.ownChannelsEnded,
    handlerErrors: counters.handlerErrors,
    state,
    framesSent: outbox.frameCount,
    bytesSent: outbox.takenBytes,
    bytesReceived,
    messagesSent: sender.committer.messagesSent,
    openChannels: table.size,
    openingChannels: sender.openingCount,
    heldChannels: channels.held.size,
    openSlotsTaken: slots.takenCount,
    queuedOutputBytes: sender.queuedBytes,
    committedOutputBytes: outbox.pendingBytes,
    unreadBytes: receiver.unreadBytes,
    assemblingBytes: receiver.assembly.bytes + decoderBytes,
    inboundPartials: receiver.assembly.count,
    outboundPartials: sender.committer.partialCount,
    economyBalance: economy.balance,
    deadlines: endings.deadlineCount,
    exportedRefs: channels.exports.size,
    importedRefs: channels.imports.size,
  }
}
