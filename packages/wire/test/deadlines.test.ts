import { credit, data, MemoryPair, RecordingChannelSink, reset } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import {
  CODE,
  FIN,
  fin,
  inbound,
  MORE,
  MSG,
  NOPROC,
  ONEWAY,
  opened,
  openedAndSent,
  ready,
  undecided,
} from './lifecycle-support.js'

describe('the opener', () => {
  it('ends the call itself and tells the other side with RESET [DLN-004]', () => {
    const script = ready()
    const { channel, sink } = openedAndSent(script, { timeoutMs: 300 })
    script.advance(299)
    script.expectNothing('one millisecond is left')
    script.advance(1)
    script.expect({ kind: 'RESET', chan: 1, flags: 0, code: CODE.DEADLINE_EXCEEDED })
    expect(channel.state).toBe('CLOSED')
    expect(sink.outcome).toMatchObject({
      code: CODE.DEADLINE_EXCEEDED,
      name: 'DEADLINE_EXCEEDED',
      delivery: 'unknown',
      origin: 'local',
    })
    expect(script.session.stats().deadlines).toBe(0)
  })

  it('says in OPEN how much is left when it leaves, at least 1 [DLN-001]', () => {
    const script = ready({}, { opens: 0 })
    opened(script, { timeoutMs: 100 })
    opened(script, { timeoutMs: 100 })
    opened(script)
    script.advance(60)
    script.send(credit({ byteLimit: 4 << 20, countLimit: 1 }))
    script.expect({ kind: 'OPEN', timeoutMs: 40 })
    script.advance(39.5)
    script.send(credit({ byteLimit: 4 << 20, countLimit: 3 }))
    script.expect({ kind: 'OPEN', timeoutMs: 1 })
    script.expect({ kind: 'OPEN', timeoutMs: 0 }, 'no deadline')
  })

  it('a call whose time is up does not leave, even when the timer is late [DLN-002]', () => {
    const script = ready({}, { opens: 0 })
    const { sink } = opened(script, { timeoutMs: 100 })
    script.clock.jump(100)
    script.send(credit({ byteLimit: 4 << 20, countLimit: 1 }), 'read before any timer runs')
    script.expectNothing('it is too late')
    expect(sink.outcome).toMatchObject({ code: CODE.DEADLINE_EXCEEDED, delivery: 'not-sent' })
  })

  it('covers the whole channel: a stream that is under way ends too', () => {
    const script = ready()
    const { channel, sink } = openedAndSent(script, { timeoutMs: 100 })
    script.send([
      data({ chan: -1, payload: 'a' }),
      data({ chan: -1, flags: MSG + MORE, payload: 'b'.repeat(600) }),
    ])
    channel.send(Uint8Array.of(1))
    script.takeFrames()
    script.advance(100)
    script.expect({ kind: 'RESET', chan: 1, code: CODE.DEADLINE_EXCEEDED })
    expect(sink.types).toEqual(['message', 'close'])
    expect(script.session.stats()).toMatchObject({ inboundPartials: 0, assemblingBytes: 0, openChannels: 0 })
  })

  it('an answer in time leaves no timer behind', () => {
    const script = ready()
    const { sink } = openedAndSent(script, { timeoutMs: 100, isLast: true })
    script.send(data({ chan: -1, flags: MSG + FIN, payload: 'x' }))
    expect(script.session.stats().deadlines).toBe(0)
    script.advance(100)
    script.expectNothing('it was over before')
    expect(sink.outcome?.code).toBe(0)
  })

  it('messages that came in time stay readable after their channel is complete', () => {
    const script = ready()
    const { channel, sink } = openedAndSent(script, { timeoutMs: 100, isLast: true })
    channel.pause()
    script.send(data({ chan: -1, flags: MSG + FIN, payload: 'x' }))
    script.advance(200)
    channel.resume()
    expect(sink.types).toEqual(['readable', 'message', 'end', 'close'])
    expect(sink.outcome?.code).toBe(0)
  })

  it('a timeout of 0 is none', () => {
    const script = ready({}, { idleMs: 0 })
    const { channel } = openedAndSent(script, { timeoutMs: 0 })
    expect(script.session.stats().deadlines).toBe(0)
    expect(channel.remainingMs(script.clock.now())).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('the acceptor', () => {
  it('counts from the arrival of OPEN and answers END without NOPROC [DLN-003] [DLN-005]', () => {
    const script = ready()
    script.advance(1000)
    const { channel, sink } = inbound(script, { timeoutMs: 300, flags: MSG + FIN, payload: 'x' })
    expect(channel.remainingMs(1000)).toBe(300)
    script.advance(299)
    script.expectNothing('one millisecond is left')
    script.advance(1)
    script.expect({ kind: 'END', chan: -1, flags: 0, code: CODE.DEADLINE_EXCEEDED })
    expect(sink.types).toEqual(['message', 'end', 'close'])
    expect(sink.outcome).toMatchObject({ code: CODE.DEADLINE_EXCEEDED, origin: 'local' })
    expect(script.session.stats(), 'its handler still runs').toMatchObject({
      openSlotsTaken: 1,
      deadlines: 0,
    })
    channel.settle()
    expect(script.session.stats().openSlotsTaken).toBe(0)
  })

  it('nobody has taken the channel yet: NOPROC [DLN-005]', () => {
    const script = undecided()
    inbound(script, { timeoutMs: 300, payload: 'x' })
    script.advance(300)
    script.expect({ kind: 'END', chan: -1, flags: NOPROC, code: CODE.DEADLINE_EXCEEDED })
    expect(script.session.stats()).toMatchObject({ unreadBytes: 0, openChannels: 0 })
  })

  it('a one-way: the handler is told, nothing is sent, its slot stays until it settles [DLN-005]', () => {
    const script = ready()
    const { channel, sink } = inbound(script, { timeoutMs: 300, flags: FIN + ONEWAY + MSG, payload: 'x' })
    script.advance(300)
    script.expectNothing('a one-way is never answered')
    expect(sink.types).toEqual(['message', 'end', 'close'])
    expect(sink.outcome?.code).toBe(CODE.DEADLINE_EXCEEDED)
    expect(script.session.stats()).toMatchObject({ openSlotsTaken: 1, openChannels: 1, deadlines: 0 })
    channel.settle()
    expect(channel.state).toBe('CLOSED')
    expect(script.session.stats()).toMatchObject({ openSlotsTaken: 0, openChannels: 0 })
    script.expectNothing('still not')
    expect(sink.types).toHaveLength(3)
  })

  it('a one-way that nobody has taken is dropped', () => {
    const script = undecided()
    const { channel, sink } = inbound(script, { timeoutMs: 300, flags: FIN + ONEWAY + MSG, payload: 'x' })
    script.advance(300)
    script.expectNothing('a one-way is never answered')
    expect(channel.accept(sink)).toBe(false)
    expect(script.session.stats()).toMatchObject({ openSlotsTaken: 0, openChannels: 0, unreadBytes: 0 })
  })

  it('an answer before the deadline leaves no timer behind', () => {
    const script = ready()
    const { channel } = inbound(script, { timeoutMs: 300, flags: FIN })
    channel.end()
    expect(script.session.stats().deadlines).toBe(0)
    inbound(script, { chan: 2, timeoutMs: 300 })
    script.send(reset({ chan: 2 }))
    expect(script.session.stats().deadlines).toBe(0)
  })
})

describe('both ends', () => {
  it('run the same timer: RESET and END cross and nobody minds', () => {
    const pair = new MemoryPair()
    pair.pump()
    const sinks = Array.from({ length: 50 }, (_, index) => {
      const sink = new RecordingChannelSink()
      pair.sessionA.open('svc', { sink, timeoutMs: 100 + (index % 7), isLast: index % 2 === 0 })
      return sink
    })
    pair.pump()
    pair.advance(200)
    expect(sinks.every((sink) => sink.outcome?.code === CODE.DEADLINE_EXCEEDED)).toBe(true)
    for (const { channel, sink } of pair.sinkB.inbound) {
      expect(sink.outcome?.code).toBe(CODE.DEADLINE_EXCEEDED)
      channel.settle()
    }
    for (const session of [pair.sessionA, pair.sessionB]) {
      expect(session.state).toBe('READY')
      expect(session.stats()).toMatchObject({ deadlines: 0, openChannels: 0, openSlotsTaken: 0 })
      expect(session.stats().economyBalance).toBeGreaterThan(1900)
    }
  })

  it('deadlines expire in their order, whatever order they were set in', () => {
    const script = ready()
    const order: number[] = []
    for (const timeoutMs of [50, 10, 40, 20, 30, 10]) {
      const { sink } = openedAndSent(script, { timeoutMs })
      sink.onEvent = () => order.push(timeoutMs)
    }
    script.advance(60)
    expect(order).toEqual([10, 10, 20, 30, 40, 50])
    expect(script.takeFrames().map((frame) => frame.kind)).toEqual(Array(6).fill('RESET'))
  })

  it('a program may open and end channels while deadlines expire', () => {
    const script = ready()
    const first = openedAndSent(script, { timeoutMs: 10 })
    const second = openedAndSent(script, { timeoutMs: 10 })
    first.sink.onEvent = () => {
      second.channel.reset()
      opened(script, { timeoutMs: 10 })
    }
    script.advance(10)
    expect(second.sink.outcome?.code).toBe(CODE.CANCELLED)
    expect(script.session.stats().deadlines).toBe(1)
    script.advance(10)
    expect(script.session.stats().deadlines).toBe(0)
  })

  it('time does not jump: a FIN at the last moment wins over the timer [DLN-006]', () => {
    const script = ready()
    const { sink } = openedAndSent(script, { timeoutMs: 100, isLast: true })
    script.advance(99)
    script.send(fin(-1))
    script.advance(1)
    expect(sink.outcome?.code).toBe(0)
  })
})
