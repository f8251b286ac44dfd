// Owns: Peerplex as a program uses it, with default options.
// Payload: the object { id, msg } in MessagePack, or bytes; bytes go with codec `raw`, which is one option of the peer.
// Idle connections are links of one peer. Limits are raised where the workload is about more than they allow: connections of one address, open channels.
// Options: `payload` 'object' | 'bytes'; `delivery` of streams 'callback' (a channel) | 'iterator' (a call); `scheme` 'tcp' | 'ws' | 'unix'.

import { createPeer } from 'peerplex'
import { FIRST_CONNECTIONS, firstChannels } from '../drivers/memory.mjs'
import { awaitTimes, bytesOf, SMALL_OBJECT } from '../interface.mjs'
import { PAUSED_OFFER_BYTES } from '../workloads.mjs'
import { temporarySocketPath } from './temporary.mjs'

/** One for all channels: what a callback holds is not what a channel costs. */
const ignore = () => {}

/** So many connections from one address, all at once. */
function crowd(/** @type {number} */ count) {
  return {
    maxConnections: 10 * count,
    maxConnectionsPerAddress: count,
    maxUnauthenticated: count,
    acceptBurst: count,
  }
}

/** @param {import('../interface.mjs').Setup} setup */
function prepare({ workload, options }) {
  const isObject = options.payload === 'object'
  const { inFlight, kind } = workload
  const limits = {
    ...(kind === 'idle' ? crowd(inFlight + FIRST_CONNECTIONS + 100) : {}),
    ...(kind === 'channels' || kind === 'pending'
      ? { maxOpenChannels: inFlight + firstChannels(workload) + 100 }
      : {}),
  }
  const peer = createPeer({
    ...(isObject ? {} : { codec: 'raw' }),
    ...(Object.keys(limits).length > 0 ? { limits } : {}),
  })
  /** @type {unknown} */
  const message = isObject ? SMALL_OBJECT : bytesOf(workload.bytes)
  const { awaits } = workload
  if (awaits === 0) peer.handle('echo', (input) => input)
  else {
    peer.handle('echo', async (input) => {
      await awaitTimes(awaits)
      return input
    })
  }
  return { peer, message }
}

/**
 * All sends for which there is room give the same promise, and one that was awaited need not be awaited again.
 * @param {import('peerplex').PeerChannel} channel
 * @param {unknown} message
 * @param {number} [count]
 */
async function sendMany(channel, message, count = Number.POSITIVE_INFINITY) {
  /** @type {Promise<void> | undefined} */
  let last
  for (let n = 0; n < count && channel.writable; n++) {
    const sent = channel.send(message)
    if (sent === last) continue
    last = sent
    await sent
  }
}

/** @type {import('../interface.mjs').PeerModule['serve']} */
export async function serve(setup) {
  const { peer, message } = prepare(setup)
  let accepted = 0
  let wanted = -1
  let isComplete = () => {}
  const count = () => {
    accepted++
    if (accepted === wanted) isComplete()
  }
  const never = new Promise(() => {})
  peer.accept('feed', (channel) => sendMany(channel, message))
  peer.accept('offer', (channel) => sendMany(channel, message, PAUSED_OFFER_BYTES / setup.workload.bytes))
  peer.accept('room', (channel) => {
    channel.onMessage = ignore
    count()
  })
  peer.handle({
    ticks: async function* () {
      for (;;) yield message
    },
    hold: async () => {
      count()
      await never
    },
    // The answer of this one is bytes, whatever codec the peer prefers.
    count: async (/** @type {Uint8Array} */ bytes) => {
      wanted = Buffer.from(bytes).readUInt32LE(0)
      if (accepted < wanted) {
        await new Promise((resolve) => {
          isComplete = () => resolve(undefined)
        })
      }
      return bytes
    },
  })
  const { scheme } = setup.options
  const listener = await peer.bind(
    scheme === 'unix' ? `unix:${temporarySocketPath()}` : `${scheme}://127.0.0.1:0`,
  )
  return {
    address: listener.url,
    echo: (done) => {
      peer.call('echo', message).then((reply) => done(null, reply), done)
    },
    inspect: () => heldBytes(peer),
  }
}

/** @param {import('peerplex').Peer} peer */
function heldBytes(peer) {
  let unread = 0
  let queued = 0
  for (const connection of peer.stats().connections) {
    unread += connection.unreadBytes + connection.assemblingBytes
    queued += connection.queuedOutputBytes + connection.transportBytes
  }
  return { unread, queued }
}

/** @type {import('../interface.mjs').PeerModule['connect']} */
export async function connect(address, setup) {
  const { peer, message } = prepare(setup)
  await peer.connect(address).ready
  let wanted = 0
  /** @param {number} more */
  const untilAll = async (more) => {
    wanted += more
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(wanted)
    await peer.call('count', bytes, { codec: 'raw' })
  }
  return {
    echo: (done) => {
      peer.call('echo', message).then((reply) => done(null, reply), done)
    },
    stream: (onMessage) => {
      if (setup.options.delivery === 'iterator') {
        void (async () => {
          for await (const _ of peer.stream('ticks')) onMessage()
        })()
      } else peer.open('feed').onMessage = onMessage
    },
    pausedStream: () => {
      const messages = peer.open('offer')[Symbol.asyncIterator]()
      void messages.next()
      kept.push(messages)
    },
    another: async () => {
      await peer.connect(address).ready
    },
    channels: async (count) => {
      const channels = []
      for (let n = 0; n < count; n++) {
        const channel = peer.open('room')
        channel.onMessage = ignore
        channels.push(channel)
      }
      await untilAll(count)
      kept.push(channels)
    },
    pending: async (count) => {
      for (let n = 0; n < count; n++) peer.call('hold', message).catch(() => {})
      await untilAll(count)
    },
    inspect: () => heldBytes(peer),
  }
}

/** What a program would still hold. @type {unknown[]} */
const kept = []
