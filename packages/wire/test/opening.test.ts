// What opening a channel puts on the wire, byte for byte, and what the other end sees of it.
import { credit, data, entry, hex, MemoryPair, open, RecordingSessionSink } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import { FIN, IDEM, inbound, MORE, MSG, opened, ready } from './lifecycle-support.js'

describe('a small call', () => {
  const HI = new TextEncoder().encode('"hi"')

  function echoPair(): MemoryPair {
    const pair = new MemoryPair({
      b: {
        sink: new RecordingSessionSink((channel, sink) => {
          sink.onEvent = (event) => {
            if (event.type === 'message') channel.sendLast(event.payload)
          }
          channel.accept(sink)
          channel.settle()
        }),
      },
    })
    pair.pump()
    return pair
  }

  const call = (pair: MemoryPair) =>
    pair.sessionA.open('echo', { codec: 1, timeoutMs: 5000, message: HI.slice(), isLast: true })

  it('costs 32 bytes one way and 16 the other, byte for byte as the specification has them', () => {
    const pair = echoPair()
    const before = [pair.sentBytes('aToB').length, pair.sentBytes('bToA').length] as const
    call(pair)
    pair.pump()
    expect(hex(pair.sentBytes('aToB').slice(before[0]), 4)).toBe(
      '14000000 02051000 01000000 88130000 00000000 00000104 6563686f 22686922',
    )
    expect(hex(pair.sentBytes('bToA').slice(before[1]), 4)).toBe('04000000 03050000 ffffffff 22686922')
  })

  it('63 calls cost nothing else; with the 64th one CREDIT 0 of 20 bytes returns the slots [OCR-007]', () => {
    const pair = echoPair()
    const start = [pair.sentBytes('aToB').length, pair.sentBytes('bToA').length] as const
    for (let count = 0; count < 63; count++) {
      call(pair)
      pair.pump()
    }
    expect(pair.sentBytes('aToB').length - start[0]).toBe(63 * 32)
    expect(pair.sentBytes('bToA').length - start[1]).toBe(63 * 16)
    call(pair)
    pair.pump()
    expect(pair.sentBytes('aToB').length - start[0]).toBe(64 * 32)
    const credits = pair.sentFrames('bToA').filter((frame) => frame.kind === 'CREDIT')
    expect(credits).toMatchObject([{ chan: 0, countLimit: 1024 + 64 }])
    expect(pair.sentBytes('bToA').length - start[1]).toBe(64 * 16 + 20)
    expect(pair.sentFrames('aToB').filter((frame) => frame.kind === 'CREDIT')).toEqual([])
  })
})

describe('what an OPEN carries', () => {
  it('everything the program said, and nothing where it said nothing', () => {
    const script = ready()
    opened(script, {
      codec: 2,
      timeoutMs: 250,
      headers: { 'route-key': 'k', 'x-a': ['1', '2'] },
      windowBytes: 20_000,
      windowMessages: 1,
      message: Uint8Array.of(5),
      isIdempotent: true,
    })
    script.expect({
      kind: 'OPEN',
      chan: 1,
      flags: MSG + IDEM,
      codec: 2,
      timeoutMs: 250,
      rxBytes: 20_000,
      rxMsgs: 1,
      name: 'svc',
      entries: { 'route-key': 'k', 'x-a': '1' },
    })
    opened(script, {}, 'ü')
    script.expect({ kind: 'OPEN', flags: 0, codec: 0, timeoutMs: 0, rxBytes: 0, rxMsgs: 0, name: 'ü' })
  })

  it('windows equal to those of HELLO are left out', () => {
    const script = ready()
    opened(script, { windowBytes: 262_144, windowMessages: 16_384 })
    script.expect({ kind: 'OPEN', rxBytes: 0, rxMsgs: 0 })
  })

  it('and what the program at the other end sees of it', () => {
    const script = ready()
    const { channel, sink } = inbound(script, {
      chan: 5,
      flags: FIN + MSG + IDEM,
      codec: 77,
      timeoutMs: 900,
      name: 'a.b/ü',
      entries: [entry(0x82, 'k'), entry('x-a', '1')],
      payload: 'in',
    })
    expect(channel).toMatchObject({
      id: -5,
      name: 'a.b/ü',
      codec: 77,
      timeoutMs: 900,
      isOneway: false,
      isIdempotent: true,
      isLocal: false,
      state: 'HALF_REMOTE',
    })
    expect(channel.headers.get('route-key')).toBe('k')
    expect(channel.headers.get('x-a')).toBe('1')
    expect(sink.texts).toEqual(['in'])
    expect(sink.messageHeaders?.size).toBe(0)
    expect(channel.remainingMs(script.clock.now())).toBe(900)
  })

  it('whether there is an argument shows in OPEN, also when it is not whole yet', () => {
    const script = ready()
    expect(inbound(script, { chan: 1 }).channel.startsWithMessage).toBe(false)
    expect(inbound(script, { chan: 2, flags: MSG + FIN }).channel.startsWithMessage).toBe(true)
    const part = { chan: 3, flags: MSG + MORE, payload: 'x'.repeat(600) }
    expect(inbound(script, part).channel.startsWithMessage).toBe(true)
  })

  it('a name that is not UTF-8 is a name like any other, 7F included [OPN-005]', () => {
    const script = ready()
    const { channel } = inbound(script, { name: Uint8Array.of(0x61, 0xff, 0x7f) })
    expect(channel.name).toBe('a�\x7f')
  })

  it.each([
    ['no name', { name: '' }],
    ['a name that runs past the metadata', { nameBytes: 200 }],
    ['a control character', { name: 'a\nb' }],
    ['a byte window of 1', { rxBytes: 1 }],
    ['a byte window below the floor', { rxBytes: 16_383 }],
    ['a byte window of 2^31', { rxBytes: 2 ** 31 }],
  ])('%s is a PROTOCOL_ERROR [OPN-001] [OPN-002] [OPN-003]', (_, fields) => {
    const script = ready()
    script.send(open(fields))
    script.expectClosed('PROTOCOL_ERROR')
  })

  it('a timeout of 2^31 or more is read as 2^31-1 [OPN-004]', () => {
    const script = ready()
    expect(inbound(script, { timeoutMs: 2 ** 32 - 1 }).channel.timeoutMs).toBe(2 ** 31 - 1)
    expect(script.session.stats().deadlines).toBe(1)
  })

  it('the opener may narrow what it gets: one message at a time', () => {
    const script = ready()
    const { channel } = inbound(script, { rxMsgs: 1, rxBytes: 16_384 })
    expect(channel.send(Uint8Array.of(1))).toBe(true)
    expect(channel.send(Uint8Array.of(2))).toBe(false)
    script.expect({ kind: 'DATA', chan: -1, payload: Uint8Array.of(1) })
    script.expectNothing('one message at a time')
    script.send(credit({ chan: 1, byteLimit: 16_384 + 33, countLimit: 2 }))
    script.expect({ kind: 'DATA', chan: -1, payload: Uint8Array.of(2) })
  })

  it('a first message in fragments is delivered when it is whole [MSG-005]', () => {
    const script = ready()
    const { sink } = inbound(script, { flags: MSG + MORE, payload: 'a'.repeat(600) })
    expect(sink.types).toEqual([])
    script.send(data({ chan: 1, flags: MSG + FIN, payload: '' }), 'a last fragment may be empty')
    expect(sink.types).toEqual(['message', 'end'])
    expect(sink.texts).toEqual(['a'.repeat(600)])
  })
})
