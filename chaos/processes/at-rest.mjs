// Owns: what a peer holds, and waiting until that is nothing.
// Must not know: calls, faults.

import { setTimeout as delay } from 'node:timers/promises'

const LOOK_MS = 50

/**
 * Waits until a peer holds nothing, and says what it holds then: nothing, if all is well. `own`: what the program knows to be pending.
 * @param {import('peerplex').Peer} peer @param {() => number} own @param {number} maxMs how long it waits
 * @returns {Promise<import('../ledger.mjs').Rest>}
 */
export async function restOf(peer, own, maxMs) {
  const endMs = performance.now() + maxMs
  for (;;) {
    const held = heldBy(peer, own())
    const { pending, queued, bufferedBytes, channels } = held
    if (pending + queued + bufferedBytes + channels === 0 || performance.now() > endMs) return held
    await delay(LOOK_MS)
  }
}

/** @param {import('peerplex').Peer} peer @param {number} own @returns {import('../ledger.mjs').Rest} */
function heldBy(peer, own) {
  const { connections, queue } = peer.stats()
  let [pending, bufferedBytes, channels] = [own, queue.queuedBytes, 0]
  for (const each of connections) {
    pending += each.openSlotsTaken + each.deadlines
    bufferedBytes += each.queuedOutputBytes + each.committedOutputBytes + each.unreadBytes
    bufferedBytes += each.assemblingBytes + each.transportBytes
    channels += each.openChannels + each.openingChannels + each.heldChannels
  }
  const queued = queue.queuedCalls + queue.blockedCalls
  return { k: 'rest', t: Date.now(), peer: peer.id, pending, queued, bufferedBytes, channels }
}
