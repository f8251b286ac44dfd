import { describe, expect, it } from 'vitest'
import { VirtualClock } from './virtual-clock.js'

describe('VirtualClock', () => {
  it('runs timers in the order of their times and equal times first in, first out', () => {
    const clock = new VirtualClock(100)
    const ran: string[] = []
    clock.setTimer(130, () => ran.push(`c${clock.now()}`))
    clock.setTimer(110, () => ran.push(`a${clock.now()}`))
    clock.setTimer(110, () => ran.push(`b${clock.now()}`))
    clock.advance(29)
    expect(ran).toEqual(['a110', 'b110'])
    expect(clock.now()).toBe(129)
    clock.advance(1)
    expect(ran).toEqual(['a110', 'b110', 'c130'])
    expect(clock.pendingTimerCount).toBe(0)
  })

  it('runs a timer that another timer sets within the same advance', () => {
    const clock = new VirtualClock()
    const ran: number[] = []
    clock.setTimer(10, () => {
      clock.setTimer(15, () => ran.push(clock.now()))
      clock.setTimer(25, () => ran.push(clock.now()))
    })
    clock.advanceTo(20)
    expect(ran).toEqual([15])
    expect(clock.nextTimerMs).toBe(25)
  })

  it('runs a timer of the past at once when time moves, and never goes back', () => {
    const clock = new VirtualClock(50)
    const ran: number[] = []
    clock.setTimer(10, () => ran.push(clock.now()))
    clock.advance(0)
    expect(ran).toEqual([50])
    expect(() => clock.advanceTo(49)).toThrow('does not go back')
    expect(() => clock.advance(Number.NaN)).toThrow('does not go back')
  })

  it('clears timers, also from inside another one', () => {
    const clock = new VirtualClock()
    const ran: string[] = []
    const late = clock.setTimer(20, () => ran.push('late'))
    clock.setTimer(10, () => clock.clearTimer(late))
    clock.advance(100)
    clock.clearTimer(late)
    expect(ran).toEqual([])
    expect(clock.pendingTimerCount).toBe(0)
  })

  it('jump makes timers late', () => {
    const clock = new VirtualClock()
    const ran: number[] = []
    clock.setTimer(10, () => ran.push(clock.now()))
    clock.jump(70)
    expect(ran).toEqual([])
    clock.advance(0)
    expect(ran).toEqual([70])
  })

  it('runUntilIdle counts the timers and stops at the limit', () => {
    const clock = new VirtualClock()
    let left = 3
    const again = (): void => {
      if (--left > 0) clock.setTimer(clock.now() + 1000, again)
    }
    clock.setTimer(1000, again)
    expect(clock.runUntilIdle()).toBe(3)
    expect(clock.now()).toBe(3000)
    const forever = (): void => {
      clock.setTimer(clock.now() + 1, forever)
    }
    forever()
    expect(() => clock.runUntilIdle(10)).toThrow('still not idle after 10 timers')
  })

  it('does not let a timer move the clock', () => {
    const clock = new VirtualClock()
    clock.setTimer(1, () => clock.advance(1))
    expect(() => clock.advance(5)).toThrow('must not move the clock')
  })
})
