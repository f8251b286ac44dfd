import {
  concat,
  data,
  goaway,
  hello,
  ignorable,
  MemoryPair,
  open,
  ping,
  type ScriptedPeer,
} from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import { FIN, FINAL, inbound, MSG, openedAndSent, ready } from './lifecycle-support.js'

const message = (): ScriptedPeer => ready({ kind: 'message' })

describe('a message connection', () => {
  it('carries several frames in one message [WST-001]', () => {
    const script = message()
    script.send([open({ chan: 1, payload: 'a' }), data({ chan: 1, flags: MSG + FIN, payload: 'b' }), ping()])
    expect(script.sink.inboundAt(0).sink.texts).toEqual(['a', 'b'])
    script.expect('PONG')
  })

  it('sends whole frames only, at most 1 MiB in one message [WST-001]', () => {
    const pair = new MemoryPair({
      kind: 'message',
      b: {
        limits: { maxFrameBytes: 2 ** 24 - 1, channelWindowBytes: 8 << 20, connectionWindowBytes: 8 << 20 },
      },
    })
    pair.pump()
    pair.sessionA.open('svc', { message: new Uint8Array(3 << 20), isLast: true })
    while (pair.sessionA.hasOutput) {
      const parts = pair.sessionA.takeOutput()
      const length = parts.reduce((sum, part) => sum + part.length, 0)
      expect(length).toBeLessThanOrEqual(1 << 20)
      pair.sessionB.receive(concat(parts))
    }
    expect(pair.sinkB.inboundAt(0).sink.messages[0]?.length).toBe(3 << 20)
    expect(pair.sessionB.state).toBe('READY')
  })

  it.each([
    ['inside a header', 7],
    ['right behind a header', 12],
    ['inside a body', 15],
  ])('a message that ends %s: PROTOCOL_ERROR, close code 1002 [WST-002]', (_, length) => {
    const script = message()
    const frame = open({ payload: 'x' })
    script.sendRaw(concat([ping(), frame.slice(0, length)]))
    script.expectClosed('PROTOCOL_ERROR')
    expect(script.session.transportCloseCode).toBe(1002)
    expect(script.sink.inbound).toEqual([])
  })

  it('the frames before the cut one are acted on', () => {
    const script = message()
    script.sendRaw(concat([open({ payload: 'x' }), data().slice(0, 5)]))
    expect(script.sink.inboundAt(0).sink.texts).toEqual(['x'])
    script.expectClosed('PROTOCOL_ERROR')
  })

  it('a violation inside a message keeps its own code, 4000 + code', () => {
    const script = message()
    script.sendRaw(concat([data({ chan: 0 }), data().slice(0, 5)]))
    script.expectClosed('PROTOCOL_ERROR')
    expect(script.session.transportCloseCode).toBe(4064)
  })

  it('a session that closes in a call does not mind the rest of the message', () => {
    const script = message()
    const { sink } = inbound(script)
    sink.onEvent = () => script.session.close()
    script.sendRaw(concat([data({ chan: 1, payload: 'x' }), data().slice(0, 5)]))
    expect(script.sink.closeError).toBeNull()
    expect(script.session.transportCloseCode).toBe(1000)
  })

  it('a message above 1 MiB: FRAME_SIZE, close code 1009 [WST-004]', () => {
    const script = message()
    script.send(ignorable({ payload: 'x' }))
    const filler = (count: number) =>
      concat(Array.from({ length: count }, () => ignorable({ payload: 'x'.repeat(4084) })))
    script.sendRaw(filler(256), 'exactly 1 MiB')
    expect(script.sink.isClosed).toBe(false)
    script.sendRaw(new Uint8Array(1_048_577))
    script.expectClosed('FRAME_SIZE')
    expect(script.session.transportCloseCode).toBe(1009)
  })

  it('a message that is not binary: PROTOCOL_ERROR, close code 1003 [WST-003]', () => {
    const script = message()
    const { sink } = openedAndSent(script)
    script.session.receiveNonBinary('a text message')
    script.expectClosed('PROTOCOL_ERROR')
    expect(script.sink.closeError?.message).toBe('a transport message that is not binary: a text message')
    expect(script.session.transportCloseCode).toBe(1003)
    expect(sink.outcome?.delivery).toBe('unknown')
    script.session.receiveNonBinary('another')
    expect(script.sink.events.filter(({ type }) => type === 'close')).toHaveLength(1)
  })

  it('an empty message is ignored, at a cost [WST-005]', () => {
    const script = message()
    const before = script.session.stats().economyBalance
    for (let count = 0; count < 10; count++) script.sendRaw(new Uint8Array(0))
    script.expectNothing('ignored')
    expect(script.session.stats().economyBalance).toBe(before - 10)
    for (let count = 0; count < before; count++) script.sendRaw(new Uint8Array(0))
    script.expectClosed('ENHANCE_CALM')
  })

  it('an empty message is no sign of life', () => {
    const script = ready({ kind: 'message', limits: { idleTimeoutMs: 2000 } }, { idleMs: 0 })
    script.advance(1500)
    script.sendRaw(new Uint8Array(0))
    script.advance(500)
    script.expectClosed('IDLE_TIMEOUT')
  })

  it('nothing is remembered from one message to the next', () => {
    const script = message()
    script.sendRaw(open({ payload: 'x' }))
    script.sendRaw(data({ chan: 1, payload: 'y' }))
    expect(script.session.stats().assemblingBytes).toBe(0)
    expect(script.sink.inboundAt(0).sink.texts).toEqual(['x', 'y'])
  })

  it('closes with 1000 after a drain, and with 4000 + code after an error of either side [WST-010]', () => {
    const clean = message()
    clean.send(goaway({ flags: FINAL }))
    clean.expectClosed(null)
    expect(clean.session.transportCloseCode).toBe(1000)
    const theirs = message()
    theirs.send(goaway({ flags: FINAL, code: 73 }))
    expect(theirs.session.transportCloseCode).toBe(4073)
    const ours = message()
    ours.send(hello())
    expect(ours.session.transportCloseCode).toBe(4064)
    const idle = ready({ kind: 'message', limits: { idleTimeoutMs: 2000 } }, { idleMs: 0 })
    idle.advance(2000)
    expect(idle.session.transportCloseCode).toBe(4070)
  })

  it('ends with the transport: a loss like any other', () => {
    const script = message()
    const { sink } = openedAndSent(script)
    script.endInput()
    script.expectClosed('UNAVAILABLE')
    expect(sink.outcome?.delivery).toBe('unknown')
  })

  it('takes chunks that are views of something larger', () => {
    const script = message()
    const frame = open({ payload: 'view' })
    const large = new Uint8Array(frame.length + 20)
    large.set(frame, 7)
    script.session.receive(large.subarray(7, 7 + frame.length))
    expect(script.sink.inboundAt(0).sink.texts).toEqual(['view'])
  })
})
