// Owns: a network namespace with one link to the rest of the machine, which can be taken down. Linux, and root only.
// Must not know: who lives in it.

import { execFileSync } from 'node:child_process'

/** For tests of networks (RFC 2544): nobody has addresses of it. */
const NETWORK = '198.18'

export class NetworkNamespace {
  /** Of who lives in it, as seen from outside. @type {string} */
  innerAddress
  /** Runs a program in it. @type {readonly string[]} */
  command
  #name
  #innerLink

  /** Throws what the system says where it cannot be done. @param {import('./chance.mjs').Chance} chance names and addresses are drawn */
  constructor(chance) {
    const [high, low] = [chance.int(0, 255), chance.int(0, 63) * 4]
    this.#name = `peerplex-${high}-${low}`
    this.#innerLink = `pp${high}x${low}i`
    const outerLink = `pp${high}x${low}o`
    const outerAddress = `${NETWORK}.${high}.${low + 1}`
    this.innerAddress = `${NETWORK}.${high}.${low + 2}`
    this.command = ['ip', 'netns', 'exec', this.#name]
    ip('netns', 'add', this.#name)
    try {
      ip('link', 'add', outerLink, 'type', 'veth', 'peer', 'name', this.#innerLink, 'netns', this.#name)
      ip('address', 'add', `${outerAddress}/30`, 'dev', outerLink)
      ip('link', 'set', outerLink, 'up')
      this.#inside('address', 'add', `${this.innerAddress}/30`, 'dev', this.#innerLink)
      this.#inside('link', 'set', this.#innerLink, 'up')
      this.#inside('link', 'set', 'lo', 'up')
    } catch (error) {
      this.remove()
      throw error
    }
  }

  /** The far end goes down: routes at this one stay, so that what is sent is lost and nobody is told. @param {boolean} isUp */
  setLink(isUp) {
    this.#inside('link', 'set', this.#innerLink, isUp ? 'up' : 'down')
  }

  /** Its link goes with it, once nobody lives in it any more. */
  remove() {
    ip('netns', 'delete', this.#name)
  }

  /** @param {string[]} args */
  #inside(...args) {
    ip('-netns', this.#name, ...args)
  }
}

/** @param {string[]} args */
function ip(...args) {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
