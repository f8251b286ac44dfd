import {
  acceptAsEcho,
  credit,
  data,
  end,
  entry,
  hex,
  MemoryPair,
  open,
  RecordingChannelSink,
  RecordingSessionSink,
  reset,
  stop,
  toText,
  u32,
} from '@peerplex/testkit'
import type { Channel, OpenOptions } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import {
  CODE,
  FIN,
  IDEM,
  inbound,
  MORE,
  MSG,
  NOPROC,
  ONEWAY,
  opened,
  openedAndSent,
  ready,
  thrown,
  undecided,
} from './lifecycle-support.js'

const STATIC = { encoding: 0x8f, size: 0x90, codec: 0x8e, message: 0x92 } as const

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

describe('accepting', () => {
  it('at once or later: what arrived meanwhile is handed over in order', () => {
    const script = undecided()
    const { channel, sink } = inbound(script, { flags: MSG, payload: 'one' })
    script.send([data({ chan: 1, payload: 'two' }), data({ chan: 1, flags: MSG + FIN, payload: 'three' })])
    expect(sink.types).toEqual([])
    expect(channel.accept(sink)).toBe(true)
    expect(sink.types).toEqual(['message', 'message', 'message', 'end'])
    expect(sink.texts).toEqual(['one', 'two', 'three'])
    expect(script.session.stats().unreadBytes).toBe(0)
  })

  it('an echo over both kinds of connection', () => {
    for (const kind of ['byte', 'message'] as const) {
      const pair = new MemoryPair({ kind, b: { sink: new RecordingSessionSink(acceptAsEcho) } })
      const sink = new RecordingChannelSink()
      const channel = pair.sessionA.open('echo', { sink, message: Uint8Array.of(1, 2) })
      channel.sendLast(Uint8Array.of(3))
      pair.pump()
      expect(sink.messages).toEqual([Uint8Array.of(1, 2), Uint8Array.of(3)])
      expect(sink.outcome).toMatchObject({ code: 0, delivery: 'processed' })
    }
  })

  it('a channel that is gone is not accepted any more: false, and nothing is called', () => {
    const endings = {
      RESET: reset({ chan: 1 }),
      END: end({ chan: 1, code: CODE.NOT_FOUND }),
    }
    for (const frame of Object.values(endings)) {
      const script = undecided()
      const { channel, sink } = inbound(script, { payload: 'unread' })
      script.send(frame)
      expect(channel.isClosed).toBe(true)
      expect(channel.accept(sink)).toBe(false)
      expect(sink.types).toEqual([])
      expect(script.session.stats()).toMatchObject({ unreadBytes: 0, openChannels: 0 })
    }
  })

  it('what a channel held that nobody took is freed when its opener ends it', () => {
    const script = undecided()
    inbound(script, { chan: 1, payload: 'unread' })
    inbound(script, { chan: 2, flags: MSG + MORE, payload: 'u'.repeat(600) })
    script.send([end({ chan: 1 }), end({ chan: 2 })])
    expect(script.session.stats()).toMatchObject({ unreadBytes: 0, assemblingBytes: 0, inboundPartials: 0 })
  })

  it('a deadline that passes while the program decides: accept says false, refuse does no harm', () => {
    const script = undecided()
    const one = inbound(script, { chan: 1, timeoutMs: 100, payload: 'x' })
    const two = inbound(script, { chan: 2, timeoutMs: 100, payload: 'x' })
    script.advance(100)
    script.expect({ kind: 'END', chan: -1, code: CODE.DEADLINE_EXCEEDED })
    script.expect({ kind: 'END', chan: -2, code: CODE.DEADLINE_EXCEEDED })
    expect(one.channel.accept(one.sink)).toBe(false)
    two.channel.refuse()
    script.expectNothing('both are over')
    expect(script.session.stats()).toMatchObject({ openSlotsTaken: 0, unreadBytes: 0, deadlines: 0 })
  })

  it.each([
    ['twice', (channel: Channel, sink: RecordingChannelSink) => channel.accept(sink)],
    ['and then refused', (channel: Channel) => channel.refuse()],
  ])('accepting %s is a UsageError and changes nothing', (_, again) => {
    const script = ready()
    const { channel, sink } = inbound(script)
    expect(thrown(() => again(channel, sink))).toMatchObject({
      name: 'UsageError',
      code: 'FAILED_PRECONDITION',
    })
    script.send(data({ chan: 1, payload: 'x' }))
    expect(sink.types).toEqual(['message'])
  })

  it('one’s own channel is neither accepted nor refused', () => {
    const { channel, sink } = openedAndSent(ready())
    expect(() => channel.accept(sink)).toThrow(expect.objectContaining({ name: 'UsageError' }))
    expect(() => channel.refuse()).toThrow(expect.objectContaining({ name: 'UsageError' }))
  })
})

describe('refusing', () => {
  it('an unknown name: END UNIMPLEMENTED with NOPROC, and the slot is free at once [ERR-007]', () => {
    const script = ready({ sink: new RecordingSessionSink((channel) => channel.refuse()) })
    inbound(script, { payload: 'never read' })
    script.expect({
      kind: 'END',
      chan: -1,
      flags: NOPROC,
      code: CODE.UNIMPLEMENTED,
      entries: { message: null },
    })
    expect(script.session.stats()).toMatchObject({
      openChannels: 0,
      openSlotsTaken: 0,
      unreadBytes: 0,
      channelsRefused: 1,
    })
    script.send(data({ chan: 1, payload: 'more' }), 'on its way already')
    script.expectNothing('discarded')
  })

  it('later, with a code and a text: an unknown codec [ERR-008]', () => {
    const script = undecided()
    const { channel, sink } = inbound(script)
    channel.refuse(CODE.UNSUPPORTED_CODEC, 'no codec 9 here')
    script.expect({
      kind: 'END',
      chan: -1,
      flags: NOPROC,
      code: CODE.UNSUPPORTED_CODEC,
      entries: { message: 'no codec 9 here' },
    })
    expect(sink.types).toEqual([])
    expect(() => channel.accept(sink)).toThrow(expect.objectContaining({ name: 'UsageError' }))
    channel.refuse()
    script.expectNothing('once is enough')
  })

  it('a one-way is refused without a frame [STA-018]', () => {
    const script = ready({ sink: new RecordingSessionSink((channel) => channel.refuse()) })
    inbound(script, { flags: FIN + ONEWAY })
    script.expectNothing('a one-way is never answered')
    expect(script.session.stats()).toMatchObject({ openChannels: 0, openSlotsTaken: 0 })
  })

  it.each([0, -1, 1.5, Number.NaN, 2 ** 32])(
    'with the code %s: a UsageError, and the channel lives',
    (code) => {
      const script = undecided()
      const { channel, sink } = inbound(script)
      expect(thrown(() => channel.refuse(code))).toMatchObject({
        name: 'UsageError',
        code: 'INVALID_ARGUMENT',
        hint: expect.stringMatching(/code/),
      })
      script.expectNothing('nothing was sent')
      expect(channel.accept(sink)).toBe(true)
    },
  )

  it('with a text that the other side would not take in one frame: a LimitError, and the channel lives', () => {
    const script = undecided({}, { maxMeta: 4096 })
    const { channel, sink } = inbound(script)
    expect(thrown(() => channel.refuse(CODE.NOT_FOUND, 'x'.repeat(5000)))).toMatchObject({
      name: 'LimitError',
      code: 'METADATA_TOO_LARGE',
    })
    script.expectNothing('nothing was sent')
    expect(channel.accept(sink)).toBe(true)
  })

  it('`encoding` in OPEN: END UNIMPLEMENTED with NOPROC when it is accepted [ERR-009]', () => {
    const script = undecided()
    const { channel, sink } = inbound(script, { entries: [entry(STATIC.encoding, 'gzip')], payload: 'x' })
    expect(channel.accept(sink)).toBe(false)
    script.expect({ kind: 'END', chan: -1, flags: NOPROC, code: CODE.UNIMPLEMENTED })
    expect(sink.types).toEqual([])
  })

  it('`encoding` on a later message: END UNIMPLEMENTED without NOPROC, accepted or not [ERR-010]', () => {
    for (const make of [ready, undecided]) {
      const script = make()
      inbound(script)
      script.send(data({ chan: 1, entries: [entry(STATIC.encoding, 'gzip')], payload: 'x' }))
      script.expect({ kind: 'END', chan: -1, flags: 0, code: CODE.UNIMPLEMENTED })
    }
    const opener = ready()
    const { sink } = openedAndSent(opener)
    opener.send(data({ chan: -1, entries: [entry(STATIC.encoding, 'gzip')], payload: 'x' }))
    opener.expect({ kind: 'END', chan: 1, flags: 0, code: CODE.UNIMPLEMENTED })
    expect(sink.types).toEqual(['close'])
  })

  it('a middleman passes `encoding` on', () => {
    const script = ready({ passesEncoding: true })
    const { sink } = inbound(script, { entries: [entry(STATIC.encoding, 'gzip')], payload: 'x' })
    script.send(data({ chan: 1, entries: [entry(STATIC.encoding, 'br')], payload: 'y' }))
    expect(sink.texts).toEqual(['x', 'y'])
    script.expectNothing('passed on')
  })

  const sixtyFive = Array.from({ length: 65 }, (_, index) => entry(`x-${index}`, 'v'))

  it('more than 64 entries in OPEN: RESET METADATA_TOO_LARGE with NOPROC, a one-way in silence [MET-015]', () => {
    const script = ready()
    script.send(open({ entries: sixtyFive }))
    script.expect({ kind: 'RESET', chan: -1, flags: NOPROC, code: CODE.METADATA_TOO_LARGE })
    script.send(open({ chan: 2, flags: FIN + ONEWAY, entries: sixtyFive }))
    script.expectNothing('a one-way is never answered')
    expect(script.sink.inbound).toEqual([])
    expect(script.session.stats()).toMatchObject({ openSlotsTaken: 0, openChannels: 0, channelsRefused: 2 })
    script.send(open({ chan: 3, entries: sixtyFive.slice(1) }))
    expect(script.sink.inboundAt(0).channel.headers.size).toBe(64)
  })

  it('more than 64 entries in DATA: RESET METADATA_TOO_LARGE without NOPROC, accepted or not [MET-016]', () => {
    for (const make of [ready, undecided]) {
      const script = make()
      inbound(script)
      script.send(data({ chan: 1, entries: sixtyFive, payload: 'x' }))
      script.expect({ kind: 'RESET', chan: -1, flags: 0, code: CODE.METADATA_TOO_LARGE })
    }
  })

  it('more than 64 entries in END or RESET: the entries are dropped, the code is kept [MET-017]', () => {
    const script = ready()
    for (const frame of [end, reset]) {
      const { channel, sink } = openedAndSent(script)
      script.send(frame({ chan: -channel.id, code: CODE.NOT_FOUND, entries: sixtyFive }))
      expect(sink.outcome).toMatchObject({ code: CODE.NOT_FOUND, message: '' })
      expect(sink.outcome?.headers.size).toBe(0)
    }
  })

  it('a `size` above maxMessage in OPEN: RESET MESSAGE_TOO_LARGE with NOPROC, at once [MSG-009]', () => {
    const script = ready({ limits: { maxMessageBytes: 65_536 } })
    script.send(
      open({ flags: MSG + MORE, entries: [entry(STATIC.size, u32(65_537))], payload: 'x'.repeat(512) }),
    )
    script.expect({ kind: 'RESET', chan: -1, flags: NOPROC, code: CODE.MESSAGE_TOO_LARGE })
    expect(script.sink.inbound).toEqual([])
    inbound(script, { chan: 2, entries: [entry(STATIC.size, u32(65_536))], payload: 'a hint that is wrong' })
    expect(script.sink.inboundAt(0).sink.texts, '[MSG-010]').toEqual(['a hint that is wrong'])
  })

  it('fragments that add up to more: NOPROC exactly when no program has seen the channel [MSG-008]', () => {
    const part = (chan: number) => data({ chan, flags: MSG + MORE, payload: 'x'.repeat(40_000) })
    for (const [make, flags] of [
      [ready, 0],
      [undecided, NOPROC],
    ] as const) {
      const script = make({ limits: { maxMessageBytes: 65_536 } })
      inbound(script)
      script.send([part(1), part(1)])
      script.expect({ kind: 'RESET', chan: -1, flags, code: CODE.MESSAGE_TOO_LARGE })
      expect(script.session.stats()).toMatchObject({ assemblingBytes: 0, inboundPartials: 0 })
    }
    const opener = ready({ limits: { maxMessageBytes: 65_536 } })
    const { sink } = openedAndSent(opener)
    opener.send([part(-1), part(-1)])
    opener.expect({ kind: 'RESET', chan: 1, flags: 0, code: CODE.MESSAGE_TOO_LARGE })
    expect(sink.outcome).toMatchObject({ code: CODE.MESSAGE_TOO_LARGE, delivery: 'processed' })
  })

  it('flow control comes before the open limit: an OPEN that overruns its window is FLOW_CONTROL', () => {
    const script = ready({ limits: { maxOpenChannels: 0, channelWindowBytes: 16_384 } })
    script.send(open({ payload: 'x'.repeat(17_000) }))
    script.expectClosed('FLOW_CONTROL')
  })
})

describe('a one-way', () => {
  it('is closed for its opener as soon as it leaves, with delivery unknown [STA-017]', () => {
    const script = ready()
    const { channel, sink } = opened(script, { isOneway: true, message: Uint8Array.of(1) })
    expect(channel).toMatchObject({ state: 'CLOSED', isClosed: true, isOneway: true, isWritable: false })
    script.expect({ kind: 'OPEN', flags: MSG + FIN + ONEWAY })
    expect(sink.outcome).toMatchObject({ code: 0, delivery: 'unknown' })
    script.send([data({ chan: -1, payload: 'x' }), reset({ chan: -1 })])
    script.expectNothing('what comes back reaches a closed channel')
  })

  it('without a message it starts the handler with no input', () => {
    const script = ready()
    const { sink } = inbound(script, { flags: FIN + ONEWAY })
    expect(sink.types).toEqual(['end'])
  })

  it('the acceptor sends nothing on it, whatever its program does [STA-018]', () => {
    const acts: readonly ((channel: Channel) => void)[] = [
      (channel) => channel.send(Uint8Array.of(1)),
      (channel) => channel.sendLast(Uint8Array.of(1)),
      (channel) => channel.sendHeaders({ 'x-a': '1' }),
      (channel) => channel.end(),
      (channel) => channel.stop(),
      (channel) => channel.fail(CODE.ABORTED),
      (channel) => channel.reset(),
      (channel) => channel.settle(),
    ]
    const script = ready()
    acts.forEach((act, index) => {
      const { channel } = inbound(script, { chan: index + 1, flags: FIN + ONEWAY + MSG, payload: 'x' })
      expect(channel.isWritable).toBe(false)
      act(channel)
      script.expectNothing(String(act))
      channel.settle()
      expect(channel.state).toBe('CLOSED')
    })
    expect(script.session.stats()).toMatchObject({ openChannels: 0, openSlotsTaken: 0, queuedOutputBytes: 0 })
  })

  it('what its opener still sends finds it in HALF_REMOTE', () => {
    const script = ready()
    const { channel, sink } = inbound(script, { flags: FIN + ONEWAY })
    script.send(credit({ chan: 1, byteLimit: 1 << 20, countLimit: 1 << 20 }))
    expect(channel.state).toBe('HALF_REMOTE')
    script.send(reset({ chan: 1 }))
    script.expectNothing('no answer')
    expect(channel.state).toBe('CLOSED')
    expect(sink.outcome).toMatchObject({ code: CODE.CANCELLED, origin: 'remote' })
    const again = inbound(script, { chan: 2, flags: FIN + ONEWAY })
    script.send(data({ chan: 2, payload: 'x' }))
    script.expectClosed('PROTOCOL_ERROR')
    expect(again.sink.outcome?.name).toBe('UNAVAILABLE')
  })

  it('a STOP after its deadline is nobody’s business any more', () => {
    const script = ready()
    const { channel, sink } = inbound(script, { flags: FIN + ONEWAY, timeoutMs: 10 })
    script.advance(10)
    script.send([stop({ chan: 1 }), reset({ chan: 1 })])
    script.expectNothing('a one-way is never answered')
    expect(sink.types).toEqual(['end', 'close'])
    expect(channel.state).toBe('CLOSED')
  })

  it('a STOP on it reaches the program and is not answered [STA-018]', () => {
    const script = ready()
    const { sink } = inbound(script, { flags: FIN + ONEWAY })
    script.send(stop({ chan: 1 }))
    script.expectNothing('not even FIN')
    expect(sink.types).toEqual(['end', 'stop'])
  })
})

describe('mistakes of the program', () => {
  const cases: readonly (readonly [string, string, OpenOptions])[] = [
    ['an empty name', '', {}],
    ['a name of 256 bytes', 'n'.repeat(256), {}],
    ['a name with a control character', 'a\tb', {}],
    ['a name that is no text', 7 as unknown as string, {}],
    ['a codec of -1', 'svc', { codec: -1 }],
    ['a codec of 256', 'svc', { codec: 256 }],
    ['half a codec', 'svc', { codec: 0.5 }],
    ['a negative timeout', 'svc', { timeoutMs: -1 }],
    ['a timeout that is not whole', 'svc', { timeoutMs: 0.5 }],
    ['a timeout that is no number', 'svc', { timeoutMs: Number.NaN }],
    ['a timeout of 2^31', 'svc', { timeoutMs: 2 ** 31 }],
    ['a byte window below 16384', 'svc', { windowBytes: 16_383 }],
    ['a byte window of 2^31', 'svc', { windowBytes: 2 ** 31 }],
    ['a message window of 0', 'svc', { windowMessages: 0 }],
    ['a message window of 65536', 'svc', { windowMessages: 65_536 }],
  ]

  it.each(cases)('%s is a UsageError that says what to give; nothing is sent', (_, name, options) => {
    const script = ready()
    expect(thrown(() => script.session.open(name, options))).toMatchObject({
      name: 'UsageError',
      code: 'INVALID_ARGUMENT',
      hint: expect.stringMatching(/\d/),
    })
    script.expectNothing('nothing was sent')
    expect(script.session.stats()).toMatchObject({ openingChannels: 0, deadlines: 0, openChannels: 0 })
  })

  it('the bounds themselves are fine', () => {
    const script = ready()
    opened(
      script,
      { codec: 255, timeoutMs: 2 ** 31 - 1, windowBytes: 16_384, windowMessages: 1 },
      'n'.repeat(255),
    )
    script.expect({ kind: 'OPEN', codec: 255, rxMsgs: 1 })
    opened(script, { codec: 0, timeoutMs: 0, windowBytes: 2 ** 31 - 1, windowMessages: 65_535 })
    script.expect({ kind: 'OPEN', timeoutMs: 0, rxMsgs: 65_535 })
  })

  it('a message above the other side’s maxMessage is a LimitError, in open and in send [MSG-007]', () => {
    const script = ready({}, { maxMessage: 65_536 })
    expect(thrown(() => opened(script, { message: new Uint8Array(65_537), timeoutMs: 5 }))).toMatchObject({
      name: 'LimitError',
      code: 'MESSAGE_TOO_LARGE',
      delivery: 'not-sent',
      hint: expect.stringMatching(/./),
    })
    script.expectNothing('nothing was sent')
    const { channel } = openedAndSent(script)
    expect(() => channel.send(new Uint8Array(65_537))).toThrow(
      expect.objectContaining({ name: 'LimitError' }),
    )
    script.expectNothing('nothing of it')
    expect(channel.send(Uint8Array.of(1)), 'the channel lives').toBe(true)
    expect(script.session.stats()).toMatchObject({ deadlines: 0, openingChannels: 0 })
  })

  it('headers above the effective maxMeta are a LimitError: the smallest of four bounds [MET-013]', () => {
    const bounds = [
      [{ maxMeta: 4096 }, 4096],
      [{ maxFrame: 16_384, maxMeta: 65_535 }, 16_384 - 64],
      [{ rxBytes: 16_384 }, 8192 - 64],
      [{ connBytes: 65_536, maxMeta: 65_535 }, 32_768 - 64],
    ] as const
    for (const [hello, most] of bounds) {
      const script = ready({}, hello)
      const room = most - 12 - 3 - (1 + 3 + 2)
      opened(script, { headers: { 'x-a': 'v'.repeat(room) } })
      script.expect({ kind: 'OPEN', meta: most })
      expect(thrown(() => opened(script, { headers: { 'x-a': 'v'.repeat(room + 1) } }))).toMatchObject({
        name: 'LimitError',
        code: 'METADATA_TOO_LARGE',
        hint: expect.stringMatching(/./),
      })
      script.expectNothing('nothing was sent')
    }
  })

  it('and one more bound where the opener has narrowed its window', () => {
    const script = ready()
    const { channel } = inbound(script, { rxBytes: 16_384 })
    const most = 8192 - 64 - (1 + 3 + 2)
    expect(() => channel.send(Uint8Array.of(1), { 'x-a': 'v'.repeat(most + 1) })).toThrow(
      expect.objectContaining({ code: 'METADATA_TOO_LARGE' }),
    )
    expect(channel.send(Uint8Array.of(1), { 'x-a': 'v'.repeat(most) })).toBe(true)
    script.expect({ kind: 'DATA', meta: 8192 - 64 })
  })

  it('more than 64 headers do not leave, in any frame [MET-014]', () => {
    const many = Array.from({ length: 65 }, (_, index) => [`x-${index}`, 'v'] as const)
    const error = expect.objectContaining({ name: 'LimitError', code: 'METADATA_TOO_LARGE' })
    const script = ready()
    expect(() => opened(script, { headers: many })).toThrow(error)
    const { channel } = openedAndSent(script)
    expect(() => channel.send(Uint8Array.of(1), many)).toThrow(error)
    expect(() => channel.sendLast(Uint8Array.of(1), undefined, many)).toThrow(error)
    expect(() => channel.sendHeaders(many)).toThrow(error)
    expect(() => channel.end(many)).toThrow(error)
    expect(() => channel.fail(CODE.ABORTED, { headers: many })).toThrow(error)
    expect(() => channel.fail(CODE.ABORTED, { message: 'one more', headers: many.slice(1) })).toThrow(error)
    script.expectNothing('nothing was sent')
    expect(channel.send(Uint8Array.of(1), many.slice(1))).toBe(true)
    script.expect((frame) => frame.kind === 'DATA' && frame.entries.length === 64)
  })

  it('sending after the end is a UsageError; after the other side ended it is nothing', () => {
    const script = ready()
    const { channel } = openedAndSent(script)
    channel.sendLast(Uint8Array.of(1))
    script.takeFrames()
    const error = expect.objectContaining({
      name: 'UsageError',
      code: 'FAILED_PRECONDITION',
      hint: expect.stringMatching(/before end/),
    })
    expect(() => channel.send(Uint8Array.of(1))).toThrow(error)
    expect(() => channel.sendLast(Uint8Array.of(1))).toThrow(error)
    expect(() => channel.sendHeaders({ 'x-a': '1' })).toThrow(error)
    script.send(reset({ chan: -1 }))
    expect(channel.send(Uint8Array.of(1))).toBe(false)
    channel.sendHeaders({ 'x-a': '1' })
    script.expectNothing('nothing was sent')
  })

  it('open on a closed session is a ClosedError: not-sent, worth another connection', () => {
    const script = ready()
    script.session.close()
    expect(thrown(() => script.session.open('svc'))).toMatchObject({
      name: 'ClosedError',
      code: 'UNAVAILABLE',
      delivery: 'not-sent',
      retryable: true,
      hint: expect.stringMatching(/./),
    })
  })

  it('a message taken by open is not touched again, whatever waits', () => {
    const script = ready({}, { opens: 0 })
    const { channel } = opened(script, { message: new TextEncoder().encode('first'), isLast: true })
    expect(channel.bufferedBytes).toBe(5)
    script.send(credit({ byteLimit: 4 << 20, countLimit: 1 }))
    const frame = script.expect('OPEN')
    expect(frame.kind === 'OPEN' && toText(frame.payload)).toBe('first')
    expect(channel.bufferedBytes).toBe(0)
  })
})
