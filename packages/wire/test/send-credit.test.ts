// A sender and its credit: what it may send, must send, may send without any, and how limits reach it.
import { credit, ping, RecordingSessionSink } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import { OPEN_CHARGE, REST, WINDOW } from './credit-support.js'
import {
  bytesOf,
  chargesOf,
  FIN,
  inbound,
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

const EMPTY = new Uint8Array(0)

describe('a sender and the byte credit of a channel', () => {
  it('sends up to the limit exactly [FLO-001] [FLO-002]', () => {
    const script = ready({}, { rxBytes: WINDOW })
    const { channel } = openedAndSeen(script)
    expect(channel.send(bytesOf(REST))).toBe(true)
    const [frame] = script.takeFrames()
    expect(frame).toMatchObject({ kind: 'DATA', flags: MSG, size: REST })
    expect(channel.send(EMPTY)).toBe(false)
    script.expectNothing('even an empty message costs 32')
  })

  it('sends of a message one byte too long all but that byte [FLO-002] [FLO-022]', () => {
    const script = ready({}, { rxBytes: WINDOW })
    const { channel } = openedAndSeen(script)
    expect(channel.send(bytesOf(REST + 1))).toBe(false)
    script.expect({ kind: 'DATA', flags: MSG + MORE, size: REST })
    script.expectNothing('the credit is used up')
    expect(channel.bufferedBytes).toBe(1)
    script.send(credit({ chan: -1, byteLimit: WINDOW + MSG_BYTES, countLimit: 16_384 }))
    script.expectNothing('32 bytes buy no payload')
    script.send(credit({ chan: -1, byteLimit: WINDOW + MSG_BYTES + 1, countLimit: 16_384 }))
    script.expect({ kind: 'DATA', flags: MSG, payload: bytesOf(REST + 1).slice(-1) })
    expect(channel.bufferedBytes).toBe(0)
  })

  it('counts metadata, and 32 for each frame with MSG, fragments too; FIN without MSG is free [FLO-001] [FLO-003]', () => {
    const script = ready({}, { maxFrame: 16 * KIB })
    const { channel } = opened(script.session, { headers: { a: 'b' } })
    channel.sendHeaders({ early: 'x'.repeat(100) })
    channel.send(bytesOf(10), { h: 'v' })
    channel.send(EMPTY)
    channel.send(bytesOf(40 * KIB), { h: 'v' })
    channel.end({ trailer: 'y'.repeat(50) })
    const last = opened(script.session, { message: bytesOf(5) }).channel
    last.sendLast(bytesOf(6), undefined, { t: 'z' })
    const frames = script.takeFrames()
    expect(frames.map((frame) => `${frame.kind} ${frame.flags}`)).toEqual([
      'OPEN 0',
      'DATA 0',
      `DATA ${MSG}`,
      `DATA ${MSG}`,
      `DATA ${MSG + MORE}`,
      `OPEN ${MSG}`,
      `DATA ${MSG + MORE}`,
      `DATA ${MSG + FIN + TRL}`,
      `DATA ${MSG}`,
      `DATA ${FIN + TRL}`,
    ])
    expect(channel.sendCredit.bytesSent).toBe(chargesOf(onChannel(frames, 1)))
    expect(last.sendCredit.bytesSent).toBe(chargesOf(onChannel(frames, 2)))
    expect(script.session.channels.sender.committer.credit.bytesSent).toBe(chargesOf(frames))
    expect(channel.sendCredit.messagesSent).toBe(3)
  })

  it('holds headers without a message back as well, and behind them everything else of the channel [FLO-002]', () => {
    const script = ready({}, { rxBytes: WINDOW })
    const { channel } = openedAndSeen(script)
    channel.send(bytesOf(REST - 20))
    script.expect('DATA')
    channel.sendHeaders({ key: 'x'.repeat(30) })
    channel.end()
    script.expectNothing('20 bytes are left')
    script.send(credit({ chan: -1, byteLimit: WINDOW + 100, countLimit: 16_384 }))
    script.expect({ kind: 'DATA', flags: 0, entries: { key: 'x'.repeat(30) } })
    script.expect({ kind: 'DATA', flags: FIN })
  })

  it('takes the window of the OPEN for what it sends as acceptor, else that of HELLO', () => {
    const script = ready({}, { rxBytes: 32 * KIB, rxMsgs: 2 })
    const own = inbound(script, { chan: 1, rxBytes: WINDOW, rxMsgs: 1 }).channel
    own.send(bytesOf(WINDOW - MSG_BYTES))
    script.expect({ kind: 'DATA', chan: -1, flags: MSG, size: WINDOW - MSG_BYTES })
    own.send(EMPTY)
    const general = inbound(script, { chan: 2 }).channel
    general.send(bytesOf(32 * KIB - MSG_BYTES))
    script.expect({ kind: 'DATA', chan: -2, size: 32 * KIB - MSG_BYTES })
    general.send(EMPTY)
    script.expectNothing('both windows are used up')
    expect([own.sendCredit.messagesLeft, general.sendCredit.messagesLeft]).toEqual([0, 1])
  })
})

describe('a sender and the message credit of a channel', () => {
  it('stops at the limit; empty messages need credit too, fragments none [FLO-001] [FLO-002]', () => {
    const script = ready({}, { rxMsgs: 2, maxFrame: 16 * KIB })
    const { channel } = openedAndSeen(script)
    channel.send(bytesOf(20 * KIB))
    channel.send(EMPTY)
    expect(channel.send(EMPTY)).toBe(false)
    expect(payloadSizes(script.takeFrames())).toEqual([16 * KIB, 4 * KIB, 0])
    script.send(credit({ chan: -1, byteLimit: 256 * KIB, countLimit: 3 }))
    script.expect({ kind: 'DATA', flags: MSG, size: 0 })
    script.expectNothing('one more was allowed')
  })

  it('needs none for headers, FIN and END [FLO-003]', () => {
    const script = ready({}, { rxMsgs: 1 })
    const { channel } = openedAndSeen(script, { message: bytesOf(1) })
    channel.sendHeaders({ a: 'b' })
    script.expect({ kind: 'DATA', flags: 0 })
    channel.end()
    script.expect({ kind: 'DATA', flags: FIN })
  })
})

describe('a sender and the credit of the connection', () => {
  it('shares it between channels and never exceeds it [FLO-001] [FLO-002]', () => {
    const script = ready({}, { connBytes: 64 * KIB, rxBytes: 48 * KIB })
    const first = openedAndSeen(script).channel
    const second = openedAndSeen(script).channel
    first.send(bytesOf(48 * KIB - OPEN_CHARGE - MSG_BYTES))
    second.send(bytesOf(48 * KIB - OPEN_CHARGE - MSG_BYTES))
    const frames = script.takeFrames()
    expect(chargesOf(frames) + 2 * OPEN_CHARGE).toBeLessThanOrEqual(64 * KIB)
    expect(second.bufferedBytes).toBeGreaterThan(0)
    script.send(credit({ byteLimit: 96 * KIB, countLimit: 1024 }))
    expect(chargesOf([...frames, ...script.takeFrames()]) + 2 * OPEN_CHARGE).toBe(96 * KIB)
    expect(second.bufferedBytes).toBe(0)
  })

  it('lets a small message of another channel use what is too little for a large one', () => {
    const script = ready({}, { connBytes: 64 * KIB, rxBytes: 64 * KIB })
    const first = openedAndSeen(script).channel
    const second = openedAndSeen(script).channel
    const third = openedAndSeen(script).channel
    first.send(bytesOf(40 * KIB))
    second.send(bytesOf(40 * KIB))
    script.expect({ kind: 'DATA', chan: 1, size: 40 * KIB })
    expect(third.send(bytesOf(10))).toBe(true)
    script.expect({ kind: 'DATA', chan: 3, size: 10 })
    script.expectNothing('less than half of the connection credit is left')
    script.send(credit({ byteLimit: 128 * KIB, countLimit: 1024 }))
    script.expect({ kind: 'DATA', chan: 2, flags: MSG, size: 40 * KIB })
  })

  it('serves those that wait for it in the order in which they began to wait', () => {
    const script = ready({}, { connBytes: 64 * KIB, rxBytes: 64 * KIB })
    const channels = Array.from({ length: 4 }, () => openedAndSeen(script).channel)
    for (const channel of channels) channel.send(bytesOf(33 * KIB))
    const before = script.takeFrames()
    expect(before.map((frame) => frame.chan)).toEqual([1, 2])
    script.send(credit({ byteLimit: 256 * KIB, countLimit: 1024 }))
    const after = script.takeFrames()
    // 2 was cut at its turn; by then 3 and 4 waited before it.
    expect([...new Set(after.map((frame) => frame.chan))]).toEqual([3, 4, 2])
    expect(chargesOf([...before, ...after])).toBe(4 * 33 * KIB + MSG_BYTES * (before.length + after.length))
  })
})

describe('a sender with half a window of credit', () => {
  // Charged by the OPENs: 15 on each of the two channels.
  const cases = [
    [
      'the channel has exactly half, the connection plenty',
      64 * KIB,
      4096 * KIB,
      32 * KIB - OPEN_CHARGE - MSG_BYTES,
      0,
    ],
    [
      'the connection has exactly half, the channel plenty',
      256 * KIB,
      64 * KIB,
      0,
      32 * KIB - 2 * OPEN_CHARGE - MSG_BYTES,
    ],
    [
      'both have exactly half',
      64 * KIB,
      64 * KIB,
      32 * KIB - OPEN_CHARGE - MSG_BYTES,
      -OPEN_CHARGE - MSG_BYTES,
    ],
  ] as const

  it.each(cases)('must send when %s [FLO-022]', (_, rxBytes, connBytes, ownBytes, otherBytes) => {
    const script = ready({}, { rxBytes, connBytes, maxFrame: 512 * KIB })
    const { channel } = openedAndSeen(script)
    if (ownBytes > 0) channel.send(bytesOf(ownBytes))
    if (otherBytes > 0) openedAndSeen(script).channel.send(bytesOf(otherBytes))
    script.takeFrames()
    const sender = script.session.channels.sender.committer
    const isHalf = [2 * channel.sendCredit.bytesLeft === rxBytes, 2 * sender.credit.bytesLeft === connBytes]
    expect(isHalf).toEqual([ownBytes > 0, connBytes === 64 * KIB])
    channel.send(bytesOf(1024 * KIB))
    expect(ofKind(script.takeFrames(), 'DATA')).toMatchObject([{ chan: 1, flags: MSG + MORE }])
  })

  it('must send a message that CREDIT has made small enough to need no slot for incomplete ones [FLO-022]', () => {
    const script = ready({}, { rxBytes: 64 * KIB, partials: 1 })
    const hoarder = openedAndSeen(script).channel
    const waiting = openedAndSeen(script).channel
    hoarder.send(bytesOf(200 * KIB))
    waiting.send(bytesOf(20 * KIB))
    waiting.send(bytesOf(50 * KIB))
    const frames = script.takeFrames()
    expect(onChannel(frames, 1).at(-1)).toMatchObject({ flags: MSG + MORE })
    expect(payloadSizes(onChannel(frames, 2))).toEqual([20 * KIB])
    script.send(credit({ chan: -2, byteLimit: 128 * KIB, countLimit: 16_384 }))
    script.expect({ kind: 'DATA', chan: 2, flags: MSG, size: 50 * KIB })
    script.expectNothing('the other one still waits for credit')
  })
})

describe('limits as they arrive', () => {
  it('a limit that is repeated changes nothing [FLO-010]', () => {
    const script = ready({}, { rxBytes: WINDOW })
    const { channel } = openedAndSeen(script)
    channel.send(bytesOf(REST))
    script.expect('DATA')
    channel.send(EMPTY)
    for (let i = 0; i < 3; i++) {
      script.send(credit({ chan: -1, byteLimit: WINDOW, countLimit: 16_384 }))
      script.send(credit({ byteLimit: 4096 * KIB, countLimit: 1024 }))
    }
    script.expectNothing('no new credit')
  })

  it.each([
    ['the byte limit of a channel', '[FLO-008]', -1, -1, 0],
    ['the message limit of a channel', '[FLO-008]', -1, 0, -1],
    ['both limits of a channel, by far', '[FLO-008]', -1, -16_384, -16_384],
    ['the byte limit of the connection', '[FLO-009]', 0, -1, 0],
    ['the open limit', '[FLO-009]', 0, 0, -1],
  ])('%s goes back: FLOW_CONTROL %s', (_, _id, chan, byteChange, countChange) => {
    const script = ready({}, { rxBytes: WINDOW, rxMsgs: 16_384, connBytes: 64 * KIB, opens: 16_384 })
    openedAndSeen(script)
    const bytes = chan === 0 ? 64 * KIB : WINDOW
    script.send(credit({ chan, byteLimit: bytes + byteChange, countLimit: 16_384 + countChange }))
    script.expectClosed('FLOW_CONTROL')
  })

  it('is compared with the newest limit, not with the first [FLO-008] [FLO-009]', () => {
    const channelScript = ready({}, { rxBytes: WINDOW })
    openedAndSeen(channelScript)
    channelScript.send(credit({ chan: -1, byteLimit: 40_000, countLimit: 20_000 }))
    channelScript.expectNothing('it grew')
    channelScript.send(credit({ chan: -1, byteLimit: 39_999, countLimit: 20_000 }))
    channelScript.expectClosed('FLOW_CONTROL')
    const script = ready()
    script.send(credit({ byteLimit: 5_000_000, countLimit: 1_030 }))
    script.expectNothing('it grew')
    script.send(credit({ byteLimit: 5_000_000, countLimit: 1_029 }))
    script.expectClosed('FLOW_CONTROL')
  })

  it('a CREDIT after our FIN is not looked at, whatever it says [FLO-011]', () => {
    const script = ready({}, { rxBytes: WINDOW })
    const { channel } = openedAndSeen(script)
    channel.end()
    script.expect({ kind: 'DATA', flags: FIN })
    script.send(credit({ chan: -1, byteLimit: 1, countLimit: 1 }))
    script.expectNothing('HALF_LOCAL')
    const half = openedAndSeen(script, { isLast: true, message: bytesOf(1) })
    script.send(credit({ chan: -2, byteLimit: 0, countLimit: 0 }))
    script.expectNothing('opened half-closed')
    expect(half.channel.state).toBe('HALF_LOCAL')
  })

  it('a CREDIT raises what we send to an opener that has ended its own output', () => {
    const script = ready({}, { rxBytes: WINDOW })
    const { channel } = inbound(script, { flags: FIN })
    channel.send(bytesOf(WINDOW - MSG_BYTES))
    script.expect('DATA')
    channel.send(bytesOf(10))
    script.expectNothing('used up')
    script.send(credit({ chan: 1, byteLimit: WINDOW + 42, countLimit: 16_384 }))
    script.expect({ kind: 'DATA', chan: -1, size: 10 })
  })
})

describe('free frames', () => {
  /** A session whose credit is used up everywhere. */
  function exhausted() {
    const script = ready({}, { rxBytes: WINDOW, connBytes: 64 * KIB, rxMsgs: 1, maxMeta: 4 * KIB })
    const channels = Array.from({ length: 4 }, () => openedAndSeen(script).channel)
    for (const channel of channels) channel.send(bytesOf(REST))
    expect(script.takeFrames()).toHaveLength(4)
    expect(script.session.channels.sender.committer.credit.bytesLeft).toBe(0)
    return { script, channels }
  }

  it('leave without any credit: FIN, trailers, STOP, RESET, END, PONG, CREDIT [FLO-003] [FLO-021]', () => {
    const { script, channels } = exhausted()
    const [first, second, third, fourth] = channels
    first?.end()
    script.expect({ kind: 'DATA', chan: 1, flags: FIN })
    second?.end({ t: 'x'.repeat(500) })
    script.expect({ kind: 'DATA', chan: 2, flags: FIN + TRL })
    third?.stop()
    script.expect({ kind: 'STOP', chan: 3 })
    third?.reset()
    script.expect({ kind: 'RESET', chan: 3 })
    fourth?.fail(10, { message: 'no more' })
    script.expect({ kind: 'END', chan: 4 })
    script.send(ping())
    script.expect('PONG')
  })

  it('leave while messages wait; RESET and END take the waiting messages along', () => {
    const { script, channels } = exhausted()
    for (const channel of channels) channel.send(bytesOf(100))
    channels[0]?.reset()
    channels[1]?.fail(10)
    script.expect({ kind: 'RESET', chan: 1 })
    script.expect({ kind: 'END', chan: 2 })
    expect(script.session.stats().queuedOutputBytes).toBe(200)
    // A FIN keeps its place behind the message that waits.
    channels[2]?.end()
    script.expectNothing('message first')
  })

  it('both sides give credit while their own data waits for it [FLO-021]', () => {
    const limits = { channelWindowBytes: WINDOW, connectionWindowBytes: 64 * KIB }
    const pair = readyPair({
      a: { limits },
      b: { limits, sink: new RecordingSessionSink((channel, sink) => channel.accept(sink)) },
    })
    const ours = Array.from({ length: 8 }, () => opened(pair.sessionA))
    pair.pump()
    const theirs = pair.sinkB.inbound
    for (const { channel } of [...ours, ...theirs]) {
      channel.pause()
      for (let i = 0; i < 20; i++) channel.send(bytesOf(3_000, i))
    }
    pair.pump()
    for (const session of [pair.sessionA, pair.sessionB])
      expect(session.stats().queuedOutputBytes).toBeGreaterThan(0)
    for (const { channel } of [...ours, ...theirs]) channel.resume()
    pair.pump()
    for (const { sink } of [...ours, ...theirs]) expect(sink.messages).toHaveLength(20)
    for (const session of [pair.sessionA, pair.sessionB]) expect(session.stats().queuedOutputBytes).toBe(0)
  })
})
