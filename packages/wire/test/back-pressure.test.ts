import { credit, data, end, RecordingChannelSink, reset, stop } from '@peerplex/testkit'
import type { Channel } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import {
  bytesOf,
  FIN,
  KIB,
  MIB,
  MSG,
  MSG_BYTES,
  opened,
  openedAndSeen,
  ready,
  readyPair,
} from './flow-support.js'

const WINDOW = 16 * KIB
/** What OPEN leaves of the least window for one message. */
const REST = WINDOW - 15 - MSG_BYTES

/** A channel of the session with no credit left. */
function exhausted() {
  const script = ready({}, { rxBytes: WINDOW })
  const one = openedAndSeen(script)
  expect(one.channel.send(bytesOf(REST))).toBe(true)
  script.expect('DATA')
  const grant = (byteLimit: number) => script.send(credit({ chan: -1, byteLimit, countLimit: 16_384 }))
  return { script, ...one, grant }
}

describe('send', () => {
  it('says true when the message is on its way, false when it waits; it is queued all the same', () => {
    const { script, channel, grant } = exhausted()
    expect(channel.send(bytesOf(100))).toBe(false)
    expect(channel.send(bytesOf(200))).toBe(false)
    expect(channel.bufferedBytes).toBe(300)
    expect(script.session.stats().queuedOutputBytes).toBe(300)
    grant(2 * WINDOW)
    expect(script.takeFrames().map((frame) => frame.size)).toEqual([100, 200])
    expect(channel.bufferedBytes).toBe(0)
    expect(channel.send(bytesOf(1))).toBe(true)
  })

  it('says false while more is committed than the transport takes, whatever the credit', () => {
    const script = ready({}, { rxBytes: 16 * MIB, connBytes: 16 * MIB })
    const { channel, sink } = openedAndSeen(script)
    let count = 0
    while (channel.send(bytesOf(10_000))) count++
    expect(count).toBe(7)
    expect(channel.bufferedBytes).toBe(10_000)
    expect(script.takeFrames()).toHaveLength(8)
    expect(sink.types).toEqual(['writable'])
  })

  it('of an empty message waits for credit too, though it buffers no byte', () => {
    const { channel, sink, grant, script } = exhausted()
    expect(channel.send(new Uint8Array(0))).toBe(false)
    expect(channel.bufferedBytes).toBe(0)
    grant(WINDOW + MSG_BYTES)
    script.expect({ kind: 'DATA', flags: MSG, size: 0 })
    expect(sink.types).toEqual(['writable'])
  })

  it('counts what is left of a message that has begun', () => {
    const script = ready({}, { rxBytes: WINDOW })
    const { channel } = openedAndSeen(script)
    expect(channel.send(bytesOf(100 * KIB))).toBe(false)
    script.expect('DATA')
    expect(channel.bufferedBytes).toBe(100 * KIB - REST)
  })
})

describe('onWritable', () => {
  it('comes once, when all that waited has left', () => {
    const { channel, sink, grant, script } = exhausted()
    for (let i = 0; i < 3; i++) channel.send(bytesOf(1_000))
    grant(WINDOW + 2_064)
    expect(script.takeFrames()).toHaveLength(2)
    expect(sink.types).toEqual([])
    grant(WINDOW + 4_000)
    expect(script.takeFrames()).toHaveLength(1)
    expect(sink.types).toEqual(['writable'])
    grant(2 * WINDOW)
    script.expectNothing('nothing waited')
    expect(sink.types).toEqual(['writable'])
  })

  it('does not come when send never said false', () => {
    const script = ready({}, { rxBytes: WINDOW })
    const { channel, sink } = openedAndSeen(script)
    channel.send(bytesOf(10))
    script.expect('DATA')
    script.send(credit({ chan: -1, byteLimit: 2 * WINDOW, countLimit: 16_384 }))
    expect(sink.types).toEqual([])
  })

  it('may send more, and comes again for that', () => {
    const { channel, sink, grant, script } = exhausted()
    let left = 5
    sink.onEvent = (event) => {
      if (event.type !== 'writable') return
      while (left-- > 0 && channel.send(bytesOf(5_000))) {}
    }
    channel.send(bytesOf(5_000))
    for (let limit = WINDOW; limit < 4 * WINDOW; limit += 6_000) {
      grant(limit)
      script.takeFrames()
    }
    expect(channel.bufferedBytes).toBe(0)
    expect(channel.sendCredit.bytesSent).toBe(WINDOW + 6 * 5_032)
    expect(sink.types.length).toBeGreaterThanOrEqual(3)
  })

  it('comes for a first message that waited in its OPEN', () => {
    const script = ready({}, { opens: 0 })
    const { channel, sink } = opened(script.session)
    expect(channel.send(bytesOf(10))).toBe(false)
    expect(channel.bufferedBytes).toBe(10)
    script.send(credit({ byteLimit: 4 * MIB, countLimit: 1 }))
    expect(script.takeFrames().map((frame) => frame.kind)).toEqual(['OPEN', 'DATA'])
    expect(sink.types).toEqual(['writable'])
  })

  it.each([
    ['their RESET', () => reset({ chan: -1 })],
    ['their END', () => end({ chan: -1 })],
    ['their STOP', () => stop({ chan: -1 })],
  ])('does not come after %s; what waited is gone', (_, frame) => {
    const { channel, sink, script } = exhausted()
    channel.send(bytesOf(1_000))
    script.send(frame())
    script.takeFrames()
    expect(sink.types).not.toContain('writable')
    expect(channel).toMatchObject({ bufferedBytes: 0, isWritable: false })
    expect(script.session.stats().queuedOutputBytes).toBe(0)
    expect(channel.send(bytesOf(10))).toBe(false)
    script.expectNothing('sent into the void')
  })

  it('does not come after the FIN that closed the channel', () => {
    const { channel, sink, grant, script } = exhausted()
    script.send(data({ chan: -1, flags: FIN }))
    channel.sendLast(bytesOf(1_000))
    grant(2 * WINDOW)
    script.expect({ kind: 'DATA', flags: MSG + FIN })
    expect(sink.types).toEqual(['end', 'close'])
  })
})

describe('a producer that waits for onWritable', () => {
  it('holds one message at most, however slowly its messages are read', () => {
    const limits = { channelWindowBytes: WINDOW, connectionWindowBytes: 64 * KIB }
    const pair = readyPair({ isCapturing: false, a: { limits }, b: { limits } })
    pair.sinkB.onInbound = (channel, sink) => {
      channel.pause()
      channel.accept(sink)
    }
    let produced = 0
    let most = 0
    const produce = (channel: Channel): void => {
      while (produced < 300) {
        produced++
        const hasRoom = channel.send(bytesOf(4_000))
        most = Math.max(most, channel.bufferedBytes)
        if (!hasRoom) return
      }
    }
    const sink = new RecordingChannelSink((event, channel) => {
      if (event.type === 'writable') produce(channel)
    })
    const channel = pair.sessionA.open('stream', { sink })
    produce(channel)
    pair.pump()
    const reader = pair.sinkB.inboundAt(0).channel
    expect(produced).toBeLessThan(10)
    for (let read = 0; read < 300; ) {
      if (reader.read() !== null) read++
      pair.pump()
      expect(pair.sessionB.stats().unreadBytes).toBeLessThanOrEqual(WINDOW + 5 * 192)
      expect(produced - read).toBeLessThan(10)
    }
    expect(most).toBeLessThanOrEqual(4_000)
  })

  it('is slowed down on its channel alone', () => {
    const pair = readyPair({ isCapturing: false, b: { limits: { channelWindowBytes: WINDOW } } })
    const stuck = opened(pair.sessionA)
    const quick = opened(pair.sessionA)
    pair.pump()
    pair.sinkB.inboundAt(0).channel.pause()
    for (let i = 0; i < 100; i++) stuck.channel.send(bytesOf(1_000))
    for (let i = 0; i < 100; i++) quick.channel.send(bytesOf(1_000))
    pair.pump()
    expect(stuck.channel.bufferedBytes).toBeGreaterThan(80_000)
    expect(quick.channel.bufferedBytes).toBe(0)
    expect(pair.sinkB.inboundAt(1).sink.messages).toHaveLength(100)
  })

  it('is slowed down by a transport that is full, and goes on when it is not', () => {
    const pair = readyPair({ isCapturing: false })
    const { channel, sink } = opened(pair.sessionA)
    pair.pump()
    pair.pause('aToB')
    let count = 0
    while (channel.send(bytesOf(8_000))) count++
    expect(count).toBeLessThan(20)
    pair.pump()
    expect(sink.types).toEqual([])
    pair.resume('aToB')
    pair.pump()
    expect(sink.types).toEqual(['writable'])
    expect(pair.sinkB.inboundAt(0).sink.messages).toHaveLength(count + 1)
  })
})
