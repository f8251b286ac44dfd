// Ten thousand channels of every kind, on both sides of one connection; then nothing may be left of them.
import {
  MemoryPair,
  Random,
  RecordingChannelSink,
  RecordingSessionSink,
  refsValue,
  seededChunks,
} from '@peerplex/testkit'
import type { Channel, OpenOptions, Session } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { CODE } from './lifecycle-support.js'

const BYTES = (count: number): Uint8Array => new Uint8Array(count).fill(7)

/** One kind of channel: how it is opened, what its handler does, and what its opener does later. */
interface Kind {
  readonly options?: OpenOptions
  /** In onChannel; nothing: accept. */
  readonly arrive?: (channel: Channel, sink: RecordingChannelSink) => void
  /** When the OPEN has arrived. */
  readonly handle?: (channel: Channel, sink: RecordingChannelSink) => void
  /** When the handler has had its turn. */
  readonly after?: (channel: Channel, sink: RecordingChannelSink) => void
  /** The code it ends with for its opener; undefined: whatever crosses first. */
  readonly code?: number
}

const CALL = { message: BYTES(3), isLast: true } as const
const answer = (channel: Channel): void => {
  if (channel.isWritable) channel.sendLast(BYTES(5))
}

const KINDS: Readonly<Record<string, Kind>> = {
  'a call': { options: CALL, handle: answer, code: 0 },
  'a call with a large argument and answer': {
    options: { message: BYTES(40_000), isLast: true },
    handle: (channel) => channel.sendLast(BYTES(30_000)),
    code: 0,
  },
  'a call without a value': {
    options: { isLast: true },
    handle: (channel) => channel.end({ 'x-n': '0' }),
    code: 0,
  },
  'a server stream': {
    options: CALL,
    handle: (channel) => {
      for (let count = 0; count < 5; count++) channel.send(BYTES(count))
      channel.end()
    },
    code: 0,
  },
  'a client stream': {
    options: {},
    after: (channel) => {
      for (let count = 0; count < 5; count++) channel.send(BYTES(count))
      channel.end()
    },
    arrive: (channel, sink) => {
      sink.onEvent = (event) => {
        if (event.type === 'end') answer(channel)
      }
      channel.accept(sink)
    },
    code: 0,
  },
  'a stream left early': {
    options: CALL,
    handle: (channel) => {
      for (let count = 0; count < 5; count++) channel.send(BYTES(count))
    },
    after: (channel) => channel.stop(),
    code: 0,
  },
  'an upload cut by its reader': {
    options: { message: BYTES(90_000) },
    handle: (channel) => channel.sendLast(BYTES(1)),
    code: 0,
  },
  'cancelled before its OPEN arrived': { options: CALL, code: CODE.CANCELLED },
  'cancelled while it runs': { options: CALL, after: (channel) => channel.reset(), code: CODE.CANCELLED },
  'cancelled after early headers': {
    options: CALL,
    handle: (channel) => channel.sendHeaders({ 'x-a': '1' }),
    after: (channel) => channel.reset(),
    code: CODE.CANCELLED,
  },
  'reset by the acceptor': {
    options: CALL,
    handle: (channel) => channel.reset(CODE.ABORTED),
    code: CODE.ABORTED,
  },
  'failed by its handler': {
    options: CALL,
    handle: (channel) => {
      channel.send(BYTES(10))
      channel.fail(CODE.NOT_FOUND, { message: 'no', details: BYTES(9) })
    },
    code: CODE.NOT_FOUND,
  },
  'failed by its opener': {
    options: { message: BYTES(3) },
    after: (channel) => channel.fail(CODE.ABORTED),
    code: CODE.ABORTED,
  },
  refused: { options: CALL, arrive: (channel) => channel.refuse(), code: CODE.UNIMPLEMENTED },
  'refused later': {
    options: { message: BYTES(700) },
    arrive: () => {},
    handle: (channel) => channel.refuse(CODE.NOT_FOUND, 'later'),
    code: CODE.NOT_FOUND,
  },
  'cancelled before anybody took it': {
    options: { message: BYTES(700) },
    arrive: () => {},
    after: (channel) => channel.reset(),
    code: CODE.CANCELLED,
  },
  'refused for its encoding': {
    options: { ...CALL, headers: { encoding: 'gzip' } },
    code: CODE.UNIMPLEMENTED,
  },
  'a one-way': { options: { isOneway: true, message: BYTES(8) }, code: 0 },
  'a one-way that nobody knows': {
    options: { isOneway: true },
    arrive: (channel) => channel.refuse(),
    code: 0,
  },
  'out of time': { options: { ...CALL, timeoutMs: 40 }, code: CODE.DEADLINE_EXCEEDED },
  'a stream out of time': {
    options: { timeoutMs: 45 },
    handle: (channel) => channel.send(BYTES(100)),
    code: CODE.DEADLINE_EXCEEDED,
  },
  'answered in time': { options: { ...CALL, timeoutMs: 5000 }, handle: answer, code: 0 },
  'a handler that throws': {
    options: CALL,
    arrive: (channel, sink) => {
      sink.onEvent = (event) => {
        if (event.type === 'message') throw new Error('thrown by a handler')
      }
      channel.accept(sink)
    },
    code: CODE.UNKNOWN,
  },
  'left unread by its opener': {
    options: CALL,
    handle: (channel) => channel.sendLast(BYTES(100)),
    after: (channel) => channel.reset(),
  },
  'left unread by its handler': {
    options: { message: BYTES(100) },
    arrive: (channel, sink) => {
      channel.pause()
      channel.accept(sink)
    },
    handle: (channel) => channel.stop(),
    after: (channel) => channel.end(),
    code: 0,
  },
  'a message too large for its reader': {
    options: { message: BYTES(10), headers: { size: 70_000_000 } },
    code: CODE.MESSAGE_TOO_LARGE,
  },
  'carrying references': {
    options: { ...CALL, headers: { refs: refsValue([{ refId: 1 }, { refId: 2, kind: 1 }]) } },
    handle: answer,
    code: 0,
  },
}

const NAMES = Object.keys(KINDS)

interface Running {
  readonly kind: Kind
  readonly name: string
  readonly channel: Channel
  readonly sink: RecordingChannelSink
}

/** A session sink whose handlers are chosen by the name of the channel, `<number>/<kind>`. */
function handlers(): RecordingSessionSink {
  return new RecordingSessionSink((channel, sink) => {
    const kind = KINDS[channel.name.split('/')[1] as string] as Kind
    if (kind.arrive !== undefined) kind.arrive(channel, sink)
    else channel.accept(sink)
  })
}

/** Opens one batch of channels and sees them through. */
function runBatch(pair: MemoryPair, session: Session, names: readonly string[], serial: number): Running[] {
  const running = names.map((name, index) => {
    const kind = KINDS[name] as Kind
    const sink = new RecordingChannelSink()
    const message = kind.options?.message?.slice()
    const channel = session.open(`${serial + index}/${name}`, {
      ...kind.options,
      ...(message === undefined ? {} : { message }),
      sink,
    })
    if (name === 'left unread by its opener') channel.pause()
    if (name === 'cancelled before its OPEN arrived') channel.reset()
    return { kind, name, channel, sink }
  })
  const there = session === pair.sessionA ? pair.sinkB : pair.sinkA
  const before = there.inbound.length
  pair.pump()
  for (const { channel, sink } of there.inbound.slice(before)) {
    const kind = KINDS[channel.name.split('/')[1] as string] as Kind
    if (!channel.isClosed || kind.arrive !== undefined) kind.handle?.(channel, sink)
  }
  pair.pump()
  for (const { kind, channel, sink } of running) kind.after?.(channel, sink)
  pair.pump()
  pair.advance(50)
  for (const { channel } of there.inbound.slice(before)) {
    if (channel.isWritable) channel.end()
    channel.settle()
    // One that nobody has taken is given up.
    if (channel.name.endsWith('before anybody took it')) channel.refuse()
  }
  pair.pump()
  return running
}

const EMPTY = {
  state: 'READY',
  openChannels: 0,
  openingChannels: 0,
  heldChannels: 0,
  openSlotsTaken: 0,
  queuedOutputBytes: 0,
  committedOutputBytes: 0,
  unreadBytes: 0,
  assemblingBytes: 0,
  inboundPartials: 0,
  outboundPartials: 0,
  deadlines: 0,
  exportedRefs: 0,
  importedRefs: 0,
} as const

describe('10,000 mixed channels', () => {
  it('leave tables, queues and timers empty, and cost honest peers no patience', () => {
    const rng = new Random(20_260_101)
    const limits = { maxMessageBytes: 1 << 20, maxFrameBytes: 16_384, channelWindowBytes: 32_768 }
    const pair = new MemoryPair({
      isCapturing: false,
      chunker: seededChunks(7, 30_000),
      a: { sink: handlers(), limits },
      b: { sink: handlers(), limits },
    })
    pair.pump()
    const seen = new Map<string, number>()
    let total = 0
    let leastBalance = Number.POSITIVE_INFINITY
    while (total < 10_000) {
      const names = rng.shuffle([...NAMES, ...Array.from({ length: 40 }, () => rng.pick(NAMES))])
      for (const session of [pair.sessionA, pair.sessionB]) {
        const running = runBatch(pair, session, names, total)
        total += running.length
        for (const { kind, name, sink } of running) {
          seen.set(name, (seen.get(name) ?? 0) + 1)
          expect(
            sink.types.filter((type) => type === 'close'),
            name,
          ).toHaveLength(1)
          if (kind.code !== undefined) expect(sink.outcome?.code, name).toBe(kind.code)
        }
      }
      for (const session of [pair.sessionA, pair.sessionB]) {
        leastBalance = Math.min(leastBalance, session.stats().economyBalance)
      }
      // What happened is not needed any more; the test itself is not to run out of memory.
      pair.sinkA.inbound.length = 0
      pair.sinkB.inbound.length = 0
    }
    expect(seen.size).toBe(NAMES.length)
    expect(total).toBeGreaterThanOrEqual(10_000)
    pair.advance(1000)
    for (const session of [pair.sessionA, pair.sessionB]) {
      expect(session.stats()).toMatchObject(EMPTY)
      expect(session.channels.nextTimerMs(), 'no timer of any channel').toBe(Number.POSITIVE_INFINITY)
      expect(session.hasOutput).toBe(false)
      expect(session.stats().channelsOpened + session.stats().channelsAccepted).toBeGreaterThan(9000)
    }
    expect(pair.clock.pendingTimerCount, 'one timer a session, for keepalive').toBeLessThanOrEqual(2)
    expect(leastBalance, 'honest peers keep nearly all of their patience').toBeGreaterThan(1500)
    // Both are as good as new: every slot of the open limit can be used.
    for (let count = 0; count < 1024; count++) pair.sessionA.open('1/a call', { ...CALL, message: BYTES(1) })
    pair.pump()
    expect(pair.sinkB.inbound).toHaveLength(1024)
    expect(pair.sessionA.stats().openingChannels).toBe(0)
  }, 60_000)

  it('lost in mid-flow they leave nothing either', () => {
    const rng = new Random(77)
    const pair = new MemoryPair({ isCapturing: false, a: { sink: handlers() }, b: { sink: handlers() } })
    pair.pump()
    const sinks: RecordingChannelSink[] = []
    for (let count = 0; count < 1000; count++) {
      const session = rng.pick([pair.sessionA, pair.sessionB])
      const name = rng.pick(NAMES)
      const sink = new RecordingChannelSink()
      const options = (KINDS[name] as Kind).options
      session.open(`${count}/${name}`, { ...options, sink })
      sinks.push(sink)
      if (count % 50 === 0) pair.pump()
    }
    for (const { channel, sink } of pair.sinkB.inbound) {
      const kind = KINDS[channel.name.split('/')[1] as string] as Kind
      if (!channel.isClosed) kind.handle?.(channel, sink)
    }
    pair.cutAll()
    // What was complete may still be read.
    for (const sink of [pair.sinkA, pair.sinkB]) for (const { channel } of sink.inbound) channel.resume()
    for (const sink of sinks) expect(sink.types.filter((type) => type === 'close')).toHaveLength(1)
    for (const session of [pair.sessionA, pair.sessionB]) {
      const { openSlotsTaken: _, ...levels } = EMPTY
      expect(session.stats()).toMatchObject({ ...levels, state: 'CLOSED' })
    }
  })
})
