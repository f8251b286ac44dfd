/**
 * Owns: a process that brings its one connection into a state, has all kinds of work pending, and closes its peer: it prints
 * what became of the work, and then has nothing left to do. It never calls `process.exit`.
 * Must not know: the other side.
 *
 * Arguments: `connect` or `bind`, URL, state, `close` or `drain`.
 */
import { createPeer, PeerplexError } from '../src/index.js'
import { collect, sleep, until } from './support.js'

const [role, url = '', state = '', verb] = process.argv.slice(2)
const isTalking = state === 'ready' || state === 'draining'

const problems: string[] = []
const peer = createPeer({
  id: 'closing',
  reconnect: { initialMs: 600_000, maxMs: 600_000 },
  // Full jitter, always the longest pause: the second one outlives the test.
  random: () => 0.999,
  onError: (error) => problems.push(`onError: ${error}`),
})
peer.handle('hang', (_input, { signal }) => untilAborted(signal))

/** Outcome by what was pending. */
const outcomes: Record<string, string> = {}
let pendingCount = 0

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
  })
}

function watch(what: string, promise: Promise<unknown>): void {
  pendingCount++
  const settle = (outcome: string): void => {
    pendingCount--
    if (what in outcomes) problems.push(`${what} settled twice`)
    outcomes[what] = outcome
  }
  promise.then(
    () => settle('ok'),
    (error) => {
      settle(error instanceof PeerplexError ? `${error.code} ${error.delivery}` : String(error))
      if (error instanceof PeerplexError && error.hint === '') problems.push(`${what}: no hint`)
    },
  )
}

let cleanUps = 0

/** An input that goes on for ever, and notices when nobody wants it. */
async function* endless(): AsyncGenerator<number> {
  try {
    for (let i = 0; ; i++) {
      yield i
      await sleep(5)
    }
  } finally {
    cleanUps++
  }
}

function startWork(): void {
  watch('call', peer.call('hang', 1))
  watch('call with a deadline', peer.call('hang', 1, { timeoutMs: 600_000 }))
  watch('call with a large input', peer.call('hang', 'x'.repeat(1_000_000)))
  watch('stream', collect(peer.stream('hang', 2)))
  watch('streaming input', peer.call('swallow', endless()))
  watch('both streaming', collect(peer.stream('mirror', endless())))
  watch('notify to nobody', peer.notify('note', 1, { to: 'nobody' }))
  watch('call to nobody', peer.call('hang', 1, { to: 'nobody' }))
  watch('channel', peer.open('hang').closed)
  if (isTalking) watch('a call back', peer.call('call-back'))
}

if (role === 'bind') {
  const listener = await peer.bind(url)
  process.stdout.write(`${JSON.stringify({ url: listener.url })}\n`)
}
if (state === 'idle') {
  startWork()
} else if (role === 'connect') {
  const link = peer.connect(url)
  watch('link.ready', link.ready)
  startWork()
  await until(() => link.state === state.toUpperCase() || isTalking, `the state ${state}`)
  if (state === 'backoff') await sleep(300)
  if (isTalking) await link.ready
} else {
  await until(() => peer.stats().connections.length > 0, 'a connection')
  startWork()
}
if (isTalking) {
  await until(() => peer.peers().length > 0, 'HELLO')
  // Until everything is over there.
  await peer.call('started', 7)
}
if (state === 'draining') {
  peer.notify('drain')
  await until(() => peer.peers()[0]?.state === 'draining', 'a drain')
}
await sleep(50)

const startMs = performance.now()
const states = [peer.stats().links[0]?.state, peer.stats().connections[0]?.state]
if (verb === 'drain') await peer.drain({ graceMs: 100 })
else if (verb === 'close while draining') {
  const drained = peer.drain({ graceMs: 600_000 })
  await sleep(20)
  await peer.close()
  await drained
} else {
  // Twice at once, and once more.
  await Promise.all([peer.close(), peer.close()])
  await peer.close()
}
const closeMs = Math.round(performance.now() - startMs)
await sleep(0)
if (pendingCount > 0) problems.push(`${pendingCount} still pending after close()`)
watch('a call afterwards', peer.call('hang'))
watch('bind afterwards', peer.bind('tcp://127.0.0.1:0'))
await until(() => 'bind afterwards' in outcomes && 'a call afterwards' in outcomes, 'an end')
await sleep(20)
const { connections, links, listeners, queue } = peer.stats()
process.stdout.write(
  `${JSON.stringify({ outcomes, problems, states, closeMs, cleanUps, connections, links, listeners, queuedCalls: queue.queuedCalls })}\n`,
)
