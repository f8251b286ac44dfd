// How a session is closed and how it fails: close(), an error of the connection, and the end of the input.
import {
  concat,
  data,
  goaway,
  hello,
  MemoryPair,
  naiveDecode,
  open,
  preface,
  RecordingChannelSink,
  ScriptedPeer,
} from '@peerplex/testkit'
import { PeerplexError, ProtocolError } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import {
  CODE,
  FIN,
  FINAL,
  inbound,
  MSG,
  ONEWAY,
  opened,
  openedAndSent,
  ready,
  thrown,
} from './lifecycle-support.js'

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
