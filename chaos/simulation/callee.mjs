// Owns: one run of a peer that answers: handlers of each kind, at once, late, or with an error, and what they write into the ledger.
// Must not know: faults; who calls.

import { CallError } from '@peerplex/wire'
import { answerOf, checksum, itemOf } from '../ledger.mjs'
import { numberOf, paddingOf } from './caller.mjs'

/** @typedef {import('@peerplex/rpc').Peer} Peer */
/** @typedef {import('@peerplex/rpc').Context} Context */
/** @typedef {import('./clock.mjs').SimProcess} SimProcess */
/**
 * What a caller says of its call; of a stream of inputs, in the header `call`. `padding`: of each answer, in characters; `text`: of the question.
 * @typedef {{ id: string, items: number, padding: number, text: string }} Ask
 * @typedef {{ item: string, text: string }} Item
 */

/** How a handler behaves, and how often: at once, after a while, after a long while, with an error. */
const WAYS = { atOnce: 60, soon: 30, late: 5, failing: 5 }
const SOON_MS = 20
const LATE_MS = 1_500

/** One run of a handler. */
class Running {
  /** @param {string} id @param {number} attempt @param {Context} context */
  constructor(id, attempt, context) {
    this.id = id
    this.attempt = attempt
    this.context = context
    this.isDone = false
  }
}

export class Callee {
  /** Handlers that have not ended. */
  runningCount = 0
  /** Runs begun, by connection. @type {Map<string, number>} */
  #orders = new Map()
  #process
  #net
  #random
  #write

  /**
   * @param {SimProcess} process @param {import('./net.mjs').SimNet} net @param {import('./random.mjs').SimRandom} random
   * @param {(line: import('../ledger.mjs').Line) => void} write
   */
  constructor(process, net, random, write) {
    this.#process = process
    this.#net = net
    this.#random = random
    this.#write = write
  }

  /** @param {Peer} peer */
  serve(peer) {
    peer.handle({
      unary: (/** @type {Ask} */ ask, context) => this.#unary(ask, context),
      oneway: (/** @type {Ask} */ { id }, context) => this.#oneway(id, context),
      down: (/** @type {Ask} */ ask, context) => this.#down(ask, context, this.#net.delivering),
      up: (/** @type {AsyncIterable<Item>} */ input, context) => this.#up(input, context),
    })
  }

  /** @param {Ask} ask @param {Context} context */
  #unary({ id, padding }, context) {
    const running = this.#begin(id, context)
    const way = this.#random.weighted(WAYS)
    if (way !== 'atOnce') return this.#later(running, way, padding)
    this.#end(running, true)
    return { answer: answerOf(id), text: paddingOf(padding) }
  }

  /** @param {Running} running @param {'soon' | 'late' | 'failing'} way @param {number} padding */
  async #later(running, way, padding) {
    await this.#wait(running, way === 'late' ? LATE_MS : SOON_MS)
    const { signal } = running.context
    if (way === 'failing' || signal.aborted) {
      this.#end(running, false)
      throw signal.aborted ? signal.reason : new CallError('BROKEN', 'as the simulation wants it')
    }
    this.#end(running, true)
    return { answer: answerOf(running.id), text: paddingOf(padding) }
  }

  /** @param {string} id @param {Context} context */
  async #oneway(id, context) {
    const running = this.#begin(id, context)
    if (this.#random.chance(0.3)) await this.#wait(running, SOON_MS)
    this.#end(running, true)
  }

  /** It runs from its first item on: one that nobody asks for has not begun. @param {Ask} ask @param {Context} context @param {string} connection */
  async *#down({ id, items, padding }, context, connection) {
    const running = this.#begin(id, context, connection)
    let isComplete = false
    try {
      const isSlow = this.#random.chance(0.3)
      const failsAt = this.#random.chance(0.03) ? this.#random.int(0, items) : -1
      for (let n = 0; n < items; n++) {
        if (isSlow) await this.#wait(running, SOON_MS)
        if (n === failsAt) throw new CallError('BROKEN', 'as the simulation wants it')
        yield { item: itemOf(id, n), text: paddingOf(padding) }
      }
      isComplete = true
    } finally {
      this.#end(running, isComplete)
    }
  }

  /** @param {AsyncIterable<Item>} input @param {Context} context */
  async #up(input, context) {
    const running = this.#begin(context.headers.get('call') ?? '', context)
    let isComplete = false
    try {
      const isSlow = this.#random.chance(0.2)
      const failsAt = this.#random.chance(0.03) ? this.#random.int(0, 10) : -1
      let count = 0
      for await (const { item } of input) {
        const { id, attempt } = running
        const sum = checksum(item)
        this.#say({ k: 'took', t: this.#process.now(), id, attempt, n: numberOf(item), sum })
        if (count++ === failsAt) throw new CallError('BROKEN', 'as the simulation wants it')
        if (isSlow) await this.#wait(running, SOON_MS)
      }
      isComplete = true
      return count
    } finally {
      this.#end(running, isComplete)
    }
  }

  /** @param {string} id @param {Context} context @param {string} [delivering] */
  #begin(id, context, delivering = this.#net.delivering) {
    const attempt = Number(context.headers.get('attempt') ?? 0)
    const connection = delivering || context.remote.url
    const order = this.#orders.get(connection) ?? 0
    this.#orders.set(connection, order + 1)
    const running = new Running(id, attempt, context)
    this.runningCount++
    this.#say({ k: 'run', t: this.#process.now(), id, attempt, peer: this.#process.name, connection, order })
    context.signal.addEventListener('abort', () => {
      if (!running.isDone) this.#say({ k: 'abort', t: this.#process.now(), id, attempt })
    })
    return running
  }

  /** @param {Running} running @param {boolean} ok */
  #end(running, ok) {
    running.isDone = true
    this.runningCount--
    const { id, attempt } = running
    this.#say({ k: 'done', t: this.#process.now(), id, attempt, peer: this.#process.name, ok })
  }

  /** Ends early when nobody waits for the answer any more. @param {Running} running @param {number} meanMs */
  #wait({ context: { signal } }, meanMs) {
    return /** @type {Promise<void>} */ (
      new Promise((resolve) => {
        if (signal.aborted) {
          resolve()
          return
        }
        const timer = this.#process.setTimer(this.#process.now() + this.#random.gapMs(meanMs), () => {
          signal.removeEventListener('abort', onAbort)
          resolve()
        })
        const onAbort = () => {
          this.#process.clearTimer(timer)
          resolve()
        }
        signal.addEventListener('abort', onAbort)
      })
    )
  }

  /** What a dead process does any more nobody sees. @param {import('../ledger.mjs').Line} line */
  #say(line) {
    if (!this.#process.isDead) this.#write(line)
  }
}
