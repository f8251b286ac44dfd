import {
  acceptAsEcho,
  concat,
  credit,
  data,
  end,
  entry,
  open,
  RecordingSessionSink,
  reset,
} from '@peerplex/testkit'
import type { Channel } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import {
  bytesOf,
  FIN,
  inbound,
  KIB,
  MORE,
  MSG,
  ONEWAY,
  ofKind,
  opened,
  openedAndSeen,
  ready,
  TRL,
} from './flow-support.js'

/** A paused channel that the script opened. */
function paused(limits = {}) {
  const script = ready({ limits })
  const one = inbound(script)
  one.channel.pause()
  return { script, ...one }
}

function textOf(message: { readonly payload: Uint8Array } | null): string | null {
  return message === null ? null : new TextDecoder().decode(message.payload)
}

describe('a paused channel', () => {
  it('holds its messages back; read() takes them one by one, with their headers', () => {
    const { script, channel, sink } = paused()
    script.send([data({ payload: 'a', entries: [entry('n', '1')] }), data({ payload: 'b' })])
    expect(channel.isPaused).toBe(true)
    expect(sink.messages).toEqual([])
    const first = channel.read()
    expect([textOf(first), first?.headers.get('n')]).toEqual(['a', '1'])
    expect(textOf(channel.read())).toBe('b')
    expect(channel.read()).toBeNull()
  })

  it('says that there is something to read when its queue is no longer empty, once until it is empty again', () => {
    const { script, channel, sink } = paused()
    script.send([data({ payload: 'a' }), data({ payload: 'b' })])
    expect(sink.types).toEqual(['readable'])
    channel.read()
    script.send(data({ payload: 'c' }))
    expect(sink.types).toEqual(['readable'])
    channel.read()
    channel.read()
    script.send(data({ payload: 'd' }))
    expect(sink.types).toEqual(['readable', 'readable'])
  })

  it('may be read from within onReadable', () => {
    const { script, channel, sink } = paused()
    const texts: (string | null)[] = []
    sink.onEvent = (event) => {
      if (event.type === 'readable') texts.push(textOf(channel.read()))
    }
    script.send([data({ payload: 'a' }), data({ payload: 'b' }), data({ payload: 'c' })])
    expect(texts).toEqual(['a', 'b', 'c'])
  })

  it('hands everything over when it is resumed, before resume() returns and in order', () => {
    const { script, channel, sink } = paused()
    script.send(['a', 'b', 'c'].map((payload) => data({ payload })))
    channel.resume()
    expect(sink.texts).toEqual(['a', 'b', 'c'])
    script.send(data({ payload: 'd' }))
    expect(sink.texts).toEqual(['a', 'b', 'c', 'd'])
  })

  it('stays paused where the program pauses again in the middle of that', () => {
    const { script, channel, sink } = paused()
    script.send(['a', 'b', 'c'].map((payload) => data({ payload })))
    sink.onEvent = (event) => {
      if (event.type === 'message') channel.pause()
    }
    channel.resume()
    expect(sink.texts).toEqual(['a'])
    channel.resume()
    expect(sink.texts).toEqual(['a', 'b'])
    expect(textOf(channel.read())).toBe('c')
  })

  it('may be paused in onMessage: the rest of the chunk waits', () => {
    const script = ready()
    const { channel, sink } = inbound(script)
    sink.onEvent = () => channel.pause()
    script.send(['a', 'b', 'c'].map((payload) => data({ payload })))
    expect(sink.types).toEqual(['message', 'readable'])
    expect([textOf(channel.read()), textOf(channel.read())]).toEqual(['b', 'c'])
  })

  it('gives no credit until it is read, so that at most a window waits', () => {
    const { script, channel } = paused({ channelWindowBytes: 16 * KIB })
    script.send([1, 2, 3, 4].map(() => data({ payload: bytesOf(4_000) })))
    script.expectNothing('unread')
    for (let i = 0; i < 4; i++) channel.read()
    script.expect({ kind: 'CREDIT', chan: -1 })
  })

  it('that is not paused has nothing to read', () => {
    const script = ready()
    const { channel, sink } = inbound(script)
    script.send(data({ payload: 'a' }))
    expect(channel.read()).toBeNull()
    expect(sink.texts).toEqual(['a'])
  })

  it('gives nothing before it was accepted, and then everything', () => {
    const script = ready({ sink: new RecordingSessionSink(() => {}) })
    const { channel, sink } = inbound(script, { flags: MSG, payload: 'a' })
    script.send(data({ payload: 'b' }))
    expect(channel.read()).toBeNull()
    expect(script.session.stats().unreadBytes).toBe(2 * 193)
    channel.accept(sink)
    expect(sink.texts).toEqual(['a', 'b'])
    expect(script.session.stats().unreadBytes).toBe(0)
  })

  it('may be paused before it is accepted', () => {
    const script = ready({
      sink: new RecordingSessionSink((channel, sink) => {
        channel.pause()
        channel.accept(sink)
      }),
    })
    const { channel, sink } = inbound(script, { flags: FIN + MSG, payload: 'a' })
    expect(sink.types).toEqual(['readable'])
    expect(textOf(channel.read())).toBe('a')
    expect(sink.types).toEqual(['readable', 'end'])
  })

  it('is the same on a channel that we opened', () => {
    const script = ready()
    const { channel, sink } = openedAndSeen(script, { isLast: true })
    channel.pause()
    script.send([data({ chan: -1, payload: 'a' }), data({ chan: -1, flags: MSG + FIN, payload: 'b' })])
    expect(channel.state).toBe('CLOSED')
    expect([textOf(channel.read()), textOf(channel.read()), channel.read()]).toEqual(['a', 'b', null])
    expect(sink.types).toEqual(['readable', 'end', 'close'])
  })
})

describe('the end of a channel with unread messages', () => {
  it('is told after them: FIN and its trailers, and the outcome [STA-004]', () => {
    const { script, channel, sink } = paused()
    channel.end()
    script.send([
      data({ payload: 'a' }),
      data({ flags: MSG + FIN + TRL, payload: 'b', entries: [entry('t', 'w')] }),
    ])
    expect(sink.types).toEqual(['readable'])
    expect(channel.isClosed).toBe(true)
    channel.read()
    expect(sink.types).toEqual(['readable'])
    channel.read()
    expect(sink.types).toEqual(['readable', 'end', 'close'])
    expect(sink.trailers?.get('t')).toBe('w')
    expect(sink.outcome?.code).toBe(0)
  })

  it('is told after them by END too; an incomplete one is dropped [STA-004]', () => {
    const { script, channel, sink } = paused()
    script.send([
      data({ payload: 'a' }),
      data({ flags: MSG + MORE, payload: bytesOf(600) }),
      end({ code: 10 }),
    ])
    expect(sink.types).toEqual(['readable'])
    expect(textOf(channel.read())).toBe('a')
    expect(sink.types).toEqual(['readable', 'close'])
    expect(sink.outcome?.name).toBe('ABORTED')
    expect(script.session.stats()).toMatchObject({ unreadBytes: 0, assemblingBytes: 0 })
  })

  it('is told at once by RESET, and they are gone [STA-005]', () => {
    const { script, channel, sink } = paused()
    script.send([data({ payload: 'a' }), reset()])
    expect(sink.types).toEqual(['readable', 'close'])
    expect(channel.read()).toBeNull()
    expect(script.session.stats().unreadBytes).toBe(0)
  })

  it('does not come with the loss of the connection before they are read', () => {
    const { script, channel, sink } = paused()
    script.send(data({ payload: 'a' }))
    script.endInput()
    expect(sink.types).toEqual(['readable'])
    expect(textOf(channel.read())).toBe('a')
    expect(sink.outcome?.name).toBe('UNAVAILABLE')
  })

  it('frees them when the handler is done: nobody will read them', () => {
    const { script, channel, sink } = paused()
    script.send([data({ payload: 'a' }), data({ flags: MSG + FIN, payload: 'b' })])
    channel.end()
    expect(sink.types).toEqual(['readable'])
    channel.settle()
    expect(sink.types).toEqual(['readable', 'close'])
    expect(channel.read()).toBeNull()
    expect(script.session.stats()).toMatchObject({ unreadBytes: 0, openSlotsTaken: 0 })
  })

  it('frees them when the handler was done before', () => {
    const { script, channel, sink } = paused()
    script.send([data({ payload: 'a' }), data({ flags: MSG + FIN, payload: 'b' })])
    channel.settle()
    channel.end()
    expect(sink.types).toEqual(['readable', 'close'])
    expect(script.session.stats()).toMatchObject({ unreadBytes: 0, openSlotsTaken: 0 })
  })

  it('frees them by reset() of what is closed on the wire already', () => {
    const script = ready()
    const { channel, sink } = openedAndSeen(script, { isLast: true })
    channel.pause()
    script.send(data({ chan: -1, flags: MSG + FIN, payload: 'a' }))
    channel.reset()
    expect(sink.outcome).toMatchObject({ name: 'CANCELLED', origin: 'local', delivery: 'processed' })
    expect(script.session.stats().unreadBytes).toBe(0)
    script.expectNothing('it was closed')
  })

  it('frees them by refuse() of a call that has ended meanwhile', () => {
    const script = ready({ sink: new RecordingSessionSink(() => {}) })
    const { channel } = inbound(script, { flags: FIN + MSG, payload: 'a' })
    script.send(end())
    channel.refuse()
    script.expectNothing('it is gone')
    expect(script.session.stats()).toMatchObject({ unreadBytes: 0, openChannels: 0 })
  })
})

describe('what comes with an OPEN', () => {
  it.each<[string, (channel: Channel) => void]>([
    ['sendLast', (channel) => channel.sendLast(bytesOf(1))],
    ['end', (channel) => channel.end()],
    ['settle of a one-way', (channel) => channel.settle()],
  ])(
    'is handed over, then its end, although the program ended its side by %s as soon as it saw the channel',
    (how, answer) => {
      const script = ready({
        sink: new RecordingSessionSink((channel, sink) => {
          channel.accept(sink)
          answer(channel)
        }),
      })
      const flags = FIN + MSG + (how.includes('one-way') ? ONEWAY : 0)
      const { channel, sink } = inbound(script, { flags, payload: 'hello' })
      expect(sink.types).toEqual(['message', 'end', 'close'])
      expect(sink.texts).toEqual(['hello'])
      expect(sink.outcome?.code).toBe(0)
      expect(channel.state).toBe('CLOSED')
    },
  )

  it('is kept for a reader that answered first and reads later', () => {
    const script = ready({
      sink: new RecordingSessionSink((channel, sink) => {
        channel.pause()
        channel.accept(sink)
        channel.end()
      }),
    })
    const { channel, sink } = inbound(script, { flags: FIN + MSG, payload: 'hello' })
    expect(sink.types).toEqual(['readable'])
    expect(textOf(channel.read())).toBe('hello')
    expect(sink.types).toEqual(['readable', 'end', 'close'])
  })

  it('is answered in the order of a call: message, end, close', () => {
    const script = ready({ sink: new RecordingSessionSink(acceptAsEcho) })
    const { sink } = inbound(script, { flags: FIN + MSG, payload: 'hello' })
    expect(sink.types).toEqual(['message', 'end', 'close'])
  })

  it('is void when the program ended the channel with an error as soon as it saw it', () => {
    const script = ready({
      sink: new RecordingSessionSink((channel, sink) => {
        channel.accept(sink)
        channel.fail(10)
      }),
    })
    const { sink } = inbound(script, { flags: FIN + MSG, payload: 'hello' })
    expect(sink.types).toEqual(['close'])
    expect(sink.outcome?.name).toBe('ABORTED')
    expect(script.session.stats().unreadBytes).toBe(0)
  })
})

describe('bytes that a reader keeps', () => {
  it('do not change with what arrives later', () => {
    const { script, channel } = paused()
    const chunk = concat([data({ payload: bytesOf(100) }), data({ payload: bytesOf(8_000, 5) })])
    script.send(chunk)
    const small = channel.read()?.payload
    const large = channel.read()?.payload
    script.send([1, 2, 3].map((start) => data({ payload: bytesOf(8_000, start) })))
    expect(small).toEqual(bytesOf(100))
    expect(large).toEqual(bytesOf(8_000, 5))
  })

  it('are plain arrays, also when they came in a Buffer', () => {
    const { script, channel } = paused()
    script.session.receive(Buffer.from(data({ payload: bytesOf(5_000) })))
    const payload = channel.read()?.payload
    expect(payload?.constructor).toBe(Uint8Array)
    expect(payload).toEqual(bytesOf(5_000))
  })
})

describe('a reader with a window of one message', () => {
  it('pulls: one message at a time is under way, and each read asks for the next', () => {
    const script = ready()
    const { channel } = openedAndSeen(script, { windowMessages: 1 })
    channel.pause()
    for (let i = 0; i < 5; i++) {
      script.send(data({ chan: -1, payload: `m${i}` }))
      script.expectNothing('not read yet')
      expect(textOf(channel.read())).toBe(`m${i}`)
      expect(ofKind(script.takeFrames(), 'CREDIT')).toMatchObject([{ chan: 1, countLimit: i + 2 }])
    }
  })

  it('and a producer that is not read sends one and stops', () => {
    const script = ready()
    script.send(open({ rxMsgs: 1 }))
    const { channel } = script.sink.inboundAt(0)
    for (let i = 0; i < 3; i++) channel.send(Uint8Array.of(i))
    expect(script.takeFrames()).toHaveLength(1)
    script.send(credit({ chan: 1, byteLimit: 256 * KIB, countLimit: 3 }))
    expect(script.takeFrames()).toHaveLength(2)
    expect(opened(script.session).channel.id).toBe(1)
  })
})
