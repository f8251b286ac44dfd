// Every cell of the channel state table: what a frame does in each state, and the conditions that come before the grid.
import { credit, data, end, entry, open, reset, type ScriptedPeer, stop } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import { CODE, drainToFinal, FIN, fin, MORE, MSG, NOPROC, ONEWAY } from './lifecycle-support.js'
import { type Cell, conditions, grid, type Scene, sceneIn, states } from './state-cells-support.js'

const FRAMES: Readonly<Record<string, (chan: number) => Uint8Array>> = {
  OPEN: (chan) => open({ chan, name: 'svc' }),
  OPEN_MORE: (chan) => open({ chan, name: 'svc', flags: MSG + MORE, payload: 'x'.repeat(512) }),
  OPEN_FIN: (chan) => open({ chan, name: 'svc', flags: FIN }),
  OPEN_ONEWAY: (chan) => open({ chan, name: 'svc', flags: FIN + ONEWAY + MSG, payload: 'x' }),
  OPEN_OVER_LIMIT: (chan) => open({ chan, name: 'svc' }),
  OPEN_AFTER_FINAL: (chan) => open({ chan, name: 'svc' }),
  DATA: (chan) => data({ chan, payload: 'message' }),
  DATA_MORE: (chan) => data({ chan, flags: MSG + MORE, payload: 'm'.repeat(512) }),
  HEADERS: (chan) => data({ chan, entries: [entry('x-early', 'yes')] }),
  DATA_FIN: (chan) => data({ chan, flags: MSG + FIN, payload: 'message' }),
  FIN: (chan) => fin(chan),
  END: (chan) => end({ chan, code: CODE.NOT_FOUND }),
  END_NOPROC: (chan) => end({ chan, flags: NOPROC, code: CODE.UNIMPLEMENTED }),
  RESET: (chan) => reset({ chan, code: CODE.CANCELLED }),
  RESET_NOPROC: (chan) => reset({ chan, flags: NOPROC, code: CODE.REFUSED }),
  STOP: (chan) => stop({ chan }),
  CREDIT: (chan) => credit({ chan, byteLimit: 300_000, countLimit: 2 }),
}

/** Where CREDIT is ignored, its limits may even go back. */
const CREDIT_BACK = (chan: number): Uint8Array => credit({ chan, byteLimit: 1, countLimit: 0 })

/** Brings about what the name of the event says beside the frame itself. */
function prepared(cell: Cell): Scene {
  const isOverLimit = cell.received === 'OPEN_OVER_LIMIT'
  const scene = sceneIn(cell.state, cell.opener, isOverLimit ? (cell.state === 'IDLE' ? 0 : 1) : 100)
  if (cell.received === 'OPEN_AFTER_FINAL') drainToFinal(scene.script)
  return scene
}

/** The frame is sent; then this must be true. */
const OUTCOMES: Readonly<Record<string, (scene: Scene, cell: Cell, balanceBefore: number) => void>> = {
  'connection-error': ({ script, sink, bystander }, cell) => {
    script.expectClosed(cell.error, cell.received)
    expect(bystander.outcome?.name).toBe('UNAVAILABLE')
    if (cell.state !== 'IDLE' && cell.state !== 'CLOSED') expect(sink?.outcome?.name).toBe('UNAVAILABLE')
    else expect(sink?.types ?? []).toEqual([])
  },
  accept: ({ script }, cell) => {
    const { channel, sink } = script.sink.inboundAt(0)
    expect(channel.state).toBe(cell.to)
    script.expectNothing('an OPEN is answered by the program, not by the session')
    if (cell.received === 'OPEN_MORE') {
      expect(sink.types).toEqual([])
      script.send(data({ chan: 1, payload: 'end' }), 'the rest of the message')
      expect(sink.texts).toEqual([`${'x'.repeat(512)}end`])
    } else if (cell.received === 'OPEN_ONEWAY') {
      expect(sink.types).toEqual(['message', 'end'])
      channel.settle()
      expect(channel.state).toBe('CLOSED')
      script.expectNothing('a one-way is never answered')
    } else expect(sink.types).toEqual(cell.to === 'HALF_REMOTE' ? ['end'] : [])
  },
  refuse: ({ script }) => {
    script.expect({ kind: 'RESET', chan: -1, flags: NOPROC, code: CODE.REFUSED })
    expect(script.sink.inbound).toEqual([])
    expect(script.session.stats()).toMatchObject({ openChannels: 1, openSlotsTaken: 0 })
    script.expect({ kind: 'CREDIT', chan: 0, countLimit: 1 }, 'the slot is returned at once')
    expectClosedToData(script, 1)
  },
  discard: ({ script, sink, chan }, cell) => {
    expect(sink?.types ?? []).toEqual([])
    expect(script.sink.inbound.length).toBe(cell.opener === 'remote' && sink !== null ? 1 : 0)
    expect(script.session.stats().openChannels).toBe(1)
    script.expectNothing('discarded in silence')
    if (cell.received === 'OPEN_AFTER_FINAL') expectClosedToData(script, chan)
  },
  deliver: ({ script, channel, sink, chan }, cell) => {
    expect(channel?.state).toBe(cell.to)
    const end = cell.to === 'CLOSED' ? ['end', 'close'] : ['end']
    const expected: Readonly<Record<string, string[]>> = {
      DATA: ['message'],
      DATA_MORE: [],
      HEADERS: ['headers'],
      DATA_FIN: ['message', ...end],
      FIN: end,
    }
    expect(sink?.types).toEqual(expected[cell.received])
    if (cell.received === 'HEADERS') expect(sink?.headers?.get('x-early')).toBe('yes')
    if (cell.received === 'DATA_MORE') {
      script.send(data({ chan, payload: 'end' }), 'the rest of the message')
      expect(sink?.texts).toEqual([`${'m'.repeat(512)}end`])
    }
    if (cell.to === 'CLOSED') expect(sink?.outcome).toMatchObject({ code: 0, delivery: 'processed' })
    script.expectNothing('delivered')
  },
  fail: ({ script, channel, sink }, cell) => {
    expect(channel?.state).toBe('CLOSED')
    expect(sink?.types).toEqual(['close'])
    const codes: Readonly<Record<string, number>> = {
      END: CODE.NOT_FOUND,
      END_NOPROC: CODE.UNIMPLEMENTED,
      RESET: CODE.CANCELLED,
      RESET_NOPROC: CODE.REFUSED,
    }
    expect(sink?.outcome).toMatchObject({ code: codes[cell.received], origin: 'remote' })
    expect(script.session.stats().openChannels).toBe(1)
    script.expectNothing('END and RESET are not answered')
  },
  ignore: ({ script, channel, sink }, cell, balanceBefore) => {
    expect(channel?.state).toBe(cell.to)
    expect(sink?.types).toEqual([])
    // A closed channel costs, and so does a CREDIT before which nothing was charged.
    const isUncalledFor = cell.received === 'CREDIT' && cell.opener === 'remote'
    const cost = cell.state === 'CLOSED' || isUncalledFor ? 1 : 0
    expect(script.session.stats().economyBalance).toBe(balanceBefore - cost)
    script.expectNothing('ignored')
  },
  'stop-sending': ({ script, channel, sink, chan }, cell) => {
    script.expect({ kind: 'DATA', chan: -chan, flags: FIN, size: 0 }, 'FIN answers STOP')
    expect(channel?.state).toBe(cell.state === 'OPEN' ? 'HALF_LOCAL' : 'CLOSED')
    expect(channel?.isWritable).toBe(false)
    expect(sink?.stopCode).toBe(CODE.CANCELLED)
    script.expectNothing('nothing else answers STOP')
  },
  raise: ({ script, channel, chan }, cell) => {
    expect(channel?.state).toBe(cell.to)
    script.expect({ kind: 'DATA', chan: -chan, payload: 'two' }, 'the second message has credit now')
    script.send(credit({ chan, byteLimit: 299_999, countLimit: 2 }), 'a limit that goes back')
    script.expectClosed('FLOW_CONTROL')
  },
}

/** Frames on a closed channel: DATA is dropped without a word. */
function expectClosedToData(script: ScriptedPeer, chan: number): void {
  const before = script.sink.inbound.length
  script.send(data({ chan, payload: 'late' }), 'on a closed channel')
  script.expectNothing('DATA for a closed channel is discarded')
  expect(script.sink.inbound.length).toBe(before)
}

const title = (cell: Cell): string =>
  `${cell.received} in ${cell.state}, opened by ${cell.opener}: ${cell.action}` +
  `${cell.to === null ? ` ${cell.error}` : ` → ${cell.to}`}${cell.req.map((id) => ` [${id}]`).join('')}`

describe('every cell of the channel state table', () => {
  it('the table has one cell for each event, state and opener', () => {
    const keys = grid.map((cell) => `${cell.received} ${cell.state} ${cell.opener}`)
    expect(new Set(keys).size).toBe(grid.length)
    expect(grid.length).toBe(Object.keys(FRAMES).length * states.length * 2)
  })

  for (const cell of grid) {
    it(title(cell), () => {
      const scene = prepared(cell)
      if (cell.action === 'raise') {
        scene.channel?.send(Uint8Array.from([1]))
        scene.channel?.send(new TextEncoder().encode('two'))
        scene.script.expect({ kind: 'DATA', payload: Uint8Array.from([1]) }, 'one message is free')
        scene.script.expectNothing('the second one waits')
      }
      const balanceBefore = scene.script.session.stats().economyBalance
      const isBack = cell.received === 'CREDIT' && cell.action === 'ignore'
      const frame = isBack ? CREDIT_BACK : (FRAMES[cell.received] as (chan: number) => Uint8Array)
      scene.script.send(frame(scene.chan), cell.received)
      const check = OUTCOMES[cell.action]
      if (check === undefined) throw new Error(`no check for the action '${cell.action}'`)
      check(scene, cell, balanceBefore)
    })
  }
})

/** Sets a modifier of a channel by what happens on the wire. */
const MODIFIERS: Readonly<Record<string, (scene: Scene) => void>> = {
  inMessage: ({ script, chan }) => script.send(data({ chan, flags: MSG + MORE, payload: 'i'.repeat(512) })),
  stopSent: ({ script, channel, chan }) => {
    channel?.stop()
    script.expect({ kind: 'STOP', chan: -chan })
  },
  'not stopSent': () => {},
  stopReceived: ({ script, chan, sink }) => {
    script.send(stop({ chan }), 'the first STOP')
    script.expect({ kind: 'DATA', flags: FIN }, 'its answer')
    sink?.events.splice(0)
  },
}

describe('the conditions before the grid', () => {
  for (const condition of conditions) {
    const cells = condition.states.flatMap((state) =>
      condition.received.flatMap((received) =>
        (['local', 'remote'] as const).map((opener) => ({ state, received, opener })),
      ),
    )
    it.each(cells)(
      `$received in $state, opened by $opener, when ${condition.when.join(' and ')}: ${condition.action} ${condition.req.map((id) => `[${id}]`).join(' ')}`,
      ({ state, received, opener }) => {
        const scene = sceneIn(state, opener)
        const { script, chan, channel, sink } = scene
        for (const modifier of condition.when) (MODIFIERS[modifier] as (scene: Scene) => void)(scene)
        const before = script.session.stats()
        script.send((FRAMES[received] as (chan: number) => Uint8Array)(chan), received)
        if (condition.action === 'connection-error') {
          script.expectClosed(condition.error)
          return
        }
        script.expectNothing(condition.action)
        const after = script.session.stats()
        expect(after.inboundPartials).toBe(0)
        if (condition.action === 'ignore') {
          expect(sink?.types).toEqual([])
          expect(after.economyBalance).toBe(before.economyBalance - 1)
          return
        }
        // After our STOP the state moves as in the grid, and nothing reaches the program but the end of the channel.
        const isFin = received === 'FIN' || received === 'DATA_FIN'
        const to = !isFin ? state : state === 'OPEN' ? 'HALF_REMOTE' : 'CLOSED'
        expect(channel?.state).toBe(to)
        expect(sink?.types).toEqual(to === 'CLOSED' ? ['close'] : [])
        expect(after.messagesReceived).toBe(before.messagesReceived)
      },
    )
  }
})
