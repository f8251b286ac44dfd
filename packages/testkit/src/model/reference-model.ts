/**
 * Owns: what two programs on one connection may see of each other, as plainly as possible: per channel the list of what each
 * end has sent, how much of it the other end got, and how each end came to its end.
 * Must not know: frames, credit, bytes on the wire, `@peerplex/wire`. It is told what programs do (before they do it) and what
 * they are told; it throws at the first thing that should not have been told, or that is missing once everything has arrived.
 */
import { equalBytes } from '../bytes.js'

export type SideName = 'a' | 'b'

/** What one end sends: a message, or headers without one. `headers` is any text that is equal for equal headers. */
export interface Item {
  readonly isMessage: boolean
  readonly bytes: Uint8Array
  readonly headers: string
}

export interface ModelOutcome {
  readonly code: number
  readonly delivery: string
  readonly origin: string
}

/** How an end ended its channel. A `fail` leaves behind what was committed: at least `itemCount` items arrive. */
interface Ending {
  readonly kind: 'reset' | 'fail'
  readonly code: number
  readonly itemCount: number
}

/** One end of a channel. */
export interface Half {
  readonly side: SideName
  readonly isOpener: boolean
  /** The program got the channel: the opener at once, the acceptor when it is shown. */
  isShown: boolean
  /** It has called accept or refuse. */
  isDecided: boolean
  /** The program works with it: the acceptor once `accept` said true. */
  isHeld: boolean
  readonly sent: Item[]
  /** So many of the items have certainly left the queues of the sender. */
  committedCount: number
  isEnded: boolean
  trailers: string
  /** So many items of the other half were handed over. */
  gotCount: number
  gotEnd: boolean
  stopCode: number
  wasToldStop: boolean
  isPaused: boolean
  /** `send` said false, and `onWritable` has not come. */
  isWaiting: boolean
  isSettled: boolean
  refusedWith: number
  ending: Ending | null
  outcome: ModelOutcome | null
  /** Not before this, and not after `latestEndMs`, time ends it. */
  deadlineMs: number
  latestEndMs: number
}

export interface Call {
  readonly name: string
  /** No longer so when it turns out not to fit one frame. */
  isOneway: boolean
  readonly opener: Half
  readonly acceptor: Half
  readonly openHeaders: string
}

export interface PartyLimits {
  readonly maxMessageBytes: number
  readonly maxOpenChannels: number
}

/** What the model keeps of a session as a whole. */
interface Party {
  isGone: boolean
  isDraining: boolean
  graceEndsMs: number
  wasToldNotice: boolean
  wasToldFinal: boolean
  readonly maxMessageBytes: number
  /** It announces fewer channels than its opener may count on before it knows. */
  readonly mayRefuse: boolean
}

const CANCELLED = 1
const DEADLINE_EXCEEDED = 4
const UNAVAILABLE = 14
const REFUSED = 32
const MESSAGE_TOO_LARGE = 34
const LEAST_QUANTUM_BYTES = 3_000
/** So many channels may be opened before the other side's HELLO has come. */
const EARLY_OPEN_COUNT = 16

export class ReferenceModel {
  readonly calls: Map<string, Call> = new Map()
  readonly parties: Readonly<Record<SideName, Party>>
  readonly #now: () => number

  constructor(now: () => number, limits: Readonly<Record<SideName, PartyLimits>>) {
    this.#now = now
    const party = (side: SideName): Party => ({
      isGone: false,
      isDraining: false,
      graceEndsMs: Number.POSITIVE_INFINITY,
      wasToldNotice: false,
      wasToldFinal: false,
      maxMessageBytes: limits[side].maxMessageBytes,
      mayRefuse: limits[side].maxOpenChannels < EARLY_OPEN_COUNT,
    })
    this.parties = { a: party('a'), b: party('b') }
  }

  // ---- what programs do ---------------------------------------------------------------------------------------------

  open(side: SideName, name: string, isOneway: boolean, timeoutMs: number, openHeaders: string): Half {
    const opener = newHalf(side, true)
    if (timeoutMs > 0) opener.deadlineMs = opener.latestEndMs = this.#now() + timeoutMs
    const acceptor = newHalf(side === 'a' ? 'b' : 'a', false)
    this.calls.set(name, { name, isOneway, opener, acceptor, openHeaders })
    return opener
  }

  /** What `accept` answers: true only if nobody was told that this call never ran. */
  accept(call: Call, isAccepted: boolean): void {
    const { opener, acceptor } = call
    const isOver = this.#mayHaveEnded(opener) || this.#mayHaveEnded(acceptor)
    if (!isAccepted) demand(isOver, `${call.name}: accept said false while both ends live`)
    const delivery = opener.outcome?.delivery ?? ''
    if (isAccepted)
      demand(!isNever(delivery), `${call.name}: accepted after the opener was told '${delivery}'`)
    acceptor.isHeld = isAccepted
  }

  /** Whether `isWritable` may be as it is. */
  checkWritable(call: Call, half: Half, isWritable: boolean): void {
    const other = otherHalf(call, half)
    const isOver = half.isEnded || half.wasToldStop || half.outcome !== null || call.isOneway
    if (isWritable) demand(!isOver, `${call.name}: writable after its end`)
    const mayBeStopped =
      other.stopCode > 0 || other.isSettled || this.#mayHaveEnded(other) || this.#mayHaveEnded(half)
    if (!isWritable) demand(isOver || mayBeStopped, `${call.name}: not writable without a reason`)
  }

  end(half: Half, kind: 'reset' | 'fail', code: number): void {
    if (half.outcome === null) half.ending = { kind, code, itemCount: half.committedCount }
  }

  // ---- what programs are told ---------------------------------------------------------------------------------------

  shown(name: string, side: SideName, timeoutMs: number, openHeaders: string, isOneway: boolean): void {
    const call = this.calls.get(name)
    if (call === undefined || call.acceptor.side !== side) throw new Error(`${name} was never opened there`)
    const { acceptor, opener } = call
    demand(!acceptor.isShown, `${name} is shown twice`)
    demand(!isNever(opener.outcome?.delivery), `${name} is shown, its opener was told that it never was`)
    demand(openHeaders === call.openHeaders, `${name}: its headers have changed`)
    if (call.isOneway && !isOneway) {
      demand((opener.sent[0]?.bytes.length ?? 0) > LEAST_QUANTUM_BYTES, `${name}: its one message fits one frame`)
      // The opener hears no answer.
      opener.isSettled = true
    }
    call.isOneway = isOneway
    demand(timeoutMs > 0 === Number.isFinite(opener.deadlineMs), `${name}: its timeout has changed`)
    for (const earlier of this.calls.values()) {
      if (earlier === call) break
      const isSkipped = earlier.opener.side === opener.side && !earlier.acceptor.isShown
      if (isSkipped)
        demand(
          this.#mayHaveEnded(earlier.opener) || this.#mayHaveEnded(earlier.acceptor),
          `${name} overtook ${earlier.name}`,
        )
    }
    acceptor.isShown = true
    // Its time runs from the arrival of OPEN, which may be long ago when credentials were checked.
    acceptor.deadlineMs = opener.deadlineMs
    if (timeoutMs > 0) acceptor.latestEndMs = this.#now() + timeoutMs
  }

  /** A message or headers were handed over. */
  got(call: Call, half: Half, item: Item): void {
    const expected = otherHalf(call, half).sent[half.gotCount]
    const what = `${call.name}, ${half.side}, item ${half.gotCount}`
    demand(
      half.isHeld && half.outcome === null && !half.gotEnd,
      `${what}: told before accept or after the end`,
    )
    demand(half.stopCode === 0, `${what}: told after stop`)
    if (expected === undefined) throw new Error(`${what}: never sent`)
    demand(expected.isMessage === item.isMessage, `${what}: message and headers have changed places`)
    demand(expected.headers === item.headers, `${what}: headers '${item.headers}' for '${expected.headers}'`)
    demand(equalBytes(expected.bytes, item.bytes), `${what}: other bytes than were sent`)
    half.gotCount++
  }

  gotEnd(call: Call, half: Half, trailers: string): void {
    const other = otherHalf(call, half)
    demand(half.isHeld && half.outcome === null && !half.gotEnd, `${call.name}: onEnd at the wrong time`)
    demand(half.stopCode === 0, `${call.name}: onEnd after stop`)
    demand(
      other.isEnded && half.gotCount === other.sent.length,
      `${call.name}: onEnd before everything has come`,
    )
    demand(trailers === other.trailers, `${call.name}: trailers '${trailers}' for '${other.trailers}'`)
    half.gotEnd = true
  }

  toldStop(call: Call, half: Half, code: number): void {
    const other = otherHalf(call, half)
    const isOutputOver = other.isEnded || half.stopCode > 0
    const isAutomatic = !other.isOpener && other.isSettled && isOutputOver && code === CANCELLED
    demand(
      half.isHeld && half.outcome === null && !half.wasToldStop,
      `${call.name}: onStop at the wrong time`,
    )
    demand(other.stopCode === code || isAutomatic, `${call.name}: onStop(${code}) that nobody asked for`)
    half.wasToldStop = true
    half.isWaiting = false
  }

  writable(call: Call, half: Half): void {
    demand(half.isWaiting && half.outcome === null, `${call.name}: onWritable that nobody waits for`)
    half.isWaiting = false
    half.committedCount = half.sent.length
  }

  /** The last call for a channel. `isCommitted`: its OPEN has left the queues of its opener. */
  closed(call: Call, half: Half, outcome: ModelOutcome, isCommitted: boolean): void {
    const what = `${call.name}, ${half.side}: onClose(${outcome.code}, ${outcome.delivery}, ${outcome.origin})`
    demand(half.isHeld && half.outcome === null, `${what} twice or before accept`)
    const other = otherHalf(call, half)
    demand(this.#isExplained(call, half, outcome), `${what} is not explained by anything`)
    demand(this.#deliveries(call, half, outcome, isCommitted).includes(outcome.delivery), `${what}: delivery`)
    if (outcome.delivery === 'not-sent') demand(!call.acceptor.isShown, `${what}: it was shown`)
    if (outcome.delivery === 'not-processed') demand(!call.acceptor.isHeld, `${what}: it was accepted`)
    const { ending } = other
    if (outcome.origin === 'remote' && ending?.kind === 'fail' && half.stopCode === 0 && !half.isSettled)
      demand(half.gotCount >= ending.itemCount, `${what}: messages sent before the failure are missing`)
    if (outcome.code !== 0 && half.ending === null && outcome.origin === 'local') {
      const isEnd = outcome.code === DEADLINE_EXCEEDED && !half.isOpener
      half.ending = { kind: isEnd ? 'fail' : 'reset', code: outcome.code, itemCount: 0 }
    }
    half.outcome = outcome
  }

  over(side: SideName, code: string | null): void {
    const party = this.parties[side]
    const isExpected =
      code === null
        ? party.isGone || party.isDraining || party.wasToldFinal
        : code === 'UNAVAILABLE' && this.#isLost()
    demand(isExpected, `${side}: the session ended with ${code}`)
    party.isGone = true
    for (const call of this.calls.values()) {
      for (const half of [call.opener, call.acceptor]) {
        if (half.side !== side || !half.isHeld || half.isPaused) continue
        demand(half.outcome !== null, `${call.name}, ${side}: the session ended before its channel`)
      }
    }
  }

  /** After time has passed. */
  checkTime(): void {
    for (const call of this.calls.values()) {
      for (const half of [call.opener, call.acceptor]) {
        const other = otherHalf(call, half)
        // Whoever does not read learns later that it was over before.
        const isUnread = half.isPaused && (other.ending !== null || other.isEnded)
        const isLate = half.isHeld && half.outcome === null && this.#now() >= half.latestEndMs
        demand(!isLate || isUnread, `${call.name}, ${half.side}: alive after its deadline`)
      }
    }
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  /** One of the two has left, so the other may have noticed. */
  #isLost(): boolean {
    return this.parties.a.isGone || this.parties.b.isGone
  }

  /** Whether this half may be closed on the wire without its program having said or heard so. */
  #mayHaveEnded(half: Half): boolean {
    const party = this.parties[half.side]
    const isLate = this.#now() >= half.deadlineMs || this.#now() >= party.graceEndsMs
    return (
      half.outcome !== null ||
      half.ending !== null ||
      half.refusedWith > 0 ||
      this.#isLost() ||
      isLate ||
      (half.isOpener && this.parties[half.side === 'a' ? 'b' : 'a'].isDraining)
    )
  }

  #isExplained(call: Call, half: Half, { code, origin }: ModelOutcome): boolean {
    const other = otherHalf(call, half)
    if (half.ending !== null) return code === half.ending.code && origin === 'local'
    if (code === 0) return this.#isComplete(call, half, other)
    if (origin === 'local') {
      const party = this.parties[half.side]
      if (code === DEADLINE_EXCEEDED) return this.#now() >= half.deadlineMs
      if (code === MESSAGE_TOO_LARGE)
        return half.sent.some((item) => item.bytes.length > this.parties[other.side].maxMessageBytes)
      return (
        code === UNAVAILABLE &&
        (this.#isLost() ||
          this.#now() >= party.graceEndsMs ||
          (half.isOpener && this.parties[other.side].isDraining))
      )
    }
    if (other.ending !== null) return code === other.ending.code
    if (other.refusedWith > 0 && code === other.refusedWith) return true
    const isGone = this.parties[other.side].isGone || this.#now() >= this.parties[other.side].graceEndsMs
    if (other.isHeld) return false
    if (code === REFUSED) return !other.isShown && this.parties[other.side].mayRefuse
    return (code === UNAVAILABLE && isGone) || (code === DEADLINE_EXCEEDED && this.#now() >= other.deadlineMs)
  }

  #isComplete(call: Call, half: Half, other: Half): boolean {
    if (call.isOneway) return half.isOpener || half.isSettled
    const isOutputOver = half.isEnded || half.wasToldStop || other.stopCode > 0
    // A handler that is done wants no more input once its output is over.
    const wantsNoMore = half.stopCode > 0 || half.isSettled
    return isOutputOver && (half.gotEnd || wantsNoMore)
  }

  /** Which deliveries may be reported. Only a call that this side opened has more than one. */
  #deliveries(call: Call, half: Half, { code, origin }: ModelOutcome, isCommitted: boolean): string[] {
    if (!half.isOpener) return ['processed']
    if (code === 0) return [call.isOneway ? 'unknown' : 'processed']
    if (!isCommitted) return ['not-sent']
    const hasSeen = half.gotCount > 0 || half.gotEnd
    if (origin === 'remote') {
      if (!call.acceptor.isHeld) return ['not-processed']
      if (hasSeen || call.acceptor.ending?.kind === 'fail') return ['processed']
      return half.isSettled ? ['processed', 'unknown'] : ['unknown']
    }
    if (half.isSettled) return ['unknown', 'processed']
    if (hasSeen) return ['processed']
    if (code === UNAVAILABLE && this.parties[call.acceptor.side].isDraining && !call.acceptor.isShown) {
      const isOwnEnd = this.#isLost() || this.#now() >= this.parties[half.side].graceEndsMs
      return isOwnEnd ? ['not-processed', 'unknown', 'not-sent'] : ['not-processed']
    }
    // Unread output counts as an answer only when it is this end that throws it away.
    if (half.isPaused && half.ending !== null) return ['unknown', 'processed']
    return this.#isLost() && !call.acceptor.isShown ? ['unknown', 'not-sent'] : ['unknown']
  }
}

export function otherHalf(call: Call, half: Half): Half {
  return half === call.opener ? call.acceptor : call.opener
}

function newHalf(side: SideName, isOpener: boolean): Half {
  return {
    side,
    isOpener,
    isShown: isOpener,
    isDecided: isOpener,
    isHeld: isOpener,
    sent: [],
    committedCount: 0,
    isEnded: false,
    trailers: '',
    gotCount: 0,
    gotEnd: false,
    stopCode: 0,
    wasToldStop: false,
    isPaused: false,
    isWaiting: false,
    isSettled: false,
    refusedWith: 0,
    ending: null,
    outcome: null,
    deadlineMs: Number.POSITIVE_INFINITY,
    latestEndMs: Number.POSITIVE_INFINITY,
  }
}

function isNever(delivery: string | undefined): boolean {
  return delivery === 'not-sent' || delivery === 'not-processed'
}

/** Throws with what was wrong. */
export function demand(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message)
}
