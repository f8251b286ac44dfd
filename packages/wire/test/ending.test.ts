import {
  credit,
  data,
  end,
  entry,
  MemoryPair,
  RecordingChannelSink,
  reset,
  stop,
  toText,
} from '@peerplex/testkit'
import type { Channel, Outcome } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import {
  CODE,
  FIN,
  fin,
  inbound,
  MORE,
  MSG,
  NOPROC,
  opened,
  openedAndSent,
  ready,
  thrown,
  undecided,
} from './lifecycle-support.js'

const BIG = 'b'.repeat(600)

describe('END received', () => {
  it('comes in order: what was complete before it is delivered, then the error; a part is dropped [STA-004]', () => {
    const script = ready()
    const { channel, sink } = openedAndSent(script)
    channel.pause()
    script.send([data({ chan: -1, payload: 'one' }), data({ chan: -1, payload: 'two' })])
    script.send(data({ chan: -1, flags: MSG + MORE, payload: BIG }), 'never completed')
    script.send(end({ chan: -1, code: CODE.NOT_FOUND, entries: [entry(0x92, 'gone')], payload: 'details' }))
    expect(channel).toMatchObject({ state: 'CLOSED', isClosed: true, isWritable: false })
    expect(sink.types).toEqual(['readable'])
    expect(script.session.stats()).toMatchObject({ inboundPartials: 0, assemblingBytes: 0, openChannels: 0 })
    expect(toText(channel.read()?.payload as Uint8Array)).toBe('one')
    expect(sink.outcome, 'one still waits').toBeNull()
    channel.resume()
    expect(sink.types).toEqual(['readable', 'message', 'close'])
    expect(sink.outcome).toMatchObject({
      code: CODE.NOT_FOUND,
      name: 'NOT_FOUND',
      message: 'gone',
      delivery: 'processed',
      origin: 'remote',
    })
    expect(toText(sink.outcome?.details as Uint8Array)).toBe('details')
    expect(sink.outcome?.headers.get('message')).toBe('gone')
    expect(script.session.stats().unreadBytes).toBe(0)
  })

  it('while messages wait to be read, a program that has something to send learns of the failure at once', () => {
    const script = ready()
    const failures: string[] = []
    class Sink extends RecordingChannelSink {
      onFailing(outcome: Outcome): void {
        failures.push(outcome.name)
      }
    }
    for (const fails of [end({ chan: -1, code: CODE.ABORTED }), fin(-2), end({ chan: -3 })]) {
      const sink = new Sink()
      const channel = script.session.open('svc', { sink, isLast: true })
      if (channel.id < 3) channel.pause()
      script.expect('OPEN')
      script.send([data({ chan: -channel.id, payload: 'one' }), fails])
      expect(sink.types.includes('close')).toBe(channel.id === 3)
      channel.resume()
      expect(sink.types.at(-1)).toBe('close')
    }
    expect(failures, 'not after an orderly end, nor where the end is told at once').toEqual(['ABORTED'])
  })

  it('the headers of the next message can be seen before it is taken', () => {
    const script = ready()
    const { channel } = openedAndSent(script)
    expect(channel.nextHeaders).toBeNull()
    channel.pause()
    script.send([
      data({ chan: -1, entries: [entry('x-a', '1')], payload: 'one' }),
      data({ chan: -1, entries: [entry('x-a', '2')], payload: 'two' }),
    ])
    expect(channel.nextHeaders?.get('x-a')).toBe('1')
    expect(channel.read()?.headers.get('x-a')).toBe('1')
    expect(channel.nextHeaders?.get('x-a')).toBe('2')
    channel.resume()
    expect(channel.nextHeaders).toBeNull()
  })

  it('reading the last message one by one brings the end with it', () => {
    const script = ready()
    const { channel, sink } = openedAndSent(script)
    channel.pause()
    script.send([data({ chan: -1, payload: 'one' }), end({ chan: -1 })])
    expect(channel.read()).not.toBeNull()
    expect(sink.types).toEqual(['readable', 'close'])
    expect(channel.read()).toBeNull()
  })

  it('a queued end of input before it is not reported as success', () => {
    const script = ready()
    const { channel, sink } = openedAndSent(script)
    channel.pause()
    script.send([data({ chan: -1, flags: MSG + FIN, payload: 'one' }), end({ chan: -1, code: CODE.ABORTED })])
    channel.resume()
    expect(sink.types).toEqual(['readable', 'message', 'close'])
    expect(sink.outcome?.code).toBe(CODE.ABORTED)
  })

  it('ends both directions: our own waiting output is dropped and nothing answers [STA-003] [STA-006]', () => {
    const script = ready({}, { rxMsgs: 1 })
    const { channel } = openedAndSent(script)
    channel.send(Uint8Array.of(1))
    channel.send(Uint8Array.of(2))
    script.expect('DATA')
    script.send(end({ chan: -1 }))
    expect(channel.bufferedBytes).toBe(0)
    script.send(credit({ chan: -1, byteLimit: 1 << 20, countLimit: 5 }), 'would have let it go')
    script.expectNothing('forgotten')
    expect(script.session.stats().queuedOutputBytes).toBe(0)
  })

  it('with code 0 it is a PROTOCOL_ERROR [ERR-001]', () => {
    const script = ready()
    openedAndSent(script)
    script.send(end({ chan: -1, code: 0 }))
    script.expectClosed('PROTOCOL_ERROR')
  })

  it('a code that this version does not know is kept [ERR-002]', () => {
    const script = ready()
    const { sink } = openedAndSent(script)
    script.send(end({ chan: -1, code: 70_001 }))
    expect(sink.outcome).toMatchObject({ code: 70_001, name: 'CODE_70001' })
  })

  it('broken entries are an error even when the channel is closed [MET-007]', () => {
    const script = ready()
    inbound(script)
    script.send(reset({ chan: 1 }))
    script.send(end({ chan: 1, entries: [entry('x-a', 'v', { k: 0 })] }))
    script.expectClosed('PROTOCOL_ERROR')
  })
})

describe('RESET received', () => {
  it('acts at once: unread messages are dropped, delivered ones are not recalled [STA-005]', () => {
    const script = ready()
    const { channel, sink } = openedAndSent(script)
    script.send(data({ chan: -1, payload: 'seen' }))
    channel.pause()
    script.send([data({ chan: -1, payload: 'unseen' }), data({ chan: -1, flags: MSG + MORE, payload: BIG })])
    script.send(reset({ chan: -1, code: CODE.RESOURCE_EXHAUSTED, entries: [entry(0x92, 'too much')] }))
    expect(sink.types).toEqual(['message', 'readable', 'close'])
    expect(sink.outcome).toMatchObject({
      code: CODE.RESOURCE_EXHAUSTED,
      message: 'too much',
      origin: 'remote',
      delivery: 'processed',
    })
    expect(channel.read()).toBeNull()
    expect(script.session.stats()).toMatchObject({ unreadBytes: 0, inboundPartials: 0, assemblingBytes: 0 })
  })

  it('code 0 means CANCELLED [ERR-003]', () => {
    const script = ready()
    const { sink } = openedAndSent(script)
    script.send(reset({ chan: -1, code: 0 }))
    expect(sink.outcome).toMatchObject({ code: CODE.CANCELLED, name: 'CANCELLED' })
  })

  it('the handler of an inbound channel hears of it [DLN-009]', () => {
    const script = ready()
    const { sink } = inbound(script, { flags: MSG + FIN, payload: 'work' })
    script.send(reset({ chan: 1 }))
    expect(sink.types).toEqual(['message', 'end', 'close'])
    expect(sink.outcome).toMatchObject({ code: CODE.CANCELLED, origin: 'remote' })
  })
})

describe('END and RESET sent', () => {
  it('fail drops what is not committed, even in the middle of a message, and forgets the channel [STA-007] [STA-009]', () => {
    const script = ready({}, { rxBytes: 16_384 })
    const { channel, sink } = openedAndSent(script)
    channel.send(new Uint8Array(60_000))
    script.expect({ kind: 'DATA', flags: MSG + MORE })
    script.takeFrames()
    channel.fail(CODE.ABORTED, { message: 'no more', headers: { 'x-a': '1' }, details: Uint8Array.of(7) })
    script.expect({
      kind: 'END',
      chan: 1,
      flags: 0,
      code: CODE.ABORTED,
      entries: { message: 'no more', 'x-a': '1' },
      payload: Uint8Array.of(7),
    })
    script.expectNothing('no other frame of it')
    expect(sink.outcome).toMatchObject({ code: CODE.ABORTED, message: 'no more', origin: 'local' })
    expect(script.session.stats()).toMatchObject({
      openChannels: 0,
      outboundPartials: 0,
      queuedOutputBytes: 0,
    })
  })

  it('END keeps its place behind what is committed [MSG-024]', () => {
    const script = ready()
    const { channel } = inbound(script)
    channel.send(Uint8Array.of(1))
    channel.send(Uint8Array.of(2))
    channel.fail(CODE.NOT_FOUND)
    script.expectAll([
      { kind: 'DATA', payload: Uint8Array.of(1) },
      { kind: 'DATA', payload: Uint8Array.of(2) },
      'END',
    ])
  })

  it('RESET goes ahead of all data that is not committed [STA-008] [MSG-022]', () => {
    const script = ready({}, { rxBytes: 1 << 20, connBytes: 1 << 20 })
    const busy = openedAndSent(script)
    const other = openedAndSent(script)
    busy.channel.send(new Uint8Array(400_000))
    other.channel.send(new Uint8Array(100_000))
    other.channel.reset(CODE.CANCELLED)
    const kinds = script.takeFrames().map((frame) => `${frame.kind} ${frame.chan}`)
    const resetAt = kinds.indexOf('RESET 2')
    expect(resetAt).toBeGreaterThanOrEqual(0)
    expect(kinds.slice(resetAt).some((kind) => kind === 'DATA 2')).toBe(false)
    expect(kinds.slice(resetAt).filter((kind) => kind === 'DATA 1').length).toBeGreaterThan(1)
  })

  it('after either, frames of that channel are dropped and the channel takes nothing any more', () => {
    const acts: readonly ((channel: Channel) => void)[] = [
      (channel) => channel.fail(CODE.ABORTED),
      (channel) => channel.reset(),
    ]
    for (const act of acts) {
      const script = ready()
      const { channel, sink } = openedAndSent(script)
      act(channel)
      script.takeFrames()
      script.send([data({ chan: -1, payload: 'x' }), stop({ chan: -1 }), fin(-1)])
      for (const again of acts) again(channel)
      channel.end()
      channel.stop()
      channel.settle()
      expect(channel.send(Uint8Array.of(1))).toBe(false)
      script.expectNothing('forgotten')
      expect(sink.types).toEqual(['close'])
    }
  })

  it.each([0, -1, 1.5, Number.NaN, 2 ** 32])(
    'fail with the code %s is a UsageError; the channel lives',
    (code) => {
      const script = ready()
      const { channel } = openedAndSent(script)
      expect(thrown(() => channel.fail(code))).toMatchObject({
        name: 'UsageError',
        code: 'INVALID_ARGUMENT',
        hint: expect.stringMatching(/1/),
      })
      expect(channel.state).toBe('OPEN')
      script.expectNothing('nothing was sent')
    },
  )

  it.each([-1, 1.5, Number.NaN, 2 ** 32])(
    'reset and stop with the code %s are UsageErrors; the channel lives',
    (code) => {
      const script = ready()
      const { channel } = openedAndSent(script)
      const error = expect.objectContaining({ name: 'UsageError', code: 'INVALID_ARGUMENT' })
      expect(() => channel.reset(code)).toThrow(error)
      expect(() => channel.stop(code)).toThrow(error)
      expect(channel.state).toBe('OPEN')
      script.expectNothing('nothing was sent')
    },
  )

  it('reset with 0 is CANCELLED; application codes go as they are', () => {
    const script = ready()
    openedAndSent(script).channel.reset(0)
    script.expect({ kind: 'RESET', code: CODE.CANCELLED })
    openedAndSent(script).channel.reset(2 ** 32 - 1)
    script.expect({ kind: 'RESET', code: 2 ** 32 - 1 })
    openedAndSent(script).channel.fail(65_536)
    script.expect({ kind: 'END', code: 65_536 })
  })

  it('an error that does not fit a frame of the other side is a LimitError; the channel lives', () => {
    const script = ready({}, { maxMeta: 4096, maxFrame: 16_384 })
    const { channel } = openedAndSent(script)
    const error = expect.objectContaining({
      name: 'LimitError',
      code: 'METADATA_TOO_LARGE',
      hint: expect.stringMatching(/4096/),
    })
    expect(() => channel.fail(CODE.ABORTED, { message: 'x'.repeat(4096) })).toThrow(error)
    expect(() => channel.fail(CODE.ABORTED, { details: new Uint8Array(16_384) })).toThrow(error)
    script.expectNothing('nothing was sent')
    channel.fail(CODE.ABORTED, { message: 'x'.repeat(4096 - 4 - 3), details: new Uint8Array(16_384 - 4096) })
    script.expect({ kind: 'END', size: 16_384, meta: 4096 })
  })

  it('fail on a channel that closed with messages unread drops them and says so', () => {
    const script = ready()
    const { channel, sink } = openedAndSent(script, { isLast: true })
    channel.pause()
    script.send([data({ chan: -1, payload: 'one' }), data({ chan: -1, flags: MSG + FIN, payload: 'two' })])
    expect(channel).toMatchObject({ state: 'CLOSED', isClosed: true })
    channel.reset()
    script.expectNothing('it is closed on the wire')
    expect(sink.types).toEqual(['readable', 'close'])
    expect(sink.outcome).toMatchObject({ code: CODE.CANCELLED, origin: 'local', delivery: 'processed' })
    expect(script.session.stats().unreadBytes).toBe(0)
  })

  it('an undecided channel that its program fails or resets is told that nothing ran', () => {
    const script = undecided()
    inbound(script, { chan: 1 }).channel.reset(CODE.UNAVAILABLE)
    script.expect({ kind: 'RESET', chan: -1, flags: NOPROC, code: CODE.UNAVAILABLE })
    const { channel, sink } = inbound(script, { chan: 2 })
    channel.accept(sink)
    channel.reset(CODE.UNAVAILABLE)
    script.expect({ kind: 'RESET', chan: -2, flags: 0 }, 'a program has seen it [ERR-004]')
  })
})

describe('crossings', () => {
  const ENDINGS = {
    'END from both': [(one: Channel) => one.fail(CODE.ABORTED), (two: Channel) => two.fail(CODE.NOT_FOUND)],
    'RESET from both': [(one: Channel) => one.reset(), (two: Channel) => two.reset()],
    'END and RESET': [(one: Channel) => one.fail(CODE.ABORTED), (two: Channel) => two.reset()],
    'RESET and the last message': [
      (one: Channel) => one.reset(),
      (two: Channel) => two.sendLast(Uint8Array.of(1)),
    ],
    'END and FIN': [(one: Channel) => one.fail(CODE.ABORTED), (two: Channel) => two.end()],
    'FIN from both': [(one: Channel) => one.end(), (two: Channel) => two.end()],
    'STOP and FIN': [(one: Channel) => one.stop(), (two: Channel) => two.end()],
    'STOP from both': [(one: Channel) => one.stop(), (two: Channel) => two.stop()],
    'STOP and END': [(one: Channel) => one.stop(), (two: Channel) => two.fail(CODE.ABORTED)],
    'STOP and RESET': [(one: Channel) => one.stop(), (two: Channel) => two.reset()],
    'STOP and a message': [(one: Channel) => one.stop(), (two: Channel) => two.send(Uint8Array.of(1))],
    'RESET and STOP with data on its way': [
      (one: Channel) => {
        one.send(Uint8Array.of(1))
        one.reset()
      },
      (two: Channel) => {
        two.send(Uint8Array.of(2))
        two.stop()
      },
    ],
  } as const

  it.each(Object.keys(ENDINGS) as (keyof typeof ENDINGS)[])(
    '%s: no error, each side is told once',
    (name) => {
      const pair = new MemoryPair()
      const sink = new RecordingChannelSink()
      const channel = pair.sessionA.open('svc', { sink })
      pair.pump()
      const other = pair.sinkB.inboundAt(0)
      const [here, there] = ENDINGS[name]
      here(channel)
      there(other.channel)
      pair.pump()
      if (channel.isWritable) channel.end()
      if (other.channel.isWritable) other.channel.end()
      other.channel.settle()
      pair.pump()
      expect([pair.sessionA.state, pair.sessionB.state]).toEqual(['READY', 'READY'])
      expect([channel.state, other.channel.state]).toEqual(['CLOSED', 'CLOSED'])
      for (const one of [sink, other.sink])
        expect(one.types.filter((type) => type === 'close')).toHaveLength(1)
      for (const session of [pair.sessionA, pair.sessionB]) {
        const stats = session.stats()
        expect(stats).toMatchObject({
          openChannels: 0,
          unreadBytes: 0,
          inboundPartials: 0,
          queuedOutputBytes: 0,
        })
        expect(stats.economyBalance).toBeGreaterThanOrEqual(1998)
      }
      // Both are still of use.
      const after = new RecordingChannelSink()
      pair.sessionA.open('svc', { sink: after, isLast: true })
      pair.pump()
      pair.sinkB.inboundAt(1).channel.sendLast(Uint8Array.of(1))
      pair.pump()
      expect(after.outcome?.code).toBe(0)
    },
  )

  it('a reply that crosses a cancellation is dropped without a warning', () => {
    const pair = new MemoryPair()
    const sink = new RecordingChannelSink()
    const channel = pair.sessionA.open('svc', { sink, message: Uint8Array.of(1), isLast: true })
    pair.pump()
    const handler = pair.sinkB.inboundAt(0)
    handler.channel.sendLast(Uint8Array.of(2))
    handler.channel.settle()
    channel.reset()
    pair.pump()
    expect(sink.types).toEqual(['close'])
    expect(sink.outcome).toMatchObject({ code: CODE.CANCELLED, origin: 'local', delivery: 'unknown' })
    expect(handler.sink.outcome?.code).toBe(0)
    expect(pair.sentFrames('aToB').filter((frame) => frame.kind === 'RESET')).toHaveLength(1)
  })

  it('cancelling before the OPEN has left takes both back [MSG-023]', () => {
    const script = ready({}, { opens: 1 })
    opened(script)
    const { channel, sink } = opened(script)
    channel.reset()
    script.expect({ kind: 'OPEN', chan: 1 })
    script.expectNothing('neither OPEN nor RESET')
    expect(sink.outcome).toMatchObject({ delivery: 'not-sent' })
  })
})
