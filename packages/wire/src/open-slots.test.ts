import { describe, expect, it } from 'vitest'
import { OpenSlots } from './open-slots.js'

const repeat = (count: number, run: () => unknown): void => {
  for (let index = 0; index < count; index++) run()
}

describe('OpenSlots', () => {
  it('counts what was opened against what was granted [OCR-002] [OCR-003]', () => {
    const slots = new OpenSlots(2)
    expect([slots.receive(), slots.receive(), slots.receive()]).toEqual([true, true, false])
    expect(slots.takenCount).toBe(3)
    slots.release(false)
    slots.grant()
    expect(slots.limit).toBe(3)
    expect(slots.receive(), 'the third took its place in the count').toBe(false)
  })

  it('announces at 64, or at once when the opener has less than a quarter left [OCR-007]', () => {
    const many = new OpenSlots(1024)
    repeat(100, () => many.receive())
    repeat(63, () => many.release(false))
    expect(many.isDue()).toBe(false)
    many.release(false)
    expect(many.isDue()).toBe(true)
    many.grant()
    expect([many.limit, many.isDue()]).toEqual([1024 + 64, false])
    const few = new OpenSlots(8)
    repeat(6, () => few.receive())
    few.release(false)
    expect(few.isDue(), 'two of eight are a quarter').toBe(false)
    few.receive()
    expect(few.isDue(), 'one of eight is less').toBe(true)
  })

  it('with none owed there is nothing to announce, however little is left', () => {
    const slots = new OpenSlots(4)
    repeat(4, () => slots.receive())
    expect(slots.isDue()).toBe(false)
    const none = new OpenSlots(0)
    expect(none.isDue()).toBe(false)
  })

  it('slots that were cancelled before an answer come back with the tick [OCR-006]', () => {
    const slots = new OpenSlots(2)
    repeat(2, () => slots.receive())
    repeat(2, () => slots.release(true))
    expect([slots.isDue(), slots.delayedCount, slots.takenCount]).toEqual([false, 2, 2])
    slots.releaseDelayed()
    expect([slots.isDue(), slots.delayedCount, slots.takenCount]).toEqual([true, 0, 0])
    slots.grant()
    expect(slots.limit).toBe(4)
  })

  it('another number of slots is announced with the next grant and never takes any back', () => {
    const slots = new OpenSlots(16)
    slots.resize(1024)
    slots.grant()
    expect(slots.limit).toBe(1024)
    slots.resize(10)
    slots.grant()
    expect(slots.limit).toBe(1024)
  })

  it('goes on when its counts wrap', () => {
    const slots = new OpenSlots(2 ** 31 - 1)
    expect(slots.receive()).toBe(true)
    slots.release(false)
    slots.grant()
    expect(slots.limit >>> 0).toBe(2 ** 31)
    repeat(70, () => {
      slots.receive()
      slots.release(false)
    })
    slots.grant()
    expect(slots.limit >>> 0).toBe(2 ** 31 + 70)
    expect(slots.receive()).toBe(true)
  })
})
