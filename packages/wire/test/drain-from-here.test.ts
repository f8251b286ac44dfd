// A drain that begins on this side: notice, fence, FINAL, and the grace after which what is left is reset.
import { credit, data, end, entry, MemoryPair, open, pong, refsValue, reset, u32 } from '@peerplex/testkit'
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
} from './lifecycle-support.js'

/** An entry with which an OPEN names a reference. */
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
