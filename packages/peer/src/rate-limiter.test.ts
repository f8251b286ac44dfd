import { VirtualClock } from '@peerplex/testkit'
import { expect, it } from 'vitest'
import { RateLimiter } from './rate-limiter.js'

function countOf(limiter: RateLimiter, key: string, tries: number): number {
  let count = 0
  for (let i = 0; i < tries; i++) if (limiter.take(key)) count++
  return count
}

it('lets a burst pass, then so many a second, for each key', () => {
  const clock = new VirtualClock(1_000)
  const limiter = new RateLimiter(50, 200, clock)
  expect(countOf(limiter, 'a', 500)).toBe(200)
  expect(countOf(limiter, 'b', 10)).toBe(10)
  clock.advance(1_000)
  expect(countOf(limiter, 'a', 500)).toBe(50)
  clock.advance(3_600_000)
  expect(countOf(limiter, 'a', 500), 'never more than a burst').toBe(200)
})

it('remembers a bounded number of keys, and forgets those that have nothing to say', () => {
  const clock = new VirtualClock(1_000)
  const limiter = new RateLimiter(10, 10, clock)
  expect(countOf(limiter, 'a', 20)).toBe(10)
  for (let i = 0; i < 10_000; i++) limiter.take(`key ${i}`)
  expect(limiter.size).toBeLessThanOrEqual(4_096)
  clock.advance(1_000)
  for (let i = 0; i < 5_000; i++) limiter.take('b')
  expect(limiter.size).toBe(1)
})

it('does not forget a key that is asked for all the time', () => {
  const clock = new VirtualClock(1_000)
  const limiter = new RateLimiter(10, 10, clock)
  expect(countOf(limiter, 'a', 20)).toBe(10)
  for (let i = 0; i < 10_000; i++) {
    limiter.take(`key ${i}`)
    if (i % 1_000 === 0) expect(limiter.take('a')).toBe(false)
  }
})
