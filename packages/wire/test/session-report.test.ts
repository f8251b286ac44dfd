// What a session says of itself: state, levels and counts, and the options it does not take.
import { credit, MemoryPair, RecordingSessionSink, ScriptedPeer } from '@peerplex/testkit'
import { Session } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { CODE, inbound, NOPROC, opened, thrown, undecided } from './lifecycle-support.js'

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
