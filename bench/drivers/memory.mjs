// Owns: what many idle things cost: connections, channels, calls that wait. By memory on both sides after garbage collection.
// Must not know: the peer.

import { setTimeout as delay } from 'node:timers/promises'

/**
 * @typedef {import('./index.mjs').Job} Job
 * @typedef {import('./index.mjs').Result} Result
 */

/**
 * So many come first, uncounted: they load and compile what the others use, and the young generation grows for them. They stay. With 50
 * a process that loads less before it has its first connection looked worse for it: 4 MB that come once counted as 4 KB a connection.
 */
export const FIRST_CONNECTIONS = 400
const FIRST_CHANNELS = 500

/** @param {import('../interface.mjs').Workload} workload */
export function firstChannels({ uncounted }) {
  return uncounted ?? FIRST_CHANNELS
}

/** Dialed at once. */
const DIAL_BATCH = 50

/**
 * @param {Job} job
 * @returns {Promise<Result>}
 */
export function idle({ client, setup, ask }) {
  const { another } = client
  if (!another) throw new Error('this peer has no further connections')
  return growth(ask, setup.workload.inFlight, {
    first: () => dial(another, FIRST_CONNECTIONS),
    all: () => dial(another, setup.workload.inFlight),
  })
}

/**
 * @param {Job} job
 * @returns {Promise<Result>}
 */
export function channels({ client, setup, ask }) {
  const { channels: open } = client
  if (!open) throw new Error('this peer has no channels')
  const count = setup.workload.inFlight
  return growth(ask, count, { first: () => open(firstChannels(setup.workload)), all: () => open(count) })
}

/**
 * @param {Job} job
 * @returns {Promise<Result>}
 */
export function pending({ client, setup, ask }) {
  const { pending: call } = client
  if (!call) throw new Error('this peer has no calls')
  const count = setup.workload.inFlight
  return growth(ask, count, { first: () => call(FIRST_CHANNELS), all: () => call(count) })
}

/**
 * @param {(what: string) => Promise<any>} ask
 * @param {number} count
 * @param {{ first: () => Promise<void>, all: () => Promise<void> }} steps
 * @returns {Promise<Result>}
 */
async function growth(ask, count, { first, all }) {
  await first()
  const [clientBefore, serverBefore] = [await ask('own memory'), await ask('memory')]
  const startMs = performance.now()
  await all()
  const openMs = performance.now() - startMs
  await delay(200)
  const [clientAfter, serverAfter] = [await ask('own memory'), await ask('memory')]
  const per = (/** @type {number} */ before, /** @type {number} */ after) => (after - before) / count
  return {
    count,
    openMs,
    clientRssBytes: per(clientBefore.rss, clientAfter.rss),
    serverRssBytes: per(serverBefore.rss, serverAfter.rss),
    clientHeapBytes: per(liveBytes(clientBefore), liveBytes(clientAfter)),
    serverHeapBytes: per(liveBytes(serverBefore), liveBytes(serverAfter)),
  }
}

/** @param {NodeJS.MemoryUsage} memory heap and what hangs on it outside */
function liveBytes({ heapUsed, external }) {
  return heapUsed + external
}

/** @param {() => Promise<void>} another @param {number} count */
async function dial(another, count) {
  for (let done = 0; done < count; done += DIAL_BATCH) {
    await Promise.all(Array.from({ length: Math.min(DIAL_BATCH, count - done) }, another))
  }
}
