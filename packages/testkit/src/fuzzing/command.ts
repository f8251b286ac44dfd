/**
 * Owns: the options of `npm run fuzz`, and what it prints.
 * Must not know: what is fuzzed and how.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { runSequences } from '../model/sequences.js'
import { type CampaignReport, MAX_GROWTH_BYTES, runCampaign } from './campaign.js'

const USAGE = `usage: npm run fuzz -- [options]
  --frames N        damaged frames to judge (default 1000000 unless --model is given)
  --model N         random conversations of two sessions to compare with the reference model
  --seed N          0 … 4294967295; the same seed gives the same input (default: by chance, printed)
  --seconds N       stop after this time, also with fewer frames
  --case N          run this case of --frames only, as a report of a failure says
  --path P --replay-path R   run one failing conversation of --model again, as its report says
`
const DEFAULT_FRAME_COUNT = 1_000_000
const MAX_SEED = 4_294_967_295
const MIB = 1_048_576

interface Options {
  readonly frameCount: number
  readonly modelCount: number
  readonly seed: number
  readonly seconds: number | undefined
  readonly caseIndex: number | undefined
  readonly path: string | undefined
  readonly replayPath: string | undefined
}

/** The options, or what is wrong with them. */
export function readOptions(args: readonly string[]): Options | string {
  try {
    const text = { type: 'string' } as const
    const { values } = parseArgs({
      args: [...args],
      options: {
        frames: text,
        model: text,
        seed: text,
        seconds: text,
        case: text,
        path: text,
        'replay-path': text,
      },
    })
    const count = (name: 'frames' | 'model' | 'seed' | 'seconds' | 'case', min: number, max: number) => {
      const value = values[name]
      if (value === undefined) return undefined
      const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
      if (number >= min && number <= max) return number
      throw new RangeError(`--${name} takes a whole number from ${min} to ${max}, not '${value}'`)
    }
    const modelCount = count('model', 1, Number.MAX_SAFE_INTEGER) ?? 0
    if (modelCount === 0 && (values.path ?? values['replay-path']) !== undefined)
      throw new RangeError('--path and --replay-path go with --model')
    return {
      frameCount: count('frames', 1, Number.MAX_SAFE_INTEGER) ?? (modelCount > 0 ? 0 : DEFAULT_FRAME_COUNT),
      modelCount,
      seed: count('seed', 0, MAX_SEED) ?? randomInt(MAX_SEED),
      seconds: count('seconds', 1, 1_000_000),
      caseIndex: count('case', 0, Number.MAX_SAFE_INTEGER),
      path: values.path,
      replayPath: values['replay-path'],
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Runs what the options ask for; returns the exit code. */
export function main(args: readonly string[], print: (line: string) => void): number {
  const options = readOptions(args)
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n${USAGE}`)
    return 2
  }
  print(`seed ${options.seed}`)
  const failures: string[] = []
  if (options.modelCount > 0) failures.push(...runModel(options, print))
  if (options.frameCount > 0) failures.push(...runFrames(options, print))
  clearProgress()
  for (const failure of failures) print(`FAILED ${failure}`)
  return failures.length > 0 ? 1 : 0
}

function runModel(options: Options, print: (line: string) => void): string[] {
  const startMs = performance.now()
  let count = 0
  const report = runSequences({
    runCount: options.modelCount,
    seed: options.seed,
    path: options.path,
    replayPath: options.replayPath,
    onRun: () => {
      if (++count % 200 === 0) progress(`${count} conversations`)
    },
  })
  clearProgress()
  const { runCount, stepCount, callCount, itemCount } = report
  const seconds = secondsSince(startMs)
  print(
    `model: ${runCount} conversations, ${stepCount} steps, ${callCount} calls, ${itemCount} messages, ${seconds} s`,
  )
  return report.failure === null ? [] : [report.failure]
}

function runFrames(options: Options, print: (line: string) => void): string[] {
  const report = runCampaign({
    ...options,
    onProgress: ({ frameCount, elapsedMs }) =>
      progress(`${frameCount} frames, ${Math.round(frameCount / elapsedMs)} k/s`),
  })
  clearProgress()
  for (const line of frameLines(report)) print(line)
  return report.failure === null ? [] : [report.failure]
}

function frameLines(report: CampaignReport): string[] {
  const { frameCount, liveFrameCount, caseCount, elapsedMs, endings } = report
  const rate = Math.round((1_000 * frameCount) / elapsedMs)
  const live = ((100 * liveFrameCount) / Math.max(1, frameCount)).toFixed(1)
  const sorted = [...endings].sort((a, b) => b[1] - a[1])
  return [
    `frames: ${frameCount} in ${caseCount} sessions, ${(elapsedMs / 1_000).toFixed(1)} s, ${rate} frames/s`,
    `accepted in READY with a live channel: ${liveFrameCount} (${live} %)`,
    'sessions ended by:',
    ...sorted.map(([ending, count]) => `  ${ending.padEnd(18)}${count}`),
    `memory after warm-up: heap ${mib(report.heapGrowthBytes)}, resident ${mib(report.residentGrowthBytes)}, at most ${mib(MAX_GROWTH_BYTES)}`,
  ]
}

function mib(bytes: number): string {
  return `${bytes < 0 ? '-' : '+'}${(Math.abs(bytes) / MIB).toFixed(1)} MiB`
}

function secondsSince(startMs: number): string {
  return ((performance.now() - startMs) / 1_000).toFixed(1)
}

/** On a terminal only: one line that replaces itself. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`)
}

function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
}
