/**
 * Owns: one conversation, had again and again through a proxy that resets both sides after so many bytes in one direction; and
 * what is wrong with how it ended: what hangs, what is not a typed error, what is a wrong answer, what runs on or stays behind.
 * Must not know: how many cuts are enough.
 *
 * Arguments: who talks (`dialing` or `listening`), the step between two cuts. Prints one line of JSON.
 */
import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net'
import {
  CallError,
  type Context,
  createPeer,
  type Peer,
  PeerplexError,
  type RemotePeer,
} from '../src/index.js'
import { collect, listen, sleep, upTo, within } from './support.js'

type Way = 'up' | 'down'

/** After which byte the proxy cuts. `up` is from the one who dials. */
interface Cut {
  readonly way: Way
  readonly afterBytes: number
}

const [talker, stepText] = process.argv.slice(2)
const step = Number(stepText)
/** Cuts at the same time. */
const WORKERS = 24
const HANG_MS = 30_000

const problems: string[] = []
const counts = { cuts: 0, uncut: 0, answers: 0, errors: 0, recovered: 0 }
const byDelivery: Record<string, number> = {}
let runningHandlers = 0
let unreported = 0

// ---- the proxy ------------------------------------------------------------------------------------------------------

/** Forwards in both directions; its first connection is cut. */
class CuttingProxy {
  readonly bytes: Record<Way, number> = { up: 0, down: 0 }
  isCut = false
  readonly #targetPort: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #plan: Cut | null

  constructor(targetPort: number, plan: Cut | null) {
    this.#targetPort = targetPort
    this.#plan = plan
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => this.#onSocket(near))
  }

  listen(): Promise<number> {
    return listen(this.#server)
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #onSocket(near: Socket): void {
    const plan = this.#plan
    this.#plan = null
    const far = tcpConnect({ port: this.#targetPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    const reset = (): void => {
      if (this.isCut) return
      this.isCut = true
      near.resetAndDestroy()
      far.resetAndDestroy()
    }
    this.#forward(near, far, 'up', plan, reset)
    this.#forward(far, near, 'down', plan, reset)
  }

  #forward(from: Socket, to: Socket, way: Way, plan: Cut | null, reset: () => void): void {
    let leftBytes = plan?.way === way ? plan.afterBytes : Number.POSITIVE_INFINITY
    this.#sockets.add(from)
    from.on('error', () => to.destroy())
    from.on('close', () => {
      this.#sockets.delete(from)
      to.destroy()
    })
    from.on('end', () => to.end())
    const cut = (): void => {
      // Every other one a little later: then what was forwarded has been read.
      if ((plan?.afterBytes ?? 0) % 2 === 0) reset()
      else setTimeout(reset, 2)
    }
    if (leftBytes === 0) from.once('connect', cut).once('data', cut)
    from.on('data', (chunk) => {
      this.bytes[way] += chunk.length
      if (chunk.length < leftBytes) {
        leftBytes -= chunk.length
        to.write(chunk)
      } else if (leftBytes > 0) {
        to.write(chunk.subarray(0, leftBytes), cut)
        leftBytes = 0
      }
    })
  }
}

// ---- the conversation -----------------------------------------------------------------------------------------------

/** Counts handlers that run. */
function counted(
  run: (input: any, ctx: Context) => Promise<unknown>,
): (input: any, ctx: Context) => Promise<unknown> {
  return async (input, ctx) => {
    runningHandlers++
    try {
      return await run(input, ctx)
    } finally {
      runningHandlers--
    }
  }
}

async function* numbersOf(count: number): AsyncGenerator<number> {
  runningHandlers++
  try {
    yield* upTo(count)
  } finally {
    runningHandlers--
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve())
  })
}

function answer(peer: Peer): void {
  peer.handle({
    add: ([a, b]: [number, number]) => a + b,
    slow: counted(async ([a, b]: [number, number]) => {
      await sleep(1)
      return a + b
    }),
    fail: () => {
      throw new CallError('NOT_FOUND', 'there is none')
    },
    ticks: (count: number) => numbersOf(count),
    sum: counted(async (items: AsyncIterable<number>) => (await collect(items)).reduce((a, b) => a + b, 0)),
    double: async function* (items: AsyncIterable<number>) {
      runningHandlers++
      try {
        for await (const item of items) yield item * 2
      } finally {
        runningHandlers--
      }
    },
    back: counted(async (input: [number, number], ctx) => ctx.remote.call('add', input)),
    hang: counted(async (_input, { signal }) => {
      await untilAborted(signal)
      return 'aborted'
    }),
    note: () => {},
  })
}

/** What a call may end with besides errors of this library with a code that means a lost connection. */
type Expected = { readonly value: unknown } | { readonly code: string }

const LOST: ReadonlySet<string> = new Set(['UNAVAILABLE'])

async function check(what: string, outcome: Promise<unknown>, expected: Expected): Promise<void> {
  try {
    const value = await within(outcome, what, HANG_MS)
    counts.answers++
    if (!('value' in expected) || JSON.stringify(value) !== JSON.stringify(expected.value)) {
      problems.push(`${what}: the wrong answer ${JSON.stringify(value)}`)
    }
  } catch (error) {
    if (!(error instanceof PeerplexError)) {
      problems.push(`${what}: ${error}`)
      return
    }
    counts.errors++
    byDelivery[error.delivery] = (byDelivery[error.delivery] ?? 0) + 1
    const isExpected = 'code' in expected && error.code === expected.code && error.origin === 'remote'
    if (!isExpected && (!LOST.has(error.code) || error.origin !== 'local' || error.hint === '')) {
      problems.push(
        `${what}: ${error.code} ${error.origin} ${error.delivery} '${error.message}' hint '${error.hint}'`,
      )
    }
  }
}

/** Everything that can be said, some of it at the same time; settles when all of it has. */
async function converse(asker: Peer | RemotePeer, label: string): Promise<void> {
  const controller = new AbortController()
  const hanging = asker.call('hang', null, { signal: controller.signal }).then(
    () => 'an answer',
    (error: unknown) => error,
  )
  await Promise.all([
    check(`${label} add`, asker.call('add', [2, 3], { headers: { 'x-trace': 'abc' } }), { value: 5 }),
    check(`${label} fail`, asker.call('fail'), { code: 'NOT_FOUND' }),
    check(`${label} ticks`, collect(asker.stream('ticks', 6)), { value: [0, 1, 2, 3, 4, 5] }),
    check(`${label} note`, asker.notify('note', 'x'), { value: undefined }),
  ])
  await Promise.all([
    check(`${label} slow`, asker.call('slow', [4, 5]), { value: 9 }),
    check(`${label} sum`, asker.call('sum', upTo(10)), { value: 45 }),
    check(`${label} double`, collect(asker.stream('double', upTo(5))), { value: [0, 2, 4, 6, 8] }),
    check(`${label} back`, asker.call('back', [1, 2]), { value: 3 }),
    check(`${label} big`, asker.call('add', ['x'.repeat(250), 'y'.repeat(90)]), {
      value: 'x'.repeat(250) + 'y'.repeat(90),
    }),
  ])
  const reason = new Error('no more')
  controller.abort(reason)
  const outcome = await within(hanging, `${label} hang`, HANG_MS).catch((error) => String(error))
  if (outcome !== reason && !(outcome instanceof PeerplexError)) problems.push(`${label} hang: ${outcome}`)
}

// ---- one cut --------------------------------------------------------------------------------------------------------

const onError = (error: unknown): void => {
  unreported++
  problems.push(`onError: ${error}`)
}

/** Talks through a proxy that cuts, with a pair of peers of its own. Resolves with how many bytes went each way. */
async function talk(plan: Cut | null): Promise<Record<Way, number>> {
  const label = plan === null ? 'uncut' : `${plan.way} ${plan.afterBytes}`
  // Every third comes back and goes on; the others learn that there will be no connection.
  const comesBack = (plan?.afterBytes ?? 0) % 3 === 0
  const common = { onError, queue: { waitMs: comesBack ? 0 : 200 } }
  const server = createPeer({ id: 'server', ...common })
  const client = createPeer({ id: 'client', reconnect: comesBack && { initialMs: 5, maxMs: 20 }, ...common })
  answer(server)
  answer(client)
  const listener = await server.bind('tcp://127.0.0.1:0')
  const proxy = new CuttingProxy(Number(new URL(listener.url).port), plan)
  client.connect(`tcp://127.0.0.1:${await proxy.listen()}`)
  await converse(talker === 'dialing' ? client : server, label)
  if (comesBack) {
    const [one, other] = talker === 'dialing' ? [client, server] : [server, client]
    await check(`${label} afterwards`, one.call('add', [1, 1]), { value: 2 })
    await check(`${label} afterwards, back`, other.call('add', [1, 1]), { value: 2 })
    counts.recovered++
  }
  await within(Promise.all([client.close(), server.close()]), `${label} close`, HANG_MS).catch((error) => {
    problems.push(String(error))
  })
  for (const peer of [client, server]) {
    const { connections, links, listeners, queue } = peer.stats()
    const rest = connections.length + links.length + listeners.length + queue.queuedCalls + queue.queuedBytes
    if (rest > 0) problems.push(`${label}: ${peer.id} leaves ${JSON.stringify(peer.stats())}`)
  }
  if (plan !== null) counts[proxy.isCut ? 'cuts' : 'uncut']++
  proxy.close()
  return proxy.bytes
}

const startMs = performance.now()
const total = await talk(null)
const plans: Cut[] = (['up', 'down'] as const).flatMap((way) =>
  Array.from({ length: Math.ceil(total[way] / step) }, (_, i) => ({ way, afterBytes: i * step })),
)
const queue = [...plans]
await Promise.all(
  Array.from({ length: WORKERS }, async () => {
    for (let plan = queue.pop(); plan !== undefined; plan = queue.pop()) await talk(plan)
  }),
)
await sleep(50)
process.stdout.write(
  `${JSON.stringify({
    ...counts,
    byDelivery,
    total,
    planned: plans.length,
    runningHandlers,
    unreported,
    problemCount: problems.length,
    problems: problems.slice(0, 20),
    seconds: Math.round((performance.now() - startMs) / 1_000),
  })}\n`,
)
