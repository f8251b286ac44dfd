import { data, RAW_FLAG, Random } from '@peerplex/testkit'
import type { SessionLimits } from '@peerplex/wire'
import { afterAll, describe, expect, it } from 'vitest'
import { type Sabotage, Simulation, type SimulationSettings } from './flow-simulation.js'
import type { SimulationResult } from './flow-simulation-judge.js'

const RUNS_PER_SEED = 50
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
/** Counters that begin at 0, and ones that pass 2^32 and 2^31 early in the run. */
const STARTS = [0, 2 ** 32 - 7_296, 2 ** 31 - 3_648]

/** The settings of one run; the same for the same seed and number. */
function settingsOf(seed: number, run: number): SimulationSettings {
  const random = new Random(seed * 1_000 + run)
  const isTiny = random.bool(0.1)
  return {
    seed: seed * 1_000 + run,
    channelCount: random.int(1, 40),
    maxMessagesPerFlow: isTiny ? 200 : 16,
    isTiny,
    hasCancels: !isTiny && random.bool(0.25),
    startAt: STARTS[run % 3] as number,
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

/** A run that is busy enough for any fault to show. */
function busySettings(
  seed: number,
  change: Partial<SimulationSettings> = {},
  maxOpenChannels = 8,
): SimulationSettings {
  const limits: Partial<SessionLimits> = {
    channelWindowBytes: 16_384,
    channelWindowMessages: 200,
    connectionWindowBytes: 65_536,
    maxUnreadBytes: 131_072,
    maxMessageBytes: 200_000,
    maxPartialMessages: 1,
    maxFrameBytes: 16_384,
    maxOpenChannels,
  }
  return {
    seed,
    channelCount: 30,
    maxMessagesPerFlow: 30,
    isTiny: false,
    hasCancels: false,
    startAt: 0,
    limits: [limits, limits],
    ...change,
  }
}

describe('flow control, simulated with real sessions', () => {
  const results: SimulationResult[] = []

  it.each(SEEDS)(
    'delivers everything without a stall, an overrun or too much memory in 50 random runs of seed %i [FLO-001] [FLO-002] [FLO-013] [FLO-016] [FLO-017] [FLO-018] [FLO-022]',
    { timeout: 60_000 },
    (seed) => {
      for (let run = 0; run < RUNS_PER_SEED; run++) results.push(new Simulation(settingsOf(seed, run)).run())
    },
  )

  it('came in those runs to withheld credit, to the limit of incomplete messages and to opens that wait', () => {
    const count = (of: (one: SimulationResult) => boolean) => results.filter(of).length
    expect(count((one) => one.hasWithheldCredit)).toBeGreaterThan(results.length / 20)
    expect(count((one) => one.hasFilledPartials)).toBeGreaterThan(results.length / 5)
    expect(count((one) => one.hasQueuedOpens)).toBeGreaterThan(results.length / 5)
    // Nobody comes near the economy limit by honest traffic.
    expect(Math.min(...results.map((one) => one.leastEconomy))).toBeGreaterThan(1_500)
  })

  afterAll(() => {
    const sum = (of: (one: SimulationResult) => number) => results.reduce((total, one) => total + of(one), 0)
    const most = (of: (one: SimulationResult) => number) => Math.max(...results.map(of))
    const count = (of: (one: SimulationResult) => boolean) => results.filter(of).length
    console.info(
      [
        `${results.length} runs, ${sum((one) => one.messageCount)} messages, ${sum((one) => one.payloadBytes)} bytes`,
        `${sum((one) => one.stepCount)} steps, most memory ${most((one) => one.maxMemoryBytes)}`,
        `${(100 * most((one) => one.maxMemoryShare)).toFixed(0)} % of its bound at most`,
        `most under assembly ${most((one) => one.maxAssemblingBytes)}`,
        `least economy ${-most((one) => -one.leastEconomy)}`,
        `credit withheld in ${count((one) => one.hasWithheldCredit)} runs`,
        `partials used up in ${count((one) => one.hasFilledPartials)}`,
        `opens queued in ${count((one) => one.hasQueuedOpens)}`,
      ].join(', '),
    )
  })
})

describe('the simulation, turned on broken sessions', () => {
  const sabotages: Record<
    string,
    [expected: RegExp, sabotage: Sabotage, change?: Partial<SimulationSettings>, opens?: number]
  > = {
    'a receiver that never grants channel credit': [
      /^STALL/,
      { onChannel: (channel) => Object.assign(channel.receiveCredit, { isDue: () => false }) },
    ],
    'a receiver that never grants connection credit': [
      /^STALL/,
      { onSession: (session) => Object.assign(session.channels.receiver.connection, { isDue: () => false }) },
    ],
    'a receiver that grants nothing for an incomplete message (no R1)': [
      /^STALL/,
      {
        onChannel: (channel) =>
          Object.defineProperty(channel.receiveCredit, 'partialBytes', { get: () => 0, set: () => {} }),
      },
    ],
    'a receiver that never announces returned slots': [
      /^STALL/,
      {
        onSession: (session) =>
          Object.assign(session.channels.slots, {
            isUrgent: () => false,
            isDue: () => false,
            grant: () => {},
          }),
      },
    ],
    'a receiver that goes on granting with its memory full (no R3)': [
      /^MEMORY/,
      {
        onSession: (session) =>
          Object.defineProperty(session.channels.receiver, 'withheldSinceMs', {
            get: () => -1,
            set: () => {},
          }),
      },
      { isTiny: true, maxMessagesPerFlow: 300, channelCount: 40 },
      1_024,
    ],
    'a sender that takes more than it was given': [
      /FLOW_CONTROL/,
      {
        onChannel: (channel, side) => {
          if (side === 0) channel.sendCredit.byteLimit += 500
        },
      },
    ],
    'a sender that forgets the 32 bytes of a message': [
      /FLOW_CONTROL/,
      {
        onChannel: (channel, side) => {
          const { sendCredit } = channel
          if (side === 0)
            sendCredit.charge = (bytes) => {
              sendCredit.bytesSent = (sendCredit.bytesSent + Math.max(0, bytes - 32)) | 0
            }
        },
      },
    ],
    'raw frames that nobody gave credit for': [
      /FLOW_CONTROL/,
      {
        onStep: (run) => {
          const channel = run.sessions[0].channels.table
            .snapshot()
            .find((one) => one.isLocal && one.outHead === null && run.sessions[1].channels.table.get(-one.id))
          if (channel?.state !== 'OPEN') return
          const frame = data({ chan: channel.id, flags: RAW_FLAG.MSG, payload: new Uint8Array(16_000) })
          run.pipes[0].push([frame, frame, frame])
        },
      },
    ],
  }

  it.each(Object.entries(sabotages))('reports %s', (_, [expected, sabotage, change, opens]) => {
    expect(() => new Simulation(busySettings(1, { ...change, sabotage }, opens)).run()).toThrow(expected)
    expect(() => new Simulation(busySettings(1, change, opens)).run()).not.toThrow()
  })
})
