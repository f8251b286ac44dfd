// When and how the slots of channels that are done are announced to the opener again.
import { goaway, open, type ScriptedPeer } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import {
  bytesOf,
  FIN,
  MSG,
  ONEWAY,
  ofKind,
  opened,
  REFUSED,
  ready,
  readyPair,
  SECOND,
  serving,
  wrapped,
} from './flow-support.js'

/** Ends an accepted channel of the script from here, and says that its handler is done. */
function answer(script: ScriptedPeer, index: number): void {
  const { channel } = script.sink.inboundAt(index)
  channel.fail(2)
  channel.settle()
}

describe('returned slots', () => {
  it('are announced together, once 64 are owed [OCR-007]', () => {
    const script = serving(1_024)
    for (let chan = 1; chan <= 200; chan++) {
      script.send(open({ chan }))
      answer(script, chan - 1)
      const frames = script.takeFrames()
      expect(frames[0]?.kind).toBe('END')
      expect(frames.slice(1)).toMatchObject(
        chan % 64 === 0 ? [{ kind: 'CREDIT', chan: 0, countLimit: 1_024 + chan }] : [],
      )
    }
  })

  it('are announced once 64 are owed even if there is nothing else to send [OCR-007]', () => {
    const script = serving(1_024)
    for (let chan = 1; chan <= 64; chan++) {
      script.send(open({ chan, flags: FIN + MSG + ONEWAY, payload: 'x' }))
      script.sink.inboundAt(chan - 1).channel.settle()
      if (chan < 64) script.expectNothing('fewer than 64 are owed')
    }
    script.expect({ kind: 'CREDIT', chan: 0, countLimit: 1_024 + 64 })
  })

  it('are announced at once while the opener has less than a quarter left [OCR-007]', () => {
    const script = serving(8)
    for (let chan = 1; chan <= 6; chan++) script.send(open({ chan }))
    answer(script, 0)
    script.expect('END')
    script.expectNothing('two of eight are left')
    script.send(open({ chan: 7 }))
    script.expect({ kind: 'CREDIT', chan: 0, countLimit: 9 }, 'now it is one')
    script.send(open({ chan: 8 }))
    answer(script, 1)
    script.expect('END')
    script.expect({ kind: 'CREDIT', chan: 0, countLimit: 10 })
  })

  it('reach an opener that has used up all but has nothing to hear otherwise [OCR-007]', () => {
    const pair = readyPair({ b: { limits: { maxOpenChannels: 2 } } })
    pair.sinkB.onInbound = (channel, sink) => {
      sink.onEvent = (event) => {
        if (event.type === 'end' && channel.isWritable) channel.end()
        if (event.type === 'close') channel.settle()
      }
      channel.accept(sink)
    }
    opened(pair.sessionA, { isLast: true, message: bytesOf(1) })
    pair.pump()
    opened(pair.sessionA)
    pair.pump()
    const third = opened(pair.sessionA)
    pair.pump()
    expect(third.channel.state).toBe('OPEN')
  })

  it('travel with every CREDIT 0 that leaves for another reason', () => {
    const script = ready({ limits: { maxOpenChannels: 1_024, connectionWindowBytes: 65_536 } })
    script.send(open({ chan: 1 }))
    answer(script, 0)
    script.expect('END')
    script.send(open({ chan: 2, payload: bytesOf(40_000) }))
    script.expect({ kind: 'CREDIT', chan: 0, countLimit: 1_025 })
  })

  it('cost one CREDIT per 64 calls over thousands of calls, and none is lost', () => {
    const pair = readyPair({ isCapturing: true })
    pair.sinkB.onInbound = (channel, sink) => {
      channel.accept(sink)
      channel.sendLast(bytesOf(1))
      channel.settle()
    }
    for (let i = 0; i < 3_000; i++) {
      pair.sessionA.open('call', { message: bytesOf(1), isLast: true })
      pair.pump()
    }
    expect(pair.sessionB.stats()).toMatchObject({
      openSlotsTaken: 0,
      openChannels: 0,
      channelsAccepted: 3_000,
    })
    expect(ofKind(pair.sentFrames('bToA'), 'CREDIT').length).toBe(Math.floor(3_000 / 64))
  })

  it('are the same when the counts pass 2^31 and 2^32 [OCR-003] [OCR-007]', () => {
    for (const edge of [2 ** 31, 2 ** 32]) {
      const script = serving(4)
      script.session.channels.slots.startAt(edge - 6)
      let limit = wrapped(edge - 2)
      for (let chan = 1; chan <= 20; chan++) {
        script.send(open({ chan }))
        answer(script, chan - 1)
        for (const frame of ofKind(script.takeFrames(), 'CREDIT')) limit = frame.countLimit
        const left = (limit - wrapped(edge - 6 + chan)) | 0
        expect(left).toBeGreaterThanOrEqual(1)
        expect(left).toBeLessThanOrEqual(4)
      }
      const left = (limit - wrapped(edge - 6 + 20)) | 0
      for (let i = 1; i <= left; i++) script.send(open({ chan: 20 + i }))
      script.expectNothing('within the limit')
      script.send(open({ chan: 40 }))
      script.expect({ kind: 'RESET', code: REFUSED })
    }
  })

  it('may be withheld for ever: with none to open, nothing is refused and nothing is sent', () => {
    const pair = readyPair({ b: { limits: { maxOpenChannels: 0 } } })
    const { channel } = opened(pair.sessionA, { message: bytesOf(10) })
    pair.pump()
    pair.advance(10 * SECOND)
    expect(channel.state).toBe('IDLE')
    expect(pair.sinkB.inbound).toEqual([])
    expect(pair.sessionA.stats()).toMatchObject({ openingChannels: 1, queuedOutputBytes: 10 })
  })

  it('are taken back from waiting OPENs when the other side drains', () => {
    const script = ready({}, { opens: 0 })
    const { sink } = opened(script.session, { message: bytesOf(10) })
    script.send(goaway({ graceMs: 1_000 }))
    expect(sink.outcome).toMatchObject({ name: 'UNAVAILABLE', delivery: 'not-sent' })
    expect(script.session.stats()).toMatchObject({ openingChannels: 0, queuedOutputBytes: 0 })
  })
})
