import {
  credit,
  data,
  end,
  entry,
  MemoryPair,
  open,
  RecordingSessionSink,
  ref,
  refsValue,
  reset,
  type ScriptedPeer,
  u32,
} from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import {
  CODE,
  FIN,
  inbound,
  MORE,
  MSG,
  NOPROC,
  opened,
  openedAndSent,
  ready,
  TRL,
  thrown,
  undecided,
} from './lifecycle-support.js'

type Ref = Parameters<typeof refsValue>[0][number]
const RETAINED = 1

/** The entry with which a message carries references; `carry` is the same for a program. */
const refs = (...list: Ref[]) => entry(0x8c, refsValue(list))
const carry = (...list: Ref[]) => ({ refs: refsValue(list) })

const exported = (script: ScriptedPeer) => script.session.stats().exportedRefs
const imported = (script: ScriptedPeer) => script.session.stats().importedRefs
const freed = (script: ScriptedPeer) =>
  script.sink.events.flatMap((event) => (event.type === 'refFreed' ? [event.refId] : []))

describe('references that we export', () => {
  it('without the retained flag they live as long as the channel that carried them [REF-002]', () => {
    const script = ready()
    const { channel } = opened(script, { headers: carry({ refId: 1 }, { refId: 2 }) })
    channel.send(Uint8Array.of(1), carry({ refId: 3 }))
    expect(exported(script)).toBe(3)
    script.send(reset({ chan: -1 }))
    expect(exported(script)).toBe(0)
    expect(freed(script)).toEqual([1, 2, 3])
  })

  it('sent again on another channel it lives until both are over [REF-002]', () => {
    const script = ready()
    opened(script, { headers: carry({ refId: 1 }) })
    const second = opened(script, { headers: carry({ refId: 1 }) })
    second.channel.send(Uint8Array.of(1), carry({ refId: 1 }))
    script.send(reset({ chan: -1 }))
    expect([freed(script), exported(script)]).toEqual([[], 1])
    script.send(reset({ chan: -2 }))
    expect([freed(script), exported(script)]).toEqual([[1], 0])
  })

  it('retained ones outlive it until REF has released them as often as they were sent [REF-003]', () => {
    const script = ready()
    const one = opened(script, { headers: carry({ refId: 1, flags: RETAINED }), isLast: true }).channel
    const two = opened(script, {
      headers: carry({ refId: 1, flags: RETAINED }, { refId: 2 }),
      isLast: true,
    }).channel
    script.send([reset({ chan: -one.id }), reset({ chan: -two.id })])
    expect(freed(script), 'not retained').toEqual([2])
    expect(exported(script)).toBe(1)
    script.send(ref({ releases: [{ refId: 1, count: 1 }] }))
    expect(freed(script)).toEqual([2])
    script.send(ref({ releases: [{ refId: 1, count: 1 }] }))
    expect(freed(script)).toEqual([2, 1])
    expect(exported(script)).toBe(0)
  })

  it('released before the channel ends: the channel still keeps it', () => {
    const script = ready()
    const { channel } = opened(script, { headers: carry({ refId: 1, flags: RETAINED }) })
    script.send(ref({ releases: [{ refId: 1, count: 1 }] }))
    expect([freed(script), exported(script)]).toEqual([[], 1])
    channel.reset()
    expect([freed(script), exported(script)]).toEqual([[1], 0])
  })

  it('several are released by one REF', () => {
    const script = ready()
    const { channel } = opened(script, {
      headers: carry(
        { refId: 1, flags: RETAINED },
        { refId: 4, flags: RETAINED },
        { refId: 4, flags: RETAINED },
      ),
      isOneway: true,
    })
    expect(channel.state).toBe('CLOSED')
    expect(exported(script)).toBe(2)
    script.send(
      ref({
        releases: [
          { refId: 1, count: 1 },
          { refId: 4, count: 2 },
        ],
      }),
    )
    expect(freed(script)).toEqual([1, 4])
  })

  it.each([
    ['refId 0 [REF-006]', [{ refId: 0, count: 1 }]],
    ['count 0 [REF-006]', [{ refId: 1, count: 0 }]],
    ['an id above the highest exported [REF-007]', [{ refId: 3, count: 1 }]],
    ['more than the outstanding retained count [REF-008]', [{ refId: 1, count: 2 }]],
    ['one that was never retained [REF-008]', [{ refId: 2, count: 1 }]],
    [
      'a wrong one behind a right one [REF-008]',
      [
        { refId: 1, count: 1 },
        { refId: 2, count: 1 },
      ],
    ],
  ])('%s is a PROTOCOL_ERROR', (_, releases) => {
    const script = ready()
    opened(script, { headers: carry({ refId: 1, flags: RETAINED }, { refId: 2 }) })
    script.send(ref({ releases }))
    script.expectClosed('PROTOCOL_ERROR')
  })

  it('an id that is already freed is ignored, whatever its count [REF-009]', () => {
    const script = ready()
    const { channel } = opened(script, { headers: carry({ refId: 5 }) })
    channel.reset()
    script.takeFrames()
    script.send(
      ref({
        releases: [
          { refId: 5, count: 7 },
          { refId: 2, count: 1 },
        ],
      }),
    )
    script.expectNothing('ignored')
    expect(freed(script), 'by the end of its channel').toEqual([5])
  })

  it('one more than the limit is a LimitError here, nothing is sent, and the channel lives [REF-014]', () => {
    const script = ready({ limits: { maxExportedRefs: 2 } })
    const { channel } = opened(script, { headers: carry({ refId: 1 }, { refId: 2 }) })
    script.expect('OPEN')
    const error = expect.objectContaining({
      name: 'LimitError',
      code: 'RESOURCE_EXHAUSTED',
      hint: expect.stringMatching(/./),
    })
    expect(() => channel.send(Uint8Array.of(1), carry({ refId: 3 }))).toThrow(error)
    expect(() => channel.sendLast(Uint8Array.of(1), carry({ refId: 3 }))).toThrow(error)
    expect(() => opened(script, { headers: carry({ refId: 3 }), timeoutMs: 10 })).toThrow(error)
    script.expectNothing('nothing was sent')
    expect(script.session.stats()).toMatchObject({ exportedRefs: 2, deadlines: 0, openingChannels: 0 })
    expect(channel.sendLast(Uint8Array.of(1), carry({ refId: 1 })), 'a known one may go again').toBe(true)
  })

  it('a call that never leaves takes its references back', () => {
    const script = ready({}, { opens: 0 })
    const { channel } = opened(script, { headers: carry({ refId: 1 }) })
    expect(exported(script)).toBe(1)
    channel.reset()
    expect(exported(script)).toBe(0)
  })

  it('all are gone with the connection [REF-003] [REF-013]', () => {
    const script = ready()
    openedAndSent(script, { headers: carry({ refId: 1 }) })
    openedAndSent(script, { headers: carry({ refId: 2, flags: RETAINED }), isLast: true })
    script.endInput()
    expect(freed(script), 'the end of the session says it all').toEqual([])
    expect(script.sink.types.at(-1)).toBe('close')
    expect(script.session.stats().exportedRefs, 'what was retained is of no use any more').toBe(1)
  })
})

describe('references that we receive', () => {
  it('without the retained flag they go with the channel', () => {
    const script = ready()
    inbound(script, { entries: [refs({ refId: 1 })], payload: 'x' })
    script.send(data({ chan: 1, entries: [refs({ refId: 2 }, { refId: 3, kind: 2 })], payload: 'y' }))
    expect(imported(script)).toBe(3)
    script.send(reset({ chan: 1 }))
    expect(imported(script)).toBe(0)
  })

  it('retained ones are given back with REF, as often as they came [REF-005]', () => {
    const script = ready()
    const { channel } = inbound(script, {
      entries: [refs({ refId: 4, flags: RETAINED })],
      flags: MSG + FIN,
      payload: 'x',
    })
    channel.sendLast(Uint8Array.of(1))
    script.expect('DATA')
    inbound(script, {
      chan: 2,
      entries: [refs({ refId: 4, flags: RETAINED })],
      flags: MSG + FIN,
      payload: 'x',
    })
    script.session.releaseRef(4, 2)
    script.expect((frame) => frame.kind === 'REF' && frame.size === 8)
    expect(imported(script), 'the channel that carried it is open').toBe(1)
    script.send(reset({ chan: 2 }))
    expect(imported(script)).toBe(0)
    script.session.releaseRef(4)
    script.expectNothing('it is gone: nothing to give back')
  })

  it.each([
    ['more often than it came', 4, 2],
    ['one that was not retained', 5, 1],
    ['one that never came', 6, 1],
    ['not at all', 4, 0],
    ['a negative number of times', 4, -1],
    ['half a time', 4, 0.5],
    ['not a number of times', 4, Number.NaN],
  ])('giving it back %s is a UsageError; nothing is sent', (_, refId, count) => {
    const script = ready()
    inbound(script, { entries: [refs({ refId: 4, flags: RETAINED }, { refId: 5 })], payload: 'x' })
    expect(thrown(() => script.session.releaseRef(refId, count))).toMatchObject({
      name: 'UsageError',
      code: 'INVALID_ARGUMENT',
      hint: expect.stringMatching(/./),
    })
    script.expectNothing('nothing was sent')
    script.session.releaseRef(4)
    script.expect('REF')
  })

  it('REF does not overtake a waiting OPEN that calls the reference [MSG-025]', () => {
    const script = ready({}, { opens: 0 })
    inbound(script, {
      entries: [refs({ refId: 4, flags: RETAINED }, { refId: 5, flags: RETAINED })],
      payload: 'x',
    })
    opened(script, { headers: { ref: 4 }, isLast: true }, '~ref')
    const cancelled = opened(script, { headers: { ref: 5 }, isLast: true }, '~ref')
    script.session.releaseRef(4)
    script.session.releaseRef(5)
    script.expectNothing('both wait for their OPEN')
    cancelled.channel.reset()
    script.expect('REF', 'its OPEN will never leave')
    script.expectNothing('the other still waits')
    script.send(credit({ byteLimit: 4 << 20, countLimit: 2 }))
    script.expectAll([{ kind: 'OPEN', name: '~ref', entries: { ref: 4 } }, 'REF'])
  })

  it('too many: END RESOURCE_EXHAUSTED on the channel that carried them [REF-014]', () => {
    const limits = { maxExportedRefs: 2 }
    const onOpen = ready({ limits })
    onOpen.send(open({ entries: [refs({ refId: 1 }, { refId: 2 }, { refId: 3 })], payload: 'x' }))
    onOpen.expect({ kind: 'END', chan: -1, flags: NOPROC, code: CODE.RESOURCE_EXHAUSTED })
    expect(onOpen.sink.inbound).toEqual([])
    expect(onOpen.session.stats()).toMatchObject({ importedRefs: 0, openSlotsTaken: 0, unreadBytes: 0 })
    const onData = ready({ limits })
    const { sink } = inbound(onData, { entries: [refs({ refId: 1 })], payload: 'x' })
    onData.send(data({ chan: 1, entries: [refs({ refId: 2 }, { refId: 3 })], payload: 'y' }))
    onData.expect({ kind: 'END', chan: -1, flags: 0, code: CODE.RESOURCE_EXHAUSTED })
    expect(sink.types).toEqual(['message', 'close'])
    const reply = ready({ limits })
    const call = openedAndSent(reply)
    reply.send(data({ chan: -1, entries: [refs({ refId: 1 }, { refId: 2 }, { refId: 3 })], payload: 'y' }))
    reply.expect({ kind: 'END', chan: 1, flags: 0, code: CODE.RESOURCE_EXHAUSTED })
    expect(call.sink.types).toEqual(['close'])
  })

  it('too many on an undecided channel: its program finds it gone', () => {
    const script = undecided({ limits: { maxExportedRefs: 1 } })
    const { channel, sink } = inbound(script)
    script.send(data({ chan: 1, entries: [refs({ refId: 2 }, { refId: 3 })], payload: 'y' }))
    script.expect({ kind: 'END', chan: -1, code: CODE.RESOURCE_EXHAUSTED })
    expect(channel.accept(sink)).toBe(false)
    expect(script.session.stats()).toMatchObject({ openSlotsTaken: 0, openChannels: 0 })
  })

  it('of a discarded or refused message none is taken', () => {
    const script = ready({ limits: { maxOpenChannels: 1 } })
    const { channel } = inbound(script)
    channel.stop()
    script.send(data({ chan: 1, entries: [refs({ refId: 1 })], payload: 'x' }))
    script.send(open({ chan: 2, entries: [refs({ refId: 2 })], payload: 'x' }))
    expect(imported(script)).toBe(0)
  })

  it.each([
    ['an empty list', refs()],
    ['a cut element', entry(0x8c, refsValue([{ refId: 1 }]).slice(0, 7))],
    ['refId 0', refs({ refId: 0 })],
    ['kind 3', refs({ refId: 1, kind: 3 })],
    ['flag 2', refs({ refId: 1, flags: 2 })],
    ['a reserved bit', refs({ refId: 1, reserved: 1 })],
  ])('%s is a PROTOCOL_ERROR [MET-006]', (_, bad) => {
    const script = ready()
    script.send(open({ entries: [bad], payload: 'x' }))
    script.expectClosed('PROTOCOL_ERROR')
  })
})

describe('two sessions', () => {
  it('a callback: the importer opens ~ref on the same connection, both ends let go at the end', () => {
    const pair = new MemoryPair({
      b: { sink: new RecordingSessionSink((channel, sink) => void channel.accept(sink)) },
    })
    pair.pump()
    const call = pair.sessionA.open('greet', {
      headers: carry({ refId: 1 }),
      message: Uint8Array.of(1),
      isLast: true,
    })
    pair.pump()
    const callback = pair.sessionB.open('~ref', {
      headers: { ref: 1 },
      message: Uint8Array.of(2),
      isLast: true,
    })
    pair.pump()
    const served = pair.sinkA.inboundAt(0)
    expect(served.channel.headers.getNumber('ref')).toBe(1)
    served.channel.sendLast(Uint8Array.of(3))
    pair.sinkB.inboundAt(0).channel.sendLast(Uint8Array.of(4))
    pair.pump()
    expect([call.outcome?.code, callback.outcome?.code]).toEqual([0, 0])
    expect(pair.sessionA.stats()).toMatchObject({ exportedRefs: 0, openChannels: 0 })
    expect(pair.sessionB.stats()).toMatchObject({ importedRefs: 0, openChannels: 0 })
  })

  it('agree on what is alive, whatever crosses: retained, sent again, released, ended', () => {
    const pair = new MemoryPair()
    pair.pump()
    const channels = Array.from({ length: 20 }, (_, index) =>
      pair.sessionA.open('svc', {
        headers: carry({ refId: 1 + (index % 5), flags: index % 2 }, { refId: 10 + index }),
        message: Uint8Array.of(1),
      }),
    )
    pair.pump()
    for (const [index, channel] of channels.entries()) if (index % 3 === 0) channel.reset()
    for (const { channel } of pair.sinkB.inbound) if (channel.id % 4 === 0) channel.fail(CODE.ABORTED)
    pair.sessionB.releaseRef(1, 2)
    pair.sessionB.releaseRef(2, 1)
    pair.pump()
    expect(pair.sessionA.stats().exportedRefs).toBe(pair.sessionB.stats().importedRefs)
    for (const channel of channels) channel.reset()
    pair.sessionB.releaseRef(2, 1)
    for (const refId of [3, 4, 5]) pair.sessionB.releaseRef(refId, 2)
    pair.pump()
    expect([pair.sessionA.state, pair.sessionB.state]).toEqual(['READY', 'READY'])
    expect([pair.sessionA.stats().exportedRefs, pair.sessionB.stats().importedRefs]).toEqual([0, 0])
  })

  it('early headers and trailers may carry references as well; both sides count the same', () => {
    const pair = new MemoryPair()
    const channel = pair.sessionA.open('svc')
    channel.sendHeaders(carry({ refId: 1, flags: RETAINED }))
    channel.sendLast(Uint8Array.of(1), undefined, carry({ refId: 2, flags: RETAINED }))
    pair.pump()
    expect(pair.sessionB.stats().importedRefs).toBe(pair.sessionA.stats().exportedRefs)
    const count = pair.sessionB.stats().importedRefs
    for (let refId = 1; refId <= count; refId++) pair.sessionB.releaseRef(refId)
    pair.pump()
    expect(pair.sessionA.state).toBe('READY')
  })
})

describe('~ref is a name like any other to the session', () => {
  it('it is shown to the program, whose answers say REF_GONE, INVALID_ARGUMENT or FAILED_PRECONDITION', () => {
    const script = undecided()
    const { channel } = inbound(script, { name: '~ref', entries: [entry(0x8d, u32(9))], flags: FIN })
    expect(channel.headers.getNumber('ref')).toBe(9)
    channel.refuse(37)
    script.expect({ kind: 'END', chan: -1, flags: NOPROC, code: 37 })
    script.send([open({ chan: 2, flags: MSG + MORE, payload: 'p'.repeat(600) }), end({ chan: 2 })])
    script.send(data({ chan: 2, flags: FIN + TRL }))
    script.expectNothing('closed')
  })
})
