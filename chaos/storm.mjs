// Owns: the reconnect storm: thousands of peers whose listener is killed and comes back, and how they come back (spec §19, SEM-012).
// Must not know: calls, ledgers.
//
// The listener is a process of its own, killed with SIGKILL and started again on the same port. The peers live in two further processes and come
// from many addresses of the loopback network, so that limits for each address stay on. What is counted is when each peer began the attempt that
// succeeded: that is when it knocks. When it was let in is told beside, and depends on how many handshakes a second the machine can do, with
// those who knock on the same processors.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createPeer } from 'peerplex'

/** @typedef {{ peers: number, awayMs: number, hasJitter: boolean }} StormOptions */
/** @typedef {{ bucketMs: number, share: number }} Bucket */
/**
 * @typedef {object} StormResult
 * @property {number} peers
 * @property {number} back how many came back
 * @property {number} lastMs when the last of them did, from the moment when the listener listened again
 * @property {Bucket} worst the 100 ms in which most of them knocked
 * @property {Bucket} worstIn the 100 ms in which most of them were let in
 * @property {number} attempts times that somebody dialed meanwhile
 */

const FILE = fileURLToPath(import.meta.url)
const BUCKET_MS = 100
const DIALING_PROCESSES = 2
/** Below what one address may have, `limits.maxConnectionsPerAddress`. */
const PEERS_PER_ADDRESS = 50
/** Longer than the longest pause between two attempts, 30 s. */
const PATIENCE_MS = 60_000

/** Runs it once. @param {StormOptions} options @param {(text: string) => void} progress @returns {Promise<StormResult>} */
export async function storm({ peers, awayMs, hasJitter }, progress) {
  const first = await startListener(0)
  /** When each peer knocked, and when it was in. @type {[number, number][]} */
  let ready = []
  const dialers = Array.from({ length: DIALING_PROCESSES }, (_, index) => {
    const args = [first.port, share(peers, index), index, hasJitter ? 1 : 0]
    const dialer = fork(FILE, ['dialer', ...args.map(String)])
    dialer.on('message', (/** @type {any} */ message) => {
      if (message.ready !== undefined) ready.push(...message.ready)
    })
    return dialer
  })
  let second = null
  try {
    await until(() => ready.length >= peers, 'all peers to connect')
    progress(`${peers} peers are connected; the listener is killed`)
    ready = []
    first.child.kill('SIGKILL')
    await once(first.child, 'exit')
    await delay(awayMs)
    second = await startListener(first.port)
    progress(`it listens again after ${awayMs} ms`)
    await until(() => ready.length >= peers, 'all peers to come back').catch(() => {})
    const attempts = await Promise.all(dialers.map(attemptsOf))
    return judge(peers, ready, second.startedMs, attempts)
  } finally {
    for (const child of [...dialers, first.child, second?.child]) child?.kill('SIGKILL')
  }
}

/** @param {number} peers @param {[number, number][]} ready @param {number} startedMs @param {number[]} attempts @returns {StormResult} */
function judge(peers, ready, startedMs, attempts) {
  return {
    peers,
    back: ready.length,
    lastMs: ready.reduce((last, [, inMs]) => Math.max(last, inMs - startedMs), 0),
    worst: worstOf(
      ready.map(([knockedMs]) => knockedMs - startedMs),
      peers,
    ),
    worstIn: worstOf(
      ready.map(([, inMs]) => inMs - startedMs),
      peers,
    ),
    attempts: attempts.reduce((sum, each) => sum + each, 0),
  }
}

/** The fullest 100 ms. @param {number[]} times @param {number} peers @returns {Bucket} */
export function worstOf(times, peers) {
  /** @type {Map<number, number>} */
  const buckets = new Map()
  for (const time of times) {
    const bucket = Math.floor(time / BUCKET_MS)
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1)
  }
  const [bucket, count] = [...buckets].reduce((worst, each) => (each[1] > worst[1] ? each : worst), [0, 0])
  return { bucketMs: bucket * BUCKET_MS, share: count / peers }
}

/** @param {number} port */
async function startListener(port) {
  const child = fork(FILE, ['listener', String(port)])
  const [message] = await once(child, 'message')
  return { child, port: message.port, startedMs: message.atMs }
}

/** @param {import('node:child_process').ChildProcess} dialer @returns {Promise<number>} */
async function attemptsOf(dialer) {
  dialer.send('attempts')
  for (;;) {
    const [message] = await once(dialer, 'message')
    if (message.attempts !== undefined) return message.attempts
  }
}

/** @param {() => boolean} isDone @param {string} what */
async function until(isDone, what) {
  const endMs = Date.now() + PATIENCE_MS
  while (!isDone()) {
    if (Date.now() > endMs) throw new Error(`waited ${PATIENCE_MS} ms for ${what}`)
    await delay(20)
  }
}

/** @param {number} ms */
function delay(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** @param {number} peers @param {number} index */
function share(peers, index) {
  return Math.floor(peers / DIALING_PROCESSES) + (index < peers % DIALING_PROCESSES ? 1 : 0)
}

// ---- the processes ----------------------------------------------------------------------------------------------------

/** @param {number} port */
async function listen(port) {
  const peer = createPeer({ id: 'listener', limits: { maxConnections: 20_000 } })
  const listener = await peer.bind(`tcp://127.0.0.1:${port}`)
  process.send?.({ port: Number(new URL(listener.url).port), atMs: Date.now() })
}

/** @param {number} port @param {number} count @param {number} index @param {boolean} hasJitter */
function dial(port, count, index, hasJitter) {
  let attempts = 0
  /** @type {[number, number][]} */
  let ready = []
  const logger = { debug() {}, info() {}, warn: () => attempts++, error() {} }
  for (let peer = 0; peer < count; peer++) {
    const host = Math.floor(peer / PEERS_PER_ADDRESS)
    const localAddress = `127.${index + 1}.${host >> 8}.${(host & 255) + 1}`
    // Without chance every pause is the longest that it may be, and everybody's the same. The first sixteen numbers make the instance.
    let drawn = 0
    const random = () => (hasJitter || drawn++ < 16 ? Math.random() : 0.999)
    const link = createPeer({ id: `peer-${index}-${peer}`, logger, random }).connect(
      `tcp://127.0.0.1:${port}`,
      { localAddress },
    )
    let knockedMs = Date.now()
    link.onState = (state) => {
      if (state === 'CONNECTING') knockedMs = Date.now()
      if (state === 'READY') ready.push([knockedMs, Date.now()])
    }
  }
  setInterval(() => {
    if (ready.length > 0) process.send?.({ ready })
    ready = []
  }, 20)
  process.on('message', () => process.send?.({ attempts }))
}

const [role, ...args] = process.argv[1] === FILE ? process.argv.slice(2) : []
if (role === 'listener') await listen(Number(args[0]))
if (role === 'dialer') dial(Number(args[0]), Number(args[1]), Number(args[2]), args[3] === '1')
if (role !== undefined) process.on('disconnect', () => process.exit(0))
