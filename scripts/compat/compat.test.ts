import { describe, expect, it } from 'vitest'
import type { CaseResult, Outcome } from '../../packages/peerplex/test/behaviour/place.js'
import { cellOf } from './cells.mjs'
import { Child } from './children.mjs'
import { renderGrids } from './grid.mjs'
import { BadArgument, parseOptions } from './options.mjs'
import { NotInstalled, obtainRuntime } from './runtimes.mjs'

const passed: Outcome = { kind: 'pass', ms: 1 }

function result(name: string, outcome: Outcome): CaseResult {
  return { transport: 'tcp', side: 'dialing', name, outcome }
}

describe('a cell of the compatibility grid', () => {
  it('counts what ran, and tells what did not', () => {
    const results = [
      result('a', passed),
      result('b', { kind: 'not applicable', reason: 'no second peer' }),
      result('c', { kind: 'not applicable', reason: 'no second peer' }),
    ]
    expect(cellOf({ results, broken: [] }, ['bun'])).toEqual({
      kind: 'ran',
      passed: 1,
      total: 1,
      isFailure: false,
      notes: ['2 cases not applicable: no second peer'],
    })
  })

  it('is a failure when a case failed, the process broke down, or nothing ran', () => {
    const failed = result('a', { kind: 'fail', ms: 1, text: 'line one\n  line two' })
    const cell = cellOf({ results: [failed, failed], broken: [] }, ['bun'])
    expect(cell).toMatchObject({ passed: 0, total: 2, isFailure: true, notes: ["'a': line one | line two"] })
    expect(cellOf({ results: [result('a', passed)], broken: ['it hung'] }, ['bun'])).toMatchObject({
      isFailure: true,
      notes: ['it hung'],
    })
    expect(cellOf({ results: [], broken: [] }, ['bun']).isFailure).toBe(true)
  })
})

describe('a known gap', () => {
  const failed = result('a', { kind: 'fail', ms: 1, text: 'bad' })
  const gap = { runtime: 'bun', transport: 'tcp', cases: ['a'], reason: 'Bun lacks it' }

  it('is told, and is no failure', () => {
    const cell = cellOf({ results: [failed], broken: [] }, ['node20', 'bun'], [gap])
    expect(cell).toMatchObject({ passed: 0, total: 1, isFailure: false, notes: ['known: Bun lacks it'] })
  })

  it.each([
    { ...gap, runtime: 'deno' },
    { ...gap, transport: 'ws' },
    { ...gap, cases: ['b'] },
    { ...gap, side: 'listening' as const },
  ])('covers nothing else: %j', (other) => {
    expect(cellOf({ results: [failed], broken: [] }, ['bun'], [other]).isFailure).toBe(true)
  })
})

describe('the compatibility grid', () => {
  const ran = { kind: 'ran', passed: 3, total: 3, isFailure: false, notes: [] } as const
  const failed = { kind: 'ran', passed: 2, total: 3, isFailure: true, notes: ['it hung', 'gone'] } as const
  const absent = { kind: 'not applicable', reason: 'gone' } as const

  it('aligns columns and numbers equal notes once', () => {
    const rows = [
      { title: 'Bun 1', cells: { tcp: ran, ws: failed } },
      { title: 'Deno 2.10', cells: { tcp: absent, ws: ran } },
    ]
    expect(renderGrids([{ title: 'x', columns: ['tcp', 'ws'], rows }])).toBe(
      [
        'x          tcp   ws',
        '---------  ----  -----------',
        'Bun 1      3/3   FAIL 2/3¹,²',
        'Deno 2.10  n/a²  3/3',
        '',
        '¹ it hung',
        '² gone',
        '',
      ].join('\n'),
    )
  })

  it('has no empty cell', () => {
    const rows = [{ title: 'Bun 1', cells: { tcp: ran } }]
    expect(() => renderGrids([{ title: 'x', columns: ['tcp', 'ws'], rows }])).toThrow('empty cell')
  })
})

describe('arguments of the compatibility run', () => {
  const parse = (...args: string[]) => parseOptions(args, ['bun', 'deno'], ['tcp', 'ws'])

  it('are read', () => {
    expect(parse('--only', 'deno,bun', '--transports', 'ws', '--json', 'out.json', '--short')).toEqual({
      only: ['deno', 'bun'],
      transports: ['ws'],
      jsonFile: 'out.json',
      isShort: true,
      isHelp: false,
    })
  })

  it.each([
    [['--fast']],
    [['bun']],
    [['--only']],
    [['--only', 'node4']],
    [['--transports', 'udp']],
    [['--json', '--short']],
  ])('refuses %j', (args) => {
    expect(() => parse(...args)).toThrow(BadArgument)
  })
})

describe('a runtime of the compatibility run', () => {
  it('that cannot be had says why', async () => {
    const runtime = { id: 'x', title: 'X', version: '1', packages: {}, program: () => 'x', args: [], env: {} }
    const obtained = obtainRuntime(runtime, { mayFetch: true, progress: () => {} })
    await expect(obtained).rejects.toThrow(/^no package has X 1 for /)
    await expect(obtained).rejects.toBeInstanceOf(NotInstalled)
  })

  it('that says nothing is ended', async () => {
    const program = { command: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'], env: {} }
    const child = new Child(program, { cwd: '.', silenceMs: 1, onLine: () => {} })
    expect(await child.ended).toMatchObject({ signal: 'SIGKILL', isHung: true })
  })

  it('that crashes is quoted, and what is no JSON on its output', async () => {
    const lines: unknown[] = []
    const code = `console.log('{"a":1}'); console.log('a log'); throw new Error('it broke')`
    const program = { command: process.execPath, args: ['-e', code], env: {} }
    const child = new Child(program, { cwd: '.', silenceMs: 60_000, onLine: (line) => lines.push(line) })
    const end = await child.ended
    expect(lines).toEqual([{ a: 1 }])
    expect(end).toMatchObject({ code: 1, signal: null, isHung: false })
    expect(end.stderr).toContain('a log')
    expect(end.stderr).toContain('it broke')
  })

  it('that is not there is told', async () => {
    const child = new Child(
      { command: './there-is-no-such-program', args: [], env: {} },
      { cwd: '.', silenceMs: 60_000, onLine: () => {} },
    )
    const end = await child.ended
    expect(end.code).not.toBe(0)
    expect(end.stderr).toContain('ENOENT')
  })
})
