// What makes a general MessagePack library a poor fit for bytes that nobody trusts, row by row: each test first shows msgpackr
// (the fastest one, and the oracle of properties.test.ts) do it, so that a release that changed would be noticed, then ours.
import { createMsgpackCodec } from '@peerplex/codec'
import { Packr } from 'msgpackr/pack'
import { Unpackr, unpack } from 'msgpackr/unpack'
import { describe, expect, it } from 'vitest'
import { bytesFrom, errorOf, hexOf, nested } from './support.js'

const msgpack = createMsgpackCodec()
const plain = new Packr({ useRecords: false, variableMapSize: true })
const strict = new Unpackr({ useRecords: false })
const written = (value: unknown) => hexOf(msgpack.encode(value))

describe('traps of MessagePack libraries', () => {
  it('records instead of maps', () => {
    expect(hexOf(new Packr().pack({ a: 5 }))).toBe('d4 72 40 91 a1 61 05')
    expect(written({ a: 5 })).toBe('81 a1 61 05')
  })

  it('maps with a longer head than needed', () => {
    expect(hexOf(new Packr({ useRecords: false }).pack({ a: 5 }))).toBe('de 00 01 a1 61 05')
    expect(written({ a: 5 })).toBe('81 a1 61 05')
  })

  it('typed arrays that carry the memory of earlier messages', () => {
    const floats = new Float64Array([1.5, 300])
    const leaking = plain.pack(floats)
    expect(leaking).toHaveLength(18)
    expect(hexOf(leaking.subarray(2, 4))).toBe('01 2c')

    msgpack.encode(new Uint8Array(200).fill(0xee))
    expect(msgpack.decode(msgpack.encode(floats))).toStrictEqual(new Uint8Array(floats.buffer))
    const memory = Uint8Array.from({ length: 64 }, (_, index) => index).buffer
    for (const view of [
      new Int8Array(memory, 16, 2),
      new Uint8Array(memory, 16, 2),
      new Uint8ClampedArray(memory, 16, 2),
      new Int16Array(memory, 16, 2),
      new Uint16Array(memory, 16, 2),
      new Int32Array(memory, 16, 2),
      new Uint32Array(memory, 16, 2),
      new Float32Array(memory, 16, 2),
      new Float64Array(memory, 16, 2),
      new BigInt64Array(memory, 16, 2),
      new BigUint64Array(memory, 16, 2),
      new DataView(memory, 16, 2),
    ]) {
      const expected = new Uint8Array(memory.slice(16, 16 + view.byteLength))
      expect(msgpack.decode(msgpack.encode([view]))).toStrictEqual([expected])
    }
  })

  it('a DataView that is empty', () => {
    expect(hexOf(plain.pack(new DataView(new ArrayBuffer(2))))).toBe('c4 00')
    expect(written(new DataView(new Uint8Array([7, 8]).buffer))).toBe('c4 02 07 08')
  })

  it('records that a message defines for itself, which turn small numbers into objects', () => {
    const bytes = bytesFrom('92 d4 72 40 91 a1 61 01 40 05')
    expect(strict.unpack(bytes)).toEqual([{ a: 1 }, { a: 5 }])
    expect(errorOf(() => msgpack.decode(bytes)).message).toContain('an extension of type 114')
    expect(errorOf(() => msgpack.decode(bytesFrom('d5 72 40 00 91 a1 61 05'))).message).toContain('type 114')
    expect(msgpack.decode(bytesFrom('91 40'))).toEqual([64])
  })

  it('integers beyond 32 bits as floats, which typed languages refuse', () => {
    expect(hexOf(plain.pack(2 ** 40))).toBe('cb 42 70 00 00 00 00 00 00')
    expect(written(2 ** 40)).toBe('cf 00 00 01 00 00 00 00 00')
    expect(written(-(2 ** 40))).toBe('d3 ff ff ff 00 00 00 00 00')
  })

  it('64-bit integers that are always a bigint, or rounded', () => {
    expect(strict.unpack(bytesFrom('cf 00 00 00 00 00 00 00 05'))).toBe(5n)
    expect(
      new Unpackr({ useRecords: false, int64AsType: 'number' }).unpack(
        bytesFrom('cf 00 20 00 00 00 00 00 01'),
      ),
    ).toBe(2 ** 53)
    expect(msgpack.decode(bytesFrom('cf 00 00 00 00 00 00 00 05'))).toBe(5)
    expect(msgpack.decode(bytesFrom('cf 00 20 00 00 00 00 00 01'))).toBe(2n ** 53n + 1n)
    expect(msgpack.decode(bytesFrom('d3 ff df ff ff ff ff ff ff'))).toBe(-(2n ** 53n) - 1n)
  })

  it('undefined as an extension', () => {
    expect(hexOf(plain.pack(undefined))).toBe('d4 00 00')
    expect(written(undefined)).toBe('c0')
    expect(errorOf(() => msgpack.decode(bytesFrom('d4 00 00'))).message).toContain('type 0')
  })

  it('errors, sets and functions that quietly become something else', () => {
    expect(strict.unpack(plain.pack(new Error('x')))).toEqual(['Error', 'x', undefined])
    expect(strict.unpack(plain.pack(new Set([1])))).toEqual([1])
    expect(strict.unpack(plain.pack({ f: () => 1 }))).toEqual({ f: undefined })
    for (const value of [new Error('x'), new Set([1]), { f: () => 1 }]) errorOf(() => msgpack.encode(value))
  })

  it('a map whose keys are not strings', () => {
    expect(strict.unpack(plain.pack(new Map([[{}, 1]]).size))).toBe(1)
    expect(errorOf(() => msgpack.encode(new Map([[{}, 1]]))).message).toContain(
      'a Map with a key of type object',
    )
    expect(() => strict.unpack(bytesFrom('81 80 01'))).toThrow()
    expect(errorOf(() => msgpack.decode(bytesFrom('81 80 01'))).message).toContain('neither a string nor')
  })

  it('a bigint beyond 64 bits as an untyped error', () => {
    expect(() => plain.pack(2n ** 64n)).toThrow(RangeError)
    expect(errorOf(() => msgpack.encode(2n ** 64n)).message).toContain('beyond 64 bits')
  })

  it('a zero below zero', () => {
    expect(Object.is(strict.unpack(plain.pack(-0)), 0)).toBe(true)
    expect(Object.is(msgpack.decode(msgpack.encode(-0)), 0)).toBe(true)
  })

  it('results that keep a large buffer alive, and bytes that are written again', () => {
    const large = msgpack.encode({ text: 'x'.repeat(5_000) })
    expect(large.buffer.byteLength).toBe(large.length)
    const first = msgpack.encode([1])
    // Neighbours in one block, which is never written again where something stands.
    expect(first.buffer.byteLength).toBeLessThanOrEqual(16_384)
    for (let count = 0; count < 20_000; count++) msgpack.encode([2, 'other'])
    expect(first).toEqual(new Uint8Array([0x91, 1]))
    expect(() => msgpack.encode([1, () => 0])).toThrow()
    expect(first).toEqual(new Uint8Array([0x91, 1]))
    expect(Object.getPrototypeOf(first)).toBe(Uint8Array.prototype)
  })

  it('bytes that are a view of the payload, and a Buffer', () => {
    const payload = Buffer.from('c4020102', 'hex')
    const view = strict.unpack(payload) as Uint8Array
    expect(view.buffer).toBe(payload.buffer)
    expect(view).toBeInstanceOf(Buffer)
    const own = msgpack.decode(payload) as Uint8Array
    expect(own.buffer.byteLength).toBe(2)
    expect(Object.getPrototypeOf(own)).toBe(Uint8Array.prototype)
    payload.fill(0xff)
    expect(own).toEqual(new Uint8Array([1, 2]))
  })

  it('nesting and circles that end in an exhausted stack', () => {
    expect(() => strict.unpack(new Uint8Array(1_000_000).fill(0x91))).toThrow(RangeError)
    expect(() => plain.pack(nested(100_000))).toThrow(RangeError)
    expect(errorOf(() => msgpack.decode(new Uint8Array(1_000_000).fill(0x91))).message).toContain('maxDepth')
    expect(errorOf(() => msgpack.encode(nested(100_000))).message).toContain('maxDepth')
  })

  it('the byte c1 as a value', () => {
    expect(strict.unpack(bytesFrom('91 c1'))).not.toEqual([null])
    expect(errorOf(() => msgpack.decode(bytesFrom('91 c1'))).message).toContain('(at byte 1 of 2)')
  })

  it('text that is not UTF-8, in both directions', () => {
    expect(strict.unpack(bytesFrom('a2 c3 28'))).toBe('\ufffd(')
    expect(hexOf(plain.pack('\ud800'))).toBe('a3 ed a0 80')
    expect(written('\ud800')).toBe('a3 ef bf bd')
    const bad = [
      'a1 80',
      'a1 ff',
      'a2 c3 28',
      'a2 c0 80',
      'a3 ed a0 80',
      'a3 e2 82 28',
      'a4 f4 90 80 80',
      'a2 f0 9f',
    ]
    for (const hex of bad) {
      expect(errorOf(() => msgpack.decode(bytesFrom(hex))).message).toContain('not valid UTF-8')
      expect(errorOf(() => msgpack.decode(bytesFrom(`81 ${hex} c0`))).message).toContain('not valid UTF-8')
      const padded = `d9 ${(0x40 + Number.parseInt(hex.slice(1, 2), 16)).toString(16)} ${'61 '.repeat(64)} ${hex.slice(3)}`
      expect(errorOf(() => msgpack.decode(bytesFrom(padded))).message).toContain('not valid UTF-8')
    }
  })

  it('a key __proto__ that is renamed, onto another key if need be', () => {
    const bytes = msgpack.encode({ ['__proto__']: { polluted: true }, __proto_: 1 })
    expect(strict.unpack(bytes)).toEqual({ __proto_: 1 })
    const value = msgpack.decode(bytes) as { polluted?: unknown }
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(Object.getOwnPropertyDescriptor(value, '__proto__')?.value).toEqual({ polluted: true })
    expect(Object.keys(value)).toEqual(['__proto_'])
    expect(value.polluted).toBeUndefined()
    expect(Object.getPrototypeOf(Object.assign({}, value))).toBe(Object.prototype)
  })

  it('times far away that are read as near ones', () => {
    const bytes = bytesFrom('c7 0c ff 00 00 00 00 01 00 00 00 00 00 00 01')
    expect(strict.unpack(bytes)).toEqual(new Date(1_000))
    expect(errorOf(() => msgpack.decode(bytes)).message).toContain('outside the range of Date')
    for (const seconds of ['00 00 07 db a8 21 80 01', 'ff ff f8 24 57 de 7f ff', '7f ff ff ff ff ff ff ff']) {
      const far = bytesFrom(`c7 0c ff 00 00 00 00 ${seconds}`)
      expect(errorOf(() => msgpack.decode(far)).message).toContain('outside the range of Date')
    }
  })

  it('objects that lead back into themselves', () => {
    const circle: unknown[] = []
    circle.push(circle)
    const bytes = new Packr({ useRecords: false, structuredClone: true }).pack(circle)
    const read = strict.unpack(bytes)
    expect(read[0]).toBe(read)
    expect(errorOf(() => msgpack.decode(bytes)).message).toContain('an extension of type 105')
  })

  it('a set, an error or a pattern out of bytes', () => {
    const rich = new Packr({ useRecords: false, moreTypes: true })
    for (const value of [new Set([1]), new Error('x'), /x/g, new Float64Array(1)]) {
      const bytes = rich.pack(value)
      expect(strict.unpack(bytes)).toEqual(value)
      expect(errorOf(() => msgpack.decode(bytes)).message).toContain('an extension of type')
    }
  })

  it('one set of extensions for the whole program', () => {
    // Whoever registers one changes what every user of that library reads and writes; ours has none to change.
    expect(Object.keys(unpack)).toEqual([])
    expect(Object.isFrozen(msgpack)).toBe(true)
  })
})
