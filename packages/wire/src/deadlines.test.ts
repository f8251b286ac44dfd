import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Deadline, DeadlineHeap } from './deadlines.js'

interface Item extends Deadline {
  readonly name: number
}

const item = (name: number, deadlineMs: number): Item => ({ name, deadlineMs, heapIndex: -1 })

describe('DeadlineHeap', () => {
  it('gives items in the order of their deadlines, and only when their time has come', () => {
    const heap = new DeadlineHeap<Item>()
    for (const [name, deadlineMs] of [50, 10, 40, 20, 30].entries()) heap.add(item(name, deadlineMs))
    expect([heap.size, heap.earliestMs]).toEqual([5, 10])
    expect(heap.takeExpired(9)).toBeUndefined()
    expect(heap.takeExpired(35)?.deadlineMs).toBe(10)
    expect(heap.takeExpired(35)?.deadlineMs).toBe(20)
    expect(heap.takeExpired(35)?.deadlineMs).toBe(30)
    expect(heap.takeExpired(35)).toBeUndefined()
    expect([heap.size, heap.earliestMs]).toEqual([2, 40])
  })

  it('an empty one has no earliest deadline', () => {
    const heap = new DeadlineHeap<Item>()
    expect(heap.earliestMs).toBe(Number.POSITIVE_INFINITY)
    expect(heap.takeExpired(Number.POSITIVE_INFINITY)).toBeUndefined()
  })

  it('removing leaves nothing behind, twice is once, and an outsider is left alone', () => {
    const heap = new DeadlineHeap<Item>()
    const items = [3, 1, 2].map((deadlineMs) => item(deadlineMs, deadlineMs))
    for (const one of items) heap.add(one)
    heap.remove(items[1] as Item)
    heap.remove(items[1] as Item)
    heap.remove(item(9, 0))
    expect([heap.size, heap.earliestMs]).toEqual([2, 2])
    expect(items.map((one) => one.heapIndex >= 0)).toEqual([true, false, true])
  })

  it('agrees with a sorted list whatever is added, removed and taken', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), at: fc.integer({ min: 0, max: 100 }) }),
      fc.record({ kind: fc.constant('remove' as const), at: fc.nat(60) }),
      fc.record({ kind: fc.constant('take' as const), at: fc.integer({ min: 0, max: 100 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const heap = new DeadlineHeap<Item>()
        const all: Item[] = []
        let live: Item[] = []
        for (const { kind, at } of steps) {
          if (kind === 'add') {
            const one = item(all.length, at)
            all.push(one)
            live.push(one)
            heap.add(one)
          } else if (kind === 'remove') {
            const one = all[at]
            if (one === undefined) continue
            live = live.filter((other) => other !== one)
            heap.remove(one)
          } else {
            const due = live.filter((one) => one.deadlineMs <= at).map((one) => one.deadlineMs)
            const taken = heap.takeExpired(at)
            expect(taken?.deadlineMs).toBe(due.length === 0 ? undefined : Math.min(...due))
            live = live.filter((one) => one !== taken)
          }
          expect(heap.size).toBe(live.length)
          expect(heap.earliestMs).toBe(
            Math.min(Number.POSITIVE_INFINITY, ...live.map((one) => one.deadlineMs)),
          )
          expect(all.every((one) => one.heapIndex >= 0 === live.includes(one))).toBe(true)
        }
      }),
      { numRuns: 300 },
    )
  })
})
