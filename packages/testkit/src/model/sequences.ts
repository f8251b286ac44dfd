/**
 * Owns: which random conversations are made, how many, and how a failing one is told so that it can be run again.
 * Must not know: what the steps do.
 */
import type { SessionLimits } from '@peerplex/wire'
import fc from 'fast-check'
import { Play, type Setup, type Tamper } from './play.js'
import { type Step, StepCommand } from './steps.js'
import type { Side } from './world.js'

export interface SequenceRunOptions {
  readonly runCount: number
  readonly seed: number
  /** Where fast-check found a failure before: `path` and `replayPath` of its report. */
  readonly path?: string | undefined
  readonly replayPath?: string | undefined
  /** Called before each sequence. */
  readonly onRun?: () => void
  /** Changes what programs are told, to see that the model notices. */
  readonly tamper?: Tamper
}

export interface SequenceReport {
  readonly runCount: number
  readonly stepCount: number
  readonly callCount: number
  readonly itemCount: number
  /** Null when all is well; otherwise what to read, the options that run it again included. */
  readonly failure: string | null
}

const MAX_STEPS = 100

/** No timer of the sessions themselves runs out while steps hold everything back. */
const PATIENT: Partial<SessionLimits> = {
  idleTimeoutMs: 0,
  partialTimeoutMs: 0,
}
/** Two readers that do not read are enough to fill it. */
const CRAMPED: Partial<SessionLimits> = { maxUnreadBytes: 65_536, withheldTimeoutMs: 3_000 }

const side: fc.Arbitrary<Side> = fc.constantFrom('a', 'b')
const pick: fc.Arbitrary<number> = fc.nat(50)
const code: fc.Arbitrary<number> = fc.constantFrom(1, 2, 5, 16, 70_000)
const salt: fc.Arbitrary<number> = fc.nat(90_000)
const headers: fc.Arbitrary<number> = fc.constantFrom(0, 0, 0, 1, 3_000)
const text: fc.Arbitrary<string> = fc.constantFrom('', 'x', 'yes')
const bytes: fc.Arbitrary<number> = fc.oneof(
  { weight: 6, arbitrary: fc.nat(300) },
  { weight: 3, arbitrary: fc.nat(20_000) },
  { weight: 1, arbitrary: fc.constantFrom(0, 16_383, 16_384, 65_536) },
  { weight: 2, arbitrary: fc.integer({ min: 60_000, max: 300_000 }) },
)

const limits: fc.Arbitrary<Partial<SessionLimits>> = fc.record(
  {
    maxFrameBytes: fc.constantFrom(16_384, 65_536, 1_000_000),
    channelWindowBytes: fc.constantFrom(16_384, 65_536),
    channelWindowMessages: fc.constantFrom(1, 2, 100),
    connectionWindowBytes: fc.constantFrom(65_536, 200_000),
    maxOpenChannels: fc.constantFrom(1, 2, 5, 16),
    maxPartialMessages: fc.constantFrom(1, 2),
    maxMessageBytes: fc.constantFrom(65_536, 1_000_000),
    quantumBytes: fc.constantFrom(4_096, 16_384),
  },
  { requiredKeys: [] },
)

const setup: fc.Arbitrary<Setup> = fc
  .record({
    kind: fc.constantFrom<'byte' | 'message'>('byte', 'byte', 'message'),
    limits: fc.record({ a: limits, b: limits }),
    isAuthRequired: fc.constantFrom(false, false, false, true),
    manner: fc.constantFrom<'later' | 'accept' | 'echo'>('later', 'accept', 'echo', 'echo'),
    isCramped: fc.constantFrom(false, false, false, true),
    isAlwaysPumping: fc.constantFrom(false, false, true),
  })
  .map((chosen) => {
    const own = {
      // A verdict on credentials may take any time.
      helloTimeoutMs: 2_000_000_000,
      ...(chosen.isAlwaysPumping ? {} : PATIENT),
      ...(chosen.isCramped ? CRAMPED : {}),
    }
    return { ...chosen, limits: { a: { ...own, ...chosen.limits.a }, b: { ...own, ...chosen.limits.b } } }
  })

const openOptions = fc.record({
  bytes: fc.oneof(fc.constant(-1), bytes),
  salt,
  headers,
  isLast: fc.boolean(),
  isOneway: fc.constantFrom(false, false, false, false, true),
  timeoutMs: fc.constantFrom(0, 0, 0, 0, 1, 900, 5_000),
  windowBytes: fc.constantFrom(0, 0, 16_384, 100_000),
  windowMessages: fc.constantFrom(0, 0, 1, 3),
})

/** The fields are those of the step with this `type`. */
function one(
  weight: number,
  type: Step['type'],
  fields: Record<string, fc.Arbitrary<unknown>>,
): { weight: number; arbitrary: fc.Arbitrary<Step> } {
  const arbitrary: fc.Arbitrary<unknown> = fc.record({ type: fc.constant(type), ...fields })
  return { weight, arbitrary: arbitrary as fc.Arbitrary<Step> }
}

const step: fc.Arbitrary<Step> = fc.oneof(
  one(60, 'open', { side, options: openOptions }),
  one(50, 'accept', { side, pick, manner: fc.constantFrom('accept', 'echo') }),
  one(6, 'refuse', { side, pick, code }),
  one(110, 'send', { side, pick, bytes, salt, headers }),
  one(16, 'sendLast', { side, pick, bytes, salt, headers, text }),
  one(14, 'sendHeaders', { side, pick, text: fc.constantFrom('1', '2') }),
  one(14, 'end', { side, pick, text }),
  one(8, 'stop', { side, pick, code }),
  one(6, 'reset', { side, pick, code }),
  one(8, 'fail', { side, pick, code }),
  one(16, 'pause', { side, pick }),
  one(16, 'resume', { side, pick }),
  one(40, 'read', { side, pick }),
  one(20, 'settle', { side, pick }),
  one(12, 'take', { side }),
  one(70, 'deliver', {
    side,
    count: fc.oneof(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 2_000 }),
      fc.constant(100_000),
      fc.constant(100_000),
    ),
    chunkBytes: fc.constantFrom(1, 7, 1_000, 1_000_000, 1_000_000),
  }),
  one(50, 'flush', { chunkBytes: fc.constantFrom(1_000_000, 1_000_000, 16_384, 1_000) }),
  one(24, 'advance', { ms: fc.constantFrom(0.5, 1, 400, 1_000, 2_500, 20_000), isPumping: fc.boolean() }),
  one(2, 'drain', { side, graceMs: fc.constantFrom(0, 1_000, 100_000) }),
  one(1, 'close', { side }),
  one(1, 'cut', {}),
  one(8, 'admit', {}),
)

/** Runs so many random sequences, or one again. */
export function runSequences(options: SequenceRunOptions): SequenceReport {
  const counts = { runCount: 0, stepCount: 0, callCount: 0, itemCount: 0 }
  const commands = fc.commands([step.map((value) => new StepCommand(value))], {
    maxCommands: MAX_STEPS,
    size: 'max',
    ...(options.replayPath === undefined ? {} : { replayPath: options.replayPath }),
  })
  const property = fc.property(setup, commands, (chosen, steps) => {
    options.onRun?.()
    const play = new Play(chosen, options.tamper)
    counts.runCount++
    fc.modelRun(() => ({ model: {}, real: play }), steps)
    play.run(() => play.finish())
    for (const call of play.model.calls.values()) {
      counts.callCount++
      counts.itemCount += call.opener.gotCount + call.acceptor.gotCount
    }
    for (const _ of steps) counts.stepCount++
  })
  const details = fc.check(property, {
    numRuns: options.runCount,
    seed: options.seed,
    // What is run again has been made as small as it gets before.
    ...(options.path === undefined ? {} : { path: options.path, endOnFailure: true }),
  })
  if (!details.failed) return { ...counts, failure: null }
  const [chosen, steps] = details.counterexample ?? []
  const replayPath = /replayPath="([^"]*)"/.exec(String(steps))?.[1] ?? ''
  const again = `--model 1 --seed ${details.seed >>> 0} --path ${details.counterexamplePath} --replay-path '${replayPath}'`
  const story = [`setup ${JSON.stringify(chosen)}`, ...[...(steps ?? [])].map(String)].join('\n')
  const { errorInstance } = details
  const cause = errorInstance instanceof Error ? errorInstance.stack : String(errorInstance)
  return { ...counts, failure: `${cause}\n${story}\nrun it again: npm run fuzz -- ${again}` }
}
