import { refsValue } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import type { Channel } from './channel.js'
import { RefTable } from './refs.js'

/** The table only tells channels apart. */
const channel = (): Channel => ({}) as Channel
const list = (...refs: Parameters<typeof refsValue>[0][number][]): Uint8Array => refsValue(refs)

describe('RefTable', () => {
  it('keeps a reference as long as a channel that carried it, or its retention', () => {
    const table = new RefTable(10)
    const [one, two] = [channel(), channel()]
    table.add(one, list({ refId: 1 }, { refId: 2, flags: 1 }))
    table.add(two, list({ refId: 1 }, { refId: 3 }))
    expect([1, 2, 3, 4].map((refId) => table.isLive(refId))).toEqual([true, true, true, false])
    expect(table.releaseChannel(one)).toEqual([])
    expect([1, 2, 3].map((refId) => table.isOnLiveChannel(refId))).toEqual([true, false, true])
    expect(table.releaseChannel(two)).toEqual([1, 3])
    expect(table.releaseChannel(two), 'once').toEqual([])
    expect(table.size).toBe(1)
    expect(table.release(2, 1)).toBe('freed')
    expect(table.size).toBe(0)
  })

  it('counts retentions, each announcement one', () => {
    const table = new RefTable(10)
    const one = channel()
    table.add(one, list({ refId: 5, flags: 1 }, { refId: 5, flags: 1 }, { refId: 5 }))
    table.releaseChannel(one)
    expect(table.release(5, 3)).toBe('violation')
    expect(table.release(5, 1)).toBe('released')
    expect(table.release(5, 1)).toBe('freed')
    expect(table.release(5, 1)).toBe('ignored')
    expect(table.release(6, 1), 'never exported').toBe('violation')
  })

  it('above its limit nothing of a list is entered; a known one takes no place', () => {
    const table = new RefTable(2)
    const one = channel()
    expect(table.add(one, list({ refId: 1 }))).toBe(true)
    expect(table.add(one, list({ refId: 1 }, { refId: 2 }, { refId: 3 }))).toBe(false)
    expect(table.size).toBe(1)
    expect(table.add(one, list({ refId: 1 }, { refId: 2 }))).toBe(true)
    expect(table.releaseChannel(one)).toEqual([1, 2])
    expect(table.release(3, 1), 'what was not entered was never exported').toBe('violation')
  })

  it('an id that was freed may not come back to life by itself', () => {
    const table = new RefTable(2)
    const [one, two] = [channel(), channel()]
    table.add(one, list({ refId: 1 }))
    table.releaseChannel(one)
    expect(table.isLive(1)).toBe(false)
    table.add(two, list({ refId: 1 }))
    expect(table.releaseChannel(two)).toEqual([1])
  })
})
