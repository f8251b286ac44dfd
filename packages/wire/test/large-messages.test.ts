import { concat, data, entry, open, type RawHello, RecordingSessionSink, u32 } from '@peerplex/testkit'
import { LimitError } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import {
  bytesOf,
  FIN,
  has,
  inbound,
  isSame,
  KIB,
  MIB,
  MORE,
  MSG,
  MSG_BYTES,
  NOPROC,
  ONEWAY,
  ofKind,
  opened,
  openedAndSeen,
  ready,
  readyPair,
  thrown,
} from './flow-support.js'

const MESSAGE_TOO_LARGE = 34
const SMALLEST = 64 * KIB

/** A `size` entry. */
const sizeHint = (bytes: number) => entry(0x90, u32(bytes))

describe('a message larger than the windows', () => {
  const limits = { channelWindowBytes: 16 * KIB, connectionWindowBytes: 64 * KIB, maxFrameBytes: 16 * KIB }

  it.each(['byte', 'message'] as const)('arrives whole on a %s connection [FLO-016]', (kind) => {
    const pair = readyPair({ kind, isCapturing: false, a: { limits }, b: { limits } })
    const request = bytesOf(2 * MIB)
    const reply = bytesOf(4 * MIB, 3)
    const { sink } = opened(pair.sessionA, { message: request, isLast: true })
    pair.pump()
    const call = pair.sinkB.inboundAt(0)
    expect(isSame(call.sink.messages[0], request)).toBe(true)
    call.channel.sendLast(reply)
    pair.pump()
    expect(isSame(sink.messages[0], reply)).toBe(true)
    expect(sink.outcome?.code).toBe(0)
  })

  it('arrives whole although nobody reads it yet, and then counts as unread [FLO-016] [FLO-018]', () => {
    const pair = readyPair({ isCapturing: false, a: { limits }, b: { limits } })
    pair.sinkB.onInbound = (channel, sink) => {
      channel.pause()
      channel.accept(sink)
    }
    opened(pair.sessionA, { message: bytesOf(1 * MIB), isLast: true })
    pair.pump()
    const { channel } = pair.sinkB.inboundAt(0)
    expect(pair.sessionB.stats()).toMatchObject({ unreadBytes: 1 * MIB + 192, assemblingBytes: 0 })
    expect(channel.read()?.payload.length).toBe(1 * MIB)
    expect(pair.sessionB.stats().unreadBytes).toBe(0)
  })

  it('does not let the one after it in before it is read', () => {
    const pair = readyPair({ isCapturing: false, a: { limits }, b: { limits } })
    pair.sinkB.onInbound = (channel, sink) => {
      channel.pause()
      channel.accept(sink)
    }
    const { channel } = opened(pair.sessionA)
    for (let i = 0; i < 4; i++) channel.send(bytesOf(100 * KIB, i))
    pair.pump()
    const reader = pair.sinkB.inboundAt(0).channel
    expect(pair.sessionB.stats()).toMatchObject({ messagesReceived: 1, unreadBytes: 100 * KIB + 192 })
    expect(pair.sessionB.stats().assemblingBytes).toBeLessThanOrEqual(16 * KIB)
    for (let i = 0; i < 4; i++) {
      expect(isSame(reader.read()?.payload, bytesOf(100 * KIB, i))).toBe(true)
      pair.pump()
    }
    expect(pair.sessionA.stats().queuedOutputBytes).toBe(0)
  })
})

describe('a message larger than the other side takes', () => {
  it('fails here with MESSAGE_TOO_LARGE and nothing of it is sent; one of the exact length is [MSG-007]', () => {
    const script = ready({}, { maxMessage: SMALLEST })
    const { channel } = openedAndSeen(script)
    const error = thrown(() => channel.send(bytesOf(SMALLEST + 1)))
    expect(error).toBeInstanceOf(LimitError)
    expect(error.code).toBe('MESSAGE_TOO_LARGE')
    script.expectNothing('nothing of it')
    expect(channel.send(bytesOf(SMALLEST))).toBe(true)
    script.expect({ kind: 'DATA', size: SMALLEST })
  })

  it('leaves the channel as it was: the output is not ended by a sendLast that failed [MSG-007]', () => {
    const script = ready({}, { maxMessage: SMALLEST })
    const { channel } = openedAndSeen(script)
    expect(thrown(() => channel.sendLast(bytesOf(SMALLEST + 1))).code).toBe('MESSAGE_TOO_LARGE')
    expect(channel.isWritable).toBe(true)
    channel.sendLast(bytesOf(1))
    script.expect({ kind: 'DATA', flags: MSG + FIN, size: 1 })
  })

  it('makes open() throw, and nothing of that channel remains [MSG-007]', () => {
    const script = ready({}, { maxMessage: SMALLEST })
    const call = () => script.session.open('x', { message: bytesOf(SMALLEST + 1), timeoutMs: 1_000 })
    expect(thrown(call).code).toBe('MESSAGE_TOO_LARGE')
    expect(script.session.stats()).toMatchObject({
      openChannels: 0,
      openingChannels: 0,
      deadlines: 0,
      queuedOutputBytes: 0,
    })
    script.expectNothing('no OPEN')
    opened(script.session)
    script.expect({ kind: 'OPEN', chan: 1 })
  })
})

describe('a message larger than we take', () => {
  const limits = { maxMessageBytes: SMALLEST }
  const half = bytesOf(32 * KIB)

  it('is answered with RESET(MESSAGE_TOO_LARGE); the exact length is taken, and the connection lives [MSG-008]', () => {
    const script = ready({ limits })
    const exact = inbound(script, { chan: 1, flags: MSG + MORE, payload: half })
    script.send(data({ chan: 1, flags: MSG, payload: half }))
    expect(exact.sink.messages[0]?.length).toBe(SMALLEST)
    const beyond = inbound(script, { chan: 2, flags: MSG + MORE, payload: half })
    script.send(data({ chan: 2, flags: MSG, payload: concat([half, Uint8Array.of(1)]) }))
    script.expect({ kind: 'RESET', chan: -2, code: MESSAGE_TOO_LARGE, flags: 0 })
    expect(beyond.sink.messages).toEqual([])
    expect(beyond.sink.outcome).toMatchObject({ name: 'MESSAGE_TOO_LARGE', origin: 'local' })
    expect(script.session.stats()).toMatchObject({ assemblingBytes: 0, inboundPartials: 0, state: 'READY' })
  })

  it('is answered as soon as its fragments add up to more; what still comes is discarded [MSG-008] [FLO-020]', () => {
    const script = ready({ limits: { ...limits, connectionWindowBytes: 256 * KIB } })
    inbound(script, { flags: MSG + MORE, payload: half })
    script.send(data({ flags: MSG + MORE, payload: half }))
    script.send(data({ flags: MSG + MORE, payload: bytesOf(600) }))
    const [frame] = ofKind(script.takeFrames(), 'RESET')
    expect(frame).toMatchObject({ chan: -1, code: MESSAGE_TOO_LARGE })
    for (let i = 0; i < 20; i++) {
      script.send(data({ flags: MSG + MORE, payload: half }))
      script.takeFrames()
    }
    expect(script.session.stats()).toMatchObject({ assemblingBytes: 0, inboundPartials: 0, state: 'READY' })
  })

  it.each([
    ['acceptor whose application has not seen the channel', NOPROC, () => {}],
    ['acceptor whose application has taken it', 0, undefined],
  ] as const)('says NOPROC exactly as the %s [MSG-008] [MSG-009]', (_, flags, onInbound) => {
    const sink = () =>
      onInbound === undefined ? new RecordingSessionSink() : new RecordingSessionSink(onInbound)
    const script = ready({ limits, sink: sink() })
    script.send([open({ flags: MSG + MORE, payload: half }), data({ flags: MSG + MORE, payload: half })])
    script.send(data({ flags: MSG, payload: half }))
    expect(ofKind(script.takeFrames(), 'RESET')).toMatchObject([{ code: MESSAGE_TOO_LARGE, flags }])
  })

  it('in a reply is answered by the opener without NOPROC; the call has run [MSG-008]', () => {
    const script = ready({ limits })
    const { sink } = openedAndSeen(script, { message: bytesOf(1), isLast: true })
    script.send(data({ chan: -1, flags: MSG + MORE, payload: half }))
    script.send(data({ chan: -1, flags: MSG + MORE, payload: half }))
    script.send(data({ chan: -1, flags: MSG + FIN, payload: 'x' }))
    expect(ofKind(script.takeFrames(), 'RESET')).toMatchObject([
      { chan: 1, code: MESSAGE_TOO_LARGE, flags: 0 },
    ])
    expect(sink.outcome).toMatchObject({ name: 'MESSAGE_TOO_LARGE', delivery: 'processed' })
  })

  it('is answered at once when its `size` entry says so, on OPEN with NOPROC [MSG-009]', () => {
    const script = ready({ limits })
    script.send(
      open({ chan: 1, flags: MSG + MORE, entries: [sizeHint(SMALLEST + 1)], payload: bytesOf(600) }),
    )
    script.expect({ kind: 'RESET', chan: -1, code: MESSAGE_TOO_LARGE, flags: NOPROC })
    expect(script.sink.inbound).toEqual([])
    script.send(open({ chan: 2, flags: FIN + MSG + ONEWAY, entries: [sizeHint(SMALLEST + 1)], payload: 'x' }))
    script.expectNothing('a one-way is never answered')
    inbound(script, { chan: 3 })
    script.send(data({ chan: 3, flags: MSG + MORE, entries: [sizeHint(2 ** 32 - 1)], payload: bytesOf(600) }))
    script.expect({ kind: 'RESET', chan: -3, code: MESSAGE_TOO_LARGE, flags: 0 })
    expect(script.session.stats().inboundPartials).toBe(0)
  })

  it('is not assumed for any other difference between `size` and the length [MSG-010]', () => {
    const script = ready({ limits })
    const { sink } = inbound(script, { flags: MSG, entries: [sizeHint(SMALLEST)], payload: 'short' })
    script.send(data({ entries: [sizeHint(0)], payload: 'longer than said' }))
    script.send(data({ entries: [sizeHint(1)], payload: '' }))
    expect(sink.texts).toEqual(['short', 'longer than said', ''])
    script.expectNothing('no error')
  })
})

describe('metadata of one frame', () => {
  // What the other side announces, and what follows from it.
  const WIDE: RawHello = { maxMeta: 65_535, maxFrame: 1 * MIB, rxBytes: 1 * MIB, connBytes: 4 * MIB }
  const cases: [string, RawHello, number][] = [
    ['maxMeta', { ...WIDE, maxMeta: 5_000 }, 5_000],
    ['maxFrame less 64', { ...WIDE, maxFrame: 16 * KIB }, 16 * KIB - 64],
    ['half of rxBytes less 64', { ...WIDE, rxBytes: 16 * KIB }, 8 * KIB - 64],
    ['half of an odd rxBytes, rounded down', { ...WIDE, rxBytes: 16 * KIB + 1 }, 8 * KIB - 64],
    ['half of connBytes less 64', { ...WIDE, connBytes: 64 * KIB }, 32 * KIB - 64],
    ['the floors', { maxMeta: 4_096, maxFrame: 16 * KIB, rxBytes: 16 * KIB, connBytes: 64 * KIB }, 4_096],
  ]
  /** One entry of exactly so many bytes. */
  const padded = (bytes: number) => ({ k: 'x'.repeat(bytes - 4) })

  it.each(cases)('is limited by %s, to the byte [MET-013]', (_, hello, most) => {
    const script = ready({}, hello)
    const { session } = script
    const { channel } = openedAndSeen(script)
    const tooLarge = (run: () => unknown) => expect(thrown(run).code).toBe('METADATA_TOO_LARGE')
    tooLarge(() => channel.send(bytesOf(1), padded(most + 1)))
    tooLarge(() => channel.sendHeaders(padded(most + 1)))
    tooLarge(() => channel.end(padded(most + 1)))
    tooLarge(() => channel.sendLast(bytesOf(1), undefined, padded(most + 1)))
    tooLarge(() => channel.fail(2, { headers: padded(most - 4 + 1) }))
    tooLarge(() => session.open('name', { headers: padded(most - 16 + 1) }))
    script.expectNothing('nothing of all that')
    session.open('name', { headers: padded(most - 16) })
    script.expect({ kind: 'OPEN', meta: most })
    channel.send(bytesOf(1), padded(most))
    script.expect({ kind: 'DATA', meta: most, size: most + 1 })
    session.open('name').fail(2, { headers: padded(most - 4) })
    expect(script.takeFrames().map((frame) => [frame.kind, frame.meta])).toEqual([
      ['OPEN', 16],
      ['END', most],
    ])
    channel.end(padded(most))
    script.expect({ kind: 'DATA', flags: FIN + 8, meta: most })
  })

  it('is limited by the window that an OPEN gives its acceptor [MET-013]', () => {
    const script = ready({}, WIDE)
    const { channel } = inbound(script, { rxBytes: 20 * KIB })
    expect(thrown(() => channel.send(bytesOf(1), padded(10 * KIB - 64 + 1))).code).toBe('METADATA_TOO_LARGE')
    channel.send(bytesOf(1), padded(10 * KIB - 64))
    script.expect({ kind: 'DATA', meta: 10 * KIB - 64 })
  })

  it('at its limit still fits half a window, so that its sender is not stuck', () => {
    const script = ready({}, { ...WIDE, rxBytes: 16 * KIB })
    const { channel } = openedAndSeen(script)
    channel.send(bytesOf(8 * KIB - 15 - MSG_BYTES))
    script.expect('DATA')
    expect(channel.sendCredit.bytesLeft).toBe(8 * KIB)
    channel.send(bytesOf(100), padded(8 * KIB - 64))
    script.expect({ kind: 'DATA', flags: MSG + MORE, meta: 8 * KIB - 64, size: 8 * KIB - 32 })
  })

  it('goes with the first fragment of a long message, which is the shorter for it', () => {
    const script = ready({}, { ...WIDE, maxFrame: 16 * KIB })
    const { channel } = openedAndSeen(script)
    channel.send(bytesOf(40 * KIB), padded(10_000))
    const frames = ofKind(script.takeFrames(), 'DATA')
    expect(frames.map((frame) => [frame.meta, frame.size])).toEqual([
      [10_000, 16 * KIB],
      [0, 16 * KIB],
      [0, 16 * KIB],
      [0, 40 * KIB - (16 * KIB - 10_000) - 32 * KIB],
    ])
    expect(frames.slice(0, -1).every((frame) => has(frame, MORE))).toBe(true)
  })
})
