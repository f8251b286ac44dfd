import { describe, expect, it } from 'vitest'
import { Keepalive } from './keepalive.js'

const NEVER = Number.POSITIVE_INFINITY

describe('Keepalive', () => {
  it('without idle times there is nothing to do, ever', () => {
    const keepalive = new Keepalive(0, 0)
    expect(keepalive.nextTimerMs()).toBe(NEVER)
    expect([keepalive.isExpired(1e12), keepalive.isPingDue(1e12), keepalive.onLate(1e12)]).toEqual([
      false,
      false,
      false,
    ])
    expect(keepalive.latenessMs).toBe(1000)
  })

  it('expires after its own idle time, counted from the last byte', () => {
    const keepalive = new Keepalive(9000, 100)
    expect(keepalive.nextTimerMs()).toBe(9100)
    keepalive.onReceived(1000)
    expect([keepalive.isExpired(9999), keepalive.isExpired(10_000)]).toEqual([false, true])
    expect(keepalive.nextTimerMs()).toBe(10_000)
  })

  it('pings after a third of the other side’s idle time without output, one at a time', () => {
    const keepalive = new Keepalive(0, 0)
    keepalive.start(9000)
    expect(keepalive.nextTimerMs()).toBe(3000)
    expect([keepalive.isPingDue(2999), keepalive.isPingDue(3000)]).toEqual([false, true])
    keepalive.onSent(2000)
    expect(keepalive.isPingDue(4999)).toBe(false)
    const number = keepalive.nextPing()
    keepalive.onKeepalivePing(number)
    expect([keepalive.isPingDue(1e9), keepalive.nextTimerMs()]).toEqual([false, NEVER])
    expect(keepalive.onPong(number)).toBe(true)
    expect(keepalive.isPingDue(5000)).toBe(true)
  })

  it('a PONG answers its PING and all before, once, and none that was not sent', () => {
    const keepalive = new Keepalive(0, 0)
    expect([keepalive.nextPing(), keepalive.nextPing(), keepalive.nextPing()]).toEqual([1, 2, 3])
    expect([keepalive.onPong(0), keepalive.onPong(4)]).toEqual([false, false])
    expect(keepalive.onPong(2)).toBe(true)
    expect([1, 2, 3].map((number) => keepalive.isAnswered(number))).toEqual([true, true, false])
    expect([keepalive.onPong(1), keepalive.onPong(2)]).toEqual([false, false])
    expect(keepalive.onPong(3)).toBe(true)
  })

  it('an answer to a later PING also frees the keepalive one', () => {
    const keepalive = new Keepalive(0, 0)
    keepalive.start(3000)
    keepalive.onKeepalivePing(keepalive.nextPing())
    keepalive.onPong(keepalive.nextPing())
    expect(keepalive.isPingDue(1000)).toBe(true)
    keepalive.onKeepalivePing(keepalive.nextPing())
    expect(keepalive.isPingDue(1e6), 'one is unanswered again').toBe(false)
  })

  it('an answer to an earlier PING does not free it', () => {
    const keepalive = new Keepalive(0, 0)
    keepalive.start(3000)
    const fence = keepalive.nextPing()
    keepalive.onKeepalivePing(keepalive.nextPing())
    expect(keepalive.onPong(fence)).toBe(true)
    expect(keepalive.isPingDue(1e6)).toBe(false)
  })

  it('a late call moves the end to 5 s from now, if it would come before', () => {
    const keepalive = new Keepalive(45_000, 0)
    expect(keepalive.latenessMs).toBe(1000)
    expect(keepalive.onLate(39_999), 'more than 5 s are left').toBe(false)
    expect(keepalive.onLate(40_001)).toBe(true)
    expect([keepalive.isExpired(45_000), keepalive.isExpired(45_001)]).toEqual([false, true])
    expect(keepalive.nextTimerMs()).toBe(45_001)
    keepalive.onReceived(44_000)
    expect(keepalive.isExpired(88_999)).toBe(false)
    expect(new Keepalive(2000, 0).latenessMs).toBe(200)
  })
})
