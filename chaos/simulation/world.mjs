// Owns: the peers of a simulation, their processes, their coming and going; and the turn of time, one thing after the other.
// Must not know: what calls there are (caller.mjs, callee.mjs), which faults happen (faults.mjs), what is right (checker.mjs).

import { createMsgpackCodec } from '@peerplex/codec'
import { CodecTable } from '@peerplex/codec/basic'
import { createPeer } from '@peerplex/rpc'
import { Callee } from './callee.mjs'
import { Caller } from './caller.mjs'
import { SimClock, SimProcess } from './clock.mjs'
import { SimNet } from './net.mjs'
import { SimRandom } from './random.mjs'

/** @typedef {import('@peerplex/rpc').Peer} Peer */
/** @typedef {import('../ledger.mjs').Line} Line */

/** A peer by its name, through all its runs. `process` and `peer` are null while there is none; a peer that drains is not in here any more. */
export class Host {
  /** @type {SimProcess | null} */
  process = null
  /** @type {Peer | null} */
  peer = null
  /** @type {Caller | null} */
  caller = null
  /** @type {Callee | null} */
  callee = null

  /** @param {string} name @param {'byte' | 'message'} kind */
  constructor(name, kind) {
    this.name = name
    this.kind = kind
  }
}

const CALLERS = ['a1', 'a2', 'a3']
/** Of two of them connections are streams of bytes. */
const CALLEES = /** @type {const} */ ([
  ['b1', 'byte'],
  ['b2', 'byte'],
  ['b3', 'message'],
])

/** Shorter than the defaults, so that less time is simulated in which nothing happens. */
const PEER_OPTIONS = {
  limits: { idleTimeoutMs: 6_000 },
  reconnect: { initialMs: 20, maxMs: 300 },
  connectTimeoutMs: 2_000,
  queue: { waitMs: 5_000, maxCalls: 200 },
}

const MAX_AWAY_MS = 800
/** So many events share one round of the event loop of Node; microtasks run dry after each. */
const BATCH = 100

export class World {
  clock = new SimClock()
  /** @type {SimRandom} */
  random
  /** @type {SimNet} */
  net
  callers = CALLERS.map((name) => new Host(name, 'byte'))
  callees = CALLEES.map(([name, kind]) => new Host(name, kind))
  /** What no caller hears of, and somebody should. @type {string[]} */
  errors = []
  longestDrainMs = 0
  /** Peers that are closing. */
  #drainingCount = 0
  #isEnding = false
  #write
  #gapMs
  /** @type {Map<string, number>} */
  #numbers = new Map()

  /** @param {number} seed @param {number} gapMs mean time between calls of one caller @param {(line: Line) => void} write */
  constructor(seed, gapMs, write) {
    this.random = new SimRandom(seed)
    this.net = new SimNet(this.clock, this.random)
    this.#gapMs = gapMs
    this.#write = (/** @type {Line} */ line) => write({ ...line, t: Math.round(line.t * 1_000) / 1_000 })
    this.net.onEnded = ({ target }) => this.tell({ kind: 'end', target })
    this.net.onLeft = ({ wire, underWay }) => {
      const count = underWay.take()
      if (count > 0) this.tell({ kind: 'lost', target: wire.target, count })
    }
    for (const host of this.callees) this.#start(host)
    for (const host of this.callers) this.#start(host)
  }

  get hosts() {
    return [...this.callers, ...this.callees]
  }

  /** Writes down a fault. @param {{ kind: string, target: string, forMs?: number, count?: number }} fault */
  tell({ kind, target, forMs, count = 0 }) {
    const t = this.clock.now()
    this.#write({ k: 'fault', t, kind, target, count, ...(forMs !== undefined && { forMs }) })
  }

  /** Calls of a peer that have no answer, on its connections to all or one; it gives them up itself. @param {string} from @param {string} [to] */
  takeUnderWay(from, to) {
    const wires = this.net.wires.filter(({ dialer, listener }) => {
      return dialer.process.name === from && (to === undefined || listener.process.name === to)
    })
    return wires.reduce((sum, { dialer }) => sum + dialer.underWay.take(), 0)
  }

  // ---- processes ----------------------------------------------------------------------------------------------------

  /** @param {Host} host */
  #start(host) {
    const process = new SimProcess(host.name, this.clock)
    const codecs = new CodecTable([createMsgpackCodec()])
    const transports = [this.net.transportOf(process, host.kind)]
    const peer = createPeer(
      { transports, codecs, agent: 'simulation/1' },
      {
        ...PEER_OPTIONS,
        id: host.name,
        clock: process,
        random: this.random.fraction,
        onError: (error, { name }) => {
          if (!process.isDead)
            this.errors.push(`${host.name} '${name}': ${error instanceof Error ? error.stack : error}`)
        },
      },
    )
    host.process = process
    host.peer = peer
    if (this.callers.includes(host)) this.#startCaller(host, process, peer)
    else {
      host.callee = new Callee(process, this.net, this.random, this.#write)
      host.callee.serve(peer)
      peer
        .bind(`memory:${host.name}`)
        .catch((error) => this.errors.push(`${host.name} does not bind: ${error}`))
    }
  }

  /** @param {Host} host @param {SimProcess} process @param {Peer} peer */
  #startCaller(host, process, peer) {
    for (const [name] of CALLEES) peer.connect(`memory:${name}`)
    const nextId = () => {
      const number = (this.#numbers.get(host.name) ?? 0) + 1
      this.#numbers.set(host.name, number)
      return `${host.name}-${number}`
    }
    const targets = CALLEES.map(([name]) => name)
    host.caller = new Caller(process, peer, this.random, this.#write, { nextId, targets, gapMs: this.#gapMs })
    if (this.#isEnding) host.caller.isQuiet = true
    else host.caller.begin()
  }

  /** Its process is gone at once; another one comes up. @param {Host} host */
  kill(host) {
    const { process } = host
    if (process === null) return
    this.#leave(host)
    process.kill()
    this.net.kill(process)
    this.#startLater(host)
  }

  /** Its peer says goodbye, then another one comes up. @param {Host} host @param {number} graceMs */
  drain(host, graceMs) {
    const { process, peer, caller, callee } = host
    if (process === null || peer === null) return
    if (caller !== null) caller.isQuiet = true
    this.#leave(host)
    this.#drainingCount++
    const beganMs = this.clock.now()
    peer.drain({ graceMs }).then(() => {
      this.#drainingCount--
      this.longestDrainMs = Math.max(this.longestDrainMs, this.clock.now() - beganMs - graceMs)
      // Handlers may still end: they are told at the same time as this is.
      this.clock.setTimer(this.clock.now() + 1, () => {
        this.#rest(host.name, process, peer, caller, callee)
        this.#startLater(host)
      })
    })
  }

  /** @param {Host} host */
  #leave(host) {
    host.process = null
    host.peer = null
    host.caller = null
    host.callee = null
  }

  /** @param {Host} host */
  #startLater(host) {
    this.clock.setTimer(this.clock.now() + this.random.int(0, MAX_AWAY_MS), () => this.#start(host))
  }

  // ---- time ---------------------------------------------------------------------------------------------------------

  /** Lets time pass until then, or until `isOver`, which is asked after each thing that happens. @param {number} untilMs @param {() => boolean} [isOver] @returns {Promise<void>} */
  run(untilMs, isOver = () => false) {
    return new Promise((resolve, reject) => {
      let isResolved = false
      const turn = () => {
        if (isResolved) return
        try {
          if (!isOver() && this.clock.step(untilMs)) return
          isResolved = true
          resolve()
        } catch (error) {
          isResolved = true
          reject(error)
        }
      }
      const round = () => {
        if (isResolved) return
        for (let at = 0; at < BATCH; at++) setImmediate(turn)
        setImmediate(round)
      }
      round()
    })
  }

  // ---- the end ------------------------------------------------------------------------------------------------------

  /** No more calls, no more faults, every process there. */
  quieten() {
    this.#isEnding = true
    this.net.heal()
    for (const { caller } of this.callers) if (caller !== null) caller.isQuiet = true
  }

  /** Whether all processes are there and all calls and handlers have ended. */
  get isQuiet() {
    if (this.#drainingCount > 0) return false
    return this.hosts.every(
      ({ process, caller, callee }) =>
        process !== null && (caller?.pendingCount ?? 0) + (callee?.runningCount ?? 0) === 0,
    )
  }

  /** Each process says what it still holds. */
  rest() {
    for (const { name, process, peer, caller, callee } of this.hosts) {
      if (process !== null && peer !== null) this.#rest(name, process, peer, caller, callee)
    }
  }

  /** Closes all peers; says how many timers they leave behind. @returns {Promise<number>} */
  async close() {
    const live = this.hosts.flatMap(({ process, peer }) =>
      process === null || peer === null ? [] : [{ process, peer }],
    )
    let closedCount = 0
    for (const { peer } of live) {
      peer.close().then(() => {
        closedCount++
      })
    }
    await this.run(this.clock.now() + 60_000, () => closedCount === live.length)
    if (closedCount < live.length) this.errors.push(`${live.length - closedCount} peers do not get closed`)
    return live.reduce((sum, { process }) => sum + process.pendingCount, 0)
  }

  /** @param {string} name @param {SimProcess} process @param {Peer} peer @param {Caller | null} caller @param {Callee | null} callee */
  #rest(name, process, peer, caller, callee) {
    if (process.isDead) return
    const { connections, queue } = peer.stats()
    let [slots, bufferedBytes, channels] = [0, queue.queuedBytes, 0]
    for (const each of connections) {
      slots += each.openSlotsTaken + each.deadlines
      bufferedBytes += each.queuedOutputBytes + each.committedOutputBytes + each.unreadBytes
      bufferedBytes += each.assemblingBytes + each.transportBytes
      channels += each.openChannels + each.openingChannels + each.heldChannels
    }
    const pending = (caller?.pendingCount ?? 0) + (callee?.runningCount ?? 0) + slots
    const queued = queue.queuedCalls + queue.blockedCalls
    this.#write({ k: 'rest', t: process.now(), peer: name, pending, queued, bufferedBytes, channels })
  }
}
