// Owns: the channel state table as the specification has it, and a session in which a channel has reached one of
// its states.
// Must not know: what is right in any situation; that is said by the tests.

import { readFileSync } from 'node:fs'
import type { RecordingChannelSink, ScriptedPeer } from '@peerplex/testkit'
import type { Channel } from '@peerplex/wire'
import { expect } from 'vitest'
import { FIN, fin, inbound, openedAndSent, ready } from './lifecycle-support.js'

export interface Cell {
  readonly received: string
  readonly state: string
  readonly opener: 'local' | 'remote'
  readonly to: string | null
  readonly action: string
  readonly error: string | null
  readonly req: readonly string[]
  readonly note: string
}

interface Condition {
  readonly received: readonly string[]
  readonly states: readonly string[]
  readonly when: readonly string[]
  readonly action: string
  readonly error: string | null
  readonly req: readonly string[]
}

const table = JSON.parse(
  readFileSync(new URL('../../../spec/tables/states.json', import.meta.url), 'utf8'),
) as {
  channel: {
    grid: Cell[]
    conditions: Condition[]
    states: { name: string }[]
    events: { name: string; origin: string }[]
    transitions: { from: string; event: string; to: string }[]
  }
}
export const { grid, conditions, states, events, transitions } = table.channel

/** A session in which the channel under test has reached a state, beside another channel that only stands by. */
export interface Scene {
  readonly script: ScriptedPeer
  /** Null in IDLE: there is no channel yet. */
  readonly channel: Channel | null
  readonly sink: RecordingChannelSink | null
  /** The id as the script writes it. */
  readonly chan: number
  readonly bystander: RecordingChannelSink
}

/** Limits of one message each way let CREDIT show what it does. */
export const HELLO = { rxMsgs: 1 } as const

export function sceneIn(state: string, opener: 'local' | 'remote', maxOpenChannels = 100): Scene {
  const script = ready({ limits: { maxOpenChannels } }, HELLO)
  const bystander = openedAndSent(script, {}, 'bystander').sink
  return opener === 'local' ? localScene(script, bystander, state) : remoteScene(script, bystander, state)
}

export function localScene(script: ScriptedPeer, bystander: RecordingChannelSink, state: string): Scene {
  const chan = -2
  if (state === 'IDLE') return { script, channel: null, sink: null, chan, bystander }
  const isLast = state === 'HALF_LOCAL' || state === 'CLOSED'
  const { channel, sink } = openedAndSent(script, { isLast })
  if (state === 'HALF_REMOTE' || state === 'CLOSED') script.send(fin(chan), 'their output ends')
  return settled({ script, channel, sink, chan, bystander }, state)
}

export function remoteScene(script: ScriptedPeer, bystander: RecordingChannelSink, state: string): Scene {
  const chan = 1
  if (state === 'IDLE') return { script, channel: null, sink: null, chan, bystander }
  const isFin = state === 'HALF_REMOTE' || state === 'CLOSED'
  const { channel, sink } = inbound(script, { flags: isFin ? FIN : 0 })
  if (state === 'HALF_LOCAL' || state === 'CLOSED') {
    channel.end()
    script.expect({ kind: 'DATA', chan: -1, flags: FIN }, 'our output ends')
  }
  return settled({ script, channel, sink, chan, bystander }, state)
}

/** What happened on the way is of no interest. */
function settled(scene: Scene, state: string): Scene {
  expect(scene.channel?.state).toBe(state)
  scene.script.expectNothing(`in ${state}`)
  scene.sink?.events.splice(0)
  return scene
}
