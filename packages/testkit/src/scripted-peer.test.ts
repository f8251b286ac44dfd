import { describe, expect, it } from 'vitest'
import { hex } from './bytes.js'
import * as build from './frame-builders.js'
import { singleByteChunks } from './memory-pair.js'
import { RAW_FLAG } from './naive-frames.js'
import { acceptAsEcho, RecordingSessionSink } from './recording-sink.js'
import { ScriptedPeer, type ScriptedPeerOptions } from './scripted-peer.js'

const { FIN, MSG, FINAL } = RAW_FLAG

function echoScript(options: ScriptedPeerOptions = {}): ScriptedPeer {
  return new ScriptedPeer({ sink: new RecordingSessionSink(acceptAsEcho), ...options })
}

/** The message of what `run` throws. */
function failureOf(run: () => void): string {
  try {
    run()
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('nothing was thrown')
}

describe('ScriptedPeer', () => {
  it.each(['byte', 'message'] as const)('plays a call on a %s connection', (kind) => {
    const script = echoScript({ kind })
    script.handshake()
    script.send(build.open({ flags: FIN + MSG, payload: 'hi' }), 'a call')
    script.expect({ kind: 'DATA', chan: -1, payload: 'hi' }, 'the echo')
    script.expect({ kind: 'DATA', chan: -1, flags: FIN }, 'its end')
    script.expectNothing('all is said')
    expect(script.sink.inboundAt(0).channel.name).toBe('echo')
  })

  it('can feed one byte at a time', () => {
    const script = echoScript({ chunker: singleByteChunks })
    script.handshake({ entries: [build.entry(0x9a, 'me')] })
    expect(script.sink.hello?.headers.get('peer')).toBe('me')
  })

  it('sees how a session ends', () => {
    const script = echoScript()
    script.handshake()
    script.send(build.data({ chan: 0, payload: 'x' }), 'a channel frame on the connection')
    script.expectClosed('PROTOCOL_ERROR')
  })

  it('sees loss of the connection, and an orderly end', () => {
    const lost = echoScript()
    lost.handshake()
    lost.endInput('gone')
    lost.expectClosed('UNAVAILABLE')
    const closed = echoScript()
    closed.handshake()
    closed.session.close()
    closed.expectClosed(null)
  })

  it('moves time', () => {
    const script = new ScriptedPeer()
    script.expect('HELLO')
    script.advance(10_000)
    script.expectClosed('HELLO_TIMEOUT', 'we never said hello')
  })

  it('measures the session by what the script has announced', () => {
    const big = build.open({ flags: FIN + MSG, payload: new Uint8Array(20_000) })
    const wide = echoScript()
    wide.handshake()
    wide.send(big)
    wide.expect({ kind: 'DATA', size: 20_000 })
    const narrow = echoScript()
    narrow.handshake({ maxFrame: 16_384 })
    narrow.send(big)
    expect(narrow.expect('DATA').size).toBeLessThanOrEqual(16_384)
  })

  it('puts frames aside that are not of interest', () => {
    const script = echoScript({ ignoring: ['PONG'] })
    script.handshake()
    script.send([build.ping(), build.ping()])
    script.expectNothing()
    expect(script.ignored.map((frame) => frame.kind)).toContain('PONG')
  })

  it('gives frames in any order, or all at once', () => {
    const script = echoScript()
    script.handshake()
    script.send([build.open({ chan: 1, flags: FIN + MSG, payload: 'a' }), build.ping()])
    script.expectUnordered([{ kind: 'DATA', payload: 'a' }, 'PONG', { kind: 'DATA', flags: FIN }])
    script.send(build.open({ chan: 2, flags: FIN + MSG, payload: 'b' }))
    expect(script.takeFrames().map((frame) => frame.chan)).toEqual([-2, -2])
    script.send(build.open({ chan: 3, flags: FIN + MSG, payload: 'c' }))
    script.expectAll([
      { kind: 'DATA', payload: 'c' },
      { kind: 'DATA', flags: FIN },
    ])
  })

  it('shows expectation, difference and the last events when it fails', () => {
    const script = echoScript()
    script.handshake()
    script.send(build.open({ flags: FIN + MSG, payload: 'hi' }), 'a call')
    const message = failureOf(() => script.expect({ kind: 'DATA', payload: 'ho' }, 'the echo'))
    expect(message).toContain('expected DATA payload="ho" (the echo)')
    expect(message).toContain('because payload is 6869, not 686f')
    expect(message).toContain(
      '--> OPEN +1 FIN|MSG size=18 meta=16 name="echo" codec=0 payload(2)=6869   // a call',
    )
    expect(message).toContain('session: channel -1 "echo"')
    expect(message).toContain(hex(build.open({ flags: FIN + MSG, payload: 'hi' }), 4))
  })

  it('fails on silence, on surprise, on life and on death', () => {
    const script = echoScript()
    script.handshake()
    expect(failureOf(() => script.expect('PONG'))).toContain('the session has sent nothing')
    expect(failureOf(() => script.expectClosed(null))).toContain('but it lives')
    script.send(build.ping())
    expect(failureOf(() => script.expectNothing('really'))).toContain('unexpected PONG')
    expect(failureOf(() => script.expectUnordered(['DATA']))).toContain('expected DATA')
    script.takeFrames()
    script.send(build.goaway({ code: 64, flags: FINAL }))
    expect(failureOf(() => script.expectNothing())).toContain('the session has ended')
    expect(failureOf(() => script.expectClosed('FRAME_SIZE'))).toContain('but it ended with')
  })
})
