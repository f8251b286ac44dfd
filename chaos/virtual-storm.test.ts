// Thousands of peers whose listener goes away do not come back at once, because of chance and of nothing else.
import { describe, expect, it } from 'vitest'
import { virtualStorm } from './virtual-storm.mjs'

describe('a reconnect storm on the virtual clock', () => {
  it('is spread by chance: all are back, and no 100 ms have more than a twentieth', async () => {
    const { back, lastMs, worst } = await virtualStorm({
      peers: 600,
      awayMs: 3_000,
      hasJitter: true,
      seed: 3,
    })
    expect(back).toBe(600)
    expect(lastMs).toBeLessThanOrEqual(45_000)
    // 600 peers are few: chance alone makes 4.5 % one and a half more.
    expect(worst.share).toBeLessThan(0.065)
  })

  it('and without chance comes all at once', async () => {
    const { back, worst } = await virtualStorm({ peers: 300, awayMs: 3_000, hasJitter: false, seed: 3 })
    expect(back).toBe(300)
    expect(worst.share).toBeGreaterThan(0.8)
  })
})
