import {
  credit,
  data,
  end,
  entry,
  type NaiveFrameOf,
  open,
  ping,
  RecordingSessionSink,
  reset,
} from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import { ConnectionCredit, ReceiveCredit, SendCredit } from '../src/credit.js'
import {
  bytesOf,
  chargeOf,
  chargesOf,
  countConnectionFrom,
  countFrom,
  FIN,
  has,
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
  wrapped,
} from './flow-support.js'

/** The least window of a channel, and the charge of `OPEN svc` without a message. */
const WINDOW = 16 * KIB
const OPEN_CHARGE = 15
/** The payload that uses up what `OPEN` has left of the least window. */
const REST = WINDOW - OPEN_CHARGE - MSG_BYTES
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

describe.each([
  ['2^31', 2 ** 31],
  ['2^32', 2 ** 32],
])('counters that pass %s', (_, edge) => {
  const base = edge - 9_000

  it('let a sender go on exactly to the limit, and are compared as wrapping numbers [FLO-002] [FLO-008]', () => {
    const script = ready({}, { rxBytes: WINDOW, rxMsgs: 10, connBytes: 64 * KIB })
    const { channel } = openedAndSeen(script)
    countFrom(script.session, channel, base)
    channel.send(bytesOf(REST))
    script.expect({ kind: 'DATA', flags: MSG, size: REST })
    channel.send(bytesOf(100))
    script.expectNothing('the limit is reached')
    const byteLimit = wrapped(base + WINDOW + 132)
    script.send(credit({ chan: -1, byteLimit, countLimit: wrapped(base + 10) }))
    script.expect({ kind: 'DATA', size: 100 })
    script.send(credit({ chan: -1, byteLimit: wrapped(byteLimit - 1), countLimit: wrapped(base + 10) }))
    script.expectClosed('FLOW_CONTROL')
  })

  it('let message counters pass too [FLO-002]', () => {
    const script = ready({}, { rxMsgs: 4 })
    const { channel } = openedAndSeen(script)
    countFrom(script.session, channel, edge - 2)
    for (let i = 0; i < 5; i++) channel.send(Uint8Array.of(i))
    expect(script.takeFrames()).toHaveLength(4)
    script.send(credit({ chan: -1, byteLimit: wrapped(edge - 2 + 256 * KIB), countLimit: wrapped(edge + 3) }))
    script.expect({ kind: 'DATA', payload: Uint8Array.of(4) })
    script.send(credit({ chan: -1, byteLimit: wrapped(edge - 2 + 256 * KIB), countLimit: wrapped(edge + 2) }))
    script.expectClosed('FLOW_CONTROL')
  })

  it('let the connection limit pass [FLO-002] [FLO-009]', () => {
    const script = ready({}, { connBytes: 64 * KIB })
    const { channel } = openedAndSeen(script)
    countConnectionFrom(script.session, base)
    channel.send(bytesOf(60 * KIB))
    script.expect({ kind: 'DATA', size: 60 * KIB })
    channel.send(bytesOf(5 * KIB))
    script.expectNothing('4 KiB are left')
    script.send(credit({ byteLimit: wrapped(base + 70 * KIB), countLimit: 1024 }))
    script.expect({ kind: 'DATA', size: 5 * KIB })
    script.send(credit({ byteLimit: wrapped(base + 70 * KIB - 1), countLimit: 1024 }))
    script.expectClosed('FLOW_CONTROL')
  })

  it('are announced and enforced by a receiver as wrapping numbers [FLO-005] [FLO-006] [FLO-013] [FLO-015]', () => {
    const script = ready({ limits: { channelWindowBytes: WINDOW, connectionWindowBytes: 64 * KIB } })
    const { channel } = inbound(script)
    // So far: one OPEN of 16 bytes.
    countFrom(script.session, channel, base)
    let byteLimit = wrapped(base + WINDOW)
    let connectionLimit = wrapped(base + 64 * KIB)
    let received = base + 16
    for (let i = 0; i < 30; i++) {
      script.send(data({ payload: bytesOf(7_000) }))
      received += 7_032
      for (const frame of ofKind(script.takeFrames(), 'CREDIT')) {
        if (frame.chan === 0) connectionLimit = frame.byteLimit
        else byteLimit = frame.byteLimit
      }
      expect((byteLimit - wrapped(received)) | 0).toBeGreaterThanOrEqual(WINDOW / 2)
      expect((connectionLimit - wrapped(received)) | 0).toBeGreaterThanOrEqual(32 * KIB)
    }
    channel.pause()
    const left = (byteLimit - wrapped(received)) | 0
    script.send(data({ payload: bytesOf(left - MSG_BYTES) }))
    script.expectNothing('up to the limit, exactly')
    script.send(data({ payload: '' }))
    script.expectClosed('FLOW_CONTROL')
  })
})

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

describe('the wire charge', () => {
  it('of a session is that of the specification for everything it sends', () => {
    const pair = readyPair()
    const { channel } = opened(pair.sessionA, { headers: { a: '1' }, message: bytesOf(100_000) })
    channel.sendHeaders({ early: 'yes' })
    for (let i = 0; i < 10; i++) channel.send(bytesOf(i * 3_000), i % 2 === 0 ? { h: 'v' } : undefined)
    channel.sendLast(bytesOf(70_000), { h: 'v' }, { t: 'w' })
    pair.pump()
    const sum = pair.sentFrames('aToB').reduce((total, frame) => total + chargeOf(frame), 0)
    expect(pair.sessionB.channels.receiver.connection.bytesReceived).toBe(sum)
    expect(pair.sessionA.channels.sender.committer.credit.bytesSent).toBe(sum)
    expect(pair.sentFrames('aToB').filter((frame) => has(frame, MSG)).length).toBeGreaterThan(12)
  })
})
