// Owns: `node chaos/simulate-program.mjs`: many simulations, one after the other, and what came out. A long one is cut into runs with seeds of
// their own, so that what is found is found again in seconds.
// Exit code: 0 all runs were good, 1 one was not, 2 the arguments make no sense.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { simulate } from './simulate.mjs'
import { verdictText } from './verdict-text.mjs'

const USAGE = `node chaos/simulate-program.mjs [--faults N] [--seed S] [--per-run N] [--ledger FOLDER]
  --faults    faults in all (1000)
  --seed      of the first run; each further run has the next one (1)
  --per-run   faults of one run (500)
  --ledger    where the ledgers of runs go that were not good
`

const options = parse()
if (options === null) {
  process.stderr.write(USAGE)
  process.exitCode = 2
} else process.exitCode = (await runAll(options)) ? 0 : 1

/** @param {{ faults: number, seed: number, perRun: number, ledger: string | undefined }} options @returns {Promise<boolean>} */
async function runAll({ faults, seed, perRun, ledger }) {
  const startMs = performance.now()
  const sums = { calls: 0, lines: 0, unknown: 0, inFlight: 0, onewaysLost: 0, runsTwice: 0, cancelsTimed: 0 }
  const most = { longestLateMs: 0, longestAbortMs: 0, longestLeaveMs: 0 }
  let [done, virtualMs, badCount] = [0, 0, 0]
  for (let run = 0; done < faults; run++) {
    const count = Math.min(perRun, faults - done)
    const simulation = await simulate({ faults: count, seed: seed + run })
    const { figures } = simulation.verdict
    for (const name of names(sums)) sums[name] += figures[name]
    for (const name of names(most)) most[name] = Math.max(most[name], { ...figures, ...simulation }[name])
    done += count
    virtualMs += simulation.virtualMs
    if (simulation.isOk) continue
    badCount++
    show(simulation, count, ledger)
  }
  const seconds = (performance.now() - startMs) / 1_000
  const rate = Math.round(done / seconds)
  print(
    `${done} faults in ${seconds.toFixed(1)} s (${rate}/s), ${(virtualMs / 3_600_000).toFixed(2)} simulated hours`,
  )
  print(`${pairs(sums)}, ${pairs(most)}`)
  print(badCount === 0 ? 'all runs were good' : `${badCount} runs were NOT good`)
  return badCount === 0
}

/** @param {import('./simulate.mjs').Simulation} simulation @param {number} faults @param {string | undefined} ledger */
function show({ seed, verdict, errors, timersLeft, lines }, faults, ledger) {
  print(
    `--- seed ${seed}; again: node chaos/simulate-program.mjs --faults ${faults} --per-run ${faults} --seed ${seed}`,
  )
  print(verdictText(verdict))
  if (errors.length > 0) print(`${errors.length} errors, the first: ${errors[0]}`)
  if (timersLeft > 0) print(`${timersLeft} timers are left`)
  if (ledger === undefined) return
  const folder = join(ledger, `seed-${seed}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'all.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
}

function parse() {
  try {
    const { values } = parseArgs({
      options: {
        faults: { type: 'string', default: '1000' },
        seed: { type: 'string', default: '1' },
        'per-run': { type: 'string', default: '500' },
        ledger: { type: 'string' },
      },
    })
    const [faults, seed, perRun] = [values.faults, values.seed, values['per-run']].map(Number)
    if (![faults, seed, perRun].every((value) => Number.isSafeInteger(value) && Number(value) > 0))
      return null
    return { faults: Number(faults), seed: Number(seed), perRun: Number(perRun), ledger: values.ledger }
  } catch {
    return null
  }
}

/** @template {string} K @param {Record<K, number>} record */
function names(record) {
  return /** @type {K[]} */ (Object.keys(record))
}

/** @param {Record<string, number>} record */
function pairs(record) {
  return Object.entries(record)
    .map(([name, value]) => `${name} ${Math.round(value)}`)
    .join(', ')
}

/** @param {string} text */
function print(text) {
  process.stdout.write(`${text}\n`)
}
