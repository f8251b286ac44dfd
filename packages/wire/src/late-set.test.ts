import { Random } from '@peerplex/testkit'
import { expect, it } from 'vitest'
import { LateSet } from './late-set.js'

it('does what a Set does, empty or not', () => {
  const random = new Random(4)
  const late = new LateSet<number>()
  const model = new Set<number>()
  for (let step = 0; step < 2_000; step++) {
    const item = random.int(0, 12)
    const action = random.int(0, 9)
    if (action < 4) {
      late.add(item)
      model.add(item)
    } else if (action < 9) expect(late.delete(item)).toBe(model.delete(item))
    else {
      late.clear()
      model.clear()
    }
    expect(late.size).toBe(model.size)
    expect([...late]).toEqual([...model])
  }
})

it('may be changed while somebody goes through it', () => {
  const late = new LateSet<number>()
  for (const item of [1, 2, 3]) late.add(item)
  const seen: number[] = []
  for (const item of late) {
    seen.push(item)
    late.delete(item)
    if (item === 3) late.add(4)
  }
  expect([seen, late.size]).toEqual([[1, 2, 3, 4], 0])
})
