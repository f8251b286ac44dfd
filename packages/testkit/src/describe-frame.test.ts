import { describe, expect, it } from 'vitest'
import { concat, unhex } from './bytes.js'
import { describeFrame, describeFrames } from './describe-frame.js'
import * as build from './frame-builders.js'

describe('describeFrame', () => {
  const LINES: readonly (readonly [Uint8Array, string])[] = [
    [
      build.open({
        codec: 1,
        timeoutMs: 5000,
        flags: 5,
        entries: [build.entry(0x82, 'k1')],
        payload: '"hi"',
      }),
      'OPEN +1 FIN|MSG size=25 meta=21 name="echo" codec=1 timeoutMs=5000 {route-key="k1"} payload(4)=22686922',
    ],
    [build.data({ chan: -1, flags: 1 }), 'DATA -1 FIN size=0 meta=0'],
    [
      build.data({ entries: [build.entry(0xa0, unhex('00')), build.entry('x', '')] }),
      'DATA +1 size=8 meta=8 {a0=(1)00, x=(0)}',
    ],
    [build.end({ chan: -3, flags: 0x10, code: 12 }), 'END -3 NOPROC size=4 meta=4 code=12'],
    [build.reset(), 'RESET +1 size=4 meta=4 code=1'],
    [build.stop(), 'STOP +1 size=4 meta=4 code=1'],
    [build.credit({ byteLimit: 7, countLimit: 8 }), 'CREDIT 0 size=8 meta=0 bytes<=7 opens<=8'],
    [build.credit({ chan: 2, byteLimit: 7, countLimit: 8 }), 'CREDIT +2 size=8 meta=0 bytes<=7 msgs<=8'],
    [build.ping({ payload: unhex('0102030405060708') }), 'PING 0 size=8 meta=0 0102030405060708'],
    [
      build.goaway({ flags: 1, lastId: 4, graceMs: 9 }),
      'GOAWAY 0 FINAL size=12 meta=12 code=0 lastId=4 graceMs=9',
    ],
    [build.ref({ releases: [{ refId: 3, count: 2 }] }), 'REF 0 size=8 meta=0 3x2'],
    [build.ignorable({ flags: 0x81, chan: 5, payload: 'a' }), 'IGNORABLE(80) +5 01|80 size=1 meta=0 body=61'],
    [
      build.frame({ type: 0, payload: 'a' }),
      'TYPE(00) 0 size=1 meta=0 [PROTOCOL_ERROR: type 0 is illegal] body=61',
    ],
    [build.data({ payload: 'abc' }).slice(0, 13), 'DATA +1 MSG size=3 meta=0 [cut: 1 of 3 body bytes]'],
    [unhex('0102'), 'cut header (2 bytes) 0102'],
  ]
  it.each(LINES)('%#: %s', (bytes, line) => {
    expect(describeFrame(bytes)).toBe(line)
  })

  it('describes HELLO, and the limits of the reader when they are given', () => {
    expect(describeFrame(build.hello())).toContain('HELLO 0 size=56 meta=56 features=0 maxFrame=65536')
    expect(describeFrame(build.data({ payload: new Uint8Array(70_000) }))).toContain('payload(70000)=0000')
    expect(describeFrame(build.data({ payload: new Uint8Array(70_000) }), { maxFrame: 65536 })).toContain(
      'FRAME_SIZE',
    )
  })

  it('describes a list, one line each', () => {
    const lines = describeFrames(
      concat([build.ping(), build.frame({ type: 0xff }), build.pong(), unhex('00')]),
    )
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['PING', 'TYPE(ff)', 'PONG', 'cut'])
  })
})
