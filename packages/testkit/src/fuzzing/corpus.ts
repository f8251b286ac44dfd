/**
 * Owns: good input for the fuzz program: profiles of sessions, and for each of them conversations that keep to what such a
 * session announces. All of it follows from one seed.
 * Must not know: sessions at work, damage.
 */
import type { SessionLimits } from '@peerplex/wire'
import { data, hello, open, type RawHello } from '../frame-builders.js'
import { generateFrame, generateHello } from '../fuzz-generate.js'
import { generateSequence, type SequenceLimits } from '../fuzz-sequence.js'
import { naiveEncode } from '../naive-encode.js'
import { type NaiveFrameInput, RAW_FLAG } from '../naive-frames.js'
import type { Random } from '../random.js'
import { pointedFrames } from './seasoning.js'

/** So many channels a session opens at its start, if it opens any: replies to them are part of conversations. */
export const OWN_CHANNEL_COUNT = 4

/** What kind of session the input is for. */
export interface Profile {
  readonly limits: Partial<SessionLimits>
  readonly isAuthRequired: boolean
  /** What the other side may send, a reserve for replies taken off. */
  readonly sequence: SequenceLimits
}

/** One side of a whole connection, HELLO first, legal towards a session of the profile. */
export interface Conversation {
  readonly profile: Profile
  readonly frames: readonly Uint8Array[]
  /** Whether it answers the channels that the session opens at its start. */
  readonly hasReplies: boolean
  /** Whether a session takes all of it whatever it answers. */
  readonly isLegal: boolean
}

export interface Corpus {
  readonly conversations: readonly Conversation[]
  /** Frames that are legal by themselves, to be put in anywhere. */
  readonly foreign: readonly Uint8Array[]
  /** Frames that concern what sessions do by themselves. */
  readonly pointed: readonly Uint8Array[]
}

const REPLY_RESERVE_BYTES = 8_192
const MAX_REPLY_BYTES = 300
const CONVERSATIONS_PER_PROFILE = 10
const FOREIGN_COUNT = 600
const { FIN, MORE, MSG, TRL } = RAW_FLAG

const LIMITS: readonly Partial<SessionLimits>[] = [
  {},
  {
    maxMessageBytes: 1_048_576,
    channelWindowBytes: 65_536,
    connectionWindowBytes: 1_048_576,
    maxPartialMessages: 4,
  },
  {
    maxFrameBytes: 16_384,
    maxMessageBytes: 65_536,
    channelWindowBytes: 16_384,
    channelWindowMessages: 3,
    connectionWindowBytes: 65_536,
    maxOpenChannels: 12,
    maxHeaderBytes: 4_096,
    maxPartialMessages: 2,
    maxUnreadBytes: 65_536,
    withheldTimeoutMs: 2_000,
    partialTimeoutMs: 3_000,
    idleTimeoutMs: 5_000,
    maxExportedRefs: 8,
  },
]

export const PROFILES: readonly Profile[] = LIMITS.flatMap((limits) =>
  [false, true].map((isAuthRequired) => ({
    limits,
    isAuthRequired,
    sequence: sequenceLimits(limits, isAuthRequired),
  })),
)

/** The same rng gives the same corpus. */
export function makeCorpus(rng: Random): Corpus {
  const conversations: Conversation[] = []
  for (const profile of PROFILES)
    for (let i = 0; i < CONVERSATIONS_PER_PROFILE; i++) conversations.push(makeConversation(profile, rng))
  for (const profile of PROFILES) conversations.push(makeLongMessage(profile, rng))
  const foreign = Array.from({ length: FOREIGN_COUNT }, () =>
    naiveEncode(generateFrame(rng, { maxPayloadBytes: 60 })),
  )
  return { conversations, foreign, pointed: pointedFrames(rng) }
}

function makeConversation(profile: Profile, rng: Random): Conversation {
  const isPlain = rng.bool()
  const main = generateSequence(rng, {
    frameCount: rng.pick([20, 60, 120]),
    limits: profile.sequence,
    maxPayloadBytes: rng.pick([20, 100, 700]),
    names: ['echo', 'a', '~ref', 'ünïcode'],
    hello: isPlain ? {} : randomHello(rng),
  })
  const hasReplies = rng.bool()
  return {
    profile,
    frames: hasReplies ? interleave(main, makeReplies(rng), rng) : main,
    hasReplies,
    isLegal: true,
  }
}

function randomHello(rng: Random): RawHello {
  const { entries: _, ...fields } = generateHello(rng) as Extract<NaiveFrameInput, { kind: 'HELLO' }>
  return fields
}

/** One message in many fragments, longer than some sessions take; legal only if credit comes in time. */
function makeLongMessage(profile: Profile, rng: Random): Conversation {
  const fragment = rng.bytes(7_000)
  const frames = [hello(), open({ chan: 1, flags: MSG + MORE, payload: fragment })]
  for (let count = rng.int(1, 14); count > 0; count--)
    frames.push(data({ chan: 1, flags: MSG + MORE, payload: fragment }))
  frames.push(data({ chan: 1, flags: MSG + FIN, payload: fragment }))
  return { profile, frames, hasReplies: false, isLegal: false }
}

/** What the other side sends on the channels that a session opened: legal, and within the smallest windows. */
function makeReplies(rng: Random): Uint8Array[] {
  const frames: Uint8Array[] = []
  for (let id = 1; id <= OWN_CHANNEL_COUNT; id++) {
    const chan = -id
    const send = (flags: number, payload: Uint8Array) =>
      frames.push(naiveEncode({ kind: 'DATA', flags, chan, entries: [], payload }))
    const payload = () => rng.bytes(rng.int(1, MAX_REPLY_BYTES))
    if (rng.bool(0.3))
      frames.push(
        naiveEncode({ kind: 'CREDIT', flags: 0, chan, byteLimit: 2 ** 31 - 1, countLimit: 2 ** 31 - 1 }),
      )
    if (rng.bool(0.2)) frames.push(naiveEncode({ kind: 'STOP', flags: 0, chan, code: rng.int(0, 5) }))
    if (rng.bool(0.5)) {
      send(MSG + MORE, payload())
      send(MSG, payload())
    }
    if (rng.bool(0.3)) send(MSG, payload())
    switch (rng.int(0, 4)) {
      case 0:
        frames.push(
          naiveEncode({ kind: 'END', flags: 0, chan, code: rng.int(1, 99), entries: [], payload: payload() }),
        )
        break
      case 1:
        frames.push(naiveEncode({ kind: 'RESET', flags: 0, chan, code: rng.int(0, 99), entries: [] }))
        break
      case 2:
        send(FIN, new Uint8Array(0))
        break
      case 3:
        send(MSG + FIN + TRL, payload())
    }
  }
  return frames
}

/** Both in their own order, mixed; the HELLO stays first. */
function interleave(main: readonly Uint8Array[], replies: readonly Uint8Array[], rng: Random): Uint8Array[] {
  const out = [...main.slice(0, 1)]
  let at = 1
  for (const reply of replies) {
    for (let count = rng.int(0, 4); count > 0 && at < main.length; count--) out.push(main[at++] as Uint8Array)
    out.push(reply)
  }
  return [...out, ...main.slice(at)]
}

function sequenceLimits(limits: Partial<SessionLimits>, isAuthRequired: boolean): SequenceLimits {
  const connBytes = isAuthRequired ? 65_536 : (limits.connectionWindowBytes ?? 4_194_304)
  const opens = limits.maxOpenChannels ?? 1_024
  return {
    rxBytes: limits.channelWindowBytes ?? 262_144,
    rxMsgs: limits.channelWindowMessages ?? 16_384,
    connBytes: connBytes - REPLY_RESERVE_BYTES,
    opens: isAuthRequired ? Math.min(16, opens) : opens,
    // One is for replies.
    partials: (limits.maxPartialMessages ?? 16) - 1,
  }
}
