// Owns: one run from the first process to the last: who is started in which order, when faults come, when there is peace, when everybody goes.
// Must not know: which faults there are (faults.mjs), what is right (checker.mjs), what is printed (report.mjs).

import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Callees } from './callees.mjs'
import { Chance } from './chance.mjs'
import { Children } from './children.mjs'
import { drawFault, shuffledDeck } from './faults.mjs'
import { LedgerFile } from './ledger-file.mjs'
import { addressOf, dialedUrl, makePlan, urlFor } from './plan.mjs'

/** @typedef {import('./children.mjs').Child} Child */

/**
 * `folder`: for ledgers and sockets. `calls`: in all, Infinity for as many as there is time for. `seconds`: after which no more are made.
 * `bad`: see known-bad.mjs. `gapMs`: mean time between faults.
 * @typedef {{ folder: string, seed: number, calls: number, seconds: number, transports: readonly import('./plan.mjs').TransportName[],
 *   bad: string, gapMs: number, idleTimeoutMs: number, callerCount: number }} RunOptions
 */

/** `faultCount`: struck so far. @typedef {{ madeCount: number, pendingCount: number, faultCount: number }} Progress */

/** How long all calls may take to end once there are no more faults: a queue's wait, a deadline, a reconnect. */
const MAX_SETTLE_MS = 60_000
/** Pairs lose each other so often here that the default would keep them apart most of the time. */
const MAX_RECONNECT_MS = 1_000
/** The known-bad ones never settle some. */
const MAX_SETTLE_BAD_MS = 3_000
/** After each row of faults nothing happens for a while: order is judged then. */
const PEACE_MS = 1_500
const LOOK_MS = 50
/** Below the ports that systems give to who asks for any, so that nobody else gets one while its owner is away. */
const PORTS = { min: 10_240, max: 32_000 }

export class Run {
  /** What should not have happened, beside what the ledger tells. @type {string[]} */
  troubles = []
  /** Injected by the proxies, by kind. @type {Record<string, number>} */
  proxyCounts = {}
  #options
  #chance
  #plan
  #ledger
  #children = new Children((text) => this.troubles.push(text))
  /** @type {Map<string, Child>} */
  #callers = new Map()
  /** @type {Map<string, { made: number, pending: number }>} */
  #progress = new Map()
  /** @type {Child | null} */
  #proxies = null
  /** @type {Callees} */
  #callees
  /** Pairs and callers to which something is being done. @type {Set<string>} */
  #busy = new Set()
  /** Faults that are not over. @type {Set<Promise<void>>} */
  #lasting = new Set()
  /** Names of the pairs. @type {string[]} */
  #pairs = []
  /** Not from the seed: two runs with the same one may go on at once. */
  #chanceOfPorts = new Chance(process.pid)
  #faultCount = 0
  #isOver = false

  /** @param {RunOptions} options */
  constructor(options) {
    const { folder, seed, transports, callerCount, idleTimeoutMs } = options
    this.#options = options
    this.#chance = new Chance(seed, 'faults')
    this.#plan = makePlan(transports, callerCount)
    this.#ledger = new LedgerFile(join(folder, 'controller.jsonl'))
    const write = (/** @type {import('../ledger.mjs').Line} */ line) => this.#ledger.write(line)
    this.#callees = new Callees(this.#children, {
      folder,
      seed,
      idleTimeoutMs,
      maxReconnectMs: MAX_RECONNECT_MS,
      write,
    })
  }

  /** @returns {Progress} */
  get progress() {
    let [madeCount, pendingCount] = [0, 0]
    for (const { made, pending } of this.#progress.values()) {
      madeCount += made
      pendingCount += pending
    }
    return { madeCount, pendingCount, faultCount: this.#faultCount }
  }

  /** Ends every process at once. */
  kill() {
    this.#isOver = true
    this.#children.killAll()
  }

  /** The whole of it. Rejects with ChildError when a process does not do its part. */
  async play() {
    await this.#start()
    const targets = this.#plan.callees.map(({ name }) => name)
    const settled = Promise.all([...this.#callers.values()].map((caller) => this.#call(caller, targets)))
    const faults = this.#strikeAll()
    await Promise.race([settled, this.#enough()])
    this.#isOver = true
    for (const caller of this.#callers.values()) caller.send({ do: 'quiet' })
    await faults
    await Promise.all(this.#lasting)
    this.#proxies?.send({ do: 'heal' })
    await this.#waitFor(settled)
    await this.#rest()
  }

  // ---- the beginning ------------------------------------------------------------------------------------------------

  async #start() {
    const { folder, calls, seed, bad, idleTimeoutMs } = this.#options
    const { callers, callees } = this.#plan
    const maxCalls =
      calls === Number.POSITIVE_INFINITY ? Number.MAX_SAFE_INTEGER : Math.ceil(calls / callers.length)
    const [reversed] = callees.filter(({ isReversed }) => isReversed)
    /** @type {Map<string, string>} */
    const urls = new Map()
    for (const name of callers) {
      const ledger = join(folder, `${name}.jsonl`)
      const bind = urlFor(reversed?.transport ?? 'tcp', folder, name, 0)
      const caller = this.#children.start('caller-program.mjs', {
        name,
        ledger,
        seed,
        bind,
        maxCalls,
        bad,
        idleTimeoutMs,
        maxReconnectMs: MAX_RECONNECT_MS,
      })
      this.#callers.set(name, caller)
      urls.set(name, (await caller.said('ready')).url)
    }
    for (const { name, transport, isReversed } of callees) {
      if (isReversed) continue
      const bind = urlFor(transport, folder, name, await this.#freePort())
      urls.set(name, bind)
      await this.#callees.start(name, { bind, dial: [] })
    }
    const dialed = await this.#startProxies(urls)
    for (const { name, isReversed } of callees) {
      if (isReversed)
        await this.#callees.start(name, { dial: callers.map((caller) => dialed(`${name}>${caller}`)) })
    }
    for (const [name, caller] of this.#callers) {
      const listening = callees.filter(({ isReversed }) => !isReversed)
      caller.send({ do: 'connect', urls: listening.map((callee) => dialed(`${name}>${callee.name}`)) })
    }
  }

  /** @param {ReadonlyMap<string, string>} urls */
  async #startProxies(urls) {
    const { folder, seed } = this.#options
    const pairs = this.#plan.callees.flatMap(({ name, transport, isReversed }) =>
      this.#plan.callers.map((caller) => {
        const [from, to] = isReversed ? [name, caller] : [caller, name]
        const target = addressOf(urls.get(to) ?? '')
        const at = (/** @type {string} */ name) =>
          addressOf(urlFor(transport === 'unix' ? 'unix' : 'tcp', folder, name, 0))
        const [listen, innerListen] = [at(`${from}-${to}`), at(`${from}-${to}-inner`)]
        return { name: `${from}>${to}`, transport, isReversed, target, listen, innerListen }
      }),
    )
    const proxies = this.#children.start('proxy-program.mjs', {
      name: 'proxies',
      ledger: join(folder, 'proxies.jsonl'),
      seed,
      pairs,
    })
    this.#proxies = proxies
    const { urls: proxyUrls } = await proxies.said('ready')
    this.#pairs = pairs.map(({ name }) => name)
    return (/** @type {string} */ pair) =>
      dialedUrl(proxyUrls[pair], pairs.find(({ name }) => name === pair)?.transport ?? 'tcp')
  }

  async #freePort() {
    for (;;) {
      const port = this.#chanceOfPorts.int(PORTS.min, PORTS.max)
      if (await isFree(port)) return port
    }
  }

  /** @param {Child} caller @param {string[]} targets */
  #call(caller, targets) {
    caller.onMessage(({ do: what, made, pending }) => {
      if (what === 'progress') this.#progress.set(caller.name, { made, pending })
    })
    caller.send({ do: 'call', targets })
    return caller.said('settled', 2 ** 31 - 1)
  }

  /** Resolves when all calls were made, whether they have ended or not, or when the time is up. */
  async #enough() {
    const { calls, seconds } = this.#options
    const endMs = performance.now() + seconds * 1_000
    while (!this.#isOver && this.progress.madeCount < calls && performance.now() < endMs) await delay(LOOK_MS)
  }

  // ---- faults -------------------------------------------------------------------------------------------------------

  async #strikeAll() {
    const { gapMs, idleTimeoutMs } = this.#options
    while (!this.#isOver) {
      for (const kind of shuffledDeck(this.#chance)) {
        const drawn = drawFault(kind, this.#chance, idleTimeoutMs)
        await delay(this.#chance.spanMs(gapMs))
        if (this.#isOver) return
        this.#strike(drawn)
      }
      await Promise.all(this.#lasting)
      await delay(PEACE_MS)
    }
  }

  /** @param {import('./faults.mjs').Drawn} drawn */
  #strike(drawn) {
    const { at, fault } = drawn
    if (at === 'callee') {
      const over = this.#callees.strike(fault, this.#chance)
      if (over !== null) this.#last(over)
      return
    }
    const names = at === 'caller' ? this.#plan.callers : this.#pairs
    const free = names.filter((name) => !this.#busy.has(name))
    if (free.length === 0) return
    const name = this.#chance.pick(free)
    this.#busy.add(name)
    this.#last(this.#strikeOne(name, drawn).finally(() => this.#busy.delete(name)))
  }

  /** @param {string} name @param {import('./faults.mjs').Drawn} drawn */
  async #strikeOne(name, { at, fault }) {
    const { forMs } = fault
    if (at === 'pair') {
      this.#proxies?.send({ do: 'strike', pair: name, fault })
      await delay(forMs)
      return
    }
    const caller = this.#callers.get(name)
    this.#ledger.write({ k: 'fault', t: Date.now(), kind: 'freeze', target: name, count: 0, forMs })
    caller?.process.kill('SIGSTOP')
    await delay(forMs)
    caller?.process.kill('SIGCONT')
  }

  /** @param {Promise<void>} over */
  #last(over) {
    this.#faultCount++
    const lasting = over
      .catch((error) => {
        this.troubles.push(error.message)
      })
      .finally(() => this.#lasting.delete(lasting))
    this.#lasting.add(lasting)
  }

  // ---- the end ------------------------------------------------------------------------------------------------------

  /** @param {Promise<unknown>} settled */
  async #waitFor(settled) {
    const maxMs = this.#options.bad === '' ? MAX_SETTLE_MS : MAX_SETTLE_BAD_MS
    const isSettled = await Promise.race([settled.then(() => true), delay(maxMs, false, { ref: false })])
    if (!isSettled)
      this.troubles.push(
        `${this.progress.pendingCount} calls have not ended ${maxMs} ms after the last fault`,
      )
  }

  /** Everybody says what is still held, and goes. */
  async #rest() {
    const peers = [...this.#callers.values(), ...this.#callees.children]
    await Promise.all(peers.map((child) => this.#dismiss(child)))
    if (this.#proxies === null) return
    const { counts } = await this.#dismiss(this.#proxies)
    this.proxyCounts = counts
  }

  /** @param {Child} child */
  async #dismiss(child) {
    child.mayEnd = true
    child.send({ do: 'rest' })
    const left = await child.said('left')
    if (!(await child.endsByItself())) this.troubles.push(`${child.name} did not end by itself`)
    return left
  }
}

/** @param {number} port @returns {Promise<boolean>} */
function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer()
    server.on('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
