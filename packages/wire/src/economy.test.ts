import { describe, expect, it } from 'vitest'
import { Economy } from './economy.js'

describe('Economy', () => {
  it('starts full, stays at or below its cap, and says when it falls below 0', () => {
    const economy = new Economy(3, 2, 1000, 0)
    economy.earn(10)
    expect(economy.balance).toBe(3)
    expect([economy.spend(1), economy.spend(2), economy.spend(1)]).toEqual([true, true, false])
    expect(economy.balance).toBe(-1)
  })

  it('is refilled once for each whole interval, late calls included, none lost', () => {
    const economy = new Economy(100, 10, 1000, 500)
    economy.spend(90)
    economy.refill(1499)
    expect(economy.balance).toBe(10)
    economy.refill(1500)
    expect(economy.balance).toBe(20)
    economy.refill(3499)
    expect(economy.balance).toBe(30)
    economy.refill(3500)
    expect(economy.balance).toBe(40)
    economy.refill(3500)
    expect(economy.balance).toBe(40)
    economy.refill(1_000_000)
    expect(economy.balance).toBe(100)
  })

  it('a clock that stands still gives nothing', () => {
    const economy = new Economy(100, 10, 1000, 500)
    economy.spend(50)
    economy.refill(500)
    economy.refill(0)
    expect(economy.balance).toBe(50)
  })
})
