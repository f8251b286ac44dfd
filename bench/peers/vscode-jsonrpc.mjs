// Owns: vscode-jsonrpc over a TCP socket.
// Payload: JSON of { id, msg }, in JSON-RPC 2.0.

import { createServer, connect as netConnect } from 'node:net'
import { awaitTimes, SMALL_OBJECT } from '../interface.mjs'
import { load } from './load.mjs'

/**
 * @param {import('node:net').Socket} socket
 * @param {import('../interface.mjs').Setup} setup
 */
async function connectionOver(socket, { workload: { awaits } }) {
  const module = await load('vscode-jsonrpc/node')
  const rpc = module.default ?? module
  socket.setNoDelay(true)
  const connection = rpc.createMessageConnection(
    new rpc.StreamMessageReader(socket),
    new rpc.StreamMessageWriter(socket),
  )
  connection.onRequest('echo', async (/** @type {unknown} */ input) => {
    if (awaits > 0) await awaitTimes(awaits)
    return input
  })
  connection.listen()
  return connection
}

/** @param {any} connection @returns {import('../interface.mjs').Echo} */
function echoTo(connection) {
  return (done) => {
    connection
      .sendRequest('echo', SMALL_OBJECT)
      .then((/** @type {unknown} */ reply) => done(null, reply), done)
  }
}

/** @type {import('../interface.mjs').PeerModule['serve']} */
export async function serve(setup) {
  /** @type {Promise<unknown> | undefined} */
  let last
  const server = createServer((socket) => {
    last = connectionOver(socket, setup)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', 4_096, () => resolve(undefined)))
  /** @type {import('../interface.mjs').Echo | undefined} */
  let echo
  return {
    address: server.address(),
    echo: (done) => {
      if (echo) echo(done)
      else {
        void last?.then((connection) => {
          echo = echoTo(connection)
          echo(done)
        })
      }
    },
  }
}

/** @type {import('../interface.mjs').PeerModule['connect']} */
export async function connect({ port }, setup) {
  const dial = async () => {
    const socket = netConnect(port, '127.0.0.1')
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return connectionOver(socket, setup)
  }
  const connection = await dial()
  return {
    echo: echoTo(connection),
    another: async () => {
      await dial()
    },
  }
}
