import {
  credit,
  data,
  end,
  entry,
  goaway,
  MemoryPair,
  open,
  pong,
  refsValue,
  reset,
  u32,
} from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import {
  CODE,
  drainToFinal,
  FIN,
  FINAL,
  fin,
  inbound,
  MSG,
  NOPROC,
  ONEWAY,
  opened,
  openedAndSent,
  ready,
  thrown,
  undecided,
} from './lifecycle-support.js'

/** Entries with which a message carries references, and an OPEN names one. */
const refs = (...list: Parameters<typeof refsValue>[0][number][]) => entry(0x8c, refsValue(list))
const ref = (refId: number) => entry(0x8d, u32(refId))

describe('draining from here', () => {
  it('notice, fence, FINAL, and the end when the last channel is gone [DRN-001] [DRN-018]', () => {
    const script = ready()
    const { channel } = inbound(script, { chan: 3 })
    script.session.drain(5000)
    script.expect({ kind: 'GOAWAY', flags: 0, code: 0, lastId: 0, graceMs: 5000 }, 'the notice')
    const fence = script.expect('PING', 'right behind it')
    script.expectNothing('FINAL waits for the fence [DRN-002]')
    script.advance(1000)
    script.expectNothing('still')
    const { channel: late } = inbound(script, { chan: 4 })
    if (fence.kind === 'PING') script.send(pong({ payload: fence.payload }))
    script.expect(
      { kind: 'GOAWAY', flags: FINAL, code: 0, lastId: 4, graceMs: 4000 },
      'what is left of the grace',
    )
    expect(late.state, 'OPENs before FINAL are accepted as usual [DRN-003]').toBe('OPEN')
    channel.fail(CODE.ABORTED)
    script.expect('END')
    late.sendLast(Uint8Array.of(1))
    script.send(fin(4))
    script.expect({ kind: 'DATA', chan: -4, flags: MSG + FIN })
    script.expectClosed(null)
    expect(script.session.transportCloseCode).toBe(1000)
  })

  it('the answer to an earlier PING is not that to the fence [DRN-002]', () => {
    const script = ready({ limits: { idleTimeoutMs: 0 } }, { idleMs: 9000 })
    openedAndSent(script)
    script.advance(3000)
    const keepalive = script.expect('PING')
    script.session.drain(60_000)
    script.expect('GOAWAY')
    const fence = script.expect('PING')
    if (keepalive.kind === 'PING') script.send(pong({ payload: keepalive.payload }))
    script.expectNothing('OPENs may still be on their way')
    if (fence.kind === 'PING') script.send(pong({ payload: fence.payload }))
    script.expect({ kind: 'GOAWAY', flags: FINAL })
  })

  it('without a channel it ends with the fence', () => {
    const script = ready()
    expect(drainToFinal(script)).toBe(0)
    script.expectClosed(null)
  })

  it('repeating it changes nothing', () => {
    const script = ready()
    openedAndSent(script)
    drainToFinal(script, 5000)
    script.session.drain(1)
    script.advance(100)
    script.expectNothing('the first grace holds')
    const twice = ready()
    openedAndSent(twice)
    twice.session.drain(5000)
    twice.session.drain(5)
    twice.expectAll(['GOAWAY', 'PING'])
    twice.advance(100)
    twice.expectNothing('one notice, one fence')
  })

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31])(
    'a grace of %s ms is a UsageError',
    (graceMs) => {
      const script = ready()
      expect(thrown(() => script.session.drain(graceMs))).toMatchObject({
        name: 'UsageError',
        code: 'INVALID_ARGUMENT',
        hint: expect.stringMatching(/2147483647/),
      })
      script.expectNothing('nothing was sent')
    },
  )

  it('lastId does not count ~ref channels [DRN-004]', () => {
    const script = ready()
    inbound(script, { chan: 2 })
    inbound(script, { chan: 5, name: '~ref' })
    expect(drainToFinal(script)).toBe(2)
  })

  it('lastId counts what was accepted, not what was refused before anybody saw it', () => {
    const script = ready({ limits: { maxOpenChannels: 1 } })
    inbound(script, { chan: 2 })
    script.send(open({ chan: 3 }))
    script.expect({ kind: 'RESET', chan: -3, code: CODE.REFUSED })
    script.takeFrames()
    expect(drainToFinal(script)).toBe(2)
  })

  it('it may still open channels, so that callbacks can finish', () => {
    const script = ready()
    openedAndSent(script)
    drainToFinal(script)
    const { channel } = openedAndSent(script, { isLast: true })
    script.send(fin(-2))
    expect(channel.state).toBe('CLOSED')
  })

  it('an OPEN that waits keeps the connection until it is done', () => {
    const script = ready({}, { opens: 0 })
    const { channel } = opened(script, { isLast: true })
    drainToFinal(script)
    script.expectNothing('it may still go')
    script.send(credit({ byteLimit: 4 << 20, countLimit: 1 }))
    script.expect({ kind: 'OPEN', chan: 1 })
    script.send(fin(-1))
    expect(channel.state).toBe('CLOSED')
    script.expectClosed(null)
  })

  it('a one-way that still runs keeps the connection too', () => {
    const script = ready()
    const { channel } = inbound(script, { flags: FIN + ONEWAY })
    drainToFinal(script)
    script.expectNothing('its handler runs')
    channel.settle()
    script.expectClosed(null)
  })

  it('OPENs after FINAL are discarded in silence: bytes, id and slot count [DRN-015]', () => {
    const script = ready({ limits: { connectionWindowBytes: 65_536 } })
    openedAndSent(script)
    drainToFinal(script)
    script.send(open({ chan: 1, payload: 'x'.repeat(40_000) }))
    script.expect({ kind: 'CREDIT', chan: 0 }, 'the bytes are credited back')
    script.send([open({ chan: 2, flags: FIN + ONEWAY }), open({ chan: 3 })])
    script.send(
      [data({ chan: 3, payload: 'x' }), fin(3), reset({ chan: 3 }), end({ chan: 2 })],
      'on closed channels',
    )
    script.expectNothing('in silence')
    expect(script.sink.inbound).toEqual([])
    expect(script.session.stats()).toMatchObject({ opensDiscarded: 3, openSlotsTaken: 0, openChannels: 1 })
    script.send(open({ chan: 3 }), 'the id was used')
    script.expectClosed('PROTOCOL_ERROR')
  })

  it('~ref after FINAL is served while its reference is alive [DRN-016]', () => {
    const script = ready()
    opened(script, { headers: { refs: refsValue([{ refId: 1 }]) }, message: Uint8Array.of(1) })
    script.expect('OPEN')
    drainToFinal(script)
    const { channel } = inbound(script, { chan: 1, name: '~ref', entries: [ref(1)], flags: FIN })
    expect(channel.state).toBe('HALF_REMOTE')
    script.expectNothing('the program answers it')
    channel.sendLast(Uint8Array.of(2))
    script.expect({ kind: 'DATA', chan: -1, flags: MSG + FIN })
  })

  it('~ref after FINAL for anything else is answered END REF_GONE with NOPROC [DRN-016]', () => {
    const script = ready()
    const carrier = opened(script, { headers: { refs: refsValue([{ refId: 1 }, { refId: 2, flags: 1 }]) } })
    script.expect('OPEN')
    openedAndSent(script)
    drainToFinal(script)
    carrier.channel.reset()
    script.expect('RESET')
    const gone = { kind: 'END', flags: NOPROC, code: 37 } as const
    const cases = [
      ['its channel has ended', [ref(1)]],
      ['it is retained, but no live channel carries it', [ref(2)]],
      ['it never was', [ref(9)]],
      ['it names none', []],
    ] as const
    cases.forEach(([why, entries], index) => {
      script.send(open({ chan: index + 1, name: '~ref', entries, flags: FIN }), why)
      script.expect({ ...gone, chan: -index - 1 }, why)
    })
    script.send(open({ chan: 9, name: '~ref', flags: FIN + ONEWAY }))
    script.expectNothing('a one-way is never answered')
    expect(script.sink.inbound).toEqual([])
    expect(script.session.stats()).toMatchObject({ openSlotsTaken: 0, openChannels: 1, opensDiscarded: 0 })
  })

  it('when the grace is over, what is left is reset and the connection ends [DRN-017]', () => {
    const script = ready()
    const theirs = inbound(script)
    const ours = openedAndSent(script)
    drainToFinal(script, 5000)
    script.advance(4999)
    script.expectNothing('one millisecond is left')
    script.advance(1)
    script.expectUnordered([
      { kind: 'RESET', chan: -1, flags: 0, code: CODE.UNAVAILABLE },
      { kind: 'RESET', chan: 1, code: CODE.UNAVAILABLE },
    ])
    script.expectClosed(null)
    for (const { sink } of [theirs, ours]) {
      expect(sink.outcome).toMatchObject({ code: CODE.UNAVAILABLE, origin: 'local' })
    }
  })

  it('a fence that is never answered: FINAL when the grace is over [DRN-002]', () => {
    const script = ready()
    inbound(script, { chan: 7 })
    script.session.drain(5000)
    script.expectAll(['GOAWAY', 'PING'])
    script.advance(5000)
    script.expect({ kind: 'GOAWAY', flags: FINAL, code: 0, lastId: 7, graceMs: 0 })
    script.expect({ kind: 'RESET', chan: -7, code: CODE.UNAVAILABLE })
    script.expectClosed(null)
  })

  it('no grace at all', () => {
    const script = ready()
    inbound(script)
    script.session.drain(0)
    script.advance(0)
    script.expect({ kind: 'GOAWAY', flags: 0 })
    script.expect('PING')
    script.expect({ kind: 'GOAWAY', flags: FINAL, lastId: 1 })
    script.expect('RESET')
    script.expectClosed(null)
  })

  it('before the other HELLO it works as well', () => {
    const pair = new MemoryPair({ isStarted: false })
    pair.start()
    pair.sessionA.drain(1000)
    pair.pump()
    expect(pair.sinkB.types).toEqual(['hello', 'drain', 'drain', 'close'])
    expect(pair.sinkA.closeError).toBeNull()
    expect(pair.sinkA.isClosed).toBe(true)
  })
})

describe('when the other side drains', () => {
  it('a notice: no new channels, what runs goes on [DRN-005] [DRN-008]', () => {
    const script = ready()
    const { channel, sink } = openedAndSent(script)
    script.send(goaway({ graceMs: 7000, lastId: 999 }), 'lastId of a notice means nothing')
    expect(script.sink.events.at(-1)).toEqual({ type: 'drain', isFinal: false, graceMs: 7000 })
    expect(script.session.isUsable).toBe(false)
    expect(thrown(() => script.session.open('svc'))).toMatchObject({
      name: 'ClosedError',
      code: 'UNAVAILABLE',
      delivery: 'not-sent',
      retryable: true,
    })
    channel.sendLast(Uint8Array.of(1))
    script.expect('DATA')
    script.send(data({ chan: -1, flags: MSG + FIN, payload: 'x' }))
    expect(sink.outcome?.code).toBe(0)
    const { sink: served } = inbound(script, { payload: 'x' })
    expect(served.texts, 'they may still open').toEqual(['x'])
    script.expectNothing('a notice alone ends nothing')
  })

  it('OPENs that are not committed are taken back [DRN-006]', () => {
    const script = ready({}, { opens: 1 })
    const gone = openedAndSent(script)
    const waiting = [opened(script), opened(script)]
    script.send(goaway())
    for (const { sink } of waiting) {
      expect(sink.outcome).toMatchObject({ code: CODE.UNAVAILABLE, delivery: 'not-sent' })
    }
    expect(gone.channel.state).toBe('OPEN')
    script.send(credit({ byteLimit: 4 << 20, countLimit: 5 }))
    script.expectNothing('they are gone')
  })

  it('~ref for a reference of a live channel may still be opened, and one that waits stays [DRN-005]', () => {
    const script = ready({}, { opens: 1 })
    const { channel } = openedAndSent(script)
    script.send(data({ chan: -1, entries: [refs({ refId: 4 }, { refId: 5 })], payload: 'x' }))
    const waiting = opened(script, { headers: { ref: 4 }, isLast: true }, '~ref')
    script.send(goaway())
    opened(script, { headers: { ref: 5 }, isLast: true }, '~ref')
    expect(() => script.session.open('~ref', { headers: { ref: 6 } })).toThrow(/drains/)
    expect(() => script.session.open('~ref')).toThrow(/drains/)
    expect(waiting.sink.types).toEqual([])
    script.send(credit({ byteLimit: 4 << 20, countLimit: 3 }))
    script.expect({ kind: 'OPEN', chan: 2, name: '~ref', entries: { ref: 4 } })
    script.expect({ kind: 'OPEN', chan: 3, name: '~ref', entries: { ref: 5 } })
    channel.reset()
    expect(() => script.session.open('~ref', { headers: { ref: 5 } })).toThrow(/drains/)
  })

  it('FINAL: channels beyond lastId are forgotten without a frame, the others run on [DRN-013]', () => {
    const script = ready()
    const kept = openedAndSent(script)
    const callback = openedAndSent(script, {}, '~ref')
    const beyond = [openedAndSent(script), openedAndSent(script)]
    script.send(goaway({ flags: FINAL, lastId: 1, graceMs: 100 }))
    for (const { channel, sink } of beyond) {
      expect(channel.state).toBe('CLOSED')
      expect(sink.outcome).toMatchObject({ code: CODE.UNAVAILABLE, delivery: 'not-processed' })
    }
    expect([kept.channel.state, callback.channel.state]).toEqual(['OPEN', 'OPEN'])
    expect(script.sink.events.at(-1)).toEqual({ type: 'drain', isFinal: true, graceMs: 100 })
    script.send([data({ chan: -3, payload: 'x' }), reset({ chan: -4 })], 'crossing')
    script.expectNothing('closed channels')
    script.send([fin(-1), fin(-2)])
    kept.channel.end()
    callback.channel.end()
    script.expectAll(['DATA', 'DATA'])
    script.expectClosed(null)
  })

  it('a lastId of 0 means none, also when ids are far along [DRN-013]', () => {
    const script = ready()
    script.session.channels.table.startIdsAt(2 ** 29 + 7, 0)
    const { sink } = openedAndSent(script)
    script.send(goaway({ flags: FINAL, lastId: 0 }))
    expect(sink.outcome?.delivery).toBe('not-processed')
    script.expectClosed(null)
  })

  it('lastId divides ids across the wrap [DRN-013]', () => {
    const script = ready()
    script.session.channels.table.startIdsAt(2 ** 30 - 3, 0)
    const channels = Array.from({ length: 4 }, () => openedAndSent(script))
    expect(channels.map(({ channel }) => channel.id)).toEqual([2 ** 30 - 2, 2 ** 30 - 1, 1, 2])
    script.send(goaway({ flags: FINAL, lastId: 2 ** 30 - 1 }))
    expect(channels.map(({ channel }) => channel.state)).toEqual(['OPEN', 'OPEN', 'CLOSED', 'CLOSED'])
  })

  it('only the first FINAL counts: later notices and FINALs are ignored, a lower lastId too [DRN-014]', () => {
    const script = ready()
    const first = openedAndSent(script)
    const second = openedAndSent(script)
    script.send(goaway({ flags: FINAL, lastId: 2 }))
    const events = script.sink.events.length
    script.send([
      goaway({ flags: FINAL, lastId: 1 }),
      goaway({ flags: FINAL, lastId: 0 }),
      goaway({ graceMs: 1 }),
    ])
    expect(script.sink.events.length).toBe(events)
    expect([first.channel.state, second.channel.state]).toEqual(['OPEN', 'OPEN'])
    script.expectNothing('ignored')
    script.send(goaway({ flags: FINAL, lastId: 1, code: 74 }), 'an error always counts')
    script.expectClosed('INTERNAL_ERROR', '', 'none')
    expect(second.sink.outcome?.delivery).toBe('not-processed')
    expect(first.sink.outcome?.delivery).toBe('unknown')
  })

  it('a FINAL without a notice, and one without a channel', () => {
    const script = ready()
    script.send(goaway({ flags: FINAL }))
    script.expectClosed(null)
    expect(script.sink.types).toEqual(['hello', 'drain', 'close'])
  })

  it('a grace of 2^31 or more is read as 2^31-1 [DRN-012]', () => {
    const script = ready()
    script.send(goaway({ graceMs: 2 ** 32 - 1 }))
    expect(script.sink.events.at(-1)).toMatchObject({ graceMs: 2 ** 31 - 1 })
  })

  it.each([
    ['a code without FINAL [DRN-009]', goaway({ code: 68 })],
    ['a lastId of 2^30 [DRN-010]', goaway({ flags: FINAL, lastId: 2 ** 30 })],
    ['a lastId of 2^30 in a notice [DRN-010]', goaway({ lastId: 2 ** 30 })],
    ['a lastId that was never opened [DRN-011]', goaway({ flags: FINAL, lastId: 2 })],
    ['the same with an error [DRN-011]', goaway({ flags: FINAL, code: 68, lastId: 2 })],
    [
      'more than 64 entries [MET-018]',
      goaway({ entries: Array.from({ length: 65 }, () => entry('x-a', 'v')) }),
    ],
  ])('%s is a PROTOCOL_ERROR', (_, frame) => {
    const script = ready()
    openedAndSent(script)
    script.send(frame)
    script.expectClosed('PROTOCOL_ERROR')
  })

  it('lastId may name a channel that is closed already', () => {
    const script = ready()
    openedAndSent(script).channel.reset()
    script.expect('RESET')
    const second = openedAndSent(script)
    script.send(goaway({ flags: FINAL, lastId: 1 }))
    expect(second.sink.outcome?.delivery).toBe('not-processed')
    script.expectClosed(null)
  })
})

describe('both sides drain at once', () => {
  it('every call is settled, callbacks included, and both end without an error', () => {
    const pair = new MemoryPair()
    const calls = [pair.sessionA, pair.sessionB].map((session) => session.open('svc', { isLast: true }))
    pair.pump()
    pair.sessionA.drain(10_000)
    pair.sessionB.drain(10_000)
    pair.pump()
    expect([pair.sessionA.state, pair.sessionB.state], 'calls run').toEqual(['READY', 'READY'])
    for (const sink of [pair.sinkA, pair.sinkB]) {
      const { channel } = sink.inboundAt(0)
      channel.sendLast(Uint8Array.of(1))
      channel.settle()
    }
    pair.pump()
    expect(calls.every((channel) => channel.outcome?.code === 0)).toBe(true)
    expect([pair.sinkA, pair.sinkB].map((sink) => [sink.isClosed, sink.closeError])).toEqual([
      [true, null],
      [true, null],
    ])
  })

  it('with nothing running it takes one round trip', () => {
    const pair = new MemoryPair()
    pair.pump()
    pair.sessionA.drain(10_000)
    pair.sessionB.drain(10_000)
    pair.pump()
    expect([pair.sinkA.isClosed, pair.sinkB.isClosed]).toEqual([true, true])
  })

  it('a call that was not taken goes back to its owner as not-processed and is never lost', () => {
    const pair = new MemoryPair()
    pair.pump()
    pair.sessionB.open('keeps B busy')
    pair.pump()
    pair.pause('aToB')
    pair.sessionB.drain(1000)
    pair.pump()
    // A has not read the notice yet when it opens; nothing of A arrives before B gives up waiting.
    pair.clock.advance(1000)
    const late = pair.sinkA.inboundAt(0)
    expect(late.channel.state).toBe('OPEN')
    pair.resume('aToB')
    pair.pump()
    expect([pair.sinkA.closeError, pair.sinkB.closeError]).toEqual([null, null])
  })

  it('FINAL from one side, an undecided channel on the other: accept still works', () => {
    const script = undecided()
    const { channel, sink } = inbound(script, { flags: FIN + MSG, payload: 'x' })
    drainToFinal(script)
    expect(channel.accept(sink)).toBe(true)
    channel.end()
    script.expect('DATA')
    script.expectClosed(null)
  })
})
