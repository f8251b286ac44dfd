// Owns: the Peer that programs use: calls and handlers, and everything of the channel peer below, forwarded.
// Must not know: connections, the wire.

import {
  type AutoOptions,
  type BindOptions,
  type BoundListener,
  type ChannelHandler,
  type ChannelOptions,
  type ChannelPeer,
  type PeerEvent as ChannelPeerEvent,
  type ChannelPeerOptions,
  type ChannelPeerParts,
  type ConnectOptions,
  createChannelPeer,
  type DrainOptions,
  type Filter,
  type Link,
  type PeerChannel,
  type PeerStats,
} from '@peerplex/peer'
import { NO_OPTIONS, SpecCache } from '@peerplex/peer/internal'
import type { PeerplexError, UsageError } from '@peerplex/wire'
import { invalidArgument } from '@peerplex/wire/internal'
import type { TargetResolver } from '@peerplex/wire/transport'
import type { CallHost } from './call-host.js'
import { type CallOptions, callSpec, isAsyncIterable, PLAIN, plainSpec } from './call-options.js'
import { type Answer, fanOut } from './fan-out.js'
import { type Handler, InboundCall } from './inbound-call.js'
import { NotifyCall } from './notify-call.js'
import { RemotePeer } from './remote-peer.js'
import { ReplyStream } from './reply-stream.js'
import { StreamCall } from './stream-call.js'
import { UnaryCall } from './unary-call.js'

/** What a peer is made of; `peerplex` fills it in. */
export type PeerParts = ChannelPeerParts

export type PeerOptions = ChannelPeerOptions

/** What happened between this peer and another. */
export interface PeerEvent {
  readonly remote: RemotePeer
  /** Why, where there is a reason. */
  readonly reason?: PeerplexError
}

/**
 * `connect`: the first connection to a peer is ready. `disconnect`: the last one to it is gone. `drain`: it takes no new work.
 * `restart`: a peer with this id came back as another run.
 */
export type PeerEventName = 'connect' | 'disconnect' | 'drain' | 'restart'

export class Peer {
  /** The peer below: channels without RPC. @internal */
  readonly channels: ChannelPeer
  readonly #host: CallHost

  /** @internal Use `createPeer`. */
  constructor(parts: PeerParts, options: PeerOptions) {
    const createRemote = (id: string, instance: string): RemotePeer =>
      new RemotePeer(id, instance, this.#host)
    this.channels = createChannelPeer({ ...parts, createRemote }, options)
    this.#host = {
      channels: this.channels,
      specs: new SpecCache((name) => plainSpec(this.#host, name)),
      call: (name, input, callOptions) => this.call(name, input, callOptions),
      stream: (name, input, callOptions) => this.stream(name, input, callOptions),
      notify: (name, input, callOptions) => this.notify(name, input, callOptions),
      reportError: (error, name, remote) => this.channels.reportError(error, name, remote),
    }
  }

  /** The logical name that others see. */
  get id(): string {
    return this.channels.id
  }

  // ---- connections --------------------------------------------------------------------------------------------------

  /**
   * Listens on an endpoint: a URL, or an object instead (a server, a port, a worker, a connection). `options` are those of BindOptions and of
   * its transport, see docs/transports.md. Rejects with UsageError for a bad URL, object or option, TransportError when the address cannot
   * be had.
   */
  bind(target: string | object, options: BindOptions = {}): Promise<BoundListener> {
    return this.channels.bind(target, options)
  }

  /**
   * Dials an endpoint and keeps it connected; an object instead of a URL (a port, a worker, a connection) is connected to once.
   * Returns at once; calls wait meanwhile. Throws UsageError for a bad URL, object or option.
   */
  connect(target: string | object, options: ConnectOptions = {}): Link {
    return this.channels.connect(target, options)
  }

  /**
   * Names and patterns whose targets `resolver` knows: it is asked when one of them is first called, again after a failure, and when its
   * `watch` tells of a change; all URLs that it gives are connected to. Such names go nowhere else, and such connections carry no others,
   * except what is for that peer by `to`; when nothing was called for `idleMs` (5 minutes) they end. Returns what undoes it: what runs then may take
   * 30 s. Throws UsageError ALREADY_EXISTS, INVALID_ARGUMENT.
   */
  auto(pattern: string, resolver: TargetResolver, options?: AutoOptions): () => void {
    return this.channels.auto(pattern, resolver, options)
  }

  /** Other peers with at least one connection, in the order in which they came. */
  peers(): RemotePeer[] {
    return this.channels.peers() as RemotePeer[]
  }

  /** Calls `listener` at each event of that kind; returns what ends that. What it throws goes to `onError`. */
  on(event: PeerEventName, listener: (event: PeerEvent) => void): () => void {
    return this.channels.on(event, listener as (event: ChannelPeerEvent) => void)
  }

  // ---- calling ------------------------------------------------------------------------------------------------------

  /**
   * Calls `name` and resolves with its one answer; undefined when it answers nothing. `input` is a value, or an AsyncIterable
   * that streams in. Rejects with PeerplexError (docs/errors.md), with the reason of `options.signal`, or with what the
   * iterable threw; FAILED_PRECONDITION when there is more than one answer; UsageError for options that make no sense.
   */
  call<T = unknown>(name: string, input?: unknown, options: CallOptions = NO_OPTIONS): Promise<T> {
    const promise = new Promise<T>(takeSettlers)
    const { resolve, reject } = settlers
    try {
      new UnaryCall(this.#host, name, input, options, resolve, reject)
    } catch (error) {
      reject(error)
    }
    return promise
  }

  /**
   * Calls `name` and gives its answers as they come; one, when it answers as `call` expects. Leaving the loop ends the call on
   * the other side. Reading rejects as `call` does; UsageError is thrown at once.
   */
  stream<T = unknown>(name: string, input?: unknown, options: CallOptions = {}): ReplyStream<T> {
    return new ReplyStream<T>(new StreamCall(this.#host, name, input, options))
  }

  /**
   * Sends one message that nobody answers. Resolves when it was handed to the transport, whatever becomes of it then; rejects
   * as `call` does when it was not.
   */
  notify(name: string, input?: unknown, options: CallOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      new NotifyCall(this.#host, name, input, options, resolve, reject)
    })
  }

  /**
   * Calls `name` on every connected peer that may have it (those that say what they serve and do not serve it, and those of other `auto`
   * names, may not), and gives the answers as they come: `{ remote, value }` or `{ remote, error }`. With nobody connected the loop throws
   * UNAVAILABLE, not-sent. Leaving it gives up the calls that still run. Throws UsageError for an input that streams, or with `to`.
   */
  all<T = unknown>(
    name: string,
    input?: unknown,
    options: Omit<CallOptions, 'to' | 'routeKey'> = {},
  ): AsyncGenerator<Answer<T>, void, undefined> {
    if (isAsyncIterable(input)) {
      throw invalidArgument(`the input of all '${name}' is a stream`, 'give a value: everybody gets the same')
    }
    if ('to' in options && options.to !== undefined) {
      throw invalidArgument(`option to of all '${name}' is given`, 'all goes to everybody; use call for one')
    }
    const spec = callSpec(this.#host, name, { ...options, waitForReady: false }, PLAIN)
    const remotes = this.channels.remotesFor(spec) as RemotePeer[]
    return fanOut<T>(this.#host, remotes, name, input, options)
  }

  // ---- answering ----------------------------------------------------------------------------------------------------

  /**
   * Answers calls with this name or pattern (`*` one dotted part, `**` any rest), or with each name of a record. Returns what
   * undoes it. Throws UsageError ALREADY_EXISTS for a name that is handled, INVALID_ARGUMENT for what is no name or no
   * function; then nothing of a record is handled.
   */
  handle(name: string, handler: Handler): () => void
  handle(handlers: Readonly<Record<string, Handler>>): () => void
  handle(names: string | Readonly<Record<string, Handler>>, handler?: Handler): () => void {
    if (typeof names === 'string') return this.#handleOne(names, handler)
    if (typeof names !== 'object' || names === null) throw notHandleable('what is to be handled', names)
    const undo: (() => void)[] = []
    try {
      for (const name of Object.keys(names)) undo.push(this.#handleOne(name, names[name]))
    } catch (error) {
      for (const each of undo) each()
      throw error
    }
    return () => {
      for (const each of undo) each()
    }
  }

  // ---- channels, below calls ----------------------------------------------------------------------------------------

  /**
   * Opens a channel and returns it at once: it may wait for a connection, and what is sent meanwhile with it. Failures show in
   * `closed`. Throws UsageError, LimitError for a name or options that make no sense.
   */
  open<T = unknown>(name: string, options?: ChannelOptions): PeerChannel<T> {
    return this.channels.open<T>(name, options)
  }

  /** Gives channels with this name or pattern to a handler. Shares one table with `handle`. Returns what undoes it. */
  accept<T = unknown>(pattern: string, handler: ChannelHandler<T>): () => void {
    return this.channels.accept<T>(pattern, handler)
  }

  /** Lets a filter see every call and channel from now on, in both directions. Returns what undoes it. */
  use(filter: Filter): () => void {
    return this.channels.use(filter)
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

  #handleOne(name: string, handler: Handler | undefined): () => void {
    if (typeof handler !== 'function') throw notHandleable(`the handler of '${name}'`, handler)
    return this.channels.handleChannels(name, (channel, codec, remote, headers) => {
      new InboundCall(channel, codec, remote as RemotePeer, headers, handler, this.#host).begin()
    })
  }
}

/** What settles the promise made last: one function takes them for all calls, instead of a new one for each. */
const settlers = { resolve: (_: unknown): void => {}, reject: (_: unknown): void => {} }

function takeSettlers<T>(resolve: (value: T) => void, reject: (error: unknown) => void): void {
  settlers.resolve = resolve as (value: unknown) => void
  settlers.reject = reject
}

function notHandleable(what: string, value: unknown): UsageError {
  return invalidArgument(
    `${what} is ${value === null ? 'null' : typeof value}`,
    'give a name and a function (input, ctx) => answer, or a record of such functions',
  )
}

/** A peer made of the given parts. Throws UsageError for options out of range. */
export function createPeer(parts: PeerParts, options: PeerOptions = {}): Peer {
  return new Peer(parts, options)
}
