// Owns: ws, an echo as its documentation shows it: one send for each message. Without compression, which is not about the library.
// Payload: opaque bytes. Answers come in the order of the calls; the first byte of a message of a stream is the number of the stream.

import { awaitTimes, bytesOf } from '../interface.mjs'
import { load } from './load.mjs'

/** More than this waits in the process: the next messages are sent when the last one has left. */
const HIGH_WATER_BYTES = 262_144
/** Messages of a stream in one turn, so that everything else has its turn too. */
const BURST = 256
const OPEN_STREAM = 0xff

/**
 * @param {any} socket
 * @param {import('../interface.mjs').Setup} setup
 * @param {boolean} isServer
 */
function endOf(socket, { workload }, isServer) {
  const payload = bytesOf(workload.bytes)
  /** @type {import('../interface.mjs').Done[]} */
  const waiting = []
  let head = 0
  /** @type {(() => void)[]} */
  const streams = []
  let streamsServed = 0
  const isBoth = workload.kind === 'both'
  socket.on('error', () => {})
  socket.on('message', (/** @type {Buffer} */ bytes) => {
    if (streams.length > 0) streams[bytes[0] ?? 0]?.()
    else if (isServer && bytes[0] === OPEN_STREAM) serveStream(socket, workload.bytes, streamsServed++)
    else if (isBoth ? bytes[0] === (isServer ? 0 : 1) : isServer) {
      if (workload.awaits === 0) socket.send(bytes)
      else void awaitTimes(workload.awaits).then(() => socket.send(bytes))
    } else {
      const done = waiting[head++]
      // A queue that is read to its half is cut, so that it does not grow.
      if (head > 1_024) {
        waiting.splice(0, head)
        head = 0
      }
      done?.(null, isBoth ? bytesOf(workload.bytes) : bytes)
    }
  })
  // With calls in both directions the first byte says which side asked.
  if (isBoth) payload[0] = isServer ? 1 : 0
  return {
    /** @param {import('../interface.mjs').Done} done */
    echo(done) {
      waiting.push(done)
      socket.send(payload)
    },
    /** @param {() => void} onMessage */
    stream(onMessage) {
      streams.push(onMessage)
      socket.send(Buffer.from([OPEN_STREAM]))
    },
  }
}

/**
 * @param {any} socket
 * @param {number} length
 * @param {number} number
 */
function serveStream(socket, length, number) {
  const payload = bytesOf(length)
  payload[0] = number
  const fill = () => {
    if (socket.readyState !== socket.OPEN) return
    for (let n = 0; n < BURST && socket.bufferedAmount < HIGH_WATER_BYTES; n++) socket.send(payload)
    socket.send(payload, () => setImmediate(fill))
  }
  fill()
}

/** @type {import('../interface.mjs').PeerModule['serve']} */
export async function serve(setup) {
  const { WebSocketServer } = await load('ws')
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
  await new Promise((resolve) => server.once('listening', resolve))
  /** @type {ReturnType<typeof endOf> | undefined} */
  let last
  server.on('connection', (/** @type {unknown} */ socket) => {
    last = endOf(socket, setup, true)
  })
  return { address: server.address(), echo: (done) => last?.echo(done) }
}

/** @type {import('../interface.mjs').PeerModule['connect']} */
export async function connect({ port }, setup) {
  const { WebSocket } = await load('ws')
  const dial = async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false })
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    return endOf(socket, setup, false)
  }
  return {
    ...(await dial()),
    another: async () => {
      await dial()
    },
  }
}
