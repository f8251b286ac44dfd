import { Random } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import type { Channel } from './channel.js'
import { ChannelMap } from './channel-map.js'

const channel = (id: number): Channel => ({ id }) as Channel

describe('ChannelMap', () => {
  it.each([1, 2, 3])('does what a Map does, in 20,000 random steps (seed %i)', (seed) => {
    const random = new Random(seed)
    const map = new ChannelMap()
    const model = new Map<number, Channel>()
    for (let step = 0; step < 20_000; step++) {
      // Ids of both signs, in runs as a session gives them, and the largest there are.
      const range = random.int(0, 2)
      const key =
        range === 0 ? random.int(1, 300) : range === 1 ? -random.int(1, 40) : 2 ** 30 - random.int(1, 9)
      if (random.int(0, 9) < 5) {
        const value = channel(key)
        map.set(key, value)
        model.set(key, value)
      } else expect(map.delete(key)).toBe(model.delete(key))
      expect(map.size).toBe(model.size)
      expect(map.get(key)).toBe(model.get(key))
    }
    for (const [key, value] of model) expect(map.get(key)).toBe(value)
    expect(new Set(map.values())).toEqual(new Set(model.values()))
  })

  it('shares nothing with another one', () => {
    const [one, other] = [new ChannelMap(), new ChannelMap()]
    one.set(5, channel(5))
    expect([one.size, other.size]).toEqual([1, 0])
    expect(other.get(5)).toBeUndefined()
    expect(other.delete(5)).toBe(false)
    expect(new ChannelMap().values()).toEqual([])
  })

  it('knows nothing under 0, the number of a channel whose OPEN waits', () => {
    const map = new ChannelMap()
    map.set(1, channel(1))
    expect([map.get(0), map.has(0), map.delete(0), map.size]).toEqual([undefined, false, false, 1])
  })

  it('keeps its place small while channels come and go', () => {
    const map = new ChannelMap()
    for (let id = 1; id <= 100_000; id++) {
      map.set(id, channel(id))
      if (id > 10) map.delete(id - 10)
    }
    expect(map.size).toBe(10)
    expect(map.values()).toHaveLength(10)
  })
})
