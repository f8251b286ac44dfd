// Owns: who wants to know of which event of a peer.
// Must not know: when an event happens.
import type { PeerplexError } from '@peerplex/wire'
import type { RemotePeer } from './remote-peer.js'

/** What is told with an event. */
export interface PeerEvent {
  readonly remote: RemotePeer
  /** Why, where there is a reason. */
  readonly reason?: PeerplexError
}

/**
 * `connect`: the first connection to a peer is ready. `disconnect`: the last one to it is gone. `drain`: it takes no new work.
 * `restart`: a peer with this id came back as another instance: its references and sticky state are gone.
 */
export interface PeerEventMap {
  connect: PeerEvent
  disconnect: PeerEvent
  drain: PeerEvent
  restart: PeerEvent
}

export class EventTable {
  readonly #onError: (error: unknown) => void
  readonly #listeners = new Map<keyof PeerEventMap, Set<(event: PeerEvent) => void>>()

  /** `onError` is told what a listener throws. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  on(event: keyof PeerEventMap, listener: (event: PeerEvent) => void): () => void {
    const own = (info: PeerEvent): void => listener(info)
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners.add(own))
    return () => {
      listeners.delete(own)
    }
  }

  /** A listener that throws keeps neither the others from hearing nor the peer from its work. */
  emit(event: keyof PeerEventMap, info: PeerEvent): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        listener(info)
      } catch (error) {
        this.#onError(error)
      }
    }
  }

  clear(): void {
    this.#listeners.clear()
  }
}
