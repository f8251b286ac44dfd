import { Random } from '@peerplex/testkit'
import type { SessionLimits } from '@peerplex/wire'
import { afterAll, describe, expect, it } from 'vitest'
import { Simulation, type SimulationResult, type SimulationSettings } from './flow-simulation.js'

const RUNS_PER_SEED = 50
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]

/** The settings of one run; the same for the same seed and number. */
function settingsOf(seed: number, run: number): SimulationSettings {
  const random = new Random(seed * 1_000 + run)
  const isTiny = random.bool(0.1)
  const hasCancels = !isTiny && random.bool(0.25)
  return {
    seed: seed * 1_000 + run,
    channelCount: random.int(1, 40),
    maxMessagesPerFlow: isTiny ? 120 : 12,
    isTiny,
    hasCancels,
    startAt: [0, 2 ** 32 - 7_296, 2 ** 31 - 3_648][run % 3] as number,
    limits: [limitsOf(random, run), limitsOf(random, run + 1)],
  }
}

function limitsOf(random: Random, run: number): Partial<SessionLimits> {
  return {
    channelWindowBytes: [16_384, 32_768, 65_536][run % 3] as number,
    channelWindowMessages: random.pick([1, 4, 64]),
    connectionWindowBytes: [65_536, 131_072][run % 2] as number,
    maxUnreadBytes: 131_072,
    maxMessageBytes: random.pick([65_536, 200_000]),
    maxPartialMessages: random.pick([1, 4, 16]),
    maxFrameBytes: random.pick([16_384, 65_536]),
    maxHeaderBytes: random.pick([4_096, 16_384]),
    maxOpenChannels: random.pick([4, 16, 1_024]),
    quantumBytes: random.pick([4_096, 16_384]),
  }
}

describe('flow control, simulated with real sessions', () => {
  const results: SimulationResult[] = []

  it.each(SEEDS)(
    'neither stalls nor overruns nor exceeds its memory in 50 random runs of seed %i',
    (seed) => {
      for (let run = 0; run < RUNS_PER_SEED; run++) results.push(new Simulation(settingsOf(seed, run)).run())
    },
  )

  afterAll(() => {
    const sum = (of: (one: SimulationResult) => number) => results.reduce((total, one) => total + of(one), 0)
    const most = (of: (one: SimulationResult) => number) =>
      results.reduce((top, one) => Math.max(top, of(one)), 0)
    console.info(
      `${results.length} runs, ${sum((one) => one.messageCount)} messages, ${sum((one) => one.payloadBytes)} bytes, ` +
        `${sum((one) => one.stepCount)} steps, most memory ${most((one) => one.maxMemoryBytes)} ` +
        `(${(100 * most((one) => one.maxMemoryShare)).toFixed(0)} % of the bound), ` +
        `most assembling ${most((one) => one.maxAssemblingBytes)}, least economy ${2_000 - most((one) => 2_000 - one.leastEconomy)}`,
    )
  })
})
