import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { idDistance, isNewId, isPastId, later, nextId, remaining } from './serial.js'

const M = 2 ** 30 - 1
const HALF = 2 ** 29
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const id = fc.oneof(fc.integer({ min: 1, max: M }), fc.constantFrom(1, 2, M - 1, M, HALF - 1, HALF, HALF + 1))

describe('counters modulo 2^32', () => {
  it('what is left is the signed difference, across every wrap', () => {
    fc.assert(
      fc.property(u32, fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }), (used, left) => {
        const limit = (used + left) >>> 0
        expect(remaining(limit, used)).toBe(left)
        expect(remaining(limit | 0, used | 0), 'signed and unsigned spelling').toBe(left)
      }),
    )
  })

  it('the later of two limits is the one ahead', () => {
    expect(later(5, 3)).toBe(5)
    expect(later(3, 5)).toBe(5)
    expect(later(7, 7)).toBe(7)
    expect(later(0x7fff_ffff, -0x8000_0000), 'just over the wrap').toBe(-0x8000_0000)
    expect(later(-1, 0)).toBe(0)
  })
})

describe('channel ids modulo 2^30-1', () => {
  it('count from 1 to 2^30-1 and start over', () => {
    expect([nextId(0), nextId(1), nextId(M - 1), nextId(M)]).toEqual([1, 2, M, 1])
  })

  it('an id is new when it lies less than half a circle ahead', () => {
    fc.assert(
      fc.property(id, fc.integer({ min: 0, max: M - 1 }), (last, step) => {
        const next = ((last + step - 1) % M) + 1
        expect(idDistance(last, next)).toBe(step)
        expect(isNewId(last, next)).toBe(step >= 1 && step < HALF)
      }),
    )
  })

  it('an id is never both new and past, and the last one itself is past', () => {
    fc.assert(
      fc.property(id, id, fc.boolean(), (last, other, hasWrapped) => {
        expect(isNewId(last, other) && isPastId(last, other, hasWrapped)).toBe(false)
        expect(isPastId(last, last, hasWrapped)).toBe(true)
      }),
    )
  })

  it('before a wrap only smaller ids are past', () => {
    fc.assert(
      fc.property(id, id, (last, other) => {
        if (other > last) expect(isPastId(last, other, false)).toBe(false)
        else expect(isPastId(last, other, false)).toBe(last - other < HALF)
      }),
    )
  })

  it('before the first id everything in the first half is new and nothing is past', () => {
    expect([isNewId(0, 1), isNewId(0, HALF - 1), isNewId(0, HALF), isNewId(0, M)]).toEqual([
      true,
      true,
      false,
      false,
    ])
    expect([isPastId(0, 1, false), isPastId(0, M, false)]).toEqual([false, false])
  })
})
