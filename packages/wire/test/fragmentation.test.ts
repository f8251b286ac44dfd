import {
  concat,
  credit,
  data,
  end,
  entry,
  open,
  Random,
  type RecordingChannelSink,
  RecordingSessionSink,
  reset,
  stop,
} from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import {
  bytesOf,
  FIN,
  has,
  inbound,
  isSame,
  KIB,
  MORE,
  MSG,
  MSG_BYTES,
  NOPROC,
  ofKind,
  onChannel,
  opened,
  openedAndSeen,
  payloadSizes,
  ready,
  readyPair,
  TRL,
} from './flow-support.js'

const RESET_ABORTED = { kind: 'RESET', code: 10 } as const

describe('a message that needs several frames', () => {
  it('is cut to the largest frame that the other side takes; MSG is on all, MORE on all but the last [MSG-004]', () => {
    const script = ready({}, { maxFrame: 20 * KIB })
    const { channel } = openedAndSeen(script)
    const message = bytesOf(50 * KIB)
    channel.send(message, { h: 'v' })
    const frames = ofKind(script.takeFrames(), 'DATA')
    expect(frames.map((frame) => [frame.flags, frame.size, frame.entries.length])).toEqual([
      [MSG + MORE, 20 * KIB, 1],
      [MSG + MORE, 20 * KIB, 0],
      [MSG, 10 * KIB + 5, 0],
    ])
    expect(isSame(concat(frames.map((frame) => frame.payload)), message)).toBe(true)
  })

  it('may begin in OPEN, whose headers and name are on that frame alone [MSG-004]', () => {
    const script = ready({}, { maxFrame: 16 * KIB })
    const message = bytesOf(40 * KIB)
    script.session.open('upload', { headers: { h: 'v' }, message, isLast: true })
    const frames = script.takeFrames()
    expect(frames.map((frame) => [frame.kind, frame.flags])).toEqual([
      ['OPEN', MSG + MORE],
      ['DATA', MSG + MORE],
      ['DATA', MSG + FIN],
    ])
    const parts = frames.map((frame) =>
      'payload' in frame ? (frame.payload as Uint8Array) : new Uint8Array(0),
    )
    expect(isSame(concat(parts), message)).toBe(true)
    expect(frames.map((frame) => frame.meta)).toEqual([12 + 6 + 5, 0, 0])
  })

  it.each(['opener', 'acceptor'] as const)('is sent and received by the %s [MSG-004] [MSG-005]', (role) => {
    const limits = { maxFrameBytes: 16 * KIB, channelWindowBytes: 20 * KIB, connectionWindowBytes: 64 * KIB }
    const pair = readyPair({ a: { limits }, b: { limits } })
    const { channel, sink } = opened(pair.sessionA)
    pair.pump()
    const accepted = pair.sinkB.inboundAt(0)
    const [from, into] = role === 'opener' ? [channel, accepted.sink] : [accepted.channel, sink]
    const messages = [bytesOf(200 * KIB), bytesOf(0), bytesOf(17 * KIB), bytesOf(1)]
    for (const message of messages) from.send(message)
    from.end({ t: 'end' })
    pair.pump()
    for (const [i, message] of messages.entries()) expect(isSame(into.messages[i], message)).toBe(true)
    expect(into.types).toEqual(['message', 'message', 'message', 'message', 'end'])
    expect(into.trailers?.get('t')).toBe('end')
  })

  it('has nothing of its channel between its fragments, whatever was asked for meanwhile [MSG-001]', () => {
    const script = ready({}, { maxFrame: 16 * KIB, rxBytes: 32 * KIB })
    const { channel } = openedAndSeen(script)
    channel.send(bytesOf(60 * KIB))
    channel.sendHeaders({ late: 'yes' })
    channel.sendLast(bytesOf(3), { h: 'v' }, { t: 'w' })
    channel.stop()
    const first = script.takeFrames()
    expect(first.map((frame) => frame.kind)).toEqual(['DATA', 'STOP'])
    expect(first.filter((frame) => frame.kind === 'DATA').every((frame) => has(frame, MORE))).toBe(true)
    script.send(credit({ chan: -1, byteLimit: 256 * KIB, countLimit: 16_384 }))
    expect(script.takeFrames().map((frame) => [frame.kind, frame.flags, frame.meta > 0])).toEqual([
      ['DATA', MSG + MORE, false],
      ['DATA', MSG + MORE, false],
      ['DATA', MSG, false],
      ['DATA', 0, true],
      ['DATA', MSG, true],
      ['DATA', FIN + TRL, true],
    ])
  })

  it('carries trailers on its last fragment only where that is one small frame', () => {
    const script = ready({}, { maxFrame: 16 * KIB })
    const { channel } = openedAndSeen(script)
    channel.sendLast(bytesOf(20 * KIB), undefined, { t: 'w' })
    const frames = script.takeFrames()
    expect(frames.map((frame) => frame.flags)).toEqual([MSG + MORE, MSG, FIN + TRL])
  })

  it('is broken off by END, by RESET, and by FIN after their STOP [MSG-001]', () => {
    const script = ready({}, { rxBytes: 16 * KIB })
    const begun = () => {
      const { channel } = openedAndSeen(script)
      channel.send(bytesOf(30 * KIB))
      script.expect({ kind: 'DATA', flags: MSG + MORE })
      return channel
    }
    begun().fail(10)
    script.expect({ kind: 'END', chan: 1 })
    begun().reset()
    script.expect({ kind: 'RESET', chan: 2 })
    begun()
    script.send(stop({ chan: -3 }))
    script.expect({ kind: 'DATA', chan: 3, flags: FIN })
    expect(script.session.stats()).toMatchObject({ outboundPartials: 0, queuedOutputBytes: 0 })
  })

  it('is not cut smaller than credit asks for: no dust as credit trickles in', () => {
    const script = ready({}, { rxBytes: 32 * KIB })
    const { channel } = openedAndSeen(script)
    channel.send(bytesOf(500 * KIB))
    const sizes = payloadSizes(script.takeFrames())
    for (let limit = 32 * KIB; limit < 600 * KIB; limit += 900) {
      script.send(credit({ chan: -1, byteLimit: limit, countLimit: 16_384 }))
      sizes.push(...payloadSizes(script.takeFrames()))
    }
    expect(sizes.reduce((a, b) => a + b)).toBe(500 * KIB)
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThanOrEqual(16 * KIB - MSG_BYTES)
  })
})

describe('a message that arrives in several frames', () => {
  it('is delivered when it is whole, with the headers of its first fragment [MSG-005]', () => {
    const script = ready()
    const { sink } = inbound(script)
    script.send(data({ flags: MSG + MORE, entries: [entry('h', 'v')], payload: 'one ' }))
    script.send(data({ flags: MSG + MORE, payload: 'two ' }))
    expect(sink.events).toEqual([])
    expect(script.session.stats()).toMatchObject({ inboundPartials: 1, messagesReceived: 0 })
    script.send(data({ flags: MSG, payload: 'three' }))
    expect(sink.texts).toEqual(['one two three'])
    expect(sink.messageHeaders?.get('h')).toBe('v')
    expect(script.session.stats()).toMatchObject({
      inboundPartials: 0,
      assemblingBytes: 0,
      messagesReceived: 1,
    })
  })

  it('may end with an empty fragment, and may be empty as a whole [MSG-006]', () => {
    const script = ready()
    const { sink } = inbound(script, { flags: MSG, payload: '' })
    script.send([data({ flags: MSG + MORE, payload: 'x' }), data({ flags: MSG, payload: '' })])
    script.send(data({ flags: MSG + FIN, payload: '' }))
    expect(sink.texts).toEqual(['', 'x', ''])
    expect(sink.types).toEqual(['message', 'message', 'message', 'end'])
  })

  it('may have trailers on its last fragment', () => {
    const script = ready()
    const { sink } = inbound(script, { flags: MSG + MORE, payload: 'a' })
    script.send(data({ flags: MSG + FIN + TRL, entries: [entry('t', 'w')], payload: 'b' }))
    expect(sink.texts).toEqual(['ab'])
    expect(sink.messageHeaders?.size).toBe(0)
    expect(sink.trailers?.get('t')).toBe('w')
  })

  it('comes mixed with those of other channels, in any cut of the bytes', () => {
    const random = new Random(7)
    for (let round = 0; round < 20; round++) {
      const script = ready({ chunker: (bytes) => cutAt(bytes, random) })
      const texts = Array.from({ length: 5 }, (_, i) =>
        String.fromCharCode(97 + i).repeat(random.int(600, 4_000)),
      )
      script.send(texts.map((_, i) => open({ chan: i + 1 })))
      const queues = texts.map((text, i) => fragmentsOf(text, i + 1, random))
      while (queues.some((queue) => queue.length > 0)) {
        const queue = random.pick(queues.filter((one) => one.length > 0))
        script.send(queue.shift() as Uint8Array)
      }
      expect(script.sink.inbound.map(({ sink }) => sink.texts.join())).toEqual(texts)
    }
  })

  function cutAt(bytes: Uint8Array, random: Random): Uint8Array[] {
    const at = random.int(0, bytes.length)
    return [bytes.slice(0, at), bytes.slice(at)]
  }

  function fragmentsOf(text: string, chan: number, random: Random): Uint8Array[] {
    const frames: Uint8Array[] = []
    let at = 0
    while (text.length - at > 700) {
      const length = random.int(512, 700)
      frames.push(data({ chan, flags: MSG + MORE, payload: text.slice(at, at + length) }))
      at += length
    }
    frames.push(data({ chan, flags: MSG, payload: text.slice(at) }))
    return frames
  }

  it('is dropped when its channel ends in the middle, by whomever', () => {
    const script = ready()
    const first = inbound(script, { chan: 1, flags: MSG + MORE, payload: bytesOf(600) })
    const second = inbound(script, { chan: 2, flags: MSG + MORE, payload: bytesOf(600) })
    const third = inbound(script, { chan: 3, flags: MSG + MORE, payload: bytesOf(600) })
    const fourth = inbound(script, { chan: 4, flags: MSG + MORE, payload: bytesOf(600) })
    expect(script.session.stats().inboundPartials).toBe(4)
    script.send([reset({ chan: 1 }), end({ chan: 2 })])
    third.channel.reset()
    fourth.channel.stop()
    expect(script.session.stats()).toMatchObject({ inboundPartials: 0, assemblingBytes: 0 })
    for (const { sink } of [first, second, third, fourth]) expect(sink.messages).toEqual([])
    script.takeFrames()
    script.send([
      data({ chan: 4, flags: MSG + MORE, payload: 'x'.repeat(600) }),
      data({ chan: 4, flags: FIN }),
    ])
    expect(script.session.isOpen).toBe(true)
    expect(fourth.channel.state).toBe('HALF_REMOTE')
  })
})

describe('the number of incomplete messages', () => {
  it('is heeded by a sender: further ones wait with their first fragment, whole messages do not [MSG-018]', () => {
    const script = ready({}, { partials: 2, rxBytes: 16 * KIB })
    const channels = Array.from({ length: 4 }, () => openedAndSeen(script).channel)
    for (const channel of channels) channel.send(bytesOf(30 * KIB))
    const begun = script.takeFrames()
    expect(begun.map((frame) => frame.chan)).toEqual([1, 2])
    expect(script.session.stats().outboundPartials).toBe(2)
    const fifth = openedAndSeen(script).channel
    fifth.send(bytesOf(10 * KIB))
    script.expect({ kind: 'DATA', chan: 5, flags: MSG })
    script.send(credit({ chan: -1, byteLimit: 64 * KIB, countLimit: 16_384 }))
    const afterOne = script.takeFrames()
    expect(afterOne.map((frame) => [frame.chan, has(frame, MORE)])).toEqual([
      [1, false],
      [3, true],
    ])
    channels[1]?.reset()
    expect(script.takeFrames().map((frame) => [frame.kind, frame.chan])).toEqual([
      ['RESET', 2],
      ['DATA', 4],
    ])
    expect(script.session.stats().outboundPartials).toBe(2)
  })

  it('is heeded by an OPEN with a large message; smaller OPENs behind it wait for their turn [MSG-018]', () => {
    const script = ready({}, { partials: 1, rxBytes: 16 * KIB })
    const hoarder = openedAndSeen(script).channel
    hoarder.send(bytesOf(30 * KIB))
    script.expect({ kind: 'DATA', flags: MSG + MORE })
    const large = opened(script.session, { message: bytesOf(30 * KIB) }).channel
    const small = opened(script.session, { message: bytesOf(10) }).channel
    const frames = script.takeFrames()
    expect(ofKind(frames, 'OPEN').filter((frame) => has(frame, MORE))).toEqual([])
    hoarder.reset()
    frames.push(...script.takeFrames())
    expect(
      ofKind(frames, 'OPEN')
        .map((frame) => frame.flags)
        .sort(),
    ).toEqual([MSG, MSG + MORE])
    expect([large.state, small.state]).toEqual(['OPEN', 'OPEN'])
    script.expectNothing('the rest waits for credit')
  })

  it.each<[string, (script: ReturnType<typeof ready>) => void, number]>([
    [
      'its last fragment left',
      (script) => script.send(credit({ chan: -1, byteLimit: 64 * KIB, countLimit: 16_384 })),
      2,
    ],
    ['they reset it', (script) => script.send(reset({ chan: -1 })), 1],
    ['they ended it', (script) => script.send(end({ chan: -1 })), 1],
    ['they sent STOP', (script) => script.send(stop({ chan: -1 })), 2],
  ])('a slot is free again when %s', (_, free, frameCount) => {
    const script = ready({}, { partials: 1, rxBytes: 16 * KIB })
    const first = openedAndSeen(script).channel
    const second = openedAndSeen(script).channel
    first.send(bytesOf(30 * KIB))
    second.send(bytesOf(30 * KIB))
    expect(script.takeFrames()).toHaveLength(1)
    free(script)
    const frames = script.takeFrames()
    expect(frames).toHaveLength(frameCount)
    expect(frames.at(-1)).toMatchObject({ kind: 'DATA', chan: 2, flags: MSG + MORE })
  })

  it('beyond what a receiver announced is FLOW_CONTROL; at it, it is not [MSG-019]', () => {
    const script = ready({ limits: { maxPartialMessages: 3 } })
    for (let chan = 1; chan <= 3; chan++)
      script.send(open({ chan, flags: MSG + MORE, payload: bytesOf(600) }))
    script.send(open({ chan: 4, payload: 'whole' }))
    script.expectNothing('three are allowed')
    script.send(data({ chan: 4, flags: MSG + MORE, payload: bytesOf(600) }))
    script.expectClosed('FLOW_CONTROL')
  })

  it('does not count those that are discarded [MSG-020]', () => {
    const script = ready({
      limits: { maxPartialMessages: 1 },
      sink: new RecordingSessionSink((channel, sink) => {
        if (channel.name === 'no') channel.refuse()
        else channel.accept(sink)
      }),
    })
    script.send(open({ chan: 1, name: 'no', flags: MSG + MORE, payload: bytesOf(600) }))
    inbound(script, { chan: 2 }).channel.stop()
    script.send(data({ chan: 2, flags: MSG + MORE, payload: bytesOf(600) }))
    inbound(script, { chan: 3 }).channel.reset()
    script.send(data({ chan: 3, flags: MSG + MORE, payload: bytesOf(600) }))
    script.send([open({ chan: 4, flags: MSG + MORE, payload: bytesOf(600) })])
    expect(script.session.stats().inboundPartials).toBe(1)
    expect(script.session.isOpen).toBe(true)
    script.send(data({ chan: 1, flags: MSG, payload: 'discarded to the end' }))
    script.send(data({ chan: 4, flags: MSG, payload: 'whole' }))
    expect(script.sink.inboundAt(3).sink.messages).toHaveLength(1)
  })

  it('applies to each direction by itself', () => {
    const limits = { maxPartialMessages: 1, channelWindowBytes: 16 * KIB }
    const pair = readyPair({ a: { limits }, b: { limits } })
    const ours = Array.from({ length: 3 }, () => opened(pair.sessionA))
    pair.pump()
    for (const [i, { channel }] of ours.entries()) {
      channel.send(bytesOf(100 * KIB))
      pair.sinkB.inboundAt(i).channel.send(bytesOf(100 * KIB))
    }
    pair.pump()
    for (const { sink } of [...ours, ...pair.sinkB.inbound])
      expect(isSame(sink.messages[0], bytesOf(100 * KIB))).toBe(true)
  })
})

describe('an incomplete message without progress', () => {
  it('ends its channel with RESET(ABORTED) after 30 s; each fragment starts them anew [MSG-021]', () => {
    const script = ready({ limits: { idleTimeoutMs: 0 } }, { idleMs: 0 })
    const { sink } = inbound(script, { flags: MSG + MORE, payload: bytesOf(600) })
    script.advance(20_000)
    script.send(data({ flags: MSG + MORE, payload: bytesOf(600) }))
    script.advance(29_999)
    script.expectNothing('one millisecond left')
    script.advance(1)
    script.expect({ ...RESET_ABORTED, chan: -1, flags: 0 })
    expect(sink.outcome).toMatchObject({ name: 'ABORTED', origin: 'local' })
    expect(script.session.stats()).toMatchObject({ inboundPartials: 0, assemblingBytes: 0 })
    script.advance(60_000)
    script.expectNothing('once')
  })

  it('says NOPROC when the application never saw the channel', () => {
    const script = ready(
      { limits: { idleTimeoutMs: 0 }, sink: new RecordingSessionSink(() => {}) },
      { idleMs: 0 },
    )
    script.send(open({ flags: MSG + MORE, payload: bytesOf(600) }))
    script.advance(30_000)
    script.expect({ ...RESET_ABORTED, chan: -1, flags: NOPROC })
  })

  it('is not counted while the sender has no channel credit, and gets 30 s with it [MSG-021]', () => {
    // A pipe that does not take the session's output: what it would grant has not been sent.
    const pair = readyPair({
      a: { limits: { idleTimeoutMs: 0 } },
      b: { limits: { idleTimeoutMs: 0, channelWindowBytes: 16 * KIB } },
    })
    const { channel } = opened(pair.sessionA)
    pair.pump()
    pair.pause('bToA')
    channel.send(bytesOf(100 * KIB))
    pair.pump()
    expect(pair.sessionB.stats().inboundPartials).toBe(1)
    pair.advance(29_000)
    // Credit comes back a second before the time is over, and is used up only later.
    pair.resume('bToA')
    pair.pause('aToB')
    pair.pump()
    pair.advance(29_000)
    expect(pair.sessionB.stats().inboundPartials).toBe(1)
    expect(pair.sinkB.inboundAt(0).sink.outcome).toBeNull()
    pair.advance(1_000)
    expect(pair.sinkB.inboundAt(0).sink.outcome).toMatchObject({ name: 'ABORTED' })
  })

  it('is not counted while connection credit is used up and withheld [MSG-021]', () => {
    const script = ready(
      {
        limits: {
          idleTimeoutMs: 0,
          maxUnreadBytes: 64 * KIB,
          connectionWindowBytes: 64 * KIB,
          withheldTimeoutMs: 1_000_000,
        },
      },
      { idleMs: 0 },
    )
    const hoarder = inbound(script, { chan: 1 })
    hoarder.channel.pause()
    const partial = inbound(script, { chan: 2, flags: MSG + MORE, payload: bytesOf(600) })
    let limit = 64 * KIB
    const { connection } = script.session.channels.receiver
    for (let i = 0; i < 10; i++) {
      const room = Math.min(60_000, limit - connection.bytesReceived - MSG_BYTES)
      if (room < 0) break
      script.send(data({ chan: 1, payload: bytesOf(room) }))
      for (const frame of ofKind(script.takeFrames(), 'CREDIT')) if (frame.chan === 0) limit = frame.byteLimit
    }
    expect(connection.bytesLeft).toBe(0)
    script.advance(100_000)
    script.expectNothing('nothing could be sent')
    hoarder.channel.resume()
    expect(ofKind(script.takeFrames(), 'CREDIT').some((frame) => frame.chan === 0)).toBe(true)
    script.advance(29_999)
    expect(partial.sink.outcome).toBeNull()
    script.advance(1)
    script.expect({ ...RESET_ABORTED, chan: -2 })
  })

  it('may be left alone for ever where the limit is 0', () => {
    const script = ready({ limits: { idleTimeoutMs: 0, partialTimeoutMs: 0 } }, { idleMs: 0 })
    inbound(script, { flags: MSG + MORE, payload: bytesOf(600) })
    script.advance(1_000_000)
    script.expectNothing('no limit')
    expect(script.session.stats().inboundPartials).toBe(1)
  })
})

describe('fragments on the wire of two real sessions', () => {
  it('interleave between channels, and every message arrives whole', () => {
    const pair = readyPair({ isCapturing: true })
    const sinks: RecordingChannelSink[] = []
    pair.sinkB.onInbound = (channel, sink) => {
      sinks.push(sink)
      channel.accept(sink)
    }
    const messages = Array.from({ length: 5 }, (_, i) => bytesOf(300 * KIB + i, i))
    for (const message of messages) pair.sessionA.open('svc', { message, isLast: true })
    pair.pump()
    for (const [i, message] of messages.entries()) expect(isSame(sinks[i]?.messages[0], message)).toBe(true)
    const frames = pair.sentFrames('aToB').filter((frame) => frame.kind === 'DATA' || frame.kind === 'OPEN')
    const switches = frames.filter((frame, i) => frame.chan !== frames[i - 1]?.chan).length
    expect(switches).toBeGreaterThan(20)
    for (let chan = 1; chan <= 5; chan++) {
      const own = onChannel(frames, chan)
      expect(own.slice(0, -1).every((frame) => has(frame, MORE) && has(frame, MSG))).toBe(true)
      expect(own.at(-1)?.flags).toBe(MSG + FIN)
    }
  })
})
