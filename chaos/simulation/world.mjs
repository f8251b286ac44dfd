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
  /** What it dials. @type {import('@peerplex/peer').Link[]} */
  links = []

  /** @param {string} name */
  constructor(name) {
    this.name = name
  }
}

/** @typedef {import('@peerplex/rpc').PeerOptions} PeerOptions */

/** Whom a caller dials, and its queue: each way in which one can overflow. @type {Readonly<Record<string, { dials: readonly string[], queue: PeerOptions['queue'] }>>} */
const CALLERS = {
  a1: { dials: ['b1', 'b2', 'b3'], queue: { waitMs: 5_000, maxCalls: 200 } },
  a2: { dials: ['b1', 'b2', 'b3'], queue: { waitMs: 5_000, maxCalls: 20, overflow: 'block' } },
  // Two connections to the same peer.
  a3: { dials: ['b1', 'b1', 'b2', 'b3'], queue: { waitMs: 2_000, maxCalls: 20, overflow: 'drop-oldest' } },
}

/** How a callee is connected, and what it allows. @type {Readonly<Record<string, { kind: 'byte' | 'message', limits: PeerOptions['limits'] }>>} */
const CALLEES = {
  b1: { kind: 'byte', limits: {} },
  b2: { kind: 'byte', limits: { maxOpenChannels: 6, channelWindowBytes: 16_384, maxFrameBytes: 16_384 } },
  b3: { kind: 'message', limits: { maxPartialMessages: 2, channelWindowMessages: 4 } },
}

/** Those who were dialed call too, and so much more rarely. */
const CALLEE_GAP = 4

/** Shorter than the defaults, so that less time is simulated in which nothing happens. */
const IDLE_MS = 6_000
const RECONNECT = { initialMs: 20, maxMs: 300 }
const CONNECT_TIMEOUT_MS = 2_000

/** A keepalive takes a few milliseconds. */
const REST_WITHIN_MS = 1_000
/** Beyond its grace; while it does not stand still. A connection whose other side says nothing takes 4 s. */
const LEAVE_WITHIN_MS = 4_500
/** Slow readers read on after their peer has left, to the end of what they were given. */
const LAST_WORDS_MS = 2_000
const MAX_AWAY_MS = 800
/** So many events share one round of the event loop of Node; microtasks run dry after each. */
const BATCH = 100

export class World {
  clock = new SimClock()
  /** @type {SimRandom} */
  random
  /** @type {SimNet} */
  net
  /** Who dials, and who is dialed; all of them call and answer. */
  callers = Object.keys(CALLERS).map((name) => new Host(name))
  callees = Object.keys(CALLEES).map((name) => new Host(name))
  /** What no caller hears of, and somebody should. @type {string[]} */
  errors = []
  longestLeaveMs = 0
  /** Peers that are closing. */
  #leavingCount = 0
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
    this.net.onEnded = ({ name }) => this.tell({ kind: 'end', target: name })
    this.net.onFarewell = ({ name }) => this.tell({ kind: 'lost', target: name })
    this.net.onLeft = ({ wire, underWay }) => {
      this.tell({ kind: 'lost', target: wire.name, count: underWay.take() })
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
    let count = 0
    for (const { dialer, listener } of this.net.wires) {
      const [side, other] = dialer.process.name === from ? [dialer, listener] : [listener, dialer]
      if (side.process.name !== from || (to !== undefined && other.process.name !== to)) continue
      count += side.underWay.take()
    }
    return count
  }

  // ---- processes ----------------------------------------------------------------------------------------------------

  /** @param {Host} host */
  #start(host) {
    const process = new SimProcess(host.name, this.clock)
    const codecs = new CodecTable([createMsgpackCodec()])
    const transports = [this.net.transportOf(process, CALLEES[host.name]?.kind ?? 'byte')]
    const peer = createPeer(
      { transports, codecs, agent: 'simulation/1' },
      {
        id: host.name,
        limits: { idleTimeoutMs: IDLE_MS, ...CALLEES[host.name]?.limits },
        reconnect: RECONNECT,
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        queue: CALLERS[host.name]?.queue ?? {},
        clock: process.peerClock,
        random: this.random.fraction,
        onError: (error, { name }) => {
          if (!process.isDead)
            this.errors.push(`${host.name} '${name}': ${error instanceof Error ? error.stack : error}`)
        },
      },
    )
    host.process = process
    host.peer = peer
    host.callee = new Callee(process, this.net, this.random, this.#write)
    host.callee.serve(peer)
    if (this.callers.includes(host)) {
      const dials = CALLERS[host.name]?.dials ?? []
      host.links = dials.map((name) => peer.connect(`memory:${name}`))
    } else {
      peer
        .bind(`memory:${host.name}`)
        .catch((error) => this.errors.push(`${host.name} does not bind: ${error}`))
    }
    host.caller = this.#callerOf(host, process, peer)
    if (this.#isEnding) host.caller.isQuiet = true
    else host.caller.begin()
  }

  /** @param {Host} host @param {SimProcess} process @param {Peer} peer */
  #callerOf(host, process, peer) {
    const nextId = () => {
      const number = (this.#numbers.get(host.name) ?? 0) + 1
      this.#numbers.set(host.name, number)
      return `${host.name}-${number}`
    }
    const isCaller = this.callers.includes(host)
    const targets = (isCaller ? this.callees : this.callers).map(({ name }) => name)
    const gapMs = isCaller ? this.#gapMs : this.#gapMs * CALLEE_GAP
    return new Caller(process, peer, this.random, this.#write, { nextId, targets, gapMs })
  }

  /** Its process is gone at once; another one comes up. @param {Host} host */
  kill(host) {
    const { process } = host
    if (process === null) return
    this.#forget(host)
    process.kill()
    this.net.kill(process)
    this.#startLater(host)
  }

  /** Its peer says goodbye, then another one comes up. @param {Host} host @param {number} graceMs -1: at once, by closing it */
  leave(host, graceMs) {
    const { process, peer, caller, callee } = host
    if (process === null || peer === null) return
    if (caller !== null) caller.isQuiet = true
    this.#forget(host)
    this.#leavingCount++
    const beganMs = this.clock.now()
    const left = graceMs < 0 ? peer.close() : peer.drain({ graceMs })
    left.then(() => {
      this.#leavingCount--
      const tookMs = this.clock.now() - Math.max(beganMs, process.thawMs) - Math.max(0, graceMs)
      this.longestLeaveMs = Math.max(this.longestLeaveMs, tookMs)
      if (tookMs > LEAVE_WITHIN_MS) this.errors.push(`${host.name} took ${Math.round(tookMs)} ms to leave`)
      if (process.peerTimerCount > 0) {
        this.errors.push(`${host.name} left ${process.peerTimerCount} timers behind`)
      }
      const untilMs = this.clock.now() + LAST_WORDS_MS
      const end = () => {
        const isOver = (caller?.pendingCount ?? 0) + (callee?.runningCount ?? 0) === 0
        if (!isOver && this.clock.now() < untilMs) {
          this.clock.setTimer(this.clock.now() + 10, end)
          return
        }
        this.#rest(host.name, process, peer, caller, callee)
        this.#startLater(host)
      }
      // Not at once: calls and handlers are told in the same turn as this.
      this.clock.setTimer(this.clock.now() + 1, end)
    })
  }

  /** @param {Host} host */
  #forget(host) {
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
    for (const { caller } of this.hosts) if (caller !== null) caller.isQuiet = true
  }

  /** Whether all processes are there and all calls and handlers have ended. */
  get isQuiet() {
    if (this.#leavingCount > 0) return false
    return this.hosts.every(
      ({ process, caller, callee }) =>
        process !== null && (caller?.pendingCount ?? 0) + (callee?.runningCount ?? 0) === 0,
    )
  }

  /** Each process says what it still holds, at a moment in which no keepalive is on its way, if there is one. */
  async rest() {
    const isAtRest = () => this.hosts.every(({ peer }) => peer === null || heldBytes(peer.stats()) === 0)
    await this.run(this.clock.now() + REST_WITHIN_MS, isAtRest)
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
    return live.reduce((sum, { process }) => sum + process.peerTimerCount, 0)
  }

  /** @param {string} name @param {SimProcess} process @param {Peer} peer @param {Caller | null} caller @param {Callee | null} callee */
  #rest(name, process, peer, caller, callee) {
    if (process.isDead) return
    const { connections, queue } = peer.stats()
    const bufferedBytes = heldBytes({ connections, queue })
    let [slots, channels] = [0, 0]
    for (const each of connections) {
      slots += each.openSlotsTaken + each.deadlines
      channels += each.openChannels + each.openingChannels + each.heldChannels
    }
    const pending = (caller?.pendingCount ?? 0) + (callee?.runningCount ?? 0) + slots
    const queued = queue.queuedCalls + queue.blockedCalls
    this.#write({ k: 'rest', t: process.now(), peer: name, pending, queued, bufferedBytes, channels })
  }
}

/** @param {Pick<import('@peerplex/peer').PeerStats, 'connections' | 'queue'>} stats */
function heldBytes({ connections, queue }) {
  let bytes = queue.queuedBytes
  for (const each of connections) {
    bytes += each.queuedOutputBytes + each.committedOutputBytes + each.unreadBytes
    bytes += each.assemblingBytes + each.transportBytes
  }
  return bytes
}
