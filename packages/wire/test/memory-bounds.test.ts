import {
  concat,
  credit,
  data,
  end,
  entry,
  header,
  hello,
  open,
  ping,
  preface,
  RAW_TYPE,
  RecordingSessionSink,
  reset,
  type ScriptedPeer,
  stop,
} from '@peerplex/testkit'
import { type Channel, PUBLIC_SESSION_LIMITS, Session, type SessionLimits } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { memoryBound } from './flow-simulation.js'
import {
  bytesOf,
  chargesOf,
  FIN,
  inbound,
  KIB,
  MIB,
  MORE,
  MSG,
  MSG_BYTES,
  ONEWAY,
  ofKind,
  opened,
  QUEUED_BYTES,
  ready,
  readyPair,
} from './flow-support.js'

const SECOND = 1_000
const NO_IDLE = { idleTimeoutMs: 0 }

/** A session under memory pressure soon: 64 KiB of unread messages are enough. */
function tight(limits: Partial<SessionLimits> = {}): ScriptedPeer {
  return ready(
    {
      limits: {
        ...NO_IDLE,
        maxUnreadBytes: 64 * KIB,
        connectionWindowBytes: 64 * KIB,
        channelWindowBytes: 64 * KIB,
        ...limits,
      },
    },
    { idleMs: 0 },
  )
}

/** Sends what connection credit allows on a channel, message by message; returns how many bytes were charged in all. */
function fill(script: ScriptedPeer, chan: number, payloadBytes: number, maxCount = 100_000): number {
  const { connection } = script.session.channels.receiver
  const channel = script.session.channels.table.get(-chan)
  const frame = data({ chan, payload: bytesOf(payloadBytes) })
  let charged = 0
  for (let i = 0; i < maxCount; i++) {
    script.takeFrames()
    const room = Math.min(connection.bytesLeft, channel?.receiveCredit.bytesLeft ?? 0)
    if (room < payloadBytes + MSG_BYTES) break
    script.session.receive(frame)
    charged += payloadBytes + MSG_BYTES
  }
  return charged
}

function isWithheld(script: ScriptedPeer): boolean {
  return script.session.stats().unreadBytes > script.session.limits.maxUnreadBytes
}

describe('a frame that is announced and does not come', () => {
  it('costs nothing for its announced length: 16 MiB, then silence [LIM-001]', () => {
    const script = ready({ limits: { maxFrameBytes: 2 ** 24 - 1, ...NO_IDLE } }, { idleMs: 0 })
    inbound(script)
    script.sendRaw(header({ type: RAW_TYPE.DATA, flags: MSG, size: 2 ** 24 - 1, chan: 1 }))
    expect(script.session.stats().assemblingBytes).toBeLessThanOrEqual(64)
    script.sendRaw(bytesOf(1_000))
    expect(script.session.stats().assemblingBytes).toBeLessThanOrEqual(2 * 1_012)
    script.advance(60 * SECOND)
    expect(script.session.stats().assemblingBytes).toBeLessThanOrEqual(2 * 1_012)
  })

  it('is held in at most twice the bytes that are there, byte by byte [LIM-001]', () => {
    const script = ready()
    inbound(script)
    const frame = data({ payload: bytesOf(60_000) })
    for (let at = 0; at < frame.length - 1; at++) {
      script.session.receive(frame.slice(at, at + 1))
      if (at % 97 === 0)
        expect(script.session.stats().assemblingBytes).toBeLessThanOrEqual(Math.max(64, 2 * (at + 1)))
    }
    script.session.receive(frame.slice(-1))
    expect(script.session.stats().assemblingBytes).toBe(0)
    expect(script.sink.inboundAt(0).sink.messages).toHaveLength(1)
  })

  it('costs nothing for the length that a `size` entry hints at [LIM-001]', () => {
    const script = ready()
    const hint = entry(0x90, Uint8Array.of(0, 0, 0x40, 0))
    inbound(script, { flags: MSG + MORE, entries: [hint], payload: bytesOf(600) })
    expect(script.session.stats()).toMatchObject({ assemblingBytes: 600, inboundPartials: 1 })
  })

  it('is refused by its header when it is too long, before any of its body is kept', () => {
    const script = ready()
    script.sendRaw(header({ type: RAW_TYPE.DATA, flags: MSG, size: 65_537, chan: 1 }))
    script.expectClosed('FRAME_SIZE')
    expect(script.session.stats().assemblingBytes).toBe(0)
  })
})

describe('messages that are never finished', () => {
  it('are bounded by partials times maxMessage, in fragments of any size [FLO-017]', () => {
    const limits = { maxPartialMessages: 3, maxMessageBytes: 64 * KIB, channelWindowBytes: 16 * KIB }
    const script = ready({ limits })
    for (let chan = 1; chan <= 3; chan++) inbound(script, { chan })
    for (let i = 0; i < 100; i++) {
      for (let chan = 1; chan <= 3; chan++) {
        if (script.session.channels.table.get(-chan) === undefined) continue
        script.session.receive(data({ chan, flags: MSG + MORE, payload: bytesOf(1_000) }))
        expect(script.session.stats().assemblingBytes).toBeLessThanOrEqual(3 * 64 * KIB)
      }
      script.takeFrames()
    }
    // Each grew beyond maxMessage and was reset for it.
    expect(script.session.stats()).toMatchObject({ assemblingBytes: 0, inboundPartials: 0, openChannels: 0 })
  })

  it('in fragments of one byte end the connection before they cost memory [LIM-006]', () => {
    const script = ready()
    inbound(script)
    let count = 0
    while (script.session.isOpen) {
      script.session.receive(data({ flags: MSG + MORE, payload: 'x' }))
      count++
    }
    expect(script.sink.closeError?.code).toBe('ENHANCE_CALM')
    expect(count).toBe(2_001)
    expect(script.session.stats().assemblingBytes).toBe(0)
  })

  it('do not stop the connection: no memory cap counts them (a cap that did would deadlock) [FLO-017] [FLO-018]', () => {
    const script = tight({ maxPartialMessages: 4, maxMessageBytes: 200_000, channelWindowBytes: 16 * KIB })
    for (let chan = 1; chan <= 4; chan++) inbound(script, { chan })
    // 4 × 190,000 bytes under assembly, twelve times what may be unread.
    for (let i = 0; i < 19; i++) {
      for (let chan = 1; chan <= 4; chan++) {
        script.send(data({ chan, flags: MSG + MORE, payload: bytesOf(10_000) }))
        script.takeFrames()
      }
    }
    expect(script.session.stats()).toMatchObject({
      assemblingBytes: 760_000,
      inboundPartials: 4,
      unreadBytes: 0,
    })
    for (let chan = 1; chan <= 4; chan++) script.send(data({ chan, flags: MSG, payload: 'end' }))
    for (const { sink } of script.sink.inbound) expect(sink.messages[0]?.length).toBe(190_003)
  })
})

describe('messages that nobody reads', () => {
  it('stop connection credit beyond the cap, and reading releases it [FLO-018]', () => {
    const script = tight()
    const { channel } = inbound(script)
    channel.pause()
    fill(script, 1, 4_000)
    inbound(script, { chan: 2 }).channel.pause()
    fill(script, 2, 4_000)
    expect(isWithheld(script)).toBe(true)
    const { connection } = script.session.channels.receiver
    expect(connection.bytesLeft).toBeLessThan(4_032)
    script.expectNothing('no CREDIT 0')
    channel.resume()
    expect(script.session.stats().unreadBytes).toBeLessThan(64 * KIB)
    const frames = ofKind(script.takeFrames(), 'CREDIT')
    expect(frames.some((frame) => frame.chan === 0)).toBe(true)
    expect(connection.bytesLeft).toBe(64 * KIB)
  })

  it('go on being credited up to the cap, to the byte [FLO-018]', () => {
    const script = tight({ channelWindowBytes: 1 * MIB })
    const { channel } = inbound(script)
    channel.pause()
    // 64 messages of 832 and 192 are 65,536: exactly the cap, which is not more than it.
    for (let i = 0; i < 64; i++) script.send(data({ payload: bytesOf(832) }))
    expect(script.session.stats().unreadBytes).toBe(64 * KIB)
    expect(ofKind(script.takeFrames(), 'CREDIT').filter((frame) => frame.chan === 0).length).toBeGreaterThan(
      0,
    )
    for (let i = 0; i < 8; i++) script.send(data({ payload: bytesOf(4_500) }))
    script.expectNothing('more than half a window is due, but the cap is exceeded')
    for (let i = 0; i < 36; i++) channel.read()
    script.expectNothing('672 bytes above it')
    channel.read()
    script.expect({ kind: 'CREDIT', chan: 0 })
  })

  it('do not stop the announcement of open slots, which then repeats the byte limit [FLO-018] [OCR-007]', () => {
    const script = tight({ channelWindowBytes: 1 * MIB, maxOpenChannels: 4 })
    inbound(script, { chan: 1 }).channel.pause()
    let byteLimit = 64 * KIB
    for (let i = 0; i < 24; i++) {
      script.send(data({ chan: 1, payload: bytesOf(4_000) }))
      for (const frame of ofKind(script.takeFrames(), 'CREDIT'))
        if (frame.chan === 0) byteLimit = frame.byteLimit
    }
    expect(isWithheld(script)).toBe(true)
    for (let chan = 2; chan <= 4; chan++) inbound(script, { chan })
    script.sink.inboundAt(1).channel.reset()
    script.sink.inboundAt(1).channel.settle()
    expect(script.takeFrames()).toMatchObject([
      { kind: 'RESET', chan: -2 },
      { kind: 'CREDIT', chan: 0, byteLimit, countLimit: 5 },
    ])
  })

  it('count payload, metadata and 192 each', () => {
    const script = ready()
    const { channel } = inbound(script)
    channel.pause()
    script.send(data({ payload: '' }))
    expect(script.session.stats().unreadBytes).toBe(QUEUED_BYTES)
    script.send(data({ payload: bytesOf(10), entries: [entry('key', 'value')] }))
    expect(script.session.stats().unreadBytes).toBe(2 * QUEUED_BYTES + 10 + 11)
    channel.read()
    channel.read()
    expect(script.session.stats().unreadBytes).toBe(0)
  })

  it.each([0, 1, 100, 5_000])(
    'stay within memCap and six connection windows, %i bytes each [FLO-018]',
    (size) => {
      const script = tight({ channelWindowBytes: 8 * MIB, channelWindowMessages: 1_000_000 })
      inbound(script).channel.pause()
      const bound = 64 * KIB + 6 * 64 * KIB
      const { connection } = script.session.channels.receiver
      const frame = data({ payload: bytesOf(size) })
      for (let i = 0; connection.bytesLeft >= size + MSG_BYTES; i++) {
        script.session.receive(frame)
        if (i % 16 === 0) script.takeFrames()
        expect(script.session.stats().unreadBytes).toBeLessThanOrEqual(bound)
      }
      expect(isWithheld(script)).toBe(true)
      script.expectNothing('no more credit')
    },
  )

  it('and messages that are incomplete together stay within the formula of the public profile', () => {
    const script = ready({ limits: { ...PUBLIC_SESSION_LIMITS, ...NO_IDLE } }, { idleMs: 0 })
    const bound = memoryBound(script.session.limits)
    expect(bound).toBe(8 * MIB + 6 * MIB + 4 * (MIB + 16 * KIB))
    let most = 0
    // Three kinds of flood at once: large incomplete ones, empty ones, and ones with much metadata.
    for (let chan = 1; chan <= 500; chan++) inbound(script, { chan }).channel.pause()
    const { connection } = script.session.channels.receiver
    const padding = [entry('pad', 'x'.repeat(8_000))]
    for (let round = 0; connection.bytesLeft > 60_000 && round < 4_000; round++) {
      for (let chan = 1; chan <= 4; chan++) {
        const channel = script.session.channels.table.get(-chan)
        if (channel === undefined || channel.partialPayloadBytes > 1_000_000) continue
        script.session.receive(data({ chan, flags: MSG + MORE, payload: bytesOf(20_000) }))
      }
      const chan = 5 + (round % 400)
      const channel = script.session.channels.table.get(-chan) as Channel
      if (channel.receiveCredit.bytesLeft > 20_000) {
        script.session.receive(data({ chan, payload: '', entries: padding }))
        for (let i = 0; i < 100; i++) script.session.receive(data({ chan, payload: '' }))
      }
      script.takeFrames()
      const stats = script.session.stats()
      most = Math.max(most, stats.unreadBytes + stats.assemblingBytes)
    }
    expect(isWithheld(script)).toBe(true)
    expect(most).toBeGreaterThan(11 * MIB)
    expect(most).toBeLessThanOrEqual(bound)
  })
})

describe('a reader that never reads', () => {
  /** A hoarder with most, another with less, and a channel that works. */
  function hoarding(limits: Partial<SessionLimits> = {}) {
    const script = tight({ channelWindowBytes: 256 * KIB, ...limits })
    const [hoarder, other, busy] = [1, 2, 3].map((chan) => inbound(script, { chan }))
    hoarder?.channel.pause()
    other?.channel.pause()
    fill(script, 2, 1_000, 20)
    fill(script, 1, 1_000)
    return { script, hoarder: hoarder as NonNullable<typeof hoarder>, other, busy }
  }

  it('is reset after 10 s of withheld credit, and the others go on [FLO-019]', () => {
    const { script, hoarder, other, busy } = hoarding()
    expect(isWithheld(script)).toBe(true)
    script.takeFrames()
    script.advance(10 * SECOND - 1)
    script.expectNothing('not yet')
    script.advance(1)
    const frames = script.takeFrames()
    expect(frames[0]).toMatchObject({ kind: 'RESET', chan: -1, code: 8 })
    expect(frames).toContainEqual(expect.objectContaining({ kind: 'CREDIT', chan: 0 }))
    expect(hoarder.sink.outcome).toMatchObject({ name: 'RESOURCE_EXHAUSTED', origin: 'local' })
    expect(other?.sink.outcome).toBeNull()
    script.send(data({ chan: 3, payload: 'works' }))
    expect(busy?.sink.texts).toEqual(['works'])
    script.advance(60 * SECOND)
    expect(script.takeFrames().filter((frame) => frame.kind === 'RESET')).toEqual([])
  })

  it('is left alone when it reads in time [FLO-019]', () => {
    const { script, hoarder } = hoarding()
    script.takeFrames()
    script.advance(9 * SECOND)
    for (let i = 0; i < 60; i++) hoarder.channel.read()
    expect(isWithheld(script)).toBe(false)
    script.advance(60 * SECOND)
    expect(hoarder.sink.outcome).toBeNull()
  })

  it('is not the only one: every further 10 s one more, the fullest first [FLO-019]', () => {
    const script = tight({ channelWindowBytes: 256 * KIB, connectionWindowBytes: 256 * KIB })
    const channels = Array.from({ length: 4 }, (_, i) => inbound(script, { chan: i + 1 }))
    for (const { channel } of channels) channel.pause()
    // 80 KB, 100 KB, 120 KB, in one chunk and before any of it can be withheld.
    const counts = [80, 100, 120, 0]
    script.send(
      concat(counts.flatMap((count, i) => Array(count).fill(data({ chan: i + 1, payload: bytesOf(800) })))),
    )
    script.takeFrames()
    const ended = () => channels.map(({ sink }) => sink.outcome?.name ?? '-')
    script.advance(10 * SECOND)
    expect(ended()).toEqual(['-', '-', 'RESOURCE_EXHAUSTED', '-'])
    script.advance(10 * SECOND)
    expect(ended()).toEqual(['-', 'RESOURCE_EXHAUSTED', 'RESOURCE_EXHAUSTED', '-'])
    script.advance(10 * SECOND)
    expect(ended()).toEqual(['RESOURCE_EXHAUSTED', 'RESOURCE_EXHAUSTED', 'RESOURCE_EXHAUSTED', '-'])
    expect(script.session.stats().unreadBytes).toBe(0)
  })

  it('is found although its channel is closed on the wire [FLO-019]', () => {
    const { script, hoarder } = hoarding()
    script.send(data({ chan: 1, flags: FIN }))
    hoarder.channel.end()
    expect(hoarder.channel.state).toBe('CLOSED')
    expect(hoarder.sink.outcome).toBeNull()
    script.takeFrames()
    script.advance(10 * SECOND)
    expect(script.takeFrames().filter((frame) => frame.kind === 'RESET')).toEqual([])
    expect(hoarder.sink.outcome).toMatchObject({ name: 'RESOURCE_EXHAUSTED' })
    expect(isWithheld(script)).toBe(false)
  })

  it('that is done without having read gives its memory back: 20,000 calls leave nothing behind [FLO-020]', () => {
    const pair = readyPair({
      isCapturing: false,
      a: { limits: NO_IDLE },
      b: { limits: { ...NO_IDLE, connectionWindowBytes: 64 * KIB, maxUnreadBytes: 1 * MIB } },
    })
    const ways: ((channel: Channel) => void)[] = [
      (channel) => channel.sendLast(bytesOf(1)),
      (channel) => channel.fail(2),
      (channel) => channel.reset(),
      (channel) => channel.end(),
    ]
    let index = 0
    pair.sinkB.onInbound = (channel, sink) => {
      channel.pause()
      channel.accept(sink)
      pendings.push([channel, ways[index++ % ways.length] as (channel: Channel) => void])
    }
    const pendings: [Channel, (channel: Channel) => void][] = []
    for (let i = 0; i < 20_000; i++) {
      const call = pair.sessionA.open('call', { message: bytesOf(300), isLast: i % 3 === 0 })
      pair.pump()
      for (const [channel, answer] of pendings.splice(0)) {
        answer(channel)
        channel.settle()
      }
      if (!call.isClosed && call.isWritable) call.end()
      pair.pump()
    }
    for (const session of [pair.sessionA, pair.sessionB]) {
      expect(session.stats()).toMatchObject({
        state: 'READY',
        openChannels: 0,
        openSlotsTaken: 0,
        unreadBytes: 0,
        assemblingBytes: 0,
        queuedOutputBytes: 0,
        committedOutputBytes: 0,
        inboundPartials: 0,
        outboundPartials: 0,
        deadlines: 0,
      })
    }
    const { credit: sent } = pair.sessionA.channels.sender.committer
    expect(sent.bytesSent).toBe(pair.sessionB.channels.receiver.connection.bytesReceived)
    expect(sent.bytesLeft).toBeGreaterThan(32 * KIB)
  }, 60_000)
})

describe('a peer that never takes our output', () => {
  /** Feeds frames until the session ends or the count is reached; looks at all levels on the way. Output is never taken. */
  function flood(script: ScriptedPeer, count: number, frameOf: (index: number) => Uint8Array) {
    let most = 0
    let index = 0
    for (; index < count && script.session.isOpen; index++) {
      script.session.receive(frameOf(index))
      const stats = script.session.stats()
      most = Math.max(most, stats.committedOutputBytes + stats.queuedOutputBytes)
      expect(stats.unreadBytes + stats.assemblingBytes).toBeLessThanOrEqual(
        memoryBound(script.session.limits),
      )
      expect(stats.openChannels).toBeLessThanOrEqual(script.session.limits.maxOpenChannels)
    }
    return { most, count: index, code: script.sink.closeError?.code ?? null }
  }

  const answering = () =>
    new RecordingSessionSink((channel, sink) => {
      channel.accept(sink)
      channel.sendLast(bytesOf(10))
      channel.settle()
    })
  const refusing = () => new RecordingSessionSink((channel) => channel.refuse(12, 'no such name'))

  it('and pings is owed one PONG, then told to calm down [LIM-003]', () => {
    const result = flood(ready(), 10_000, () => ping())
    expect(result).toEqual({ most: expect.any(Number), count: 2_001, code: 'ENHANCE_CALM' })
    expect(result.most).toBeLessThan(200)
  })

  it.each([
    ['that are answered', answering, 100, (chan: number) => open({ chan, flags: FIN + MSG, payload: 'x' })],
    ['of unknown names', refusing, 100, (chan: number) => open({ chan, flags: FIN + MSG, payload: 'x' })],
    [
      'of unknown names, one-way',
      refusing,
      100,
      (chan: number) => open({ chan, flags: FIN + MSG + ONEWAY, payload: 'x' }),
    ],
    [
      'with too many entries',
      refusing,
      100,
      (chan: number) => open({ chan, entries: Array.from({ length: 65 }, () => entry('k', '')) }),
    ],
    ['that are left open', () => new RecordingSessionSink(), 100, (chan: number) => open({ chan })],
    [
      'that are never decided on',
      () => new RecordingSessionSink(() => {}),
      100,
      (chan: number) => open({ chan, payload: 'x' }),
    ],
  ])('and opens channels %s is bounded by open credit [LIM-003] [OCR-002]', (_, sink, perCall, frameOf) => {
    const script = ready({ sink: sink(), limits: { maxOpenChannels: 256 } })
    const { most, code } = flood(script, 20_000, (index) => frameOf(index + 1))
    expect(code).toBe('ENHANCE_CALM')
    // One frame for each of the 256 within the limit, a RESET for each of the 1,000 that the counter bears.
    expect(most).toBeLessThanOrEqual(256 * perCall + 1_000 * 16 + 1_000)
  })

  it('and opens and resets is bounded by open credit [OCR-006] [LIM-003]', () => {
    const script = ready({ sink: answering(), limits: { maxOpenChannels: 256 } })
    const { most, code } = flood(script, 20_000, (index) => {
      const chan = (index >> 1) + 1
      return index % 2 === 0 ? open({ chan, payload: 'x' }) : reset({ chan })
    })
    expect(code).toBe('ENHANCE_CALM')
    expect(most).toBeLessThanOrEqual(256 * 60 + 1_000 * 16 + 1_000)
  })

  it('and sends data gets its CREDITs as states: nothing piles up [LIM-003]', () => {
    const limits = { channelWindowBytes: 16 * KIB, connectionWindowBytes: 1 * MIB, maxOpenChannels: 256 }
    const script = ready({ limits })
    for (let chan = 1; chan <= 60; chan++) script.session.receive(open({ chan }))
    const { most, code } = flood(script, 2_000, (index) =>
      data({ chan: (index % 60) + 1, payload: bytesOf(900) }),
    )
    // It cannot go beyond its windows, because no CREDIT has reached it.
    expect(code).toBe('FLOW_CONTROL')
    expect(most).toBeLessThanOrEqual(200)
    expect(ofKind(script.takeFrames(), 'CREDIT')).toEqual([])
  })

  it('and stops, ends and credits channels gets at most one frame for each [LIM-003]', () => {
    const script = ready({ limits: { maxOpenChannels: 256 } })
    for (let chan = 1; chan <= 256; chan++) script.session.receive(open({ chan }))
    const { most } = flood(script, 5_000, (index) => {
      const chan = (index % 256) + 1
      const kind = Math.floor(index / 256) % 3
      return kind === 0
        ? stop({ chan })
        : kind === 1
          ? credit({ chan, byteLimit: 1 * MIB, countLimit: 20_000 })
          : end({ chan })
    })
    expect(most).toBeLessThanOrEqual(256 * 12 + 200)
  })

  it('and calls a service that answers at length makes it queue no more than credit and slots allow', () => {
    const script = ready({
      limits: { maxOpenChannels: 64, ...NO_IDLE },
      sink: new RecordingSessionSink((channel, sink) => {
        channel.accept(sink)
        channel.sendLast(bytesOf(100_000))
        channel.settle()
      }),
    })
    const { most, code } = flood(script, 20_000, (index) =>
      open({ chan: index + 1, flags: FIN + MSG, payload: 'x' }),
    )
    expect(code).toBe('ENHANCE_CALM')
    expect(most).toBeLessThanOrEqual(64 * 100_100 + 1_000 * 16 + 1_000)
    expect(script.session.stats().queuedOutputBytes).toBe(0)
  })

  it('before HELLO keeps to the same bounds', () => {
    const host = new Session(
      { kind: 'byte', instance: new Uint8Array(16), now: () => 0, limits: NO_IDLE },
      { onOutputPending: () => {}, onTimer: () => {}, onChannel: () => {}, onClose: () => {} },
    )
    host.start()
    for (let i = 0; i < 100; i++) host.open('early', { message: bytesOf(10_000) })
    expect(host.stats().committedOutputBytes).toBeLessThanOrEqual(64 * KIB + 16 * 60 + 80 + 200)
    host.receive(concat([preface(), hello()]))
    expect(host.stats().committedOutputBytes).toBeLessThanOrEqual(64 * KIB + 16 * 60 + 80 + 200)
  })
})

describe('small payloads', () => {
  it('are copied out of the chunk they came in when they are kept, so that they do not pin it [LIM-002]', () => {
    const script = ready()
    const { channel } = inbound(script)
    channel.pause()
    const frames = concat([data({ payload: bytesOf(100) }), data({ chan: 1, payload: bytesOf(60_000) })])
    script.session.receive(frames)
    const small = channel.read()?.payload as Uint8Array
    const large = channel.read()?.payload as Uint8Array
    expect(small.buffer.byteLength).toBe(100)
    expect(large.length).toBe(60_000)
    expect(large.buffer.byteLength).toBeLessThanOrEqual(frames.length)
  })

  it('and fragments are copied too', () => {
    const script = ready()
    const { sink } = inbound(script, { flags: MSG + MORE, payload: bytesOf(600) })
    const chunk = concat([data({ flags: MSG, payload: bytesOf(600) })])
    script.session.receive(chunk)
    expect(sink.messages[0]?.length).toBe(1_200)
  })
})

describe('charges and levels', () => {
  it('are back where they began when everything has ended', () => {
    const pair = readyPair({ isCapturing: true })
    const channels = Array.from({ length: 20 }, () => opened(pair.sessionA, { message: bytesOf(90_000) }))
    pair.pump()
    for (const { channel } of channels.slice(0, 10)) channel.reset()
    for (const { channel } of channels.slice(10)) channel.end()
    for (const { channel } of pair.sinkB.inbound) if (!channel.isClosed) channel.end()
    for (const { channel } of pair.sinkB.inbound) channel.settle()
    pair.pump()
    expect(chargesOf(pair.sentFrames('aToB'))).toBe(pair.sessionB.channels.receiver.connection.bytesReceived)
    for (const session of [pair.sessionA, pair.sessionB]) {
      expect(session.stats()).toMatchObject({
        openChannels: 0,
        unreadBytes: 0,
        assemblingBytes: 0,
        openSlotsTaken: 0,
      })
    }
  })
})
