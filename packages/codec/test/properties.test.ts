import { isDeepStrictEqual } from 'node:util'
import { createJsonCodec, createMsgpackCodec, standardCodecs } from '@peerplex/codec'
import type { Codec } from '@peerplex/wire'
import fc from 'fast-check'
import { Packr } from 'msgpackr/pack'
import { Unpackr } from 'msgpackr/unpack'
import { describe, expect, it } from 'vitest'

const RUNS = { numRuns: 300, seed: 0x5eed }

const msgpack = createMsgpackCodec()
const json = createJsonCodec()
const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true })
const unpackr = new Unpackr({ useRecords: false, copyBuffers: true, int64AsType: 'auto' as 'number' })

/** Text as it travels: all surrogates in pairs. */
const text = fc.string({ unit: 'grapheme', maxLength: 60 })
const key = fc
  .oneof(text, fc.constantFrom('constructor', 'toString', '', '0', '-1', '$ref', '$'))
  .filter((name) => name !== '__proto__')
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
)

/** As toStrictEqual, which takes a key `constructor` for a class. */
function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected)
  expect(isDeepStrictEqual(actual, expected)).toBe(true)
}

function values(leaf: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 5, withCrossShrink: true }, leaf, tie('array'), tie('object')),
    array: fc.array(tie('value'), { maxLength: 8 }),
    object: fc.dictionary(key, tie('value'), { maxKeys: 8, noNullPrototype: true }),
  })).value
}

const jsonValues = values(fc.oneof(fc.constant(null), fc.boolean(), number, text))
const msgpackLeaf = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  number,
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY),
  text,
  fc.string({ unit: 'grapheme', minLength: 100, maxLength: 400 }),
  fc.bigInt({ min: 2n ** 53n + 1n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) - 1n }),
  fc.uint8Array({ maxLength: 300 }),
  fc.date({ noInvalidDate: true }),
)
const msgpackValues = values(msgpackLeaf)

/** A second at most on a machine of its own; this is for one that does much else. */
const SLOW = { timeout: 60_000 }

describe('a value', SLOW, () => {
  it('comes back from MessagePack as it was', () => {
    fc.assert(
      fc.property(msgpackValues, (value) => {
        const bytes = msgpack.encode(value)
        const back = msgpack.decode(bytes)
        expectSame(back, value)
        expectSame(msgpack.encode(back), bytes)
      }),
      RUNS,
    )
  })

  it('comes back from JSON as it was', () => {
    fc.assert(
      fc.property(jsonValues, (value) => {
        const bytes = json.encode(value)
        expect(new TextDecoder().decode(bytes)).toBe(JSON.stringify(value))
        expectSame(json.decode(bytes), value)
      }),
      RUNS,
    )
  })

  it('comes back from JSON as it was, among references', () => {
    const target = { target: true }
    const shout = () => 1
    fc.assert(
      fc.property(jsonValues, (value) => {
        const bytes = json.encode([value, shout], { exportRef: () => 0 })
        expectSame(json.decode(bytes, { importRef: () => target }), [value, target])
      }),
      RUNS,
    )
  })

  it('is counted and measured the same in both codecs', () => {
    const limits = { maxDepth: 4, maxElementCount: 12 }
    const small = standardCodecs({ limits })
    const fits = (run: () => unknown) => {
      try {
        run()
        return true
      } catch {
        return false
      }
    }
    const seen = { fits: 0, exceeds: 0 }
    fc.assert(
      fc.property(jsonValues, (value) => {
        const bytes = { json: json.encode(value), msgpack: msgpack.encode(value) }
        const verdicts = (['json', 'msgpack'] as const).flatMap((name) => {
          const codec = small.byName(name) as Codec
          return [fits(() => codec.encode(value)), fits(() => codec.decode(bytes[name]))]
        })
        expect(new Set(verdicts).size).toBe(1)
        seen[verdicts[0] ? 'fits' : 'exceeds']++
      }),
      RUNS,
    )
    expect(Math.min(seen.fits, seen.exceeds)).toBeGreaterThan(20)
  })
})

describe('another implementation of MessagePack', SLOW, () => {
  it('reads what ours writes', () => {
    fc.assert(
      fc.property(msgpackValues, (value) => {
        expectSame(inSeconds(unpackr.unpack(msgpack.encode(value))), inSeconds(value))
      }),
      RUNS,
    )
  })

  it('writes what ours reads', () => {
    fc.assert(
      fc.property(msgpackValues, (value) => {
        expectSame(msgpack.decode(Uint8Array.from(packr.pack(value))), value)
      }),
      RUNS,
    )
  })

  it('writes the same bytes, but for what it writes otherwise on purpose', () => {
    const leaf = fc.oneof(fc.constant(null), fc.boolean(), fc.integer(), fc.double(), text, fc.uint8Array())
    fc.assert(
      fc.property(values(leaf.filter((value) => !isWideInteger(value))), (value) => {
        expectSame(msgpack.encode(value), Uint8Array.from(packr.pack(value)))
      }),
      RUNS,
    )
  })
})

/** What msgpackr writes as a float, and -0, for which it takes the integer form as we do. */
function isWideInteger(value: unknown): boolean {
  return Number.isInteger(value) && ((value as number) > 0xffff_ffff || (value as number) < -0x8000_0000)
}

/** Dates of msgpackr have lost parts of a millisecond by rounding; ours are compared in whole seconds there. */
function inSeconds(value: unknown): unknown {
  if (value instanceof Date) return Math.round(value.getTime() / 1_000)
  if (Array.isArray(value)) return value.map(inSeconds)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, inSeconds(item)]))
}

describe('independence', () => {
  it('of what was encoded from its value', () => {
    for (const codec of [msgpack, json]) {
      const data = codec === msgpack ? new Uint8Array([1, 2, 3]) : 'abc'
      const value = { list: [1, 2], data }
      const bytes = codec.encode(value)
      const before = bytes.slice()
      value.list.push(3)
      if (data instanceof Uint8Array) data.fill(0xff)
      codec.encode({ other: 'x'.repeat(5_000), list: [9, 9, 9] })
      expect(bytes).toEqual(before)
    }
  })

  it('of a value from its payload, and of the payload from the value', () => {
    const value = { data: new Uint8Array([1, 2, 3]), name: 'some text', list: [{ a: 1 }], at: new Date(5) }
    const payload = msgpack.encode(value)
    const before = payload.slice()
    const first = msgpack.decode(payload) as typeof value
    const second = msgpack.decode(payload) as typeof value
    first.data.fill(9)
    first.list.push({ a: 2 })
    first.at.setTime(0)
    expect(payload).toEqual(before)
    expect(second).toEqual(value)
    payload.fill(0)
    expect(second).toEqual(value)
    expect(Object.keys(payload)).toEqual(Object.keys(before))
  })

  it('of a payload that is part of a larger memory', () => {
    const whole = new Uint8Array(100).fill(0xc1)
    const payload = msgpack.encode([new Uint8Array([7, 8])])
    whole.set(payload, 40)
    const [bin] = msgpack.decode(whole.subarray(40, 40 + payload.length)) as [Uint8Array]
    expect(bin.buffer.byteLength).toBe(2)
    expect(json.decode(new TextEncoder().encode('xx[1]xx').subarray(2, 5))).toEqual([1])
  })
})
