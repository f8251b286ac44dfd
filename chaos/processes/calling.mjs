// Owns: one run of calls: which ones are made, which are given up, and what is written into the ledger of how each ended.
// Must not know: faults; what handlers do.

import { setTimeout as delay } from 'node:timers/promises'
import { PeerplexError } from 'peerplex'
import { checksum, itemOf } from '../ledger.mjs'
import { padOf } from './handlers.mjs'
import { outcomeFor } from './outcomes.mjs'

/** @typedef {import('../ledger.mjs').Outcome} Outcome */
/** @typedef {import('../ledger.mjs').Start['kind']} Kind */
/** @typedef {import('./outcomes.mjs').Settled} Settled */
/** What of a peer is used here; the known-bad ones stand in for it. @typedef {Pick<import('peerplex').Peer, 'call' | 'notify' | 'stream'>} Calls */

const KINDS = { unary: 50, oneway: 20, down: 15, up: 15 }
/** A fifth of all ends by itself or is given up. */
const ENDS = { byItself: 80, deadline: 10, cancel: 10 }
const WAYS = { atOnce: 85, soon: 11, late: 1, failing: 3 }
/** Who is going to be given up has to be at work then. */
const WAYS_OF_CANCELLED = { atOnce: 10, soon: 45, late: 45 }
const MAX_ITEMS = 10
const CANCEL_MS = 10
const PAD_CHARACTERS = { small: 2_000, large: 200_000 }
/** Calls at once for each target, and as many that leave the target to the peer: one that is stuck does not stop the others. */
const LANES = 10
/** What failed without having been sent would fail again at once. */
const PAUSE_MS = 5

/** @type {Settled} */
const OK = { outcome: 'OK', code: '', delivery: 'processed', attempts: 1 }

/** One call that was made. */
class Made {
  isSettled = false
  isCancelled = false
  abort = new AbortController()

  /** @param {Kind} kind @param {import('./handlers.mjs').Ask} ask */
  constructor(kind, ask) {
    this.kind = kind
    this.ask = ask
  }
}

export class Calling {
  madeCount = 0
  settledCount = 0
  /** No more calls are made. */
  isQuiet = false
  #name
  #calls
  #settleWith
  #ledger
  #chance
  #maxCalls

  /**
   * `settleWith`: hands over how a call ended; once, unless somebody wants to see that noticed.
   * @param {{ name: string, calls: Calls, settleWith: (settle: () => void) => void, maxCalls: number,
   *   ledger: import('./ledger-file.mjs').LedgerFile, chance: import('./chance.mjs').Chance }} parts
   */
  constructor({ name, calls, settleWith, maxCalls, ledger, chance }) {
    this.#name = name
    this.#calls = calls
    this.#settleWith = settleWith
    this.#ledger = ledger
    this.#chance = chance
    this.#maxCalls = maxCalls
  }

  get pendingCount() {
    return this.madeCount - this.settledCount
  }

  /** Makes calls until there were enough, or until it is told to be quiet. @param {readonly string[]} targets ids of peers that answer */
  async run(targets) {
    const lanes = [...targets, undefined].flatMap((to) => Array.from({ length: LANES }, () => this.#lane(to)))
    await Promise.all(lanes)
  }

  /** One call after the other. @param {string | undefined} to */
  async #lane(to) {
    while (!this.isQuiet && this.madeCount < this.#maxCalls) {
      const outcome = await this.#make(to)
      if (outcome === 'NOT_SENT') await delay(PAUSE_MS)
    }
  }

  /** @param {string | undefined} to @returns {Promise<Outcome>} */
  #make(to) {
    const chance = this.#chance
    const id = `${this.#name}-${++this.madeCount}`
    const kind = chance.weighted(KINDS)
    const ends = chance.weighted(ENDS)
    const isStream = kind === 'down' || kind === 'up'
    const items = isStream ? chance.int(0, MAX_ITEMS) : 0
    const way = chance.weighted(ends === 'cancel' ? WAYS_OF_CANCELLED : WAYS)
    const idempotent = chance.bool(1 / 3)
    const timeoutMs = ends === 'deadline' ? chance.int(1, chance.bool(0.5) ? 20 : 1_000) : 0
    const made = new Made(kind, { id, items, way, ...(kind === 'unary' && padding(chance)) })
    this.#ledger.write({ k: 'start', t: Date.now(), id, kind, idempotent, timeoutMs, items })
    /** @type {import('peerplex').CallOptions} */
    const options = {
      idempotent,
      ...(timeoutMs > 0 && { timeoutMs }),
      ...(to !== undefined && { to }),
      ...(ends === 'cancel' && { signal: made.abort.signal }),
      ...(chance.bool(0.03) && { waitForReady: false }),
      ...(kind === 'up' && { headers: { 'x-id': id, 'x-items': String(items), 'x-way': way } }),
    }
    // A reader of a stream may also just leave.
    const leavesAt = kind === 'down' && ends === 'cancel' && chance.bool(0.3) ? chance.int(0, items) : -1
    if (ends === 'cancel' && leavesAt < 0) this.#cancelLater(made)
    return new Promise((resolve) => {
      const settle = (/** @type {Settled} */ settled) => {
        this.#settleWith(() => this.#settle(made, settled))
        resolve(settled.outcome)
      }
      this.#do(made, options, leavesAt).then(settle, (error) => settle(settledBy(error, made)))
    })
  }

  /** @param {Made} made @param {import('peerplex').CallOptions} options @param {number} leavesAt @returns {Promise<Settled>} */
  async #do(made, options, leavesAt) {
    const { kind, ask } = made
    if (kind === 'unary') {
      const answer = await this.#calls.call('unary', ask, options)
      return { ...OK, result: unpadded(answer, ask.padCharacters) }
    }
    if (kind === 'oneway') await this.#calls.notify('oneway', ask, options)
    else if (kind === 'up') await this.#calls.call('up', this.#inputs(ask), options)
    else {
      let count = 0
      for await (const item of this.#calls.stream('down', ask, options)) {
        const text = String(item)
        const n = Number(text.slice(text.lastIndexOf('/') + 1))
        this.#ledger.write({ k: 'got', t: Date.now(), id: ask.id, n, sum: checksum(text) })
        if (count++ === leavesAt) {
          this.#cancelled(made)
          return { ...OK, outcome: 'CANCELLED' }
        }
      }
    }
    return OK
  }

  /** @param {import('./handlers.mjs').Ask} ask @returns {AsyncIterable<import('./handlers.mjs').Item>} */
  async *#inputs({ id, items }) {
    const isSlow = this.#chance.bool(0.2)
    const { padCharacters = 0 } = padding(this.#chance)
    for (let n = 0; n < items; n++) {
      if (isSlow) await delay(this.#chance.spanMs(2))
      const text = itemOf(id, n)
      yield padCharacters === 0 ? text : { text, pad: padOf(padCharacters) }
    }
  }

  /** @param {Made} made */
  #cancelLater(made) {
    setTimeout(() => {
      if (made.isSettled) return
      this.#cancelled(made)
      made.abort.abort(new Error('given up'))
    }, this.#chance.spanMs(CANCEL_MS))
  }

  /** @param {Made} made */
  #cancelled(made) {
    made.isCancelled = true
    this.#ledger.write({ k: 'cancel', t: Date.now(), id: made.ask.id })
  }

  /** @param {Made} made @param {Settled} settled */
  #settle(made, settled) {
    if (!made.isSettled) this.settledCount++
    made.isSettled = true
    this.#ledger.write({ k: 'settle', t: Date.now(), id: made.ask.id, ...settled })
  }
}

/**
 * Some answers and inputs carry much more than a frame, so that they travel in pieces. No request of one message does: it would run when
 * its last piece is there, behind younger ones.
 * @param {import('./chance.mjs').Chance} chance
 */
function padding(chance) {
  const size = chance.weighted({ none: 970, small: 27, large: 3 })
  return size === 'none' ? {} : { padCharacters: chance.int(1, PAD_CHARACTERS[size]) }
}

/** @param {unknown} value @param {number | undefined} padCharacters */
function unpadded(value, padCharacters) {
  if (padCharacters === undefined) return String(value)
  const { answer, pad } = /** @type {{ answer?: unknown, pad?: unknown }} */ (value ?? {})
  return pad === padOf(padCharacters) ? String(answer) : `${answer} with another pad`
}

/** @param {unknown} error @param {Made} made @returns {Settled} */
function settledBy(error, { isCancelled }) {
  if (!(error instanceof PeerplexError)) {
    if (!isCancelled) throw error
    return { outcome: 'CANCELLED', code: '', delivery: '', attempts: 0 }
  }
  const { code, delivery, attempts } = error
  return { outcome: outcomeFor(code, delivery), code, delivery, attempts: attempts ?? 0 }
}
