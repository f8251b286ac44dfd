// Honest peers under heavy load never come near the end of their economy.
import type { Channel, ChannelSink, Session } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { TABLE } from './economy-support.js'
import { bytesOf, opened, readyPair } from './flow-support.js'

describe('honest peers under load', () => {
  const NOBODY: ChannelSink = { onMessage: () => {} }

  /** A service whose handlers end with their channel. */
  function servingPair(onChannel: (channel: Channel) => void) {
    const pair = readyPair({
      isCapturing: false,
      a: { limits: { idleTimeoutMs: 0 } },
      b: { limits: { idleTimeoutMs: 0 } },
    })
    pair.sinkB.onInbound = onChannel
    return pair
  }

  function expectCalm(...sessions: Session[]): void {
    for (const session of sessions) {
      expect(session.isOpen).toBe(true)
      expect(session.stats().economyBalance).toBeGreaterThanOrEqual(0)
    }
  }

  it('cancel 1,000 calls at once while the answers cross, ten times in a row', () => {
    const channels: Channel[] = []
    const pair = servingPair((channel) => {
      channels.push(channel)
      channel.accept({ ...NOBODY, onClose: (_, one) => one.settle() })
    })
    for (let round = 0; round < 10; round++) {
      channels.length = 0
      const options = { message: bytesOf(10), isLast: true }
      const calls = Array.from({ length: 1_000 }, () => pair.sessionA.open('call', options))
      pair.pump()
      expect(channels).toHaveLength(1_000)
      for (const call of calls) call.reset()
      for (const channel of channels) channel.sendLast(bytesOf(10))
      pair.pump()
      expectCalm(pair.sessionA, pair.sessionB)
      // 1,000 RESETs for closed channels; their ends had earned more than that.
      expect(pair.sessionB.stats().economyBalance).toBe(TABLE.cap - 1_000)
      expect(pair.sessionA.stats().economyBalance).toBe(TABLE.cap)
    }
  })

  it('let the deadlines of 1,000 calls pass on both sides at the same moment, ten times in a row', () => {
    const pair = servingPair((channel) => {
      channel.accept({ ...NOBODY, onClose: (_, one) => one.settle() })
    })
    const options = { message: bytesOf(10), isLast: true, timeoutMs: 100 }
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < 1_000; i++) pair.sessionA.open('call', options)
      pair.pump()
      pair.advance(100)
      expect(pair.sessionA.stats().openChannels + pair.sessionB.stats().openChannels).toBe(0)
      expectCalm(pair.sessionA, pair.sessionB)
    }
  })

  it('answer nothing to calls that end their own input a moment later, so that STOP and FIN cross', () => {
    const pair = servingPair((channel) => {
      channel.accept(NOBODY)
      waiting.push(channel)
    })
    const waiting: Channel[] = []
    for (let round = 0; round < 10; round++) {
      const calls = Array.from({ length: 500 }, () => pair.sessionA.open('call', { message: bytesOf(10) }))
      pair.pump()
      for (const channel of waiting.splice(0)) {
        channel.end()
        channel.settle()
      }
      for (const call of calls) call.end()
      pair.pump()
      expectCalm(pair.sessionA, pair.sessionB)
    }
    expect(pair.sessionB.stats()).toMatchObject({ channelsAccepted: 5_000, openSlotsTaken: 0 })
  })

  it('leave 10,000 streams in mid-flow', () => {
    const producers: Channel[] = []
    const pair = servingPair((channel) => {
      channel.accept({ ...NOBODY, onClose: (_, one) => one.settle() })
      producers.push(channel)
    })
    for (let round = 0; round < 20; round++) {
      producers.length = 0
      const streams = Array.from({ length: 500 }, () =>
        pair.sessionA.open('stream', { isLast: true, sink: NOBODY }),
      )
      pair.pump()
      for (const producer of producers) producer.send(bytesOf(100))
      pair.pump()
      for (const [i, stream] of streams.entries()) {
        if (i % 2 === 0) stream.reset()
        else stream.stop()
      }
      // What they had sent before they knew.
      for (const producer of producers) for (let i = 0; i < 5; i++) producer.send(bytesOf(100))
      pair.pump()
      for (const stream of streams) if (!stream.isClosed) stream.reset()
      pair.pump()
      expectCalm(pair.sessionA, pair.sessionB)
    }
    expect(pair.sessionB.stats()).toMatchObject({ channelsAccepted: 10_000, openSlotsTaken: 0 })
  })

  it('send early headers with every call, both ways', () => {
    const pair = servingPair((channel) => {
      channel.accept({
        ...NOBODY,
        onEnd: (_, one) => {
          one.sendHeaders({ status: 'working' })
          one.sendLast(bytesOf(10))
          one.settle()
        },
      })
    })
    for (let i = 0; i < 5_000; i++) {
      const channel = pair.sessionA.open('call', { sink: NOBODY })
      channel.sendHeaders({ early: 'yes' })
      channel.sendLast(bytesOf(10))
      if (i % 100 === 99) pair.pump()
    }
    pair.pump()
    expectCalm(pair.sessionA, pair.sessionB)
    expect(pair.sessionA.stats().economyBalance).toBeGreaterThan(1_900)
    expect(pair.sessionB.stats().economyBalance).toBeGreaterThan(1_900)
  })

  it('stream one message at a time with a CREDIT for each', () => {
    const pair = servingPair((channel) => {
      channel.accept({ ...NOBODY, onClose: (_, one) => one.settle() })
      for (let i = 0; i < 5_000; i++) channel.send(Uint8Array.of(i & 255))
      channel.end()
    })
    const { sink } = opened(pair.sessionA, { windowMessages: 1, isLast: true })
    pair.pump(100_000)
    expect(sink.messages).toHaveLength(5_000)
    expectCalm(pair.sessionA, pair.sessionB)
    expect(pair.sessionB.stats().economyBalance).toBeGreaterThan(1_900)
  })
})
