/**
 * Owns: one case of the fuzz program: some damaged input, fed to a session in some way, and what must hold whatever it was. A
 * case follows from its random numbers and the corpus alone.
 * Must not know: how many cases there are, what becomes of the findings.
 */
import { ERRORS, Session } from '@peerplex/wire'
import { concat } from '../bytes.js'
import { hello, preface } from '../frame-builders.js'
import { insertFrame, mutateFrame, mutateSequence } from '../fuzz.js'
import { lend } from '../lend.js'
import { naiveDecode } from '../naive-codec.js'
import type { Random } from '../random.js'
import type { Conversation, Corpus, Profile } from './corpus.js'
import { OWN_CHANNEL_COUNT, PROFILES } from './corpus.js'
import { FuzzFailure, HostileProgram } from './hostile-program.js'
import { season } from './seasoning.js'
import { isFreshVerdict } from './verdict.js'

/** What one case amounts to. */
export interface CaseResult {
  /** Frames that the session has judged, the one it refused included. */
  readonly frameCount: number
  /** Of these, accepted in READY while at least one channel was open. */
  readonly liveFrameCount: number
  /** How the session ended: a code, `remote GOAWAY`, `closed`, or `open` when nothing of this ended it. */
  readonly ending: string
}

/** Everything that was given to the session, for a report; filled while the case runs. */
export type InputLog = Uint8Array[]

type Kind = 'byte' | 'message'

const DAMAGED = ['damaged', 'damaged', 'damaged', 'damaged', 'damaged', 'damaged', 'damaged'] as const
const CASE_TYPES = ['intact', 'intact', ...DAMAGED, 'senseless', 'fresh'] as const
/** Of the senseless cases: enough to reach the end of every patience, few enough not to outweigh the rest. */
const FLOOD_SHARE = 0.04
const FLOOD_COUNTS = [100, 2_500, 5_000]
/** What a peer that never reads can make a session hold: what is committed ahead, one frame, and what it owes. */
const MAX_COMMITTED_BYTES = 65_536 + 262_144 + 160_000
/** Codes with which a session says that its peer broke the protocol. */
const VIOLATIONS: readonly string[] = [
  'PROTOCOL_ERROR',
  'FRAME_SIZE',
  'FLOW_CONTROL',
  'ENHANCE_CALM',
  'VERSION',
]

/** `onSession` gets the session before it starts. */
export function runCase(
  rng: Random,
  corpus: Corpus,
  log: InputLog,
  onSession?: (session: Session) => void,
): CaseResult {
  // Most programs behave; a few do everything at once.
  const start = (kind: Kind, profile: Profile, wildness = rng.pick([0, 0.3, 0.3, 1])): FuzzCase => {
    const one = new FuzzCase(rng, kind, profile, log, wildness)
    onSession?.(one.session)
    return one
  }
  const type = rng.pick(CASE_TYPES)
  const kind: Kind = rng.pick(['byte', 'message'] as const)
  if (type === 'fresh') return start(kind, PROFILES[0] as Profile, 0).runFresh(corpus)
  const conversation = rng.pick(corpus.conversations)
  const run = start(kind, conversation.profile)
  if (type !== 'senseless') return run.runConversation(conversation, type === 'intact', corpus)
  if (rng.bool(FLOOD_SHARE)) return run.runFlood(conversation, corpus)
  return rng.bool(0.3) ? run.runNoise() : run.runSoup(corpus)
}

class FuzzCase {
  readonly #rng: Random
  readonly #kind: Kind
  readonly #log: InputLog
  readonly #program: HostileProgram
  readonly #session: Session
  readonly #isOutputTaken: boolean
  #nowMs = 1_000_000
  #frameCount = 0
  #liveFrameCount = 0
  #hasInputEndedIt = false

  constructor(rng: Random, kind: Kind, profile: Profile, log: InputLog, wildness: number) {
    this.#rng = rng
    this.#kind = kind
    this.#log = log
    this.#program = new HostileProgram(rng, wildness)
    this.#isOutputTaken = rng.bool(0.8)
    this.#session = new Session(
      {
        kind,
        instance: new Uint8Array(16).fill(0xaa),
        now: () => this.#nowMs,
        limits: profile.limits,
        isAuthRequired: profile.isAuthRequired,
        passesEncoding: rng.bool(0.2),
      },
      this.#program,
    )
    this.#program.session = this.#session
  }

  get session(): Session {
    return this.#session
  }

  /** A conversation, whole or damaged. */
  runConversation(conversation: Conversation, isIntact: boolean, corpus: Corpus): CaseResult {
    const rng = this.#rng
    const { frames } = conversation
    const damaged = isIntact ? frames : this.#damage(frames, corpus)
    this.#session.start()
    if (conversation.hasReplies) for (let i = 0; i < OWN_CHANNEL_COUNT; i++) this.#program.open(true)
    this.#feed(damaged, isIntact)
    if (isIntact && conversation.isLegal) this.#checkUnharmed()
    if (rng.bool(0.1)) this.#checkAgainstNaive(damaged)
    return this.#finish()
  }

  #damage(frames: readonly Uint8Array[], corpus: Corpus): Uint8Array[] {
    const rng = this.#rng
    const seasoned = rng.bool(0.3) ? season(frames, rng) : frames
    if (rng.bool(0.2))
      return insertFrame(insertFrame(seasoned, rng, rng.pick(corpus.pointed)), rng, rng.pick(corpus.pointed))
    return mutateSequence(seasoned, rng, rng.bool() ? corpus.foreign : frames)
  }

  /** Frames that are legal by themselves and make no sense together, some damaged. */
  runSoup(corpus: Corpus): CaseResult {
    const rng = this.#rng
    const frames = [hello()]
    for (let count = rng.int(1, 20); count > 0; count--) {
      const frame = rng.pick(corpus.foreign)
      frames.push(rng.bool(0.3) ? mutateFrame(frame, rng, rng.pick(corpus.foreign)) : frame)
    }
    this.#session.start()
    this.#feed(frames)
    this.#checkAgainstNaive(frames)
    return this.#finish()
  }

  /** A good beginning, and then the same frame again and again. */
  runFlood(conversation: Conversation, corpus: Corpus): CaseResult {
    const rng = this.#rng
    const { frames } = conversation
    const start = frames.slice(0, rng.int(1, frames.length))
    const frame = rng.pick(rng.pick([frames, corpus.foreign, corpus.pointed]))
    this.#session.start()
    if (conversation.hasReplies) for (let i = 0; i < OWN_CHANNEL_COUNT; i++) this.#program.open(true)
    this.#feed([...start, ...Array.from({ length: rng.pick(FLOOD_COUNTS) }, () => frame)])
    return this.#finish()
  }

  /** Random bytes, from the start or behind a preface and a HELLO. */
  runNoise(): CaseResult {
    const rng = this.#rng
    const noise = rng.bytes(rng.int(1, 300))
    const before = rng.pick(['nothing', 'preface', 'hello'] as const)
    this.#session.start()
    if (before === 'nothing') this.#feedBytes([noise], false)
    else this.#feed(before === 'hello' ? [hello(), noise] : [noise])
    return this.#finish()
  }

  /** One frame as the first after HELLO: the naive decoder says what has to become of it. */
  runFresh(corpus: Corpus): CaseResult {
    const rng = this.#rng
    const good = rng.pick(corpus.foreign)
    const frame = rng.bool(0.9) ? mutateFrame(good, rng, rng.pick(corpus.foreign)) : good
    const { limits } = this.#session
    this.#session.start()
    const context = { maxFrame: limits.maxFrameBytes, maxMeta: limits.maxHeaderBytes, helloSeen: true }
    const isWholeMessage = this.#kind === 'message'
    const naive = naiveDecode(frame, { ...context, isWholeMessage })
    const program = this.#program
    this.#receive(concat(this.#kind === 'byte' ? [preface(), hello()] : [hello()]))
    this.#receive(frame)
    this.#drain()
    const verdict = isFreshVerdict(naive, program.isOver, program.error, program.hasClosed)
    if (verdict !== null) throw new FuzzFailure(verdict)
    return this.#finish()
  }

  // ---- feeding ------------------------------------------------------------------------------------------------------

  #feed(frames: readonly Uint8Array[], isIntact = false): void {
    if (this.#kind === 'byte') this.#feedBytes([preface(), ...frames], true)
    else this.#feedMessages(frames, isIntact ? 0 : 0.002)
  }

  /** In pieces of any length; `isFramed` favours long ones, in which several frames arrive together. */
  #feedBytes(frames: readonly Uint8Array[], isFramed: boolean): void {
    const rng = this.#rng
    const bytes = concat(frames)
    const most = isFramed && rng.bool(0.95) ? rng.pick([40, 400, 4_000, 20_000]) : rng.pick([1, 3, 10, 400])
    for (let at = 0; at < bytes.length && !this.#program.isOver; ) {
      const length = Math.min(bytes.length - at, rng.int(1, most))
      this.#receive(bytes.slice(at, at + length))
      at += length
      this.#pause()
    }
  }

  /** Whole frames, a few together; now and then cut in the middle. */
  #feedMessages(frames: readonly Uint8Array[], cutProbability: number): void {
    const rng = this.#rng
    for (let at = 0; at < frames.length && !this.#program.isOver; ) {
      const count = rng.int(1, 6)
      const message = concat(frames.slice(at, at + count))
      this.#receive(rng.bool(cutProbability) ? message.slice(0, rng.int(0, message.length)) : message)
      at += count
      this.#pause()
    }
  }

  #receive(bytes: Uint8Array): void {
    if (this.#program.isOver) return
    this.#log.push(bytes)
    const { counters, table } = this.#session.channels
    const before = counters.framesReceived
    const isLive = this.#session.state === 'READY' && table.size > 0
    const wasClosing = this.#program.hasClosed
    lend(this.#session, bytes)
    const count = counters.framesReceived - before
    if (isLive) this.#liveFrameCount += count
    this.#frameCount += count
    if (!this.#program.isOver || wasClosing) return
    // The frame that was refused counts too.
    this.#hasInputEndedIt = true
    this.#frameCount++
  }

  /** Between two deliveries: output is taken, time passes, the program does something. */
  #pause(): void {
    const rng = this.#rng
    if (this.#isOutputTaken && rng.bool(0.5)) this.#drain()
    if (rng.bool(0.3)) this.#program.act()
    if (!rng.bool(0.05)) return
    this.#wait(rng.pick([0, 1, 100, 1_500, 1_500, 6_000, 6_000, 50_000]))
    if (rng.bool(0.2)) this.#checkLevels()
  }

  /** Timers run when they are due, or all of them late, as when a process stood still. */
  #wait(ms: number): void {
    const untilMs = this.#nowMs + ms
    for (let count = 0; count < 20 && this.#program.timerMs <= untilMs && this.#rng.bool(0.9); count++) {
      this.#nowMs = Math.max(this.#nowMs, this.#program.timerMs)
      this.#program.timerMs = Number.POSITIVE_INFINITY
      this.#session.tick()
    }
    this.#nowMs = untilMs
    if (this.#program.timerMs <= untilMs || this.#rng.bool(0.1)) this.#session.tick()
  }

  /** Takes what there is, some times; a session that ends in peace does so here. */
  #drain(): void {
    for (let count = 0; this.#session.hasOutput; count++) {
      const parts = this.#session.takeOutput()
      if (parts.length === 0 && this.#session.hasOutput)
        throw new FuzzFailure('output was promised, none given')
      if (count > 1_000) throw new FuzzFailure('the output does not come to an end')
    }
  }

  // ---- checking -----------------------------------------------------------------------------------------------------

  /** What keeps to the rules is not refused. */
  #checkUnharmed(): void {
    const { error, isOver } = this.#program
    if (!isOver || error === null || error.origin === 'remote') return
    if (VIOLATIONS.includes(error.code))
      throw new FuzzFailure(`legal input was refused: ${error.code}, ${error.message}`)
  }

  /** Levels stay below what was announced, whatever comes. */
  #checkLevels(): void {
    const stats = this.#session.stats()
    const { limits } = this.#session
    const most: Partial<Record<keyof typeof stats, number>> = {
      unreadBytes: limits.maxUnreadBytes + 6 * limits.connectionWindowBytes,
      assemblingBytes: limits.maxPartialMessages * limits.maxMessageBytes + 2 * limits.maxFrameBytes,
      inboundPartials: limits.maxPartialMessages,
      openSlotsTaken: limits.maxOpenChannels,
      committedOutputBytes: MAX_COMMITTED_BYTES,
      importedRefs: limits.maxExportedRefs,
      exportedRefs: limits.maxExportedRefs,
    }
    for (const [name, limit] of Object.entries(most)) {
      const level = stats[name as keyof typeof stats] as number
      if (level > limit || level < 0) throw new FuzzFailure(`${name} is ${level}, the limit is ${limit}`)
    }
  }

  /** The naive decoder and the session find the same first violation that needs no state. */
  #checkAgainstNaive(frames: readonly Uint8Array[]): void {
    const { limits } = this.#session
    if (this.#kind === 'message') return
    const naive = naiveDecode(concat(frames), {
      maxFrame: limits.maxFrameBytes,
      maxMeta: limits.maxHeaderBytes,
    })
    const { isOver, error } = this.#program
    if (naive.error !== undefined && !isOver)
      throw new FuzzFailure(`the naive decoder says ${naive.error} (${naive.reason}), the session goes on`)
    if (!this.#hasInputEndedIt || error === null || error.origin === 'remote') return
    const seen = this.#session.channels.counters.framesReceived
    if (error.code === 'FRAME_SIZE' && naive.error !== 'FRAME_SIZE')
      throw new FuzzFailure(`the session says FRAME_SIZE, the naive decoder ${naive.error ?? 'nothing'}`)
    if (seen > naive.frames.length && naive.error !== undefined && error.code !== naive.error)
      throw new FuzzFailure(
        `the session says ${error.code} (${error.message}), the naive decoder ${naive.error}`,
      )
  }

  /** Ends what still runs; after that nothing is told, and nothing is left. */
  #finish(): CaseResult {
    const program = this.#program
    const session = this.#session
    this.#checkLevels()
    const ending = endingOf(program, this.#hasInputEndedIt)
    if (!program.isOver) program.end()
    // A drain may go on; now it is over.
    if (!program.isOver) session.close()
    session.receive(new Uint8Array(40))
    session.tick()
    if (this.#isOutputTaken) this.#drain()
    program.settleAll()
    program.checkEnds()
    if (program.failure !== null) throw program.failure
    if (!program.isOver) throw new FuzzFailure('the session does not end')
    const { error } = program
    if (error !== null && error.origin === 'local' && !(error.code in ERRORS))
      throw new FuzzFailure(`the session ended with ${error.code}, which is in no table`)
    if (error?.code === 'INTERNAL_ERROR' && error.origin === 'local')
      throw new FuzzFailure(
        `INTERNAL_ERROR: ${error.cause instanceof Error ? error.cause.stack : error.cause}`,
      )
    this.#checkNothingLeft()
    return { frameCount: this.#frameCount, liveFrameCount: this.#liveFrameCount, ending }
  }

  #checkNothingLeft(): void {
    const stats = this.#session.stats()
    const { openChannels, openingChannels, heldChannels, queuedOutputBytes, unreadBytes, deadlines } = stats
    const left = { openChannels, openingChannels, heldChannels, queuedOutputBytes, unreadBytes, deadlines }
    for (const [name, level] of Object.entries({ ...left, inboundPartials: stats.inboundPartials }))
      if (level !== 0) throw new FuzzFailure(`${name} is ${level} after the end`)
  }
}

function endingOf(program: HostileProgram, hasInputEndedIt: boolean): string {
  if (!program.isOver) return 'open'
  const { error } = program
  if (error === null) return 'closed'
  if (error.origin === 'remote') return 'remote GOAWAY'
  return hasInputEndedIt || !program.hasClosed ? error.code : 'closed'
}
