// Owns: `node chaos/rolling-program.mjs [--calls N] [--rate N] [--json FILE]`: a rolling restart: three backends are drained and started again,
// one after the other, while calls that may not be repeated come at a steady rate.
// Exit code: 0 every call ended well and ran once, 1 one did not, 2 the arguments make no sense.
// Must not know: faults; how a ledger is judged (checker.mjs).

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { checkLedger } from './checker.mjs'
import { LedgerFolder } from './ledger-files.mjs'
import { Callees } from './processes/callees.mjs'
import { Chance } from './processes/chance.mjs'
import { Children, dismissAll } from './processes/children.mjs'
import { LedgerFile } from './processes/ledger-file.mjs'
import { freePort } from './processes/ports.mjs'
import { brokenOf } from './processes/report.mjs'

const USAGE = 'node chaos/rolling-program.mjs [--rounds N] [--rate CALLS_PER_SECOND] [--json FILE]\n'
const BACKENDS = ['b1', 'b2', 'b3']
/** Between one backend that is back and the next one that goes. */
const PAUSE_MS = 700

const options = parse()
if (options === null) {
  process.stderr.write(USAGE)
  process.exitCode = 2
} else process.exitCode = (await roll(options)) ? 0 : 1

/** @param {{ rounds: number, rate: number, json: string | undefined }} options */
async function roll({ rounds, rate, json }) {
  const folder = mkdtempSync(join(tmpdir(), 'peerplex-rolling-'))
  /** @type {string[]} */
  const troubles = []
  const children = new Children((text) => troubles.push(text))
  const cleanUp = () => {
    children.killAll()
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  process.on('exit', cleanUp)
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM']))
    process.once(signal, () => process.exit(1))
  try {
    const tookMs = await play(children, folder, rounds, rate)
    const verdict = checkLedger(new LedgerFolder(folder))
    const { figures } = verdict
    const outcomes = figures.byKind.unary ?? {}
    const failed = figures.calls - (outcomes.OK ?? 0)
    const isOk = verdict.isOk && failed === 0 && figures.runs === figures.calls && troubles.length === 0
    for (const trouble of troubles) print(`TROUBLE ${trouble}`)
    for (const { id, why } of verdict.violations) print(`VIOLATED ${id}: ${why}`)
    print(
      `${rounds * BACKENDS.length} backends drained and started again in ${(tookMs / 1_000).toFixed(1)} s: ${figures.calls} calls ` +
        `(${Math.round((figures.calls / tookMs) * 1_000)}/s), ${failed} failed, ${figures.runs} runs, ${figures.runsTwice} calls ran twice`,
    )
    print(isOk ? 'ok' : `NOT ok ${brokenOf(verdict).join(', ')} ${JSON.stringify(outcomes)}`)
    if (json !== undefined)
      writeFileSync(json, `${JSON.stringify({ ...verdict, isOk, troubles, tookMs }, null, 2)}\n`)
    return isOk
  } finally {
    process.off('exit', cleanUp)
    cleanUp()
  }
}

/** @param {Children} children @param {string} folder @param {number} rounds @param {number} rate @returns {Promise<number>} how long it took, ms */
async function play(children, folder, rounds, rate) {
  const ledger = new LedgerFile(join(folder, 'controller.jsonl'))
  const callees = new Callees(children, { folder, setup: { seed: 1 }, write: (line) => ledger.write(line) })
  const chance = new Chance(process.pid)
  const urls = await Promise.all(
    BACKENDS.map(async (name) => {
      const bind = `tcp://127.0.0.1:${await freePort(chance)}`
      await callees.start(name, { bind, dial: [] })
      return bind
    }),
  )
  const setup = { name: 'a1', ledger: join(folder, 'a1.jsonl'), urls, rate }
  const caller = children.start('steady-caller-program.mjs', setup)
  await caller.said('ready')
  const beganMs = performance.now()
  for (let round = 0; round < rounds; round++) {
    for (const name of BACKENDS) {
      await delay(PAUSE_MS)
      await callees.restart(name)
    }
  }
  await delay(PAUSE_MS)
  const tookMs = performance.now() - beganMs
  const peers = [caller, ...callees.children]
  await caller.ask('rest', 'rested')
  await Promise.all(callees.children.map((callee) => callee.ask('rest', 'rested')))
  const late = await dismissAll(peers)
  if (late.length > 0) throw new Error(`${late.join(', ')} did not end by itself`)
  return tookMs
}

function parse() {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string', default: '1' },
        rate: { type: 'string', default: '2000' },
        json: { type: 'string' },
      },
    })
    const [rounds, rate] = [Number(values.rounds), Number(values.rate)]
    if (![rounds, rate].every((value) => Number.isSafeInteger(value) && value > 0)) return null
    return { rounds, rate, json: values.json }
  } catch {
    return null
  }
}

/** @param {string} text */
function print(text) {
  process.stdout.write(`${text}\n`)
}
