/**
 * Owns: what two programs on one connection may see of each other, as plainly as possible: each end gets what the other has
 * sent, in order, and an ending that something explains.
 * Must not know: frames, credit, bytes on the wire, `@peerplex/wire`. It is told what programs do (before they do it) and what
 * they are told, and throws at the first thing that should not have been told. What is missing, at-rest.ts finds.
 */
import { equalBytes } from '../bytes.js'
import {
  type Call,
  demand,
  type Half,
  halves,
  type Item,
  type ModelOutcome,
  newHalf,
  newParty,
  otherHalf,
  type Party,
  type PartyLimits,
  type SideName,
} from './model-state.js'

const CANCELLED = 1
const DEADLINE_EXCEEDED = 4
const RESOURCE_EXHAUSTED = 8
const UNAVAILABLE = 14
const REFUSED = 32
const MESSAGE_TOO_LARGE = 34
/** A message up to this size fits one frame whatever the limits. */
const ONE_FRAME_BYTES = 3_000
/** So many channels may be opened before the other side's HELLO has come. */
const EARLY_OPEN_COUNT = 16

export class ReferenceModel {
  readonly calls: Map<string, Call> = new Map()
  readonly parties: Readonly<Record<SideName, Party>>
  readonly #now: () => number

  constructor(now: () => number, limits: Readonly<Record<SideName, PartyLimits>>) {
    this.#now = now
    this.parties = { a: newParty(limits.a), b: newParty(limits.b) }
  }

  // ---- what programs do ---------------------------------------------------------------------------------------------

  open(side: SideName, name: string, isOneway: boolean, timeoutMs: number, openHeaders: string): Half {
    const opener = newHalf(side, true)
    if (timeoutMs > 0) opener.deadlineMs = opener.latestEndMs = this.#now() + timeoutMs
    const acceptor = newHalf(side === 'a' ? 'b' : 'a', false)
    this.calls.set(name, { name, openHeaders, isOneway, opener, acceptor })
    return opener
  }

  /** What `accept` answers: true only if nobody was told that this call never ran. */
  accept(call: Call, isAccepted: boolean): void {
    const { name, opener, acceptor } = call
    const isOver = this.#mayBeOver(opener) || this.#mayBeOver(acceptor) || this.#isCramped(acceptor.side)
    if (!isAccepted) demand(isOver, `${name}: accept said false while both ends live`)
    const delivery = opener.outcome?.delivery
    if (isAccepted) demand(!isNever(delivery), `${name}: accepted, its opener was told '${delivery}'`)
    acceptor.isHeld = isAccepted
  }

  /** Whether `isWritable` may be as it is. */
  checkWritable(call: Call, half: Half, isWritable: boolean): void {
    const other = otherHalf(call, half)
    const isOver = half.isEnded || half.wasToldStop || half.outcome !== null || call.isOneway
    if (isWritable) demand(!isOver, `${call.name}: writable after its end`)
    const mayBeOver = other.stopCode > 0 || other.isSettled || this.#mayBeOver(other) || this.#mayBeOver(half)
    if (!isWritable) demand(isOver || mayBeOver, `${call.name}: not writable without a reason`)
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
    demand(timeoutMs > 0 === Number.isFinite(opener.deadlineMs), `${name}: its timeout has changed`)
    for (const earlier of this.calls.values()) {
      if (earlier === call) break
      if (earlier.opener.side !== opener.side || earlier.acceptor.isShown) continue
      const isOver = this.#mayBeOver(earlier.opener) || this.#mayBeOver(earlier.acceptor)
      demand(isOver || this.#mayRefuse(earlier), `${name} overtook ${earlier.name}`)
    }
    if (isOneway !== call.isOneway) {
      const isLong = (opener.sent[0]?.bytes.length ?? 0) > ONE_FRAME_BYTES
      demand(call.isOneway && isLong, `${name}: is it one-way or not?`)
      call.isOneway = false
      opener.isSettled = true
      opener.stopCode ||= CANCELLED
    }
    acceptor.isShown = true
    // Its time runs from the arrival of OPEN, which may be long ago when credentials were checked.
    acceptor.deadlineMs = opener.deadlineMs
    if (timeoutMs > 0) acceptor.latestEndMs = this.#now() + timeoutMs
  }

  /** A message or headers were handed over. */
  got(call: Call, half: Half, item: Item): void {
    const { sent } = otherHalf(call, half)
    const what = `${call.name}, ${half.side}, item ${half.gotCount}`
    demand(isListening(half), `${what}: told before accept, after stop, or after the end`)
    // Messages keep their order, and so do headers; but headers do not wait for messages that are unread, and those that came
    // before the channel was accepted are told as one set.
    let text = item.headers
    do {
      const index = sent.findIndex((each, at) => each.isMessage === item.isMessage && !half.gotItems.has(at))
      const expected = sent[index]
      if (expected === undefined) throw new Error(`${what}: never sent`)
      const isSame = item.isMessage ? text === expected.headers : text.startsWith(expected.headers)
      demand(isSame, `${what}: headers '${item.headers}' for '${expected.headers}'`)
      demand(equalBytes(expected.bytes, item.bytes), `${what}: other bytes than were sent`)
      half.gotItems.add(index)
      half.gotCount++
      text = text.slice(expected.headers.length + 1)
    } while (!item.isMessage && text !== '')
  }

  gotEnd(call: Call, half: Half, trailers: string): void {
    const other = otherHalf(call, half)
    const isComplete = other.isEnded && half.gotCount === other.sent.length
    demand(isListening(half), `${call.name}: onEnd before accept, after stop, or twice`)
    demand(isComplete, `${call.name}: onEnd before everything has come`)
    demand(trailers === other.trailers, `${call.name}: trailers '${trailers}' for '${other.trailers}'`)
    half.gotEnd = true
  }

  toldStop(call: Call, half: Half, code: number): void {
    const other = otherHalf(call, half)
    // A handler that is done wants no more input once its own output is over; nobody hears the answer to a one-way.
    const isDone = other.isSettled && (other.isEnded || half.stopCode > 0)
    const isFirst = half.isHeld && half.outcome === null && !half.wasToldStop
    demand(isFirst, `${call.name}: onStop at the wrong time`)
    demand(
      other.stopCode === code || (isDone && code === CANCELLED),
      `${call.name}: nobody wants stop(${code})`,
    )
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
    const { code, delivery, origin } = outcome
    const what = `${call.name}, ${half.side}: onClose(${code}, ${delivery}, ${origin})`
    demand(half.isHeld && half.outcome === null, `${what} twice or before accept`)
    demand(this.#isExplained(call, half, outcome), `${what} is not explained by anything`)
    const deliveries = this.#deliveries(call, half, outcome, isCommitted)
    demand(deliveries.includes(delivery), `${what}: the delivery is ${deliveries.join(' or ')}`)
    if (delivery === 'not-sent') demand(!call.acceptor.isShown, `${what}: it was shown`)
    if (delivery === 'not-processed') demand(!call.acceptor.isHeld, `${what}: it was accepted`)
    const { ending } = otherHalf(call, half)
    if (origin === 'remote' && ending?.kind === 'fail' && half.stopCode === 0 && !half.isSettled)
      demand(half.gotCount >= ending.itemCount, `${what}: what was sent before the failure is missing`)
    if (code !== 0 && origin === 'local' && half.ending === null) {
      const isEnd = code === DEADLINE_EXCEEDED && !half.isOpener
      half.ending = { kind: isEnd ? 'fail' : 'reset', code, itemCount: 0 }
    }
    half.outcome = outcome
  }

  /** The session is over; `code` null: in peace. */
  over(side: SideName, code: string | null): void {
    const party = this.parties[side]
    const isPeace = party.isGone || party.isDraining || party.wasToldFinal
    const isExpected = code === null ? isPeace : code === 'UNAVAILABLE' && this.#isLost()
    demand(isExpected, `${side}: the session ended with ${code}`)
    party.isGone = true
    for (const call of this.calls.values()) {
      for (const half of halves(call)) {
        const isTold = half.outcome !== null || !half.isHeld || half.isPaused
        if (half.side === side) demand(isTold, `${call.name}, ${side}: the session ended before its channel`)
      }
    }
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  /** One of the two has left, so the other may have noticed. */
  #isLost(): boolean {
    return this.parties.a.isGone || this.parties.b.isGone
  }

  #isGraceOver(side: SideName): boolean {
    return this.#now() >= this.parties[side].graceEndsMs
  }

  /** It was opened so early that its opener could not know how few channels are allowed. */
  #mayRefuse(call: Call): boolean {
    return (
      !call.acceptor.isShown && this.parties[call.acceptor.side].limits.maxOpenChannels < EARLY_OPEN_COUNT
    )
  }

  /** Whether this half may be closed on the wire although its program has neither said nor heard so. */
  #mayBeOver(half: Half): boolean {
    const isEnding = half.outcome !== null || half.ending !== null || half.refusedWith > 0
    const isFenced = half.isOpener && this.parties[half.side === 'a' ? 'b' : 'a'].isDraining
    const isLate = this.#now() >= half.deadlineMs || this.#isGraceOver(half.side)
    return isEnding || isFenced || isLate || this.#isLost() || this.#mayEvict(half)
  }

  #isCramped(side: SideName): boolean {
    return Number.isFinite(this.parties[side].limits.maxUnreadBytes)
  }

  /** A reader that does not read may be ended for the sake of others. */
  #mayEvict(half: Half): boolean {
    const isReading = half.isHeld && !half.isPaused
    return !isReading && half.isShown && this.#isCramped(half.side)
  }

  #isExplained(call: Call, half: Half, { code, origin }: ModelOutcome): boolean {
    const other = otherHalf(call, half)
    if (half.ending !== null) return code === half.ending.code && origin === 'local'
    if (code === 0) return this.#isComplete(call, half, other)
    const isRemote = origin === 'remote'
    if (isRemote && other.ending !== null) return code === other.ending.code
    if (isRemote && other.isHeld) return false
    if (isRemote && code === REFUSED) return this.#mayRefuse(call)
    if (isRemote && other.refusedWith === code) return true
    // Nobody has said it, so it is one of the things that happen by themselves, here or (not accepted yet) over there.
    const ender = isRemote ? other : half
    const isFenced = !isRemote && half.isOpener && this.parties[other.side].isDraining
    const most = this.parties[other.side].limits.maxMessageBytes
    switch (code) {
      case DEADLINE_EXCEEDED:
        return this.#now() >= ender.deadlineMs
      case RESOURCE_EXHAUSTED:
        return this.#mayEvict(ender)
      case MESSAGE_TOO_LARGE:
        return !isRemote && half.sent.some((item) => item.bytes.length > most)
      case UNAVAILABLE:
        return this.#isLost() || this.#isGraceOver(ender.side) || isFenced
      default:
        return false
    }
  }

  #isComplete(call: Call, half: Half, other: Half): boolean {
    if (call.isOneway) return half.isOpener || half.isSettled
    const isOutputOver = half.isEnded || half.wasToldStop || other.stopCode > 0
    return isOutputOver && (half.gotEnd || half.stopCode > 0 || half.isSettled)
  }

  /** Which deliveries may be reported. Only a call that this side opened has more than one. */
  #deliveries(call: Call, half: Half, { code, origin }: ModelOutcome, isCommitted: boolean): string[] {
    const { acceptor } = call
    if (!half.isOpener) return ['processed']
    if (code === 0) return [call.isOneway ? 'unknown' : 'processed']
    if (!isCommitted) return ['not-sent']
    if (origin === 'remote' && !acceptor.isHeld) return ['not-processed']
    const hasSeen =
      half.gotCount > 0 || half.gotEnd || (origin === 'remote' && acceptor.ending?.kind === 'fail')
    if (hasSeen) return ['processed']
    // What nobody hears or has read yet may count as an answer or not.
    const isThrownAway = half.ending !== null || code === RESOURCE_EXHAUSTED
    if (half.isSettled || (half.isPaused && isThrownAway)) return ['unknown', 'processed']
    if (origin === 'remote' || acceptor.isShown || code !== UNAVAILABLE) return ['unknown']
    const isOwnEnd = this.#isLost() || this.#isGraceOver(half.side)
    return isOwnEnd ? ['not-processed', 'unknown', 'not-sent'] : ['not-processed']
  }
}

function isListening(half: Half): boolean {
  return half.isHeld && half.outcome === null && !half.gotEnd && half.stopCode === 0
}

function isNever(delivery: string | undefined): boolean {
  return delivery === 'not-sent' || delivery === 'not-processed'
}
