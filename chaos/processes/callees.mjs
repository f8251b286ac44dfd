// Owns: the processes of callees through all their lives: started, killed, frozen, drained, started again at the same place.
// Must not know: proxies, callers, which fault comes when.

import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** @typedef {import('./children.mjs').Child} Child */
/** `within`: see Children.start. @typedef {{ bind?: string, dial: string[], within?: readonly string[] }} Place */

/** How long a drain may take: its own grace, and what closing takes. */
const MAX_DRAIN_MS = 45_000
const LIFE_DIGITS = 5

/** A callee by its name. */
class Host {
  life = 0
  /** Something is being done to it. */
  isBusy = false

  /** @param {string} name @param {Place} place */
  constructor(name, place) {
    this.name = name
    this.place = place
    /** @type {Child | null} */
    this.child = null
  }
}

export class Callees {
  #children
  #options
  /** @type {Map<string, Host>} */
  #hosts = new Map()

  /**
   * @param {import('./children.mjs').Children} children
   * `setup`: what all of them are started with. `gracesMs`: of their drains, one life after the other; the default when absent.
   * @param {{ folder: string, setup: object, gracesMs?: readonly number[], write: (line: import('../ledger.mjs').Line) => void }} options
   */
  constructor(children, options) {
    this.#children = children
    this.#options = options
  }

  /** Those that are there. */
  get children() {
    return [...this.#hosts.values()].flatMap(({ child }) => (child === null ? [] : [child]))
  }

  /** Resolves when it listens, or dials. @param {string} name @param {Place} place */
  async start(name, place) {
    const host = new Host(name, place)
    this.#hosts.set(name, host)
    await this.#startLife(host)
  }

  /** Drains it and starts it again; resolves when it is there again. @param {string} name */
  async restart(name) {
    const host = this.#hosts.get(name)
    if (host === undefined || host.child === null) throw new Error(`there is no callee ${name}`)
    await this.#drain(host, host.child)
    await this.#startLife(host)
  }

  /**
   * Does something to one of those to which nothing is being done; null when there is none. Resolves when it is there again.
   * @param {import('./faults.mjs').ProcessFault} fault @param {import('./chance.mjs').Chance} chance
   */
  strike(fault, chance) {
    const free = [...this.#hosts.values()].filter(({ isBusy }) => !isBusy)
    if (free.length === 0) return null
    const host = chance.pick(free)
    host.isBusy = true
    return this.#strike(host, fault).finally(() => {
      host.isBusy = false
    })
  }

  /** @param {Host} host @param {import('./faults.mjs').ProcessFault} fault */
  async #strike(host, { kind, forMs }) {
    const { child, name } = host
    if (child === null) return
    if (kind === 'drain') {
      await this.#drain(host, child)
      await delay(forMs)
      await this.#startLife(host)
    } else if (kind === 'kill') {
      this.#tell(name, kind, 0)
      host.child = null
      child.kill()
      await child.ended
      await delay(forMs)
      await this.#startLife(host)
    } else {
      this.#tell(name, kind, forMs)
      child.process.kill('SIGSTOP')
      await delay(forMs)
      child.process.kill('SIGCONT')
    }
  }

  /** @param {Host} host @param {Child} child */
  async #drain(host, child) {
    this.#tell(host.name, 'drain', 0)
    host.child = null
    child.mayEnd = true
    const left = child.said('left', MAX_DRAIN_MS)
    child.process.kill('SIGTERM')
    await left
    const hasEnded = await child.endsByItself()
    this.#tell(host.name, 'drained', 0)
    if (!hasEnded) throw new Error(`${host.name} did not end by itself after its drain`)
  }

  /** @param {Host} host */
  async #startLife(host) {
    const { folder, setup, gracesMs } = this.#options
    const { name } = host
    const { within, ...place } = host.place
    const life = host.life++
    const started = {
      name,
      ledger: join(folder, `${name}.${String(life).padStart(LIFE_DIGITS, '0')}.jsonl`),
      ...setup,
      ...place,
      ...(gracesMs !== undefined && { graceMs: gracesMs[life % gracesMs.length] }),
    }
    const child = this.#children.start('callee-program.mjs', started, within)
    host.child = child
    await child.said('ready')
  }

  /** @param {string} target @param {string} kind @param {number} forMs */
  #tell(target, kind, forMs) {
    this.#options.write({ k: 'fault', t: Date.now(), kind, target, count: 0, ...(forMs > 0 && { forMs }) })
  }
}
