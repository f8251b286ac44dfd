import { describe, expect, it } from 'vitest'
import {
  byteAt,
  concat,
  equalBytes,
  hex,
  readI32,
  readU16,
  readU32,
  toBytes,
  u8,
  u16,
  u32,
  unhex,
} from './bytes.js'

describe('bytes', () => {
  it('hex and unhex are inverse, with and without groups', () => {
    const bytes = Uint8Array.of(0, 1, 0xfe, 0xff, 0x10)
    expect(hex(bytes)).toBe('0001feff10')
    expect(hex(bytes, 4)).toBe('0001feff 10')
    expect(unhex(' 00 01\nFEff10 ')).toEqual(bytes)
    expect(() => unhex('abc')).toThrow('not a hex string')
    expect(() => unhex('zz')).toThrow('not a hex string')
  })

  it('writes and reads little-endian numbers, negative ones as two’s complement', () => {
    expect(hex(concat([u8(0x1ff), u16(0x10203), u32(0x01020304), u32(-1)]))).toBe('ff030204030201ffffffff')
    expect(readU16(unhex('0403'), 0)).toBe(0x0304)
    expect(readU32(unhex('00ffffffff'), 1)).toBe(2 ** 32 - 1)
    expect(readI32(unhex('ffffffff'), 0)).toBe(-1)
    expect(readI32(unhex('00000080'), 0)).toBe(-(2 ** 31))
    expect(readI32(u32(2 ** 30), 0)).toBe(2 ** 30)
  })

  it('refuses to read outside', () => {
    expect(() => byteAt(unhex('00'), 1)).toThrow('outside')
    expect(() => readU32(unhex('000000'), 0)).toThrow('outside')
  })

  it('compares and encodes', () => {
    expect(equalBytes(toBytes('ab'), unhex('6162'))).toBe(true)
    expect(equalBytes(toBytes('ab'), unhex('616200'))).toBe(false)
  })
})
