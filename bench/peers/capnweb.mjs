// Owns: Cap'n Web over ws.
// Payload: JSON of { id, msg }, in its own notation.

import { awaitTimes, SMALL_OBJECT } from '../interface.mjs'
import { load } from './load.mjs'

async function loadBoth() {
  const ws = await load('ws')
  // It looks at the constants of the global class, which Node 20 does not have.
  Object.assign(globalThis, { WebSocket: ws.WebSocket })
  return { ...ws, ...(await load('capnweb')) }
}

/** @type {import('../interface.mjs').PeerModule['serve']} */
export async function serve({ workload: { awaits } }) {
  const { newWebSocketRpcSession, RpcTarget, WebSocketServer } = await loadBoth()
  class Api extends RpcTarget {
    /** @param {unknown} input */
    async echo(input) {
      if (awaits > 0) await awaitTimes(awaits)
      return input
    }
  }
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
  await new Promise((resolve) => server.once('listening', resolve))
  server.on('connection', (/** @type {unknown} */ socket) => newWebSocketRpcSession(socket, new Api()))
  return { address: server.address() }
}

/** @type {import('../interface.mjs').PeerModule['connect']} */
export async function connect({ port }) {
  const { newWebSocketRpcSession, WebSocket } = await loadBoth()
  const dial = async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false })
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    return newWebSocketRpcSession(socket)
  }
  const api = await dial()
  /** @type {unknown[]} */
  const kept = []
  return {
    echo: (done) => {
      api.echo(SMALL_OBJECT).then((/** @type {unknown} */ reply) => done(null, reply), done)
    },
    another: async () => {
      kept.push(await dial())
    },
  }
}
