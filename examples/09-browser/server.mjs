// A chat and a live chart for browsers. Shows: a peer on an HTTP server, streams to each page, calls to each page, an end in peace.
//
// PORT is where to listen, any free port without it; SAMPLE_MS the time between two samples of the chart, 1000 without it.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createPeer } from 'peerplex'
import { createRoom } from './room.mjs'
import { samples } from './samples.mjs'

const port = Number(process.env.PORT ?? 0)
const sampleMs = Number(process.env.SAMPLE_MS ?? 1_000)
const ending = new AbortController()

// ---- the peer: what pages may call. room.mjs calls them, too --------------------------------------------------------

const peer = createPeer({ id: 'chat-server', profile: 'public', onError: (error) => console.error(error) })
const room = createRoom(ending.signal)
peer.handle(room.handlers)
peer.handle('metrics', (_input, ctx) => samples(peer, sampleMs, AbortSignal.any([ctx.signal, ending.signal])))

// ---- the files of the page ------------------------------------------------------------------------------------------

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-cache',
}
const SCRIPT = 'text/javascript; charset=utf-8'

/** Read once, so that nothing can fail later. @param {string} url @param {string} type */
const file = (url, type) => ({ type, body: readFileSync(new URL(url, import.meta.url)) })
const files = new Map([
  ['/', file('page/index.html', 'text/html; charset=utf-8')],
  ['/style.css', file('page/style.css', 'text/css; charset=utf-8')],
  ...['page.js', 'chat.js', 'chart.js', 'dom.js'].map(
    (name) => /** @type {const} */ ([`/${name}`, file(`page/${name}`, SCRIPT)]),
  ),
  ['/peerplex.js', file(import.meta.resolve('peerplex/iife'), SCRIPT)],
])

const server = createServer((request, response) => {
  const found = files.get(request.url?.split('?')[0] ?? '')
  if (found === undefined) response.writeHead(404, HEADERS).end()
  else response.writeHead(200, { ...HEADERS, 'content-type': found.type }).end(found.body)
})

// ---- life -----------------------------------------------------------------------------------------------------------

async function end() {
  await room.tell('notice', 'The server goes away. What you write waits until it is back.')
  const drained = peer.drain({ graceMs: 3_000 }) // pages learn of it, and send nothing new
  ending.abort() // ends the endless streams
  await drained
  server.close()
  server.closeAllConnections()
}
process.once('SIGINT', end)
process.once('SIGTERM', end)

await peer.bind({ server, path: '/peer' })
server.listen(port, '127.0.0.1')
await once(server, 'listening')
const address = server.address()
console.log(`open http://127.0.0.1:${typeof address === 'object' ? address?.port : port}`)
