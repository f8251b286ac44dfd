// What a session holds while nothing happens on it, and what sessions of one peer share.
import { hello, pong, preface } from '@peerplex/testkit'
import { Session, SessionProfile, type SessionSink } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { openedAndSent, ready } from './lifecycle-support.js'

const SINK: SessionSink = {
  onOutputPending: () => {},
  onTimer: () => {},
  onChannel: () => {},
  onClose: () => {},
}

describe('an idle session', () => {
  it('has no memory for output after the handshake', () => {
    expect(ready().session.channels.outbox.slabBytes).toBe(0)
  })

  it('gives back what it used once it has been quiet for a while', () => {
    const script = ready({ limits: { idleTimeoutMs: 0 } }, { idleMs: 30_000 })
    const { channel } = openedAndSent(script)
    const { outbox } = script.session.channels
    for (let count = 0; count < 10; count++) {
      channel.send(new Uint8Array(1_000))
      script.expect('DATA')
    }
    expect(outbox.slabBytes).toBe(65_536)
    // Keepalives, one every ten seconds: the first tells that there was much before it.
    for (let count = 0; count < 3; count++) {
      script.advance(10_000)
      const frame = script.expect('PING')
      if (frame.kind === 'PING') script.send(pong({ payload: frame.payload }), 'its answer')
    }
    expect(outbox.slabBytes).toBeLessThanOrEqual(64)
  })
})

describe('a profile', () => {
  const session = (profile: SessionProfile, kind: 'byte' | 'message' = 'byte') => {
    const made = new Session({ kind, now: () => 0, profile }, SINK)
    made.start()
    return made
  }

  it('is shared by its sessions: limits and what is announced are there once', () => {
    const profile = new SessionProfile({ instance: new Uint8Array(16), limits: { maxOpenChannels: 7 } })
    const [one, other] = [session(profile), session(profile)]
    expect(one.limits).toBe(other.limits)
    expect(one.limits.maxOpenChannels).toBe(7)
  })

  it('greets each connection with bytes of its own, and a message connection without preface', () => {
    const profile = new SessionProfile({ instance: new Uint8Array(16).fill(3), hello: { peer: 'me' } })
    const [[one], [other], [message]] = [session(profile), session(profile), session(profile, 'message')].map(
      (made) => made.takeOutput(),
    ) as [Uint8Array[], Uint8Array[], Uint8Array[]]
    expect(one?.subarray(0, 8)).toEqual(preface())
    expect(message).toEqual(one?.slice(8))
    const before = other?.slice()
    // A transport may do what it likes with what it has taken.
    one?.fill(0)
    message?.fill(0)
    expect(other).toEqual(before)
    expect(session(profile).takeOutput()).toEqual([before])
  })

  it('throws what a session would throw', () => {
    expect(() => new SessionProfile({ instance: new Uint8Array(3) })).toThrow(/instance has 3 bytes/)
    expect(() => new SessionProfile({ instance: new Uint8Array(16), limits: { maxHeaderCount: 0 } })).toThrow(
      /maxHeaderCount/,
    )
  })

  it('remembers what the other side announced after the chunk that brought it is gone', () => {
    const made = session(new SessionProfile({ instance: new Uint8Array(16) }))
    const bytes = new Uint8Array([...preface(), ...hello({ instance: new Uint8Array(16).fill(9) })])
    made.receive(bytes)
    bytes.fill(0)
    expect(made.remoteHello?.instance).toEqual(new Uint8Array(16).fill(9))
    expect(made.remoteHello?.headers.size).toBe(0)
  })
})
