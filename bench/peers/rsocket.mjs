// Owns: RSocket over TCP, as its documentation shows it (it leaves Nagle's algorithm on).
// Payload: opaque bytes.

import { awaitTimes, bytesOf } from '../interface.mjs'
import { load } from './load.mjs'

/** Messages that a stream may be ahead, and how many are asked for at once. */
const WINDOW = 1_024
const REFILL = 512
const OBSERVER = { onNext() {}, onError() {}, onComplete() {}, onExtension() {} }
const NOTHING = { cancel() {}, onExtension() {}, request() {} }

/**
 * @param {import('../interface.mjs').Setup} setup
 */
function responder({ workload }) {
  const payload = bytesOf(workload.bytes)
  return {
    requestResponse(/** @type {any} */ request, /** @type {any} */ reply) {
      if (workload.awaits === 0) reply.onNext(request, true)
      else void awaitTimes(workload.awaits).then(() => reply.onNext(request, true))
      return NOTHING
    },
    requestStream(/** @type {any} */ _request, /** @type {number} */ initial, /** @type {any} */ reply) {
      if (workload.kind === 'channels') return NOTHING
      const send = (/** @type {number} */ count) => {
        for (let n = 0; n < count; n++) reply.onNext({ data: payload }, false)
      }
      send(initial)
      return { ...NOTHING, request: send }
    },
  }
}

/** @param {any} remote @param {Uint8Array} data @returns {import('../interface.mjs').Echo} */
function echoTo(remote, data) {
  return (done) => {
    remote.requestResponse(
      { data },
      {
        onNext: (/** @type {any} */ reply) => done(null, reply.data),
        onError: (/** @type {unknown} */ error) => done(error),
        onComplete() {},
        onExtension() {},
      },
    )
  }
}

/** @type {import('../interface.mjs').PeerModule['serve']} */
export async function serve(setup) {
  const [{ RSocketServer }, { TcpServerTransport }, net] = await Promise.all([
    load('rsocket-core'),
    load('rsocket-tcp-server'),
    import('node:net'),
  ])
  /** @type {import('node:net').Server | undefined} */
  let socket
  /** @type {unknown} */
  let last
  const server = new RSocketServer({
    transport: new TcpServerTransport({
      listenOptions: { host: '127.0.0.1', port: 0 },
      socketCreator: (/** @type {object} */ options) => {
        socket = net.createServer(options)
        return socket
      },
    }),
    acceptor: {
      accept: async (/** @type {unknown} */ _setup, /** @type {unknown} */ remote) => {
        last = remote
        return responder(setup)
      },
    },
  })
  await server.bind()
  if (!socket?.listening) await new Promise((resolve) => socket?.once('listening', resolve))
  return {
    address: socket?.address(),
    echo: (done) => echoTo(last, bytesOf(setup.workload.bytes))(done),
  }
}

/** @type {import('../interface.mjs').PeerModule['connect']} */
export async function connect({ port }, setup) {
  const [{ RSocketConnector }, { TcpClientTransport }] = await Promise.all([
    load('rsocket-core'),
    load('rsocket-tcp-client'),
  ])
  const dial = () =>
    new RSocketConnector({
      setup: { keepAlive: 60_000, lifetime: 300_000 },
      transport: new TcpClientTransport({ connectionOptions: { host: '127.0.0.1', port } }),
      responder: responder(setup),
    }).connect()
  const remote = await dial()
  const data = bytesOf(setup.workload.bytes)
  const call = echoTo(remote, data)
  /** @type {unknown[]} */
  const kept = []
  return {
    echo: call,
    stream: (onMessage) => {
      let count = 0
      const stream = remote.requestStream({ data }, WINDOW, {
        onNext: () => {
          onMessage()
          if (++count % REFILL === 0) stream.request(REFILL)
        },
        onError() {},
        onComplete() {},
        onExtension() {},
      })
    },
    another: async () => {
      kept.push(await dial())
    },
    channels: async (count) => {
      for (let n = 0; n < count; n++) {
        kept.push(remote.requestStream({ data }, 1, OBSERVER))
      }
      // Its frames are in order: when this is answered, all streams are there.
      await new Promise((resolve, reject) => call((error) => (error ? reject(error) : resolve(undefined))))
    },
  }
}
