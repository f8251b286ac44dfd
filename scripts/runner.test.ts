import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { countReporter } from './count-reporter.mjs'
import { countTests, runSteps, type Step } from './runner.mjs'

async function run(steps: Step[]) {
  const lines: string[] = []
  const executed: string[] = []
  const code = await runSteps(steps, {
    execute: ([name]) => {
      executed.push(String(name))
      return !name?.startsWith('bad')
    },
    print: (line) => lines.push(line),
    now: () => 0,
  })
  return { code, lines, executed, last: lines.at(-1) }
}

describe('runSteps', () => {
  it('counts a step as one check and ends with the sum', async () => {
    const { code, last } = await run([
      { title: 'a', command: ['a'] },
      { title: 'b', command: ['b'], count: () => ({ passed: 40, failed: 0, skipped: [] }) },
    ])
    expect(last).toBe('41 passed, 0 failed')
    expect(code).toBe(0)
  })

  it('goes on after a failing step', async () => {
    const { code, last, executed, lines } = await run([
      { title: 'a', command: ['bad a'] },
      { title: 'b', command: ['b'] },
    ])
    expect(executed).toEqual(['bad a', 'b'])
    expect(lines).toContain('failed: a')
    expect(last).toBe('1 passed, 1 failed')
    expect(code).toBe(1)
  })

  it('leaves out what needs a broken step, and what needs that, and counts them as failed', async () => {
    const { executed, last, lines } = await run([
      { title: 'build', command: ['bad build'] },
      { title: 'types', command: ['types'], needs: ['build'] },
      { title: 'report', command: ['report'], needs: ['types'] },
      { title: 'lint', command: ['lint'] },
    ])
    expect(executed).toEqual(['bad build', 'lint'])
    expect(lines).toContain('failed: types (not run: "build" failed)')
    expect(last).toBe('1 passed, 3 failed')
  })

  it('names what was skipped above the last line', async () => {
    const { lines } = await run([
      {
        title: 'a',
        command: ['a'],
        count: () => ({ passed: 1, failed: 0, skipped: ['a browser: none found'] }),
      },
    ])
    expect(lines.slice(-2)).toEqual(['skipped: a browser: none found', '1 passed, 0 failed'])
  })

  it('fails when nothing ran', async () => {
    expect((await run([])).code).toBe(1)
  })
})

describe('countTests', () => {
  const counts = { passed: 2, failed: 0, skipped: ['x'] }

  it('takes the report of a good run as it is', () => {
    expect(countTests(counts, true)).toEqual(counts)
  })

  it('adds a failure when the run ended badly though no test failed', () => {
    expect(countTests(counts, false)).toMatchObject({ passed: 2, failed: 1 })
  })

  it('does not count a failing test twice', () => {
    expect(countTests({ ...counts, failed: 3 }, false)).toMatchObject({ passed: 2, failed: 3 })
  })

  it('fails without a report and without a test', () => {
    expect(countTests(null, true)).toMatchObject({ passed: 0, failed: 1 })
    expect(countTests({ passed: 0, failed: 0, skipped: ['x'] }, true)).toMatchObject({
      failed: 1,
      skipped: ['x'],
    })
  })
})

describe('countReporter', () => {
  it('counts tests, files that cannot be loaded and stray errors, and keeps the reason of a skip', () => {
    const test = (fullName: string, state: string, note?: string) => ({
      fullName,
      result: () => ({ state, note }),
    })
    const module = (path: string, tests: object[], errors: object[] = []) => ({
      moduleId: path,
      errors: () => errors,
      children: { allTests: () => tests },
    })
    const dir = mkdtempSync(join(tmpdir(), 'peerplex-'))
    const file = join(dir, 'deep/counts.json')
    const modules = [
      module('/r/a.test.ts', [
        test('one', 'passed'),
        test('two', 'failed'),
        test('three', 'skipped', 'no browser'),
      ]),
      module('/r/b.test.ts', [test('four', 'skipped')], [{}]),
    ]
    try {
      countReporter({ file, root: '/r' }).onTestRunEnd?.(modules as any, [{}] as any, 'failed')
      expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
        passed: 1,
        failed: 3,
        skipped: ['a.test.ts > three: no browser', 'b.test.ts > four: no reason given'],
      })
    } finally {
      rmSync(dir, { recursive: true })
    }
  })
})
