// A conversation is cut by a reset after every single byte, in either direction: nothing hangs, nothing is unhandled, and
// everybody is told in words of this library, or right.
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Programs } from './programs.js'
import { HANG_MS } from './support.js'

vi.setConfig({ testTimeout: 6 * HANG_MS, hookTimeout: HANG_MS })

const programs = new Programs()
let program = ''

beforeAll(async () => {
  program = await programs.make('cut-program')
})
afterEach(() => programs.end())
afterAll(() => programs.dispose())

describe.each([
  ['dialing', 1],
  ['listening', 3],
] as const)('when the %s side talks, over TCP', (talker, step) => {
  it(`a reset after every ${step === 1 ? 'byte' : `${step} bytes`} leaves nobody waiting`, async () => {
    const child = programs.start(program, [talker, String(step)])
    const report = await child.line(5 * HANG_MS)
    console.log(`${talker}: ${JSON.stringify(report)}`)
    expect(report.problems).toEqual([])
    expect([report.runningHandlers, report.unreported]).toEqual([0, 0])
    expect(report.total.up + report.total.down).toBeGreaterThan(1_800)
    // How much is said depends a little on the moment: a few late cuts may find the conversation over.
    expect(report.cuts).toBeGreaterThan(report.planned * 0.9)
    expect(await child.exited()).toBe(0)
    expect(child.stderr).toBe('')
  })
})
