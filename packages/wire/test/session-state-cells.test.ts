// Every cell of the session's own state table and of the two drain tables, as spec/tables/states.json has them.
import { readFileSync } from 'node:fs'
import {
  concat,
  goaway,
  hello,
  type NaiveFrame,
  ping,
  pong,
  preface,
  ScriptedPeer,
  u32,
} from '@peerplex/testkit'
import { ProtocolError } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { FINAL, openedAndSent, ready, thrown } from './lifecycle-support.js'

interface Machine {
  readonly states: readonly { name: string }[]
  readonly events: readonly { name: string; origin: string }[]
  readonly transitions: readonly { from: string; event: string; to: string }[]
}

const table = JSON.parse(
  readFileSync(new URL('../../../spec/tables/states.json', import.meta.url), 'utf8'),
) as Readonly<Record<'session' | 'localDrain' | 'remoteDrain', Machine>>

/** All pairs of event and state, with the row that the table has for it, if any. */
function cellsOf({ states, events, transitions }: Machine) {
  return events.flatMap(({ name: event, origin }) =>
    states.map(({ name: state }) => ({
      event,
      origin,
      state,
      to: transitions.find((row) => row.event === event && row.from === state)?.to ?? null,
    })),
  )
}

/** The same with a title for each. */
function titled(machine: Machine) {
  return cellsOf(machine).map(
    (cell) => [`${cell.event} in ${cell.state}: ${cell.to ?? 'no row'}`, cell] as const,
  )
}

describe('the states of a session', () => {
  const SCENES: Readonly<Record<string, (kind: 'byte' | 'message') => ScriptedPeer>> = {
    AWAIT_PREFACE: () => new ScriptedPeer(),
    AWAIT_HELLO: (kind) => {
      const script = new ScriptedPeer({ kind })
      if (kind === 'byte') script.sendRaw(preface())
      return script
    },
    READY: (kind) => ready({ kind }),
    CLOSED: (kind) => {
      const script = ready({ kind })
      script.session.close()
      return script
    },
  }

  const EVENTS: Readonly<Record<string, (script: ScriptedPeer) => void>> = {
    // A second preface is read as a frame header, which has more bytes than one preface.
    PREFACE: (script) =>
      script.sendRaw(script.session.state === 'AWAIT_PREFACE' ? preface() : concat([preface(), preface()])),
    HELLO: (script) => script.send(hello()),
    FRAME: (script) => script.send(ping()),
    GOAWAY_ERROR: (script) => script.send(goaway({ flags: FINAL, code: 74 })),
    INPUT_END: (script) => script.endInput(),
    startByte: (script) => script.session.start(),
    startMessage: (script) => script.session.start(),
    fail: (script) => script.session.fail(new ProtocolError('DUPLICATE', 'enough')),
    close: (script) => script.session.close(),
  }

  it.each(titled(table.session))('%s', (_, { event, origin, state, to }) => {
    const isStart = event === 'startByte' || event === 'startMessage'
    const kind = event === 'startMessage' ? 'message' : 'byte'
    const isFirst = isStart && state === 'AWAIT_PREFACE'
    const script = isFirst
      ? new ScriptedPeer({ kind, isStarted: false })
      : (SCENES[state] as (kind: 'byte' | 'message') => ScriptedPeer)(kind)
    expect(script.session.state).toBe(state)
    const closesBefore = script.sink.types.filter((type) => type === 'close').length
    const act = () => (EVENTS[event] as (script: ScriptedPeer) => void)(script)
    if (to === null && origin === 'local' && isStart) {
      expect(thrown(act)).toMatchObject({ name: 'UsageError', code: 'FAILED_PRECONDITION' })
      expect(script.session.state).toBe(state)
      return
    }
    act()
    if (to !== null) expect(script.session.state).toBe(to)
    else expect(script.session.state, 'a violation, or nothing at all when it is over').toBe('CLOSED')
    const closesAfter = script.sink.types.filter((type) => type === 'close').length
    expect(closesAfter - closesBefore).toBe(state !== 'CLOSED' && script.session.state === 'CLOSED' ? 1 : 0)
    if (to === null && state !== 'CLOSED')
      expect(['PROTOCOL_ERROR', 'FRAME_SIZE']).toContain(script.sink.closeError?.code)
  })
})

describe('our own drain', () => {
  const isGoaway = (frame: NaiveFrame, flags: number): boolean =>
    frame.kind === 'GOAWAY' && frame.flags === flags
  const fence = pong({ payload: new Uint8Array([...u32(1), ...u32(0)]) })

  /** A session with a channel that is open, so that a drain does not end it at once. */
  function sceneIn(state: string): ScriptedPeer {
    const script = ready()
    openedAndSent(script)
    if (state !== 'NONE') script.session.drain(5000)
    if (state === 'FINAL') script.send(fence)
    const frames = script.takeFrames()
    expect(frames.filter((frame) => isGoaway(frame, FINAL))).toHaveLength(state === 'FINAL' ? 1 : 0)
    return script
  }

  const EVENTS: Readonly<Record<string, (script: ScriptedPeer) => void>> = {
    drain: (script) => script.session.drain(5000),
    FENCE: (script) => script.send(fence),
    close: (script) => script.session.close(),
  }

  it.each(titled(table.localDrain))('%s', (_, { event, state, to }) => {
    const script = sceneIn(state)
    ;(EVENTS[event] as (script: ScriptedPeer) => void)(script)
    const frames = script.takeFrames()
    const isChange = to !== null && to !== state
    expect(frames.filter((frame) => isGoaway(frame, 0))).toHaveLength(isChange && to === 'NOTICED' ? 1 : 0)
    expect(frames.filter((frame) => isGoaway(frame, FINAL))).toHaveLength(isChange && to === 'FINAL' ? 1 : 0)
    expect(frames.filter((frame) => frame.kind === 'PING')).toHaveLength(isChange && to === 'NOTICED' ? 1 : 0)
    expect(script.session.state).toBe(event === 'close' ? 'CLOSED' : 'READY')
  })
})

describe('the drain of the other side', () => {
  const EVENTS: Readonly<Record<string, Uint8Array>> = {
    GOAWAY_NOTICE: goaway({ graceMs: 1 }),
    GOAWAY_FINAL: goaway({ flags: FINAL, lastId: 1, graceMs: 2 }),
  }

  it.each(titled(table.remoteDrain))('%s', (_, { event, state, to }) => {
    const script = ready()
    openedAndSent(script)
    if (state === 'NOTICED') script.send(goaway())
    if (state === 'FINAL') script.send(goaway({ flags: FINAL, lastId: 1 }))
    expect(script.session.isUsable).toBe(state === 'NONE')
    const before = script.sink.events.length
    script.send(EVENTS[event] as Uint8Array)
    const told = script.sink.events.slice(before)
    expect(told).toEqual(
      to === state ? [] : [{ type: 'drain', isFinal: to === 'FINAL', graceMs: to === 'FINAL' ? 2 : 1 }],
    )
    expect(script.session.isUsable).toBe(false)
    script.expectNothing('a drain is not answered')
  })
})
