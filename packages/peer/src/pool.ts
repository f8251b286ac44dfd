// Owns: the connections of a peer by remote peer, and which of them the next open goes to (spec §19: round robin over peers,
// then the connection with the fewest channels).
// Must not know: queues, links, listeners.
import type { PeerHello } from './authentication.js'
import { isSameIdentity, isSamePeer, markNamesakes } from './identity.js'
import type { OpenRequest, OpenSpec } from './open-request.js'
import type { PeerConnection } from './peer-connection.js'
import { RemotePeer } from './remote-peer.js'

/** Makes the object that stands for another peer; layers above give it more to do. */
export type RemoteFactory = (id: string, instance: string) => RemotePeer

export class Pool {
  readonly #createRemote: RemoteFactory
  readonly #connections = new Set<PeerConnection>()
  /** In the order in which they came. A peer that restarts takes a new place. */
  readonly #remotes: RemotePeer[] = []
  /** Whether anybody was ever authenticated: only then can an id have several owners. */
  #hasIdentities = false
  /** Index of the remote whose turn is next. */
  #next = 0

  constructor(createRemote: RemoteFactory = (id, instance) => new RemotePeer(id, instance)) {
    this.#createRemote = createRemote
  }

  /** All connections, those without HELLO included. */
  get connections(): ReadonlySet<PeerConnection> {
    return this.#connections
  }

  /** Peers with at least one connection. */
  get remotes(): readonly RemotePeer[] {
    return this.#remotes
  }

  add(connection: PeerConnection): void {
    this.#connections.add(connection)
  }

  /** Enters a connection under the peer at its other end; says whether that is new, or the same id and identity restarted. */
  enter(
    connection: PeerConnection,
    { id, instance }: PeerHello,
    identity: unknown,
  ): { remote: RemotePeer; isNew: boolean; isRestart: boolean } {
    const names = { id, instance, identity }
    let remote = this.#remotes.find((each) => isSamePeer(each, names))
    const isNew = remote === undefined
    const isRestart =
      isNew && this.#remotes.some((each) => each.id === id && isSameIdentity(each.identity, identity))
    if (remote === undefined) {
      remote = this.#createRemote(id, instance)
      remote.identity = identity
      this.#remotes.push(remote)
      this.#hasIdentities ||= identity !== undefined
      if (this.#hasIdentities) markNamesakes(this.#remotes, id)
    }
    remote.connections.push(connection)
    return { remote, isNew, isRestart }
  }

  /** Whether peers with different identities have this id. */
  isContested(id: string): boolean {
    return this.#hasIdentities && this.#remotes.some((remote) => remote.id === id && remote.isNamesake)
  }

  /** Takes a connection out; returns its remote peer when that was the last one to it. */
  remove(connection: PeerConnection): RemotePeer | null {
    this.#connections.delete(connection)
    const { remote } = connection
    if (remote === null) return null
    const at = remote.connections.indexOf(connection)
    if (at < 0) return null
    remote.connections.splice(at, 1)
    if (remote.connections.length > 0) return null
    const index = this.#remotes.indexOf(remote)
    if (index < 0) return remote
    this.#remotes.splice(index, 1)
    if (this.#hasIdentities) markNamesakes(this.#remotes, remote.id)
    // Who comes next stays the same, whoever leaves.
    if (index < this.#next) this.#next--
    return remote
  }

  /** Where a request goes now; null when nobody suitable has room. */
  choose({ to }: OpenSpec): PeerConnection | null {
    const count = this.#remotes.length
    for (let step = 0; step < count; step++) {
      const index = (this.#next + step) % count
      const remote = this.#remotes[index] as RemotePeer
      if (to !== undefined && !isTarget(to, remote)) continue
      const connection = remote.best()
      if (connection === null) continue
      if (to === undefined) this.#next = (index + 1) % count
      return connection
    }
    return null
  }

  /** Whether there is a connection for a request, with room or without. */
  isReady({ spec: { to } }: OpenRequest): boolean {
    return this.#remotes.some(
      (remote) => remote.state === 'ready' && (to === undefined || isTarget(to, remote)),
    )
  }
}

function isTarget(to: NonNullable<OpenRequest['spec']['to']>, remote: RemotePeer): boolean {
  return typeof to === 'string' ? remote.id === to && !remote.isNamesake : to(remote)
}
