import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { checkLedger } from './checker.mjs'
import type { Line } from './ledger.mjs'
import { CORRUPTIONS } from './test/corruptions.js'
import { runOf, sampleLedger } from './test/sample-ledger.js'

const PROGRAM = fileURLToPath(new URL('checker-program.mjs', import.meta.url))

function broken(lines: Iterable<Line>): string[] {
  const { counts } = checkLedger(lines)
  return Object.keys(counts).filter((name) => counts[name as keyof typeof counts] > 0)
}

describe('the checker', () => {
  it('finds nothing wrong with a good ledger', () => {
    const verdict = checkLedger(sampleLedger())
    expect(verdict.violations).toEqual([])
    expect(verdict.isOk).toBe(true)
    expect(verdict.figures).toMatchObject({
      calls: 14,
      runs: 13,
      runsTwice: 1,
      unknown: 1,
      inFlight: 2,
      got: 9,
      took: 4,
      longestLateMs: 1,
      longestAbortMs: 2,
      byKind: { unary: { OK: 4, ERR: 1 }, down: { OK: 1, CANCELLED: 1, PARTIAL: 1 } },
    })
  })

  it.each(
    CORRUPTIONS.map(([corrupt, ...found]) => [corrupt.name, found.join(' and '), corrupt, found] as const),
  )('finds %s by %s alone', (_name, _invariants, corrupt, found) => {
    const lines = sampleLedger()
    corrupt(lines)
    expect(broken(lines)).toEqual(found)
    // Judging once, from lines that are gone afterwards, finds the same.
    expect(broken(lines.values())).toEqual(found)
  })

  it('shows the call and its lines', () => {
    const lines = [...sampleLedger(), runOf('a-6', 10_052)]
    const [violation] = checkLedger(lines).violations
    expect(violation).toMatchObject({ invariant: 'I3', id: 'a-6' })
    expect(violation?.lines.map(({ k }) => k)).toEqual(['start', 'settle', 'run'])
  })

  it('shows at most twenty of each, and counts all', () => {
    const lines = Array.from({ length: 50 }, (_, at) => ({ k: 'cancel', t: at, id: `a-${at}` }) as const)
    const verdict = checkLedger(lines)
    expect(verdict.violations).toHaveLength(20)
    expect(verdict.counts.I1).toBe(50)
  })

  it('lets no more calls be unknown than were in flight', () => {
    const lines = sampleLedger().filter(({ k }) => k !== 'fault')
    expect(checkLedger(lines)).toMatchObject({ isOk: false, isUnknownHigh: true, violations: [] })
    expect(checkLedger(lines, { isGated: false }).isOk).toBe(true)
  })

  it('does not hold against a process that it was killed while it stood still', () => {
    const lines: Line[] = [
      { k: 'start', t: 0, id: 'a-1', kind: 'unary', idempotent: true, timeoutMs: 500, items: 0 },
      { k: 'fault', t: 100, kind: 'freeze', target: 'a', count: 0, forMs: 3_000 },
      { k: 'fault', t: 2_000, kind: 'kill', target: 'a', count: 0 },
    ]
    expect(broken(lines)).toEqual([])
    // Awake it had time to end the call.
    expect(broken(lines.filter((line) => line.k !== 'fault' || line.kind !== 'freeze'))).toEqual(['I1'])
  })

  it('does not hold against a process that it was killed', () => {
    const lines = sampleLedger().filter((line) => !('id' in line && line.id === 'a-10' && line.k === 'abort'))
    expect(broken(lines)).toEqual(['I8'])
    expect(broken([...lines, { k: 'fault', t: 10_092, kind: 'kill', target: 'b', count: 0 }])).toEqual([])
    const unsettled = sampleLedger().filter((line) => !(line.k === 'settle' && line.id === 'a-14'))
    expect(broken(unsettled)).toEqual(['I1'])
    expect(broken([...unsettled, { k: 'fault', t: 10_131, kind: 'kill', target: 'a', count: 0 }])).toEqual([])
  })

  it('lets calls change their order that a lost connection gave back', () => {
    const lines = sampleLedger()
    const entry = CORRUPTIONS.find(([corrupt]) => corrupt.name === 'orderSwapped')
    entry?.[0](lines)
    expect(broken(lines)).toEqual(['I9'])
    // Given back while the younger one was under way already; before that it would have been ahead of it.
    expect(broken([...lines, { k: 'fault', t: 10_131, kind: 'lost', target: 'a', count: 0 }])).toEqual([])
    expect(broken([...lines, { k: 'fault', t: 10_121, kind: 'lost', target: 'a', count: 0 }])).toEqual(['I9'])
  })
})

describe('its program', () => {
  const folders: string[] = []
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
  })

  function run(files: Record<string, string>, ...args: string[]): { status: number | null; out: string } {
    const folder = mkdtempSync(join(tmpdir(), 'peerplex-ledger-'))
    folders.push(folder)
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, folder, ...args], {
      encoding: 'utf8',
    })
    return { status, out: stdout + stderr }
  }

  const text = (lines: Line[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('')
  const isOfCallee = ({ k }: Line): boolean => ['run', 'done', 'abort', 'took'].includes(k)

  it('reads all files of a folder, and lets the last line of each be cut off', () => {
    const lines = sampleLedger()
    const files = {
      'callee.jsonl': `${text(lines.filter(isOfCallee))}{"k":"do`,
      'caller.jsonl': text(lines.filter((line) => !isOfCallee(line))),
      'notes.txt': 'no ledger',
    }
    expect(run(files)).toMatchObject({ status: 0 })
    const { isOk, tornCount, figures } = JSON.parse(run(files, '--json').out)
    expect({ isOk, tornCount, lines: figures.lines }).toEqual({
      isOk: true,
      tornCount: 1,
      lines: lines.length,
    })
  })

  it('exits with 1 when an invariant is broken, and with 2 when it cannot judge', () => {
    const lines = [...sampleLedger(), runOf('a-6', 10_052)]
    const found = run({ 'all.jsonl': text(lines) })
    expect(found.status).toBe(1)
    expect(found.out).toContain('I3  BROKEN 1 times')
    expect(run({ 'all.jsonl': `{"k":"do\n${text(lines)}` }).status).toBe(2)
    expect(run({ 'all.jsonl': '{"k":"other"}\n' }).status).toBe(2)
    expect(run({}).status).toBe(2)
    expect(run({}, '--what').status).toBe(2)
  })
})
