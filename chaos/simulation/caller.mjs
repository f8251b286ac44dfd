// Owns: one run of a peer that calls: which calls it makes, which it gives up, and what it writes into the ledger of how they ended.
// Must not know: faults; what handlers do.

import { PeerplexError } from '@peerplex/wire'
import { checksum, itemOf } from '../ledger.mjs'

/** @typedef {import('@peerplex/rpc').Peer} Peer */
/** @typedef {import('./clock.mjs').SimProcess} SimProcess */
/** @typedef {import('../ledger.mjs').Outcome} Outcome */
/** @typedef {import('../ledger.mjs').Start['kind']} Kind */

const KINDS = { unary: 50, oneway: 20, down: 15, up: 15 }
/** A fifth of all calls ends by itself or is given up. */
const ENDS = { byItself: 80, deadline: 10, cancel: 10 }
const MAX_ITEMS = 12
const CANCEL_MS = 30
/** Some calls are large: more than a frame, more than a window, more than is kept for a repetition; of a stream, each item. */
const LARGE = 0.04
const LARGE_CHARACTERS = { unary: 200_000, oneway: 20_000, down: 12_000, up: 50_000 }
/** Surely not more than a frame of the smallest size that a callee takes. */
const ONE_FRAME_CHARACTERS = 8_000
const SLOW_READER_MS = 10

/** What the delivery of an error means, when nothing else says more. @type {Readonly<Record<string, Outcome>>} */
const OUTCOMES = {
  'not-sent': 'NOT_SENT',
  'not-processed': 'REFUSED',
  unknown: 'UNKNOWN',
  processed: 'PARTIAL',
}

/** One call that was made. */
class Made {
  isSettled = false
  isCancelled = false
  abort = new AbortController()

  /** @param {string} id @param {Kind} kind @param {number} items @param {number} padding characters with nothing in them */
  constructor(id, kind, items, padding) {
    this.id = id
    this.kind = kind
    this.items = items
    this.padding = padding
  }
}

export class Caller {
  /** Calls that have not ended. */
  pendingCount = 0
  /** No more calls are made. */
  isQuiet = false
  #process
  #peer
  #random
  #write
  #options

  /**
   * `nextId` numbers the calls of all runs of this peer. `targets`: ids of peers that answer.
   * @param {SimProcess} process @param {Peer} peer @param {import('./random.mjs').SimRandom} random
   * @param {(line: import('../ledger.mjs').Line) => void} write
   * @param {{ nextId: () => string, targets: readonly string[], gapMs: number }} options
   */
  constructor(process, peer, random, write, options) {
    this.#process = process
    this.#peer = peer
    this.#random = random
    this.#write = write
    this.#options = options
    for (const event of /** @type {const} */ (['disconnect', 'drain'])) {
      peer.on(event, () =>
        this.#say({ k: 'fault', t: process.now(), kind: 'lost', target: process.name, count: 0 }),
      )
    }
  }

  /** Makes calls until it is told to be quiet. */
  begin() {
    this.#process.setTimer(this.#process.now() + this.#random.gapMs(this.#options.gapMs), () => {
      if (this.isQuiet) return
      // Now and then several at once, which share a write.
      const count = this.#random.chance(0.1) ? this.#random.int(2, 12) : 1
      for (let made = 0; made < count; made++) this.#make()
      this.begin()
    })
  }

  #make() {
    const random = this.#random
    const kind = random.weighted(KINDS)
    const isStream = kind === 'down' || kind === 'up'
    const items = isStream ? random.int(0, MAX_ITEMS) : 0
    const padding = random.chance(LARGE) ? random.int(1, LARGE_CHARACTERS[kind]) : 0
    const made = new Made(this.#options.nextId(), kind, items, padding)
    const ends = random.weighted(ENDS)
    const idempotent = random.chance(0.3)
    const timeoutMs = ends === 'deadline' ? random.int(1, random.chance(0.5) ? 20 : 1_000) : 0
    const { id } = made
    this.pendingCount++
    const t = this.#process.now()
    const isLarge = padding > ONE_FRAME_CHARACTERS && (kind === 'unary' || kind === 'oneway')
    this.#say({ k: 'start', t, id, kind, idempotent, timeoutMs, items, ...(isLarge && { large: true }) })
    /** @type {import('@peerplex/rpc').CallOptions} */
    const options = {
      timeoutMs,
      idempotent,
      ...(ends === 'cancel' && { signal: made.abort.signal }),
      ...(random.chance(0.5) && { to: random.pick(this.#options.targets) }),
      ...(random.chance(0.05) && { waitForReady: false }),
      ...(kind === 'up' && { headers: { call: id } }),
    }
    // A reader of a stream may also just leave.
    const leavesAt = kind === 'down' && ends === 'cancel' && random.chance(0.5) ? random.int(0, items) : -1
    if (ends === 'cancel' && leavesAt < 0) this.#cancelLater(made)
    this.#run(made, options, leavesAt).then(
      (settled) => this.#settle(made, settled),
      (error) => this.#settle(made, outcomeOf(error, made)),
    )
  }

  /** @param {Made} made @param {import('@peerplex/rpc').CallOptions} options @param {number} leavesAt @returns {Promise<Settled>} */
  async #run(made, options, leavesAt) {
    const { id, kind, items, padding } = made
    /** @type {import('./callee.mjs').Ask} */
    const ask = { id, items, padding, text: kind === 'down' ? '' : paddingOf(padding) }
    if (kind === 'unary') {
      const { answer } = /** @type {{ answer: string }} */ (await this.#peer.call('unary', ask, options))
      return { ...OK, result: answer }
    }
    if (kind === 'oneway') await this.#peer.notify('oneway', ask, options)
    else if (kind === 'up') await this.#peer.call('up', this.#inputs(made), options)
    else {
      let count = 0
      const isSlow = this.#random.chance(0.1)
      for await (const each of this.#peer.stream('down', ask, options)) {
        const { item } = /** @type {import('./callee.mjs').Item} */ (each)
        const n = numberOf(item)
        this.#say({ k: 'got', t: this.#process.now(), id, n, sum: checksum(item) })
        if (isSlow) await this.#wait(SLOW_READER_MS)
        if (count++ === leavesAt) {
          this.#cancelled(made)
          return { ...OK, outcome: 'CANCELLED' }
        }
      }
    }
    return OK
  }

  /** @param {Made} made */
  async *#inputs({ id, items, padding }) {
    const isSlow = this.#random.chance(0.3)
    for (let n = 0; n < items; n++) {
      if (isSlow) await this.#wait(5)
      yield { item: itemOf(id, n), text: paddingOf(padding) }
    }
  }

  /** @param {number} meanMs */
  #wait(meanMs) {
    return new Promise((resolve) => {
      this.#process.setTimer(this.#process.now() + this.#random.gapMs(meanMs), () => resolve(undefined))
    })
  }

  /** @param {Made} made */
  #cancelLater(made) {
    this.#process.setTimer(this.#process.now() + this.#random.gapMs(CANCEL_MS), () => {
      if (made.isSettled) return
      this.#cancelled(made)
      made.abort.abort(new Error('given up'))
    })
  }

  /** @param {Made} made */
  #cancelled(made) {
    made.isCancelled = true
    this.#say({ k: 'cancel', t: this.#process.now(), id: made.id })
  }

  /** @param {Made} made @param {Settled} settled */
  #settle(made, settled) {
    made.isSettled = true
    this.pendingCount--
    this.#say({ k: 'settle', t: this.#process.now(), id: made.id, ...settled })
  }

  /** @param {import('../ledger.mjs').Line} line */
  #say(line) {
    if (!this.#process.isDead) this.#write(line)
  }
}

/** The number that an item says of itself: a gap or a wrong order shows. @param {string} item */
export function numberOf(item) {
  return Number(item.slice(item.lastIndexOf('/') + 1))
}

/** @param {number} characters */
export function paddingOf(characters) {
  return ' '.repeat(characters)
}

/** @typedef {Omit<import('../ledger.mjs').Settle, 'k' | 't' | 'id'>} Settled */

/** @type {Settled} */
const OK = { outcome: 'OK', code: '', delivery: 'processed', attempts: 1 }

/** @param {unknown} error @param {Made} made @returns {Settled} */
function outcomeOf(error, made) {
  if (!(error instanceof PeerplexError)) {
    if (!made.isCancelled) throw error
    return { outcome: 'CANCELLED', code: '', delivery: '', attempts: 0 }
  }
  const { code, delivery, attempts } = error
  return { outcome: outcomeFor(code, delivery), code, delivery, attempts: attempts ?? 0 }
}

/** @param {string} code @param {string} delivery @returns {Outcome} */
function outcomeFor(code, delivery) {
  if (code === 'DEADLINE_EXCEEDED') return 'DEADLINE'
  if (code === 'BROKEN') return 'ERR'
  return OUTCOMES[delivery] ?? 'UNKNOWN'
}
