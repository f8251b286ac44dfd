// MessagePack byte by byte: every format both ways, and what becomes of values that have none of their own.
import { UsageError } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { msgpack, read, written } from '../test/msgpack-support.js'
import { bytesFrom, errorOf, hexOf } from '../test/support.js'

/** The first bytes of what a long value becomes. */
const headOf = (value: unknown, count: number) => hexOf(msgpack.encode(value).subarray(0, count))

describe('MessagePack, format by format', () => {
  it.each<[string, unknown, string]>([
    ['positive fixint, least', 0, '00'],
    ['positive fixint, most', 127, '7f'],
    ['negative fixint, least', -32, 'e0'],
    ['negative fixint, most', -1, 'ff'],
    ['nil', null, 'c0'],
    ['false', false, 'c2'],
    ['true', true, 'c3'],
    ['uint 8, least', 128, 'cc 80'],
    ['uint 8, most', 255, 'cc ff'],
    ['uint 16, least', 256, 'cd 01 00'],
    ['uint 16, most', 65_535, 'cd ff ff'],
    ['uint 32, least', 65_536, 'ce 00 01 00 00'],
    ['uint 32, most', 4_294_967_295, 'ce ff ff ff ff'],
    ['uint 64, least', 4_294_967_296, 'cf 00 00 00 01 00 00 00 00'],
    ['uint 64, a number', 1_234_567_890_123, 'cf 00 00 01 1f 71 fb 04 cb'],
    ['uint 64, most as a number', Number.MAX_SAFE_INTEGER, 'cf 00 1f ff ff ff ff ff ff'],
    ['uint 64, least as a bigint', 9_007_199_254_740_992n, 'cf 00 20 00 00 00 00 00 00'],
    ['uint 64, most', 18_446_744_073_709_551_615n, 'cf ff ff ff ff ff ff ff ff'],
    ['int 8, most', -33, 'd0 df'],
    ['int 8, least', -128, 'd0 80'],
    ['int 16, most', -129, 'd1 ff 7f'],
    ['int 16, least', -32_768, 'd1 80 00'],
    ['int 32, most', -32_769, 'd2 ff ff 7f ff'],
    ['int 32, least', -2_147_483_648, 'd2 80 00 00 00'],
    ['int 64, most', -2_147_483_649, 'd3 ff ff ff ff 7f ff ff ff'],
    ['int 64, least as a number', Number.MIN_SAFE_INTEGER, 'd3 ff e0 00 00 00 00 00 01'],
    ['int 64, most as a bigint', -9_007_199_254_740_992n, 'd3 ff e0 00 00 00 00 00 00'],
    ['int 64, least', -9_223_372_036_854_775_808n, 'd3 80 00 00 00 00 00 00 00'],
    ['float 64', 1.1, 'cb 3f f1 99 99 99 99 99 9a'],
    ['float 64, least', Number.MIN_VALUE, 'cb 00 00 00 00 00 00 00 01'],
    ['float 64, most', Number.MAX_VALUE, 'cb 7f ef ff ff ff ff ff ff'],
    ['float 64, below zero', -0.5, 'cb bf e0 00 00 00 00 00 00'],
    ['fixstr, empty', '', 'a0'],
    ['fixstr', 'Ã©', 'a4 c3 83 c2 a9'],
    ['fixstr, four bytes a character', '😀', 'a4 f0 9f 98 80'],
    ['fixstr, three bytes a character', '€', 'a3 e2 82 ac'],
    ['fixarray, empty', [], '90'],
    ['fixarray', [1, [2, 'a'], null], '93 01 92 02 a1 61 c0'],
    ['fixmap, empty', {}, '80'],
    ['fixmap', { compact: true, schema: 0 }, '82 a7 63 6f 6d 70 61 63 74 c3 a6 73 63 68 65 6d 61 00'],
    ['bin 8, empty', new Uint8Array(0), 'c4 00'],
    ['bin 8', new Uint8Array([1, 255]), 'c4 02 01 ff'],
    ['timestamp 32, least', new Date(0), 'd6 ff 00 00 00 00'],
    ['timestamp 32, most', new Date(4_294_967_295_000), 'd6 ff ff ff ff ff'],
    ['timestamp 64, after 32 bits', new Date(4_294_967_296_000), 'd7 ff 00 00 00 01 00 00 00 00'],
    ['timestamp 64, with milliseconds', new Date(1_999), 'd7 ff ee 2e 1f 00 00 00 00 01'],
    ['timestamp 64, most', new Date(17_179_869_183_999), 'd7 ff ee 2e 1f 03 ff ff ff ff'],
    [
      'timestamp 96, after 34 bits',
      new Date(17_179_869_184_000),
      'c7 0c ff 00 00 00 00 00 00 00 04 00 00 00 00',
    ],
    ['timestamp 96, before 1970', new Date(-1), 'c7 0c ff 3b 8b 87 c0 ff ff ff ff ff ff ff ff'],
    ['timestamp 96, most', new Date(8.64e15), 'c7 0c ff 00 00 00 00 00 00 07 db a8 21 80 00'],
    ['timestamp 96, least', new Date(-8.64e15), 'c7 0c ff 00 00 00 00 ff ff f8 24 57 de 80 00'],
  ])('%s', (_name, value, hex) => {
    expect(written(value)).toBe(hex)
    expect(read(hex)).toStrictEqual(value)
  })

  it.each([
    ['fixstr', 31, 'bf 78'],
    ['str 8, least', 32, 'd9 20 78'],
    ['str 8, in the loop', 48, 'd9 30 78'],
    ['str 8, encoded', 49, 'd9 31 78'],
    ['str 8, most', 255, 'd9 ff 78'],
    ['str 16, least', 256, 'da 01 00 78'],
    ['str 16, encoded in place', 16_384, 'da 40 00 78'],
    ['str 16, encoded alone', 16_385, 'da 40 01 78'],
    ['str 16, most', 65_535, 'da ff ff 78'],
    ['str 32', 65_536, 'db 00 01 00 00 78'],
  ])('%s', (_name, length, head) => {
    const text = 'x'.repeat(length)
    const bytes = msgpack.encode(text)
    expect(headOf(text, head.split(' ').length)).toBe(head)
    expect(bytes).toHaveLength(head.split(' ').length - 1 + length)
    expect(msgpack.decode(bytes)).toBe(text)
  })

  it('reads a text in the midst of other bytes, whatever lies behind it', () => {
    for (let length = 0; length <= 40; length++) {
      const plain = 'abcdefghij0123456789ABCDEFGHIJ!?.,-+*/#:'.slice(0, length)
      const texts = [plain, ...[...plain].map((_, at) => `${plain.slice(0, at)}é${plain.slice(at + 2)}`)]
      for (const text of texts) {
        const bytes = msgpack.encode(text)
        for (const room of [0, 3, 64]) {
          const around = new Uint8Array(5 + bytes.length + room).fill(0xff)
          around.set(bytes, 5)
          expect(msgpack.decodeRange?.(around, 5, 5 + bytes.length)).toBe(text)
        }
      }
    }
  })

  it('has a text that is longer in bytes than in characters under the head of its bytes', () => {
    for (const character of ['é', '€', '😀', '\ud800']) {
      for (const length of [1, 10, 11, 15, 16, 24, 31, 32, 48, 49, 63, 64, 84, 86, 127, 128, 200, 255, 256]) {
        for (const count of [length, 100 * length]) {
          const text = character.repeat(count)
          const bytes = msgpack.encode(text)
          const { length: textBytes } = new TextEncoder().encode(text)
          const headBytes = textBytes < 32 ? 1 : textBytes < 256 ? 2 : textBytes < 65_536 ? 3 : 5
          expect(bytes).toHaveLength(headBytes + textBytes)
          expect(msgpack.decode(bytes)).toBe(character === '\ud800' ? '\ufffd'.repeat(count) : text)
        }
      }
    }
  })

  it.each([
    ['bin 8, most', 255, 'c4 ff'],
    ['bin 16, least', 256, 'c5 01 00'],
    ['bin 16, most', 65_535, 'c5 ff ff'],
    ['bin 32', 65_536, 'c6 00 01 00 00'],
  ])('%s', (_name, length, head) => {
    const bin = new Uint8Array(length).fill(7)
    expect(headOf(bin, head.split(' ').length)).toBe(head)
    expect(msgpack.decode(msgpack.encode(bin))).toStrictEqual(bin)
  })

  it.each([
    ['fixarray, most', 15, '9f'],
    ['array 16, least', 16, 'dc 00 10'],
    ['array 16, most', 65_535, 'dc ff ff'],
    ['array 32', 65_536, 'dd 00 01 00 00'],
  ])('%s', (_name, length, head) => {
    const array = new Array<number>(length).fill(7)
    expect(headOf(array, head.split(' ').length)).toBe(head)
    expect(msgpack.decode(msgpack.encode(array))).toStrictEqual(array)
  })

  it.each([
    ['fixmap, most', 15, '8f'],
    ['map 16, least', 16, 'de 00 10'],
    ['map 16, most', 65_535, 'de ff ff'],
    ['map 32', 65_536, 'df 00 01 00 00'],
  ])('%s', (_name, length, head) => {
    const keys = Array.from({ length }, (_, index) => `k${index}`)
    const map = Object.fromEntries(keys.map((key) => [key, 7]))
    for (const value of [map, new Map(Object.entries(map))]) {
      expect(headOf(value, head.split(' ').length)).toBe(head)
      expect(msgpack.decode(msgpack.encode(value))).toStrictEqual(map)
    }
  })

  it.each<[string, string, unknown]>([
    ['float 32', 'ca 40 49 0f db', Math.fround(Math.PI)],
    ['float 32, infinite', 'ca ff 80 00 00', Number.NEGATIVE_INFINITY],
    ['float 32, not a number', 'ca 7f c0 00 00', Number.NaN],
    ['str 8', 'd9 02 c3 a9', 'é'],
    ['str 16', 'da 00 02 c3 a9', 'é'],
    ['str 32', 'db 00 00 00 02 c3 a9', 'é'],
    ['bin 16', 'c5 00 01 07', new Uint8Array([7])],
    ['bin 32', 'c6 00 00 00 01 07', new Uint8Array([7])],
    ['array 16', 'dc 00 01 c3', [true]],
    ['array 32', 'dd 00 00 00 01 c3', [true]],
    ['map 16', 'de 00 01 a1 61 c3', { a: true }],
    ['map 32', 'df 00 00 00 01 a1 61 c3', { a: true }],
    ['a key as str 8', '81 d9 01 61 c3', { a: true }],
    ['a key as str 16', '81 da 00 01 61 c3', { a: true }],
    ['a key as str 32', '81 db 00 00 00 01 61 c3', { a: true }],
    ['an empty key', '81 a0 c3', { '': true }],
    ['uint 8 as a key', '81 cc 80 c3', { 128: true }],
    ['int 64 as a key', '81 d3 80 00 00 00 00 00 00 00 c3', { '-9223372036854775808': true }],
    ['uint 8 of a fixint', 'cc 05', 5],
    ['uint 16 of a fixint', 'cd 00 05', 5],
    ['uint 32 of a fixint', 'ce 00 00 00 05', 5],
    ['uint 64 of a fixint', 'cf 00 00 00 00 00 00 00 05', 5],
    ['int 8 of a fixint', 'd0 05', 5],
    ['int 16 of a fixint', 'd1 00 05', 5],
    ['int 32 of a fixint', 'd2 00 00 00 05', 5],
    ['int 64 of a fixint', 'd3 00 00 00 00 00 00 00 05', 5],
    ['int 64 of a negative fixint', 'd3 ff ff ff ff ff ff ff ff', -1],
    ['timestamp 32 as ext 8', 'c7 04 ff 00 00 00 01', new Date(1_000)],
    ['timestamp 64 as ext 16', 'c8 00 08 ff 00 00 00 00 00 00 00 01', new Date(1_000)],
    ['timestamp 96 as ext 32', 'c9 00 00 00 0c ff 00 00 00 00 00 00 00 00 00 00 00 01', new Date(1_000)],
  ])('also reads %s', (_name, hex, value) => {
    expect(read(hex)).toStrictEqual(value)
  })

  it.each([
    'd4 05 00',
    'd5 05 00 00',
    'd6 05 00 00 00 00',
    'd7 05 00 00 00 00 00 00 00 00',
    `d8 05 ${'00 '.repeat(16)}`,
    'c7 00 05',
    'c7 03 05 00 00 00',
    'c8 00 03 05 00 00 00',
    'c9 00 00 00 03 05 00 00 00',
    'd4 80 00',
    'c7 00 ff',
    'd4 01 00',
    'c7 00 01',
    `c7 0d ff ${'00 '.repeat(13)}`,
  ])('refuses the extension %s', (hex) => {
    expect(errorOf(() => read(hex)).message).toMatch(/there is (an extension of type|a timestamp of)/)
  })

  it('has a form for every first byte but c1', () => {
    const rest = new Uint8Array(40)
    const refused: number[] = []
    for (let head = 0; head < 0x100; head++) {
      try {
        msgpack.decode(new Uint8Array([head, ...rest]))
      } catch (error) {
        if (/byte c1/.test((error as Error).message)) refused.push(head)
      }
    }
    expect(refused).toEqual([0xc1])
  })
})

describe('values on the way out', () => {
  it('leave out properties that are undefined, in small maps and in large ones', () => {
    expect(written({ a: undefined })).toBe('80')
    expect(written({ a: undefined, b: undefined, c: 1 })).toBe('81 a1 63 01')
    for (const count of [15, 16, 17, 40]) {
      const object: Record<string, unknown> = {}
      for (let index = 0; index < count; index++) object[`k${index}`] = index === 3 ? undefined : index
      const { k3: _, ...expected } = object
      expect(written(object)).toBe(written(expected))
      expect(msgpack.decode(msgpack.encode(object))).toStrictEqual(expected)
    }
  })

  it('leave out what is inherited', () => {
    const inherited: PropertyDescriptor = { value: 1, enumerable: true, configurable: true }
    Object.defineProperty(Object.prototype, 'everywhere', inherited)
    const bytes = msgpack.encode({ a: 2 })
    Reflect.deleteProperty(Object.prototype, 'everywhere')
    expect(hexOf(bytes)).toBe('81 a1 61 02')
  })

  it('keep undefined in a Map as null, which is what its key is there for', () => {
    expect(written(new Map([['a', undefined]]))).toBe('81 a1 61 c0')
  })

  it('are what a toJSON method makes of them, with the key it is asked for', () => {
    const asked: string[] = []
    class Money {
      toJSON(key: string) {
        asked.push(key)
        return [key]
      }
    }
    expect(msgpack.decode(msgpack.encode([new Money(), { price: new Money() }]))).toEqual([
      ['0'],
      { price: ['price'] },
    ])
    expect(msgpack.decode(msgpack.encode({ toJSON: () => 5 }))).toBe(5)
    expect(msgpack.decode(msgpack.encode({ toJSON: 'data' }))).toEqual({ toJSON: 'data' })
    expect(written(new URL('http://a.example/'))).toBe(written('http://a.example/'))
    expect(asked).toEqual(['0', 'price'])
  })

  it('are refused when toJSON leads nowhere', () => {
    const own = {
      toJSON() {
        return this
      },
    }
    expect(errorOf(() => msgpack.encode([own])).message).toContain(
      'value[0] has a toJSON method that returns an object with another one',
    )
  })

  it.each<[string, unknown, string]>([
    ['a function in an array', [1, { shout: () => 1 }], 'value[1].shout is a function'],
    ['a function alone', () => 1, 'value is a function'],
    ['a function under an odd key', { 'a b': [() => 1] }, 'value["a b"][0] is a function'],
    ['a function in a Map', { m: new Map([['f', () => 1]]) }, 'value.m.f is a function'],
    ['a function behind toJSON', [{ toJSON: () => () => 1 }], 'value[0] is a function'],
    ['a symbol', [Symbol('s')], 'value[0] is a symbol'],
    ['a large bigint', { n: 2n ** 64n }, 'value.n is a bigint beyond 64 bits'],
    ['a small bigint', { n: -(2n ** 63n) - 1n }, 'value.n is a bigint beyond 64 bits'],
    ['a promise', { user: Promise.resolve() }, 'value.user is a Promise'],
    ['a stream', { lines: new ReadableStream() }, 'value.lines is a stream'],
    ['a writable', { out: new WritableStream() }, 'value.out is a stream'],
    ['an async iterable', { lines: { [Symbol.asyncIterator]: () => 1 } }, 'value.lines is a stream'],
    ['a WeakMap', [new WeakMap()], 'value[0] is an instance of WeakMap'],
    ['a class without a name', [new (class {})()], 'value[0] is an instance of a class'],
    ['a boxed text', [new String('x')], 'value[0] is an instance of String'],
    ['a key that is long', { ['k'.repeat(99)]: () => 1 }, `value["${'k'.repeat(40)}…"] is a function`],
    [
      'a Map with other keys',
      [
        new Map<unknown, unknown>([
          ['a', 1],
          [{}, 2],
        ]),
      ],
      'value[0] is a Map with a key of type object',
    ],
  ])('name the place of %s', (_what, value, message) => {
    const error = errorOf(() => msgpack.encode(value))
    expect(error).toBeInstanceOf(UsageError)
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', delivery: 'not-sent', origin: 'local' })
    expect(error.message.startsWith(`codec msgpack cannot encode this: ${message}`)).toBe(true)
  })

  it('shorten a path that is long', () => {
    let value: unknown = () => 1
    for (let level = 0; level < 40; level++) value = { deep: value }
    expect(errorOf(() => msgpack.encode(value)).message).toContain(
      `value${'.deep'.repeat(8)}…${'.deep'.repeat(8)} is a function`,
    )
  })

  it('name the place where a circle closes', () => {
    const self: Record<string, unknown> = { name: 'a' }
    self.self = self
    expect(errorOf(() => msgpack.encode(self)).message).toContain('value.self is circular')
    const tree = { children: [{ parent: undefined as unknown }] }
    ;(tree.children[0] as { parent: unknown }).parent = tree
    expect(errorOf(() => msgpack.encode([0, tree])).message).toContain(
      'value[1].children[0].parent is circular',
    )
    const map = new Map<string, unknown>()
    map.set('me', [map])
    expect(errorOf(() => msgpack.encode(map)).message).toContain('value.me[0] is circular')
  })

  it('may hold the same object many times', () => {
    const shared = { a: 1 }
    expect(msgpack.decode(msgpack.encode([shared, shared, { shared }]))).toEqual([shared, shared, { shared }])
  })

  it('fail with a typed error when they fail to be read', () => {
    const boom = new Error('boom')
    const bad = {
      fine: 1,
      get bad() {
        throw boom
      },
    }
    const error = errorOf(() => msgpack.encode([bad]))
    expect(error.message).toContain('value[0].bad failed while it was read: boom')
    expect(error.cause).toBe(boom)
    const odd = {
      toJSON() {
        throw 'odd'
      },
    }
    expect(errorOf(() => msgpack.encode(odd)).message).toContain(
      'value failed while it was read: string thrown',
    )
  })

  it('come from other realms as well', async () => {
    const { runInNewContext } = await import('node:vm')
    expect(msgpack.decode(msgpack.encode(runInNewContext('({ a: [1, { b: null }] })')))).toEqual({
      a: [1, { b: null }],
    })
  })

  it('leave nothing behind after an error', () => {
    errorOf(() => msgpack.encode(['x'.repeat(1_000_000), [() => 1]]))
    errorOf(() => msgpack.decode(bytesFrom('92 93 01')))
    expect(written([1])).toBe('91 01')
    expect(read('91 01')).toEqual([1])
  })

  it('may encode and decode while they are encoded and decoded', () => {
    const value = {
      inner: {
        toJSON: () => Array.from(msgpack.encode({ again: [1, 2, 3] })),
      },
      after: 'x'.repeat(100),
    }
    const decoded = msgpack.decode(msgpack.encode(value)) as { inner: number[]; after: string }
    expect(msgpack.decode(Uint8Array.from(decoded.inner))).toEqual({ again: [1, 2, 3] })
    expect(decoded.after).toBe(value.after)
    const refs = { importRef: (position: number) => msgpack.decode(bytesFrom(`92 0${position} c3`)) }
    expect(read('93 d6 01 00 00 00 07 a1 78 d6 01 00 00 00 08', refs)).toEqual([[7, true], 'x', [8, true]])
  })
})
