// What a peer can make a session queue by never taking its output: bounded, whatever it sends.
import {
  concat,
  credit,
  data,
  end,
  entry,
  hello,
  open,
  ping,
  preface,
  RecordingSessionSink,
  reset,
  type ScriptedPeer,
  stop,
} from '@peerplex/testkit'
import { Session } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { memoryBound } from './flow-simulation-judge.js'
import { bytesOf, FIN, KIB, MIB, MSG, NO_IDLE, ONEWAY, ofKind, ready } from './flow-support.js'

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
