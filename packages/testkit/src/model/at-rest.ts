/**
 * Owns: what must have happened once everything that was under way has arrived, what a session may hold at any time, and what
 * must be gone at the end.
 * Must not know: how it comes about. Levels are read from the sessions' own statistics.
 */
import type { SessionStats } from '@peerplex/wire'
import { type Call, demand, type Half, halves, otherHalf } from './model-state.js'
import type { ReferenceModel } from './reference-model.js'
import type { Side, World } from './world.js'

/** Items up to this size need no slot for incomplete messages. */
const SMALL_BYTES = 4_000
const QUEUED_MESSAGE_BYTES = 192
/** At least what the entries of the few headers here cost beside their text. */
const ENTRY_BYTES = 32
/** A session commits so much ahead of the transport, and one frame; control frames come on top. */
const COMMIT_AHEAD_BYTES = 65_536 + 262_144 + 16_384

/** After a pump: nothing is under way, and no time has passed. */
export function checkAtRest(model: ReferenceModel, world: World): void {
  const { a, b } = model.parties
  if (a.isGone || b.isGone || world.ends.b.session.isAuthPending) return
  for (const call of model.calls.values()) {
    const isCommitted = (world.ends[call.opener.side].channels.get(call.name)?.id ?? 0) !== 0
    if (!isCommitted) continue
    if (call.opener.outcome === null) demand(call.acceptor.isShown, `${call.name} does not arrive`)
    for (const half of halves(call)) {
      if (half.isHeld && half.outcome === null) checkHalf(model, world, call, half)
    }
  }
}

function checkHalf(model: ReferenceModel, world: World, call: Call, half: Half): void {
  const other = otherHalf(call, half)
  const what = `${call.name}, ${half.side}`
  // Whoever does not read may learn later that all is over.
  const isUnread = half.isPaused && other.isEnded
  // Nobody tells the acceptor of a one-way that it was given up.
  const ending = call.isOneway ? undefined : other.ending?.kind
  if ((other.refusedWith > 0 && !call.isOneway) || ending === 'reset')
    demand(isUnread, `${what}: RESET does not arrive`)
  if (ending === 'fail') demand(half.isPaused, `${what}: END does not arrive`)
  const mustStop = other.stopCode > 0 && !half.isEnded && !call.isOneway
  if (mustStop) demand(half.wasToldStop, `${what}: STOP does not arrive`)
  if (half.isPaused || half.stopCode > 0 || half.isSettled || half.wasToldStop) return
  if (world.isWithholding(half.side)) return
  // A reader that does not read may hold incomplete messages and with them the slots of others; small items need none.
  const isFree = !hasIdleReader(model, half.side)
  for (const item of other.sent.filter((_, index) => !half.gotItems.has(index))) {
    demand(!isFree && item.bytes.length > SMALL_BYTES, `${what}: item ${half.gotCount} does not arrive`)
    return
  }
  if (other.isEnded) demand(half.gotEnd, `${what}: onEnd does not come`)
  demand(!other.isWaiting, `${call.name}, ${other.side}: onWritable does not come`)
}

function hasIdleReader(model: ReferenceModel, side: Side): boolean {
  for (const call of model.calls.values()) {
    for (const half of halves(call)) {
      const isIdle = half.isPaused || !half.isHeld
      if (half.side === side && half.outcome === null && isIdle) return true
    }
  }
  return false
}

/** After time has passed: nothing lives on behind its deadline. */
export function checkTime(model: ReferenceModel, nowMs: number): void {
  for (const call of model.calls.values()) {
    for (const half of halves(call)) {
      const other = otherHalf(call, half)
      // Whoever does not read learns later that it was over before.
      const isOver = other.ending !== null || other.isEnded || model.parties[half.side].isGone
      const isUnread = half.isPaused && isOver
      const isLate = half.isHeld && half.outcome === null && nowMs >= half.latestEndMs
      demand(!isLate || isUnread, `${call.name}, ${half.side}: alive after its deadline`)
    }
  }
}

/** At any time: what a session holds is bounded by what it announced. */
export function checkLevels(model: ReferenceModel, world: World, side: Side): void {
  const { session } = world.ends[side]
  const { limits } = session
  const stats = session.stats()
  const memory = limits.maxUnreadBytes + 6 * limits.connectionWindowBytes
  const partialMemory = limits.maxPartialMessages * limits.maxMessageBytes + 2 * limits.maxFrameBytes
  atMost(side, stats, 'unreadBytes', Math.min(memory, mostUnread(model, world, side)))
  atMost(side, stats, 'assemblingBytes', partialMemory)
  atMost(side, stats, 'inboundPartials', limits.maxPartialMessages)
  atMost(side, stats, 'openSlotsTaken', limits.maxOpenChannels)
  atMost(side, stats, 'committedOutputBytes', COMMIT_AHEAD_BYTES)
}

/** What may wait to be read: of each channel a window, and the message that completes last on top of it (R1). */
function mostUnread(model: ReferenceModel, world: World, side: Side): number {
  let most = 0
  for (const call of model.calls.values()) {
    for (const half of halves(call)) {
      if (half.side !== side) continue
      const { sent } = otherHalf(call, half)
      const largest = Math.max(
        0,
        ...sent.map((item) => item.bytes.length + item.headers.length + ENTRY_BYTES),
      )
      const window = half.windowBytes || world.ends[side].session.limits.channelWindowBytes
      const waiting = sent.length - half.gotCount
      if (waiting > 0) most += window + largest + waiting * QUEUED_MESSAGE_BYTES
    }
  }
  return most
}

/** At the very end: every call is over on both sides, and nothing of it is left. */
export function checkAtEnd(model: ReferenceModel, world: World): void {
  for (const call of model.calls.values()) {
    for (const half of halves(call))
      if (half.isHeld) demand(half.outcome !== null, `${call.name}, ${half.side}: never closed`)
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
      'exportedRefs',
      'importedRefs',
    ]
    if (!model.parties[side].isGone) levels.push('openSlotsTaken', 'assemblingBytes')
    for (const level of levels) atMost(side, stats, level, 0)
  }
}

function atMost(side: Side, stats: SessionStats, level: keyof SessionStats, most: number): void {
  demand((stats[level] as number) <= most, `${side}: ${level} is ${stats[level]}, at most ${most}`)
}
