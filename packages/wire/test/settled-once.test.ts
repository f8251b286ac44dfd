// Whatever ends a session, every channel is settled exactly once, and nothing is called afterwards.
import { data, goaway, hello, type ScriptedPeer, toText } from '@peerplex/testkit'
import { PeerplexError, ProtocolError } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import {
  CODE,
  FIN,
  FINAL,
  inbound,
  MORE,
  MSG,
  ONEWAY,
  opened,
  openedAndSent,
  type Recorded,
  ready,
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
