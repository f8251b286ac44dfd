/**
 * Owns: answering peers of this realm: started, restarted, looked at, ended from outside.
 * Must not know: who asks for that, or where the caller is.
 */
import type { Peer } from '../../src/browser.js'
import type { CalleeHost, CalleeTarget, Library, MeetingOptions, OtherSide, Stats } from './place.js'
import { installService } from './service.js'

/** Starts answering peers in this realm. */
export function localHost(library: Library): CalleeHost {
  return {
    startCallee: async (options, target) => {
      const callee = new Callee(library, options, target)
      await callee.start()
      return callee
    },
  }
}

class Callee implements OtherSide {
  readonly #library: Library
  readonly #options: MeetingOptions
  readonly #target: CalleeTarget
  #generation = 0
  #reported: string[] = []
  #peer: Peer | null = null
  #url = ''

  constructor(library: Library, options: MeetingOptions, target: CalleeTarget) {
    this.#library = library
    this.#options = options
    this.#target = target
  }

  get url(): string {
    return this.#url
  }

  async start(): Promise<void> {
    const peer = this.#library.createPeer({
      id: 'callee',
      ...this.#options,
      onError: (error) => this.#reported.push(error instanceof Error ? error.message : String(error)),
    })
    this.#peer = peer
    installService(peer, this.#library, this.#generation)
    const { options } = this.#target
    if ('connect' in this.#target) {
      await peer.connect(this.#target.connect, options).ready
    } else {
      // The second time at the very port that the first one got.
      const listener = await peer.bind(this.#url || this.#target.bind, options)
      this.#url = typeof this.#target.bind === 'string' ? listener.url : ''
    }
  }

  async restart(): Promise<void> {
    await this.#peer?.close()
    this.#generation++
    await this.start()
  }

  async drain(graceMs: number): Promise<void> {
    await this.#peer?.drain({ graceMs })
  }

  async stats(): Promise<Stats> {
    if (this.#peer === null) throw new Error('it was not started')
    return this.#peer.stats()
  }

  async reported(): Promise<readonly string[]> {
    return this.#reported.splice(0)
  }

  async close(): Promise<void> {
    await this.#peer?.close()
  }
}
