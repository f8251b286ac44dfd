import {
  concat,
  credit,
  data,
  entry,
  naiveDecode,
  open,
  ping,
  refsValue,
  type ScriptedPeer,
} from '@peerplex/testkit'
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
  ofKind,
  opened,
  openedAndSeen,
  payloadSizes,
  ready,
} from './flow-support.js'

/** A remote that lets everything through. */
const WIDE = { rxBytes: 16 * MIB, connBytes: 64 * MIB, maxMessage: 16 * MIB, idleMs: 0 }
const QUANTUM = 16 * KIB

/** The frames of one `takeOutput`, as a transport that has just become free gets them. */
function takeOnce(script: ScriptedPeer) {
  const result = naiveDecode(concat(script.session.takeOutput()), {
    maxFrame: 2 ** 24 - 1,
    maxMeta: 65_535,
    helloSeen: true,
  })
  expect(result).toMatchObject({ restBytes: 0 })
  expect(result.error).toBeUndefined()
  return result.frames
}

/** A session in the middle of a message of 4 MiB, with nothing committed that the transport has not taken. */
function busy() {
  const script = ready({ limits: { idleTimeoutMs: 0 } }, WIDE)
  const { channel } = openedAndSeen(script)
  channel.send(bytesOf(4 * MIB))
  takeOnce(script)
  takeOnce(script)
  expect(script.session.stats()).toMatchObject({ committedOutputBytes: 0, outboundPartials: 1 })
  return { script, channel }
}

describe('control frames', () => {
  it.each<[string, (script: ScriptedPeer) => void]>([
    ['PONG', (script) => script.session.receive(ping())],
    ['RESET', (script) => script.session.channels.table.get(2)?.reset()],
    ['STOP', (script) => script.session.channels.table.get(2)?.stop()],
    ['GOAWAY', (script) => script.session.drain(1_000)],
    [
      'CREDIT',
      (script) =>
        script.session.receive(concat([1, 2, 3].map(() => data({ chan: -2, payload: bytesOf(50_000) })))),
    ],
  ])('%s leaves ahead of all queued data [MSG-022]', (kind, cause) => {
    const script = ready({ limits: { idleTimeoutMs: 0 } }, WIDE)
    const channel = openedAndSeen(script).channel
    openedAndSeen(script)
    channel.send(bytesOf(4 * MIB))
    takeOnce(script)
    takeOnce(script)
    cause(script)
    const frames = takeOnce(script)
    expect(frames[0]?.kind).toBe(kind)
    expect(frames.some((frame) => frame.kind === 'DATA')).toBe(true)
  })

  it('wait behind no more than 64 KiB and one frame, which are committed already [MSG-027]', () => {
    const script = ready({}, { ...WIDE, maxFrame: 64 * KIB })
    const channel = openedAndSeen(script).channel
    channel.send(bytesOf(4 * MIB))
    for (let i = 0; i < 10; i++) {
      script.session.receive(ping())
      const { committedOutputBytes } = script.session.stats()
      expect(committedOutputBytes).toBeLessThanOrEqual(128 * KIB + 24)
      const frames = takeOnce(script)
      const at = frames.findIndex((frame) => frame.kind === 'PONG')
      expect(frames.slice(0, at).reduce((sum, frame) => sum + 12 + frame.size, 0)).toBe(committedOutputBytes)
    }
  })

  it('RESET throws away what waits of its channel and leaves before what waits of others [MSG-022]', () => {
    const { script, channel } = busy()
    const other = opened(script.session).channel
    other.send(bytesOf(1 * MIB))
    takeOnce(script)
    channel.reset()
    expect(script.session.stats().queuedOutputBytes).toBe(other.bufferedBytes)
    const frames = takeOnce(script)
    expect(frames[0]).toMatchObject({ kind: 'RESET', chan: 1 })
    expect(frames.slice(1).map((frame) => frame.chan)).toEqual(frames.slice(1).map(() => 2))
  })

  it('of which only the newest counts are replaced, not queued: one PONG, one CREDIT per channel', () => {
    const script = ready()
    inbound(script)
    for (let i = 0; i < 15; i++) {
      script.session.receive(ping({ payload: `ping${String(i).padStart(4, '0')}` }))
      script.session.receive(data({ payload: bytesOf(16_000) }))
    }
    const frames = takeOnce(script)
    expect(ofKind(frames, 'PONG')).toMatchObject([{ payload: new TextEncoder().encode('ping0014') }])
    expect(ofKind(frames, 'CREDIT')).toMatchObject([
      { chan: -1, byteLimit: 256 * KIB + 16 + 15 * 16_032, countLimit: 16_384 + 15 },
    ])
  })
})

describe('frames of one channel', () => {
  it('never overtake its OPEN; without it nothing is said of the channel [MSG-023]', () => {
    const script = ready({}, { opens: 0 })
    const reset = opened(script.session, { message: bytesOf(1) })
    const failed = opened(script.session, { message: bytesOf(1) })
    const stopped = opened(script.session)
    reset.channel.reset()
    failed.channel.fail(10)
    stopped.channel.stop()
    script.expectNothing('no OPEN has left')
    expect(reset.sink.outcome).toMatchObject({ name: 'CANCELLED', delivery: 'not-sent' })
    expect(failed.sink.outcome).toMatchObject({ name: 'ABORTED', delivery: 'not-sent' })
    script.send(credit({ byteLimit: 4 * MIB, countLimit: 3 }))
    script.expect({ kind: 'OPEN', chan: 1, flags: 0 })
    script.expect({ kind: 'STOP', chan: 1 })
    script.expectNothing('the others are gone')
  })

  it('END follows what was committed before it and drops what was not [MSG-024]', () => {
    const script = ready({}, WIDE)
    const { channel } = openedAndSeen(script)
    channel.send(bytesOf(10))
    channel.send(bytesOf(4 * MIB))
    channel.fail(10, { message: 'enough' })
    const frames = takeOnce(script)
    expect(frames.map((frame) => [frame.kind, has(frame, MORE)])).toEqual([
      ['DATA', false],
      ['DATA', true],
      ['END', false],
    ])
    script.expectNothing('dropped')
  })

  it('keep the order in which they were asked for, across a queue', () => {
    const script = ready({}, { ...WIDE, rxMsgs: 1 })
    const { channel } = openedAndSeen(script)
    channel.send(bytesOf(1))
    channel.send(bytesOf(2))
    channel.sendHeaders({ a: 'b' })
    channel.send(bytesOf(3))
    channel.end()
    script.expect({ kind: 'DATA', size: 1 })
    script.expectNothing('message credit')
    script.send(credit({ chan: -1, byteLimit: 16 * MIB, countLimit: 10 }))
    expect(script.takeFrames().map((frame) => frame.size)).toEqual([2, 5, 3, 0])
  })

  it('REF does not overtake a call of its reference that waits [MSG-025]', () => {
    const script = ready({}, { opens: 1 })
    const { channel } = openedAndSeen(script)
    script.send(data({ chan: -1, entries: [entry(0x8c, refsValue([{ refId: 7, flags: 1 }]))], payload: 'f' }))
    const call = opened(script.session, { headers: { ref: 7 }, isLast: true }, '~ref').channel
    script.session.releaseRef(7)
    script.expectNothing('the call waits for open credit')
    script.send(credit({ byteLimit: 64 * MIB, countLimit: 2 }))
    script.expect({ kind: 'OPEN', chan: 2, entries: { ref: 7 } })
    script.expect({ kind: 'REF', releases: [{ refId: 7, count: 1 }] })
    script.expectNothing('that is all')
    expect([channel.state, call.state]).toEqual(['OPEN', 'HALF_LOCAL'])
  })
})

describe('turns', () => {
  it('go round: while others are ready, a channel has at most 16 KiB before the next [MSG-026]', () => {
    const script = ready({}, { ...WIDE, maxFrame: 1 * MIB })
    const channels = Array.from({ length: 3 }, () => openedAndSeen(script).channel)
    for (const channel of channels) channel.send(bytesOf(400 * KIB))
    const frames = script.takeFrames()
    const left = new Map(channels.map((channel) => [channel.id, 400 * KIB]))
    // The first found nobody waiting and had its turn as it liked.
    left.set(1, 400 * KIB - (payloadSizes(frames)[0] as number))
    let last = 0
    for (const frame of ofKind(frames, 'DATA').slice(1)) {
      const waiting = [...left].filter(([id, bytes]) => id !== frame.chan && bytes > 0)
      if (waiting.length > 0) {
        expect(frame.payload.length).toBeLessThanOrEqual(QUANTUM)
        expect(frame.chan).not.toBe(last)
      }
      last = frame.chan
      left.set(frame.chan, (left.get(frame.chan) as number) - frame.payload.length)
    }
    expect([...left.values()]).toEqual([0, 0, 0])
  })

  it('give all the same share', () => {
    const script = ready({ limits: { quantumBytes: 4 * KIB } }, WIDE)
    const channels = Array.from({ length: 10 }, () => openedAndSeen(script).channel)
    for (const channel of channels) channel.send(bytesOf(1 * MIB))
    for (let i = 0; i < 10; i++) takeOnce(script)
    const sent = channels.slice(1).map((channel) => channel.sendCredit.bytesSent)
    expect(Math.max(...sent) - Math.min(...sent)).toBeLessThanOrEqual(4 * KIB + 32)
    expect(Math.min(...sent)).toBeGreaterThan(30 * KIB)
  })

  it('let a small message pass a large one after one quantum [MSG-026]', () => {
    const { script, channel } = busy()
    const small = opened(script.session).channel
    takeOnce(script)
    small.send(bytesOf(100))
    const frames = takeOnce(script)
    const at = frames.findIndex((frame) => frame.chan === small.id)
    expect(at).toBeGreaterThanOrEqual(0)
    expect(frames.slice(0, at).reduce((sum, frame) => sum + frame.size, 0)).toBeLessThanOrEqual(QUANTUM)
    expect(channel.bufferedBytes).toBeGreaterThan(0)
  })

  it('let a message of up to four quanta go whole, and cut a longer one [MSG-026]', () => {
    const { script, channel } = busy()
    const [short, long] = [opened(script.session).channel, opened(script.session).channel]
    takeOnce(script)
    short.send(bytesOf(4 * QUANTUM - 100))
    long.send(bytesOf(4 * QUANTUM + 1))
    const frames: ReturnType<typeof takeOnce> = []
    while (long.bufferedBytes > 0) frames.push(...takeOnce(script))
    const sizesOn = (chan: number) => payloadSizes(frames.filter((frame) => frame.chan === chan))
    expect(sizesOn(short.id)).toEqual([4 * QUANTUM - 100])
    expect(sizesOn(long.id)).toEqual([QUANTUM, QUANTUM, QUANTUM, QUANTUM, 1])
    expect(channel.bufferedBytes).toBeGreaterThan(0)
  })

  it('let a small call start at most one quantum behind what is committed of a message of 4 MiB [MSG-026]', () => {
    const { script, channel } = busy()
    opened(script.session, { message: bytesOf(100), isLast: true })
    const frames = takeOnce(script)
    const at = frames.findIndex((frame) => frame.kind === 'OPEN')
    expect(at).toBeGreaterThanOrEqual(0)
    expect(frames.slice(0, at).reduce((sum, frame) => sum + 12 + frame.size, 0)).toBeLessThanOrEqual(
      QUANTUM + 12,
    )
    expect(channel.bufferedBytes).toBeGreaterThan(0)
  })

  it('alternate between calls that start and messages that go on, a quantum at a time [MSG-026]', () => {
    const { script, channel } = busy()
    for (let i = 0; i < 10; i++) opened(script.session, { message: bytesOf(100), isLast: true })
    const frames = []
    while (ofKind(frames, 'OPEN').length < 10) frames.push(...takeOnce(script))
    const last = frames.map((frame) => frame.kind).lastIndexOf('OPEN')
    for (const frame of ofKind(frames.slice(0, last), 'DATA'))
      expect(frame.payload.length).toBeLessThanOrEqual(QUANTUM)
    expect(ofKind(frames.slice(0, last), 'DATA').length).toBeGreaterThanOrEqual(9)
    expect(channel.bufferedBytes).toBeGreaterThan(0)
  })

  it('do not starve a large message however many small ones come', () => {
    const { script, channel } = busy()
    const before = channel.bufferedBytes
    const small = Array.from({ length: 20 }, () => opened(script.session).channel)
    takeOnce(script)
    for (let i = 0; i < 50; i++) {
      for (const one of small) one.send(bytesOf(1_000))
      takeOnce(script)
    }
    expect(before - channel.bufferedBytes).toBeGreaterThan(50 * QUANTUM)
  })

  it('are not needed by one that is alone: it uses frames as large as the other side takes', () => {
    const script = ready({}, { ...WIDE, maxFrame: 128 * KIB })
    const { channel } = openedAndSeen(script)
    channel.send(bytesOf(1 * MIB))
    expect(new Set(payloadSizes(script.takeFrames()))).toEqual(new Set([128 * KIB]))
  })
})

describe('how far ahead of the transport a session commits', () => {
  it.each([16 * KIB, 64 * KIB, 16 * MIB - 1])(
    'is 64 KiB and a frame of at most %i, and so is each batch [MSG-027]',
    (maxFrame) => {
      const script = ready({}, { ...WIDE, maxFrame })
      const most = 64 * KIB + 12 + Math.min(maxFrame, 256 * KIB) + 12
      const channels = Array.from({ length: 5 }, () => openedAndSeen(script).channel)
      for (const channel of channels) for (let i = 0; i < 30; i++) channel.send(bytesOf(30 * KIB))
      const parts: Uint8Array[] = []
      while (script.session.hasOutput) {
        expect(script.session.stats().committedOutputBytes).toBeLessThanOrEqual(most)
        const batch = concat(script.session.takeOutput())
        expect(batch.length).toBeLessThanOrEqual(most)
        parts.push(batch)
      }
      const { frames } = naiveDecode(concat(parts), { maxFrame, maxMeta: 65_535, helloSeen: true })
      expect(payloadSizes(frames).reduce((a, b) => a + b)).toBe(5 * 30 * 30 * KIB)
      expect(script.session.stats()).toMatchObject({ queuedOutputBytes: 0, committedOutputBytes: 0 })
    },
  )

  it('is one whole transport message each on a message connection', () => {
    const script = ready({ kind: 'message' }, WIDE)
    const { channel } = openedAndSeen(script)
    const message = bytesOf(1 * MIB)
    channel.sendLast(message)
    const payloads: Uint8Array[] = []
    while (script.session.hasOutput)
      for (const frame of ofKind(takeOnce(script), 'DATA')) payloads.push(frame.payload)
    expect(isSame(concat(payloads), message)).toBe(true)
  })

  it('grows by what must not wait, for each call of the other side by one frame', () => {
    const script = ready({}, WIDE)
    for (let chan = 1; chan <= 200; chan++)
      script.session.receive(open({ chan, flags: FIN + MSG, payload: 'x' }))
    for (const { channel } of script.sink.inbound) channel.fail(2)
    expect(script.session.stats().committedOutputBytes).toBe(200 * 16)
  })
})
