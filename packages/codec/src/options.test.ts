import { UsageError } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { CODEC_LIMIT_RANGES, DEFAULT_CODEC_LIMITS, resolveCodecLimits } from './options.js'

describe('limits of codecs', () => {
  it('have defaults', () => {
    expect(resolveCodecLimits()).toEqual({ maxDepth: 64, maxElementCount: 100_000 })
    expect(resolveCodecLimits({ maxDepth: 3 })).toEqual({ ...DEFAULT_CODEC_LIMITS, maxDepth: 3 })
  })

  it('cannot be changed afterwards', () => {
    expect(Object.isFrozen(resolveCodecLimits())).toBe(true)
    expect(Object.isFrozen(DEFAULT_CODEC_LIMITS)).toBe(true)
  })

  it.each(['maxDepth', 'maxElementCount'] as const)('keep %s in its range', (name) => {
    const [min, max] = CODEC_LIMIT_RANGES[name]
    expect(resolveCodecLimits({ [name]: min })[name]).toBe(min)
    expect(resolveCodecLimits({ [name]: max })[name]).toBe(max)
    for (const value of [min - 1, max + 1, 1.5, Number.NaN, '5', null]) {
      if (value === null) continue
      expect(() => resolveCodecLimits({ [name]: value as number })).toThrow(UsageError)
    }
    expect(() => resolveCodecLimits({ [name]: 0 })).toThrow(`codec limit ${name} is 0`)
  })

  it('refuse a name that does not exist', () => {
    expect(() => resolveCodecLimits({ maxdepth: 5 } as object)).toThrow("there is no codec limit 'maxdepth'")
  })
})
