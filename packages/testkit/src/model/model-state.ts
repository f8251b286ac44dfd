/**
 * Owns: what the reference model remembers: plain records and lists.
 * Must not know: which of it is right.
 */

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
  /** Its window in bytes, given at `open`; 0: that of its session. */
  windowBytes: number
  readonly sent: Item[]
  /** So many of the items have certainly left the queues of the sender. */
  committedCount: number
  isEnded: boolean
  trailers: string
  /** So many items of the other half were handed over. */
  gotCount: number
  /** Which of the items that the other side sent have come. */
  readonly gotItems: Set<number>
  gotEnd: boolean
  /** What `stop` was called with; 0: it was not. */
  stopCode: number
  wasToldStop: boolean
  isPaused: boolean
  /** `send` said false, and `onWritable` has not come. */
  isWaiting: boolean
  /** The handler is done; for the opener of a one-way: nobody hears an answer. */
  isSettled: boolean
  /** The code of `refuse`; 0: it was not called. */
  refusedWith: number
  ending: Ending | null
  outcome: ModelOutcome | null
  /** Not before the first, and not after the second, time ends it. */
  deadlineMs: number
  latestEndMs: number
}

export interface Call {
  readonly name: string
  readonly openHeaders: string
  /** No longer so when it turns out not to fit one frame. */
  isOneway: boolean
  readonly opener: Half
  readonly acceptor: Half
}

/** What a side announces, as far as the model cares. */
export interface PartyLimits {
  readonly maxMessageBytes: number
  readonly maxOpenChannels: number
  readonly maxUnreadBytes: number
}

/** What the model keeps of a session as a whole. */
export interface Party {
  readonly limits: PartyLimits
  /** It has closed, or was told that it is over. */
  isGone: boolean
  isDraining: boolean
  graceEndsMs: number
  wasToldNotice: boolean
  wasToldFinal: boolean
}

export function newParty(limits: PartyLimits): Party {
  return {
    limits,
    isGone: false,
    isDraining: false,
    graceEndsMs: Number.POSITIVE_INFINITY,
    wasToldNotice: false,
    wasToldFinal: false,
  }
}

export function newHalf(side: SideName, isOpener: boolean): Half {
  return {
    side,
    isOpener,
    isShown: isOpener,
    isDecided: isOpener,
    isHeld: isOpener,
    windowBytes: 0,
    sent: [],
    committedCount: 0,
    isEnded: false,
    trailers: '',
    gotCount: 0,
    gotItems: new Set(),
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

export function otherHalf(call: Call, half: Half): Half {
  return half === call.opener ? call.acceptor : call.opener
}

export function halves(call: Call): readonly [Half, Half] {
  return [call.opener, call.acceptor]
}

/** Throws with what was wrong. */
export function demand(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message)
}
