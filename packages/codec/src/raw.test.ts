import { describe, expect, it } from 'vitest'
import { errorOf, hexOf } from '../test/support.js'
import { createRawCodec } from './raw.js'

const raw = createRawCodec()
const memory = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8])

describe('codec raw', () => {
  it.each<[string, unknown, string]>([
    ['a Uint8Array', new Uint8Array([1, 2]), '01 02'],
    ['a part of one', memory.subarray(2, 4), '03 04'],
    ['an ArrayBuffer', new Uint8Array([9]).buffer, '09'],
    ['a SharedArrayBuffer', new SharedArrayBuffer(2), '00 00'],
    ['a view of 16-bit numbers', new Uint16Array(memory.buffer, 2, 1), '03 04'],
    ['a DataView', new DataView(memory.buffer, 6), '07 08'],
    ['a Buffer', Buffer.from('hi'), '68 69'],
    ['nothing at all', undefined, ''],
  ])('takes %s', (_what, value, hex) => {
    const bytes = raw.encode(value)
    expect(hexOf(bytes)).toBe(hex)
    expect(bytes.buffer.byteLength).toBe(bytes.length)
  })

  it.each([null, 'text', 5, [1, 2], {}, { length: 1, 0: 7 }, Object.create(null), () => memory, Symbol('s')])(
    'refuses %s',
    (value) => {
      expect(errorOf(() => raw.encode(value)).message).toContain('codec raw cannot encode this: value is ')
    },
  )

  it('gives a Uint8Array, not what it was given', () => {
    const decoded = raw.decode(Buffer.from('hi'))
    expect(decoded).toStrictEqual(new Uint8Array([104, 105]))
    expect(Object.getPrototypeOf(decoded)).toBe(Uint8Array.prototype)
  })

  it('copies in both directions', () => {
    const source = new Uint8Array([1, 2, 3])
    const encoded = raw.encode(source)
    const decoded = raw.decode(source)
    source.fill(0xff)
    expect(encoded).toEqual(new Uint8Array([1, 2, 3]))
    expect(decoded).toEqual(new Uint8Array([1, 2, 3]))
  })
})
