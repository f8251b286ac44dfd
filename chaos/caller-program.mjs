// Owns: a process that calls: its peer, whom that dials or who may dial it, and the steps of a run: calling, being quiet, rest.
// Must not know: faults. Which calls it makes is in processes/calling.mjs.

import { createPeer } from 'peerplex'
import { restOf } from './processes/at-rest.mjs'
import { Calling } from './processes/calling.mjs'
import { Chance } from './processes/chance.mjs'
import { leave, listen, readSetup, tell } from './processes/child-side.mjs'
import { waysOf } from './processes/known-bad.mjs'
import { LedgerFile } from './processes/ledger-file.mjs'
import { watchStarvation } from './processes/starvation.mjs'

/**
 * `bind`: where callees dial that do not listen. `maxCalls`: how many it makes, unless it is told to be quiet before. `bad`: a row of
 * processes/known-bad.mjs, or empty.
 * @typedef {{ name: string, ledger: string, seed: number, bind: string, maxCalls: number, bad: string, idleTimeoutMs: number,
 *   maxReconnectMs: number, maxRestMs: number }} CallerSetup
 */

const PROGRESS_MS = 250

/** @type {CallerSetup} */
const setup = readSetup()
const { name } = setup
const ledger = new LedgerFile(setup.ledger)
const endWatch = watchStarvation(name, ledger)
const peer = createPeer({
  id: name,
  limits: { idleTimeoutMs: setup.idleTimeoutMs },
  reconnect: { maxMs: setup.maxReconnectMs },
  onError: (error, where) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    tell({ do: 'error', text: `${name} '${where.name}' of ${where.remote}: ${text}` })
  },
})
for (const event of /** @type {const} */ (['disconnect', 'drain'])) {
  peer.on(event, () => ledger.write({ k: 'fault', t: Date.now(), kind: 'lost', target: name, count: 0 }))
}
const { maxCalls, seed } = setup
const calling = new Calling({
  name,
  maxCalls,
  ledger,
  chance: new Chance(seed, name),
  ...waysOf(setup.bad, peer),
})

listen((message) => {
  if (message.do === 'connect') for (const url of message.urls) peer.connect(url)
  else if (message.do === 'call') call(message.targets)
  else if (message.do === 'quiet') calling.isQuiet = true
  else if (message.do === 'rest') rest()
  else if (message.do === 'leave') close()
})
const listener = await peer.bind(setup.bind)
tell({ do: 'ready', url: listener.url })

/** @param {string[]} targets */
async function call(targets) {
  const timer = setInterval(progress, PROGRESS_MS)
  await calling.run(targets)
  clearInterval(timer)
  progress()
  tell({ do: 'settled' })
}

function progress() {
  tell({ do: 'progress', made: calling.madeCount, pending: calling.pendingCount })
}

async function rest() {
  ledger.write(await restOf(peer, () => calling.pendingCount, setup.maxRestMs))
  tell({ do: 'rested' })
}

async function close() {
  await peer.close()
  tell({ do: 'left' })
  endWatch()
  leave()
}
