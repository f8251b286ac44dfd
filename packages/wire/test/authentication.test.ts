import {
  credit,
  data,
  end,
  entry,
  goaway,
  MemoryPair,
  open,
  ping,
  reset,
  ScriptedPeer,
  stop,
} from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import {
  CODE,
  drainToFinal,
  FIN,
  FINAL,
  inbound,
  MORE,
  MSG,
  NOPROC,
  ONEWAY,
  openedAndSent,
  ready,
} from './lifecycle-support.js'

/** A session that checks the credentials of the other side; both HELLOs are exchanged, the verdict is open. */
function pending(options: ConstructorParameters<typeof ScriptedPeer>[0] = {}): ScriptedPeer {
  return ready({ isAuthRequired: true, ...options }, { entries: [entry(0x88, 'token')] })
}

describe('before the verdict', () => {
  it('HELLO announces only the floors [AUT-001]', () => {
    const script = new ScriptedPeer({ isAuthRequired: true })
    script.expect({ kind: 'HELLO', connBytes: 65_536, opens: 16, rxBytes: 262_144, maxMessage: 4 << 20 })
    const few = new ScriptedPeer({ isAuthRequired: true, limits: { maxOpenChannels: 3 } })
    few.expect({ kind: 'HELLO', opens: 3 })
  })

  it('the credential is with the program, the calls are not [AUT-002] [AUT-003]', () => {
    const script = pending()
    expect(script.sink.hello?.headers.get('auth')).toBe('token')
    script.send(open({ chan: 1, flags: MSG + FIN, payload: 'x' }))
    script.send(open({ chan: 2, flags: MSG + MORE, payload: 'y'.repeat(600) }))
    script.send(data({ chan: 2, flags: MSG + FIN, payload: 'z' }))
    script.expectNothing('held')
    expect(script.sink.inbound).toEqual([])
    expect(script.session.stats()).toMatchObject({ heldChannels: 2, openChannels: 2, openSlotsTaken: 2 })
  })

  it('all other frames are acted on at once [AUT-002]', () => {
    const script = pending()
    const { channel, sink } = openedAndSent(script)
    script.send([data({ chan: -1, payload: 'x' }), ping({ payload: '12345678' })])
    script.expect({ kind: 'PONG', payload: '12345678' })
    expect(sink.texts).toEqual(['x'])
    script.send(stop({ chan: -1 }))
    script.expect({ kind: 'DATA', flags: FIN })
    script.send(reset({ chan: -1 }))
    expect(channel.state).toBe('CLOSED')
    script.send(goaway())
    expect(script.sink.types.at(-1)).toBe('drain')
  })

  it('a held OPEN goes with its data when RESET or END arrives for it [AUT-004]', () => {
    const script = pending()
    script.send([
      open({ chan: 1, flags: MSG, payload: 'x'.repeat(500) }),
      open({ chan: 2, flags: MSG + MORE, payload: 'y'.repeat(600) }),
      open({ chan: 3, flags: MSG, payload: 'z' }),
      open({ chan: 4, flags: MSG + FIN + ONEWAY, payload: 'z' }),
    ])
    script.send([reset({ chan: 1 }), end({ chan: 2 }), end({ chan: 3 }), reset({ chan: 4 })])
    script.expectNothing('not answered')
    expect(script.session.stats()).toMatchObject({
      heldChannels: 0,
      openChannels: 0,
      unreadBytes: 0,
      assemblingBytes: 0,
      inboundPartials: 0,
    })
    script.session.admit()
    expect(script.sink.inbound).toEqual([])
  })

  it('no CREDIT 0 at all, not even for bytes that were discarded [AUT-005]', () => {
    const script = pending()
    for (let id = 1; id <= 3; id++) {
      script.send([open({ chan: id, payload: 'x'.repeat(16_000) }), reset({ chan: id })])
    }
    script.send(data({ chan: 1, payload: 'x'.repeat(10_000) }))
    script.advance(5000)
    script.expectNothing('CREDIT 0 is the signal of acceptance')
    script.session.admit()
    script.expect({ kind: 'CREDIT', chan: 0 })
  })

  it('the floors bind: an overrun is FLOW_CONTROL, a 17th OPEN is REFUSED', () => {
    const over = pending()
    over.send([1, 2, 3, 4].map((id) => open({ chan: id, payload: 'x'.repeat(16_000) })))
    over.send(open({ chan: 5, payload: 'x'.repeat(2000) }))
    over.expectClosed('FLOW_CONTROL')
    const many = pending()
    for (let id = 1; id <= 16; id++) many.send(open({ chan: id }))
    many.expectNothing('held')
    many.send(open({ chan: 17 }))
    many.expect({ kind: 'RESET', chan: -17, flags: NOPROC, code: CODE.REFUSED })
  })

  it('a name that exists and one that does not look the same [AUT-003]', () => {
    const answers = ['known', 'unknown', '~ref', '~health'].map((name) => {
      const script = pending()
      script.send(open({ name, flags: MSG + FIN, payload: 'x' }))
      script.send([
        open({ chan: 2, name, entries: [entry(0x8f, 'gzip')] }),
        open({ chan: 3, name, codec: 200 }),
      ])
      script.advance(1000)
      return script.takeFrames().length
    })
    expect(answers).toEqual([0, 0, 0, 0])
  })

  it('a held call may run out of time', () => {
    const script = pending()
    script.send(open({ timeoutMs: 100, flags: MSG, payload: 'x' }))
    script.advance(100)
    script.expect({ kind: 'END', chan: -1, flags: NOPROC, code: CODE.DEADLINE_EXCEEDED })
    script.session.admit()
    script.expect('CREDIT')
    expect(script.sink.inbound).toEqual([])
    expect(script.session.stats()).toMatchObject({ openSlotsTaken: 0, unreadBytes: 0, heldChannels: 0 })
  })

  it('a message larger than the window of a channel waits for the verdict, then goes on', () => {
    const pair = new MemoryPair({ b: { isAuthRequired: true, limits: { channelWindowBytes: 16_384 } } })
    pair.sessionA.open('svc', { message: new Uint8Array(60_000), isLast: true })
    pair.pump()
    expect(pair.sinkB.inbound).toEqual([])
    pair.sessionB.admit()
    pair.pump()
    expect(pair.sinkB.inboundAt(0).sink.messages[0]?.length).toBe(60_000)
  })
})

describe('the verdict', () => {
  it('good: CREDIT 0 with the real limits first, then the held channels in their order [AUT-006]', () => {
    const script = pending()
    script.send([
      open({ chan: 1, name: 'one', flags: MSG + FIN, payload: 'a' }),
      open({ chan: 2, name: 'two', payload: 'b' }),
      data({ chan: 2, payload: 'c' }),
    ])
    script.sink.onInbound = (channel, sink) => {
      channel.accept(sink)
      channel.sendLast(new TextEncoder().encode(channel.name))
    }
    script.session.admit()
    const first = script.expect({ kind: 'CREDIT', chan: 0, countLimit: 1024 })
    expect(first.kind === 'CREDIT' && first.byteLimit).toBeGreaterThanOrEqual(4 << 20)
    script.expect({ kind: 'DATA', chan: -1, payload: 'one' })
    script.expect({ kind: 'DATA', chan: -2, payload: 'two' })
    expect(script.sink.inbound.map(({ sink }) => sink.texts)).toEqual([['a'], ['b', 'c']])
    expect(script.session.stats().heldChannels).toBe(0)
    script.session.admit()
    script.session.admit()
    script.expectNothing('once')
  })

  it('from then on channels are shown at once', () => {
    const script = pending()
    script.session.admit()
    script.expect('CREDIT')
    expect(inbound(script, { payload: 'x' }).sink.texts).toEqual(['x'])
  })

  it('it may come before the other HELLO', () => {
    const script = new ScriptedPeer({ isAuthRequired: true })
    script.session.admit()
    script.handshake()
    script.expect({ kind: 'CREDIT', chan: 0, countLimit: 1024 })
    expect(inbound(script).channel.state).toBe('OPEN')
  })

  it('bad: AUTH with lastId 0, held calls were not processed [AUT-007]', () => {
    const script = pending()
    script.send([open({ chan: 1 }), open({ chan: 2 })])
    script.session.refuseAuth()
    script.expect({ kind: 'GOAWAY', flags: FINAL, code: 73, lastId: 0 })
    script.expectClosed('AUTH', '', 'none')
    expect(script.sink.inbound).toEqual([])
    const words = pending()
    words.session.refuseAuth('no such user')
    expect(words.sink.closeError?.message).toBe('no such user')
  })

  it('its opener may repeat them elsewhere', () => {
    const pair = new MemoryPair({ b: { isAuthRequired: true } })
    const channel = pair.sessionA.open('svc', { isLast: true })
    pair.pump()
    pair.sessionB.refuseAuth()
    pair.pump()
    expect(channel.outcome).toMatchObject({ code: CODE.UNAVAILABLE, delivery: 'not-processed' })
    expect(pair.sinkA.closeError?.code).toBe('AUTH')
  })

  it('none within helloTimeout after HELLO: HELLO_TIMEOUT with lastId 0 [AUT-008]', () => {
    const script = new ScriptedPeer({ isAuthRequired: true, limits: { helloTimeoutMs: 3000 } })
    script.advance(2000)
    script.handshake()
    script.send(open())
    script.advance(2999)
    script.expectNothing('one millisecond is left')
    script.advance(1)
    script.expect({ kind: 'GOAWAY', flags: FINAL, code: 69, lastId: 0 })
    script.expectClosed('HELLO_TIMEOUT', '', 'none')
    const quick = new ScriptedPeer({ isAuthRequired: true, limits: { helloTimeoutMs: 3000 } })
    quick.handshake()
    quick.session.admit()
    quick.advance(10_000)
    expect(quick.sink.isClosed).toBe(false)
  })

  it('any other error while it is open says lastId 0 too [ERR-018]', () => {
    const script = pending()
    script.send([open({ chan: 1 }), data({ chan: 9, payload: 'x' })])
    script.expect({ kind: 'GOAWAY', flags: FINAL, code: 64, lastId: 0 })
    script.expectClosed('PROTOCOL_ERROR', '', 'none')
  })

  it('admit() on a session that asks nobody, and after the end, does nothing', () => {
    const open = ready()
    open.session.admit()
    open.expectNothing('nothing to admit')
    const closed = pending()
    closed.session.close()
    closed.takeFrames()
    closed.session.admit()
    expect(closed.session.takeOutput()).toEqual([])
  })

  it('a program that closes while held channels are shown stops the showing', () => {
    const script = pending()
    script.send([open({ chan: 1 }), open({ chan: 2 })])
    script.sink.onInbound = () => script.session.close()
    script.session.admit()
    expect(script.sink.inbound).toHaveLength(1)
  })

  it('a drain that begins before the verdict ends when the held channels are done', () => {
    const script = pending()
    script.send(open({ chan: 1, flags: FIN }))
    drainToFinal(script)
    script.expectNothing('the channel is held')
    script.session.admit()
    script.expect('CREDIT')
    script.sink.inboundAt(0).channel.end()
    script.expect('DATA')
    script.expectClosed(null)
  })

  it('the real open limit holds after it: more than 16 at once', () => {
    const pair = new MemoryPair({ b: { isAuthRequired: true, limits: { maxOpenChannels: 40 } } })
    pair.sessionB.admit()
    for (let count = 0; count < 60; count++) pair.sessionA.open('svc')
    pair.pump()
    expect(pair.sinkB.inbound).toHaveLength(40)
    expect(pair.sessionA.stats().openingChannels).toBe(20)
    expect(pair.sessionB.stats().channelsRefused).toBe(0)
  })

  it('raising credit while it is open changes nothing for our own calls', () => {
    const script = pending()
    script.send(credit({ byteLimit: 8 << 20, countLimit: 2000 }))
    expect(openedAndSent(script).channel.id).toBe(1)
  })
})
