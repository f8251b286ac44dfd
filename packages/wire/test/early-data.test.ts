import {
  concat,
  credit,
  data,
  hello,
  open,
  preface,
  type RawHello,
  ScriptedPeer,
  type ScriptedPeerOptions,
} from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import {
  bytesOf,
  chargeOf,
  chargesOf,
  FIN,
  has,
  isSame,
  KIB,
  MORE,
  MSG,
  MSG_BYTES,
  NOPROC,
  ofKind,
  onChannel,
  opened,
  readyPair,
} from './flow-support.js'

/** A session that has sent its HELLO and not yet seen another. */
function early(options: ScriptedPeerOptions = {}): ScriptedPeer {
  const script = new ScriptedPeer(options)
  script.expect('HELLO')
  return script
}

function greet(script: ScriptedPeer, fields: RawHello = {}): void {
  script.sendRaw(preface())
  script.sendHello(fields)
}

describe('before the other HELLO a session', () => {
  it('opens at most 16 channels; the next ones wait for HELLO [PRE-018]', () => {
    const script = early()
    for (let i = 0; i < 20; i++) script.session.open(`n${i}`)
    expect(script.takeFrames().map((frame) => frame.kind)).toEqual(Array(16).fill('OPEN'))
    expect(script.session.stats().openingChannels).toBe(4)
    greet(script)
    expect(script.takeFrames().map((frame) => frame.chan)).toEqual([17, 18, 19, 20])
  })

  it('sends one message on a channel, and 16 KiB [PRE-018]', () => {
    const script = early()
    const one = opened(script.session, { message: bytesOf(100) }).channel
    one.send(bytesOf(100))
    one.sendHeaders({ a: 'b' })
    const other = opened(script.session).channel
    other.send(bytesOf(16 * KIB - 15 - MSG_BYTES))
    other.end()
    const third = opened(script.session).channel
    third.send(bytesOf(16 * KIB - 15 - MSG_BYTES + 1))
    const frames = script.takeFrames()
    expect(chargesOf(onChannel(frames, 1))).toBe(15 + 100 + MSG_BYTES)
    expect(onChannel(frames, 2).map((frame) => frame.flags)).toEqual([0, MSG, FIN])
    expect(chargesOf(onChannel(frames, 2))).toBe(16 * KIB)
    expect(chargesOf(onChannel(frames, 3))).toBe(16 * KIB)
    expect(onChannel(frames, 3).at(-1)?.flags).toBe(MSG + MORE)
    greet(script)
    const after = script.takeFrames()
    expect(onChannel(after, 1).map((frame) => [frame.flags, frame.meta > 0])).toEqual([
      [MSG, false],
      [0, true],
    ])
    expect(onChannel(after, 3)).toMatchObject([{ flags: MSG, size: 1 }])
  })

  it('sends 64 KiB in all [PRE-018]', () => {
    const script = early()
    for (let i = 0; i < 10; i++) script.session.open('up', { message: bytesOf(10_000) })
    const frames = script.takeFrames()
    expect(chargesOf(frames)).toBeLessThanOrEqual(64 * KIB)
    expect(chargesOf(frames)).toBeGreaterThan(50 * KIB)
    greet(script)
    frames.push(...script.takeFrames())
    expect(ofKind(frames, 'OPEN')).toHaveLength(10)
  })

  it('sends frames of at most 16 KiB and metadata of at most 4 KiB [PRE-019]', () => {
    const script = early()
    const padded = (bytes: number) => ({ k: 'x'.repeat(bytes - 4) })
    script.session.open('fits', { headers: padded(4_096 - 16), message: bytesOf(12 * KIB), isLast: true })
    const waiting = script.session.open('too much', { headers: padded(4_096 - 20 + 1) })
    const frames = script.takeFrames()
    expect(frames[0]).toMatchObject({ kind: 'OPEN', meta: 4_096 })
    for (const frame of frames) expect(frame.size).toBeLessThanOrEqual(16 * KIB)
    expect(waiting.state).toBe('IDLE')
    greet(script)
    expect(ofKind(script.takeFrames(), 'OPEN')).toMatchObject([{ meta: 4_097 }])
  })

  it('has at most one incomplete message under way [PRE-019]', () => {
    const script = early()
    const first = opened(script.session).channel
    const second = opened(script.session).channel
    first.send(bytesOf(20 * KIB))
    second.send(bytesOf(20 * KIB))
    const frames = script.takeFrames()
    expect(frames.filter((frame) => has(frame, MORE)).map((frame) => frame.chan)).toEqual([1])
    expect(script.session.stats().outboundPartials).toBe(1)
    greet(script, { partials: 1 })
    const after = script.takeFrames()
    expect(after.at(-1)).toMatchObject({ chan: 2, flags: MSG })
  })

  it('lets a message above 64 KiB wait, on an open channel and in OPEN [PRE-018]', () => {
    const script = early()
    const { channel } = opened(script.session)
    channel.send(bytesOf(64 * KIB + 1))
    const { channel: calling } = opened(script.session, { message: bytesOf(100 * KIB), isLast: true })
    script.expect({ kind: 'OPEN', chan: 1 })
    script.expectNothing('both wait')
    greet(script)
    const payload = (chan: number) =>
      concat(
        onChannel(frames, chan).map((frame) =>
          'payload' in frame ? (frame.payload as Uint8Array) : new Uint8Array(0),
        ),
      )
    const frames = script.takeFrames()
    expect(isSame(payload(1), bytesOf(64 * KIB + 1))).toBe(true)
    expect(isSame(payload(2), bytesOf(100 * KIB))).toBe(true)
    expect(calling.state).toBe('HALF_LOCAL')
  })

  it('counts what it sent early on the windows that HELLO announces [FLO-002]', () => {
    const script = early()
    const { channel } = opened(script.session, { message: bytesOf(16 * KIB - 15 - MSG_BYTES) })
    expect(chargesOf(script.takeFrames())).toBe(16 * KIB)
    channel.send(bytesOf(100))
    greet(script, { rxBytes: 16 * KIB + 50, rxMsgs: 1 })
    script.expectNothing('neither bytes nor messages are left')
    script.send(credit({ chan: -1, byteLimit: 64 * KIB, countLimit: 2 }))
    script.expect({ kind: 'DATA', size: 100 })
  })

  it('counts its early OPENs on the open limit of HELLO, also when that is lower [OCR-001]', () => {
    const script = early()
    for (let i = 0; i < 10; i++) script.session.open(`n${i}`)
    expect(script.takeFrames()).toHaveLength(10)
    greet(script, { opens: 4 })
    script.session.open('waits')
    script.expectNothing('six were too many already')
    expect(script.session.openCredit).toBe(-7)
    script.send(credit({ byteLimit: 4096 * KIB, countLimit: 11 }))
    script.expect({ kind: 'OPEN', chan: 11 })
  })

  it('may cancel, end and fail what it opened', () => {
    const script = early()
    const [first, second, third] = Array.from({ length: 3 }, () => opened(script.session).channel)
    first?.reset()
    second?.fail(10)
    third?.end()
    expect(script.takeFrames().map((frame) => [frame.kind, frame.chan])).toEqual([
      ['OPEN', 1],
      ['OPEN', 2],
      ['OPEN', 3],
      ['RESET', 1],
      ['END', 2],
      ['DATA', 3],
    ])
  })
})

describe('what turns out to be too large when HELLO comes', () => {
  it('is a message: the call fails here, and nothing of it is sent [MSG-007]', () => {
    const script = early()
    const { sink } = opened(script.session, { message: bytesOf(100 * KIB), isLast: true })
    script.session.open('next')
    script.expectNothing('it waits, and the one behind it')
    greet(script, { maxMessage: 64 * KIB })
    script.expect({ kind: 'OPEN', chan: 1, name: 'next' })
    expect(sink.outcome).toMatchObject({ name: 'MESSAGE_TOO_LARGE', delivery: 'not-sent', origin: 'local' })
    expect(script.session.stats()).toMatchObject({ queuedOutputBytes: 0, openingChannels: 0 })
  })

  it('is metadata: the same with METADATA_TOO_LARGE [MET-013]', () => {
    const script = early()
    const { sink } = opened(script.session, { headers: { k: 'x'.repeat(6_000) } })
    greet(script, { maxMeta: 5_000 })
    script.expectNothing('no OPEN')
    expect(sink.outcome).toMatchObject({ name: 'METADATA_TOO_LARGE', delivery: 'not-sent', origin: 'local' })
  })

  it('is a message on a channel that is open: it is reset [MSG-007]', () => {
    const script = early()
    const { channel, sink } = opened(script.session)
    channel.send(bytesOf(10))
    channel.send(bytesOf(100 * KIB))
    expect(script.takeFrames()).toHaveLength(2)
    greet(script, { maxMessage: 64 * KIB })
    script.expect({ kind: 'RESET', chan: 1, code: 34 })
    expect(sink.outcome).toMatchObject({ name: 'MESSAGE_TOO_LARGE', origin: 'local' })
  })

  it('is judged by HELLO: what is larger than the floors and within the limits goes', () => {
    const script = early()
    const { sink } = opened(script.session, { message: bytesOf(1_000 * KIB), isLast: true })
    greet(script)
    expect(ofKind(script.takeFrames(), 'OPEN')).toHaveLength(1)
    expect(sink.outcome).toBeNull()
  })
})

describe('a receiver', () => {
  it('treats what comes right behind the other HELLO like anything else, in one chunk [PRE-020]', () => {
    const script = early()
    const frames = [open({ chan: 1, flags: MSG, payload: bytesOf(10_000) }), data({ chan: 1, flags: FIN })]
    script.sendRaw(concat([preface(), hello(), ...frames]))
    const { sink } = script.sink.inboundAt(0)
    expect(sink.types).toEqual(['message', 'end'])
  })

  it('takes all that the floors allow, whatever it has announced [PRE-020]', () => {
    const limits = {
      maxFrameBytes: 16 * KIB,
      maxMessageBytes: 64 * KIB,
      channelWindowBytes: 16 * KIB,
      channelWindowMessages: 1,
      connectionWindowBytes: 64 * KIB,
      maxOpenChannels: 16,
      maxHeaderBytes: 4 * KIB,
      maxPartialMessages: 1,
    }
    const pair = readyPair({ isStarted: false, isCapturing: true, b: { limits } })
    pair.start()
    const calls = Array.from({ length: 20 }, (_, i) =>
      opened(pair.sessionA, { message: bytesOf(15 * KIB, i), headers: { k: 'x'.repeat(500) }, isLast: true }),
    )
    pair.pump()
    expect(pair.sinkB.isClosed).toBe(false)
    for (const { channel, sink } of pair.sinkB.inbound) {
      expect(sink.messages).toHaveLength(1)
      channel.end()
      channel.settle()
    }
    pair.pump()
    for (const { channel } of pair.sinkB.inbound) {
      if (!channel.isClosed) channel.end()
      channel.settle()
    }
    pair.pump()
    expect(calls.filter(({ channel }) => channel.isClosed).length).toBe(20)
  })

  it('that announces fewer opens than the floor refuses early ones beyond with NOPROC, so that they can be repeated [OCR-003]', () => {
    const pair = readyPair({ isStarted: false, b: { limits: { maxOpenChannels: 3 } } })
    pair.start()
    const calls = Array.from({ length: 5 }, () => opened(pair.sessionA, { message: bytesOf(1) }))
    pair.pump()
    expect(pair.sinkB.inbound).toHaveLength(3)
    expect(calls.slice(3).map(({ sink }) => [sink.outcome?.name, sink.outcome?.delivery])).toEqual([
      ['REFUSED', 'not-processed'],
      ['REFUSED', 'not-processed'],
    ])
    expect(ofKind(pair.sentFrames('bToA'), 'RESET').map((frame) => frame.flags)).toEqual([NOPROC, NOPROC])
    expect(pair.sessionB.stats().economyBalance).toBe(2_000 - 2 * 2)
  })
})

describe('two sessions that both begin before they have heard anything', () => {
  it('lose nothing, whatever they start with', () => {
    const pair = readyPair({ isStarted: false, isCapturing: true })
    pair.start()
    const sizes = [0, 1, 5_000, 16 * KIB, 40 * KIB, 64 * KIB, 65 * KIB, 300 * KIB]
    const fromA = sizes.map((size) => opened(pair.sessionA, { message: bytesOf(size), isLast: true }))
    const fromB = sizes.map((size) => opened(pair.sessionB, { message: bytesOf(size), isLast: true }))
    const firstFlight = () => {
      for (const direction of ['aToB', 'bToA'] as const) pair.takeOutput(direction)
    }
    firstFlight()
    for (const direction of ['aToB', 'bToA'] as const) {
      const frames = pair.sentFrames(direction)
      expect(frames.reduce((sum, frame) => sum + chargeOf(frame), 0)).toBeLessThanOrEqual(64 * KIB)
    }
    pair.pump()
    expect([...fromA, ...fromB].every(({ channel }) => channel.state === 'HALF_LOCAL')).toBe(true)
    for (const inbound of [pair.sinkA.inbound, pair.sinkB.inbound]) {
      expect(inbound.map(({ sink }) => sink.messages[0]?.length)).toEqual(sizes)
    }
  })
})
