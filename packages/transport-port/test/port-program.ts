// What the tests of workers run: in a worker, by `workerData.mode`; in a process of its own, by its argument.
import { fileURLToPath } from 'node:url'
import {
  isMainThread,
  MessageChannel,
  type MessagePort,
  parentPort,
  Worker,
  workerData,
} from 'node:worker_threads'
import { createPeer, type Peer } from '../../peerplex/src/index.js'

const outside = parentPort as MessagePort

/** What is posted instead of frames, by name. */
const GARBAGE: Readonly<Record<string, () => unknown>> = {
  string: () => 'hello',
  object: () => ({ type: 'hello' }),
  shared: () => new SharedArrayBuffer(64),
  huge: () => new ArrayBuffer(1_048_577),
  noise: () => new Uint8Array(64).fill(0xee),
}

function served(peer: Peer): Peer {
  peer.handle({
    double: (n: number) => n * 2,
    size: (bytes: Uint8Array) => bytes.length,
    bytes: (count: number) => new Uint8Array(count).fill(7),
    hang: () => new Promise(() => {}),
    count: async function* () {
      for (let i = 0; ; i++) {
        yield i
        // Endless, not breathless.
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
    'call-back': (n: number, ctx) => ctx.remote.call('half', n),
    throw: () => {
      setImmediate(() => {
        throw new Error('boom')
      })
      return new Promise(() => {})
    },
    exit: () => process.exit(3),
    garbage: (name: string) => {
      outside.postMessage(GARBAGE[name]?.())
      return new Promise(() => {})
    },
  })
  return peer
}

const IN_WORKER: Readonly<Record<string, () => unknown>> = {
  connect: () => served(createPeer({ id: 'inside' })).connect(outside),
  bind: () => served(createPeer({ id: 'inside' })).bind(outside),
  late: async () => {
    // The script takes its time before it listens.
    await new Promise((resolve) => setTimeout(resolve, 50))
    await served(createPeer({ id: 'inside' })).bind(outside)
  },
  port: () => served(createPeer({ id: 'inside' })).connect(workerData.port),
  throw: () => {
    throw new Error('boom')
  },
  end: () => {},
  silent: () => outside.on('message', () => {}),
  garbage: () => outside.postMessage(GARBAGE[workerData.name]?.()),
}

const ports = async (): Promise<Peer[]> => {
  const { port1, port2 } = new MessageChannel()
  const [a, b] = [served(createPeer({ id: 'a' })), served(createPeer({ id: 'b' }))]
  await b.bind(port2)
  await a.connect(port1).ready
  return [a, b]
}

const worker = async (): Promise<Peer[]> => {
  const peer = createPeer({ id: 'outside' })
  await peer.connect(new Worker(fileURLToPath(import.meta.url), { workerData: { mode: 'connect' } })).ready
  return [peer]
}

async function ends(make: () => Promise<Peer[]>): Promise<void> {
  const peers = await make()
  console.log(await peers[0]?.call('double', 2))
  for (const peer of peers) await peer.close()
}

const IN_PROCESS: Readonly<Record<string, () => Promise<void>>> = {
  ports: () => ends(ports),
  worker: () => ends(worker),
  // A timer that does not hold the process fires only when something else does.
  held: async () => {
    const peers = await ports()
    setTimeout(async () => {
      console.log('held')
      for (const peer of peers) await peer.close()
    }, 200).unref()
  },
}

const start = isMainThread ? IN_PROCESS[process.argv[2] as string] : IN_WORKER[workerData.mode]
await start?.()
