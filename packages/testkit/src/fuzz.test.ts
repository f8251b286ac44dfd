import { describe, expect, it } from 'vitest'
import { concat, hex, readU32 } from './bytes.js'
import * as build from './frame-builders.js'
import {
  damageFrame,
  dropFrame,
  FRAME_MUTATORS,
  insertFrame,
  mutateFrame,
  mutateSequence,
  repeatFrame,
  swapFrames,
} from './fuzz.js'
import { generateFrame } from './fuzz-generate.js'
import { generateSequence } from './fuzz-sequence.js'
import { naiveDecode } from './naive-codec.js'
import { naiveEncode } from './naive-encode.js'
import { Random } from './random.js'

describe('frame mutators', () => {
  it.each(FRAME_MUTATORS.map((mutate) => [mutate.name, mutate] as const))(
    '%s leaves its input alone',
    (_, mutate) => {
      const rng = new Random(11)
      const frame = build.open({ entries: [build.entry('x-a', '1')], payload: 'hello' })
      const before = hex(frame)
      const other = build.end({ payload: 'other' })
      let changed = 0
      for (let i = 0; i < 100; i++) if (hex(mutate(frame, rng, other)) !== before) changed += 1
      expect(hex(frame)).toBe(before)
      expect(changed).toBeGreaterThan(60)
    },
  )

  it('survive the shortest inputs', () => {
    const rng = new Random(12)
    for (const frame of [new Uint8Array(0), new Uint8Array(5), build.header({ type: 3 })])
      for (const mutate of FRAME_MUTATORS) for (let i = 0; i < 50; i++) mutate(frame, rng, frame)
  })

  it('produce both errors and survivors', () => {
    const rng = new Random(13)
    const seen = { FRAME_SIZE: 0, PROTOCOL_ERROR: 0, whole: 0 }
    for (let i = 0; i < 3000; i++) {
      const frame = naiveEncode(generateFrame(rng, { kinds: ['OPEN', 'DATA', 'END', 'CREDIT', 'GOAWAY'] }))
      seen[naiveDecode(mutateFrame(frame, rng), { helloSeen: true }).error ?? 'whole'] += 1
    }
    expect(seen.FRAME_SIZE).toBeGreaterThan(300)
    expect(seen.PROTOCOL_ERROR).toBeGreaterThan(300)
    expect(seen.whole).toBeGreaterThan(300)
  })
})

describe('sequence mutators', () => {
  const frames = Array.from({ length: 6 }, (_, i) => build.ping({ payload: `ping---${i}` }))

  it('do what they say', () => {
    const rng = new Random(21)
    expect(dropFrame(frames, rng)).toHaveLength(5)
    expect(repeatFrame(frames, rng)).toHaveLength(7)
    expect(insertFrame(frames, rng, build.pong())).toHaveLength(7)
    expect(damageFrame(frames, rng)).toHaveLength(6)
    expect(
      swapFrames(frames, rng)
        .map((frame) => hex(frame))
        .sort(),
    ).toEqual(frames.map((frame) => hex(frame)).sort())
    expect(frames).toHaveLength(6)
  })

  it('survive an empty sequence', () => {
    const rng = new Random(22)
    for (let i = 0; i < 200; i++) mutateSequence([], rng)
    expect(mutateSequence(frames, rng, []).length).toBeGreaterThan(0)
  })
})

describe('generators', () => {
  it('generateFrame makes frames that the naive decoder reads back exactly', () => {
    const rng = new Random(31)
    const kinds = new Set<string>()
    for (let i = 0; i < 4000; i++) {
      const input = generateFrame(rng)
      const bytes = naiveEncode(input)
      const result = naiveDecode(bytes, { helloSeen: input.kind !== 'HELLO' })
      expect(result.reason).toBeUndefined()
      const frame = result.frames[0]
      expect(frame).toBeDefined()
      expect(hex(naiveEncode(frame as NonNullable<typeof frame>))).toBe(hex(bytes))
      kinds.add(input.kind)
    }
    expect(kinds.size).toBe(12)
  })

  it('generateSequence makes whole legal frames within the limits', () => {
    for (let seed = 0; seed < 100; seed++) {
      const limits = { rxBytes: 16384, rxMsgs: 5, connBytes: 65536, opens: 16, partials: 2 }
      const frames = generateSequence(new Random(seed), { frameCount: 200, limits, maxPayloadBytes: 3000 })
      const result = naiveDecode(concat(frames))
      expect(result.reason).toBeUndefined()
      expect(result.frames).toHaveLength(frames.length)
      let charged = 0
      const opens = result.frames.filter((frame) => frame.kind === 'OPEN')
      for (const frame of result.frames) {
        const isMessage = frame.flags % 8 >= 4
        const isFree = frame.kind === 'DATA' && frame.flags % 2 === 1 && !isMessage
        if ((frame.kind === 'OPEN' || frame.kind === 'DATA') && !isFree)
          charged += frame.size + (isMessage ? 32 : 0)
      }
      expect(charged).toBeLessThanOrEqual(65536)
      expect(opens.length).toBeLessThanOrEqual(16)
      expect(opens.map((frame) => frame.chan)).toEqual(opens.map((_, index) => index + 1))
    }
  })

  it('generateSequence reaches every kind of frame it promises, and can leave the HELLO out', () => {
    const kinds = new Set<string>()
    for (let seed = 0; seed < 20; seed++)
      for (const frame of naiveDecode(concat(generateSequence(new Random(seed)))).frames)
        kinds.add(frame.kind)
    expect([...kinds].sort()).toEqual(
      ['CREDIT', 'DATA', 'END', 'HELLO', 'IGNORABLE', 'OPEN', 'PING', 'RESET', 'STOP'].sort(),
    )
    const first = generateSequence(new Random(1), { hello: null, lastId: 40 })[0] as Uint8Array
    expect([first[4], readU32(first, 8)]).toEqual([2, 41])
  })
})
