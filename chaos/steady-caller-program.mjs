// Owns: a process that makes so many calls a second, none of which may be repeated, with a peer that has the defaults.
// Must not know: what becomes of those whom it calls.

import { createPeer, PeerplexError } from 'peerplex'
import { restOf } from './processes/at-rest.mjs'
import { leave, listen, readSetup, tell } from './processes/child-side.mjs'
import { LedgerFile } from './processes/ledger-file.mjs'
import { outcomeFor } from './processes/outcomes.mjs'

/** `idleTimeoutMs`: absent for the default. @typedef {{ name: string, ledger: string, urls: string[], rate: number, idleTimeoutMs?: number }} SteadySetup */

const TICK_MS = 5
const MAX_REST_MS = 15_000
/** Some take a while, so that a drain finds them at work. */
const SLOW_EVERY = 20

/** @type {SteadySetup} */
const { name, ledger: file, urls, rate, idleTimeoutMs } = readSetup()
const ledger = new LedgerFile(file)
const peer = createPeer({ id: name, ...(idleTimeoutMs !== undefined && { limits: { idleTimeoutMs } }) })
let [made, pending] = [0, 0]

listen((message) => {
  if (message.do === 'rest') rest()
  else if (message.do === 'leave') close()
})
for (const event of /** @type {const} */ (['disconnect', 'drain'])) {
  peer.on(event, () => ledger.write({ k: 'fault', t: Date.now(), kind: 'lost', target: name, count: 0 }))
}
await Promise.all(urls.map((url) => peer.connect(url).ready))
const beganMs = performance.now()
const timer = setInterval(() => {
  const due = ((performance.now() - beganMs) / 1_000) * rate
  while (made < due) call()
}, TICK_MS)
tell({ do: 'ready' })

async function call() {
  const id = `${name}-${++made}`
  pending++
  ledger.write({ k: 'start', t: Date.now(), id, kind: 'unary', idempotent: false, timeoutMs: 0, items: 0 })
  const settle = (/** @type {import('./processes/outcomes.mjs').Settled} */ settled) =>
    ledger.write({ k: 'settle', t: Date.now(), id, ...settled })
  try {
    const way = made % SLOW_EVERY === 0 ? 'late' : 'atOnce'
    const result = String(await peer.call('unary', { id, items: 0, way }))
    settle({ outcome: 'OK', code: '', delivery: 'processed', attempts: 1, result })
  } catch (error) {
    if (!(error instanceof PeerplexError)) throw error
    const { code, delivery, attempts } = error
    settle({ outcome: outcomeFor(code, delivery), code, delivery, attempts })
  }
  pending--
}

async function rest() {
  clearInterval(timer)
  ledger.write(await restOf(peer, () => pending, MAX_REST_MS))
  tell({ do: 'rested' })
}

async function close() {
  await peer.close()
  tell({ do: 'left' })
  leave()
}
