// Owns: a process with all proxies of a run, one for each pair of a caller and a callee.
// Must not know: which fault comes when.

import { createChaosProxy } from './processes/chaos-proxy.mjs'
import { leave, listen, readSetup, tell } from './processes/child-side.mjs'
import { LedgerFile } from './processes/ledger-file.mjs'
import { watchStarvation } from './processes/starvation.mjs'

/** @typedef {{ name: string, ledger: string, seed: number, pairs: import('./processes/chaos-proxy.mjs').ProxySetup[] }} ProxiesSetup */

/** @type {ProxiesSetup} */
const setup = readSetup()
const ledger = new LedgerFile(setup.ledger)
const endWatch = watchStarvation('*', ledger)
const proxies = await Promise.all(
  setup.pairs.map((pair, at) => createChaosProxy(pair, setup.seed + at, (line) => ledger.write(line))),
)

listen((message) => {
  if (message.do === 'strike') proxies.find(({ name }) => name === message.pair)?.strike(message.fault)
  else if (message.do === 'freezeCaller') {
    for (const proxy of proxies)
      if (proxy.name.startsWith(`${message.caller}>`)) proxy.freezeCaller(message.forMs)
  } else if (message.do === 'heal') for (const proxy of proxies) proxy.heal()
  else if (message.do === 'leave') end()
})
tell({ do: 'ready', urls: Object.fromEntries(proxies.map(({ name, url }) => [name, url])) })

async function end() {
  await Promise.all(proxies.map((proxy) => proxy.close()))
  /** @type {Record<string, number>} */
  const counts = {}
  for (const proxy of proxies) {
    for (const [kind, count] of Object.entries(proxy.counts)) counts[kind] = (counts[kind] ?? 0) + count
  }
  tell({ do: 'left', counts })
  endWatch()
  leave()
}
