// Owns: node:http2, one request and one response for each call.
// Payload: JSON of { id, msg }; opaque bytes where they are larger.

import { createServer, connect as http2Connect } from 'node:http2'
import { awaitTimes, bytesOf, SMALL_BYTES, SMALL_OBJECT } from '../interface.mjs'

const ignore = () => {}

/**
 * @param {import("node:stream").Readable} stream
 * @param {(body: Buffer) => void} onBody
 */
function collect(stream, onBody) {
  /** @type {Buffer[]} */
  const chunks = []
  stream.on('data', (/** @type {Buffer} */ chunk) => chunks.push(chunk))
  stream.on('end', () => {
    const [first] = chunks
    onBody(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks))
  })
}

/** @type {import('../interface.mjs').PeerModule['serve']} */
export async function serve({ workload }) {
  const isSmall = workload.bytes === SMALL_BYTES
  let held = 0
  const server = createServer()
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    if (headers[':path'] === '/hold') {
      held++
      stream.respond({ ':status': 200 })
      return
    }
    if (headers[':path'] === '/count') {
      stream.respond({ ':status': 200 })
      stream.end(String(held))
      return
    }
    collect(stream, (body) => {
      const answer = () => {
        stream.respond({ ':status': 200 })
        stream.end(isSmall ? JSON.stringify(JSON.parse(body.toString())) : body)
      }
      if (workload.awaits === 0) answer()
      else void awaitTimes(workload.awaits).then(answer)
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', 4_096, () => resolve(undefined)))
  return { address: server.address() }
}

/** @type {import('../interface.mjs').PeerModule['connect']} */
export async function connect({ port }, { workload }) {
  const isSmall = workload.bytes === SMALL_BYTES
  const bytes = bytesOf(workload.bytes)
  const dial = async () => {
    const session = http2Connect(`http://127.0.0.1:${port}`)
    await new Promise((resolve, reject) => session.once('connect', resolve).once('error', reject))
    return session
  }
  const session = await dial()
  /** @type {unknown[]} */
  const kept = []
  let opened = 0
  /** @param {string} path @returns {Promise<Buffer>} */
  const get = (path) =>
    new Promise((resolve, reject) => {
      collect(session.request({ ':path': path }).on('error', reject), resolve)
    })
  return {
    echo: (done) => {
      const request = session.request({ ':method': 'POST', ':path': '/echo' })
      request.on('error', done)
      collect(request, (body) => done(null, isSmall ? JSON.parse(body.toString()) : body))
      request.end(isSmall ? JSON.stringify(SMALL_OBJECT) : bytes)
    },
    another: async () => {
      kept.push(await dial())
    },
    channels: async (count) => {
      opened += count
      for (let n = 0; n < count; n++) {
        const request = session.request({ ':path': '/hold' })
        kept.push(request.on('data', ignore).on('error', ignore))
      }
      while (Number(await get('/count')) !== opened) await new Promise((resolve) => setTimeout(resolve, 5))
    },
  }
}
