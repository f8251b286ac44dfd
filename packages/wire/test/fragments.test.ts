// Messages in several frames: how they are cut, how they are put together, and what may break them off.
import {
  concat,
  credit,
  data,
  end,
  entry,
  open,
  Random,
  type RecordingChannelSink,
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
  ofKind,
  onChannel,
  opened,
  openedAndSeen,
  payloadSizes,
  ready,
  readyPair,
  TRL,
} from './flow-support.js'

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
