import { credit, data, end, entry, open, reset, stop } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import {
  CODE,
  FIN,
  fin,
  inbound,
  MORE,
  MSG,
  NOPROC,
  opened,
  openedAndSent,
  ready,
  TRL,
  undecided,
} from './lifecycle-support.js'

const BIG = 'b'.repeat(600)

describe('FIN ends one direction only', () => {
  it('our output ends, input goes on until their FIN, then the channel is complete [STA-016]', () => {
    const script = ready()
    const { channel, sink } = openedAndSent(script)
    channel.sendLast(Uint8Array.of(1))
    script.expect({ kind: 'DATA', chan: 1, flags: MSG + FIN })
    expect(channel).toMatchObject({ state: 'HALF_LOCAL', isWritable: false, isClosed: false })
    script.send([data({ chan: -1, payload: 'a' }), data({ chan: -1, payload: 'b' })])
    script.send(data({ chan: -1, flags: MSG + FIN, payload: 'c' }))
    expect(sink.types).toEqual(['message', 'message', 'message', 'end', 'close'])
    expect(sink.outcome).toMatchObject({ code: 0, name: 'OK', delivery: 'processed', origin: 'remote' })
    expect(channel).toMatchObject({ state: 'CLOSED', isClosed: true })
    expect(script.session.stats().openChannels).toBe(0)
  })

  it('their output ends first: ours goes on', () => {
    const script = ready()
    const { channel, sink } = inbound(script, { flags: FIN + MSG, payload: 'in' })
    expect(sink.types).toEqual(['message', 'end'])
    for (const text of ['x', 'y']) {
      channel.send(new TextEncoder().encode(text))
      script.expect({ kind: 'DATA', chan: -1, flags: MSG, payload: text })
    }
    channel.end()
    script.expect({ kind: 'DATA', chan: -1, flags: FIN, size: 0 })
    expect(sink.types).toEqual(['message', 'end', 'close'])
  })

  it('the two FINs may cross', () => {
    const script = ready()
    const { channel, sink } = openedAndSent(script)
    channel.end()
    script.send(fin(-1), 'sent before ours arrived')
    script.expect({ kind: 'DATA', chan: 1, flags: FIN })
    expect(sink.types).toEqual(['end', 'close'])
  })

  it('end() twice is one FIN, and end() on a closed channel is nothing', () => {
    const script = ready()
    const { channel } = openedAndSent(script)
    channel.end()
    channel.end()
    script.expect({ kind: 'DATA', chan: 1, flags: FIN })
    script.send(fin(-1))
    channel.end()
    script.expectNothing('it is over')
  })

  it('FIN rides in OPEN: the acceptor hears of the end after the message', () => {
    const script = ready()
    const { channel, sink } = inbound(script, { flags: FIN + MSG, payload: 'all' })
    expect(channel.state).toBe('HALF_REMOTE')
    expect(sink.types).toEqual(['message', 'end'])
    expect(sink.trailers?.size).toBe(0)
  })

  it('after their FIN nothing more may come [STA-001]', () => {
    for (const frame of [
      data({ chan: 1, payload: 'x' }),
      fin(1),
      data({ chan: 1, entries: [entry('x-a', '1')] }),
    ]) {
      const script = ready()
      inbound(script, { flags: FIN })
      script.send(frame)
      script.expectClosed('PROTOCOL_ERROR')
    }
  })

  it('a FIN inside a message is an error unless we have sent STOP [STA-002]', () => {
    const script = ready()
    inbound(script, { flags: MSG + MORE, payload: BIG })
    script.send(fin(1))
    script.expectClosed('PROTOCOL_ERROR')
  })
})

describe('trailers', () => {
  it('arrive with the end, with and without a last message', () => {
    const script = ready()
    const first = inbound(script, { chan: 1 })
    script.send(data({ chan: 1, flags: FIN + TRL, entries: [entry('x-n', '1'), entry('x-n', '2')] }))
    expect(first.sink.types).toEqual(['end'])
    expect(first.sink.trailers?.getAll('x-n')).toEqual(['1', '2'])
    const second = inbound(script, { chan: 2 })
    script.send(data({ chan: 2, flags: MSG + FIN + TRL, entries: [entry('x-n', '3')], payload: 'last' }))
    expect(second.sink.types).toEqual(['message', 'end'])
    expect(second.sink.messageHeaders?.size).toBe(0)
    expect(second.sink.trailers?.get('x-n')).toBe('3')
  })

  it('TRL without entries is a plain FIN', () => {
    const script = ready()
    const { sink } = inbound(script)
    script.send(data({ chan: 1, flags: FIN + TRL }))
    expect(sink.trailers?.size).toBe(0)
  })

  it('end(trailers) and sendLast with trailers put them where they belong', () => {
    const script = ready()
    const bare = openedAndSent(script).channel
    bare.end({ 'x-n': '1' })
    script.expect({ kind: 'DATA', chan: 1, flags: FIN + TRL, entries: { 'x-n': '1' } })
    const small = openedAndSent(script).channel
    small.sendLast(Uint8Array.of(7), undefined, { 'x-n': '2' })
    script.expect({ kind: 'DATA', chan: 2, flags: MSG + FIN + TRL, entries: { 'x-n': '2' } }, 'one frame')
    const both = openedAndSent(script).channel
    both.sendLast(Uint8Array.of(7), { 'x-h': 'head' }, { 'x-n': '3' })
    script.expect({ kind: 'DATA', chan: 3, flags: MSG, entries: { 'x-h': 'head', 'x-n': null } })
    script.expect(
      { kind: 'DATA', chan: 3, flags: FIN + TRL, entries: { 'x-n': '3' } },
      'a frame of their own',
    )
    const large = openedAndSent(script).channel
    large.sendLast(new Uint8Array(5000), undefined, { 'x-n': '4' })
    script.expect({ kind: 'DATA', chan: 4, flags: MSG, size: 5000 })
    script.expect({ kind: 'DATA', chan: 4, flags: FIN + TRL, entries: { 'x-n': '4' } })
    script.expectNothing('each ended once')
  })

  it('an empty message is a message, and a last one of no bytes too [MSG-006]', () => {
    const script = ready()
    const { channel, sink } = openedAndSent(script)
    channel.send(new Uint8Array(0))
    script.expect({ kind: 'DATA', chan: 1, flags: MSG, size: 0 })
    script.send([data({ chan: -1, payload: '' }), data({ chan: -1, flags: MSG + FIN })])
    expect(sink.types).toEqual(['message', 'message', 'end'])
    expect(sink.texts).toEqual(['', ''])
  })
})

describe('early headers', () => {
  it('come before and between messages and are no message', () => {
    const script = ready()
    const { channel, sink } = openedAndSent(script)
    script.send(data({ chan: -1, entries: [entry('x-phase', 'one')] }))
    script.send(data({ chan: -1, payload: 'a' }))
    script.send(data({ chan: -1, entries: [entry('x-phase', 'two')] }))
    expect(sink.types).toEqual(['headers', 'message', 'headers'])
    channel.sendHeaders({ 'x-mine': '1' })
    script.expect({ kind: 'DATA', chan: 1, flags: 0, entries: { 'x-mine': '1' } })
    channel.sendHeaders({})
    script.expectNothing('no headers are no frame')
  })

  it('wait on a channel that nobody has accepted, as one set, and come first', () => {
    const script = undecided()
    const { channel, sink } = inbound(script)
    script.send(data({ chan: 1, entries: [entry('x-phase', 'one')] }))
    script.send(data({ chan: 1, flags: MSG, payload: 'one' }))
    script.send(data({ chan: 1, entries: [entry('x-phase', 'two')] }))
    channel.accept(sink)
    expect(sink.types).toEqual(['headers', 'message'])
    expect(script.session.stats().unreadBytes).toBe(0)
  })
})

describe('STOP asks for the end of the other direction', () => {
  it('we stop their output: the rest is dropped, ours goes on, and their FIN ends it [STA-012]', () => {
    const script = ready()
    const { channel, sink } = openedAndSent(script)
    script.send(data({ chan: -1, flags: MSG + MORE, payload: BIG }), 'a message begins')
    channel.stop(CODE.OUT)
    script.expect({ kind: 'STOP', chan: 1, code: CODE.OUT })
    script.send(data({ chan: -1, flags: MSG + MORE, payload: BIG }), 'already under way')
    script.send(data({ chan: -1, payload: 'its end' }))
    script.send(data({ chan: -1, payload: 'one more' }))
    expect(sink.types).toEqual([])
    channel.send(Uint8Array.of(1))
    script.expect({ kind: 'DATA', chan: 1, flags: MSG }, 'our own direction goes on')
    script.send(fin(-1), 'their answer')
    expect(channel.state).toBe('HALF_REMOTE')
    expect(sink.types).toEqual([])
    channel.end()
    script.expect({ kind: 'DATA', chan: 1, flags: FIN })
    expect(sink.types).toEqual(['close'])
    expect(sink.outcome).toMatchObject({ code: 0, delivery: 'processed' })
  })

  it('is sent once, and not after their FIN [STA-013]', () => {
    const script = ready()
    const first = openedAndSent(script)
    first.channel.stop()
    first.channel.stop()
    script.expect({ kind: 'STOP', chan: 1, code: CODE.CANCELLED })
    const second = openedAndSent(script)
    script.send(fin(-2))
    second.channel.stop()
    script.expectNothing('there is nothing to stop')
  })

  it('drops what was queued unread', () => {
    const script = ready()
    const { channel, sink } = openedAndSent(script)
    channel.pause()
    script.send([data({ chan: -1, payload: 'a' }), data({ chan: -1, payload: 'b' })])
    expect(script.session.stats().unreadBytes).toBeGreaterThan(0)
    channel.stop()
    expect(script.session.stats().unreadBytes).toBe(0)
    expect(channel.read()).toBeNull()
    expect(sink.types).toEqual(['readable'])
  })

  it('received in the middle of a message: the message is abandoned with a bare FIN [STA-010] [MSG-001]', () => {
    const script = ready({}, { rxBytes: 16_384 })
    const { channel, sink } = openedAndSent(script)
    expect(channel.send(new Uint8Array(60_000))).toBe(false)
    channel.send(Uint8Array.of(9))
    script.expect({ kind: 'DATA', chan: 1, flags: MSG + MORE })
    script.takeFrames()
    script.send(stop({ chan: -1, code: CODE.OUT }))
    script.expect({ kind: 'DATA', chan: 1, flags: FIN, size: 0 })
    expect(channel).toMatchObject({ state: 'HALF_LOCAL', isWritable: false, bufferedBytes: 0 })
    expect(sink.stopCode).toBe(CODE.OUT)
    expect(channel.send(Uint8Array.of(1))).toBe(false)
    channel.end()
    channel.sendHeaders({ 'x-a': '1' })
    script.expectNothing('nothing is sent after it, and nobody is to blame for trying')
    expect(script.session.stats()).toMatchObject({ outboundPartials: 0, queuedOutputBytes: 0 })
  })

  it('the program hears of STOP before the channel ends, and may answer it with an error', () => {
    const script = ready()
    const { channel, sink } = inbound(script, { flags: FIN })
    sink.onEvent = (event) => {
      if (event.type === 'stop') channel.fail(CODE.ABORTED, { message: 'as you like' })
    }
    script.send(stop({ chan: 1, code: 0 }))
    script.expect({ kind: 'END', chan: -1, code: CODE.ABORTED }, 'in place of FIN')
    script.expectNothing('and nothing else')
    expect(sink.types).toEqual(['end', 'stop', 'close'])
    expect(sink.stopCode).toBe(CODE.CANCELLED)
  })

  it('code 0 is CANCELLED, an unknown code stays as it is [ERR-002] [ERR-003]', () => {
    const script = ready()
    const one = inbound(script, { chan: 1 })
    const two = inbound(script, { chan: 2 })
    script.send([stop({ chan: 1, code: 0 }), stop({ chan: 2, code: 4_000_000_000 })])
    expect([one.sink.stopCode, two.sink.stopCode]).toEqual([CODE.CANCELLED, 4_000_000_000])
  })

  it('on a channel that is not accepted yet: it is answered once somebody takes the channel', () => {
    const script = undecided()
    const { channel, sink } = inbound(script)
    script.send(stop({ chan: 1, code: CODE.OUT }))
    script.expectNothing('FIN would say that the call has run')
    expect(channel.isWritable).toBe(false)
    expect(channel.accept(sink)).toBe(true)
    script.expect({ kind: 'DATA', chan: -1, flags: FIN, size: 0 })
    script.send(data({ chan: 1, flags: MSG + FIN, payload: 'last' }))
    expect(sink.types).toEqual(['stop', 'message', 'end', 'close'])
    expect(sink.stopCode).toBe(CODE.OUT)
    const refused = inbound(script, { chan: 2 })
    script.send(stop({ chan: 2 }))
    refused.channel.refuse()
    script.expect({ kind: 'END', chan: -2, flags: NOPROC })
    script.expectNothing('and no FIN')
  })

  it('before our OPEN has left: STOP follows it', () => {
    const script = ready({}, { opens: 0 })
    const { channel } = opened(script)
    channel.stop(CODE.OUT)
    script.expectNothing('nothing to stop yet')
    script.send(credit({ byteLimit: 4 << 20, countLimit: 1 }))
    script.expect({ kind: 'OPEN', chan: 1 })
    script.expect({ kind: 'STOP', chan: 1, code: CODE.OUT })
  })

  it('an early answer: the reply stays whole, the upload is cut', () => {
    const script = ready()
    const { channel, sink } = inbound(script, { flags: MSG + MORE, payload: BIG })
    channel.sendLast(new TextEncoder().encode('enough'))
    channel.settle()
    script.expect({ kind: 'DATA', chan: -1, flags: MSG + FIN, payload: 'enough' })
    script.expect({ kind: 'STOP', chan: -1 }, 'the handler is done and its output ended [SHP-005]')
    script.send(fin(1), 'abandons the message')
    expect(channel.state).toBe('CLOSED')
    expect(sink.types).toEqual(['close'])
    expect(script.session.stats()).toMatchObject({
      inboundPartials: 0,
      assemblingBytes: 0,
      openSlotsTaken: 0,
    })
  })

  it('settling first and answering later sends STOP too, once [SHP-005]', () => {
    const script = ready()
    const { channel } = inbound(script)
    channel.settle()
    script.expectNothing('its output is not ended')
    channel.sendLast(Uint8Array.of(1))
    script.expect({ kind: 'DATA', chan: -1, flags: MSG + FIN })
    script.expect({ kind: 'STOP', chan: -1 })
    channel.settle()
    script.expectNothing('once')
  })

  it('what a settled handler has not read is dropped once its channel is closed', () => {
    const script = ready()
    const { channel, sink } = inbound(script, { flags: MSG, payload: 'one' })
    channel.pause()
    script.send(data({ chan: 1, flags: MSG + FIN, payload: 'two' }))
    channel.sendLast(Uint8Array.of(1))
    expect(script.session.stats().unreadBytes).toBeGreaterThan(0)
    channel.settle()
    expect(script.session.stats()).toMatchObject({ unreadBytes: 0, openSlotsTaken: 0, openChannels: 0 })
    expect(sink.types).toEqual(['message', 'readable', 'close'])
    expect(sink.outcome?.code).toBe(0)
  })

  it('crossing frames of an opener that has not seen our STOP yet are free of error', () => {
    const script = ready()
    const { channel } = inbound(script)
    channel.stop()
    script.expect({ kind: 'STOP', chan: -1 })
    script.send([
      data({ chan: 1, payload: 'x' }),
      data({ chan: 1, entries: [entry('x-a', '1')] }),
      reset({ chan: 1 }),
    ])
    script.expectNothing('discarded, then ended')
    script.send([open({ chan: 2 }), end({ chan: 2 })])
    script.expectNothing('other channels go on')
  })
})
