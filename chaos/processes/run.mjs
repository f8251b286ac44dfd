// Owns: one run from the first process to the last: who is started in which order, who dials whom, when it is over, when everybody goes.
// Must not know: which faults come when (striker.mjs), what is right (checker.mjs), what is printed (report.mjs).

import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Callees } from './callees.mjs'
import { Chance } from './chance.mjs'
import { Children, dismissAll } from './children.mjs'
import { LedgerFile } from './ledger-file.mjs'
import { addressOf, dialedUrl, urlFor } from './plan.mjs'
import { freePort } from './ports.mjs'
import { Striker } from './striker.mjs'

/** @typedef {import('./children.mjs').Child} Child */

/**
 * `folder`: for ledgers and sockets. `calls`: in all; `seconds`: after which no more are made; `rows`: of faults, after which no more are made.
 * Infinity where it is not to end by that. `kinds` of faults; `gapMs`: mean time between them. `bad`: see known-bad.mjs.
 * @typedef {{ folder: string, seed: number, calls: number, seconds: number, rows: number, plan: import('./plan.mjs').Plan, bad: string,
 *   kinds: readonly import('./faults.mjs').FaultKind[], gapMs: number, idleTimeoutMs: number }} RunOptions
 */

/** @typedef {{ madeCount: number, pendingCount: number, faultCount: number }} Progress */

/** How long all calls may take to end once there are no more faults: a queue's wait, a deadline, a reconnect. The known-bad never end some. */
const MAX_SETTLE_MS = { good: 60_000, bad: 2_000 }
/** Slots come back in ticks of a second; half-open connections end with the idle limit. */
const MAX_REST_MS = { good: 15_000, bad: 1_000 }
/** Pairs lose each other so often here that the default would keep them apart most of the time. */
const MAX_RECONNECT_MS = 1_000
/** Some are told to give up long before the work that they have is done. */
const GRACES_MS = [20, 300, 30_000]
const LOOK_MS = 50

export class Run {
  /** What should not have happened, beside what the ledger tells. @type {string[]} */
  troubles = []
  /** Injected by the proxies, by kind. @type {Record<string, number>} */
  proxyCounts = {}
  #options
  #ledger
  #children = new Children((text) => this.troubles.push(text))
  /** @type {Map<string, Child>} */
  #callers = new Map()
  #callees
  /** @type {Striker | null} */
  #striker = null
  /** @type {Map<string, { made: number, pending: number }>} */
  #progress = new Map()
  /** Not from the seed: two runs with the same one may go on at once. */
  #chanceOfPorts = new Chance(process.pid)
  #isOver = false

  /** @param {RunOptions} options */
  constructor(options) {
    const { folder, seed, idleTimeoutMs } = options
    this.#options = options
    this.#ledger = new LedgerFile(join(folder, 'controller.jsonl'))
    this.#callees = new Callees(this.#children, {
      folder,
      gracesMs: GRACES_MS,
      write: (line) => this.#ledger.write(line),
      setup: { seed, idleTimeoutMs, maxReconnectMs: MAX_RECONNECT_MS, maxRestMs: this.#of(MAX_REST_MS) },
    })
  }

  /** @returns {Progress} */
  get progress() {
    let [madeCount, pendingCount] = [0, 0]
    for (const { made, pending } of this.#progress.values()) {
      madeCount += made
      pendingCount += pending
    }
    const faultCount = Object.values(this.struck).reduce((sum, count) => sum + count, 0)
    return { madeCount, pendingCount, faultCount }
  }

  /** So often each kind of fault came. */
  get struck() {
    return this.#striker?.counts ?? {}
  }

  /** Ends every process at once. */
  kill() {
    this.#isOver = true
    this.#striker?.stop()
    this.#children.killAll()
  }

  /** The whole of it. Rejects with ChildError when a process does not do its part. */
  async play() {
    const { plan, seed, kinds, gapMs, idleTimeoutMs, rows } = this.#options
    const { proxies, pairs } = await this.#start()
    const settled = Promise.all([...this.#callers.values()].map((caller) => this.#call(caller)))
    const striker = new Striker(
      { chance: new Chance(seed, 'faults'), kinds, gapMs, idleTimeoutMs, rows },
      {
        callers: this.#callers,
        callees: this.#callees,
        pairs,
        proxies,
        write: (line) => this.#ledger.write(line),
      },
      (text) => this.troubles.push(text),
    )
    this.#striker = striker
    const faults = striker.run()
    await Promise.race([settled, this.#enough(), ...(rows === Number.POSITIVE_INFINITY ? [] : [faults])])
    this.#isOver = true
    for (const caller of this.#callers.values()) caller.send({ do: 'quiet' })
    striker.stop()
    await faults
    proxies.send({ do: 'heal' })
    await this.#waitFor(settled)
    await this.#rest([...this.#callers.values(), ...this.#callees.children], proxies)
    if (this.#callees.children.length < plan.callees.length) this.troubles.push('not all callees came back')
  }

  // ---- the beginning ------------------------------------------------------------------------------------------------

  async #start() {
    const { folder, calls, seed, bad, idleTimeoutMs, plan } = this.#options
    const { callers, callees } = plan
    const listening = callees.filter(({ isReversed }) => !isReversed)
    const reversed = callees.filter(({ isReversed }) => isReversed)
    const maxCalls =
      calls === Number.POSITIVE_INFINITY ? Number.MAX_SAFE_INTEGER : Math.ceil(calls / callers.length)
    /** @type {Map<string, string>} */
    const urls = new Map()
    const starting = callers.map(async (name) => {
      const caller = this.#children.start('caller-program.mjs', {
        name,
        ledger: join(folder, `${name}.jsonl`),
        seed,
        bind: urlFor(reversed[0]?.transport ?? 'tcp', folder, name, 0),
        maxCalls,
        bad,
        idleTimeoutMs,
        maxReconnectMs: MAX_RECONNECT_MS,
        maxRestMs: this.#of(MAX_REST_MS),
      })
      this.#callers.set(name, caller)
      urls.set(name, (await caller.said('ready')).url)
    })
    for (const { name, transport } of listening) {
      const bind = urlFor(transport, folder, name, await freePort(this.#chanceOfPorts))
      urls.set(name, bind)
      starting.push(this.#callees.start(name, { bind, dial: [] }))
    }
    await Promise.all(starting)
    const { proxies, pairs, dialed } = await this.#startProxies(urls)
    for (const { name } of reversed) {
      await this.#callees.start(name, { dial: callers.map((caller) => dialed(`${caller}>${name}`)) })
    }
    for (const [name, caller] of this.#callers) {
      caller.send({ do: 'connect', urls: listening.map((callee) => dialed(`${name}>${callee.name}`)) })
    }
    return { proxies, pairs }
  }

  /** @param {ReadonlyMap<string, string>} urls */
  async #startProxies(urls) {
    const { folder, seed, plan } = this.#options
    const setups = plan.callees.flatMap(({ name, transport, isReversed }) =>
      plan.callers.map((caller) => {
        const place = (/** @type {string} */ at) =>
          addressOf(urlFor(transport === 'unix' ? 'unix' : 'tcp', folder, at, 0))
        const [listen, innerListen] = [place(`${caller}-${name}`), place(`${caller}-${name}-inner`)]
        const target = addressOf(urls.get(isReversed ? caller : name) ?? '')
        return { name: `${caller}>${name}`, transport, isReversed, target, listen, innerListen }
      }),
    )
    const ledger = join(folder, 'proxies.jsonl')
    const proxies = this.#children.start('proxy-program.mjs', {
      name: 'proxies',
      ledger,
      seed,
      pairs: setups,
    })
    const { urls: proxyUrls } = await proxies.said('ready')
    const transports = new Map(setups.map(({ name, transport }) => [name, transport]))
    const dialed = (/** @type {string} */ pair) => dialedUrl(proxyUrls[pair], transports.get(pair) ?? 'tcp')
    return { proxies, pairs: [...transports.keys()], dialed }
  }

  /** Resolves when all its calls have ended. @param {Child} caller */
  #call(caller) {
    caller.onMessage(({ do: what, made, pending }) => {
      if (what === 'progress') this.#progress.set(caller.name, { made, pending })
    })
    caller.send({ do: 'call', targets: this.#options.plan.callees.map(({ name }) => name) })
    return caller.said('settled', Number.POSITIVE_INFINITY)
  }

  /** Resolves when all calls were made, whether they have ended or not, or when the time is up. */
  async #enough() {
    const { calls, seconds } = this.#options
    const endMs = performance.now() + seconds * 1_000
    while (!this.#isOver && this.progress.madeCount < calls && performance.now() < endMs) await delay(LOOK_MS)
  }

  // ---- the end ------------------------------------------------------------------------------------------------------

  /** @param {Promise<unknown>} settled */
  async #waitFor(settled) {
    const maxMs = this.#of(MAX_SETTLE_MS)
    const isSettled = await Promise.race([settled.then(() => true), delay(maxMs, false, { ref: false })])
    if (isSettled) return
    this.troubles.push(`${this.progress.pendingCount} calls have not ended ${maxMs} ms after the last fault`)
  }

  /** Everybody says what is still held, while all the others are there; then they go, proxies last. @param {readonly Child[]} peers @param {Child} proxies */
  async #rest(peers, proxies) {
    await Promise.all(peers.map((peer) => peer.ask('rest', 'rested')))
    const late = await dismissAll(peers)
    const [{ counts }, lateProxies] = await Promise.all([proxies.said('left'), dismissAll([proxies])])
    this.proxyCounts = counts
    for (const name of [...late, ...lateProxies]) this.troubles.push(`${name} did not end by itself`)
  }

  /** @param {{ good: number, bad: number }} limits */
  #of({ good, bad }) {
    return this.#options.bad === '' ? good : bad
  }
}
