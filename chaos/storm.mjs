// Owns: the reconnect storm: thousands of peers whose listener is killed and comes back, and how they come back (spec §19, SEM-012).
// Must not know: calls, ledgers.
//
// The listener is a process of its own, killed with SIGKILL and started again on the same port; it writes down when each peer's HELLO came. The
// peers live in two further processes and come from many addresses of the loopback network, so that limits for each address stay on.

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
 * @property {Bucket} worst the 100 ms in which most of them came
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
  const { port } = first
  const dialers = Array.from({ length: DIALING_PROCESSES }, (_, index) =>
    fork(FILE, ['dialer', String(port), String(share(peers, index)), String(index), hasJitter ? '1' : '0']),
  )
  try {
    for (const dialer of dialers) dialer.on('message', () => {})
    await until(() => first.times.length >= peers, 'all peers to connect')
    progress(`${peers} peers are connected; the listener is killed`)
    first.child.kill('SIGKILL')
    await once(first.child, 'exit')
    await delay(awayMs)
    const second = await startListener(port)
    progress(`it listens again after ${awayMs} ms`)
    await until(() => second.times.length >= peers, 'all peers to come back').catch(() => {})
    const attempts = await Promise.all(dialers.map(attemptsOf))
    second.child.kill('SIGKILL')
    return judge(peers, second, attempts)
  } finally {
    for (const dialer of dialers) dialer.kill('SIGKILL')
    first.child.kill('SIGKILL')
  }
}

/** @param {number} peers @param {{ times: number[], startedMs: number }} listener @param {number[]} attempts @returns {StormResult} */
function judge(peers, { times, startedMs }, attempts) {
  /** @type {Map<number, number>} */
  const buckets = new Map()
  let lastMs = 0
  for (const time of times) {
    const sinceMs = time - startedMs
    lastMs = Math.max(lastMs, sinceMs)
    const bucket = Math.floor(sinceMs / BUCKET_MS)
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1)
  }
  const [bucket, count] = [...buckets].reduce((worst, each) => (each[1] > worst[1] ? each : worst), [0, 0])
  return {
    peers,
    back: times.length,
    lastMs: Math.round(lastMs),
    worst: { bucketMs: bucket * BUCKET_MS, share: count / peers },
    attempts: attempts.reduce((sum, each) => sum + each, 0),
  }
}

/** @param {number} port */
async function startListener(port) {
  const child = fork(FILE, ['listener', String(port)])
  /** @type {number[]} */
  const times = []
  const listener = { child, times, port: 0, startedMs: 0 }
  child.on('message', (/** @type {any} */ message) => {
    if (message.port !== undefined) Object.assign(listener, { port: message.port, startedMs: message.atMs })
    if (message.times !== undefined) times.push(...message.times)
  })
  await until(() => listener.port !== 0, 'the listener')
  return listener
}

/** @param {import('node:child_process').ChildProcess} dialer @returns {Promise<number>} */
async function attemptsOf(dialer) {
  dialer.send('attempts')
  for (;;) {
    const [message] = await once(dialer, 'message')
    if (typeof message === 'number') return message
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
  /** @type {number[]} */
  let times = []
  peer.on('connect', () => times.push(Date.now()))
  setInterval(() => {
    if (times.length > 0) process.send?.({ times })
    times = []
  }, 20)
  const listener = await peer.bind(`tcp://127.0.0.1:${port}`)
  process.send?.({ port: Number(new URL(listener.url).port), atMs: Date.now() })
}

/** @param {number} port @param {number} count @param {number} index @param {boolean} hasJitter */
function dial(port, count, index, hasJitter) {
  let attempts = 0
  const logger = { debug() {}, info() {}, warn: () => attempts++, error() {} }
  for (let peer = 0; peer < count; peer++) {
    const host = Math.floor(peer / PEERS_PER_ADDRESS)
    const localAddress = `127.${index + 1}.${host >> 8}.${(host & 255) + 1}`
    // Without chance every pause is the longest that it may be, and everybody's the same. The first numbers make the instance.
    let drawn = 0
    const random = () => (hasJitter || drawn++ < 32 ? Math.random() : 0.999)
    createPeer({ id: `peer-${index}-${peer}`, logger, random }).connect(`tcp://127.0.0.1:${port}`, {
      localAddress,
    })
  }
  process.on('message', () => process.send?.(attempts))
}

const [role, ...args] = process.argv[1] === FILE ? process.argv.slice(2) : []
if (role === 'listener') await listen(Number(args[0]))
if (role === 'dialer') dial(Number(args[0]), Number(args[1]), Number(args[2]), args[3] === '1')
if (role !== undefined) process.on('disconnect', () => process.exit(0))
