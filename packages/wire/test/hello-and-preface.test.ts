import {
  data,
  entry,
  goaway,
  hello,
  ignorable,
  MemoryPair,
  open,
  ping,
  preface,
  type RawHello,
  RecordingSessionSink,
  ScriptedPeer,
  singleByteChunks,
  toText,
} from '@peerplex/testkit'
import { Headers } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { CODE, FIN, inbound, MORE, MSG, opened, openedAndSent, ready, thrown } from './lifecycle-support.js'

describe('what a session sends first', () => {
  it('preface and HELLO, without waiting for anything [PRE-003] [PRE-008]', () => {
    const script = new ScriptedPeer({
      hello: { peer: 'a', agent: 'x/1', codecs: 'json,msgpack' },
      limits: { maxFrameBytes: 20_000, maxOpenChannels: 7, idleTimeoutMs: 0, maxPartialMessages: 3 },
      instance: new Uint8Array(16).fill(5),
    })
    expect(script.session.state).toBe('AWAIT_PREFACE')
    script.expect({
      kind: 'HELLO',
      chan: 0,
      flags: 0,
      prefixBytes: 56,
      reserved: 0,
      features: 0,
      maxFrame: 20_000,
      maxMessage: 4 << 20,
      rxBytes: 262_144,
      rxMsgs: 16_384,
      connBytes: 4 << 20,
      opens: 7,
      maxMeta: 16_384,
      partials: 3,
      idleMs: 0,
      instance: new Uint8Array(16).fill(5),
      entries: { peer: 'a', agent: 'x/1', codecs: 'json,msgpack', auth: null },
    })
    script.expectNothing('exactly one HELLO')
  })

  it('no preface on a message connection [PRE-004]', () => {
    const pair = new MemoryPair({ kind: 'message' })
    pair.pump()
    expect(pair.sentBytes('aToB')[4]).toBe(1)
    expect(pair.sessionA.state).toBe('READY')
  })

  it('headers that do not fit HELLO are a LimitError at the start', () => {
    const script = new ScriptedPeer({ isStarted: false, hello: { auth: 'x'.repeat(16_384) } })
    expect(thrown(() => script.session.start())).toMatchObject({
      name: 'LimitError',
      code: 'METADATA_TOO_LARGE',
      hint: expect.stringMatching(/16328/),
    })
  })
})

describe('the preface that arrives', () => {
  it('may come in any pieces, together with what follows [FRM-003]', () => {
    const script = new ScriptedPeer()
    script.expect('HELLO')
    const bytes = new Uint8Array([...preface(), ...hello(), ...open({ flags: MSG + FIN, payload: 'x' })])
    script.sendRaw(bytes.slice(0, 3))
    expect(script.session.state).toBe('AWAIT_PREFACE')
    script.sendRaw(bytes.slice(3, 8))
    expect(script.session.state).toBe('AWAIT_HELLO')
    script.sendRaw(bytes.slice(8))
    expect(script.session.state).toBe('READY')
    expect(script.sink.inboundAt(0).sink.texts).toEqual(['x'])
  })

  it('one byte at a time', () => {
    const script = new ScriptedPeer({ chunker: singleByteChunks })
    script.handshake()
    expect(script.session.state).toBe('READY')
  })

  it('another version: VERSION here, nothing more there [PRE-005] [PRE-007]', () => {
    const script = new ScriptedPeer()
    script.expect('HELLO')
    script.sendRaw(Uint8Array.of(0x89, 0x50, 0x50, 0x58))
    script.expectNothing('four bytes fit')
    script.sendRaw(Uint8Array.of(0x32))
    script.expectClosed('VERSION', '', 'none')
    expect(script.sink.closeError).toMatchObject({ delivery: 'not-processed' })
    expect(script.sink.closeError?.message).toContain("'2'")
    expect(script.sink.closeError?.hint).not.toBe('')
  })

  it('a version that is faster than our own bytes still sees which one this is', () => {
    const script = new ScriptedPeer()
    script.sendRaw(Uint8Array.of(0x89, 0x50, 0x50, 0x58, 0x33))
    const parts = script.session.takeOutput()
    expect([...(parts[0] as Uint8Array).slice(0, 8)]).toEqual([...preface()])
    expect(script.session.takeOutput()).toEqual([])
  })

  it.each([
    ['TLS', [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01], /tls:/],
    ['HTTP', [...new TextEncoder().encode('GET / HTTP/1.1\r\n')], /ws:/],
    ['an HTTP answer', [...new TextEncoder().encode('HTTP/1.1 400 Bad')], /ws:/],
    ['SSH', [...new TextEncoder().encode('SSH-2.0-x')], /address/],
    ['a text transport', [0x89, 0x50, 0x50, 0x58, 0x31, 0x0a, 0x1a], /line ends/],
    ['zeros', [0, 0, 0, 0, 0, 0, 0, 0], /address/],
    ['the first byte of TLS alone', [0x16], /tls:/],
  ])(
    '%s: PROTOCOL_ERROR that quotes the bytes, and nothing is sent [PRE-006] [PRE-007]',
    (_, bytes, hint) => {
      const script = new ScriptedPeer()
      script.expect('HELLO')
      script.sendRaw(Uint8Array.from(bytes))
      script.expectClosed('PROTOCOL_ERROR', '', 'none')
      const first = bytes.slice(0, 2).map((byte) => byte.toString(16).padStart(2, '0'))
      expect(script.sink.closeError?.message).toContain(first.join(' '))
      expect(script.sink.closeError?.hint).toMatch(hint)
      expect(script.session.takeOutput()).toEqual([])
    },
  )

  it('is refused at the first wrong byte', () => {
    const good = preface()
    for (let at = 0; at < good.length; at++) {
      const script = new ScriptedPeer()
      script.expect('HELLO')
      script.sendRaw(good.slice(0, at))
      script.expectNothing(`${at} bytes fit`)
      script.sendRaw(Uint8Array.of((good[at] as number) ^ 1))
      script.expectClosed(at === 4 ? 'VERSION' : 'PROTOCOL_ERROR', '', 'none')
    }
  })
})

describe('the HELLO that arrives', () => {
  it('is told to the program, all fields in their units', () => {
    const script = new ScriptedPeer()
    const instance = new Uint8Array(16).fill(9)
    script.handshake({
      features: 5,
      maxFrame: 16_384,
      maxMessage: 65_536,
      rxBytes: 16_384,
      rxMsgs: 1,
      connBytes: 65_536,
      opens: 0,
      maxMeta: 4096,
      partials: 1,
      idleMs: 1000,
      instance,
      entries: [entry(0x9a, 'them'), entry('x-a', '1')],
    })
    expect(script.sink.hello).toMatchObject({
      features: 5,
      maxFrameBytes: 16_384,
      maxMessageBytes: 65_536,
      channelWindowBytes: 16_384,
      channelWindowMessages: 1,
      connectionWindowBytes: 65_536,
      maxOpenChannels: 0,
      maxHeaderBytes: 4096,
      maxPartialMessages: 1,
      idleTimeoutMs: 1000,
      instance,
    })
    expect(script.sink.hello?.headers).toBeInstanceOf(Headers)
    expect(script.sink.hello?.headers.get('peer')).toBe('them')
    expect(script.session.remoteHello).toBe(script.sink.hello)
    expect(script.session.features, 'no bit is set on our side').toBe(0)
  })

  it('unknown things in it are ignored [PRE-013]', () => {
    const script = new ScriptedPeer()
    script.handshake({
      reserved: 0xffff,
      features: 0xffff_fffe,
      unknownPrefix: Uint8Array.of(1, 2, 3),
      entries: [entry(0xa5, 'later'), entry('x-unknown', 'v')],
      idleMs: 0,
      opens: 2 ** 31 - 1,
      rxMsgs: 2 ** 31 - 1,
    })
    expect(script.session.state).toBe('READY')
    expect(script.sink.hello?.headers.get('#a5')).toBe('later')
  })

  it.each<[string, RawHello]>([
    ['prefixLen 55', { prefixBytes: 55 }],
    ['prefixLen beyond the metadata', { prefixBytes: 57 }],
    ['maxFrame 16383', { maxFrame: 16_383 }],
    ['maxFrame 2^24', { maxFrame: 2 ** 24 }],
    ['maxMessage 65535', { maxMessage: 65_535 }],
    ['maxMessage 2^31', { maxMessage: 2 ** 31 }],
    ['rxBytes 16383', { rxBytes: 16_383 }],
    ['rxBytes 2^31', { rxBytes: 2 ** 31 }],
    ['rxMsgs 0', { rxMsgs: 0 }],
    ['rxMsgs 2^31', { rxMsgs: 2 ** 31 }],
    ['connBytes 65535', { connBytes: 65_535 }],
    ['connBytes 2^31', { connBytes: 2 ** 31 }],
    ['opens 2^31', { opens: 2 ** 31 }],
    ['maxMeta 4095', { maxMeta: 4095 }],
    ['partials 0', { partials: 0 }],
    ['idleMs 1', { idleMs: 1 }],
    ['idleMs 999', { idleMs: 999 }],
    ['a broken entry', { entries: [entry('x-a', 'v', { k: 0 })] }],
    ['65 entries', { entries: Array.from({ length: 65 }, () => entry('x-a', 'v')) }],
  ])('%s is a PROTOCOL_ERROR [PRE-012] [PRE-014] [MET-018]', (_, fields) => {
    const script = new ScriptedPeer()
    script.expect('HELLO')
    script.sendRaw(preface())
    script.send(hello(fields))
    script.expectClosed('PROTOCOL_ERROR')
    expect(script.sink.hello).toBeNull()
  })

  it('its own instance: SELF_CONNECT [PRE-017]', () => {
    const instance = Uint8Array.from({ length: 16 }, (_, index) => index * 7)
    const script = new ScriptedPeer({ instance })
    script.expect('HELLO')
    script.sendRaw(preface())
    script.send(hello({ instance }))
    script.expectClosed('SELF_CONNECT')
    const other = new ScriptedPeer({ instance })
    const close = instance.slice()
    close[15] = (close[15] as number) + 1
    other.handshake({ instance: close })
    expect(other.session.state).toBe('READY')
  })

  it.each([
    ['an OPEN', open()],
    ['a PING', ping()],
    ['a GOAWAY', goaway()],
    ['an ignorable frame', ignorable()],
  ])('%s as the first frame is a PROTOCOL_ERROR [PRE-009]', (_, frame) => {
    const script = new ScriptedPeer()
    script.expect('HELLO')
    script.sendRaw(preface())
    script.send(frame)
    script.expectClosed('PROTOCOL_ERROR')
  })

  it('a second HELLO is a PROTOCOL_ERROR [PRE-010]', () => {
    const script = ready()
    script.send(hello())
    script.expectClosed('PROTOCOL_ERROR')
  })

  it.each([
    ['nothing', []],
    ['half a preface', preface().slice(0, 4)],
    ['half a HELLO', new Uint8Array([...preface(), ...hello().slice(0, 40)])],
  ])('%s within helloTimeout: HELLO_TIMEOUT [PRE-011]', (_, bytes) => {
    const script = new ScriptedPeer({ limits: { helloTimeoutMs: 3000 } })
    script.expect('HELLO')
    script.sendRaw(Uint8Array.from(bytes))
    script.advance(2999)
    script.expectNothing('one millisecond is left')
    script.advance(1)
    script.expectClosed('HELLO_TIMEOUT')
    expect(script.sink.closeError?.retryable).toBe(true)
  })

  it('after a HELLO in time that timer means nothing', () => {
    const script = new ScriptedPeer({ limits: { helloTimeoutMs: 3000, idleTimeoutMs: 0 } })
    script.advance(2999)
    script.handshake({ idleMs: 0 })
    script.advance(100_000)
    script.expectNothing('ready')
  })
})

describe('before the other HELLO has arrived', () => {
  const early = () => {
    const script = new ScriptedPeer()
    script.expect('HELLO')
    return script
  }
  const finish = (script: ScriptedPeer, fields: RawHello = {}) => {
    script.sendRaw(preface())
    script.sendHello(fields)
  }

  it('calls leave at once, and their answers are those of any call [PRE-020]', () => {
    const script = early()
    const { sink } = opened(script, { message: Uint8Array.of(1), isLast: true })
    script.expect({ kind: 'OPEN', chan: 1, flags: MSG + FIN })
    finish(script)
    script.send(data({ chan: -1, flags: MSG + FIN, payload: 'ok' }))
    expect(sink.texts).toEqual(['ok'])
  })

  it('at most 16 channels are opened; the 17th waits for HELLO [PRE-018]', () => {
    const script = early()
    for (let count = 0; count < 20; count++) opened(script)
    expect(script.takeFrames()).toHaveLength(16)
    finish(script, { opens: 18 })
    expect(script.takeFrames()).toHaveLength(2)
    expect(script.session.stats().openingChannels).toBe(2)
  })

  it('one message and 16 KiB a channel [PRE-018]', () => {
    const script = early()
    const { channel } = openedAndSent(script)
    expect(channel.send(Uint8Array.of(1))).toBe(true)
    expect(channel.send(Uint8Array.of(2))).toBe(false)
    script.expect('DATA')
    script.expectNothing('the second message waits')
    finish(script)
    script.expect({ kind: 'DATA', payload: Uint8Array.of(2) })
  })

  it('64 KiB in all, and no frame above 16 KiB [PRE-018] [PRE-019]', () => {
    const script = early()
    for (let count = 0; count < 8; count++) opened(script, { message: new Uint8Array(14_000), isLast: true })
    const frames = script.takeFrames()
    const charged = frames.reduce((sum, frame) => sum + frame.size + 32, 0)
    expect(charged).toBeLessThanOrEqual(65_536)
    expect(frames).toHaveLength(4)
    finish(script)
    expect(script.takeFrames()).toHaveLength(4)
  })

  it('one incomplete message at a time [PRE-019]', () => {
    const script = early()
    opened(script, { message: new Uint8Array(40_000), isLast: true })
    opened(script, { message: new Uint8Array(40_000), isLast: true })
    const frames = script.takeFrames()
    expect(frames.filter((frame) => frame.kind === 'OPEN' && (frame.flags & MORE) !== 0)).toHaveLength(1)
    expect(frames.every((frame) => frame.size <= 16_384)).toBe(true)
    finish(script)
    const rest = script.takeFrames()
    const bytes = [...frames, ...rest].reduce(
      (sum, frame) => sum + ('payload' in frame ? frame.payload.length : 0),
      0,
    )
    expect(bytes).toBe(80_000)
  })

  it('a message above 64 KiB and metadata above 4 KiB wait for HELLO; others overtake nobody', () => {
    const script = early()
    const big = opened(script, { message: new Uint8Array(70_000), isLast: true })
    const wide = opened(script, { headers: { 'x-a': 'v'.repeat(4096) } })
    script.expectNothing('both wait')
    finish(script)
    script.expect({ kind: 'OPEN', chan: 1, flags: MSG + MORE })
    const rest = script.takeFrames()
    expect(rest.filter((frame) => frame.kind === 'OPEN')).toHaveLength(1)
    expect([big.channel.id, wide.channel.id]).toEqual([1, 2])
  })

  it('what waits and does not fit their HELLO fails here, and the next one goes', () => {
    const script = early()
    const wide = opened(script, { headers: { 'x-a': 'v'.repeat(5000) } })
    const next = opened(script, { message: new TextEncoder().encode('next') })
    script.expectNothing('both wait')
    finish(script, { maxMeta: 4096 })
    const frame = script.expect({ kind: 'OPEN', chan: 1 })
    expect(frame.kind === 'OPEN' && toText(frame.payload)).toBe('next')
    expect(wide.sink.outcome).toMatchObject({ code: CODE.METADATA_TOO_LARGE, delivery: 'not-sent' })
    expect(next.channel.state).toBe('OPEN')
  })

  it('early OPENs beyond an announced `opens` are refused and may be repeated', () => {
    const script = ready({ limits: { maxOpenChannels: 1 } })
    inbound(script)
    script.send(open({ chan: 2 }))
    script.expect({ kind: 'RESET', chan: -2, code: CODE.REFUSED })
  })

  it('both sides may begin at once, over every kind of connection and any chunking', () => {
    for (const kind of ['byte', 'message'] as const) {
      const pair = new MemoryPair({ kind, chunker: singleByteChunks })
      const calls = [pair.sessionA, pair.sessionB].map((session) =>
        session.open('svc', { message: Uint8Array.of(1), isLast: true }),
      )
      pair.pump()
      for (const sink of [pair.sinkA, pair.sinkB]) sink.inboundAt(0).channel.sendLast(Uint8Array.of(2))
      pair.pump()
      expect(calls.map((channel) => channel.outcome?.code)).toEqual([0, 0])
    }
  })
})

describe('a session that listens to a program that is not prepared', () => {
  it('optional sink methods may be missing', () => {
    const script = new ScriptedPeer({ sink: new RecordingSessionSink() })
    script.handshake()
    const { channel } = inbound(script)
    channel.settle()
    expect(script.session.state).toBe('READY')
  })
})
