// The tables of the specification on delivery, row by row: what a failed call may have done (§12.2, §19).
import { data, end, entry, goaway, hello, open, preface, reset, ScriptedPeer, stop } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import {
  CODE,
  FIN,
  FINAL,
  inbound,
  MORE,
  MSG,
  NOPROC,
  opened,
  openedAndSent,
  type Recorded,
  ready,
} from './lifecycle-support.js'

const DELIVERIES = ['not-sent', 'not-processed', 'unknown', 'processed'] as const

/** The call has failed exactly once, with this code and this delivery. */
function expectFailed({ sink }: Recorded, code: number, delivery: (typeof DELIVERIES)[number]): void {
  expect(sink.types.filter((type) => type === 'close')).toHaveLength(1)
  expect(sink.outcome).toMatchObject({ code, delivery })
}

const CALL = { message: Uint8Array.of(1), isLast: true } as const

describe('not-sent: it failed before the first byte of OPEN left', () => {
  it.each([
    ['cancelled', (call: Recorded) => call.channel.reset(), CODE.CANCELLED],
    ['given up with an error', (call: Recorded) => call.channel.fail(CODE.ABORTED), CODE.ABORTED],
    [
      'given up with a code that speaks of a reply',
      (call: Recorded) => call.channel.reset(CODE.MESSAGE_TOO_LARGE),
      CODE.MESSAGE_TOO_LARGE,
    ],
  ] as const)('%s while it waits for open credit', (_, act, code) => {
    const script = ready({}, { opens: 0 })
    const call = opened(script, CALL)
    act(call)
    expectFailed(call, code, 'not-sent')
    script.expectNothing('nothing was sent')
  })

  it('its deadline passes while it waits [DLN-002]', () => {
    const script = ready({}, { opens: 0 })
    const call = opened(script, { ...CALL, timeoutMs: 50 })
    script.advance(50)
    expectFailed(call, CODE.DEADLINE_EXCEEDED, 'not-sent')
    script.expectNothing('nothing was sent')
  })

  it('the connection is lost while it waits', () => {
    const script = ready({}, { opens: 0 })
    const call = opened(script, CALL)
    script.endInput()
    expectFailed(call, CODE.UNAVAILABLE, 'not-sent')
  })

  it('it is committed, but the transport has not taken it, when the connection is lost', () => {
    const script = ready()
    const call = opened(script, CALL)
    script.session.receiveEnd()
    expectFailed(call, CODE.UNAVAILABLE, 'not-sent')
    expect(script.session.hasOutput).toBe(false)
    expect(script.session.takeOutput()).toEqual([])
    expect(script.session.stats().committedOutputBytes).toBe(0)
  })

  it('the same for a one-way, which is over when the transport has taken it and not before', () => {
    const script = ready()
    const lost = opened(script, { ...CALL, isOneway: true })
    expect(lost.sink.outcome).toBeNull()
    script.session.receiveEnd()
    expectFailed(lost, CODE.UNAVAILABLE, 'not-sent')
  })

  it('the same when this side ends the connection with an error', () => {
    const script = ready()
    const call = opened(script, CALL)
    script.send(data({ chan: 0 }), 'a violation')
    expectFailed(call, CODE.UNAVAILABLE, 'not-sent')
    script.expectClosed('PROTOCOL_ERROR')
  })

  it('the same when the other side ends it with an error, whatever its lastId says', () => {
    const script = ready()
    const call = opened(script, CALL)
    script.send(goaway({ flags: FINAL, code: 73 }))
    expectFailed(call, CODE.UNAVAILABLE, 'not-sent')
    script.expectClosed('AUTH', '', 'none')
  })

  it('the other side drains while it waits [DRN-006]', () => {
    const script = ready({}, { opens: 0 })
    const call = opened(script, CALL)
    script.send(goaway())
    expectFailed(call, CODE.UNAVAILABLE, 'not-sent')
  })

  it('this side closes while it waits', () => {
    const script = ready({}, { opens: 0 })
    const call = opened(script, CALL)
    script.session.close()
    expectFailed(call, CODE.UNAVAILABLE, 'not-sent')
  })

  it('a message that the other HELLO turns out not to allow [MSG-007]', () => {
    const script = new ScriptedPeer()
    const call = opened(script, { message: new Uint8Array(100_000), isLast: true })
    script.expect('HELLO')
    script.sendRaw(preface())
    script.sendHello({ maxMessage: 65_536 })
    script.expectNothing('nothing of it')
    expectFailed(call, CODE.MESSAGE_TOO_LARGE, 'not-sent')
  })
})

describe('not-processed: application code has provably not seen it', () => {
  it.each([
    ['END', end],
    ['RESET', reset],
  ] as const)('%s with NOPROC', (_, frame) => {
    const script = ready()
    const call = openedAndSent(script, CALL)
    script.send(frame({ chan: -1, flags: NOPROC, code: CODE.REFUSED }))
    expectFailed(call, CODE.REFUSED, 'not-processed')
  })

  it.each([0, 1])('an id beyond the lastId %i of FINAL [DRN-013]', (lastId) => {
    const script = ready()
    openedAndSent(script)
    const call = openedAndSent(script, CALL)
    script.send(goaway({ flags: FINAL, lastId }))
    expectFailed(call, CODE.UNAVAILABLE, 'not-processed')
    script.takeFrames()
  })

  it('an id beyond the lastId of a GOAWAY with an error [ERR-019]', () => {
    const script = ready()
    const run = openedAndSent(script, CALL)
    const call = openedAndSent(script, CALL)
    script.send(goaway({ flags: FINAL, code: 68, lastId: 1 }))
    expectFailed(run, CODE.UNAVAILABLE, 'unknown')
    expectFailed(call, CODE.UNAVAILABLE, 'not-processed')
  })

  it('a preface of another version', () => {
    const script = new ScriptedPeer()
    const call = opened(script, CALL)
    script.expect('HELLO')
    script.expect('OPEN', 'sent without waiting')
    script.sendRaw(Uint8Array.of(0x89, 0x50, 0x50, 0x58, 0x32))
    expectFailed(call, CODE.UNAVAILABLE, 'not-processed')
    script.expectClosed('VERSION', '', 'none')
    expect(script.sink.closeError?.delivery).toBe('not-processed')
  })
})

describe('NOPROC is not believed after DATA or STOP [ERR-005]', () => {
  it.each([
    ['a message', data({ chan: -1, payload: 'x' }), 'processed'],
    ['headers', data({ chan: -1, entries: [entry('x-a', '1')] }), 'processed'],
    ['a fragment', data({ chan: -1, flags: MSG + MORE, payload: 'x'.repeat(600) }), 'unknown'],
    ['STOP', stop({ chan: -1 }), 'unknown'],
  ] as const)('RESET with NOPROC after %s', (_, before, delivery) => {
    const script = ready()
    const call = openedAndSent(script)
    script.send(before)
    script.send(reset({ chan: -1, flags: NOPROC, code: CODE.ABORTED }))
    expectFailed(call, CODE.ABORTED, delivery)
  })

  it('END with NOPROC after STOP', () => {
    const script = ready()
    const call = openedAndSent(script)
    script.send([stop({ chan: -1 }), end({ chan: -1, flags: NOPROC, code: CODE.ABORTED })])
    expectFailed(call, CODE.ABORTED, 'processed')
  })
})

describe('processed: it has run', () => {
  it('END without NOPROC', () => {
    const script = ready()
    const call = openedAndSent(script, CALL)
    script.send(end({ chan: -1, code: CODE.NOT_FOUND }))
    expectFailed(call, CODE.NOT_FOUND, 'processed')
  })

  const FAILURES = {
    'RESET by the acceptor': [(script: ScriptedPeer) => script.send(reset({ chan: -1 })), CODE.CANCELLED],
    'loss of the connection': [(script: ScriptedPeer) => script.endInput(), CODE.UNAVAILABLE],
    'its deadline': [(script: ScriptedPeer) => script.advance(1000), CODE.DEADLINE_EXCEEDED],
    cancellation: [(_: ScriptedPeer, call: Recorded) => call.channel.reset(), CODE.CANCELLED],
    'a GOAWAY with an error': [
      (script: ScriptedPeer) => script.send(goaway({ flags: FINAL, code: 74, lastId: 1 })),
      CODE.UNAVAILABLE,
    ],
    'close()': [(script: ScriptedPeer) => script.session.close(), CODE.UNAVAILABLE],
  } as const

  const OUTPUT = {
    'a message': data({ chan: -1, payload: 'x' }),
    'early headers': data({ chan: -1, entries: [entry('x-a', '1')] }),
    'the end of the output': data({ chan: -1, flags: FIN }),
  } as const

  for (const [what, output] of Object.entries(OUTPUT)) {
    it.each(Object.entries(FAILURES))(`after ${what} was handed over: %s`, (_, [act, code]) => {
      const script = ready()
      const call = openedAndSent(script, { timeoutMs: 1000 })
      script.send(output)
      act(script, call)
      expectFailed(call, code, 'processed')
    })
  }

  it.each(Object.entries(FAILURES))('after a message was taken by read(): %s', (_, [act, code]) => {
    const script = ready()
    const call = openedAndSent(script, { timeoutMs: 1000 })
    call.channel.pause()
    script.send(data({ chan: -1, payload: 'x' }))
    expect(call.channel.read()).not.toBeNull()
    act(script, call)
    expectFailed(call, code, 'processed')
  })

  it.each(Object.entries(FAILURES))(
    'a message that waits unread counts once it is read: %s',
    (_, [act, code]) => {
      const script = ready()
      const call = openedAndSent(script, { timeoutMs: 1000 })
      call.channel.pause()
      script.send(data({ chan: -1, payload: 'x' }))
      act(script, call)
      call.channel.resume()
      expectFailed(call, code, call.sink.types.includes('message') ? 'processed' : 'unknown')
    },
  )

  it.each([
    ['its codec', CODE.UNSUPPORTED_CODEC],
    ['its size', CODE.MESSAGE_TOO_LARGE],
    ['the number of its entries', CODE.METADATA_TOO_LARGE],
  ])('RESET by the opener because of a reply that it cannot take for %s [ERR-013]', (_, code) => {
    const script = ready()
    const call = openedAndSent(script, CALL)
    call.channel.reset(code)
    script.expect({ kind: 'RESET', chan: 1, flags: 0, code })
    expectFailed(call, code, 'processed')
  })

  it('a reply whose `size` is too large, and one with too many entries', () => {
    const script = ready({ limits: { maxMessageBytes: 65_536 } })
    const one = openedAndSent(script, CALL)
    script.send(data({ chan: -1, entries: [entry(0x90, Uint8Array.of(1, 0, 1, 0))], payload: 'x' }))
    script.expect({ kind: 'RESET', chan: 1, code: CODE.MESSAGE_TOO_LARGE })
    expectFailed(one, CODE.MESSAGE_TOO_LARGE, 'processed')
    const two = openedAndSent(script, CALL)
    const many = Array.from({ length: 65 }, () => entry('x-a', 'v'))
    script.send(data({ chan: -2, entries: many, payload: 'x' }))
    script.expect({ kind: 'RESET', chan: 2, code: CODE.METADATA_TOO_LARGE })
    expectFailed(two, CODE.METADATA_TOO_LARGE, 'processed')
  })

  it('a call that completed, and an inbound channel however it ends', () => {
    const script = ready()
    const call = openedAndSent(script, CALL)
    script.send(data({ chan: -1, flags: MSG + FIN, payload: 'ok' }))
    expect(call.sink.outcome).toMatchObject({ code: 0, delivery: 'processed' })
    const handlers = [1, 2, 3, 4].map((chan) => inbound(script, { chan, timeoutMs: 100 }))
    const [one, two, three, four] = handlers as [Recorded, Recorded, Recorded, Recorded]
    script.send(reset({ chan: 1 }))
    expectFailed(one, CODE.CANCELLED, 'processed')
    two.channel.fail(CODE.NOT_FOUND)
    expectFailed(two, CODE.NOT_FOUND, 'processed')
    three.channel.reset()
    expectFailed(three, CODE.CANCELLED, 'processed')
    script.advance(100)
    expectFailed(four, CODE.DEADLINE_EXCEEDED, 'processed')
  })
})

describe('unknown: anything else', () => {
  it.each([
    ['RESET without NOPROC', (script: ScriptedPeer) => script.send(reset({ chan: -1 })), CODE.CANCELLED],
    ['loss of the connection', (script: ScriptedPeer) => script.endInput(), CODE.UNAVAILABLE],
    ['its deadline after sending', (script: ScriptedPeer) => script.advance(1000), CODE.DEADLINE_EXCEEDED],
    ['cancellation after sending', (_: ScriptedPeer, call: Recorded) => call.channel.reset(), CODE.CANCELLED],
    [
      'a violation by the other side',
      (script: ScriptedPeer) => script.send(open({ chan: 1, nameBytes: 99 })),
      CODE.UNAVAILABLE,
    ],
    [
      'a GOAWAY with an error, the id not beyond its lastId',
      (script: ScriptedPeer) => script.send(goaway({ flags: FINAL, code: 68, lastId: 1 })),
      CODE.UNAVAILABLE,
    ],
    ['close()', (script: ScriptedPeer) => script.session.close(), CODE.UNAVAILABLE],
    ['a wrong HELLO', (script: ScriptedPeer) => script.send(hello()), CODE.UNAVAILABLE],
  ] as const)('%s', (_, act, code) => {
    const script = ready()
    const call = openedAndSent(script, { ...CALL, timeoutMs: 1000 })
    act(script, call)
    expectFailed(call, code, 'unknown')
  })

  it('a later message of ours that the other HELLO turns out not to allow: its handler may have run', () => {
    const script = new ScriptedPeer()
    const call = opened(script)
    script.expect('HELLO')
    script.expect('OPEN', 'without a message it fits the floors')
    call.channel.send(new Uint8Array(100_000))
    script.sendRaw(preface())
    script.sendHello({ maxMessage: 65_536 })
    script.expect({ kind: 'RESET', chan: 1, code: CODE.MESSAGE_TOO_LARGE })
    expectFailed(call, CODE.MESSAGE_TOO_LARGE, 'unknown')
  })

  it('~ref is not bound by lastId: it stays alive after FINAL [DRN-013]', () => {
    const script = ready()
    const call = openedAndSent(script, CALL, '~ref')
    script.send(goaway({ flags: FINAL, lastId: 0 }))
    script.expectNothing('the channel lives')
    expect(call.channel.state).toBe('HALF_LOCAL')
    script.endInput()
    expectFailed(call, CODE.UNAVAILABLE, 'unknown')
  })
})

describe('a one-way', () => {
  it('ends as unknown with the output that takes it along', () => {
    const script = ready()
    const first = opened(script, { message: Uint8Array.of(1), isOneway: true })
    expect(first.sink.outcome).toBeNull()
    expect(script.session.takeOutput()).not.toEqual([])
    expectFailed(first, 0, 'unknown')
  })

  it.each([
    ['when it is given up', CODE.CANCELLED, (call: Recorded) => call.channel.reset()],
    [
      'at its deadline',
      CODE.DEADLINE_EXCEEDED,
      (_call: Recorded, script: ScriptedPeer) => script.clock.advance(50),
    ],
  ] as const)('still in the output %s: it may yet run, and is told once', (_, code, act) => {
    const script = ready()
    const call = opened(script, { message: Uint8Array.of(1), isOneway: true, timeoutMs: 50 })
    act(call, script)
    expectFailed(call, code, 'unknown')
    expect(script.session.takeOutput()).not.toEqual([])
    expectFailed(call, code, 'unknown')
  })
})
