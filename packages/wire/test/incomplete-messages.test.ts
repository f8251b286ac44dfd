// Messages that are not whole yet: how many there may be at a time, and how long without progress.
import { credit, data, end, open, RecordingSessionSink, reset, stop } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import {
  bytesOf,
  has,
  inbound,
  isSame,
  KIB,
  MORE,
  MSG,
  MSG_BYTES,
  NOPROC,
  ofKind,
  opened,
  openedAndSeen,
  ready,
  readyPair,
} from './flow-support.js'

const RESET_ABORTED = { kind: 'RESET', code: 10 } as const

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
