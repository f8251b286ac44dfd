import { describe, expect, it } from 'vitest'
import { concat, hex, toText, u32, unhex } from './bytes.js'
import * as build from './frame-builders.js'
import { type NaiveContext, naiveDecode, splitPreface } from './naive-codec.js'
import { naiveEncode } from './naive-encode.js'
import { type NaiveFrame, RAW_FLAG, readAsMs } from './naive-frames.js'

const { FIN, MORE, MSG, TRL, IDEM, NOPROC, ONEWAY, FINAL } = RAW_FLAG

/** After the HELLO, unless told otherwise. */
function decodeOne(bytes: Uint8Array, context: NaiveContext = {}): NaiveFrame {
  const result = naiveDecode(bytes, { helloSeen: true, ...context })
  expect(result.reason).toBeUndefined()
  expect(result.frames).toHaveLength(1)
  return result.frames[0] as NaiveFrame
}

function errorOf(bytes: Uint8Array, context: NaiveContext = {}): string | undefined {
  return naiveDecode(bytes, { helloSeen: true, ...context }).error
}

describe('naive decoder: good frames', () => {
  it('reads the vectors of the protocol document', () => {
    const decode = (text: string) => decodeOne(unhex(text))
    expect(decode('14000000 02051000 01000000 88130000 00000000 00000104 6563686f 22686922')).toMatchObject({
      kind: 'OPEN',
      chan: 1,
      flags: 5,
      timeoutMs: 5000,
      rxBytes: 0,
      rxMsgs: 0,
      codec: 1,
    })
    expect(decode('04000000 03050000 ffffffff 22686922')).toMatchObject({
      kind: 'DATA',
      chan: -1,
      entries: [],
    })
    expect(decode('08000000 07000000 ffffffff 00000600 00600000')).toMatchObject({
      kind: 'CREDIT',
      chan: -1,
      byteLimit: 393216,
      countLimit: 24576,
    })
    const end = decode('13000000 04101300 fdffffff 0c000000 920c006e 6f207375 63682075 736572')
    expect(end).toMatchObject({ kind: 'END', chan: -3, code: 12, flags: NOPROC })
    expect(end.kind === 'END' && end.entries.map((one) => [one.id, one.key, toText(one.value)])).toEqual([
      [0x92, 'message', 'no such user'],
    ])
    expect(decode('04000000 05000400 07000000 01000000')).toMatchObject({ kind: 'RESET', chan: 7, code: 1 })
    const log = decode(
      '1c000000 02251b00 02000000 00000000 00000000 00000203 6c6f6782 02006b31 03782d61 010031c0',
    )
    expect(
      log.kind === 'OPEN' && log.entries.map((one) => `${one.id} ${one.key}=${toText(one.value)}`),
    ).toEqual(['130 route-key=k1', '0 x-a=1'])
    expect(log.kind === 'OPEN' && [toText(log.name), hex(log.payload)]).toEqual(['log', 'c0'])
    expect(decode('0c000000 0a010c00 00000000 00000000 29000000 10270000')).toMatchObject({
      kind: 'GOAWAY',
      flags: FINAL,
      code: 0,
      lastId: 41,
      graceMs: 10_000,
    })
    const hello = naiveDecode(
      unhex(
        '4b000000 01004b00 00000000 38000000 00000000 00000100 00004000 00000400 00400000 00004000 00040000 00401000 c8af0000 00010203 04050607 08090a0b 0c0d0e0f 9a010061 9c0c006a 736f6e2c 6d736770 61636b',
      ),
    )
    expect(hello.helloSeen).toBe(true)
    expect(hello.frames[0]).toMatchObject({
      kind: 'HELLO',
      prefixBytes: 56,
      maxFrame: 65536,
      maxMessage: 4194304,
      rxBytes: 262144,
      rxMsgs: 16384,
      connBytes: 4194304,
      opens: 1024,
      maxMeta: 16384,
      partials: 16,
      idleMs: 45000,
      instance: unhex('000102030405060708090a0b0c0d0e0f'),
    })
  })

  it('reads a list, gives offsets, and leaves an incomplete frame alone', () => {
    const bytes = concat([
      build.hello(),
      build.ping(),
      build.open(),
      build.data({ payload: 'abc' }).slice(0, 13),
    ])
    const result = naiveDecode(bytes)
    expect(result.frames.map((one) => `${one.kind}@${one.at}`)).toEqual(['HELLO@0', 'PING@68', 'OPEN@88'])
    expect(result).toMatchObject({ at: 116, restBytes: 13, helloSeen: true })
    expect(naiveDecode(bytes, { isWholeMessage: true })).toMatchObject({ error: 'PROTOCOL_ERROR', at: 116 })
    expect(naiveDecode(bytes.slice(0, 7))).toMatchObject({ at: 0, restBytes: 7, frames: [] })
  })

  it('skips ignorable frames whatever their flags and channel are', () => {
    const skipped = build.ignorable({ type: 0xbf, flags: 0xff, chan: -(2 ** 31), meta: 2, payload: 'abc' })
    expect(decodeOne(skipped)).toMatchObject({ kind: 'IGNORABLE', type: 0xbf, body: unhex('616263') })
  })

  it('reads unknown HELLO prefix bytes, and ignores the reserved field', () => {
    const bytes = build.hello({ unknownPrefix: unhex('0102'), reserved: 7, entries: [build.entry('x', 'y')] })
    const frame = naiveDecode(bytes).frames[0]
    expect(frame?.kind === 'HELLO' && [hex(frame.unknownPrefix), frame.entries.length]).toEqual(['0102', 1])
  })

  it('accepts everything at its limits', () => {
    decodeOne(build.data({ payload: new Uint8Array(65536) }))
    decodeOne(
      build.open({ name: 'x'.repeat(255), rxBytes: 2 ** 31 - 1, rxMsgs: 65535, timeoutMs: 2 ** 32 - 1 }),
    )
    decodeOne(build.open({ chan: 2 ** 30 - 1, name: unhex('7fff20') }))
    decodeOne(build.reset({ chan: -(2 ** 30) + 1, code: 0, flags: NOPROC }))
    decodeOne(build.data({ entries: Array.from({ length: 65 }, () => build.entry('a', '')) }))
    decodeOne(build.data({ flags: FIN + TRL }))
    decodeOne(build.data({ flags: FIN + MSG + TRL, entries: [build.entry('a', '')], payload: 'x' }))
    decodeOne(build.open({ flags: FIN + ONEWAY }))
    decodeOne(build.goaway({ lastId: 2 ** 30 - 1, flags: FINAL, code: 64 }))
    expect(readAsMs(2 ** 31)).toBe(2 ** 31 - 1)
  })
})

describe('naive decoder: errors', () => {
  const FRAME_SIZE: readonly (readonly [string, Uint8Array, NaiveContext?])[] = [
    ['top byte of size', build.data({ size: 0x01000000 }), { maxFrame: 2 ** 24 - 1 }],
    ['size above maxFrame', build.data({ size: 65537 })],
    ['size above maxFrame, ignorable type', build.ignorable({ size: 65537 })],
    ['size above maxFrame, illegal type', build.frame({ type: 0, size: 65537 })],
    ['meta above maxMeta', build.data({ meta: 16385, size: 20000 })],
    [
      'meta of HELLO above 16384',
      build.hello({ meta: 16385, size: 16385 }),
      { helloSeen: false, maxMeta: 65535 },
    ],
    ['meta above size', build.ignorable({ meta: 2, payload: 'x' })],
    ['short HELLO', build.frame({ type: 1, metadata: new Uint8Array(55) }), { helloSeen: false }],
    ['HELLO with payload', build.hello({ meta: 56, entries: [build.entry('a', '')] }), { helloSeen: false }],
    ['short OPEN', build.frame({ type: 2, chan: 1, metadata: new Uint8Array(11) })],
    ['short END', build.frame({ type: 4, chan: 1, metadata: new Uint8Array(3) })],
    ['short RESET', build.frame({ type: 5, chan: 1, metadata: new Uint8Array(3) })],
    ['RESET with payload', build.reset({ payload: 'x' })],
    ['STOP with entries', build.frame({ type: 6, chan: 1, metadata: new Uint8Array(5) })],
    ['STOP as payload', build.frame({ type: 6, chan: 1, payload: u32(1) })],
    ['long PING', build.ping({ payload: '123456789' })],
    ['PONG as metadata', build.pong({ meta: 8 })],
    ['short CREDIT', build.credit({ payload: u32(0) })],
    ['short GOAWAY', build.frame({ type: 10, metadata: new Uint8Array(11) })],
    ['GOAWAY with payload', build.goaway({ payload: 'x' })],
    ['empty REF', build.ref({ releases: [] })],
    ['REF of 9 bytes', build.frame({ type: 11, payload: new Uint8Array(9) })],
    ['REF with metadata', build.ref({ meta: 8 })],
    ['length before HELLO-first', build.ping({ payload: '' }), { helloSeen: false }],
    ['length before flags and channel', build.stop({ size: 3, meta: 3, flags: 0xff, chan: 0 })],
  ]
  for (const [rule, bytes, context] of FRAME_SIZE)
    it(`FRAME_SIZE: ${rule}`, () => expect(errorOf(bytes, context)).toBe('FRAME_SIZE'))

  const many = Array.from({ length: 65 }, () => build.entry('a', ''))
  const one = [build.entry('a', '')]
  const inData = (...entries: Uint8Array[]): Uint8Array => build.data({ entries, payload: '' })
  const PROTOCOL_ERROR: readonly (readonly [string, Uint8Array, NaiveContext?])[] = [
    ['PING first', build.ping(), { helloSeen: false }],
    ['ignorable first', build.ignorable(), { helloSeen: false }],
    ['second HELLO', build.hello()],
    ['type 00', build.frame({ type: 0 })],
    ['type 0C', build.frame({ type: 12 })],
    ['type 40', build.frame({ type: 0x40 })],
    ['type C0', build.frame({ type: 0xc0 })],
    ['type FF', build.frame({ type: 0xff })],
    ['flag on HELLO', build.hello({ flags: 1 }), { helloSeen: false }],
    ['TRL on OPEN', build.open({ flags: TRL })],
    ['IDEM on DATA', build.data({ flags: IDEM + MSG })],
    ['FIN on END', build.end({ flags: FIN })],
    ['FIN on RESET', build.reset({ flags: FIN })],
    ['flag on STOP', build.stop({ flags: NOPROC })],
    ['flag on CREDIT', build.credit({ flags: 1 })],
    ['flag on PING', build.ping({ flags: 1 })],
    ['flag on PONG', build.pong({ flags: 0x80 })],
    ['flag on GOAWAY', build.goaway({ flags: 2 })],
    ['flag on REF', build.ref({ flags: 1 })],
    ['NOPROC from the opener, END', build.end({ flags: NOPROC, chan: 1 })],
    ['NOPROC from the opener, RESET', build.reset({ flags: NOPROC, chan: 1 })],
    ['MORE without MSG', build.data({ flags: MORE, entries: one })],
    ['MORE without payload', build.data({ flags: MORE + MSG })],
    ['MORE with FIN', build.data({ flags: MORE + MSG + FIN, payload: 'x' })],
    ['MORE with FIN on OPEN', build.open({ flags: MORE + MSG + FIN, payload: 'x' })],
    ['payload without MSG', build.data({ flags: FIN, payload: 'x' })],
    ['payload without MSG on OPEN', build.open({ flags: 0, payload: 'x' })],
    ['TRL without FIN', build.data({ flags: TRL + MSG })],
    ['FIN and entries with neither MSG nor TRL', build.data({ flags: FIN, entries: one })],
    ['empty DATA', build.data()],
    ['ONEWAY without FIN', build.open({ flags: ONEWAY })],
    ['ONEWAY with MORE', build.open({ flags: ONEWAY + MSG + MORE, payload: 'x' })],
    ['OPEN on channel 0', build.open({ chan: 0 })],
    ['OPEN of a foreign id', build.open({ chan: -1 })],
    ['DATA on channel 0', build.data({ chan: 0, payload: 'x' })],
    ['END on channel 0', build.end({ chan: 0 })],
    ['RESET on channel 0', build.reset({ chan: 0 })],
    ['STOP on channel 0', build.stop({ chan: 0 })],
    ['PING on a channel', build.ping({ chan: 1 })],
    ['GOAWAY on a channel', build.goaway({ chan: -1 })],
    ['REF on a channel', build.ref({ chan: 1 })],
    ['HELLO on a channel', build.hello({ chan: 1 }), { helloSeen: false }],
    ['id 2^30', build.data({ chan: 2 ** 30, payload: 'x' })],
    ['id -2^30', build.credit({ chan: -(2 ** 30) })],
    ['lowest i32', build.stop({ chan: -(2 ** 31) })],
    ['prefixLen 55', build.hello({ prefixBytes: 55 }), { helloSeen: false }],
    ['prefixLen beyond meta', build.hello({ prefixBytes: 57 }), { helloSeen: false }],
    ['65 entries on HELLO', build.hello({ entries: many }), { helloSeen: false }],
    ['65 entries on GOAWAY', build.goaway({ entries: many })],
    ['nameLen 0', build.open({ name: '' })],
    ['nameLen beyond meta', build.open({ name: 'ab', nameBytes: 3 })],
    ['control character in name', build.open({ name: 'a\u001fb' })],
    ['rxBytes below the floor', build.open({ rxBytes: 16383 })],
    ['rxBytes 2^31', build.open({ rxBytes: 2 ** 31 })],
    ['END code 0', build.end({ code: 0 })],
    ['GOAWAY code without FINAL', build.goaway({ code: 64 })],
    ['GOAWAY lastId 2^30', build.goaway({ lastId: 2 ** 30, flags: FINAL })],
    ['REF id 0', build.ref({ releases: [{ refId: 0, count: 1 }] })],
    ['REF count 0', build.ref({ releases: [{ refId: 1, count: 0 }] })],
    ['k = 00', inData(unhex('00 0000'))],
    ['key cut', inData(unhex('03 6162'))],
    ['value length missing', inData(unhex('01 61'))],
    ['value length cut', inData(unhex('01 61 00'))],
    ['value cut', inData(unhex('01 61 0200 00'))],
    ['upper-case key', inData(build.entry('X-a', ''))],
    ['space in key', inData(build.entry('x a', ''))],
    ['literal spelling of a static key', inData(build.entry('route-key', ''))],
    ['hops of 2 bytes', inData(build.entry(0x83, 'ab'))],
    ['size of 3 bytes', inData(build.entry(0x90, 'abc'))],
    ['empty refs', inData(build.entry(0x8c, ''))],
    ['refs of 12 bytes', inData(build.entry(0x8c, new Uint8Array(12)))],
    ['refs with id 0', inData(build.entry(0x8c, build.refsValue([{ refId: 0 }])))],
    ['refs with kind 3', inData(build.entry(0x8c, build.refsValue([{ refId: 1, kind: 3 }])))],
    ['refs with flag 2', inData(build.entry(0x8c, build.refsValue([{ refId: 1, flags: 2 }])))],
    ['refs with reserved bits', inData(build.entry(0x8c, build.refsValue([{ refId: 1, reserved: 1 }])))],
    ['bad entry after the 64th', build.data({ entries: [...many, unhex('00')] })],
  ]
  for (const [rule, bytes, context] of PROTOCOL_ERROR)
    it(`PROTOCOL_ERROR: ${rule}`, () => expect(errorOf(bytes, context)).toBe('PROTOCOL_ERROR'))

  const HELLO_RANGE: readonly (readonly [build.RawHello, build.RawHello])[] = [
    [{ maxFrame: 16383 }, { maxFrame: 16384 }],
    [{ maxFrame: 2 ** 24 }, { maxFrame: 2 ** 24 - 1 }],
    [{ maxMessage: 65535 }, { maxMessage: 65536 }],
    [{ maxMessage: 2 ** 31 }, { maxMessage: 2 ** 31 - 1 }],
    [{ rxBytes: 16383 }, { rxBytes: 16384 }],
    [{ rxBytes: 2 ** 31 }, { rxBytes: 2 ** 31 - 1 }],
    [{ rxMsgs: 0 }, { rxMsgs: 1 }],
    [{ rxMsgs: 2 ** 31 }, { rxMsgs: 2 ** 31 - 1 }],
    [{ connBytes: 65535 }, { connBytes: 65536 }],
    [{ connBytes: 2 ** 31 }, { connBytes: 2 ** 31 - 1 }],
    [{ opens: 2 ** 31 }, { opens: 0 }],
    [{ maxMeta: 4095 }, { maxMeta: 65535 }],
    [{ partials: 0 }, { partials: 1 }],
    [{ idleMs: 999 }, { idleMs: 0 }],
    [{ idleMs: 1 }, { idleMs: 1000 }],
  ]
  it.each(HELLO_RANGE)('HELLO %o is refused, %o is not', (bad, good) => {
    expect(errorOf(build.hello(bad), { helloSeen: false })).toBe('PROTOCOL_ERROR')
    expect(errorOf(build.hello(good), { helloSeen: false })).toBeUndefined()
  })

  it('sees a bad header before the body is there, and a bad body only when it is whole', () => {
    expect(naiveDecode(build.data({ size: 65537 }).slice(0, 12), { helloSeen: true }).error).toBe(
      'FRAME_SIZE',
    )
    expect(naiveDecode(build.end({ code: 0 }).slice(0, 15), { helloSeen: true })).toMatchObject({
      restBytes: 15,
    })
  })

  it('keeps the frames before the error and says where it is', () => {
    const result = naiveDecode(concat([build.hello(), build.ping(), build.frame({ type: 0 }), build.ping()]))
    expect(result.frames.map((frame) => frame.kind)).toEqual(['HELLO', 'PING'])
    expect(result).toMatchObject({ error: 'PROTOCOL_ERROR', at: 88 })
  })
})

describe('naive encoder', () => {
  it('writes what the decoder reads', () => {
    const frames = [
      build.hello({ unknownPrefix: unhex('01'), entries: [build.entry(0x9a, 'a')] }),
      build.open({
        timeoutMs: 7,
        rxBytes: 16384,
        rxMsgs: 3,
        codec: 5,
        entries: [build.entry('x', 'y')],
        payload: 'p',
      }),
      build.data({ flags: FIN + MSG + TRL, entries: [build.entry(0x90, u32(3))], payload: 'xyz' }),
      build.end({ chan: -1, flags: NOPROC, code: 5, payload: 'details' }),
      build.reset({ chan: -1, flags: NOPROC, entries: [build.entry(0x92, 'm')] }),
      build.stop({ chan: 4, code: 9 }),
      build.credit({ chan: 4, byteLimit: 2 ** 32 - 1, countLimit: 2 ** 31 }),
      build.ping(),
      build.pong(),
      build.goaway({ flags: FINAL, code: 64, lastId: 3, graceMs: 4, entries: [build.entry(0x92, 'm')] }),
      build.ref({ releases: [{ refId: 1, count: 2 }] }),
      build.ignorable({ type: 0x99, flags: 3, chan: -9, meta: 1, payload: 'ab' }),
    ]
    const decoded = naiveDecode(concat(frames)).frames
    expect(decoded.map((frame) => hex(naiveEncode(frame)))).toEqual(frames.map((frame) => hex(frame)))
  })
})

describe('splitPreface', () => {
  it('tells whole, short, another version and something else apart', () => {
    expect(splitPreface(concat([build.preface(), unhex('aa')]))).toEqual({ status: 'ok', rest: unhex('aa') })
    expect(splitPreface(build.preface().slice(0, 7)).status).toBe('short')
    expect(splitPreface(new Uint8Array(0)).status).toBe('short')
    expect(splitPreface(unhex('89505058320d0a1a')).status).toBe('version')
    expect(splitPreface(unhex('8950505832')).status).toBe('version')
    expect(splitPreface(unhex('895050583' + '10a1a')).status).toBe('mismatch')
    expect(splitPreface(unhex('1603')).status).toBe('mismatch')
  })
})
