import { describe, expect, it } from 'vitest'
import { concat, hex, u32, unhex } from './bytes.js'
import {
  credit,
  data,
  end,
  entry,
  frame,
  goaway,
  header,
  hello,
  ignorable,
  open,
  ping,
  pong,
  preface,
  ref,
  refsValue,
  reset,
  stop,
} from './frame-builders.js'
import { RAW_FLAG } from './naive-frames.js'

const { FIN, MSG, NOPROC, ONEWAY, FINAL } = RAW_FLAG

/** One line per frame type, byte for byte as the protocol document has them. */
const VECTORS: readonly (readonly [string, Uint8Array, string])[] = [
  [
    'OPEN +1 echo json',
    open({ chan: 1, name: 'echo', codec: 1, timeoutMs: 5000, flags: FIN + MSG, payload: '"hi"' }),
    '14000000 02051000 01000000 88130000 00000000 00000104 6563686f 22686922',
  ],
  ['DATA -1', data({ chan: -1, flags: FIN + MSG, payload: '"hi"' }), '04000000 03050000 ffffffff 22686922'],
  [
    'CREDIT -1',
    credit({ chan: -1, byteLimit: 393216, countLimit: 24576 }),
    '08000000 07000000 ffffffff 00000600 00600000',
  ],
  [
    'END -3',
    end({ chan: -3, code: 12, flags: NOPROC, entries: [entry(0x92, 'no such user')] }),
    '13000000 04101300 fdffffff 0c000000 920c006e 6f207375 63682075 736572',
  ],
  ['RESET +7', reset({ chan: 7, code: 1 }), '04000000 05000400 07000000 01000000'],
  [
    'OPEN +2 log one-way',
    open({
      chan: 2,
      name: 'log',
      codec: 2,
      flags: ONEWAY + FIN + MSG,
      entries: [entry(0x82, 'k1'), entry('x-a', '1')],
      payload: unhex('c0'),
    }),
    '1c000000 02251b00 02000000 00000000 00000000 00000203 6c6f6782 02006b31 03782d61 010031c0',
  ],
  [
    'GOAWAY FINAL',
    goaway({ flags: FINAL, code: 0, lastId: 41, graceMs: 10_000 }),
    '0c000000 0a010c00 00000000 00000000 29000000 10270000',
  ],
  [
    'HELLO defaults',
    hello({ entries: [entry(0x9a, 'a'), entry(0x9c, 'json,msgpack')] }),
    '4b000000 01004b00 00000000 38000000 00000000 00000100 00004000 00000400 00400000 00004000 00040000 00401000 c8af0000 00010203 04050607 08090a0b 0c0d0e0f 9a010061 9c0c006a 736f6e2c 6d736770 61636b',
  ],
]

describe('frame builders', () => {
  it.each(VECTORS)('%s is byte-exact', (_, built, expected) => {
    expect(hex(built)).toBe(hex(unhex(expected)))
  })

  it('builds the remaining types', () => {
    expect(hex(preface())).toBe('89505058310d0a1a')
    expect(hex(stop({ chan: -2, code: 1 }), 4)).toBe('04000000 06000400 feffffff 01000000')
    expect(hex(ping({ payload: unhex('0102030405060708') }), 4)).toBe(
      '08000000 08000000 00000000 01020304 05060708',
    )
    expect(hex(pong({ payload: 'abcdefgh' }), 4)).toBe('08000000 09000000 00000000 61626364 65666768')
    expect(hex(ref({ releases: [{ refId: 3, count: 2 }] }), 4)).toBe(
      '08000000 0b000000 00000000 03000000 02000000',
    )
    expect(hex(ignorable({ type: 0xbf, flags: 0xff, chan: -1, payload: 'x' }), 4)).toBe(
      '01000000 bfff0000 ffffffff 78',
    )
  })

  it('sets MSG by itself exactly when a message is given', () => {
    expect(open()[5]).toBe(0)
    expect(open({ payload: 'x' })[5]).toBe(MSG)
    expect(data()[5]).toBe(0)
    expect(data({ payload: '' })[5]).toBe(MSG)
  })

  it('lets every header field lie', () => {
    const bytes = data({
      type: 0xff,
      flags: 0x80,
      size: 2 ** 32 - 1,
      meta: 65535,
      chan: -(2 ** 31),
      payload: 'x',
    })
    expect(hex(bytes, 4)).toBe('ffffffff ff80ffff 00000080 78')
    expect(hex(header({ type: 1 }), 4)).toBe('00000000 01000000 00000000')
    expect(hex(frame({ type: 3, tail: unhex('aabb') }), 4)).toBe('00000000 03000000 00000000 aabb')
  })

  it('lets every body field lie', () => {
    expect(hex(entry('ab', 'cd', { k: 9, valueBytes: 300 }))).toBe('0961622c016364')
    expect(hex(entry(0, ''))).toBe('000000')
    expect(open({ name: 'ab', nameBytes: 200 })[12 + 11]).toBe(200)
    expect(hello({ prefixBytes: 55 })[12]).toBe(55)
    expect(hello({ unknownPrefix: unhex('0102') })[12]).toBe(58)
    expect(hex(refsValue([{ refId: 1, kind: 2, flags: 1 }]))).toBe('0100000002010000')
    expect(hex(stop({ tail: u32(0) }).slice(-4))).toBe('00000000')
    expect(concat([credit({ payload: unhex('00') })]).length).toBe(13)
  })
})
