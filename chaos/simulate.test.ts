import { beforeAll, describe, expect, it } from 'vitest'
import { type Simulation, simulate } from './simulate.mjs'

const FAULTS = 150

describe('the simulation', () => {
  let first: Simulation
  let second: Simulation
  beforeAll(async () => {
    first = await simulate({ faults: FAULTS, seed: 1 })
    second = await simulate({ faults: FAULTS, seed: 2 })
  })

  it('holds all invariants under faults, and leaves nothing behind', () => {
    for (const { verdict, errors, timersLeft, isOk } of [first, second]) {
      expect(verdict.violations).toEqual([])
      expect(verdict.isUnknownHigh).toBe(false)
      expect({ errors, timersLeft, isOk }).toEqual({ errors: [], timersLeft: 0, isOk: true })
    }
  })

  it('has calls of all kinds, which end in all ways, under faults of all kinds', () => {
    const { byKind } = first.verdict.figures
    expect(Object.keys(byKind).sort()).toEqual(['down', 'oneway', 'unary', 'up'])
    const outcomes = new Set(Object.values(byKind).flatMap((counts) => Object.keys(counts)))
    for (const outcome of ['OK', 'ERR', 'NOT_SENT', 'UNKNOWN', 'PARTIAL', 'CANCELLED', 'DEADLINE']) {
      expect(outcomes, outcome).toContain(outcome)
    }
    const faults = new Set([first, second].flatMap(({ verdict }) => Object.keys(verdict.figures.faults)))
    for (const fault of [
      'cut',
      'reset',
      'halfOpen',
      'halfClose',
      'hold',
      'spoil',
      'kill',
      'drain',
      'freeze',
    ]) {
      expect(faults, fault).toContain(fault)
    }
    expect(first.verdict.figures.calls).toBeGreaterThan(FAULTS * 5)
    // The timing of cancels was judged at all.
    expect(first.verdict.figures.cancelsTimed).toBeGreaterThan(0)
  })

  it('does the same again with the same seed, byte for byte, and something else with another', async () => {
    const again = await simulate({ faults: FAULTS, seed: 1 })
    expect(text(again) === text(first)).toBe(true)
    expect(text(second) === text(first)).toBe(false)
  })
})

function text({ lines }: Simulation): string {
  return lines.map((line) => JSON.stringify(line)).join('\n')
}
