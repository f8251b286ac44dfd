// Owns: a peer at the other end, with the calls that go to it and to no other.
// Must not know: how calls run, how connections are chosen.
import type { RemotePeer as ChannelRemotePeer } from '@peerplex/peer'
import type { CallOptions } from './call-options.js'
import type { ReplyStream } from './reply-stream.js'

/** What a remote peer asks of its own. @internal */
export interface RemoteHost {
  call(name: string, input: unknown, options: CallOptions): Promise<unknown>
  stream(name: string, input: unknown, options: CallOptions): ReplyStream
  notify(name: string, input: unknown, options: CallOptions): Promise<void>
}

export class RemotePeer {
  readonly #remote: ChannelRemotePeer
  readonly #host: RemoteHost
  readonly #isThis = (remote: ChannelRemotePeer): boolean => remote === this.#remote

  /** @internal */
  constructor(remote: ChannelRemotePeer, host: RemoteHost) {
    this.#remote = remote
    this.#host = host
  }

  /** The logical id that it announced. */
  get id(): string {
    return this.#remote.id
  }

  /** Distinguishes one run of that peer from the next. */
  get instance(): string {
    return this.#remote.instance
  }

  get url(): string {
    return this.#remote.url
  }

  /** What `authenticate` returned for it. */
  get identity(): unknown {
    return this.#remote.identity
  }

  /** `ready`, `draining` or `gone`. */
  get state(): ChannelRemotePeer['state'] {
    return this.#remote.state
  }

  call<T = unknown>(name: string, input?: unknown, options: CallOptions = {}): Promise<T> {
    return this.#host.call(name, input, { ...options, to: this.#isThis }) as Promise<T>
  }

  stream<T = unknown>(name: string, input?: unknown, options: CallOptions = {}): ReplyStream<T> {
    return this.#host.stream(name, input, { ...options, to: this.#isThis }) as ReplyStream<T>
  }

  notify(name: string, input?: unknown, options: CallOptions = {}): Promise<void> {
    return this.#host.notify(name, input, { ...options, to: this.#isThis })
  }

  /** Closes all connections to it at once. */
  drop(): void {
    this.#remote.drop()
  }

  /** For messages to people. */
  describe(): string {
    return this.#remote.describe()
  }
}
