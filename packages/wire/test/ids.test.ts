import { credit, data, end, MemoryPair, open, reset, type ScriptedPeer, stop } from '@peerplex/testkit'
import { MAX_CHANNEL_ID } from '@peerplex/wire/internal'
import { describe, expect, it } from 'vitest'
import { CODE, FIN, fin, inbound, MSG, opened, openedAndSent, ready, undecided } from './lifecycle-support.js'

const M = 2 ** 30 - 1
/** The longest step ahead that makes an id new. */
const HALF = 2 ** 29 - 1

/** Starts the ids of a session elsewhere, as if so many channels had come and gone. */
function readyAt(lastLocalId: number, lastRemoteId: number): ScriptedPeer {
  const script = undecided()
  script.session.channels.table.startIdsAt(lastLocalId, lastRemoteId)
  return script
}

describe('ids that a session gives', () => {
  it('they start at 1 and count up, whichever way a channel ends [IDS-001]', () => {
    const script = ready()
    expect(MAX_CHANNEL_ID).toBe(M)
    const ids = [1, 2, 3].map(() => {
      const { channel } = openedAndSent(script)
      channel.reset()
      script.expect({ kind: 'RESET', chan: channel.id })
      return channel.id
    })
    expect(ids).toEqual([1, 2, 3])
  })

  it('an id is given when the OPEN leaves, so a call that was taken back leaves no gap', () => {
    const script = ready({}, { opens: 0 })
    const first = opened(script)
    const second = opened(script)
    first.channel.reset()
    script.send(credit({ byteLimit: 4 << 20, countLimit: 2 }))
    script.expect({ kind: 'OPEN', chan: 1 })
    expect(second.channel.id).toBe(1)
    expect(first.channel.id).toBe(0)
  })

  it('after 2^30-1 comes 1 [IDS-001]', () => {
    const script = readyAt(M - 2, 0)
    const ids = [1, 2, 3, 4].map(() => openedAndSent(script, { isLast: true }).channel.id)
    expect(ids).toEqual([M - 1, M, 1, 2])
    for (const id of ids) script.send(fin(-id))
    expect(script.session.stats().openChannels).toBe(0)
  })

  it('ids that are still open are skipped after the wrap [IDS-001]', () => {
    const script = ready()
    const one = openedAndSent(script).channel
    const two = openedAndSent(script).channel
    const three = openedAndSent(script).channel
    two.reset()
    script.expect('RESET')
    script.session.channels.table.startIdsAt(M, 0)
    expect(openedAndSent(script).channel.id).toBe(2)
    expect(openedAndSent(script).channel.id).toBe(4)
    expect([one.state, three.state]).toEqual(['OPEN', 'OPEN'])
  })

  it('both sides opening at the same moment never collide: each numbers for itself', () => {
    const pair = new MemoryPair()
    pair.pump()
    const ours = Array.from({ length: 20 }, (_, index) => pair.sessionA.open(`a${index}`, { isLast: true }))
    const theirs = Array.from({ length: 20 }, (_, index) => pair.sessionB.open(`b${index}`, { isLast: true }))
    pair.pump()
    expect(ours.map((channel) => channel.id)).toEqual(theirs.map((channel) => channel.id))
    expect(pair.sinkB.inbound.map(({ channel }) => `${channel.id} ${channel.name}`)).toEqual(
      ours.map((channel) => `${-channel.id} ${channel.name}`),
    )
    for (const sink of [pair.sinkA, pair.sinkB])
      for (const { channel } of sink.inbound) channel.sendLast(Uint8Array.of(1))
    pair.pump()
    expect([...ours, ...theirs].every((channel) => channel.state === 'CLOSED')).toBe(true)
  })

  it('two sessions agree across the wrap with channels alive on both sides of it', () => {
    const pair = new MemoryPair()
    pair.pump()
    pair.sessionA.channels.table.startIdsAt(M - 5, 0)
    pair.sessionB.channels.table.startIdsAt(0, M - 5)
    const channels = Array.from({ length: 12 }, (_, index) => pair.sessionA.open(`n${index}`))
    pair.pump()
    expect(channels.map((channel) => channel.id)).toEqual([
      M - 4,
      M - 3,
      M - 2,
      M - 1,
      M,
      1,
      2,
      3,
      4,
      5,
      6,
      7,
    ])
    for (const channel of channels) channel.sendLast(Uint8Array.of(7))
    for (const { channel } of pair.sinkB.inbound) channel.end()
    pair.pump()
    expect(pair.sinkB.inbound.every(({ sink }) => sink.messages.length === 1)).toBe(true)
    expect(pair.sessionA.stats()).toMatchObject({ openChannels: 0, state: 'READY' })
    expect(pair.sessionB.stats()).toMatchObject({ openChannels: 0, state: 'READY' })
  })
})

describe('ids that arrive', () => {
  it.each([
    [0, 1],
    [0, HALF],
    [10, 11],
    [10, 10 + HALF],
    [M, 1],
    [M - 1, M],
    [M, HALF],
    [M - 3, 5],
  ])('after %i, an OPEN of %i is new: gaps are legal', (last, id) => {
    const script = readyAt(0, last)
    expect(inbound(script, { chan: id }).channel.id).toBe(-id)
  })

  it.each([
    [0, HALF + 1],
    [0, M],
    [10, 10],
    [10, 9],
    [10, 1],
    [10, 11 + HALF],
    [M, M],
    [M, M - 1],
    [M, HALF + 1],
    [5, M],
  ])('after %i, an OPEN of %i goes back: PROTOCOL_ERROR [IDS-002]', (last, id) => {
    const script = readyAt(0, last)
    script.send(open({ chan: id }))
    script.expectClosed('PROTOCOL_ERROR')
    expect(script.sink.inbound).toEqual([])
  })

  it('an OPEN of an id that is still open after the wrap is an error [IDS-002]', () => {
    const script = ready()
    inbound(script, { chan: 3 })
    script.session.channels.table.startIdsAt(0, M)
    script.send(open({ chan: 3 }))
    script.expectClosed('PROTOCOL_ERROR')
  })

  it.each([
    ['refused', { limits: { maxOpenChannels: 0 } }],
    ['accepted', {}],
  ])('the last id advances with every OPEN, also one that is %s [IDS-003]', (_, options) => {
    const script = ready(options)
    script.send(open({ chan: 7 }))
    script.takeFrames()
    script.send(open({ chan: 7 }))
    script.expectClosed('PROTOCOL_ERROR')
  })

  it('all ids up to the last one are past, gaps included: frames on them are dropped [IDS-004]', () => {
    const script = ready()
    script.send(open({ chan: 9, flags: FIN }))
    for (let id = 1; id < 9; id++) script.send([data({ chan: id, payload: 'x' }), reset({ chan: id })])
    script.expectNothing('ids 1 to 8 were skipped and are past')
    script.send(data({ chan: 10, payload: 'x' }))
    script.expectClosed('PROTOCOL_ERROR')
  })
})

describe('frames for ids that are not open', () => {
  const FRAMES = {
    DATA: (chan: number) => data({ chan, payload: 'x' }),
    FIN: fin,
    END: (chan: number) => end({ chan }),
    RESET: (chan: number) => reset({ chan }),
    STOP: (chan: number) => stop({ chan }),
    CREDIT: (chan: number) => credit({ chan, byteLimit: 1 << 20, countLimit: 1 << 20 }),
  } as const

  describe.each(Object.keys(FRAMES) as (keyof typeof FRAMES)[])('%s', (kind) => {
    it.each([
      ['theirs, before any OPEN', 0, 0, 1],
      ['theirs, ahead of the last', 0, 10, 11],
      ['theirs, half a circle behind without a wrap', 0, 10, M],
      ['theirs, the far end ahead', 0, M, HALF],
      ['ours, before any OPEN', 0, 0, -1],
      ['ours, ahead of the last', 10, 0, -11],
      ['ours, behind 0', 10, 0, -M],
    ])('never opened (%s): PROTOCOL_ERROR [IDS-004] [IDS-005]', (_, local, remote, chan) => {
      const script = readyAt(local, remote)
      script.send(FRAMES[kind](chan))
      script.expectClosed('PROTOCOL_ERROR')
    })

    it.each([
      ['theirs, the last one', 0, 10, 10],
      ['theirs, the first one', 0, 10, 1],
      ['theirs, far back', 0, M, M - HALF],
      ['ours, the last one', 10, 0, -10],
      ['ours, the first one', 10, 0, -1],
      ['ours, far back', M, 0, HALF - M],
    ])('past (%s): dropped without a word [STA-014] [STA-015]', (_, local, remote, chan) => {
      const script = readyAt(local, remote)
      script.send(FRAMES[kind](chan))
      script.expectNothing('past')
    })

    it('after a wrap, ids of the round before are past and ids ahead are not', () => {
      const script = readyAt(0, M)
      inbound(script, { chan: 2 })
      script.send(FRAMES[kind](M))
      script.send(FRAMES[kind](1))
      script.send(FRAMES[kind](M - 1_000_000))
      script.expectNothing('all past')
      script.send(FRAMES[kind](3))
      script.expectClosed('PROTOCOL_ERROR')
    })

    it('after our own wrap, our ids of the round before are past', () => {
      const script = readyAt(M, 0)
      openedAndSent(script, { isLast: true })
      script.send(FRAMES[kind](-M))
      script.expectNothing('past')
      script.send(FRAMES[kind](-2))
      script.expectClosed('PROTOCOL_ERROR')
    })
  })

  it('a channel that lives through a wrap keeps working', () => {
    const script = ready()
    const { channel, sink } = inbound(script, { chan: 4 })
    script.session.channels.table.startIdsAt(0, M)
    inbound(script, { chan: 1 })
    script.send(data({ chan: 4, flags: MSG + FIN, payload: 'still here' }))
    expect(sink.texts).toEqual(['still here'])
    channel.fail(CODE.NOT_FOUND)
    script.expect({ kind: 'END', chan: -4 })
  })
})
