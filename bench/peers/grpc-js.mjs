// Owns: gRPC for Node, with its own options as they are.
// Payload: protobuf { id, msg }; { data } for bytes.

import { awaitTimes, bytesOf, SMALL_BYTES, SMALL_OBJECT } from '../interface.mjs'
import { PAUSED_OFFER_BYTES } from '../workloads.mjs'
import { load } from './load.mjs'

const ignore = () => {}
const SMALL = { requestType: 'Small', responseType: 'Small' }
const CHUNK = { requestType: 'Chunk', responseType: 'Chunk' }

/** The service, as protobufjs writes a .proto file in JSON. */
const SERVICE = {
  nested: {
    bench: {
      nested: {
        Small: { fields: { id: { type: 'int32', id: 1 }, msg: { type: 'string', id: 2 } } },
        Chunk: { fields: { data: { type: 'bytes', id: 1 } } },
        Bench: {
          methods: {
            Echo: SMALL,
            EchoChunk: CHUNK,
            Ticks: { ...SMALL, responseStream: true },
            Chunks: { ...CHUNK, responseStream: true },
            Offer: { ...CHUNK, responseStream: true },
            Hold: { ...SMALL, responseStream: true },
            Count: SMALL,
          },
        },
      },
    },
  },
}

async function loadService() {
  const [grpc, loader] = await Promise.all([load('@grpc/grpc-js'), load('@grpc/proto-loader')])
  const definition = loader.fromJSON(SERVICE)
  return {
    grpc: grpc.default ?? grpc,
    Bench: (grpc.default ?? grpc).loadPackageDefinition(definition).bench.Bench,
  }
}

/** @param {import('../interface.mjs').Setup} setup */
function messageOf({ workload: { bytes } }) {
  return bytes === SMALL_BYTES ? { ...SMALL_OBJECT } : { data: bytesOf(bytes) }
}

/**
 * Writes as long as the stream takes more.
 * @param {any} call
 * @param {unknown} message
 * @param {number} limit
 */
function writeAll(call, message, limit) {
  let sent = 0
  const fill = () => {
    while (sent < limit && !call.cancelled) {
      sent++
      if (!call.write(message)) {
        call.once('drain', fill)
        return
      }
    }
  }
  fill()
}

/** @type {import('../interface.mjs').PeerModule['serve']} */
export async function serve(setup) {
  const { grpc, Bench } = await loadService()
  const { awaits, bytes } = setup.workload
  const message = messageOf(setup)
  const server = new grpc.Server()
  const echo = (/** @type {any} */ call, /** @type {any} */ done) => {
    if (awaits === 0) done(null, call.request)
    else void awaitTimes(awaits).then(() => done(null, call.request))
  }
  let held = 0
  const endless = (/** @type {any} */ call) => writeAll(call, message, Number.POSITIVE_INFINITY)
  server.addService(Bench.service, {
    Echo: echo,
    EchoChunk: echo,
    Ticks: endless,
    Chunks: endless,
    Offer: (/** @type {any} */ call) => writeAll(call, message, PAUSED_OFFER_BYTES / bytes),
    Hold: () => {
      held++
    },
    Count: (/** @type {any} */ _call, /** @type {any} */ done) => done(null, { id: held, msg: '' }),
  })
  const port = await new Promise((resolve, reject) => {
    server.bindAsync(
      '127.0.0.1:0',
      grpc.ServerCredentials.createInsecure(),
      (/** @type {unknown} */ error, /** @type {number} */ bound) => (error ? reject(error) : resolve(bound)),
    )
  })
  return { address: port }
}

/** @type {import('../interface.mjs').PeerModule['connect']} */
export async function connect(port, setup) {
  const { grpc, Bench } = await loadService()
  const message = messageOf(setup)
  const isSmall = setup.workload.bytes === SMALL_BYTES
  const dial = async () => {
    const client = new Bench(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
      // Otherwise all clients of a process share one connection.
      'grpc.use_local_subchannel_pool': 1,
    })
    await new Promise((resolve, reject) => {
      client.waitForReady(Date.now() + 10_000, (/** @type {unknown} */ error) =>
        error ? reject(error) : resolve(0),
      )
    })
    return client
  }
  const client = await dial()
  /** @type {unknown[]} */
  const kept = []
  let opened = 0
  const countHeld = () =>
    new Promise((resolve, reject) => {
      client.Count({}, (/** @type {unknown} */ error, /** @type {any} */ reply) =>
        error ? reject(error) : resolve(reply.id),
      )
    })
  return {
    echo: isSmall
      ? (done) => client.Echo(message, done)
      : (done) =>
          client.EchoChunk(message, (/** @type {unknown} */ error, /** @type {any} */ reply) =>
            done(error, reply?.data),
          ),
    stream: (onMessage) => {
      const call = isSmall ? client.Ticks({}) : client.Chunks({})
      call.on('data', onMessage).on('error', () => {})
    },
    pausedStream: () => {
      const call = client.Offer({})
      call.on('error', () => {})
      call.once('readable', () => call.read())
      kept.push(call)
    },
    another: async () => {
      kept.push(await dial())
    },
    channels: async (count) => {
      opened += count
      for (let n = 0; n < count; n++) {
        const call = client.Hold({})
        call.on('data', ignore).on('error', ignore)
        kept.push(call)
      }
      while ((await countHeld()) !== opened) await new Promise((resolve) => setTimeout(resolve, 5))
    },
  }
}
