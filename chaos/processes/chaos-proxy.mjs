// Owns: the proxy between one caller and one callee: it watches every connection, does faults to them, and writes into the ledger what it did
// and how many calls were under way on each connection that ended.
// Must not know: which fault comes when.

import { once } from 'node:events'
import { createServer } from 'node:net'
import { FaultProxy, NO_FAULTS } from '@peerplex/testkit'
import { CountedConnection, SpoilableConnection } from './watched-connection.mjs'

/** @typedef {import('@peerplex/testkit').FaultSettings} FaultSettings */
/** @typedef {import('@peerplex/testkit').ProxyAddress} ProxyAddress */

/**
 * `name`: `a>b` where a calls b. `transport`: what the peers speak here. `isReversed`: the callee dials.
 * @typedef {{ name: string, transport: string, isReversed: boolean, target: ProxyAddress, listen: ProxyAddress,
 *   innerListen: ProxyAddress }} ProxySetup
 */

/**
 * What can be done to a pair. `set`: until it is over. `cut`, `cutAfter`, `refuse`, `spoil`: now, to what is connected or will be.
 * @typedef {{ kind: string, forMs: number, direction: 'up' | 'down' | 'both' } & (
 *   { do: 'set', settings: Partial<FaultSettings> } | { do: 'cut', cut: import('@peerplex/testkit').CutKind } |
 *   { do: 'cutAfter', cut: import('@peerplex/testkit').CutKind, bytes: number } | { do: 'refuse' } | { do: 'spoil' })} PairFault
 */

class ChaosProxy {
  name
  /** @type {Map<number, CountedConnection>} */
  #counted = new Map()
  #proxy
  #inner
  #write
  /** @type {Map<number, SpoilableConnection>} */
  #spoilable = new Map()
  /** @type {'up' | 'down' | ''} */
  #spoilNext = ''

  /**
   * `inner`: where there is one, between the proxy and its target; it only looks.
   * @param {ProxySetup} setup @param {Listening} outer @param {Listening | null} inner
   * @param {(line: import('../ledger.mjs').Line) => void} write
   */
  constructor({ name, transport, isReversed }, outer, inner, write) {
    this.name = name
    this.#proxy = outer.proxy
    this.#inner = inner?.proxy ?? null
    this.#write = write
    const isWeb = transport === 'ws'
    const counted = this.#counted
    const countFrom = (/** @type {number} */ id, /** @type {import('node:net').Socket} */ near) => {
      const connection = new CountedConnection(isWeb)
      counted.set(id, connection)
      near.on('close', () => {
        counted.delete(id)
        this.#tell('gone', 0, connection.count(!near.writableFinished, performance.now()))
      })
      return connection
    }
    onConnection(outer, (id, near) => {
      const connection = new SpoilableConnection(isWeb, isReversed)
      connection.spoiling = this.#spoilNext
      this.#spoilNext = ''
      this.#spoilable.set(id, connection)
      near.on('close', () => this.#spoilable.delete(id))
      if (inner !== null) return
      const connectionOfCaller = countFrom(id, near)
      // Before the proxy holds any of it back.
      near.on('data', (piece) => connectionOfCaller.sent(piece))
    })
    outer.proxy.onBytes = (direction, id, piece) => {
      const connection = this.#spoilable.get(id)
      connection?.passed(direction, piece)
      if (inner !== null || direction !== 'down' || connection?.isSpoilt === true) return
      counted.get(id)?.received(piece, performance.now())
    }
    if (inner === null) return
    // The caller is the one that is dialed: only from here is all of it seen that it sends.
    onConnection(inner, countFrom)
    inner.proxy.onBytes = (direction, id, piece) => {
      if (direction === 'down') counted.get(id)?.sent(piece)
      else counted.get(id)?.received(piece, performance.now())
    }
  }

  get url() {
    return this.#proxy.url
  }

  /** Injected so far, by kind. */
  get counts() {
    return this.#proxy.counts
  }

  /** @param {PairFault} fault */
  strike(fault) {
    const { kind, forMs, direction } = fault
    this.#tell(kind, forMs, 0)
    switch (fault.do) {
      case 'set': {
        this.#proxy.set(fault.settings, direction)
        const names = /** @type {(keyof FaultSettings)[]} */ (Object.keys(fault.settings))
        const undone = Object.fromEntries(names.map((each) => [each, NO_FAULTS[each]]))
        setTimeout(() => this.#proxy.set(undone), forMs)
        return
      }
      case 'cut':
        this.#proxy.cut(fault.cut, direction)
        return
      case 'cutAfter':
        this.#proxy.cutAfter(fault.bytes, direction, fault.cut)
        this.#proxy.cut('reset')
        return
      case 'refuse':
        this.#proxy.refuse(true)
        this.#proxy.cut('reset')
        setTimeout(() => this.#proxy.refuse(false), forMs)
        return
      case 'spoil':
        this.#spoil(direction === 'down' ? 'down' : 'up')
    }
  }

  /** Its caller stands still for so long, from now on. @param {number} forMs */
  freezeCaller(forMs) {
    for (const connection of this.#counted.values()) connection.freeze(performance.now(), forMs)
  }

  heal() {
    this.#spoilNext = ''
    for (const connection of this.#spoilable.values()) connection.spoiling = ''
    this.#proxy.heal()
  }

  async close() {
    await Promise.all([this.#proxy.close(), this.#inner?.close()])
  }

  /** @param {'up' | 'down'} direction */
  #spoil(direction) {
    if (this.#spoilable.size === 0) this.#spoilNext = direction
    for (const connection of this.#spoilable.values()) connection.spoiling = direction
  }

  /** @param {string} kind @param {number} forMs @param {number} count */
  #tell(kind, forMs, count) {
    const line = { k: /** @type {const} */ ('fault'), t: Date.now(), kind, target: this.name, count }
    this.#write(forMs > 0 ? { ...line, forMs } : line)
  }
}

/** @param {ProxySetup} setup @param {number} seed @param {(line: import('../ledger.mjs').Line) => void} write */
export async function createChaosProxy(setup, seed, write) {
  const { target, isReversed } = setup
  const inner = isReversed ? await listening(setup.innerListen, target, seed) : null
  const outer = await listening(setup.listen, inner?.proxy.address ?? target, seed)
  return new ChaosProxy(setup, outer, inner, write)
}

/** A proxy, and the server that it stands on. @typedef {{ proxy: FaultProxy, server: import('node:net').Server }} Listening */

/** @param {ProxyAddress} at @param {ProxyAddress} target @param {number} seed @returns {Promise<Listening>} */
async function listening(at, target, seed) {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
  server.listen(at)
  await once(server, 'listening')
  return { proxy: new FaultProxy({ target, seed }, server), server }
}

/** Behind the proxy's own listener: the connection is known there, and nothing was read of it. @param {Listening} listening @param {(id: number, near: import('node:net').Socket) => unknown} onId */
function onConnection({ proxy, server }, onId) {
  let lastId = 0
  server.on('connection', (near) => {
    const id = proxy.connections.at(-1)?.id
    // One that was refused has none.
    if (id === undefined || id === lastId) return
    lastId = id
    onId(id, near)
  })
}
