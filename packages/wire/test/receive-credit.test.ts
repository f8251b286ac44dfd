// A receiver and its credit: what it grants and when, what it does not let pass, and bytes that nobody will read.
import {
  credit,
  data,
  end,
  entry,
  type NaiveFrameOf,
  open,
  RecordingSessionSink,
  reset,
} from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import { ConnectionCredit, ReceiveCredit, SendCredit } from '../src/credit.js'
import { WINDOW } from './credit-support.js'
import {
  bytesOf,
  FIN,
  inbound,
  KIB,
  MORE,
  MSG,
  MSG_BYTES,
  ofKind,
  opened,
  ready,
  readyPair,
  TRL,
} from './flow-support.js'

describe('a receiver whose limits are overrun', () => {
  it.each([
    ['by bytes of a channel', '[FLO-005]', { channelWindowBytes: WINDOW }, [WINDOW - 16 - MSG_BYTES]],
    ['by messages', '[FLO-007]', { channelWindowMessages: 3 }, [0, 0, 0]],
  ] as const)(
    '%s ends the connection with FLOW_CONTROL; reaching them does not %s',
    (_, _id, limits, sizes) => {
      const script = ready({ limits })
      inbound(script).channel.pause()
      for (const size of sizes) script.send(data({ payload: bytesOf(size) }))
      expect(script.session.isOpen).toBe(true)
      script.takeFrames()
      script.send(data({ payload: '' }))
      script.expectClosed('FLOW_CONTROL')
    },
  )

  it('by bytes of the connection ends the connection with FLOW_CONTROL; reaching them does not [FLO-006]', () => {
    // All in one chunk: no CREDIT can be committed in between.
    const limits = { connectionWindowBytes: 64 * KIB }
    const size = 64 * KIB - 16 - 40_000 - 2 * MSG_BYTES
    const exact = ready({ limits })
    exact.send([open(), data({ payload: bytesOf(40_000) }), data({ payload: bytesOf(size) })])
    exact.expect({ kind: 'CREDIT', chan: 0, byteLimit: 128 * KIB })
    const beyond = ready({ limits })
    beyond.send([open(), data({ payload: bytesOf(40_000) }), data({ payload: bytesOf(size + 1) })])
    beyond.expectClosed('FLOW_CONTROL')
  })

  it('by an OPEN larger than the window of its channel [FLO-005]', () => {
    const limits = { channelWindowBytes: WINDOW }
    const exact = ready({ limits })
    exact.send(open({ payload: bytesOf(WINDOW - 16 - MSG_BYTES) }))
    expect(exact.session.isOpen).toBe(true)
    const beyond = ready({ limits })
    beyond.send(open({ payload: bytesOf(WINDOW - 16 - MSG_BYTES + 1) }))
    beyond.expectClosed('FLOW_CONTROL')
    // Credit comes before the open limit in the order of checks.
    const full = ready({ limits: { ...limits, maxOpenChannels: 0 } })
    full.send(open({ payload: bytesOf(WINDOW - 16 - MSG_BYTES + 1) }))
    full.expectClosed('FLOW_CONTROL')
  })

  it('counts what it discards after its own STOP on the window of the channel, which grows no more [FLO-005]', () => {
    const script = ready({ limits: { channelWindowBytes: WINDOW } })
    const { channel } = inbound(script)
    channel.stop()
    script.expect('STOP')
    script.send(data({ payload: bytesOf(WINDOW - 16 - MSG_BYTES) }))
    script.expectNothing('discarded without CREDIT for the channel')
    script.send(data({ payload: '' }))
    script.expectClosed('FLOW_CONTROL')
  })

  it('does not charge FIN, trailers and ignorable frames', () => {
    const script = ready({ limits: { channelWindowBytes: WINDOW } })
    const { channel } = inbound(script)
    channel.pause()
    script.send(data({ payload: bytesOf(WINDOW - 16 - MSG_BYTES) }))
    script.send(data({ flags: FIN + TRL, entries: [entry('t', 'x'.repeat(4_000))] }))
    expect(script.session.isOpen).toBe(true)
    expect(script.session.channels.receiver.connection.bytesReceived).toBe(WINDOW)
  })

  it('computes the same charges as its peer', () => {
    const script = ready()
    const frames = [
      open({ entries: [entry('k', 'v')] }),
      data({ entries: [entry('early', 'x')] }),
      data({ entries: [entry('h', 'v')], payload: bytesOf(700) }),
      data({ payload: '' }),
      data({ flags: MSG + MORE, payload: bytesOf(900) }),
      data({ flags: MSG, payload: '' }),
      data({ flags: FIN + TRL, entries: [entry('t', 'w')] }),
    ]
    script.send(frames)
    const sizes = frames.map((frame) => frame.length - 12)
    const charges = sizes.map((size, i) => (i === 6 ? 0 : i >= 2 ? size + MSG_BYTES : size))
    const { channel } = script.sink.inboundAt(0)
    const sum = charges.reduce((a, b) => a + b)
    expect(channel.receiveCredit).toMatchObject({
      bytesReceived: sum,
      messagesReceived: 3,
      bytesConsumed: sum,
    })
    expect(script.session.channels.receiver.connection.bytesReceived).toBe(sum)
  })
})

describe('a receiver that grants', () => {
  it('sends CREDIT when half a window is read and not before [FLO-013] [FLO-014]', () => {
    const script = ready({ limits: { channelWindowBytes: WINDOW } })
    const { channel } = inbound(script)
    channel.pause()
    script.send([1, 2, 3, 4].map(() => data({ payload: bytesOf(4_000) })))
    script.expectNothing('nothing is read')
    channel.read()
    channel.read()
    script.expectNothing('8080 of 8192 are read')
    channel.read()
    script.expect({ kind: 'CREDIT', chan: -1, byteLimit: WINDOW + 16 + 3 * 4_032, countLimit: 16_384 + 3 })
    channel.read()
    script.expectNothing('a quarter more')
  })

  it('grants exactly at half a window [FLO-013]', () => {
    const script = ready({ limits: { channelWindowBytes: WINDOW } })
    inbound(script)
    script.send(data({ payload: bytesOf(WINDOW / 2 - 16 - MSG_BYTES - 4) }))
    script.expectNothing('4 bytes less')
    script.send(data({ entries: [entry('k', '')] }))
    script.expect({ kind: 'CREDIT', chan: -1, byteLimit: WINDOW + WINDOW / 2 })
  })

  it.each([
    [1, 1],
    [2, 1],
    [3, 2],
    [4, 2],
    [5, 3],
  ])(
    'grants messages at half of a window of %i, that is after %i [FLO-013] [FLO-014]',
    (windowMessages, due) => {
      const script = ready({ limits: { channelWindowMessages: windowMessages } })
      const { channel } = inbound(script)
      channel.pause()
      for (let i = 0; i < windowMessages; i++) script.send(data({ payload: '' }))
      for (let i = 1; i < due; i++) channel.read()
      script.expectNothing('less than half')
      channel.read()
      script.expect({ kind: 'CREDIT', chan: -1, countLimit: windowMessages + due })
    },
  )

  it('alternates message and CREDIT with a window of one message (strict pull)', () => {
    const script = ready({}, { rxMsgs: 1 })
    const { channel } = inbound(script, { rxMsgs: 1 })
    for (let i = 0; i < 5; i++) channel.send(Uint8Array.of(i))
    for (let i = 0; i < 5; i++) {
      script.expect({ kind: 'DATA', payload: Uint8Array.of(i) })
      script.expectNothing('until the next CREDIT')
      script.send(credit({ chan: 1, byteLimit: 256 * KIB, countLimit: i + 2 }))
    }
    const pair = readyPair({ isCapturing: true })
    const { channel: reader, sink } = opened(pair.sessionA, { windowMessages: 1 })
    pair.pump()
    const writer = pair.sinkB.inboundAt(0).channel
    for (let i = 0; i < 20; i++) writer.send(Uint8Array.of(i))
    pair.pump()
    expect(sink.messages.map((one) => one[0])).toEqual(Array.from({ length: 20 }, (_, i) => i))
    expect(
      ofKind(pair.sentFrames('aToB'), 'CREDIT').filter((frame) => frame.chan === reader.id),
    ).toHaveLength(20)
  })

  it('sends at most one CREDIT per half window [FLO-014]', () => {
    const script = ready({ limits: { channelWindowBytes: WINDOW, connectionWindowBytes: 64 * KIB } })
    inbound(script)
    const frames: NaiveFrameOf<'CREDIT'>[] = []
    let charged = 16
    for (let i = 0; i < 2_000; i++) {
      const size = (i * 37) % 900
      script.send(data({ payload: bytesOf(size) }))
      charged += size + MSG_BYTES
      frames.push(...ofKind(script.takeFrames(), 'CREDIT'))
    }
    const onOne = frames.filter((frame) => frame.chan === -1)
    const onAll = frames.filter((frame) => frame.chan === 0)
    expect(onOne.length).toBeLessThanOrEqual(charged / (WINDOW / 2))
    expect(onOne.length).toBeGreaterThan(charged / WINDOW)
    expect(onAll.length).toBeLessThanOrEqual(charged / (32 * KIB))
    expect(onAll.length).toBeGreaterThan(charged / (64 * KIB))
  })

  it('puts both newest limits into one CREDIT, however much came in one chunk [FLO-013]', () => {
    const script = ready({ limits: { channelWindowBytes: WINDOW, channelWindowMessages: 100 } })
    inbound(script)
    script.send([1, 2, 3, 4, 5].map(() => data({ payload: bytesOf(3_000) })))
    script.expect({ kind: 'CREDIT', chan: -1, byteLimit: WINDOW + 16 + 5 * 3_032, countLimit: 105 })
    script.expectNothing('one for all')
  })

  it('grants the connection at half of its window, whoever reads [FLO-015]', () => {
    const script = ready({ limits: { connectionWindowBytes: 64 * KIB } })
    const { channel } = inbound(script)
    channel.pause()
    script.send(data({ payload: bytesOf(32 * KIB - 16 - MSG_BYTES - MSG_BYTES) }))
    script.expectNothing('32 bytes less than half')
    script.send(data({ payload: '' }))
    script.expect({ kind: 'CREDIT', chan: 0, byteLimit: 64 * KIB + 32 * KIB, countLimit: 1024 })
    script.expectNothing('nothing is read on the channel')
  })

  it('grants a large connection every 512 KiB, so that most of its window is of use at any time [FLO-015]', () => {
    const windowBytes = 4_096 * KIB
    const script = ready({ limits: { connectionWindowBytes: windowBytes, channelWindowBytes: windowBytes } })
    const { channel } = inbound(script)
    channel.pause()
    const count = 512 / 32
    const payload = bytesOf(32 * KIB - MSG_BYTES)
    for (let n = 1; n < count; n++) script.send(data({ payload }))
    script.send(data({ payload: payload.subarray(MSG_BYTES + 1) }))
    script.expectNothing('one byte less')
    script.send(data({ payload: bytesOf(1) }))
    const { byteLimit } = script.expect({ kind: 'CREDIT', chan: 0 }) as NaiveFrameOf<'CREDIT'>
    expect(byteLimit - windowBytes).toBeGreaterThanOrEqual(512 * KIB)
    expect(byteLimit - windowBytes).toBeLessThan(513 * KIB)
  })

  it('sends none for a channel after its FIN or our STOP, even if it was owed [FLO-012]', () => {
    const script = ready({ limits: { channelWindowBytes: WINDOW } })
    inbound(script)
    script.send([data({ payload: bytesOf(9_000) }), data({ flags: FIN })])
    script.expectNothing('FIN came in the same chunk')
    const stopped = inbound(script, { chan: 2 })
    stopped.sink.onEvent = (_, channel) => channel.stop()
    script.send(data({ chan: 2, payload: bytesOf(9_000) }))
    script.expect({ kind: 'STOP', chan: -2 })
    script.expectNothing('it wants no more')
    const paused = inbound(script, { chan: 3 }).channel
    paused.pause()
    script.send([data({ chan: 3, payload: bytesOf(9_000) }), data({ chan: 3, flags: FIN })])
    paused.resume()
    script.expectNothing('read after FIN')
  })

  it('never announces more than 2^31-1 above what it has received [FLO-004]', () => {
    const most = 2 ** 31 - 1
    const credits = new ReceiveCredit(most, most)
    expect(credits.receive(2 ** 30, 2 ** 30)).toBe(true)
    credits.consume(2 ** 30, 2 ** 30)
    expect(credits.isDue()).toBe(true)
    credits.grant()
    expect(credits.bytesLeft).toBe(most)
    const connection = new ConnectionCredit(most)
    connection.receive(2 ** 30)
    connection.grant()
    expect(connection.bytesLeft).toBe(most)
    const sender = new SendCredit(most, most)
    expect(sender.raise(0, 0)).toBe(false)
    expect(sender.raise(2 ** 31 + 5, 2 ** 31 + 5)).toBe(true)
  })
})

describe('bytes that nobody will read', () => {
  const WINDOWS = { connectionWindowBytes: 64 * KIB, channelWindowBytes: WINDOW }

  /** Sends DATA for four windows as a peer that heeds the connection limit; the session must keep up with granting. */
  function pour(script: ReturnType<typeof ready>, frameOf: (round: number) => Uint8Array): void {
    const { connection } = script.session.channels.receiver
    let limit = 64 * KIB
    for (let round = 0, received = connection.bytesReceived; received < 256 * KIB; round++) {
      const frame = frameOf(round)
      received += frame.length - 12 + MSG_BYTES
      expect(received).toBeLessThanOrEqual(limit)
      script.send(frame)
      for (const given of ofKind(script.takeFrames(), 'CREDIT')) if (given.chan === 0) limit = given.byteLimit
      expect(limit - received).toBeGreaterThan(32 * KIB)
    }
    expect(script.session.isOpen).toBe(true)
  }

  it.each<[string, (script: ReturnType<typeof ready>) => void]>([
    ['of a channel that we reset', (script) => inbound(script).channel.reset()],
    ['of a channel that we failed', (script) => inbound(script).channel.fail(2)],
    ['of a channel that they reset', (script) => script.send([open(), reset()])],
    ['of a channel that they ended', (script) => script.send([open(), end()])],
    [
      'of a channel that both have ended',
      (script) => {
        inbound(script, { flags: FIN }).channel.end()
      },
    ],
    [
      'of a name that was refused',
      (script) => {
        script.sink.onInbound = (channel) => channel.refuse()
        script.send(open())
      },
    ],
    ['of an OPEN beyond the limit', (script) => script.send([open(), open({ chan: 2 })])],
  ])('are credited to the connection at once: %s [FLO-020]', (_, prepare) => {
    const script = ready({ limits: { ...WINDOWS, maxOpenChannels: 1 } })
    prepare(script)
    script.takeFrames()
    const chan = script.sink.inbound.length === 1 && script.session.stats().openChannels === 1 ? 2 : 1
    pour(script, () => data({ chan, payload: bytesOf(5_000) }))
  })

  it('are credited to the connection at once: messages in refused OPENs [FLO-020]', () => {
    const script = ready({ sink: new RecordingSessionSink((channel) => channel.refuse()), limits: WINDOWS })
    pour(script, (round) => open({ chan: round + 1, payload: bytesOf(10_000) }))
  })

  it('are credited to the connection at once: messages after our STOP [FLO-020]', () => {
    const script = ready({ limits: { ...WINDOWS, channelWindowBytes: 512 * KIB } })
    inbound(script).channel.stop()
    pour(script, () => data({ payload: bytesOf(5_000) }))
  })

  it('are credited to the connection at once: messages that a RESET threw away unread [FLO-020]', () => {
    const script = ready({ sink: new RecordingSessionSink(() => {}), limits: WINDOWS })
    pour(script, (round) => {
      if (round > 0) script.send(reset({ chan: round }))
      return open({ chan: round + 1, payload: bytesOf(10_000) })
    })
    expect(script.session.stats().unreadBytes).toBe(10_000 + 192)
  })

  it('do not stop another channel: one that is never read leaves the others alone [FLO-018]', () => {
    const script = ready({ limits: WINDOWS })
    const idle = inbound(script, { chan: 1 }).channel
    idle.pause()
    script.send(data({ chan: 1, payload: bytesOf(WINDOW - 16 - MSG_BYTES) }))
    const busy = inbound(script, { chan: 2 })
    let left = WINDOW - 16
    for (let i = 0; i < 100; i++) {
      script.send(data({ chan: 2, payload: bytesOf(4_000) }))
      left -= 4_032
      for (const given of ofKind(script.takeFrames(), 'CREDIT')) {
        if (given.chan === -2) left = given.byteLimit - 16 - (i + 1) * 4_032
        expect(given.chan).not.toBe(-1)
      }
      expect(left).toBeGreaterThan(4_032)
    }
    expect(busy.sink.messages).toHaveLength(100)
    expect(script.session.stats().unreadBytes).toBe(WINDOW - 16 - MSG_BYTES + 192)
  })
})
