// Owns: what this side knows of another peer, over all connections to it.
// Must not know: how connections come about, or what is sent on them.
import type { CommonParts } from './core-host.js'
import type { PeerConnection } from './peer-connection.js'

/** `ready`: at least one usable connection; `draining`: it takes no new channels; `gone`: no connection is left. */
export type RemoteState = 'ready' | 'draining' | 'gone'

export class RemotePeer {
  /** The logical id that it announced; a claim, unless `authenticate` looked at it. */
  readonly id: string
  /** Distinguishes one run of that peer from the next: 32 hex digits. */
  readonly instance: string
  /** What `authenticate` returned for it; undefined without authentication. Another identity is another RemotePeer. */
  identity: unknown
  /** Another identity has had this id before: calls `to` the id go to that one, not to this. @internal */
  isNamesake = false
  /** @internal */
  readonly connections: PeerConnection[] = []
  /** What the channels have in common that it opened, with the codec of the last of them. @internal */
  common: CommonParts | null = null
  #lastUrl = ''

  /** @internal */
  constructor(id: string, instance: string) {
    this.id = id
    this.instance = instance
  }

  /** Address of its first connection, or of the last one that there was. */
  get url(): string {
    const first = this.connections[0]
    if (first !== undefined) this.#lastUrl = first.url
    return this.#lastUrl
  }

  get state(): RemoteState {
    if (this.connections.length === 0) return 'gone'
    for (const connection of this.connections) if (connection.isUsable) return 'ready'
    return 'draining'
  }

  /** Closes all connections to it at once. A link that dialed it will dial again. */
  drop(): void {
    for (const connection of [...this.connections]) connection.driver.session.close()
  }

  /** For messages to people. */
  describe(): string {
    const url = this.url
    return url === '' ? this.id : `${this.id} (${url})`
  }

  /** The usable connection with the fewest channels; null when none has room for another. @internal */
  best(): PeerConnection | null {
    let best: PeerConnection | null = null
    // By index: going through costs every open an iterator otherwise.
    for (let at = 0; at < this.connections.length; at++) {
      const connection = this.connections[at] as PeerConnection
      if (!connection.hasRoom) continue
      if (best === null || connection.load < best.load) best = connection
    }
    return best
  }
}
