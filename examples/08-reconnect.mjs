// The listener goes away and comes back. Shows: a link that dials again, calls that wait meanwhile, and what the program is told.
import { createPeer, PeerplexError } from 'peerplex'

/** One run of the service; `url` is where it is to listen. */
async function startService(/** @type {string} */ url, /** @type {number} */ run) {
  const service = createPeer({ id: 'service' })
  service.handle('which', () => `run ${run}`)
  const listener = await service.bind(url)
  return { service, url: listener.url }
}

// Pauses between attempts grow from 250 ms to 30 s; shorter ones, for the example.
const client = createPeer({ reconnect: { initialMs: 20, maxMs: 100 } })
client.on('connect', ({ remote }) => console.log('connected to', remote.id))
client.on('disconnect', ({ remote }) => console.log('lost', remote.id))
const lost = new Promise((resolve) => client.on('disconnect', resolve))

let { service, url } = await startService('tcp://127.0.0.1:0', 1)
try {
  const link = client.connect(url)
  console.log('answer:', await client.call('which'))

  await service.close()
  await lost
  console.log('the link is not ready:', link.state !== 'READY')

  // This one would rather know at once.
  const error = await client.call('which', undefined, { waitForReady: false }).catch((e) => e)
  if (!(error instanceof PeerplexError)) throw error
  console.log(`without waiting: ${error.code} (${error.delivery})`)

  // This one waits: at most `queue.waitMs` (30 s), or as long as its own `timeoutMs`.
  const waiting = client.call('which', undefined, { timeoutMs: 10_000 })
  console.log('calls waiting:', client.stats().queue.queuedCalls)

  service = (await startService(url, 2)).service
  console.log('answer:', await waiting)
} finally {
  await client.close()
  await service.close()
}
