// Owns: a peer at the other end, with the calls that go to it and to no other.
// Must not know: how calls run, how connections are chosen.
import type { RemotePeer as ChannelRemotePeer, RemoteState } from '@peerplex/peer'
import type { Caller } from './call-host.js'
import type { CallOptions } from './call-options.js'
import type { ReplyStream } from './reply-stream.js'

export class RemotePeer {
  readonly #remote: ChannelRemotePeer
  readonly #caller: Caller

  /** @internal */
  constructor(remote: ChannelRemotePeer, caller: Caller) {
    this.#remote = remote
    this.#caller = caller
  }

  /** The logical id that it announced. */
  get id(): string {
    return this.#remote.id
  }

  /** Distinguishes one run of that peer from the next. */
  get instance(): string {
    return this.#remote.instance
  }

  /** Address of its first connection, or of the last one that there was. */
  get url(): string {
    return this.#remote.url
  }

  /** What `authenticate` returned for it. */
  get identity(): unknown {
    return this.#remote.identity
  }

  /** `ready`, `draining` or `gone`. */
  get state(): RemoteState {
    return this.#remote.state
  }

  /** As on the peer, to this run of this remote peer only; waits while it is away. */
  call<T = unknown>(name: string, input?: unknown, options: CallOptions = {}): Promise<T> {
    return this.#caller.call(name, input, this.#pinned(options)) as Promise<T>
  }

  /** As on the peer, to this run of this remote peer only; waits while it is away. */
  stream<T = unknown>(name: string, input?: unknown, options: CallOptions = {}): ReplyStream<T> {
    return this.#caller.stream(name, input, this.#pinned(options)) as ReplyStream<T>
  }

  /** As on the peer, to this run of this remote peer only; waits while it is away. */
  notify(name: string, input?: unknown, options: CallOptions = {}): Promise<void> {
    return this.#caller.notify(name, input, this.#pinned(options))
  }

  /** Closes all connections to it at once. */
  drop(): void {
    this.#remote.drop()
  }

  /** For messages to people. */
  describe(): string {
    return this.#remote.describe()
  }

  /** By instance, not by object: after a lost connection the same run of the peer comes back as a new one. */
  #pinned(options: CallOptions): CallOptions {
    const { id, instance } = this.#remote
    return { ...options, to: (remote) => remote.id === id && remote.instance === instance }
  }
}
