// Owns: how streams are measured: messages that arrive, and what happens to one stream when nobody reads another.
// Must not know: the peer.

import { setTimeout as delay } from 'node:timers/promises'
import { PAUSED_OFFER_BYTES } from '../workloads.mjs'
import { between, sample } from './usage.mjs'

/**
 * @typedef {import('./index.mjs').Job} Job
 * @typedef {import('./index.mjs').Result} Result
 */

const PAUSE_MS = 2_000

/**
 * @param {Job} job
 * @returns {Promise<Result>}
 */
export async function stream({ client, setup, timing, ask }) {
  if (!client.stream) throw new Error('this peer has no streams')
  let count = 0
  for (let n = 0; n < setup.workload.inFlight; n++) {
    client.stream(() => {
      count++
    })
  }
  await delay(timing.warmupMs)
  const from = await sample(ask, () => count)
  await delay(timing.measureMs)
  const result = between(from, await sample(ask, () => count))
  return { ...result, mibPerSecond: (result.rate * setup.workload.bytes) / 2 ** 20 }
}

/**
 * @param {Job} job
 * @returns {Promise<Result>}
 */
export async function paused({ client, timing, ask }) {
  if (!client.stream || !client.pausedStream) throw new Error('this peer has no two streams at once')
  let count = 0
  client.stream(() => {
    count++
  })
  await delay(timing.warmupMs)
  const from = await sample(ask, () => count)
  await delay(timing.measureMs)
  const alone = between(from, await sample(ask, () => count))
  const [clientBefore, serverBefore] = [await ask('own memory'), await ask('memory')]
  client.pausedStream()
  await delay(PAUSE_MS)
  const again = await sample(ask, () => count)
  await delay(timing.measureMs)
  const beside = between(again, await sample(ask, () => count))
  const [clientAfter, serverAfter] = [await ask('own memory'), await ask('memory')]
  const [clientHeld, serverHeld] = [client.inspect?.() ?? {}, await ask('inspect')]
  return {
    ...beside,
    aloneRate: alone.rate,
    besideRatio: beside.rate / alone.rate,
    offeredBytes: PAUSED_OFFER_BYTES,
    ...(clientHeld.unread === undefined ? {} : { clientUnreadBytes: clientHeld.unread }),
    ...(serverHeld.queued === undefined ? {} : { serverQueuedBytes: serverHeld.queued }),
    clientGrowthBytes: liveBytes(clientAfter) - liveBytes(clientBefore),
    serverGrowthBytes: liveBytes(serverAfter) - liveBytes(serverBefore),
  }
}

/** @param {NodeJS.MemoryUsage} memory */
function liveBytes({ arrayBuffers, heapUsed }) {
  return arrayBuffers + heapUsed
}
