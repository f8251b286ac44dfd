// Owns: `node chaos/half-open-program.mjs`: a link that goes dead without a word, as only a network can do it: a callee lives in a network
// namespace of its own, and the link to it is taken down for longer than the idle time, while calls go on to it and to another one.
// Exit code: 0 all invariants hold, nothing is left half open, and it is used again; or this machine cannot do it, and says why. 1 otherwise.
// Must not know: how a ledger is judged (checker.mjs).

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { checkLedger } from './checker.mjs'
import { LedgerFolder } from './ledger-files.mjs'
import { Callees } from './processes/callees.mjs'
import { Chance } from './processes/chance.mjs'
import { Children, dismissAll } from './processes/children.mjs'
import { LedgerFile } from './processes/ledger-file.mjs'
import { NetworkNamespace } from './processes/network-namespace.mjs'
import { freePort } from './processes/ports.mjs'
import { verdictText } from './verdict-text.mjs'

const RATE = 500
const IDLE_TIMEOUT_MS = 2_000
const DOWN_MS = 3_500
/** The system sends again after up to twice the time that the link was down; dialing again takes a pause. */
const UP_MS = 6_000
const ROUNDS = 2

process.exitCode = await main()

/** @returns {Promise<number>} */
async function main() {
  const chance = new Chance(process.pid)
  /** @type {NetworkNamespace} */
  let space
  try {
    space = new NetworkNamespace(chance)
  } catch (error) {
    print(
      `skipped: no network namespaces here (${error instanceof Error ? error.message.split('\n')[0] : error})`,
    )
    return 0
  }
  const folder = mkdtempSync(join(tmpdir(), 'peerplex-half-open-'))
  /** @type {string[]} */
  const troubles = []
  const children = new Children((text) => troubles.push(text))
  const cleanUp = () => {
    children.killAll()
    space.remove()
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  process.on('exit', cleanUp)
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM']))
    process.once(signal, () => process.exit(1))
  try {
    await play(children, folder, space, chance, troubles)
    // Nobody in between counts the calls that were under way.
    const verdict = checkLedger(new LedgerFolder(folder), { isGated: false })
    print(verdictText(verdict))
    for (const trouble of troubles) print(`TROUBLE ${trouble}`)
    return verdict.isOk && troubles.length === 0 ? 0 : 1
  } finally {
    process.off('exit', cleanUp)
    cleanUp()
  }
}

/** @param {Children} children @param {string} folder @param {NetworkNamespace} space @param {Chance} chance @param {string[]} troubles */
async function play(children, folder, space, chance, troubles) {
  const ledger = new LedgerFile(join(folder, 'controller.jsonl'))
  const write = (/** @type {import('./ledger.mjs').Line} */ line) => ledger.write(line)
  const callees = new Callees(children, { folder, setup: { seed: 1, idleTimeoutMs: IDLE_TIMEOUT_MS }, write })
  const port = await freePort(chance)
  const urls = [`tcp://${space.innerAddress}:${port}`, `tcp://127.0.0.1:${port}`]
  await callees.start('b1', { bind: String(urls[0]), dial: [], within: space.command })
  await callees.start('b2', { bind: String(urls[1]), dial: [] })
  const caller = children.start('steady-caller-program.mjs', {
    name: 'a1',
    ledger: join(folder, 'a1.jsonl'),
    urls,
    rate: RATE,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  })
  await caller.said('ready')
  for (let round = 0; round < ROUNDS; round++) {
    await delay(1_000)
    write({ k: 'fault', t: Date.now(), kind: 'linkDown', target: 'a1>b1 b1', count: 0, forMs: DOWN_MS })
    space.setLink(false)
    await delay(DOWN_MS)
    const held = established(space.innerAddress)
    if (held !== 0) troubles.push(`${held} connections to b1 are still held after ${DOWN_MS} ms of silence`)
    space.setLink(true)
    await delay(UP_MS)
    const count = established(space.innerAddress)
    if (count !== 1) troubles.push(`${count} connections to b1 when the link was up again`)
  }
  const peers = [caller, ...callees.children]
  await caller.ask('rest', 'rested')
  await Promise.all(callees.children.map((callee) => callee.ask('rest', 'rested')))
  for (const name of await dismissAll(peers)) troubles.push(`${name} did not end by itself`)
}

/** Connections to an address, as the system counts them. @param {string} address */
function established(address) {
  const text = execFileSync('ss', ['-Htn', 'state', 'established', 'dst', address], { encoding: 'utf8' })
  return text.split('\n').filter((line) => line.trim() !== '').length
}

/** @param {string} text */
function print(text) {
  process.stdout.write(`${text}\n`)
}
