// Owns: what this side knows of another peer, over all connections to it.
// Must not know: how connections come about, or what is sent on them.
import type { CommonParts } from './core-host.js'
import type { Health } from './health.js'
import type { PeerConnection } from './peer-connection.js'
import type { TargetGroup } from './route.js'

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
  /** Which names it says it serves; null when it does not say. @internal */
  serves: ((name: string) => boolean) | null = null
  /** Null while there is nothing to hold against it. @internal */
  health: Health | null = null
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

  /** Channels in use on all connections to it. @internal */
  get load(): number {
    let load = 0
    for (const connection of this.connections) load += connection.load
    return load
  }

  /**
   * Whether one of its connections is usable for what is looked up to `group`, with room or without. `isMeant`: it is named as the target.
   * @internal
   */
  isReadyFor(group: TargetGroup | null, isMeant: boolean): boolean {
    return this.connections.some((connection) => connection.isUsable && connection.isIn(group, isMeant))
  }

  /** The usable connection with the fewest channels; null when none has room for another. @internal */
  best(group: TargetGroup | null, isMeant: boolean): PeerConnection | null {
    let best: PeerConnection | null = null
    // By index: going through costs every open an iterator otherwise.
    for (let at = 0; at < this.connections.length; at++) {
      const connection = this.connections[at] as PeerConnection
      if (!connection.hasRoom || !connection.isIn(group, isMeant)) continue
      if (best === null || connection.load < best.load) best = connection
    }
    return best
  }
}
