import { createJsonCodec, createMsgpackCodec, createTextCodec } from '@peerplex/codec'
import { Random } from '@peerplex/testkit'
import { type Codec, LimitError, PeerplexError } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { bytesFrom, errorOf, utf8 } from './support.js'

const msgpack = createMsgpackCodec()
const json = createJsonCodec()

/** One of everything. */
const SAMPLE = {
  id: 123_456,
  name: 'ünïcode 😀',
  long: 'x'.repeat(300),
  numbers: [0, -1, 200, -200, 70_000, -70_000, 2 ** 40, -(2 ** 40), 1.5, 2n ** 60n],
  flags: { yes: true, no: false, none: null },
  at: [new Date(0), new Date(1_500), new Date(-1)],
  bytes: [new Uint8Array([1, 2, 3]), new Uint8Array(300)],
  nested: { a: { b: { c: [[[]]] } } },
  wide: Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`key${index}`, index])),
}

/** Nothing that a payload says may change what all objects inherit. */
function prototypes(): string {
  const seen = [Object, Array, Map, Date, Uint8Array, Function, String, Number].map(({ prototype }) =>
    Reflect.ownKeys(prototype).map((key) => [
      String(key),
      typeof Object.getOwnPropertyDescriptor(prototype, key)?.value,
    ]),
  )
  return JSON.stringify([seen, Object.keys(globalThis)])
}

const importer = { importRef: (position: number) => (position < 4 ? { position } : undefined) }

/** Decodes; an error must be one of ours. A value must be one that can be sent on. */
function take(codec: Codec, payload: Uint8Array, refs?: typeof importer): 'value' | 'error' {
  try {
    const value = codec.decode(payload, refs)
    codec.encode(value)
    return 'value'
  } catch (error) {
    if (error instanceof PeerplexError && error.code === 'INVALID_ARGUMENT') return 'error'
    throw error
  }
}

/** Seconds at most on a machine of its own; this is for one that does much else. */
const SLOW = { timeout: 60_000 }

describe('hostile MessagePack', () => {
  it.each([
    'bf',
    'd9 ff',
    'da ff ff',
    'db ff ff ff ff',
    'c4 ff',
    'c5 ff ff',
    'c6 ff ff ff ff',
    '9f',
    'dc ff ff',
    'dd ff ff ff ff',
    '8f',
    'de ff ff',
    'df ff ff ff ff',
    'c7 ff ff',
    'c8 ff ff ff',
    'c9 ff ff ff ff ff',
    'd8 ff',
    '81 bf',
    '81 db ff ff ff ff',
    'dd 80 00 00 00 00',
    'df 7f ff ff ff 00 00',
  ])('announces more than there is: %s', (hex) => {
    for (const prefix of ['', '91 ', '81 a1 61 ', '92 c0 ']) {
      const payload = bytesFrom(prefix + hex)
      expect(errorOf(() => msgpack.decode(payload)).message).toContain('cannot decode what arrived')
    }
  })

  it('does not reserve what heads inside each other announce together', () => {
    // Each of 60 arrays announces 99 000 items, which the bytes that follow would allow for each one alone.
    const heads = bytesFrom('dd 00 01 82 b8 '.repeat(60))
    const payload = new Uint8Array(heads.length + 100_000)
    payload.set(heads)
    expect(errorOf(() => msgpack.decode(payload))).toBeInstanceOf(LimitError)
  })

  it.each([
    ['maps', 0x80],
    ['arrays', 0x90],
    ['zeros', 0x00],
    ['texts', 0xa0],
  ])('is a million empty %s', (_what, byte) => {
    const payload = new Uint8Array(1_000_005).fill(byte)
    payload.set(bytesFrom('dd 00 0f 42 40'))
    expect(errorOf(() => msgpack.decode(payload))).toBeInstanceOf(LimitError)
  })

  it.each(['91', '81 a1 61', 'dc 00 01', '81 01', 'df 00 00 00 01 a0', '92 c0'])('is deep: %s', (hex) => {
    const level = bytesFrom(hex)
    const payload = new Uint8Array(200_000 * level.length)
    for (let at = 0; at < payload.length; at += level.length) payload.set(level, at)
    expect(errorOf(() => msgpack.decode(payload))).toBeInstanceOf(LimitError)
  })

  it('has keys that are containers, extensions or bytes', () => {
    for (const key of [
      '90',
      '80',
      'c0',
      'c2',
      'c3',
      'c4 00',
      'ca 00 00 00 00',
      'cb 00 00 00 00 00 00 00 00',
      'c1',
    ]) {
      expect(errorOf(() => msgpack.decode(bytesFrom(`81 ${key} c0`))).message).toContain(
        'neither a string nor',
      )
    }
    for (const key of ['d6 ff 00 00 00 00', 'c7 00 05', 'd4 72 40']) {
      expect(errorOf(() => msgpack.decode(bytesFrom(`81 ${key} c0`), importer)).message).toContain('neither')
    }
  })

  it('is cut off anywhere', () => {
    const payload = msgpack.encode(SAMPLE)
    expect(msgpack.decode(payload)).toEqual(SAMPLE)
    for (let length = 0; length < payload.length; length++) {
      expect(errorOf(() => msgpack.decode(payload.subarray(0, length)))).not.toBeInstanceOf(LimitError)
    }
    // The bytes after the end of a view are none of its payload.
    expect(errorOf(() => msgpack.decode(payload.subarray(0, -1))).message).toContain(
      `ends after ${payload.length - 1} bytes`,
    )
  })

  it('goes on after its end', () => {
    const payload = msgpack.encode(SAMPLE)
    for (const extra of [1, 2, 1_000]) {
      const longer = new Uint8Array(payload.length + extra)
      longer.set(payload)
      expect(errorOf(() => msgpack.decode(longer)).message).toContain(`${extra} bytes follow after the value`)
    }
  })

  it('is random: 100 000 payloads, only typed errors', SLOW, () => {
    const random = new Random(0xc0dec)
    const before = prototypes()
    const seen = { value: 0, error: 0 }
    for (let run = 0; run < 100_000; run++) {
      const payload = random.bytes(random.int(0, 40))
      seen[take(msgpack, payload, random.bool() ? importer : undefined)]++
    }
    expect(seen.value).toBeGreaterThan(1_000)
    expect(seen.error).toBeGreaterThan(50_000)
    expect(prototypes()).toBe(before)
  })

  it('is almost right: 50 000 changed payloads, only typed errors', SLOW, () => {
    const random = new Random(0xbad)
    const original = msgpack.encode(SAMPLE)
    const before = prototypes()
    const seen = { value: 0, error: 0 }
    for (let run = 0; run < 50_000; run++) {
      const payload = original.slice()
      for (let change = random.int(1, 4); change > 0; change--) {
        payload[random.int(0, payload.length - 1)] = random.int(0, 255)
      }
      seen[take(msgpack, payload, importer)]++
    }
    expect(seen.value).toBeGreaterThan(1_000)
    expect(seen.error).toBeGreaterThan(1_000)
    expect(prototypes()).toBe(before)
  })

  it('tries to reach what all objects inherit', () => {
    const before = prototypes()
    const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'toJSON']
    for (const name of names) {
      for (const inner of [{ polluted: true }, null, 5, [{ ['__proto__']: { polluted: true } }]]) {
        const value = msgpack.decode(msgpack.encode({ [name]: { [name]: inner }, b: 1 })) as object
        expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
        expect(Object.hasOwn(value, name)).toBe(true)
        expect(JSON.stringify(Object.assign({}, value))).toContain('"b":1')
        const copy = JSON.parse(JSON.stringify({ ...value }))
        expect((copy as { polluted?: unknown }).polluted).toBeUndefined()
      }
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    expect(prototypes()).toBe(before)
  })

  it('tries to put one key in the place of another', () => {
    // All of these meet in few slots of the cache of keys: only the first, the middle and the last byte count.
    const names = Array.from({ length: 2_000 }, (_, index) => `a${String(index).padStart(9, '0')}z`)
    const object = Object.fromEntries(names.map((name, index) => [name, index]))
    for (let round = 0; round < 3; round++) {
      expect(msgpack.decode(msgpack.encode(object))).toEqual(object)
    }
  })
})

describe('hostile JSON', () => {
  it('is cut off anywhere', () => {
    const { at: _at, bytes: _bytes, numbers: _numbers, ...sample } = SAMPLE
    const payload = json.encode(sample)
    expect(json.decode(payload)).toEqual(sample)
    for (let length = 0; length < payload.length; length++) {
      expect(errorOf(() => json.decode(payload.subarray(0, length)))).not.toBeInstanceOf(LimitError)
    }
  })

  it.each(['{}', '[]', '0', '""', '{"a":0}', 'x', '"'])('is a million times %s', (item) => {
    expect(errorOf(() => json.decode(utf8(`[${`${item},`.repeat(1_000_000)}0]`)))).toBeInstanceOf(
      PeerplexError,
    )
  })

  it('is random: 100 000 payloads, only typed errors', SLOW, () => {
    const random = new Random(0x15011)
    const before = prototypes()
    const words = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '0',
      '-1',
      'null',
      'true',
      '"a"',
      '"$ref"',
      '"__proto__"',
      '\\u0041',
      ' ',
      'é',
    ]
    const seen = { value: 0, error: 0 }
    for (let run = 0; run < 100_000; run++) {
      const payload = random.bool(0.1)
        ? random.bytes(random.int(0, 20))
        : utf8(Array.from({ length: random.int(0, 8) }, () => random.pick(words)).join(''))
      seen[take(json, payload, random.bool() ? importer : undefined)]++
    }
    expect(seen.value).toBeGreaterThan(1_000)
    expect(seen.error).toBeGreaterThan(50_000)
    expect(prototypes()).toBe(before)
  })
})

describe('hostile text', () => {
  it('is random: only typed errors', SLOW, () => {
    const random = new Random(0x7e47)
    const text = createTextCodec()
    for (let run = 0; run < 20_000; run++) take(text, random.bytes(random.int(0, 12)))
  })
})
