// Owns: NATS with a nats-server of its own, whose processor time counts as the server's.
// Payload: JSON of { id, msg }; opaque bytes in streams and where they are larger.

import { spawn } from 'node:child_process'
import { awaitTimes, bytesOf, SMALL_BYTES, SMALL_OBJECT } from '../interface.mjs'
import { load } from './load.mjs'

/** Core NATS has no back-pressure: a stream waits for its own bytes to be at the broker after so many messages. */
const FLUSH_EVERY = 1_000

/** @returns {Promise<{ port: number, pid: number | undefined }>} */
async function startBroker() {
  const broker = spawn('nats-server', ['-a', '127.0.0.1', '-p', '-1'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  process.on('exit', () => broker.kill())
  let log = ''
  const port = await new Promise((resolve, reject) => {
    broker.on('error', reject)
    broker.on('exit', (code) => reject(new Error(`nats-server ended with ${code}: ${log}`)))
    broker.stderr.on('data', (chunk) => {
      log += chunk
      const found = log.match(/Listening for client connections on [^\n]*:(\d+)/)
      if (found && log.includes('Server is ready')) resolve(Number(found[1]))
    })
  })
  return { port, pid: broker.pid }
}

/** @type {import('../interface.mjs').PeerModule['serve']} */
export async function serve({ workload }) {
  const { connect: natsConnect } = await load('@nats-io/transport-node')
  const { port, pid } = await startBroker()
  const connection = await natsConnect({ servers: `127.0.0.1:${port}` })
  const isSmall = workload.bytes === SMALL_BYTES
  const payload = bytesOf(workload.bytes)
  connection.subscribe('echo', {
    callback: (/** @type {unknown} */ _error, /** @type {any} */ message) => {
      const answer = () => message.respond(isSmall ? JSON.stringify(message.json()) : message.data)
      if (workload.awaits === 0) answer()
      else void awaitTimes(workload.awaits).then(answer)
    },
  })
  connection.subscribe('feed', {
    callback: async (/** @type {unknown} */ _error, /** @type {any} */ message) => {
      while (!connection.isClosed()) {
        for (let n = 0; n < FLUSH_EVERY; n++) connection.publish(message.reply, payload)
        await connection.flush()
      }
    },
  })
  await connection.flush()
  return { address: port, ...(pid === undefined ? {} : { brokerPid: pid }) }
}

/** @type {import('../interface.mjs').PeerModule['connect']} */
export async function connect(port, { workload }) {
  const { connect: natsConnect } = await load('@nats-io/transport-node')
  const connection = await natsConnect({ servers: `127.0.0.1:${port}` })
  const isSmall = workload.bytes === SMALL_BYTES
  const payload = bytesOf(workload.bytes)
  let streams = 0
  return {
    echo: (done) => {
      connection
        .request('echo', isSmall ? JSON.stringify(SMALL_OBJECT) : payload, { timeout: 10_000 })
        .then((/** @type {any} */ reply) => done(null, isSmall ? reply.json() : reply.data), done)
    },
    stream: (onMessage) => {
      const reply = `feed.${streams++}`
      connection.subscribe(reply, { callback: onMessage })
      connection.publish('feed', '', { reply })
    },
  }
}
