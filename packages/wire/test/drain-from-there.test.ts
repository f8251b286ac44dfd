// A drain that the other side begins, alone or at the same moment as this one.
import { credit, data, entry, goaway, MemoryPair, refsValue, reset } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import {
  CODE,
  drainToFinal,
  FIN,
  FINAL,
  fin,
  inbound,
  MSG,
  opened,
  openedAndSent,
  ready,
  thrown,
  undecided,
} from './lifecycle-support.js'

/** An entry with which a message carries references. */
const refs = (...list: Parameters<typeof refsValue>[0][number][]) => entry(0x8c, refsValue(list))

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
