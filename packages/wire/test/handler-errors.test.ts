import {
  type ChannelEvent,
  credit,
  data,
  end,
  entry,
  goaway,
  hello,
  open,
  preface,
  RecordingChannelSink,
  RecordingSessionSink,
  ref,
  refsValue,
  reset,
  ScriptedPeer,
  stop,
} from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import {
  CODE,
  FIN,
  inbound,
  MORE,
  MSG,
  NOPROC,
  ONEWAY,
  opened,
  openedAndSent,
  type Recorded,
  ready,
} from './lifecycle-support.js'

const BOOM = new Error('thrown by the program')

/** Makes a sink throw in one kind of call. */
function throwingIn(sink: RecordingChannelSink, type: ChannelEvent['type']): void {
  sink.onEvent = (event) => {
    if (event.type === type) throw BOOM
  }
}

/** How each call is brought about on a channel, from the point of view of the script. */
const CALLS: Readonly<Record<string, (script: ScriptedPeer, chan: number, recorded: Recorded) => void>> = {
  message: (script, chan) => script.send([data({ chan, payload: 'one' }), data({ chan, payload: 'two' })]),
  readable: (script, chan, { channel }) => {
    channel.pause()
    script.send([data({ chan, payload: 'one' }), data({ chan, payload: 'two' })])
  },
  headers: (script, chan) => script.send(data({ chan, entries: [entry('x-a', '1')] })),
  end: (script, chan) => script.send(data({ chan, flags: FIN })),
  writable: (script, chan, { channel }) => {
    channel.send(Uint8Array.of(1))
    channel.send(Uint8Array.of(2))
    script.expect('DATA')
    script.send(credit({ chan, byteLimit: 1 << 20, countLimit: 10 }))
    script.expect('DATA')
  },
  stop: (script, chan) => script.send(stop({ chan })),
  close: (script, chan) => script.send(reset({ chan })),
}

describe.each(Object.keys(CALLS) as ChannelEvent['type'][])('a sink that throws in %s', (type) => {
  it.each(['inbound', 'outbound'] as const)('ends its own channel and nothing else (%s)', (direction) => {
    const script = ready({}, { rxMsgs: 1 })
    const bystander = openedAndSent(script)
    const recorded = direction === 'inbound' ? inbound(script) : openedAndSent(script)
    const { channel, sink } = recorded
    const chan = direction === 'inbound' ? 1 : -2
    throwingIn(sink, type)
    ;(CALLS[type] as (typeof CALLS)[string])(script, chan, recorded)
    if (type !== 'close') {
      const kind = direction === 'inbound' ? 'END' : 'RESET'
      script.expect(
        (frame) => frame.kind === kind && frame.chan === -chan && frame.code === CODE.UNKNOWN,
        kind,
      )
    }
    script.expectNothing('one frame says it')
    expect(script.sink.handlerErrors).toEqual([BOOM])
    expect(sink.types.filter((one) => one === type)).toHaveLength(1)
    expect(sink.types.at(-1)).toBe('close')
    expect(sink.types.filter((one) => one === 'close')).toHaveLength(1)
    if (type !== 'close') expect(sink.outcome).toMatchObject({ code: CODE.UNKNOWN, origin: 'local' })
    expect(channel.isClosed).toBe(true)
    // A slot that its opener gave up without an answer returns with the tick.
    script.advance(1000)
    expect(script.session.stats()).toMatchObject({
      state: 'READY',
      openChannels: 1,
      handlerErrors: 1,
      openSlotsTaken: 0,
      unreadBytes: 0,
    })
    script.send(data({ chan: -1, payload: 'still here' }))
    expect(bystander.sink.texts).toEqual(['still here'])
  })
})

describe('a sink that throws', () => {
  it('on a channel that is closed on the wire gets nothing more of what it held', () => {
    const script = ready()
    const { channel, sink } = openedAndSent(script, { isLast: true })
    channel.pause()
    script.send([data({ chan: -1, payload: 'one' }), data({ chan: -1, flags: MSG + FIN, payload: 'two' })])
    expect(channel.state).toBe('CLOSED')
    throwingIn(sink, 'message')
    channel.resume()
    expect(sink.texts).toEqual(['one'])
    expect(sink.types.at(-1)).toBe('close')
    expect(sink.outcome).toMatchObject({ code: CODE.UNKNOWN, delivery: 'processed' })
    script.expectNothing('it is closed on the wire')
    expect(script.session.stats().unreadBytes).toBe(0)
  })

  it('in the end of a channel that is complete: the end is told all the same', () => {
    const script = ready()
    const { sink } = openedAndSent(script, { isLast: true })
    throwingIn(sink, 'end')
    script.send(data({ chan: -1, flags: FIN }))
    expect(sink.types).toEqual(['end', 'close'])
    expect(sink.outcome?.code).toBe(CODE.UNKNOWN)
  })

  it('in the middle of accept: what the channel held is dropped', () => {
    const script = ready({ sink: new RecordingSessionSink(() => {}) })
    const { channel, sink } = inbound(script, { payload: 'one' })
    script.send(data({ chan: 1, payload: 'two' }))
    throwingIn(sink, 'message')
    expect(channel.accept(sink)).toBe(true)
    script.expect({ kind: 'END', chan: -1, flags: 0, code: CODE.UNKNOWN })
    expect(sink.types).toEqual(['message', 'close'])
    expect(script.session.stats()).toMatchObject({ unreadBytes: 0, openSlotsTaken: 0 })
  })

  it('when it is told that its channel has failed: what is unread is dropped', () => {
    const script = ready()
    class Sink extends RecordingChannelSink {
      onFailing(): void {
        throw BOOM
      }
    }
    const sink = new Sink()
    const channel = script.session.open('svc', { sink })
    script.expect('OPEN')
    channel.pause()
    script.send([data({ chan: -1, payload: 'one' }), end({ chan: -1 })])
    expect(script.sink.handlerErrors).toEqual([BOOM])
    expect(sink.types).toEqual(['readable', 'close'])
    expect(script.session.stats().unreadBytes).toBe(0)
    channel.resume()
    expect(sink.types).toHaveLength(2)
  })

  it('on a one-way: nothing is sent, the slot is free', () => {
    const script = ready({
      sink: new RecordingSessionSink((channel, sink) => {
        throwingIn(sink, 'message')
        channel.accept(sink)
      }),
    })
    inbound(script, { flags: FIN + ONEWAY + MSG, payload: 'x' })
    script.expectNothing('a one-way is never answered')
    expect(script.sink.handlerErrors).toEqual([BOOM])
    expect(script.session.stats()).toMatchObject({ openChannels: 0, openSlotsTaken: 0 })
  })

  it('while the connection is lost: every other channel is told, and the session', () => {
    const script = ready()
    const channels = [1, 2, 3].map(() => openedAndSent(script))
    for (const { sink } of channels) throwingIn(sink, 'close')
    script.endInput()
    expect(channels.map(({ sink }) => sink.types)).toEqual([['close'], ['close'], ['close']])
    expect(script.sink.handlerErrors).toHaveLength(3)
    expect(script.sink.isClosed).toBe(true)
  })

  it('while a drain takes calls back, while a deadline passes, while the session closes', () => {
    const script = ready({}, { opens: 1 })
    const late = openedAndSent(script, { timeoutMs: 10 })
    const waiting = opened(script)
    for (const { sink } of [late, waiting]) throwingIn(sink, 'close')
    script.send(goaway())
    script.advance(10)
    script.expect('RESET')
    expect(script.sink.handlerErrors).toHaveLength(2)
    expect(script.session.state).toBe('READY')
  })

  it('in a fragment that completes a message, and in END behind queued messages', () => {
    const script = ready()
    const { sink } = openedAndSent(script)
    throwingIn(sink, 'message')
    script.send(data({ chan: -1, flags: MSG + MORE, payload: 'p'.repeat(600) }))
    script.send([data({ chan: -1, payload: 'q' }), end({ chan: -1 })])
    script.expect({ kind: 'RESET', chan: 1, code: CODE.UNKNOWN })
    expect(sink.types).toEqual(['message', 'close'])
  })
})

describe('a program that throws in onChannel', () => {
  it('before it took the channel: END UNKNOWN without NOPROC, for it has seen it [ERR-004] [ERR-011]', () => {
    const script = ready({
      sink: new RecordingSessionSink(() => {
        throw BOOM
      }),
    })
    script.send(open({ flags: MSG + FIN, payload: 'x' }))
    script.expect({ kind: 'END', chan: -1, flags: 0, code: CODE.UNKNOWN })
    script.expectNothing('one frame says it')
    expect(script.sink.handlerErrors).toEqual([BOOM])
    expect(script.session.stats()).toMatchObject({ openChannels: 0, openSlotsTaken: 0, unreadBytes: 0 })
  })

  it('after it took the channel', () => {
    const script = ready({
      sink: new RecordingSessionSink((channel, sink) => {
        channel.accept(sink)
        throw BOOM
      }),
    })
    const { sink } = inbound(script, { payload: 'x' })
    script.expect({ kind: 'END', chan: -1, flags: 0, code: CODE.UNKNOWN })
    expect(sink.types).toEqual(['close'])
  })

  it('after it refused it: the refusal stands', () => {
    const script = ready({
      sink: new RecordingSessionSink((channel) => {
        channel.refuse()
        throw BOOM
      }),
    })
    script.send(open())
    script.expect({ kind: 'END', chan: -1, flags: NOPROC, code: CODE.UNIMPLEMENTED })
    script.expectNothing('once')
    expect(script.session.state).toBe('READY')
  })

  it('held channels are shown one after the other even if one throws', () => {
    const script = ready({
      isAuthRequired: true,
      sink: new RecordingSessionSink((channel, sink) => {
        if (channel.id === -1) throw BOOM
        channel.accept(sink)
      }),
    })
    script.send([open({ chan: 1 }), open({ chan: 2, payload: 'x' })])
    script.session.admit()
    expect(script.sink.inbound.map(({ sink }) => sink.texts)).toEqual([[], ['x']])
  })
})

describe('a session sink that throws elsewhere', () => {
  const REFS = { refs: refsValue([{ refId: 1, flags: 1 }]) }
  const CASES: Readonly<Record<string, (script: ScriptedPeer) => void>> = {
    hello: () => {},
    drain: (script) => script.send(goaway()),
    refFreed: (script) => {
      opened(script, { headers: REFS, isOneway: true })
      script.send(ref())
    },
  }

  it.each(Object.keys(CASES))(
    'in %s: the connection ends with INTERNAL_ERROR, and the process lives',
    (type) => {
      const script = new ScriptedPeer()
      script.expect('HELLO')
      script.sink.onEvent = (event) => {
        if (event.type === type) throw BOOM
      }
      script.sendRaw(preface())
      script.send(hello())
      ;(CASES[type] as (script: ScriptedPeer) => void)(script)
      script.takeFrames()
      expect(script.sink.closeError).toMatchObject({ code: 'INTERNAL_ERROR', cause: BOOM })
    },
  )
})
