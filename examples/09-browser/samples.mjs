// What a process is doing: an endless stream of samples, one every `everyMs`, until `signal` is aborted.
import { setTimeout as delay } from 'node:timers/promises'

const MB = 1_000_000

/** @param {import('peerplex').Peer} peer @param {number} everyMs @param {AbortSignal} signal */
export async function* samples(peer, everyMs, signal) {
  let before = counters(peer)
  // A wait that is aborted ends the stream, without an error.
  while (await delay(everyMs, true, { signal }).catch(() => false)) {
    const now = counters(peer)
    const seconds = (now.atMs - before.atMs) / 1_000
    const memory = process.memoryUsage()
    yield {
      at: new Date(),
      everyMs,
      values: {
        eventLoop: performance.eventLoopUtilization(now.loop, before.loop).utilization * 100,
        cpu: (now.cpuMs - before.cpuMs) / 10 / seconds,
        heap: memory.heapUsed / MB,
        process: memory.rss / MB,
        // The counts of a connection that has gone are gone with it.
        sent: Math.max(0, now.sent - before.sent) / seconds,
        received: Math.max(0, now.received - before.received) / seconds,
        connections: now.connections,
      },
    }
    before = now
  }
}

/** @param {import('peerplex').Peer} peer */
function counters(peer) {
  const { connections } = peer.stats()
  const cpu = process.cpuUsage()
  return {
    atMs: performance.now(),
    loop: performance.eventLoopUtilization(),
    cpuMs: (cpu.user + cpu.system) / 1_000,
    sent: connections.reduce((sum, { messagesSent }) => sum + messagesSent, 0),
    received: connections.reduce((sum, { messagesReceived }) => sum + messagesReceived, 0),
    connections: connections.length,
  }
}
