import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { ArgumentError, makePlan, parseArguments } from './arguments.mjs'
import { chartOf, writeCharts } from './charts.mjs'
import { ENTRIES } from './entries.mjs'
import { gateDecision, levelsOf } from './gate.mjs'
import type { Entry, Workload } from './interface.mjs'
import { doubts, formatNumber, judge, workloadTable } from './report.mjs'
import { playRounds } from './rounds.mjs'
import { answerOf, median, type Run, spread, summarize, valuesOf } from './statistics.mjs'
import { chartsSvg } from './svg.mjs'
import { TARGETS, verdict } from './targets.mjs'
import { WORKLOADS } from './workloads.mjs'

function workload(name: string): Workload {
  const found = WORKLOADS.find((row) => row.name === name)
  if (!found) throw new Error(`no workload ${name}`)
  return found
}

function entries(...names: string[]): Entry[] {
  return names.map((name) => {
    const found = ENTRIES.find((row) => row.name === name)
    if (!found) throw new Error(`no entry ${name}`)
    return found
  })
}

/** Runs of one workload: for each entry its rate in each round; null is a round that failed. */
function runsOf(rates: Record<string, (number | null)[]>, cpuUs = 1): Run[] {
  return Object.entries(rates).flatMap(([entry, values]) =>
    values.map((rate, index) => ({
      workload: 'c64',
      entry,
      round: index + 1,
      ...(rate === null
        ? { error: 'it fell over' }
        : { result: { rate, clientCpuUs: cpuUs, serverCpuUs: cpuUs } }),
    })),
  )
}

describe('statistics', () => {
  it('takes the middle, or the mean of both middles', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(summarize([])).toBeNull()
  })

  it('divides within a round and takes the median of the ratios, not the ratio of the medians', () => {
    const runs = runsOf({ raw: [100, 1_000, 400], peerplex: [50, 900, 100] })
    const question = { workload: 'c64', entry: 'peerplex', figure: 'rate', over: ['raw'] }
    expect(valuesOf(runs, question)).toEqual([0.5, 0.9, 0.25])
    // The medians themselves are 100 and 400.
    expect(answerOf(runs, question)?.median).toBe(0.5)
  })

  it('divides by the better one of two, round by round', () => {
    const runs = runsOf({ raw: [100, 300], 'raw-early': [200, 100], peerplex: [100, 150] })
    const question = { workload: 'c64', entry: 'peerplex', figure: 'rate', over: ['raw', 'raw-early'] }
    expect(valuesOf(runs, question)).toEqual([0.5, 0.5])
  })

  it('leaves out rounds in which one of both failed', () => {
    const runs = runsOf({ raw: [100, null, 100], peerplex: [50, 50, null] })
    expect(valuesOf(runs, { workload: 'c64', entry: 'peerplex', figure: 'rate', over: ['raw'] })).toEqual([
      0.5,
    ])
  })

  it('adds the processor time of both sides', () => {
    const runs = runsOf({ peerplex: [50] }, 2)
    expect(valuesOf(runs, { workload: 'c64', entry: 'peerplex', figure: 'cpuUs' })).toEqual([4])
  })

  it('takes one figure off another', () => {
    const runs = runsOf({ node: [50, 60], peerplex: [70, 75] })
    const question = { workload: 'c64', entry: 'peerplex', figure: 'rate', minus: 'node' }
    expect(valuesOf(runs, question)).toEqual([20, 15])
  })

  it('says how far the rounds are apart', () => {
    expect(spread({ median: 10, min: 9, max: 12, count: 3 })).toBeCloseTo(0.3)
  })
})

describe('arguments', () => {
  it('has defaults', () => {
    expect(parseArguments([])).toMatchObject({ quick: false, only: [], rounds: 5, gate: false })
    expect(parseArguments(['--quick']).rounds).toBe(3)
    expect(parseArguments(['--quick', '--gate']).rounds).toBe(5)
    expect(parseArguments(['--', '--rounds', '2', '--only', 'c64,ws']).only).toEqual(['c64', 'ws'])
  })

  it.each([
    [['--fast'], /--fast/],
    [['c64'], /c64/],
    [['--rounds', '0'], /--rounds is 0/],
    [['--rounds', 'many'], /--rounds is many/],
    [['--rounds', '1.5'], /--rounds is 1.5/],
    [['--only', ','], /--only names nothing/],
    [['--json'], /--json/],
    [['--gate', '--rounds', '3'], /at least 5/],
  ])('refuses %j', (args, words) => {
    expect(() => parseArguments(args)).toThrow(ArgumentError)
    expect(() => parseArguments(args)).toThrow(words)
  })

  const plan = (only: string[], quick = false) =>
    makePlan({ only, quick }, WORKLOADS, ENTRIES).map((part) => ({
      name: part.workload.name,
      entries: part.entries.map((entry) => entry.name),
      timing: part.timing,
    }))

  it('plans everything, or what is named with what it is measured by', () => {
    expect(plan([]).map(({ name }) => name)).toEqual(WORKLOADS.map(({ name }) => name))
    expect(plan(['c64', 'peerplex'])).toMatchObject([
      { name: 'c64', entries: ['raw', 'raw-early', 'peerplex'] },
    ])
    expect(plan(['ws64', 'peerplex-*'])).toMatchObject([{ name: 'ws64', entries: ['peerplex-ws', 'ws'] }])
    expect(plan(['stream*']).map(({ name }) => name)).toEqual(['stream', 'streams64'])
  })

  it('refuses a name that is neither, and names that do not meet', () => {
    expect(() => plan(['c64', 'gprc*'])).toThrow(/gprc\*: neither a workload nor a peer/)
    expect(() => plan(['paused', 'cote'])).toThrow(/no such peer takes part/)
  })

  it('warms up longer where the slow starter takes part', () => {
    expect(plan(['c64', 'grpc-js'])[0]?.timing.warmupMs).toBe(4_000)
    expect(plan(['c64', 'ws'])[0]?.timing.warmupMs).toBe(1_200)
  })

  it('keeps quick short', () => {
    const parts = plan([], true)
    const runs = parts.reduce((sum, part) => sum + part.entries.length, 0)
    // Three rounds of about 2 s each.
    expect(runs * 3 * 2).toBeLessThan(180)
    expect(new Set(parts.flatMap((part) => part.entries))).toEqual(
      new Set(['raw', 'raw-early', 'peerplex', 'peerplex-bytes', 'peerplex-iterator', 'ws', 'grpc-js']),
    )
  })
})

describe('lists', () => {
  it('name only what there is', () => {
    const names = new Set(WORKLOADS.map((row) => row.name))
    expect(ENTRIES.flatMap((entry) => entry.workloads).filter((name) => !names.has(name))).toEqual([])
    const takesPart = (name: string, entry: string) =>
      ENTRIES.some((row) => row.name === entry && row.workloads.includes(name))
    const asked = TARGETS.flatMap(({ workload: name, entry, over = [], minus }) =>
      [entry, ...over, ...(minus === undefined ? [] : [minus])].map((who) => [name, who] as const),
    )
    expect(asked.filter(([name, who]) => !takesPart(name, who))).toEqual([])
  })

  it('have goals that are not easier than what must be', () => {
    const easier = TARGETS.filter(({ is, must, goal }) => (is === 'atLeast' ? goal < must : goal > must))
    expect(easier).toEqual([])
  })

  it('pin every package that an entry needs', () => {
    const { optionalDependencies: dependencies } = JSON.parse(
      readFileSync(new URL('peers/package.json', import.meta.url), 'utf8'),
    )
    const needed = new Set(ENTRIES.flatMap((entry) => entry.packages))
    expect(Object.keys(dependencies).sort()).toEqual([...needed].sort())
    for (const version of Object.values(dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/)
  })

  it('say of every peer what it carries', () => {
    for (const { file } of ENTRIES.filter((entry) => entry.file !== 'none')) {
      expect(readFileSync(new URL(`peers/${file}.mjs`, import.meta.url), 'utf8')).toMatch(
        /^\/\/ Owns: .*\n(\/\/ .*\n)*\/\/ Payload: /,
      )
    }
  })
})

describe('rounds', () => {
  const play = async (rounds: number, obstacle = () => null as { error: string } | null) => {
    const runs: Run[] = []
    const plan = makePlan({ only: ['c64', 'ws'], quick: false }, WORKLOADS, ENTRIES)
    const runOnce = async () => ({ result: { rate: 1 } })
    for await (const part of playRounds(plan, rounds, { runOnce, obstacle, progress: () => {} }))
      runs.push(...part.runs)
    return runs
  }

  it('have every entry once, each time from another one on', async () => {
    const order = (await play(2)).map((run) => `${run.round} ${run.entry}`)
    expect(order).toEqual(['1 raw', '1 raw-early', '1 ws', '2 raw-early', '2 ws', '2 raw'])
  })

  it('keep what cannot run as an error', async () => {
    const runs = await play(1, () => ({ error: 'not installed' }))
    expect(runs.map((run) => run.error)).toEqual(['not installed', 'not installed', 'not installed'])
  })
})

describe('tables', () => {
  const runs = [
    ...runsOf({ raw: [1_000, 1_000], peerplex: [700, 900], ws: [null, 10] }),
    { workload: 'c64', entry: 'nats', round: 1, skipped: 'nats-server is not on PATH' },
  ]
  const text = workloadTable(workload('c64'), entries('raw', 'peerplex', 'ws', 'nats'), runs)

  it('show median, range and ratio', () => {
    expect(text).toMatch(/peerplex +object, MessagePack +800 \[700-900\] +0\.8 \[0\.7-0\.9\]/)
  })

  it('drop nobody who failed or was left out', () => {
    expect(text).toContain('ERROR ws, 1 of 2 rounds: it fell over')
    expect(text).toContain('SKIPPED nats: nats-server is not on PATH')
    expect(text).toMatch(/nats +object, JSON; bytes when large +-/)
  })

  it('judge the targets for which all took part', () => {
    expect(judge(runs).map(({ what, over, verdict: reached }) => [what, over, reached])).toEqual([
      ['rate', ['raw'], 'met'],
      ['CPU per call', ['raw'], 'goal'],
    ])
    expect(text).toMatch(/rate \/ raw +0\.8 \[0\.7-0\.9\] +must >= 0\.65 +goal >= 0\.82 +ok/)
  })

  it('mark what moved too much, and a machine that was busy', () => {
    const calm = { cpus: 2, loadAtStart: 0.1 }
    const noisy = runsOf({ raw: [100, 100], peerplex: [40, 90] })
    expect(workloadTable(workload('c64'), entries('raw', 'peerplex'), noisy)).toContain('0.65 [0.4-0.9]~')
    expect(doubts([workload('c64')], noisy, calm)).toEqual([expect.stringContaining('1 of 2 ratios moved')])
    expect(doubts([workload('c64')], runs, calm)).toEqual([])
    expect(doubts([workload('c64')], runsOf({ raw: [1] }), calm)).toEqual([
      expect.stringContaining('one round only'),
    ])
    expect(doubts([workload('c64')], runs, { cpus: 2, loadAtStart: 3 })).toEqual([
      expect.stringContaining('load average was 3.00 on 2 processors'),
    ])
  })

  it('have verdicts in both directions', () => {
    const bounds = { what: '', workload: '', entry: '', figure: '' }
    const most = (value: number) => verdict({ ...bounds, is: 'atMost', must: 2, goal: 1 }, value)
    const least = (value: number) => verdict({ ...bounds, is: 'atLeast', must: 1, goal: 2 }, value)
    expect([most(1), most(2), most(2.1)]).toEqual(['goal', 'met', 'missed'])
    expect([least(2), least(1), least(0.9)]).toEqual(['goal', 'met', 'missed'])
  })

  it('write numbers with three digits that count', () => {
    expect([1_234_567, 99.96, 0.01234, 0, -5].map(formatNumber)).toEqual([
      '1,234,567',
      '100',
      '0.0123',
      '0',
      '-5',
    ])
  })
})

describe('gate', () => {
  const workloads = [workload('c64'), workload('sequential')]

  it('looks at ratios and processor time, not at rates', () => {
    const fast = runsOf({ raw: [1_000], peerplex: [700] })
    const slow = runsOf({ raw: [100], peerplex: [70] })
    expect(levelsOf(workloads, fast)).toEqual({ 'c64/peerplex': { ratio: 0.7, cpuRatio: 1 } })
    expect(levelsOf(workloads, slow)).toEqual(levelsOf(workloads, fast))
  })

  it.each([
    ['c64/peerplex', { ratio: 0.6 }, 0],
    ['c64/peerplex', { ratio: 0.59 }, 1],
    ['c64/peerplex', { ratio: 2 }, 0],
    ['c64/peerplex', { cpuRatio: 2.29 }, 0],
    ['c64/peerplex', { cpuRatio: 2.31 }, 1],
    ['c64/peerplex', { cpuRatio: 0.1 }, 0],
    ['sequential/peerplex', { ratio: 0.81 }, 1],
    ['sequential/peerplex', { ratio: 0.1 }, 0],
  ])('judges %s with %j', (name, change, failures) => {
    const baseline = { [name]: { ratio: 0.7, cpuRatio: 2 } }
    const now = { [name]: { ratio: 0.7, cpuRatio: 2, ...change } }
    expect(gateDecision(workloads, baseline, now).failures).toHaveLength(failures)
  })

  it('fails what could be measured once and cannot now, and names what it knows nothing of', () => {
    const baseline = { 'c64/peerplex': { ratio: 0.7 } }
    const now = levelsOf(workloads, runsOf({ raw: [1], peerplex: [null], 'peerplex-bytes': [1] }))
    const { failures, unknown } = gateDecision(workloads, baseline, now)
    expect(failures).toEqual(['c64/peerplex: ratio was 0.700, now it could not be measured'])
    expect(unknown).toEqual(['c64/peerplex-bytes'])
  })
})

describe('charts', () => {
  const folders: string[] = []
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
  })

  /** Names of elements that are not closed in order, or attributes that are not quoted. */
  function malformed(svg: string): string[] {
    const open: string[] = []
    const problems: string[] = []
    for (const [tag, closing, name, rest] of svg.matchAll(/<(\/?)([\w-]*)([^<>]*)>/g)) {
      if (closing) {
        if (open.pop() !== name) problems.push(tag)
      } else {
        if (!/^( [\w-]+="[^"]*")*\/?$/.test(rest ?? '')) problems.push(tag)
        if (!rest?.endsWith('/')) open.push(String(name))
      }
    }
    const text = svg.replace(/<[^<>]*>/g, '')
    if (/[<>]|&(?!#\d+;)/.test(text)) problems.push(text)
    return [...problems, ...open]
  }

  const bars = [
    { label: 'a < b & "c"', note: '', value: 2, text: '2', isOwn: true },
    { label: 'gone', note: 'x', value: null, text: 'failed', isOwn: false },
  ]

  it.each(['light', 'dark'] as const)('are well-formed, %s', (theme) => {
    const svg = chartsSvg([{ title: 'One & only', unit: 'per second', bars }], theme)
    expect(malformed(svg)).toEqual([])
    expect(svg).toContain('a &#60; b &#38; &#34;c&#34;')
    expect(malformed(`${svg}<g>`)).toEqual(['g'])
  })

  it('are drawn without any value too', () => {
    const svg = chartsSvg([{ title: 't', unit: 'u', bars: bars.slice(1) }], 'light')
    expect(malformed(svg)).toEqual([])
    expect(svg).not.toContain('NaN')
  })

  it('put the best first and what failed last', () => {
    const part = {
      workload: workload('c64'),
      entries: entries('raw', 'ws', 'peerplex'),
      timing: { warmupMs: 1, measureMs: 1 },
    }
    const chart = chartOf(part, runsOf({ raw: [1], peerplex: [2], ws: [null] }))
    expect(chart.bars.map((bar) => [bar.label, bar.text])).toEqual([
      ['peerplex', '2'],
      ['raw', '1'],
      ['ws', 'failed'],
    ])
  })

  it('go into one file or one for each workload, light and dark', () => {
    const folder = mkdtempSync(join(tmpdir(), 'bench-charts-'))
    folders.push(folder)
    const charts = new Map([['c64', { title: 't', unit: 'u', bars }]])
    writeCharts(join(folder, 'all.svg'), charts)
    writeCharts(join(folder, 'each'), charts)
    expect(readdirSync(folder, { recursive: true }).sort()).toEqual(
      ['all-dark.svg', 'all.svg', 'each', 'each/c64-dark.svg', 'each/c64.svg'].map((path) => join(path)),
    )
  })
})
