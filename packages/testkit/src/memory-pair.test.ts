import { describe, expect, it } from 'vitest'
import { concat, hex, toBytes } from './bytes.js'
import { type Chunker, MemoryPair, seededChunks, singleByteChunks, wholeChunks } from './memory-pair.js'
import { acceptAsEcho, RecordingChannelSink, RecordingSessionSink } from './recording-sink.js'

function echoPair(options: ConstructorParameters<typeof MemoryPair>[0] = {}): MemoryPair {
  return new MemoryPair({ ...options, b: { sink: new RecordingSessionSink(acceptAsEcho), ...options.b } })
}

/** Opens a channel, sends some messages on it, ends it. */
function talk(pair: MemoryPair, texts: readonly string[]): RecordingChannelSink {
  const sink = new RecordingChannelSink()
  const channel = pair.sessionA.open('echo', { sink })
  for (const text of texts) channel.send(toBytes(text))
  channel.end()
  return sink
}

describe('MemoryPair', () => {
  const WAYS: readonly (readonly [string, 'byte' | 'message', Chunker])[] = [
    ['bytes, whole', 'byte', wholeChunks],
    ['bytes, one at a time', 'byte', singleByteChunks],
    ['bytes, at random', 'byte', seededChunks(7)],
    ['messages', 'message', wholeChunks],
  ]
  it.each(WAYS)('carries calls both ways: %s', (_, kind, chunker) => {
    const pair = echoPair({ kind, chunker })
    pair.pump()
    expect(pair.sinkA.types).toEqual(['hello'])
    const sink = talk(pair, ['one', 'two', 'x'.repeat(100_000)])
    pair.pump()
    expect(sink.texts.map((text) => text.length)).toEqual([3, 3, 100_000])
    expect(sink.types.at(-1)).toBe('close')
    expect(sink.outcome?.code).toBe(0)
    expect(pair.pump()).toBe(0)
  })

  it('captures what each side has sent', () => {
    const pair = echoPair()
    talk(pair, ['hi'])
    pair.pump()
    expect(hex(pair.sentBytes('aToB')).startsWith('89505058310d0a1a')).toBe(true)
    expect(pair.sentFrames('aToB').map((frame) => frame.kind)).toEqual(['HELLO', 'OPEN', 'DATA', 'DATA'])
    expect(pair.sentFrames('bToA')[0]?.kind).toBe('HELLO')
    const uncaptured = echoPair({ isCapturing: false })
    uncaptured.pump()
    expect(uncaptured.sentBytes('aToB')).toHaveLength(0)
  })

  it('delivers step by step', () => {
    const pair = echoPair()
    expect(pair.takeOutput('aToB')).toBe(true)
    expect(pair.takeOutput('aToB')).toBe(false)
    const all = pair.inFlightBytes('aToB')
    expect(pair.deliver('aToB', all - 1)).toBe(all - 1)
    expect(pair.sinkB.hello).toBeNull()
    expect(pair.inFlightBytes('aToB')).toBe(1)
    expect(pair.deliver('aToB', 10)).toBe(1)
    expect(pair.sinkB.hello).not.toBeNull()
    expect(pair.deliver('aToB')).toBe(0)
  })

  it('delivers transport messages one by one on a message connection', () => {
    const pair = echoPair({ kind: 'message' })
    pair.takeOutput('aToB')
    talk(pair, ['hi'])
    pair.takeOutput('aToB')
    expect(pair.inFlightMessages('aToB')).toBe(2)
    expect(pair.deliver('aToB', 1)).toBe(1)
    expect(pair.sinkB.types).toEqual(['hello'])
    expect(pair.deliver('aToB')).toBe(1)
    expect(pair.sinkB.types).toEqual(['hello', 'channel'])
  })

  it('takes nothing from a paused direction', () => {
    const pair = echoPair()
    pair.pump()
    pair.pause('bToA')
    const sink = talk(pair, ['hi'])
    pair.pump()
    expect(sink.types).toEqual([])
    expect(pair.sessionB.hasOutput).toBe(true)
    pair.resume('bToA')
    pair.pump()
    expect(sink.texts).toEqual(['hi'])
  })

  it('cuts the connection', () => {
    const pair = echoPair()
    pair.pump()
    const sink = talk(pair, ['hi'])
    pair.takeOutput('aToB')
    pair.cutAll()
    expect(pair.inFlightBytes('aToB')).toBe(0)
    expect([pair.sinkA.isClosed, pair.sinkB.isClosed]).toEqual([true, true])
    expect(sink.outcome?.name).toBe('UNAVAILABLE')
    expect(pair.sinkB.inbound).toHaveLength(0)
  })

  it('ends the other side’s input when a session is through', () => {
    const pair = echoPair()
    pair.pump()
    pair.sessionA.close()
    pair.pump()
    expect([pair.sinkA.isClosed, pair.sinkB.isClosed]).toEqual([true, true])
  })

  it('runs timers and what follows from them', () => {
    const pair = echoPair()
    pair.pump()
    const before = pair.sentBytes('aToB').length
    pair.advance(200_000)
    expect([pair.sinkA.isClosed, pair.sinkB.isClosed]).toEqual([false, false])
    expect(pair.sentBytes('aToB').length).toBeGreaterThan(before)
    pair.pause('aToB')
    pair.advance(200_000)
    expect(pair.sinkB.closeError?.code).toBe('IDLE_TIMEOUT')
  })

  it('does not let a sink move bytes', () => {
    const pair = echoPair()
    const seen: string[] = []
    pair.sinkB.onEvent = () => {
      try {
        pair.pump()
      } catch (error) {
        seen.push((error as Error).message)
      }
    }
    pair.pump()
    expect(seen).toEqual(['a sink must not move bytes'])
  })

  it('starts when told to', () => {
    const pair = new MemoryPair({ isStarted: false })
    expect(pair.pump()).toBe(0)
    pair.start()
    pair.pump()
    expect(pair.sinkA.hello).not.toBeNull()
  })
})

describe('chunkers', () => {
  it('lose nothing', () => {
    const bytes = Uint8Array.from({ length: 5000 }, (_, i) => i % 251)
    for (const chunker of [wholeChunks, singleByteChunks, seededChunks(3, 100)])
      expect(concat(chunker(bytes))).toEqual(bytes)
  })
})
