// Owns: a process that answers: its peer, where that listens or whom it dials, and how it ends: by SIGTERM with a drain, or at the end of the run.
// Must not know: faults. What it answers is in processes/handlers.mjs.

import { createPeer } from 'peerplex'
import { restOf } from './processes/at-rest.mjs'
import { Chance } from './processes/chance.mjs'
import { leave, listen, readSetup, tell } from './processes/child-side.mjs'
import { Handlers } from './processes/handlers.mjs'
import { LedgerFile } from './processes/ledger-file.mjs'
import { watchStarvation } from './processes/starvation.mjs'

/**
 * `bind`: a URL, or nothing for one that only dials. `dial`: URLs. `graceMs`: of the drain after SIGTERM; absent for the default.
 * @typedef {{ name: string, ledger: string, seed: number, bind?: string, dial: string[], graceMs?: number,
 *   idleTimeoutMs?: number, maxReconnectMs?: number, maxRestMs?: number }} CalleeSetup
 */

const MAX_REST_MS = 15_000

/** @type {CalleeSetup} */
const setup = readSetup()
const ledger = new LedgerFile(setup.ledger)
const endWatch = watchStarvation(setup.name, ledger)
const handlers = new Handlers(setup.name, ledger, new Chance(setup.seed, setup.ledger))
const peer = createPeer({
  id: setup.name,
  ...(setup.idleTimeoutMs !== undefined && { limits: { idleTimeoutMs: setup.idleTimeoutMs } }),
  ...(setup.maxReconnectMs !== undefined && { reconnect: { maxMs: setup.maxReconnectMs } }),
  onError: (error, { name, remote }) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    tell({ do: 'error', text: `${setup.name} '${name}' of ${remote}: ${text}` })
  },
})
handlers.serve(peer)

listen((message) => {
  if (message.do === 'rest') rest()
  else if (message.do === 'leave') end()
})
process.once('SIGTERM', () => {
  peer
    .drain(setup.graceMs === undefined ? {} : { graceMs: setup.graceMs })
    .then(rest)
    .then(end)
})

if (setup.bind !== undefined) await peer.bind(setup.bind)
for (const url of setup.dial) peer.connect(url)
tell({ do: 'ready' })

async function rest() {
  ledger.write(await restOf(peer, () => handlers.runningCount, setup.maxRestMs ?? MAX_REST_MS))
  tell({ do: 'rested' })
}

async function end() {
  await peer.close()
  tell({ do: 'left' })
  endWatch()
  leave()
}
