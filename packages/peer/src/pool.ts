// Owns: the connections of a peer by remote peer, and which of them the next open goes to (spec §19: round robin over peers,
// then the connection with the fewest channels).
// Must not know: queues, links, listeners.
import type { Headers, Hello } from '@peerplex/wire'
import type { OpenRequest, OpenSpec } from './open-request.js'
import type { PeerConnection } from './peer-connection.js'
import { RemotePeer } from './remote-peer.js'

/** Makes the object that stands for another peer; layers above give it more to do. */
export type RemoteFactory = (id: string, instance: string) => RemotePeer

export class Pool {
  readonly #createRemote: RemoteFactory
  readonly #connections = new Set<PeerConnection>()
  /** How many of them were accepted from an address; an address without any is not in here. */
  readonly #acceptedFrom = new Map<string, number>()
  /** In the order in which they came. A peer that restarts takes a new place. */
  readonly #remotes: RemotePeer[] = []
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
    if (connection.isAccepted) this.#countFrom(connection, 1)
  }

  /** How many connections were accepted from where `url` leads to; 0 for transports that have no addresses. */
  acceptedFrom(url: string): number {
    return this.#acceptedFrom.get(addressOf(url)) ?? 0
  }

  #countFrom(connection: PeerConnection, change: 1 | -1): void {
    const address = addressOf(connection.url)
    if (address === '') return
    const count = (this.#acceptedFrom.get(address) ?? 0) + change
    if (count === 0) this.#acceptedFrom.delete(address)
    else this.#acceptedFrom.set(address, count)
  }

  /** Enters a connection whose HELLO came, with these headers, under its remote peer; says whether that peer is new, or the same id restarted. */
  enter(
    connection: PeerConnection,
    hello: Hello,
    headers: Headers,
  ): { remote: RemotePeer; isNew: boolean; isRestart: boolean } {
    const instance = toHex(hello.instance)
    const id = headers.get('peer') ?? instance
    let remote = this.#remotes.find((each) => each.id === id && each.instance === instance)
    const isNew = remote === undefined
    const isRestart = isNew && this.#remotes.some((each) => each.id === id)
    if (remote === undefined) {
      remote = this.#createRemote(id, instance)
      this.#remotes.push(remote)
    }
    remote.connections.push(connection)
    return { remote, isNew, isRestart }
  }

  /** Takes a connection out; returns its remote peer when that was the last one to it. */
  remove(connection: PeerConnection): RemotePeer | null {
    if (this.#connections.delete(connection) && connection.isAccepted) this.#countFrom(connection, -1)
    const { remote } = connection
    if (remote === null) return null
    const at = remote.connections.indexOf(connection)
    if (at < 0) return null
    remote.connections.splice(at, 1)
    if (remote.connections.length > 0) return null
    const index = this.#remotes.indexOf(remote)
    if (index < 0) return remote
    this.#remotes.splice(index, 1)
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

/** The address that a connection comes from, without its port; empty for transports that have none. */
function addressOf(url: string): string {
  return /^\w+:\/\/(\[[^\]]*\]|[^/:]*):\d+/.exec(url)?.[1] ?? ''
}

function isTarget(to: NonNullable<OpenRequest['spec']['to']>, remote: RemotePeer): boolean {
  return typeof to === 'string' ? remote.id === to : to(remote)
}

function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}
