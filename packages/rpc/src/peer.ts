// Owns: the Peer that programs use: calls and handlers, and everything of the channel peer below, forwarded.
// Must not know: connections, the wire.
import {
  type BoundListener,
  type ChannelPeer,
  type PeerEvent as ChannelPeerEvent,
  type ChannelPeerOptions,
  type ChannelPeerParts,
  type RemotePeer as ChannelRemotePeer,
  createChannelPeer,
  type DrainOptions,
  type Link,
  type PeerStats,
} from '@peerplex/peer'
import { type PeerplexError, UsageError } from '@peerplex/wire'
import type { CallOptions } from './call-options.js'
import { type ContextCalls, type Handler, InboundCall, type InboundHost } from './inbound-call.js'
import { RemotePeer } from './remote-peer.js'
import { ReplyStream } from './reply-stream.js'
import { startCall, startNotify } from './unary-call.js'

/** What a peer is made of; `peerplex` fills it in. */
export type PeerParts = ChannelPeerParts

export type PeerOptions = ChannelPeerOptions

/** What happened between this peer and another. */
export interface PeerEvent {
  readonly remote: RemotePeer
  readonly reason?: PeerplexError
}

export type PeerEventName = 'connect' | 'disconnect' | 'drain' | 'restart'

export class Peer implements InboundHost {
  /** The peer below: channels without RPC. @internal */
  readonly channels: ChannelPeer
  readonly #remotes = new WeakMap<ChannelRemotePeer, RemotePeer>()
  /** @internal */
  readonly handlers: ContextCalls

  /** @internal Use `createPeer`. */
  constructor(parts: PeerParts, options: PeerOptions) {
    this.channels = createChannelPeer(parts, options)
    this.handlers = {
      call: (name, input, callOptions) => this.call(name, input, callOptions),
      stream: (name, input, callOptions) => this.stream(name, input, callOptions),
      notify: (name, input, callOptions) => this.notify(name, input, callOptions),
    }
  }

  /** The logical name that others see. */
  get id(): string {
    return this.channels.id
  }

  // ---- connections --------------------------------------------------------------------------------------------------

  /** Listens on an endpoint. Rejects with UsageError for a bad URL, TransportError when the address cannot be had. */
  bind(url: string): Promise<BoundListener> {
    return this.channels.bind(url)
  }

  /** Dials an endpoint and keeps it connected. Returns at once; calls wait meanwhile. Throws UsageError for a bad URL. */
  connect(url: string): Link {
    return this.channels.connect(url)
  }

  /** Other peers with at least one connection. */
  peers(): RemotePeer[] {
    return this.channels.peers().map((remote) => this.#remote(remote))
  }

  /** Calls `listener` at each event of that kind; returns what ends that. */
  on(event: PeerEventName, listener: (event: PeerEvent) => void): () => void {
    return this.channels.on(event, ({ remote, reason }: ChannelPeerEvent) => {
      listener({ remote: this.#remote(remote), ...(reason !== undefined && { reason }) })
    })
  }

  // ---- calling ------------------------------------------------------------------------------------------------------

  /**
   * Calls `name` and resolves with its one answer. `input` is a value, or an AsyncIterable that streams in. Rejects with
   * PeerplexError (see docs/errors.md), or with the reason of `options.signal`. Throws UsageError for bad options.
   */
  call<T = unknown>(name: string, input?: unknown, options: CallOptions = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      startCall(this.channels, name, input, options, resolve as (value: unknown) => void, reject)
    })
  }

  /** Calls `name` and gives its answers as they come. Leaving the loop ends the call on the other side. */
  stream<T = unknown>(name: string, input?: unknown, options: CallOptions = {}): ReplyStream<T> {
    return new ReplyStream<T>(this.channels, name, input, options)
  }

  /** Sends one message that nobody answers; resolves when it is handed to the transport. */
  notify(name: string, input?: unknown, options: CallOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      startNotify(this.channels, name, input, options, resolve, reject)
    })
  }

  // ---- answering ----------------------------------------------------------------------------------------------------

  /**
   * Answers calls with this name or pattern (`*` one dotted part, `**` any rest), or with each name of a record. Returns what
   * undoes it. Throws UsageError ALREADY_EXISTS for a name that is handled; then none of a record is.
   */
  handle(name: string, handler: Handler): () => void
  handle(handlers: Readonly<Record<string, Handler>>): () => void
  handle(names: string | Readonly<Record<string, Handler>>, handler?: Handler): () => void {
    if (typeof names === 'string') return this.#handleOne(names, handler as Handler)
    const undo: (() => void)[] = []
    try {
      for (const name of Object.keys(names)) undo.push(this.#handleOne(name, names[name] as Handler))
    } catch (error) {
      for (const each of undo) each()
      throw error
    }
    return () => {
      for (const each of undo) each()
    }
  }

  // ---- life ---------------------------------------------------------------------------------------------------------

  /** A plain snapshot: connections, channels, queue, bytes, credits, limits hit, errors by code. */
  stats(): PeerStats {
    return this.channels.stats()
  }

  /** Takes no new work, lets running work end for up to `graceMs`, then closes. */
  drain(options: DrainOptions = {}): Promise<void> {
    return this.channels.drain(options)
  }

  /** Settles everything at once. Afterwards nothing of this peer holds the process. */
  close(): Promise<void> {
    return this.channels.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain({ graceMs: 5_000 })
  }

  /** @internal */
  now(): number {
    return this.channels.options.clock.now()
  }

  /** @internal */
  reportError(error: unknown, name: string, remote: string): void {
    this.channels.reportError(error, name, remote)
  }

  #handleOne(name: string, handler: Handler): () => void {
    assertHandler(name, handler)
    return this.channels.handleChannels(name, (channel, codec, remote) => {
      new InboundCall(channel, codec, this.#remote(remote), handler, this).begin()
    })
  }

  #remote(remote: ChannelRemotePeer): RemotePeer {
    let own = this.#remotes.get(remote)
    if (own === undefined) {
      own = new RemotePeer(remote, this.handlers)
      this.#remotes.set(remote, own)
    }
    return own
  }
}

function assertHandler(name: string, handler: unknown): asserts handler is Handler {
  if (typeof handler === 'function') return
  throw new UsageError(
    'INVALID_ARGUMENT',
    `the handler of '${name}' is ${handler === null ? 'null' : typeof handler}`,
    {
      hint: 'give a function (input, ctx) => answer',
    },
  )
}

/** A peer made of the given parts. Throws UsageError for options out of range. */
export function createPeer(parts: PeerParts, options: PeerOptions = {}): Peer {
  return new Peer(parts, options)
}
