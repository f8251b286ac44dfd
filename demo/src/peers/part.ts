// Owns: the second part of the demonstration: the steps over each kind of address, the table, and the exit code.
// Must not know: what the steps do.
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProgressWatch } from '../progress-watch.js'
import { type Check, checkLines } from '../report.js'
import { countText, secondsText, tableText } from '../texts.js'
import { within } from '../within.js'
import { PeersRun } from './peers-run.js'
import { STEPS, type StepResult } from './steps.js'

/** A lost connection is noticed before the process behind it is; its end explains more. */
const EXPLANATION_MS = 500

interface KindReport {
  readonly kind: string
  readonly results: readonly StepResult[]
  /** How the listening process ended; empty for well. */
  readonly ending: string
}

/** Runs everything with `program` as the other process, prints what came of it; resolves with the exit code. */
export async function runPeersPart(program: string, file: string): Promise<number> {
  const socket = join(tmpdir(), `peerplex-${randomUUID().slice(0, 13)}.sock`)
  const reports: KindReport[] = []
  try {
    // One after the other: each is to be measured alone.
    reports.push(await runKind('tcp', program, 'tcp://127.0.0.1:0', file))
    reports.push(await runKind('unix', program, `unix:${socket}`, file))
  } catch (error) {
    process.stderr.write(`demo: ${(error as Error).message}\n`)
    return 1
  }
  const checks = reports.flatMap(checksOf)
  process.stdout.write(`\n${reportTable(reports)}\n\n${checkLines(checks)}`)
  return checks.every((check) => check.isOk) ? 0 : 1
}

async function runKind(kind: string, program: string, url: string, file: string): Promise<KindReport> {
  const run = new PeersRun(program, url)
  const watch = new ProgressWatch(() => run.progress)
  let place = 'start'
  const perform = async (): Promise<StepResult[]> => {
    const results: StepResult[] = []
    await run.start()
    for (const step of STEPS) {
      place = step.title
      results.push(await step.run(run, file))
      // A step without calls of its own has moved, too.
      run.callCount++
    }
    return results
  }
  try {
    const results = await Promise.race([perform(), watch.stall, run.breakdown.then(fail)])
    return { kind, results, ending: await run.end() }
  } catch (error) {
    const { message } = error as Error
    const ending = await within(EXPLANATION_MS, run.breakdown, '')
    const cause = ending === '' || ending === message ? message : `${ending}: ${message}`
    throw new Error(`peers over ${kind}, ${place}: ${cause}`)
  } finally {
    watch.stop()
    await run.dispose()
  }
}

function reportTable(reports: readonly KindReport[]): string {
  const head = reports.flatMap(({ kind }) => [kind, 'time', 'rate'])
  const rows = STEPS.map(({ title }, index) => [
    title,
    ...reports.flatMap(({ results }) => resultCells(results[index])),
  ])
  return tableText([['peers', ...head], ...rows])
}

function resultCells(result: StepResult | undefined): string[] {
  if (result === undefined) return ['', '', '']
  return [countText(result.count), timeText(result.elapsedMs), result.rate]
}

function checksOf({ kind, results, ending }: KindReport): Check[] {
  return [
    ...results.map(({ isOk, text }) => ({ isOk, text: `${kind}: ${text}` })),
    {
      isOk: ending === '',
      text: `${kind}: ${ending === '' ? 'the listening peer ended by itself' : ending}`,
    },
  ]
}

/** Some steps take no time worth mentioning in seconds. */
function timeText(ms: number): string {
  return ms < 100 ? `${ms.toFixed(1)} ms` : secondsText(ms)
}

function fail(message: string): never {
  throw new Error(message)
}
