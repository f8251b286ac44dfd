// Owns: what a callee answers, and what it writes into the ledger of it.
// Must not know: faults, who calls, which way of acting is for what.

import { CallError } from 'peerplex'
import { answerOf, checksum, itemOf } from '../ledger.mjs'

/** @typedef {import('peerplex').Context} Context */

/**
 * How a handler acts: at once, after some milliseconds, after some tenths of a second, or with an error.
 * @typedef {'atOnce' | 'soon' | 'late' | 'failing'} Way
 */

/**
 * What a call asks for: its own id, how many items, in which way. `padCharacters`: the answer is to come with so many more. Calls whose input
 * streams say the first three in headers.
 * @typedef {{ id: string, items: number, way: Way, padCharacters?: number }} Ask
 */

/** An item of an input; some are padded. @typedef {string | { text: string, pad: string }} Item */

const SOON_MS = 8
const LATE_MS = 250

/** One run of a handler. */
class Running {
  isDone = false

  /** @param {Ask} ask @param {number} attempt @param {Context} context */
  constructor({ id, way }, attempt, context) {
    this.id = id
    this.way = way
    this.attempt = attempt
    this.context = context
  }
}

export class Handlers {
  /** Runs that have not ended. */
  runningCount = 0
  /** Runs begun, by connection. @type {Map<string, number>} */
  #orders = new Map()
  #name
  #ledger
  #chance

  /** @param {string} name of the peer @param {import('./ledger-file.mjs').LedgerFile} ledger @param {import('./chance.mjs').Chance} chance */
  constructor(name, ledger, chance) {
    this.#name = name
    this.#ledger = ledger
    this.#chance = chance
  }

  /** @param {import('peerplex').Peer} peer */
  serve(peer) {
    peer.handle({
      unary: (/** @type {Ask} */ ask, context) => this.#unary(ask, context),
      oneway: (/** @type {Ask} */ ask, context) => this.#oneway(ask, context),
      down: (/** @type {Ask} */ ask, context) => this.#down(ask, context),
      up: (/** @type {AsyncIterable<Item>} */ input, context) => this.#up(input, context),
    })
  }

  /** @param {Ask} ask @param {Context} context */
  #unary(ask, context) {
    const running = this.#begin(ask, context)
    if (ask.way !== 'atOnce') return this.#later(running, ask)
    this.#end(running, true)
    return answerTo(ask)
  }

  /** @param {Running} running @param {Ask} ask */
  async #later(running, ask) {
    let isOk = false
    try {
      await this.#act(running)
      isOk = true
    } finally {
      this.#end(running, isOk)
    }
    return answerTo(ask)
  }

  /** @param {Ask} ask @param {Context} context */
  async #oneway(ask, context) {
    const running = this.#begin(ask, context)
    if (ask.way !== 'atOnce') await this.#wait(running, SOON_MS)
    this.#end(running, true)
  }

  /** @param {Ask} ask @param {Context} context */
  async *#down(ask, context) {
    const running = this.#begin(ask, context)
    let isOk = false
    try {
      for (let n = 0; n < ask.items; n++) {
        if (running.way !== 'atOnce' && n === ask.items >> 1) await this.#act(running)
        yield itemOf(running.id, n)
      }
      isOk = true
    } finally {
      this.#end(running, isOk)
    }
  }

  /** @param {AsyncIterable<Item>} input @param {Context} context */
  async #up(input, context) {
    const { headers } = context
    const way = /** @type {Way} */ (headers.get('x-way') ?? 'atOnce')
    const ask = { id: headers.get('x-id') ?? '', items: Number(headers.get('x-items')), way }
    const running = this.#begin(ask, context)
    let isOk = false
    let count = 0
    try {
      for await (const item of input) {
        const { id, attempt } = running
        // The number is what the item says of itself, so that a gap or a wrong order shows.
        const text = typeof item === 'string' ? item : item.text
        const n = Number(text.slice(text.lastIndexOf('/') + 1))
        this.#ledger.write({ k: 'took', t: Date.now(), id, attempt, n, sum: checksum(text) })
        if (count++ === ask.items >> 1 && way !== 'atOnce') await this.#act(running)
      }
      isOk = true
    } finally {
      this.#end(running, isOk)
    }
    return count
  }

  // ---- one run ------------------------------------------------------------------------------------------------------

  /** @param {Ask} ask @param {Context} context */
  #begin(ask, context) {
    const attempt = Number(context.headers.get('attempt') ?? 0)
    const connection = context.remote.url
    const order = this.#orders.get(connection) ?? 0
    this.#orders.set(connection, order + 1)
    const { id } = ask
    const peer = this.#name
    this.#ledger.write({ k: 'run', t: Date.now(), id, attempt, peer, connection, order })
    this.runningCount++
    const running = new Running(ask, attempt, context)
    context.signal.addEventListener('abort', () => {
      if (!running.isDone) this.#ledger.write({ k: 'abort', t: Date.now(), id, attempt })
    })
    return running
  }

  /** @param {Running} running @param {boolean} ok */
  #end(running, ok) {
    const { id, attempt } = running
    running.isDone = true
    this.runningCount--
    this.#ledger.write({ k: 'done', t: Date.now(), id, attempt, peer: this.#name, ok })
  }

  /** Takes its time; throws when it was given up meanwhile, or when it is to fail. @param {Running} running */
  async #act(running) {
    await this.#wait(running, running.way === 'late' ? LATE_MS : SOON_MS)
    running.context.signal.throwIfAborted()
    if (running.way === 'failing') throw new CallError('BROKEN', 'as the caller wanted it')
  }

  /** Ends early when nobody waits for the answer any more. @param {Running} running @param {number} meanMs @returns {Promise<void>} */
  #wait({ context: { signal } }, meanMs) {
    return new Promise((resolve) => {
      if (signal.aborted) {
        resolve()
        return
      }
      const onAbort = () => {
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }, this.#chance.spanMs(meanMs))
      signal.addEventListener('abort', onAbort)
    })
  }
}

/** @param {Ask} ask */
function answerTo({ id, padCharacters }) {
  const answer = answerOf(id)
  return padCharacters === undefined ? answer : { answer, pad: padOf(padCharacters) }
}

/** @param {number} characters */
export function padOf(characters) {
  return 'p'.repeat(characters)
}
