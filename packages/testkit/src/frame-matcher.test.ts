import { describe, expect, it } from 'vitest'
import { u8, u32, unhex } from './bytes.js'
import * as build from './frame-builders.js'
import { describeMatcher, type FrameMatcher, frameDifference } from './frame-matcher.js'
import { naiveDecode } from './naive-codec.js'
import type { NaiveFrame } from './naive-frames.js'

function difference(bytes: Uint8Array, matcher: FrameMatcher): string | null {
  const frame = naiveDecode(bytes, { helloSeen: true }).frames[0] as NaiveFrame
  return frameDifference(frame, bytes, matcher)
}

const OPEN = build.open({
  name: 'log',
  timeoutMs: 9,
  entries: [
    build.entry('x-a', '1'),
    build.entry('x-a', '2'),
    build.entry(0x90, u32(7)),
    build.entry(0x83, u8(2)),
  ],
  payload: 'hi',
})

describe('frameDifference', () => {
  it('accepts kinds, fields, bytes and predicates that fit', () => {
    const matchers: FrameMatcher[] = [
      'OPEN',
      { kind: 'OPEN' },
      { kind: 'OPEN', name: 'log', payload: unhex('6869'), flags: 4, chan: 1, timeoutMs: 9 },
      { kind: 'OPEN', entries: { 'x-a': '1', size: 7, hops: 2, message: null } },
      OPEN,
      (frame) => frame.chan === 1,
    ]
    for (const matcher of matchers) expect(difference(OPEN, matcher)).toBeNull()
    expect(difference(build.ref(), { kind: 'REF', releases: [{ refId: 1, count: 1 }] })).toBeNull()
  })

  it('says what differs', () => {
    expect(difference(OPEN, 'DATA')).toBe('kind is OPEN, not DATA')
    expect(difference(OPEN, { kind: 'DATA' })).toBe('kind is OPEN, not DATA')
    expect(difference(OPEN, { kind: 'OPEN', timeoutMs: 8 })).toBe('timeoutMs is 9, not 8')
    expect(difference(OPEN, { kind: 'OPEN', payload: 'ho' })).toBe('payload is 6869, not 686f ("ho")')
    expect(difference(OPEN, { kind: 'OPEN', entries: { 'x-b': '' } })).toBe('there is no entry "x-b"')
    expect(difference(OPEN, { kind: 'OPEN', entries: { 'x-a': '2' } })).toBe('entry "x-a" is 31, not 32')
    expect(difference(OPEN, { kind: 'OPEN', entries: { size: 8 } })).toBe(
      'entry "size" is 07000000, not 08000000',
    )
    expect(difference(OPEN, { kind: 'OPEN', entries: { size: null } })).toBe('there is an entry "size"')
    expect(difference(OPEN, build.ping())).toMatch(/^the bytes are 2a000000 .*, not 08000000/)
    expect(difference(OPEN, () => false)).toBe('the predicate refuses it')
    expect(difference(build.ref(), { kind: 'REF', releases: [] })).toContain('releases is [{')
  })

  it('describes matchers', () => {
    expect(describeMatcher('PING')).toBe('PING')
    expect(describeMatcher({ kind: 'END', code: 12, payload: unhex('00') })).toBe('END code=12 payload=00')
    expect(describeMatcher(unhex('0102'))).toBe('0102')
    expect(describeMatcher(() => true)).toBe('a frame that a predicate accepts')
  })
})
