// Owns: the proxy between one caller and one callee: it watches every connection, does faults to them, and writes into the ledger what it did
// and how many calls were under way on each connection that ended.
// Must not know: which fault comes when.

import { once } from 'node:events'
import { createServer } from 'node:net'
import { FaultProxy, NO_FAULTS } from '@peerplex/testkit'
import { WatchedConnection } from './watched-connection.mjs'

/** @typedef {import('@peerplex/testkit').FaultSettings} FaultSettings */

/**
 * `name`: `a>b` where a dials. `transport`: what the peers speak here.
 * @typedef {{ name: string, transport: string, isReversed: boolean, target: import('@peerplex/testkit').ProxyAddress,
 *   listen: import('@peerplex/testkit').ProxyAddress }} ProxySetup
 */

/**
 * What can be done to a pair. `set`: until it is over. `cut`, `cutAfter`, `refuse`, `spoil`: now, to what is connected or will be.
 * @typedef {{ kind: string, forMs: number, direction: 'up' | 'down' | 'both' } & (
 *   { do: 'set', settings: Partial<FaultSettings> } | { do: 'cut', cut: import('@peerplex/testkit').CutKind } |
 *   { do: 'cutAfter', cut: import('@peerplex/testkit').CutKind, bytes: number } | { do: 'refuse' } | { do: 'spoil' })} PairFault
 */

export class ChaosProxy {
  name
  #proxy
  #write
  /** @type {Map<number, WatchedConnection>} */
  #watched = new Map()
  /** @type {'up' | 'down' | ''} */
  #spoilNext = ''

  /** @param {ProxySetup} setup @param {FaultProxy} proxy @param {import('node:net').Server} server @param {(line: import('../ledger.mjs').Line) => void} write */
  constructor({ name, transport, isReversed }, proxy, server, write) {
    this.name = name
    this.#proxy = proxy
    this.#write = write
    proxy.onBytes = (direction, id, bytes) => this.#watched.get(id)?.passed(direction, bytes)
    // Behind the proxy's own listener: the connection is there, and nothing was read of it.
    server.on('connection', (near) => {
      const id = proxy.connections.at(-1)?.id
      if (id === undefined || this.#watched.has(id)) return
      const watched = new WatchedConnection(transport === 'ws', isReversed)
      this.#watched.set(id, watched)
      watched.spoiling = this.#spoilNext
      this.#spoilNext = ''
      near.on('data', (piece) => watched.arrived(piece))
      near.on('close', () => {
        this.#watched.delete(id)
        this.#tell(watched.isSpoilt ? 'endOfSpoilt' : 'end', 0, watched.take())
      })
    })
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

  heal() {
    this.#spoilNext = ''
    for (const watched of this.#watched.values()) watched.spoiling = ''
    this.#proxy.heal()
  }

  close() {
    return this.#proxy.close()
  }

  /** @param {'up' | 'down'} direction */
  #spoil(direction) {
    if (this.#watched.size === 0) this.#spoilNext = direction
    for (const watched of this.#watched.values()) watched.spoiling = direction
  }

  /** @param {string} kind @param {number} forMs @param {number} count */
  #tell(kind, forMs, count) {
    const line = { k: /** @type {const} */ ('fault'), t: Date.now(), kind, target: this.name, count }
    this.#write(forMs > 0 ? { ...line, forMs } : line)
  }
}

/** @param {ProxySetup} setup @param {number} seed @param {(line: import('../ledger.mjs').Line) => void} write */
export async function createChaosProxy(setup, seed, write) {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
  server.listen(setup.listen)
  await once(server, 'listening')
  const proxy = new FaultProxy({ target: setup.target, seed }, server)
  return new ChaosProxy(setup, proxy, server, write)
}
