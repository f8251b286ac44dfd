/**
 * Owns: the steps of which a random conversation is made.
 * Must not know: what is right, how steps are chosen and made fewer (fast-check).
 */
import type { Channel } from '@peerplex/wire'
import type { Command } from 'fast-check'
import { checkAtRest, checkTime } from './at-rest.js'
import type { Call, Half } from './model-state.js'
import { headersOf, type Manner, type OpenStep, type Play, piece } from './play.js'
import type { Side } from './world.js'

/** One step. Numbers that choose (`pick`) are taken modulo what there is to choose from. */
export type Step =
  | { readonly type: 'open'; readonly side: Side; readonly options: OpenStep }
  | ChannelStep
  | { readonly type: 'take'; readonly side: Side }
  | { readonly type: 'deliver'; readonly side: Side; readonly count: number; readonly chunkBytes: number }
  | { readonly type: 'flush'; readonly chunkBytes: number }
  | { readonly type: 'advance'; readonly ms: number; readonly isPumping: boolean }
  | { readonly type: 'drain'; readonly side: Side; readonly graceMs: number }
  | { readonly type: 'close'; readonly side: Side }
  | { readonly type: 'cut' | 'admit' }

/** A step on one of the channels of a side. */
type ChannelStep = { readonly side: Side; readonly pick: number } & (
  | { readonly type: 'accept'; readonly manner: Manner }
  | { readonly type: 'refuse' | 'stop' | 'reset' | 'fail'; readonly code: number }
  | { readonly type: 'send'; readonly bytes: number; readonly salt: number; readonly headers: number }
  | {
      readonly type: 'sendLast'
      readonly bytes: number
      readonly salt: number
      readonly headers: number
      readonly text: string
    }
  | { readonly type: 'sendHeaders' | 'end'; readonly text: string }
  | { readonly type: 'pause' | 'resume' | 'read' | 'settle' }
)

/** A step as fast-check wants it. Without anything to act on it does nothing. */
export class StepCommand implements Command<object, Play> {
  readonly step: Step

  constructor(step: Step) {
    this.step = step
  }

  check(): boolean {
    return true
  }

  run(_model: object, play: Play): void {
    play.run(() => runStep(play, this.step))
  }

  toString(): string {
    return JSON.stringify(this.step)
  }
}

function runStep(play: Play, step: Step): void {
  const { world, model } = play
  switch (step.type) {
    case 'open':
      play.open(step.side, step.options)
      return
    case 'take':
      world.ends[step.side].take()
      return
    case 'deliver':
      world.ends[step.side].take()
      world.deliver(step.side, step.count, step.chunkBytes)
      return
    case 'flush':
      world.pump(step.chunkBytes)
      checkAtRest(model, world)
      return
    case 'advance':
      world.advance(step.ms, step.isPumping)
      checkTime(model, world.nowMs)
      return
    case 'drain': {
      const party = model.parties[step.side]
      if (party.isGone || party.isDraining) return
      party.isDraining = true
      party.graceEndsMs = world.nowMs + step.graceMs
      world.ends[step.side].session.drain(step.graceMs)
      return
    }
    case 'close':
      model.parties[step.side].isGone = true
      model.parties[step.side].isDraining = true
      world.ends[step.side].session.close()
      return
    case 'cut':
      model.parties.a.isGone = true
      model.parties.b.isGone = true
      world.cut()
      return
    case 'admit':
      world.ends.b.session.admit()
      return
    default:
      runOnChannel(play, step)
  }
}

function runOnChannel(play: Play, step: ChannelStep): void {
  if (step.type === 'accept' || step.type === 'refuse') {
    const waiting = [...play.model.calls.values()].filter(
      ({ acceptor }) => acceptor.side === step.side && acceptor.isShown && !acceptor.isDecided,
    )
    const call = waiting[step.pick % waiting.length]
    if (call === undefined) return
    if (step.type === 'accept') play.accept(call, step.manner)
    else play.refuse(call, step.code)
    return
  }
  const isSettling = step.type === 'settle'
  // Mostly live ones: on a dead channel nothing happens, which is worth seeing now and then.
  const isAny = step.pick % 7 === 0
  const targets = play
    .held(step.side)
    .filter(({ half }) => (isSettling ? !half.isOpener && !half.isSettled : half.outcome === null || isAny))
  const target = targets[step.pick % targets.length]
  if (target !== undefined) act(play, step, target.call, target.half, target.channel)
}

function act(
  play: Play,
  step: Exclude<ChannelStep, { type: 'accept' }>,
  call: Call,
  half: Half,
  channel: Channel,
): void {
  switch (step.type) {
    case 'send':
    case 'sendLast': {
      const isLast = step.type === 'sendLast'
      const bytes = piece(step.salt, step.bytes)
      const headers = headersOf(step.headers)
      play.send(call, half, channel, { bytes, headers, isLast, trailer: isLast ? step.text : '' })
      return
    }
    case 'sendHeaders':
      play.sendHeaders(call, half, channel, step.text)
      return
    case 'end':
      play.endOutput(call, half, channel, step.text)
      return
    case 'stop':
      if (half.stopCode === 0 && half.outcome === null) half.stopCode = step.code
      channel.stop(step.code)
      return
    case 'reset':
      play.model.end(half, 'reset', step.code)
      channel.reset(step.code)
      return
    case 'fail':
      play.model.end(half, 'fail', step.code)
      channel.fail(step.code, { message: 'failed' })
      return
    case 'pause':
      if (half.outcome === null) half.isPaused = true
      channel.pause()
      return
    case 'resume':
      play.resume(half, channel)
      return
    case 'read':
      if (half.isPaused) play.read(call, half, channel)
      return
    case 'settle':
      play.settle(half, channel)
  }
}
