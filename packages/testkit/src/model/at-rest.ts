/**
 * Owns: what must have happened once everything that was under way has arrived, and what must be gone at the end.
 * Must not know: how it comes about. `unread` and the other levels are read from the sessions' own statistics.
 */
import type { SessionStats } from '@peerplex/wire'
import {
  type Call,
  demand,
  type Half,
  otherHalf,
  type ReferenceModel,
  type SideName,
} from './reference-model.js'
import type { Side, World } from './world.js'

/** Items up to this size need no slot for incomplete messages. */
const SMALL_BYTES = 4_000
const QUEUED_MESSAGE_BYTES = 192

/** After a pump: nothing is on its way, no time has passed. */
export function checkAtRest(model: ReferenceModel, world: World): void {
  const isWhole = !model.parties.a.isGone && !model.parties.b.isGone && !world.ends.b.session.isAuthPending
  for (const call of model.calls.values()) {
    if (!isWhole) break
    const isCommitted = (world.ends[call.opener.side].channels.get(call.name)?.id ?? 0) !== 0
    if (isCommitted && call.opener.outcome === null)
      demand(call.acceptor.isShown, `${call.name} does not arrive`)
    for (const half of [call.opener, call.acceptor]) checkHalf(model, call, half, isCommitted)
  }
  for (const side of ['a', 'b'] as const) checkLevels(model, world, side)
}

function checkHalf(model: ReferenceModel, call: Call, half: Half, isCommitted: boolean): void {
  const other = otherHalf(call, half)
  if (!half.isHeld || half.outcome !== null || !isCommitted) return
  const what = `${call.name}, ${half.side}`
  const isReset = other.ending?.kind === 'reset' || other.refusedWith > 0
  demand(!isReset, `${what}: the other end has reset the channel`)
  if (other.ending !== null) demand(half.isPaused, `${what}: the other end has failed the channel`)
  const mustStop = other.stopCode > 0 && !half.isEnded && !call.isOneway
  if (mustStop) demand(half.wasToldStop, `${what}: STOP does not arrive`)
  if (half.isPaused || half.stopCode > 0 || half.isSettled || half.wasToldStop) return
  // A paused reader may hold incomplete messages and with them the slots of others; small items need none.
  const isFree = !hasReader(model, half.side, (one) => one.isPaused || !one.isHeld)
  for (const item of other.sent.slice(half.gotCount)) {
    demand(!isFree && item.bytes.length > SMALL_BYTES, `${what}: item ${half.gotCount} does not arrive`)
    return
  }
  if (other.isEnded) demand(half.gotEnd, `${what}: onEnd does not come`)
  demand(!other.isWaiting, `${call.name}, ${other.side}: onWritable does not come`)
}

function hasReader(model: ReferenceModel, side: SideName, isMeant: (half: Half) => boolean): boolean {
  for (const { opener, acceptor } of model.calls.values())
    for (const half of [opener, acceptor])
      if (half.side === side && half.outcome === null && isMeant(half)) return true
  return false
}

/** What a session may hold is bounded by what it announced. */
function checkLevels(model: ReferenceModel, world: World, side: Side): void {
  const { session } = world.ends[side]
  const { limits } = session
  const stats = session.stats()
  let mostUnread = 0
  for (const call of model.calls.values()) {
    for (const half of [call.opener, call.acceptor]) {
      if (half.side !== side) continue
      const other = otherHalf(call, half)
      const count = other.sent.length - half.gotCount
      // R1: the message that completes last came on top of the window.
      const largest = Math.max(0, ...other.sent.map((item) => item.bytes.length))
      if (count > 0) mostUnread += limits.channelWindowBytes * 2 + largest + count * QUEUED_MESSAGE_BYTES
    }
  }
  const { unreadBytes, assemblingBytes } = stats
  demand(
    unreadBytes <= mostUnread,
    `${side}: ${unreadBytes} bytes wait to be read, at most ${mostUnread} were sent`,
  )
  const memory = limits.maxUnreadBytes + 6 * limits.connectionWindowBytes
  demand(unreadBytes <= memory, `${side}: ${unreadBytes} bytes wait to be read`)
  demand(
    assemblingBytes <= limits.maxPartialMessages * limits.maxMessageBytes + 2 * limits.maxFrameBytes,
    `${side}: ${assemblingBytes} bytes of incomplete messages`,
  )
  demand(stats.inboundPartials <= limits.maxPartialMessages, `${side}: too many incomplete messages`)
}

/** At the very end: every call is over on both sides, and nothing of it is left. */
export function checkAtEnd(model: ReferenceModel, world: World): void {
  for (const call of model.calls.values()) {
    for (const half of [call.opener, call.acceptor]) {
      if (half.isHeld) demand(half.outcome !== null, `${call.name}, ${half.side}: never closed`)
    }
  }
  for (const side of ['a', 'b'] as const) {
    const stats = world.ends[side].session.stats()
    const levels: (keyof SessionStats)[] = [
      'openChannels',
      'openingChannels',
      'heldChannels',
      'queuedOutputBytes',
      'committedOutputBytes',
      'unreadBytes',
      'inboundPartials',
      'outboundPartials',
      'deadlines',
    ]
    if (!model.parties[side].isGone) levels.push('openSlotsTaken', 'assemblingBytes')
    for (const level of levels) demand(stats[level] === 0, `${side}: ${level} is ${stats[level]} at the end`)
  }
}
