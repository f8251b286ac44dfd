// Owns: the reconnect storm on a virtual clock: when each of thousands of peers knocks, where no processor is in their way.
// Must not know: processes, sockets.

import { standardCodecs } from '@peerplex/codec'
import { createChannelPeer } from '@peerplex/peer'
import { Random, VirtualClock } from '@peerplex/testkit'
import { createMemoryTransport } from '@peerplex/transport-port'
import { worstOf } from './storm.mjs'

const URL = 'memory:storm'
/** Longer than the longest pause between two attempts, 30 s. */
const PATIENCE_MS = 60_000

/** As `storm`, with chance from `seed`. @param {import('./storm.mjs').StormOptions & { seed: number }} options @returns {Promise<import('./storm.mjs').StormResult>} */
export async function virtualStorm({ peers, awayMs, hasJitter, seed }) {
  const clock = new VirtualClock()
  const chance = new Random(seed)
  const memory = createMemoryTransport({ maxDeliveriesPerTask: Number.POSITIVE_INFINITY })
  const codecs = standardCodecs()
  /** @type {number[]} */
  let knocks = []
  let attempts = 0
  /** @type {import('@peerplex/wire/transport').Transport} */
  const counted = {
    ...memory,
    schemes: memory.schemes,
    connect: async (endpoint, options) => {
      const atMs = clock.now()
      attempts++
      const connection = await memory.connect(endpoint, options)
      knocks.push(atMs)
      return connection
    },
  }
  const listen = async () => {
    const limits = { maxConnections: peers, maxUnauthenticated: peers }
    const peer = createChannelPeer({ transports: [memory], codecs }, { id: 'listener', clock, limits })
    await peer.bind(URL)
    return peer
  }
  const first = await listen()
  const dialing = Array.from({ length: peers }, (_, index) => {
    let drawn = 0
    const random = () => (hasJitter || drawn++ < 16 ? chance.next() / 2 ** 32 : 0.999)
    const peer = createChannelPeer({ transports: [counted], codecs }, { id: `peer-${index}`, clock, random })
    peer.connect(URL)
    return peer
  })
  await advance(clock, 100)
  knocks = []
  attempts = 0
  void first.close()
  await advance(clock, awayMs)
  const second = await listen()
  const startedMs = clock.now()
  for (let ms = 0; ms < PATIENCE_MS && knocks.length < peers; ms += 100) await advance(clock, 100)
  const since = knocks.map((atMs) => atMs - startedMs)
  const worst = worstOf(since, peers)
  const lastMs = since.reduce((last, each) => Math.max(last, each), 0)
  const closing = Promise.all([second, ...dialing].map((peer) => peer.close()))
  await advance(clock, 10_000)
  await closing
  return { peers, back: knocks.length, lastMs, worst, worstIn: worst, attempts: attempts - knocks.length }
}

/** Moves time on; what follows from each timer happens first. @param {VirtualClock} clock @param {number} ms */
async function advance(clock, ms) {
  const untilMs = clock.now() + ms
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve))
    const nextMs = clock.nextTimerMs
    if (nextMs === null || nextMs > untilMs) break
    clock.advanceTo(Math.max(nextMs, clock.now()))
  }
  clock.advanceTo(untilMs)
}
