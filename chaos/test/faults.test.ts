import { describe, expect, it } from 'vitest'
import { Chance } from '../processes/chance.mjs'
import { drawFault, FAULT_NAMES, shuffledDeck } from '../processes/faults.mjs'
import { KNOWN_BAD, waysOf } from '../processes/known-bad.mjs'
import { makePlan } from '../processes/plan.mjs'

const draw = (seed: number) => {
  const chance = new Chance(seed, 'faults')
  return shuffledDeck(chance, FAULT_NAMES).map((kind) => drawFault(kind, chance, 2_000))
}

describe('faults', () => {
  it('are the same for the same seed, and others for another', () => {
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
  })

  it('come in rows with every kind', () => {
    expect(new Set(shuffledDeck(new Chance(1), FAULT_NAMES))).toEqual(new Set(FAULT_NAMES))
  })

  it('outlast the idle time where silence is the point', () => {
    const chance = new Chance(3)
    for (const kind of ['halfOpen', 'freezeLong'] as const) {
      expect(drawFault(kind, chance, 2_000).fault.forMs).toBeGreaterThan(2_000)
    }
  })
})

describe('a plan', () => {
  it('has somebody on every transport, and one that dials the callers', () => {
    const { callers, callees } = makePlan(['tcp', 'unix', 'ws'], 2)
    expect(callers).toHaveLength(2)
    expect(callees.filter(({ isReversed }) => !isReversed).map(({ transport }) => transport)).toEqual([
      'tcp',
      'unix',
      'ws',
    ])
    expect(callees.filter(({ isReversed }) => isReversed)).toHaveLength(1)
  })

  it('has two that listen even on one transport', () => {
    expect(makePlan(['ws'], 1).callees.filter(({ isReversed }) => !isReversed)).toHaveLength(2)
  })
})

describe('known-bad variants', () => {
  const unused = (): never => {
    throw new Error('nobody calls this')
  }

  it('are wrapped around a good peer only when they are asked for', () => {
    const good = { call: unused, notify: unused, stream: unused }
    expect(waysOf('', good).calls).toBe(good)
    for (const name of Object.keys(KNOWN_BAD)) {
      const { calls, settleWith } = waysOf(name, good)
      expect(calls !== good || settleWith !== waysOf('', good).settleWith).toBe(true)
    }
  })

  it('hand an end over once, but for the one that does it twice', () => {
    const counts = Object.keys(KNOWN_BAD).map((name) => {
      const { settleWith } = waysOf(name, { call: unused, notify: unused, stream: unused })
      let count = 0
      for (let at = 0; at < 100; at++) settleWith(() => count++)
      return [name, count]
    })
    expect(Object.fromEntries(counts)).toMatchObject({ 'retry-everything': 100, 'reuse-call-id': 100 })
    expect(Object.fromEntries(counts)['resolve-twice']).toBeGreaterThan(100)
  })
})
