// Memory between two uses: what it serves, and how much of it is kept.
import { describe, expect, it } from 'vitest'
import { BlockPool, blockBytes } from '../src/block-pool.js'

const KIB = 1_024

describe('a pool of blocks', () => {
  it('makes blocks of a power of two from 4 to 128 KiB, larger ones to measure', () => {
    const sizes = [1, 4_096, 4_097, 65_536, 65_548, 131_072, 131_073].map(blockBytes)
    expect(sizes).toEqual([4_096, 4_096, 8_192, 65_536, 131_072, 131_072, 131_073])
  })

  it('gives the smallest that is large enough, each once, and none otherwise', () => {
    const pool = new BlockPool()
    expect(pool.take(1)).toBeNull()
    const [small, large] = [new Uint8Array(4 * KIB), new Uint8Array(64 * KIB)]
    pool.give(large)
    pool.give(small)
    expect(pool.heldBytes).toBe(68 * KIB)
    expect(pool.take(64 * KIB + 1)).toBeNull()
    expect(pool.take(100)).toBe(small)
    expect(pool.take(100)).toBe(large)
    expect(pool.take(100)).toBeNull()
    expect(pool.heldBytes).toBe(0)
  })

  it('leaves blocks of other lengths to the collector', () => {
    const pool = new BlockPool()
    for (const length of [0, 1, 4_095, 5_000, 65_548, 262_144]) pool.give(new Uint8Array(length))
    expect(pool.heldBytes).toBe(0)
  })

  it('keeps at most 4 MiB', () => {
    const pool = new BlockPool()
    for (let count = 0; count < 100; count++) pool.give(new Uint8Array(128 * KIB))
    expect(pool.heldBytes).toBe(4 * KIB * KIB)
  })

  it('gives everything up that nobody asked for between two rests', () => {
    const pool = new BlockPool()
    pool.give(new Uint8Array(4 * KIB))
    pool.give(new Uint8Array(4 * KIB))
    pool.rest()
    pool.take(1)
    pool.rest()
    expect(pool.heldBytes).toBe(4 * KIB)
    pool.rest()
    expect([pool.heldBytes, pool.take(1)]).toEqual([0, null])
  })
})
