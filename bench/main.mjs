// `npm run bench`: runs Peerplex side by side with others and prints what came out. It owns the order of these steps and the exit code.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ArgumentError, makePlan, parseArguments, USAGE } from './arguments.mjs'
import { chartOf, writeCharts } from './charts.mjs'
import { ENTRIES } from './entries.mjs'
import { gateDecision, levelsOf, TOLERANCE } from './gate.mjs'
import { installPackages, isOnPath } from './install.mjs'
import { doubts, judge, workloadTable } from './report.mjs'
import { playRounds } from './rounds.mjs'
import { runOnce } from './runner.mjs'
import { WORKLOADS } from './workloads.mjs'

const BASELINE = join(dirname(fileURLToPath(import.meta.url)), 'baseline.json')

/** Starting two processes and ending them. */
const OVERHEAD_MS = 500

try {
  const options = parseArguments(process.argv.slice(2))
  const plan = makePlan(options, WORKLOADS, ENTRIES)
  if (options.help) process.stdout.write(USAGE)
  else process.exitCode = await bench(options, plan)
} catch (error) {
  if (!(error instanceof ArgumentError)) throw error
  process.stderr.write(`${error.message}\n\n${USAGE}`)
  process.exitCode = 2
}

/**
 * @param {import('./arguments.mjs').Options} options
 * @param {import('./arguments.mjs').Plan} plan
 * @returns {Promise<number>} exit code
 */
async function bench(options, plan) {
  // A gate without anything to compare with is found before an hour of measuring, not after.
  if (options.gate && readBaseline()[sectionOf(options)] === undefined) {
    throw new ArgumentError(
      `--gate: bench/baseline.json has no part '${sectionOf(options)}' yet; --write-baseline writes it`,
    )
  }
  const packages = [...new Set(plan.flatMap(({ entries }) => entries.flatMap((entry) => entry.packages)))]
  const missing = installPackages(packages, tell)
  const processors = cpus()
  const machine = {
    node: process.version,
    cpus: processors.length,
    model: processors[0]?.model.trim() ?? 'unknown',
    loadAtStart: loadavg()[0] ?? 0,
  }
  print(
    `Node ${machine.node}, ${machine.cpus} x ${machine.model}, loopback; load average ${machine.loadAtStart.toFixed(2)} at the start; ` +
      `${options.rounds} rounds. Medians [lowest-highest]; a ratio is taken within a round.\n`,
  )
  tell(`about ${Math.ceil(estimateMs(plan, options.rounds) / 60_000)} minutes`)
  /** @type {import('./statistics.mjs').Run[]} */
  const runs = []
  const charts = new Map()
  const means = { runOnce, obstacle: obstacleFrom(missing), progress }
  for await (const part of playRounds(plan, options.rounds, means)) {
    runs.push(...part.runs)
    const planned = plan.find(({ workload }) => workload === part.workload)
    if (!planned) continue
    print(`${workloadTable(part.workload, planned.entries, part.runs)}\n`)
    charts.set(part.workload.name, chartOf(planned, part.runs))
  }
  const workloads = plan.map(({ workload }) => workload)
  const judged = judge(runs)
  const count = (/** @type {string} */ verdict) => judged.filter((row) => row.verdict === verdict).length
  if (judged.length > 0) {
    print(
      `${judged.length} targets: ${count('goal')} at the goal, ${count('met')} met, ${count('missed')} missed, ${count('unknown')} not measured`,
    )
  }
  for (const line of doubts(workloads, runs, machine)) print(line)
  if (options.json !== undefined) {
    const { quick, only, rounds } = options
    writeJson(options.json, { machine, options: { quick, only, rounds }, targets: judged, runs })
  }
  if (options.svg !== undefined) tell(`charts: ${writeCharts(options.svg, charts).join(' ')}`)
  return finish(options, workloads, runs)
}

/**
 * @param {import('./arguments.mjs').Options} options
 * @param {import('./interface.mjs').Workload[]} workloads
 * @param {import('./statistics.mjs').Run[]} runs
 */
function finish(options, workloads, runs) {
  const now = levelsOf(workloads, runs)
  const all = readBaseline()
  const section = sectionOf(options)
  const baseline = all[section] ?? {}
  let exitCode = 0
  if (options.gate) {
    const { failures, checked, unknown } = gateDecision(workloads, baseline, now)
    for (const failure of failures) print(`GATE ${failure}`)
    if (unknown.length > 0) print(`gate: nothing to compare with for ${unknown.join(', ')}`)
    print(`gate: ${checked} ratios, ${failures.length} more than ${TOLERANCE * 100} % worse`)
    // Nothing compared is nothing passed.
    if (failures.length > 0 || checked === 0) exitCode = 1
  }
  if (options.writeBaseline) {
    // What did not run this time, or failed, keeps what was written for it.
    const measured = Object.fromEntries(
      Object.entries(now).filter(([, level]) => Object.keys(level).length > 0),
    )
    writeJson(BASELINE, { ...all, [section]: { ...baseline, ...measured } })
  }
  return exitCode
}

/** @returns {Partial<Record<'full' | 'quick', import('./gate.mjs').Baseline>>} */
function readBaseline() {
  return existsSync(BASELINE) ? JSON.parse(readFileSync(BASELINE, 'utf8')) : {}
}

/**
 * A short warm-up gives other ratios, so that they are written down apart.
 * @param {import('./arguments.mjs').Options} options
 */
function sectionOf({ quick }) {
  return quick ? 'quick' : 'full'
}

/**
 * @param {ReadonlyMap<string, string>} missing
 * @returns {import('./rounds.mjs').Means['obstacle']}
 */
function obstacleFrom(missing) {
  return (entry) => {
    const error = entry.packages.map((name) => missing.get(name)).find((text) => text !== undefined)
    if (error !== undefined) return { error }
    if (entry.program === undefined || isOnPath(entry.program)) return null
    return { skipped: `${entry.program} is not on PATH` }
  }
}

/** @param {import('./arguments.mjs').Plan} plan @param {number} rounds */
function estimateMs(plan, rounds) {
  const perRound = plan.map(
    ({ entries, timing }) => entries.length * (timing.warmupMs + timing.measureMs + OVERHEAD_MS),
  )
  return rounds * perRound.reduce((sum, ms) => sum + ms, 0)
}

/** @param {number} done @param {number} of @param {string} what */
function progress(done, of, what) {
  const line = `${String(Math.floor((done / of) * 100)).padStart(3)} %  ${what}`
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`)
  else if (done % 10 === 0) tell(line)
}

/** @param {string} text */
function print(text) {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
  process.stdout.write(`${text}\n`)
}

/** @param {string} line */
function tell(line) {
  process.stderr.write(`${line}\n`)
}

/** @param {string} file @param {unknown} value */
function writeJson(file, value) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`)
}
