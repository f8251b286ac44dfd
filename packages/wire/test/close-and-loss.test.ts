import {
  concat,
  credit,
  data,
  goaway,
  hello,
  MemoryPair,
  naiveDecode,
  open,
  preface,
  RecordingChannelSink,
  RecordingSessionSink,
  ScriptedPeer,
  toText,
} from '@peerplex/testkit'
import { PeerplexError, ProtocolError, Session } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import {
  CODE,
  FIN,
  FINAL,
  inbound,
  MORE,
  MSG,
  NOPROC,
  ONEWAY,
  opened,
  openedAndSent,
  type Recorded,
  ready,
  thrown,
  undecided,
} from './lifecycle-support.js'

/** Every way in which a session can end, and what its own program then hears. */
const WAYS = {
  'close()': { end: (script: ScriptedPeer) => script.session.close(), error: null },
  'fail()': {
    end: (script: ScriptedPeer) => script.session.fail(new ProtocolError('DUPLICATE', 'one is enough')),
    error: 'DUPLICATE',
  },
  'the end of the input': { end: (script: ScriptedPeer) => script.endInput(), error: 'UNAVAILABLE' },
  'a violation by the other side': {
    end: (script: ScriptedPeer) => script.send(data({ chan: 0 })),
    error: 'PROTOCOL_ERROR',
  },
  'a GOAWAY with an error': {
    end: (script: ScriptedPeer) => script.send(goaway({ flags: FINAL, code: 74, lastId: 1 })),
    error: 'INTERNAL_ERROR',
  },
  'silence of the other side': {
    end: (script: ScriptedPeer) => script.advance(45_000),
    error: 'IDLE_TIMEOUT',
  },
} as const
const WAY_NAMES = Object.keys(WAYS) as (keyof typeof WAYS)[]

/** Channels in every condition that an end can find them in. */
function busyScene(): { script: ScriptedPeer; channels: Recorded[] } {
  const script = ready(
    { limits: { idleTimeoutMs: 45_000, partialTimeoutMs: 0 } },
    { opens: 6, rxMsgs: 1, idleMs: 0 },
  )
  const channels: Recorded[] = []
  const add = (recorded: Recorded): Recorded => {
    channels.push(recorded)
    return recorded
  }
  add(openedAndSent(script, { timeoutMs: 100_000 }))
  add(openedAndSent(script, { isLast: true }))
  add(inbound(script, { chan: 1, flags: MSG + FIN, payload: 'x' }))
  add(inbound(script, { chan: 2, flags: MSG + MORE, payload: 'y'.repeat(600) }))
  add(inbound(script, { chan: 3, flags: FIN + ONEWAY }))
  const paused = add(openedAndSent(script))
  paused.channel.pause()
  script.send(data({ chan: -paused.channel.id, payload: 'unread' }))
  const waiting = add(openedAndSent(script))
  waiting.channel.send(Uint8Array.of(1))
  script.expect('DATA')
  waiting.channel.send(Uint8Array.of(2))
  const stopped = add(openedAndSent(script))
  stopped.channel.stop()
  script.expect('STOP')
  // Two OPENs more than the other side allows.
  add(openedAndSent(script))
  add(opened(script, { timeoutMs: 100_000, message: Uint8Array.of(1) }))
  add(opened(script))
  return { script, channels }
}

describe('however it ends', () => {
  it.each(WAY_NAMES)('%s: every channel is settled exactly once, before the session [ERR-020]', (way) => {
    const { script, channels } = busyScene()
    const order: string[] = []
    for (const { sink } of channels) {
      sink.onEvent = (event) => {
        if (event.type === 'close') order.push('channel')
      }
    }
    script.sink.onEvent = (event) => {
      if (event.type === 'close') order.push('session')
    }
    WAYS[way].end(script)
    const paused = channels[5] as Recorded
    expect(order).toEqual([
      ...Array(channels.length - (paused.sink.outcome === null ? 1 : 0)).fill('channel'),
      'session',
    ])
    paused.channel.resume()
    for (const { channel, sink } of channels) {
      expect(sink.types.filter((type) => type === 'close')).toHaveLength(1)
      expect(sink.outcome).toMatchObject({ code: CODE.UNAVAILABLE, name: 'UNAVAILABLE', origin: 'local' })
      expect(channel).toMatchObject({ isClosed: true, isWritable: false, bufferedBytes: 0 })
    }
    expect(script.sink.closeError?.code ?? null).toBe(WAYS[way].error)
    expect(script.session.stats()).toMatchObject({
      state: 'CLOSED',
      openChannels: 0,
      openingChannels: 0,
      heldChannels: 0,
      deadlines: 0,
      queuedOutputBytes: 0,
      unreadBytes: 0,
      assemblingBytes: 0,
      inboundPartials: 0,
      outboundPartials: 0,
    })
  })

  it.each(WAY_NAMES)('%s: nothing is called afterwards, whatever is called or arrives', (way) => {
    const { script, channels } = busyScene()
    WAYS[way].end(script)
    script.takeFrames()
    const paused = channels[5] as Recorded
    const counts = () => [script.sink.events.length, ...channels.map(({ sink }) => sink.events.length)]
    const calls: string[] = []
    script.sink.driver = {
      onOutputPending: () => calls.push('onOutputPending'),
      onTimer: () => calls.push('onTimer'),
      onEvent: (event) => calls.push(event.type),
    }
    const before = counts()
    const { session } = script
    session.receive(data({ chan: 1, payload: 'x' }))
    session.receive(hello())
    session.receiveEnd()
    session.tick()
    session.drain(1000)
    session.close()
    session.fail(new PeerplexError('INTERNAL', 'again'))
    session.admit()
    session.refuseAuth()
    session.releaseRef(1)
    for (const { channel } of channels.filter((one) => one !== paused)) {
      channel.send(Uint8Array.of(1))
      channel.sendLast(Uint8Array.of(1))
      channel.sendHeaders({ 'x-a': '1' })
      channel.end()
      channel.fail(CODE.ABORTED)
      channel.reset()
      channel.stop()
      channel.pause()
      channel.resume()
      channel.read()
      channel.settle()
    }
    expect(() => session.open('svc')).toThrow(expect.objectContaining({ name: 'ClosedError' }))
    expect(() => session.start()).toThrow(expect.objectContaining({ name: 'UsageError' }))
    expect(session.takeOutput()).toEqual([])
    expect(counts()).toEqual(before)
    paused.channel.resume()
    expect(calls).toEqual([])
    expect(paused.sink.types.slice(-1)).toEqual(['close'])
  })

  it.each(WAY_NAMES)('%s: a program that opens, closes and fails while it is told begins nothing', (way) => {
    const { script, channels } = busyScene()
    const late: string[] = []
    const refused: string[] = []
    for (const { sink } of channels) {
      sink.onEvent = (event, channel) => {
        if (event.type !== 'close') return
        try {
          late.push(script.session.open('again').state)
        } catch (error) {
          refused.push((error as PeerplexError).code)
        }
        script.session.close()
        script.session.fail(new PeerplexError('INTERNAL', 'nested'))
        script.session.receiveEnd()
        script.session.drain(10)
        script.session.tick()
        for (const other of channels) if (other.channel !== channel) other.channel.reset()
      }
    }
    WAYS[way].end(script)
    expect(late).toEqual([])
    expect(new Set(refused)).toEqual(new Set(['UNAVAILABLE']))
    expect(script.sink.types.filter((type) => type === 'close')).toHaveLength(1)
    expect(script.sink.closeError?.code ?? null).toBe(WAYS[way].error)
    for (const { sink } of channels) expect(sink.types.filter((type) => type === 'close')).toHaveLength(1)
    const frames = script.takeFrames()
    const last = frames.findLastIndex((frame) => frame.kind === 'GOAWAY')
    if (way !== 'close()') expect(last).toBe(frames.length - 1)
  })

  it('messages that were complete stay readable after a loss, then comes the end', () => {
    const script = ready()
    const { channel, sink } = openedAndSent(script)
    channel.pause()
    script.send([data({ chan: -1, payload: 'one' }), data({ chan: -1, payload: 'two' })])
    script.send(data({ chan: -1, flags: MSG + MORE, payload: 'p'.repeat(600) }))
    script.endInput()
    expect(toText(channel.read()?.payload as Uint8Array)).toBe('one')
    expect(sink.outcome).toBeNull()
    expect(toText(channel.read()?.payload as Uint8Array)).toBe('two')
    expect(sink.outcome?.name).toBe('UNAVAILABLE')
    expect(channel.read()).toBeNull()
  })

  it('an undecided channel is gone: accept says false', () => {
    const script = undecided()
    const { channel, sink } = inbound(script, { payload: 'x' })
    script.endInput()
    expect(channel.isClosed).toBe(true)
    expect(channel.accept(sink)).toBe(false)
    expect(sink.types).toEqual([])
    expect(script.session.stats().unreadBytes).toBe(0)
  })
})

describe('close()', () => {
  it('FINAL first, then RESET on every live channel, then the end [DRN-019]', () => {
    const script = ready()
    openedAndSent(script)
    inbound(script, { chan: 4 })
    inbound(script, { chan: 5, name: '~ref' })
    inbound(script, { chan: 6, flags: FIN + ONEWAY })
    script.session.close()
    script.expect({ kind: 'GOAWAY', flags: FINAL, code: 0, lastId: 6, graceMs: 0 })
    script.expectUnordered([
      { kind: 'RESET', chan: 1, code: CODE.UNAVAILABLE },
      { kind: 'RESET', chan: -4, code: CODE.UNAVAILABLE },
      { kind: 'RESET', chan: -5, code: CODE.UNAVAILABLE },
    ])
    script.expectClosed(null)
    expect(script.session.transportCloseCode).toBe(1000)
  })

  it('thousands of channels are closed in batches that fit a transport message, in their order', () => {
    for (const kind of ['byte', 'message'] as const) {
      const script = ready({ kind }, { opens: 10_000 })
      for (let count = 0; count < 10_000; count++) script.session.open('svc')
      while (script.session.hasOutput) script.session.takeOutput()
      script.session.close()
      const lengths: number[] = []
      const bytes: Uint8Array[] = []
      while (script.session.hasOutput) {
        const parts = script.session.takeOutput()
        lengths.push(parts.reduce((sum, part) => sum + part.length, 0))
        bytes.push(...parts)
      }
      expect(Math.max(...lengths)).toBeLessThanOrEqual(131_072 + 16)
      expect(lengths.length).toBeGreaterThan(1)
      const { frames } = naiveDecode(concat(bytes), { helloSeen: true })
      expect(frames.map((frame) => frame.kind)).toEqual(['GOAWAY', ...Array(10_000).fill('RESET')])
      expect(script.session.stats().committedOutputBytes).toBe(0)
    }
  })

  it('after FINAL of a drain no second one is sent', () => {
    const script = ready()
    inbound(script)
    script.session.drain(1000)
    script.expectAll(['GOAWAY', 'PING'])
    script.session.close()
    script.expect({ kind: 'GOAWAY', flags: FINAL, lastId: 1 })
    script.expect('RESET')
    script.expectClosed(null)
  })

  const STATES: Readonly<Record<string, () => ScriptedPeer>> = {
    'before start()': () => new ScriptedPeer({ isStarted: false }),
    'AWAIT_PREFACE, nothing taken yet': () => new ScriptedPeer(),
    'AWAIT_PREFACE, half of the preface read': () => {
      const script = new ScriptedPeer()
      script.sendRaw(preface().slice(0, 4))
      return script
    },
    AWAIT_HELLO: () => {
      const script = new ScriptedPeer()
      script.sendRaw(preface())
      return script
    },
    'AWAIT_HELLO on a message connection': () => new ScriptedPeer({ kind: 'message' }),
    READY: () => ready(),
    'READY, drain noticed': () => {
      const script = ready()
      script.session.drain(1000)
      return script
    },
    'READY, the other side has noticed': () => {
      const script = ready()
      script.send(goaway())
      return script
    },
  }

  it.each(Object.keys(STATES))('in the state %s it ends without an error, once', (state) => {
    const script = (STATES[state] as () => ScriptedPeer)()
    const isStarted = state !== 'before start()'
    const call = isStarted && script.session.isUsable ? opened(script, { message: Uint8Array.of(1) }) : null
    script.session.close()
    script.session.close()
    expect(script.session.state).toBe('CLOSED')
    expect(script.sink.types.filter((type) => type === 'close')).toHaveLength(1)
    expect(script.sink.closeError).toBeNull()
    if (call !== null) expect(call.sink.types).toEqual(['close'])
    // Whatever still leaves begins with HELLO.
    const frames = isStarted ? script.takeFrames() : []
    if (isStarted && !state.startsWith('READY')) expect(frames[0]?.kind).toBe('HELLO')
    if (!isStarted) expect(script.session.takeOutput()).toEqual([])
    if (isStarted) expect(frames.some((frame) => frame.kind === 'GOAWAY' && frame.flags === FINAL)).toBe(true)
  })

  it.each(Object.keys(STATES))('in the state %s the end of the input is a loss', (state) => {
    const script = (STATES[state] as () => ScriptedPeer)()
    const cause = new Error('ECONNRESET')
    script.session.receiveEnd(cause)
    expect(script.session.state).toBe('CLOSED')
    expect(script.sink.closeError).toMatchObject({
      name: 'TransportError',
      code: 'UNAVAILABLE',
      retryable: true,
      cause,
    })
    expect(script.session.takeOutput()).toEqual([])
  })

  it('a start after the end is a UsageError, and so is a second start', () => {
    const closed = ready()
    closed.session.close()
    expect(thrown(() => closed.session.start())).toMatchObject({
      name: 'UsageError',
      code: 'FAILED_PRECONDITION',
    })
    for (const kind of ['byte', 'message'] as const) {
      const twice = new ScriptedPeer({ kind })
      expect(() => twice.session.start()).toThrow(expect.objectContaining({ name: 'UsageError' }))
      twice.handshake()
    }
  })

  it('nothing can be opened before start()', () => {
    const script = new ScriptedPeer({ isStarted: false })
    expect(() => script.session.open('svc')).toThrow(expect.objectContaining({ name: 'UsageError' }))
    script.session.start()
    script.handshake()
  })

  it('inside a call of a sink: what else the chunk holds is not looked at', () => {
    const script = ready()
    const { sink } = inbound(script)
    sink.onEvent = () => script.session.close()
    script.send([data({ chan: 1, payload: 'a' }), data({ chan: 1, payload: 'b' }), open({ chan: 2 })])
    expect(sink.texts).toEqual(['a'])
    expect(script.sink.inbound).toHaveLength(1)
    expect(script.sink.closeError).toBeNull()
  })

  it('inside onChannel, onHello, onDrain and onRefFreed too', () => {
    const onHello = new ScriptedPeer()
    onHello.sink.onEvent = (event) => {
      if (event.type === 'hello') onHello.session.close()
    }
    onHello.sendRaw(preface())
    onHello.send([hello(), open()])
    expect(onHello.sink.types).toEqual(['hello', 'close'])
    const onChannel = ready()
    onChannel.sink.onEvent = (event) => {
      if (event.type === 'channel') onChannel.session.close()
    }
    onChannel.send([open({ flags: MSG + FIN, payload: 'x' }), open({ chan: 2 })])
    expect(onChannel.sink.types).toEqual(['hello', 'channel', 'close'])
    expect(onChannel.sink.inboundAt(0).sink.types).toEqual([])
    const onDrain = ready()
    onDrain.sink.onEvent = (event) => {
      if (event.type === 'drain') onDrain.session.close()
    }
    onDrain.send(goaway({ flags: FINAL }))
    expect(onDrain.sink.types).toEqual(['hello', 'drain', 'close'])
  })

  it('the grace of a drain may end in the same moment as a call that fails the session', () => {
    const script = ready()
    const { sink } = openedAndSent(script, { timeoutMs: 1000 })
    sink.onEvent = () => script.session.fail(new ProtocolError('DUPLICATE', 'enough'))
    script.session.drain(1000)
    script.takeFrames()
    script.advance(1000)
    const frames = script.takeFrames()
    expect(frames.filter((frame) => frame.kind === 'GOAWAY')).toMatchObject([{ code: 72 }])
    expect(frames.at(-1)?.kind).toBe('GOAWAY')
  })
})

describe('an error of the connection', () => {
  it('GOAWAY FINAL with its code is the last frame, after preface and HELLO even if those had not left [ERR-014]', () => {
    const script = new ScriptedPeer()
    opened(script)
    script.sendRaw(preface())
    script.send(open(), 'a first frame that is not HELLO')
    script.expect('HELLO')
    script.expect({ kind: 'GOAWAY', flags: FINAL, code: 64, lastId: 0 })
    script.expectClosed('PROTOCOL_ERROR', '', 'none')
  })

  it('lastId is the last accepted channel, ~ref not counted [ERR-018]', () => {
    const script = ready()
    inbound(script, { chan: 3 })
    inbound(script, { chan: 7, name: '~ref' })
    script.send(data({ chan: 99, payload: 'x' }))
    script.expect({ kind: 'GOAWAY', flags: FINAL, code: 64, lastId: 3 })
    script.expectClosed('PROTOCOL_ERROR', '', 'none')
  })

  it('no further byte is acted on, in the same chunk or later [ERR-015]', () => {
    const script = ready()
    script.send([data({ chan: 0 }), open({ chan: 1 })], 'a violation and an OPEN')
    script.send(open({ chan: 2 }))
    expect(script.sink.inbound).toEqual([])
    script.expectClosed('PROTOCOL_ERROR')
    expect(script.session.transportCloseCode).toBe(4064)
  })

  it('the other side learns why in words, cut to a length that fits any HELLO', () => {
    const script = new ScriptedPeer()
    script.session.fail(new ProtocolError('DUPLICATE', 'm'.repeat(9000)))
    script.expect('HELLO')
    const frame = script.expect({ kind: 'GOAWAY', flags: FINAL, code: 72 })
    expect(frame.size).toBeLessThan(600)
  })

  it.each([
    ['PROTOCOL_ERROR', 64],
    ['DUPLICATE', 72],
    ['AUTH', 73],
    ['UNAVAILABLE', 74],
    ['WHATEVER', 74],
  ])('fail with %s says %i', (code, wireCode) => {
    const script = ready()
    script.session.fail(new PeerplexError(code, 'why'))
    script.expect({ kind: 'GOAWAY', flags: FINAL, code: wireCode })
    expect(script.sink.closeError?.code).toBe(code)
    expect(script.session.transportCloseCode).toBe(4000 + wireCode)
  })

  it('a GOAWAY with an error settles everything at once, without an answer [ERR-019]', () => {
    const script = ready()
    const call = openedAndSent(script)
    const handler = inbound(script)
    call.channel.send(Uint8Array.of(1))
    script.send(goaway({ flags: FINAL, code: 73, lastId: 0 }))
    script.expectClosed('AUTH', '', 'none')
    expect(call.sink.outcome).toMatchObject({ code: CODE.UNAVAILABLE, delivery: 'not-processed' })
    expect(handler.sink.outcome).toMatchObject({ code: CODE.UNAVAILABLE })
    expect(script.sink.closeError).toMatchObject({ name: 'ClosedError', origin: 'remote' })
    expect(script.session.transportCloseCode).toBe(4073)
  })

  it('a code that this version does not know is kept [ERR-002]', () => {
    const script = ready()
    script.send(goaway({ flags: FINAL, code: 70_000 }))
    expect(script.sink.closeError).toMatchObject({ code: 'CODE_70000', hint: expect.stringMatching(/./) })
    expect(script.session.transportCloseCode).toBeLessThanOrEqual(4999)
  })

  it('two sessions: one breaks the rules, both settle everything', () => {
    const pair = new MemoryPair()
    pair.pump()
    const sink = new RecordingChannelSink()
    pair.sessionA.open('svc', { sink })
    pair.pump()
    pair.sessionB.fail(new ProtocolError('INTERNAL_ERROR', 'a defect'))
    pair.pump()
    expect(sink.outcome).toMatchObject({ code: CODE.UNAVAILABLE, delivery: 'unknown' })
    expect(pair.sinkA.closeError?.code).toBe('INTERNAL_ERROR')
    expect(pair.sinkA.closeError?.message).toContain('a defect')
  })
})

describe('the end of the input after a drain', () => {
  it('is a clean end when FINAL was sent or read and no channel is left', () => {
    const pair = new MemoryPair({ isEndingOnClose: true })
    pair.pump()
    pair.sessionA.drain(1000)
    pair.pump()
    expect([pair.sinkA.closeError, pair.sinkB.closeError]).toEqual([null, null])
    expect([pair.sinkA.isClosed, pair.sinkB.isClosed]).toEqual([true, true])
  })

  it('is a loss when a channel is still open', () => {
    const script = ready()
    const { sink } = openedAndSent(script)
    script.send(goaway({ flags: FINAL, lastId: 1 }))
    script.endInput()
    expect(script.sink.closeError?.code).toBe('UNAVAILABLE')
    expect(sink.outcome?.name).toBe('UNAVAILABLE')
  })
})

describe('what a session says of itself', () => {
  it('state, usability and open credit', () => {
    const script = new ScriptedPeer({ isStarted: false })
    const { session } = script
    expect(session).toMatchObject({ state: 'AWAIT_PREFACE', isOpen: true, hasHello: false, features: 0 })
    expect(session.remoteHello).toBeNull()
    session.start()
    expect(session.openCredit).toBe(16)
    script.handshake({ opens: 3, features: 0xffff_ffff })
    expect(session).toMatchObject({
      state: 'READY',
      isUsable: true,
      hasHello: true,
      features: 0,
      openCredit: 3,
    })
    for (let count = 0; count < 5; count++) opened(script)
    expect(session.openCredit).toBe(-2)
    expect(session.channelCount).toBe(5)
    script.send(credit({ byteLimit: 4 << 20, countLimit: 10 }))
    script.takeFrames()
    expect(session.openCredit).toBe(5)
    session.close()
    expect(session).toMatchObject({ state: 'CLOSED', isOpen: false, isUsable: false })
  })

  it('stats count both directions', () => {
    const pair = new MemoryPair({
      b: { sink: new RecordingSessionSink((channel, sink) => void channel.accept(sink)) },
    })
    pair.pump()
    pair.sessionA.open('svc', { message: Uint8Array.of(1), isLast: true })
    pair.sessionA.open('one', { isOneway: true })
    pair.pump()
    pair.sinkB.inboundAt(0).channel.sendLast(new Uint8Array(10))
    pair.pump()
    const a = pair.sessionA.stats()
    const b = pair.sessionB.stats()
    expect(a).toMatchObject({ channelsOpened: 2, messagesSent: 1, messagesReceived: 1, ownChannelsEnded: 2 })
    expect(b).toMatchObject({ channelsAccepted: 2, messagesSent: 1, messagesReceived: 1, openSlotsTaken: 2 })
    expect(a.framesSent).toBe(b.framesReceived)
    expect(a.bytesSent).toBe(b.bytesReceived)
    expect(a.bytesSent).toBe(pair.sentBytes('aToB').length)
  })

  it('a wrong option is a UsageError that says what to give', () => {
    const make = (options: object) => () =>
      new Session(
        { kind: 'byte', instance: new Uint8Array(16), now: () => 0, ...options } as never,
        new RecordingSessionSink(),
      )
    const cases: readonly (readonly [object, RegExp])[] = [
      [{ instance: new Uint8Array(15) }, /16/],
      [{ limits: { maxFrameBytes: 16_383 } }, /16384/],
      [{ limits: { maxFrameBytes: 2 ** 24 } }, /16777215/],
      [{ limits: { maxMessageBytes: 1 } }, /65536/],
      [{ limits: { idleTimeoutMs: 999 } }, /0 \(never\) or 1000/],
      [{ limits: { maxHeaderCount: 65 } }, /64/],
      [{ limits: { channelWindowMessages: 0 } }, /1/],
      [{ limits: { quantumBytes: 1.5 } }, /4096/],
      [{ limits: { helloTimeoutMs: Number.NaN } }, /1/],
      [{ limits: { maxOpenChannels: -1 } }, /0/],
      [{ limits: { maxFrames: 1 } }, /maxFrameBytes/],
      [{ hello: { 'Bad Key': 'x' } }, /a-z/],
    ]
    for (const [options, hint] of cases) {
      expect(thrown(make(options)), JSON.stringify(options)).toMatchObject({
        name: 'UsageError',
        code: 'INVALID_ARGUMENT',
        hint: expect.stringMatching(hint),
      })
    }
    expect(make({ limits: { idleTimeoutMs: 0 } })).not.toThrow()
    expect(make({ limits: { maxFrameBytes: undefined } })).not.toThrow()
  })

  it('limits cannot be changed afterwards, nor the instance', () => {
    const instance = new Uint8Array(16).fill(7)
    const script = new ScriptedPeer({ instance })
    instance.fill(9)
    script.expect({ kind: 'HELLO', instance: new Uint8Array(16).fill(7) })
    expect(Object.isFrozen(script.session.limits)).toBe(true)
  })

  it('an undecided channel at the end of a session is closed with NOPROC when the program resets it', () => {
    const script = undecided()
    inbound(script)
    script.session.close()
    script.expect('GOAWAY')
    script.expect({ kind: 'RESET', chan: -1, flags: NOPROC, code: CODE.UNAVAILABLE })
    script.expectClosed(null)
  })
})
