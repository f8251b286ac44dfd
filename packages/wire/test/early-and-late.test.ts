// What a program does before the wire can show it, or after it no longer matters, has the effect it would have had in time.
import {
  acceptAll,
  credit,
  data,
  end,
  entry,
  goaway,
  MemoryPair,
  open,
  RecordingChannelSink,
  RecordingSessionSink,
  ref,
  refsValue,
  type RecordingSessionSink as SessionRecord,
  stop,
} from '@peerplex/testkit'
import type { Channel } from '@peerplex/wire'
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
  undecided,
} from './lifecycle-support.js'

const KIB = 1_024

/** Two sessions that shook hands; inbound channels of `b` are left undecided. */
function undecidedPair(options: ConstructorParameters<typeof MemoryPair>[0] = {}): MemoryPair {
  const pair = new MemoryPair({ ...options, b: { sink: new RecordingSessionSink(() => {}), ...options.b } })
  pair.pump()
  return pair
}

function call(pair: MemoryPair, options: Parameters<MemoryPair['sessionA']['open']>[1] = {}) {
  const sink = new RecordingChannelSink()
  return { channel: pair.sessionA.open('svc', { sink, ...options }), sink }
}

function shown(record: SessionRecord): { channel: Channel; sink: RecordingChannelSink } {
  return record.inboundAt(record.inbound.length - 1)
}

describe('STOP for a channel that nobody has accepted yet', () => {
  it('is answered by accept, which tells it first; the call still runs', () => {
    const script = undecided()
    const { channel, sink } = inbound(script, { chan: 1, flags: MSG + FIN, payload: 'do it' })
    script.send(stop({ chan: 1, code: 5 }))
    script.expectNothing('FIN now would say that the call has run')
    expect(channel.accept(sink)).toBe(true)
    expect(sink.types).toEqual(['stop', 'message', 'end', 'close'])
    expect(sink.stopCode).toBe(5)
    script.expect({ kind: 'DATA', chan: -1, flags: FIN })
  })

  it('does not make early headers come late', () => {
    const script = undecided()
    const { channel, sink } = inbound(script, { chan: 1 })
    script.send([data({ chan: 1, entries: [entry('x-a', '1')] }), stop({ chan: 1 }), fin(1)])
    channel.accept(sink)
    expect(sink.types).toEqual(['stop', 'headers', 'end', 'close'])
  })

  it('leaves refusing possible, with NOPROC', () => {
    const script = undecided()
    const { channel } = inbound(script, { chan: 1, flags: MSG + FIN, payload: 'do it' })
    script.send(stop({ chan: 1 }))
    channel.refuse(CODE.UNAVAILABLE)
    script.expect({ kind: 'END', chan: -1, flags: NOPROC, code: CODE.UNAVAILABLE })
  })

  it('does not end a call that is held while credentials are checked [AUT-002] [ERR-006]', () => {
    const pair = new MemoryPair({ b: { isAuthRequired: true } })
    pair.pump()
    const { channel, sink } = call(pair, { message: Uint8Array.of(1), isLast: true })
    channel.stop()
    pair.pump()
    expect(sink.outcome).toBeNull()
    pair.sessionB.admit()
    pair.pump()
    expect(shown(pair.sinkB).sink.messages).toHaveLength(1)
    expect(sink.outcome).toMatchObject({ code: 0, delivery: 'processed' })
  })
})

describe('stop', () => {
  it('on a channel whose OPEN waits follows OPEN; of two, the first counts [STA-012]', () => {
    const script = ready({}, { opens: 0 })
    const { channel, sink } = opened(script)
    channel.stop(7)
    channel.stop(8)
    script.expectNothing('there is no open credit')
    script.send(creditOpens(1))
    script.expect({ kind: 'OPEN', chan: 1 })
    script.expect({ kind: 'STOP', chan: 1, code: 7 })
    script.send(data({ chan: -1, flags: MSG, payload: 'late' }))
    expect(sink.messages).toEqual([])
  })

  it('after the other side has sent everything drops what is unread, and its end is not told', () => {
    const script = ready()
    const { channel, sink } = openedAndSent(script)
    channel.pause()
    script.send([data({ chan: -1, flags: MSG, payload: 'unread' }), fin(-1)])
    channel.stop()
    script.expectNothing('there is no more to stop')
    channel.resume()
    channel.end()
    expect(sink.types).toEqual(['readable', 'close'])
    expect(script.session.stats().unreadBytes).toBe(0)
  })
})

describe('a one-way', () => {
  it('gives its acceptor nothing to write to [STA-018]', () => {
    const script = ready()
    const { channel } = inbound(script, { chan: 1, flags: MSG + FIN + ONEWAY, payload: 'log' })
    expect(channel.isWritable).toBe(false)
    expect(channel.send(Uint8Array.of(1))).toBe(false)
    channel.sendHeaders({ 'x-a': '1' })
    channel.end()
    channel.settle()
    script.expectNothing('a one-way is never answered')
  })

  it.each([
    ['byte', 100 * KIB],
    ['message', 300 * KIB],
  ] as const)('too long for one frame goes as a call that nobody listens to (%s, %i bytes)', (kind, size) => {
    const pair = new MemoryPair({ kind, b: { sink: new RecordingSessionSink(acceptAll) } })
    pair.pump()
    const { sink } = call(pair, { message: new Uint8Array(size).fill(3), isOneway: true })
    pair.pump()
    const there = shown(pair.sinkB)
    expect(there.channel.isOneway).toBe(false)
    expect(there.sink.messages.map((message) => message.length)).toEqual([size])
    expect(there.sink.types).toContain('stop')
    expect(sink.types).toEqual(['close'])
    expect(pair.sinkA.isClosed || pair.sinkB.isClosed).toBe(false)
  })
})

describe('open credit is announced by itself', () => {
  it('when an OPEN leaves less than a quarter and earlier slots are owed [OCR-007]', () => {
    const script = ready({ limits: { maxOpenChannels: 2 } })
    const { channel } = inbound(script, { chan: 1, flags: FIN + ONEWAY })
    channel.settle()
    script.expectNothing('half of the slots are left')
    script.send(open({ chan: 2, flags: FIN + ONEWAY }))
    script.expect({ kind: 'CREDIT', chan: 0, countLimit: 3 })
  })

  it('when 64 are owed, with nothing else to send [OCR-007]', () => {
    const script = ready()
    for (let chan = 1; chan <= 64; chan++) {
      script.expectNothing(`${chan - 1} are owed`)
      inbound(script, { chan, flags: FIN + ONEWAY }).channel.settle()
    }
    script.expect({ kind: 'CREDIT', chan: 0, countLimit: 1_024 + 64 })
  })
})

describe('the end of a drain', () => {
  it('comes when the last OPEN that waits is cancelled [DRN-018]', () => {
    const script = ready({}, { opens: 0 })
    const { channel } = inbound(script, { chan: 1 })
    const waiting = opened(script)
    drainToFinal(script)
    channel.fail(CODE.ABORTED)
    script.expect({ kind: 'END', chan: -1 })
    expect(script.sink.isClosed).toBe(false)
    waiting.channel.reset()
    script.advance(0)
    expect(script.sink.isClosed).toBe(true)
  })

  it('comes with the grace period when only an OPEN waits', () => {
    const script = ready({}, { opens: 0 })
    const { channel } = inbound(script, { chan: 1 })
    const { sink } = opened(script)
    drainToFinal(script, 1_000)
    channel.fail(CODE.ABORTED)
    script.expect({ kind: 'END', chan: -1 })
    script.advance(1_000)
    expect(sink.outcome).toMatchObject({ code: CODE.UNAVAILABLE, delivery: 'not-sent' })
    expect(script.sink.isClosed).toBe(true)
  })

  it('does not write off channels that are held for credentials: FINAL names them, and they run [DRN-004] [ERR-006]', () => {
    const pair = new MemoryPair({ b: { isAuthRequired: true } })
    pair.pump()
    const { sink } = call(pair, { message: Uint8Array.of(1), isLast: true })
    pair.pump()
    pair.sessionB.drain(10_000)
    pair.pump()
    expect(sink.outcome).toBeNull()
    expect(pair.sentFrames('bToA').at(-1)).toMatchObject({ kind: 'GOAWAY', flags: FINAL, lastId: 1 })
    pair.sessionB.admit()
    expect(shown(pair.sinkB).sink.messages).toHaveLength(1)
  })
})

describe('a channel that is over before it was accepted', () => {
  it('is refused by accept without a throw when its deadline has passed [DLN-005]', () => {
    const pair = undecidedPair()
    call(pair, { timeoutMs: 100, message: Uint8Array.of(1) })
    pair.pump()
    const { channel, sink } = shown(pair.sinkB)
    pair.advance(100)
    expect(channel.accept(sink)).toBe(false)
    expect(sink.types).toEqual([])
    expect(pair.sessionB.stats()).toMatchObject({ unreadBytes: 0, openSlotsTaken: 0 })
  })

  it('gives back what it held when END arrives before the verdict on the credentials [AUT-004]', () => {
    const script = ready({ isAuthRequired: true })
    script.send([open({ chan: 1, flags: MSG, payload: 'x' }), end({ chan: 1, code: CODE.UNKNOWN })])
    expect(script.session.stats()).toMatchObject({ heldChannels: 0, unreadBytes: 0, openChannels: 0 })
  })
})

describe('after onClose the session tells nothing more', () => {
  it('not that the other side drains, when the program closes the session over a call that the drain took back', () => {
    const script = ready({}, { opens: 0 })
    const { sink } = opened(script)
    sink.onEvent = () => script.session.close()
    script.send(goaway({}))
    expect(script.sink.types).toEqual(['hello', 'close'])
  })

  it('not the second reference of one REF, when the program closes the session at the first', () => {
    const script = ready()
    const { channel } = openedAndSent(script, { headers: { refs: refsValue([retained(1), retained(2)]) } })
    channel.reset()
    script.sink.onEvent = (event) => {
      if (event.type === 'refFreed') script.session.close()
    }
    script.send(ref({ releases: [1, 2].map((refId) => ({ refId, count: 1 })) }))
    expect(script.sink.types).toEqual(['hello', 'refFreed', 'close'])
  })

  it('not that there is output, when the program settles a channel later', () => {
    const script = ready({ limits: { maxOpenChannels: 1 } })
    const { channel } = inbound(script, { chan: 1 })
    script.session.close()
    script.expect({ kind: 'GOAWAY', flags: FINAL })
    script.expect({ kind: 'RESET', chan: -1, code: CODE.UNAVAILABLE })
    let announced = 0
    script.sink.onOutputPending = () => {
      announced++
    }
    channel.settle()
    expect([announced, script.session.hasOutput]).toEqual([0, false])
  })
})

describe('onWritable', () => {
  it('does not come after onClose, when the last message that waited closes the channel', () => {
    const pair = new MemoryPair({ a: { limits: { channelWindowMessages: 1 } } })
    pair.pump()
    const { channel, sink } = call(pair, { isLast: true })
    pair.pump()
    const there = shown(pair.sinkB)
    channel.pause()
    expect(there.channel.send(Uint8Array.of(1))).toBe(true)
    expect(there.channel.sendLast(Uint8Array.of(2))).toBe(false)
    pair.pump()
    channel.resume()
    pair.pump()
    expect(sink.types.at(-1)).toBe('close')
    expect(there.sink.types).toEqual(['end', 'close'])
  })
})

function retained(refId: number) {
  return { refId, flags: 1 }
}

function creditOpens(count: number): Uint8Array {
  return credit({ chan: 0, byteLimit: 4 * KIB * KIB, countLimit: count })
}
