import { describe, expect, it } from 'vitest'
import * as build from './frame-builders.js'
import { RAW_FLAG } from './naive-frames.js'
import { RecordingChannelSink, RecordingSessionSink } from './recording-sink.js'
import { ScriptedPeer } from './scripted-peer.js'

const { FIN, MSG, TRL } = RAW_FLAG

describe('recording sinks', () => {
  it('write down everything that happens on a channel', () => {
    const script = new ScriptedPeer()
    script.handshake()
    script.send([
      build.open({ flags: MSG, entries: [build.entry('x-a', '1')], payload: 'first' }),
      build.data({ entries: [build.entry('x-b', '2')] }),
      build.data({ payload: 'second', entries: [build.entry('x-c', '3')] }),
      build.stop({ code: 1 }),
      build.data({ flags: FIN + TRL, entries: [build.entry('x-d', '4')] }),
    ])
    const { sink, channel } = script.sink.inboundAt(0)
    expect(sink.texts).toEqual(['first', 'second'])
    expect(sink.headers?.get('x-b')).toBe('2')
    expect(sink.trailers?.get('x-d')).toBe('4')
    expect([sink.stopCode, sink.isEnded]).toEqual([1, true])
    expect(sink.outcome?.code).toBe(0)
    expect(channel.headers.get('x-a')).toBe('1')
    expect(sink.types).toEqual(['message', 'headers', 'message', 'stop', 'end', 'close'])
  })

  it('write down what happens in a session, and survive a handler that throws', () => {
    const sink = new RecordingSessionSink((channel, channelSink) => {
      channelSink.onEvent = (event) => {
        if (event.type === 'message') throw new Error('a bad handler')
      }
      channel.accept(channelSink)
    })
    const script = new ScriptedPeer({ sink })
    script.handshake()
    script.send(build.open({ flags: MSG, payload: 'x' }))
    expect(sink.types).toEqual(['hello', 'channel', 'handlerError'])
    expect((sink.handlerErrors[0] as Error).message).toBe('a bad handler')
    script.send(build.goaway({ graceMs: 7 }))
    expect(sink.events.at(-1)).toEqual({ type: 'drain', isFinal: false, graceMs: 7 })
    expect(() => sink.inboundAt(1)).toThrow('only 1')
  })

  it('copy messages, because a session lends them only', () => {
    const sink = new RecordingChannelSink()
    const lent = Uint8Array.of(1, 2)
    sink.onMessage(lent, undefined as never, undefined as never)
    lent.fill(0)
    expect(sink.messages).toEqual([Uint8Array.of(1, 2)])
  })
})
