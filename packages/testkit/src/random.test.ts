import { describe, expect, it } from 'vitest'
import { concat } from './bytes.js'
import { Random, randomChunks } from './random.js'

describe('Random', () => {
  it('repeats itself for a seed, and differs between neighbouring seeds', () => {
    const take = (seed: number): number[] => {
      const rng = new Random(seed)
      return Array.from({ length: 20 }, () => rng.next())
    }
    expect(take(7)).toEqual(take(7))
    const firsts = new Set(Array.from({ length: 200 }, (_, seed) => take(seed)[0]))
    expect(firsts.size).toBe(200)
  })

  it('keeps its generator: these numbers are frozen, because seeds are written down', () => {
    const rng = new Random(1)
    expect([rng.next(), rng.next(), rng.int(1, 6), rng.bool()]).toMatchInlineSnapshot(`
      [
        3449496019,
        3747456639,
        2,
        true,
      ]
    `)
  })

  it('stays within bounds and reaches them', () => {
    const rng = new Random(3)
    const seen = new Set(Array.from({ length: 500 }, () => rng.int(-2, 2)))
    expect([...seen].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2])
    expect(() => rng.int(1, 0)).toThrow('no number between')
    expect(() => rng.pick([])).toThrow('nothing to pick')
    expect(rng.bool(0)).toBe(false)
    expect(rng.bool(1)).toBe(true)
    const heads = Array.from({ length: 2000 }, () => rng.bool(0.25)).filter(Boolean).length
    expect(heads).toBeGreaterThan(400)
    expect(heads).toBeLessThan(600)
  })

  it('shuffles a copy', () => {
    const items = [1, 2, 3, 4, 5, 6, 7, 8]
    const shuffled = new Random(5).shuffle(items)
    expect(items).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect(shuffled).not.toEqual(items)
    expect([...shuffled].sort()).toEqual(items)
  })

  it('randomChunks cuts without losing anything', () => {
    for (let seed = 0; seed < 50; seed++) {
      const rng = new Random(seed)
      const bytes = rng.bytes(rng.int(0, 5000))
      const chunks = randomChunks(bytes, rng, 512)
      expect(concat(chunks)).toEqual(bytes)
      expect(chunks.every((chunk) => chunk.length >= 1 && chunk.length <= 512)).toBe(true)
    }
  })
})
