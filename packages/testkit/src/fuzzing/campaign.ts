/**
 * Owns: running cases one after the other until enough frames were judged: counts, endings, speed, memory; and how a failing
 * case is told so that it can be run again.
 * Must not know: what a case does, where reports are printed.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Session } from '@peerplex/wire'
import { hex } from '../bytes.js'
import { Random } from '../random.js'
import { type Corpus, makeCorpus } from './corpus.js'
import { type CaseResult, type InputLog, runCase } from './fuzz-case.js'

export interface CampaignOptions {
  readonly seed: number
  readonly frameCount: number
  /** Stops earlier when the time is up. */
  readonly seconds?: number | undefined
  /** Runs this case and no other. */
  readonly caseIndex?: number | undefined
  /** Called now and then with what was done so far. */
  readonly onProgress?: (done: CampaignReport) => void
  /** Gets each session before it starts, to break it: a campaign that finds nothing then is worth nothing. */
  readonly onSession?: (session: Session) => void
}

export interface CampaignReport {
  readonly frameCount: number
  /** Accepted in READY while at least one channel was open. */
  readonly liveFrameCount: number
  readonly caseCount: number
  readonly elapsedMs: number
  /** How many sessions ended in which way. */
  readonly endings: ReadonlyMap<string, number>
  /** Growth from the end of the warm-up on, after a collection. */
  readonly heapGrowthBytes: number
  readonly residentGrowthBytes: number
  /** Null when all is well. */
  readonly failure: string | null
}

/** More than this may not stay behind. */
export const MAX_GROWTH_BYTES = 67_108_864
/** Cases that share a corpus; the next ones get another. */
const CASES_PER_CORPUS = 2_000
/** What is allocated once is allocated by then. */
const WARM_UP_FRAMES = 100_000
const PROGRESS_CASES = 1_000
const SHORT_STACK = 2

export function runCampaign(options: CampaignOptions): CampaignReport {
  return new Campaign(options).run()
}

class Campaign {
  readonly #options: CampaignOptions
  readonly #startMs = performance.now()
  readonly #endings = new Map<string, number>()
  #frameCount = 0
  #liveFrameCount = 0
  #caseCount = 0
  #corpus: Corpus | null = null
  #corpusIndex = -1
  #baseline: { heapBytes: number; residentBytes: number } | null = null
  #heapGrowthBytes = 0
  #residentGrowthBytes = 0
  #failure: string | null = null

  constructor(options: CampaignOptions) {
    this.#options = options
  }

  run(): CampaignReport {
    const { frameCount, caseIndex, onProgress } = this.#options
    const { stackTraceLimit } = Error
    // Programs are thrown many errors for what they do; a single case is run again with all of the stack.
    if (caseIndex === undefined) Error.stackTraceLimit = SHORT_STACK
    try {
      if (caseIndex !== undefined) this.#runCase(caseIndex)
      else {
        for (
          let index = 0;
          this.#frameCount < frameCount && this.#failure === null && !this.#isTimeUp();
          index++
        ) {
          this.#runCase(index)
          if (index % PROGRESS_CASES === 0) onProgress?.(this.#report())
          if (this.#baseline === null && this.#frameCount >= WARM_UP_FRAMES) this.#baseline = memory()
        }
      }
      this.#measure()
    } finally {
      Error.stackTraceLimit = stackTraceLimit
    }
    return this.#report()
  }

  #runCase(index: number): void {
    const log: InputLog = []
    let result: CaseResult
    try {
      const rng = new Random(mix(this.#options.seed, index))
      result = runCase(rng, this.#corpusOf(index), log, this.#options.onSession)
    } catch (error) {
      this.#failure = this.#describe(index, error, log)
      return
    }
    this.#caseCount++
    this.#frameCount += result.frameCount
    this.#liveFrameCount += result.liveFrameCount
    this.#endings.set(result.ending, (this.#endings.get(result.ending) ?? 0) + 1)
  }

  #corpusOf(index: number): Corpus {
    const wanted = Math.floor(index / CASES_PER_CORPUS)
    if (this.#corpus === null || this.#corpusIndex !== wanted) {
      this.#corpus = makeCorpus(new Random(mix(this.#options.seed, -1 - wanted)))
      this.#corpusIndex = wanted
    }
    return this.#corpus
  }

  #describe(index: number, error: unknown, log: InputLog): string {
    const cause = error instanceof Error ? error.stack : String(error)
    const input = log.map((bytes) => `  ${hex(bytes)}`).join('\n')
    const again = `npm run fuzz -- --frames 1 --seed ${this.#options.seed} --case ${index}`
    return `case ${index}: ${cause}\ninput, one line for each delivery:\n${input}\nrun it again: ${again}`
  }

  #isTimeUp(): boolean {
    const { seconds } = this.#options
    return seconds !== undefined && performance.now() - this.#startMs >= 1_000 * seconds
  }

  #measure(): void {
    if (this.#baseline === null) return
    const now = memory()
    this.#heapGrowthBytes = now.heapBytes - this.#baseline.heapBytes
    this.#residentGrowthBytes = now.residentBytes - this.#baseline.residentBytes
    const worst = Math.max(this.#heapGrowthBytes, this.#residentGrowthBytes)
    if (worst > MAX_GROWTH_BYTES) this.#failure ??= `${worst} bytes of memory stayed behind`
  }

  #report(): CampaignReport {
    return {
      frameCount: this.#frameCount,
      liveFrameCount: this.#liveFrameCount,
      caseCount: this.#caseCount,
      elapsedMs: performance.now() - this.#startMs,
      endings: this.#endings,
      heapGrowthBytes: this.#heapGrowthBytes,
      residentGrowthBytes: this.#residentGrowthBytes,
      failure: this.#failure,
    }
  }
}

/** Spreads seeds and indices over all 32-bit numbers, so that neighbours have nothing in common. */
function mix(seed: number, index: number): number {
  let x = (seed ^ Math.imul(index, 0x9e3779b1)) | 0
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad)
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97)
  return (x ^ (x >>> 15)) >>> 0
}

let collect: (() => void) | null = null

function memory(): { heapBytes: number; residentBytes: number } {
  if (collect === null) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  collect()
  collect()
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
  return { heapBytes: heapUsed + arrayBuffers, residentBytes: rss }
}
