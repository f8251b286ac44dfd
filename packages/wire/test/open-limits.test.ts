// How many channels may be open: an opener that waits for open credit, and an acceptor that refuses what goes beyond.
import {
  credit,
  data,
  end,
  entry,
  open,
  pong,
  RecordingSessionSink,
  reset,
  type ScriptedPeer,
  stop,
} from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import {
  bytesOf,
  FIN,
  inbound,
  MIB,
  MSG,
  NOPROC,
  ONEWAY,
  ofKind,
  opened,
  REFUSED,
  ready,
  SECOND,
  serving,
  wrapped,
} from './flow-support.js'

function taken(script: ScriptedPeer): number {
  return script.session.stats().openSlotsTaken
}

describe('an opener', () => {
  it('opens what it may and lets the rest wait; CREDIT lets them go in their order [OCR-001]', () => {
    const script = ready({}, { opens: 2 })
    const { session } = script
    for (const name of ['a', 'b', 'c', 'd', 'e']) session.open(name)
    expect(script.takeFrames()).toMatchObject([
      { kind: 'OPEN', chan: 1 },
      { kind: 'OPEN', chan: 2 },
    ])
    expect(session.stats().openingChannels).toBe(3)
    expect(session.openCredit).toBe(-3)
    script.send(credit({ byteLimit: 4 * MIB, countLimit: 3 }))
    script.expect({ kind: 'OPEN', chan: 3, name: 'c' })
    script.expectNothing('one more was allowed')
    script.send(credit({ byteLimit: 4 * MIB, countLimit: 9 }))
    script.expect({ kind: 'OPEN', chan: 4, name: 'd' })
    script.expect({ kind: 'OPEN', chan: 5, name: 'e' })
    expect(session.openCredit).toBe(4)
  })

  it('keeps nothing of a waiting OPEN that is cancelled, and no id is spent on it', () => {
    const script = ready({}, { opens: 0 })
    const { session } = script
    const waiting = ['a', 'b', 'c', 'd'].map((name) => opened(session, { message: bytesOf(1_000) }, name))
    expect(session.stats().queuedOutputBytes).toBe(4_000)
    waiting[0]?.channel.reset()
    waiting[2]?.channel.fail(10)
    expect(waiting[0]?.sink.outcome).toMatchObject({ name: 'CANCELLED', delivery: 'not-sent' })
    expect(session.stats()).toMatchObject({ queuedOutputBytes: 2_000, openingChannels: 2, openChannels: 0 })
    script.send(credit({ byteLimit: 4 * MIB, countLimit: 10 }))
    script.expect({ kind: 'OPEN', chan: 1, name: 'b' })
    script.expect({ kind: 'OPEN', chan: 2, name: 'd' })
    script.expectNothing('the others are gone')
    expect(session.openCredit).toBe(8)
  })

  it('does not let a new OPEN pass those that wait', () => {
    const script = ready({}, { connBytes: 64 * 1024 })
    opened(script.session).channel.send(bytesOf(60_000))
    script.session.open('second', { message: bytesOf(10_000) })
    script.session.open('third', { message: bytesOf(1) })
    expect(script.takeFrames()).toMatchObject([{ kind: 'OPEN', chan: 1 }, { kind: 'DATA' }])
    script.send(credit({ byteLimit: 128 * 1024, countLimit: 1_024 }))
    script.expect({ kind: 'OPEN', name: 'second' }, 'it waited for credit of the connection')
    script.expect({ kind: 'OPEN', name: 'third' })
  })

  it('lets the next one go when the OPEN that waited before it is cancelled', () => {
    const script = ready({}, { connBytes: 64 * 1024 })
    opened(script.session).channel.send(bytesOf(60_000))
    const large = script.session.open('large', { message: bytesOf(10_000) })
    script.session.open('small', { message: bytesOf(1) })
    expect(script.takeFrames()).toHaveLength(2)
    large.reset()
    script.expect({ kind: 'OPEN', chan: 2, name: 'small' })
  })

  it('goes on sending on open channels while its OPENs wait', () => {
    const script = ready({}, { opens: 1 })
    const { channel } = opened(script.session)
    script.session.open('waits')
    script.expect('OPEN')
    channel.send(bytesOf(10))
    script.expect({ kind: 'DATA', chan: 1 })
    script.expectNothing('no more')
  })

  it('is the same when the counts pass 2^31 and 2^32 [OCR-001]', () => {
    for (const edge of [2 ** 31, 2 ** 32]) {
      const script = ready({}, { opens: 2 })
      script.session.channels.sender.committer.startOpensAt(edge - 3)
      for (let i = 0; i < 6; i++) script.session.open('x')
      expect(script.takeFrames()).toHaveLength(2)
      script.send(credit({ byteLimit: 4 * MIB, countLimit: wrapped(edge + 2) }))
      expect(script.takeFrames()).toHaveLength(3)
      expect(script.session.stats().openingChannels).toBe(1)
      script.send(credit({ byteLimit: 4 * MIB, countLimit: wrapped(edge + 1) }))
      script.expectClosed('FLOW_CONTROL')
    }
  })
})

describe('an acceptor', () => {
  it('refuses what goes beyond its limit with REFUSED and NOPROC, and counts it [OCR-002] [OCR-003]', () => {
    const script = serving(2)
    script.send([open({ chan: 1 }), open({ chan: 2 })])
    script.expectNothing('within the limit')
    script.send(open({ chan: 3 }))
    script.expect({ kind: 'RESET', chan: -3, code: REFUSED, flags: NOPROC })
    expect(script.sink.inbound).toHaveLength(2)
    expect(script.session.stats()).toMatchObject({
      channelsRefused: 1,
      channelsAccepted: 2,
      openSlotsTaken: 2,
    })
  })

  it('answers a one-way beyond the limit with nothing [OCR-003]', () => {
    const script = serving(0)
    script.send(open({ flags: FIN + MSG + ONEWAY, payload: 'x' }))
    const [frame] = script.takeFrames()
    // The slot that it took anyway is returned at once.
    expect(frame).toMatchObject({ kind: 'CREDIT', chan: 0, countLimit: 1 })
    script.expectNothing('no RESET')
    expect(script.session.stats().channelsRefused).toBe(1)
  })

  it.each<[string, (script: ScriptedPeer, chan: number) => void]>([
    ['a name that the application refuses', (script, chan) => script.send(open({ chan, name: 'no' }))],
    [
      'too many entries',
      (script, chan) =>
        script.send(open({ chan, entries: Array.from({ length: 65 }, () => entry('k', '')) })),
    ],
    [
      'a size hint above the limit',
      (script, chan) =>
        script.send(open({ chan, entries: [entry(0x90, Uint8Array.of(255, 255, 255, 127))] })),
    ],
    ['an encoding', (script, chan) => script.send(open({ chan, entries: [entry(0x8f, 'gzip')] }))],
  ])('returns the slot of a refused OPEN at once: %s [OCR-004]', (_, refuse) => {
    const script = serving(4)
    script.sink.onInbound = (channel, sink) => {
      if (channel.name === 'no') channel.refuse()
      else channel.accept(sink)
    }
    for (let chan = 1; chan <= 40; chan++) {
      refuse(script, chan)
      expect(taken(script)).toBe(0)
      const frames = script.takeFrames()
      expect(frames.some((frame) => 'code' in frame && frame.code === REFUSED)).toBe(false)
    }
    script.send(open({ chan: 41 }))
    expect(taken(script)).toBe(1)
  })

  it('returns the slot of a discarded OPEN at once [OCR-004]', () => {
    const script = serving(4)
    inbound(script)
    script.session.drain(60_000)
    const [notice, fence] = script.takeFrames()
    expect(notice?.kind).toBe('GOAWAY')
    script.send(pong({ payload: (fence as { payload: Uint8Array }).payload }))
    script.expect({ kind: 'GOAWAY', flags: 1, lastId: 1 })
    for (let chan = 2; chan <= 20; chan++) {
      script.send(open({ chan }))
      expect(taken(script)).toBe(1)
    }
    const frames = script.takeFrames()
    expect(frames.every((frame) => frame.kind === 'CREDIT')).toBe(true)
    expect(ofKind(frames, 'CREDIT').at(-1)?.countLimit).toBeGreaterThan(20)
    expect(script.session.stats().opensDiscarded).toBe(19)
  })

  it('keeps the slot of a channel that is closed until its handler has settled [OCR-005]', () => {
    const script = serving(1)
    const { channel } = inbound(script, { chan: 1, flags: FIN + MSG, payload: 'call' })
    channel.sendLast(bytesOf(1))
    script.expect({ kind: 'DATA', flags: FIN + MSG })
    expect([channel.state, taken(script)]).toEqual(['CLOSED', 1])
    script.expectNothing('the handler still runs')
    channel.settle()
    script.expect({ kind: 'CREDIT', chan: 0, countLimit: 2 })
    channel.settle()
    script.expectNothing('once')
    expect(taken(script)).toBe(0)
  })

  it('keeps the slot of a settled handler until the channel is closed [OCR-005]', () => {
    const script = serving(1)
    const { channel } = inbound(script)
    channel.settle()
    script.expectNothing('open in both directions')
    channel.end()
    script.expect({ kind: 'DATA', flags: FIN })
    script.expect({ kind: 'STOP' })
    expect(taken(script)).toBe(1)
    script.send(data({ flags: FIN }))
    script.expect({ kind: 'CREDIT', chan: 0, countLimit: 2 })
    expect(taken(script)).toBe(0)
  })

  it.each([
    ['RESET', reset()],
    ['END', end()],
  ])('keeps the slot of a handler that runs on after %s [OCR-005]', (_, frame) => {
    const script = serving(1)
    const { channel } = inbound(script)
    channel.send(bytesOf(1))
    script.expect('DATA')
    script.send(frame)
    script.advance(10 * SECOND)
    script.expectNothing('cancelled, but it still runs')
    expect(taken(script)).toBe(1)
    channel.settle()
    script.expect({ kind: 'CREDIT', chan: 0, countLimit: 2 })
  })

  it('returns the slot of a one-way when its handler has settled [OCR-005]', () => {
    const script = serving(1)
    const { channel } = inbound(script, { flags: FIN + MSG + ONEWAY, payload: 'x' })
    expect(taken(script)).toBe(1)
    channel.settle()
    script.expect({ kind: 'CREDIT', chan: 0, countLimit: 2 })
    expect(script.session.stats()).toMatchObject({ openSlotsTaken: 0, openChannels: 0 })
  })

  it('returns the slot of a handler that throws, wherever it does [OCR-005]', () => {
    const fault = new Error('a fault in a handler')
    for (const where of ['accept', 'message', 'headers', 'end', 'stop', 'close']) {
      const script = serving(8)
      script.sink.onInbound = (channel, sink) => {
        sink.onEvent = (event) => {
          if (event.type === where) throw fault
        }
        channel.accept(sink)
        if (where === 'accept') throw fault
      }
      script.send(open())
      script.send([data({ entries: [entry('k', 'v')] }), data({ payload: 'x' })])
      script.send([stop(), data({ flags: FIN }), reset()])
      script.advance(SECOND)
      expect([where, taken(script)]).toEqual([where, 0])
      expect(script.session.stats()).toMatchObject({ openChannels: 0, unreadBytes: 0 })
    }
  })

  it.each([
    ['RESET', reset],
    ['END', end],
  ] as const)(
    'returns the slot of a call that ended by %s before our first frame at the next tick [OCR-006]',
    (_, ending) => {
      const script = serving(4)
      script.sink.onInbound = (channel, sink) => {
        channel.accept(sink)
        channel.settle()
      }
      for (let chan = 1; chan <= 4; chan++) script.send([open({ chan }), ending({ chan })])
      expect(taken(script)).toBe(4)
      script.expectNothing('all slots are taken')
      script.advance(SECOND - 1)
      script.expectNothing('not yet')
      script.advance(1)
      script.expect({ kind: 'CREDIT', chan: 0, countLimit: 8 })
      expect(taken(script)).toBe(0)
      script.advance(10 * SECOND)
      script.expectNothing('no further tick is needed')
    },
  )

  it('returns the slot at once when it had answered before they reset [OCR-006]', () => {
    const script = serving(1)
    const { channel } = inbound(script)
    channel.settle()
    channel.send(bytesOf(1))
    script.expect('DATA')
    script.send(reset())
    script.expect({ kind: 'CREDIT', chan: 0, countLimit: 2 })
  })

  it('returns the slot of a call that was never taken when it is refused or accepted at last', () => {
    const script = ready(
      { limits: { maxOpenChannels: 2, idleTimeoutMs: 0 }, sink: new RecordingSessionSink(() => {}) },
      { idleMs: 0 },
    )
    script.send([
      open({ chan: 1, flags: FIN + MSG, payload: 'a' }),
      open({ chan: 2, flags: MSG, payload: 'b' }),
    ])
    script.send([reset({ chan: 1 }), end({ chan: 2 })])
    script.advance(2 * SECOND)
    expect(taken(script)).toBe(2)
    const [first, second] = script.sink.inbound
    expect(first?.channel.accept(first.sink)).toBe(false)
    second?.channel.refuse()
    script.advance(SECOND)
    script.expect({ kind: 'CREDIT', chan: 0, countLimit: 4 })
    expect(script.session.stats()).toMatchObject({ openSlotsTaken: 0, unreadBytes: 0 })
  })

  it('limits a rapid reset to its slots per second, however fast it is', () => {
    const script = serving(10)
    script.sink.onInbound = (channel, sink) => {
      channel.accept(sink)
      channel.settle()
    }
    let limit = 10
    let chan = 0
    for (let ms = 0; ms < 5_000; ms += 50) {
      while (chan < limit) {
        chan++
        script.send([open({ chan }), reset({ chan })])
      }
      script.advance(50)
      for (const frame of ofKind(script.takeFrames(), 'CREDIT')) limit = frame.countLimit
    }
    expect(script.sink.inbound.length).toBeLessThanOrEqual(60)
    expect(script.sink.inbound.length).toBeGreaterThanOrEqual(40)
    expect(script.session.isOpen).toBe(true)
  })
})
