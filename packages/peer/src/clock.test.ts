import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { SYSTEM_CLOCK } from './clock.js'

describe('the clock of the machine', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('runs a timer once, at its time', () => {
    const ran: number[] = []
    const startMs = SYSTEM_CLOCK.now()
    SYSTEM_CLOCK.setTimer(startMs + 30, () => ran.push(SYSTEM_CLOCK.now() - startMs))
    vi.advanceTimersByTime(29)
    expect(ran).toEqual([])
    vi.advanceTimersByTime(1_000)
    expect(ran).toEqual([30])
  })

  it('runs a timer for a time that has passed in the next turn', () => {
    const run = vi.fn()
    SYSTEM_CLOCK.setTimer(SYSTEM_CLOCK.now() - 5, run)
    expect(run).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(run).toHaveBeenCalledTimes(1)
  })

  it('forgets a timer that was taken back', () => {
    const run = vi.fn()
    const timer = SYSTEM_CLOCK.setTimer(SYSTEM_CLOCK.now() + 10, run)
    SYSTEM_CLOCK.clearTimer(timer)
    SYSTEM_CLOCK.clearTimer(timer)
    vi.advanceTimersByTime(1_000)
    expect(run).not.toHaveBeenCalled()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('does not run a timer at once because its time is further away than the platform can count', () => {
    const run = vi.fn()
    SYSTEM_CLOCK.setTimer(SYSTEM_CLOCK.now() + 2 ** 40, run)
    vi.advanceTimersByTime(86_400_000)
    expect(run).not.toHaveBeenCalled()
  })
})
