// What messages cost in memory that nobody reads: how credit is withheld, and who is reset for it.
import { concat, data, entry, type ScriptedPeer } from '@peerplex/testkit'
import { type Channel, PUBLIC_SESSION_LIMITS, type SessionLimits } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { memoryBound } from './flow-simulation-judge.js'
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
  NO_IDLE,
  ofKind,
  opened,
  QUEUED_BYTES,
  ready,
  readyPair,
  SECOND,
  tight,
} from './flow-support.js'

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
