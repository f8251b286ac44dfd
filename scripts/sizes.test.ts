import { describe, expect, it } from 'vitest'
import { BUDGETS, measure, problemOf, report, type Size } from './sizes.mjs'

const sizes = await Promise.all(BUDGETS.map(measure))

describe('the size of the browser builds', () => {
  it.each(sizes)('$budget.name', (size) => {
    console.log(report(size))
    expect(problemOf(size)).toBeNull()
  })

  it('is divided among the packages without a rest', () => {
    for (const { shares, minifiedBytes } of sizes) {
      expect(shares.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(minifiedBytes)
      expect(shares.map(({ name }) => name)).toEqual(
        expect.arrayContaining([
          '@peerplex/wire',
          '@peerplex/codec',
          '@peerplex/peer',
          '@peerplex/rpc',
          'peerplex',
        ]),
      )
      for (const { bytes, modules } of shares) {
        expect(modules.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(bytes)
      }
    }
  })

  it('without msgpack has nothing of msgpack, and nothing of Node in either', () => {
    const files = sizes.map(({ shares }) => shares.flatMap(({ modules }) => modules.map(({ file }) => file)))
    const [whole = [], jsonOnly = []] = files
    expect(whole.filter((file) => file.includes('msgpack'))).not.toEqual([])
    expect(jsonOnly.filter((file) => file.includes('msgpack'))).toEqual([])
    expect(files.flat().filter((file) => /transport-net|node_modules/.test(file))).toEqual([])
  })

  it('is over its budget by one byte', () => {
    const [size] = sizes as [Size]
    const { gzipBytes } = size
    expect(problemOf({ ...size, budget: { ...size.budget, maxBytes: gzipBytes } })).toBeNull()
    expect(problemOf({ ...size, budget: { ...size.budget, maxBytes: gzipBytes - 1 } })).toContain(
      'scripts/sizes.mjs',
    )
  })
})
