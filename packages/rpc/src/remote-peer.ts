// Owns: a peer at the other end, with the calls and channels that go to it and to no other.
// Must not know: how calls run, how connections are chosen.
import { type ChannelOptions, RemotePeer as ChannelRemotePeer, type PeerChannel } from '@peerplex/peer'
import { isSamePeer } from '@peerplex/peer/internal'
import type { CallHost } from './call-host.js'
import type { CallOptions, Target } from './call-options.js'
import type { ReplyStream } from './reply-stream.js'

/**
 * Another peer, as long as there is a connection to it. Calls go to this run of it only: they wait while it is away, and fail
 * when it does not come back in time.
 */
export class RemotePeer extends ChannelRemotePeer {
  readonly #host: CallHost
  /** By what it is, not by object: after a lost connection the same run of the peer comes back as a new one. */
  readonly #isSame: Target = (remote) => isSamePeer(remote, this)

  /** @internal */
  constructor(id: string, instance: string, host: CallHost) {
    super(id, instance)
    this.#host = host
  }

  /** As on the peer. */
  call<T = unknown>(name: string, input?: unknown, options: CallOptions = {}): Promise<T> {
    return this.#host.call(name, input, { ...options, to: this.#isSame }) as Promise<T>
  }

  /** As on the peer. */
  stream<T = unknown>(name: string, input?: unknown, options: CallOptions = {}): ReplyStream<T> {
    return this.#host.stream(name, input, { ...options, to: this.#isSame }) as ReplyStream<T>
  }

  /** As on the peer. */
  notify(name: string, input?: unknown, options: CallOptions = {}): Promise<void> {
    return this.#host.notify(name, input, { ...options, to: this.#isSame })
  }

  /** As on the peer. */
  open<T = unknown>(name: string, options: ChannelOptions = {}): PeerChannel<T> {
    return this.#host.channels.open<T>(name, { ...options, to: this.#isSame as ChannelOptions['to'] })
  }
}
