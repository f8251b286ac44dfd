// Owns: the simulated network: who listens under which name, how connections come about, and which of them there are.
// Must not know: peers; which faults happen when (faults.mjs).

import { TransportError } from '@peerplex/wire'
import { Wire } from './wire.mjs'

/** @typedef {import('@peerplex/wire/transport').Transport} Transport */
/** @typedef {import('@peerplex/wire/transport').Connection} Connection */
/** @typedef {import('./clock.mjs').SimProcess} SimProcess */
/** @typedef {{ process: SimProcess, kind: 'byte' | 'message', onConnection: (connection: Connection) => void }} Entry */

const DIAL_MS = 3

export class SimNet {
  /** Connections of which at least one side is there. @type {Wire[]} */
  wires = []
  /** The connection whose data is being given to its owner; empty in between. */
  delivering = ''
  /** Who refuses connections, until when. @type {Map<string, number>} */
  refusedUntilMs = new Map()
  /** Whom dialing takes until then. @type {Map<string, number>} */
  heldUntilMs = new Map()
  /** Told once of each connection, when it breaks or the first side leaves. @type {(wire: Wire) => void} */
  onEnded = () => {}
  /** Told when a side ends its connection or hears that it ended. @type {(side: import('./wire.mjs').Side) => void} */
  onLeft = () => {}
  /** Told when a side hears that the other one leaves. @type {(wire: Wire) => void} */
  onFarewell = () => {}
  /** @type {Map<string, Entry>} */
  #entries = new Map()
  #count = 0

  /** @param {import('./clock.mjs').SimClock} clock @param {import('./random.mjs').SimRandom} random */
  constructor(clock, random) {
    this.clock = clock
    this.random = random
  }

  /** The network as one process sees it; `kind` is that of connections that it accepts. @param {SimProcess} process @param {'byte' | 'message'} kind @returns {Transport} */
  transportOf(process, kind) {
    return {
      schemes: ['memory'],
      connect: (endpoint, { signal }) =>
        new Promise((resolve, reject) => {
          const refuse = (/** @type {string} */ why) =>
            reject(new TransportError('UNAVAILABLE', `connect ${endpoint.url}: ${why}`, { retryable: true }))
          const dial = () => {
            const heldMs = this.heldUntilMs.get(endpoint.path) ?? 0
            if (heldMs > this.clock.now()) process.setTimer(heldMs, dial)
            else if (signal?.aborted === true) refuse('given up')
            else this.#dial(process, endpoint.path, resolve, refuse)
          }
          signal?.addEventListener('abort', () => refuse('given up'), { once: true })
          process.setTimer(this.clock.now() + this.random.fraction() * DIAL_MS, dial)
        }),
      listen: async (endpoint, _options, onConnection) => {
        const entry = { process, kind, onConnection }
        this.#entries.set(endpoint.path, entry)
        return {
          url: endpoint.url,
          close: async () => {
            if (this.#entries.get(endpoint.path) === entry) this.#entries.delete(endpoint.path)
          },
        }
      },
    }
  }

  /** @param {SimProcess} process All its connections and names are gone. */
  kill(process) {
    for (const [name, entry] of this.#entries) if (entry.process === process) this.#entries.delete(name)
    for (const wire of [...this.wires]) {
      if (wire.dialer.process === process || wire.listener.process === process) wire.killedWith(process)
    }
  }

  /** Everything works again. */
  heal() {
    this.refusedUntilMs.clear()
    this.heldUntilMs.clear()
    for (const { pipes } of this.wires) {
      for (const pipe of pipes) {
        pipe.cutAtBytes = Number.POSITIVE_INFINITY
        pipe.isSpoiling = false
      }
    }
  }

  /** @param {Wire} wire */
  ended(wire) {
    if (wire.dialer.isSilent && wire.listener.isSilent && this.wires.includes(wire)) {
      this.wires.splice(this.wires.indexOf(wire), 1)
    }
    if (wire.isOver) return
    wire.isOver = true
    this.onEnded(wire)
  }

  /** @param {SimProcess} dialer @param {string} name @param {(connection: Connection) => void} resolve @param {(why: string) => void} refuse */
  #dial(dialer, name, resolve, refuse) {
    const entry = this.#entries.get(name)
    if (entry === undefined) return refuse('nobody listens')
    if ((this.refusedUntilMs.get(name) ?? 0) > this.clock.now()) return refuse('refused')
    const wire = new Wire(this, `${name}#${++this.#count}`, entry.kind, dialer, entry.process)
    this.wires.push(wire)
    resolve(wire.dialer)
    entry.onConnection(wire.listener)
  }
}
