// What becomes of a channel that the other side opened: accepted, refused, or a one-way that is never answered.
import {
  acceptAsEcho,
  credit,
  data,
  end,
  entry,
  MemoryPair,
  open,
  RecordingChannelSink,
  RecordingSessionSink,
  reset,
  stop,
  u32,
} from '@peerplex/testkit'
import type { Channel } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import {
  CODE,
  FIN,
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
