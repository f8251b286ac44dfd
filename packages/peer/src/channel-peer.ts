// Owns: a peer below RPC: what is bound and connected, the pool of connections that results, channels opened and accepted on
// it, and its end. Everything with a rule of its own is in a file of its own; this one puts them together.
// Must not know: any transport or codec (they are handed in), what messages mean.

import type { Channel, PeerplexError } from '@peerplex/wire'
import { BlockPool } from '@peerplex/wire/internal'
import type { TargetResolver } from '@peerplex/wire/transport'
import { Assigner } from './assigner.js'
import { type AutoOptions, AutoTable } from './auto.js'
import { ChannelCore } from './channel-core.js'
import { type ChannelHandler, inboundHandler } from './channel-handler.js'
import { type ChannelOptions, channelSpec, NO_OPTIONS, SpecCache } from './channel-options.js'
import type { Clock } from './clock.js'
import type { CodecSet } from './codec-set.js'
import { type BoundListener, type ConnectionParts, Connections, type ConnectionsHost } from './connections.js'
import { CommonParts, type CoreHost, type OpenedSink } from './core-host.js'
import { EventTable, type PeerEvent, type PeerEventMap } from './events.js'
import { type Filter, FilterChain, type FilterHost } from './filters.js'
import { FlowQueue } from './flow-queue.js'
import { type InboundHandler, Inbox } from './inbox.js'
import type { Link } from './link.js'
import type { OpenRequest, OpenSpec, RequestSink } from './open-request.js'
import {
  type BindOptions,
  type ChannelPeerOptions,
  type ConnectOptions,
  type DrainOptions,
  type ResolvedPeerOptions,
  resolvePeerOptions,
} from './options.js'
import { PeerChannel } from './peer-channel.js'
import type { PeerConnection } from './peer-connection.js'
import { Pool, type RemoteFactory } from './pool.js'
import type { RemotePeer } from './remote-peer.js'
import { collectPeerStats, type PeerStats } from './stats.js'

/** What a channel peer is made of. */
export interface ChannelPeerParts extends ConnectionParts {
  /** Makes the objects that stand for other peers. @internal */
  readonly createRemote?: RemoteFactory
}

const DEFAULT_GRACE_MS = 30_000

export class ChannelPeer implements CoreHost, FilterHost, ConnectionsHost {
  readonly options: ResolvedPeerOptions
  /** @internal */
  readonly codecs: CodecSet
  readonly #plain = new SpecCache((name) => this.#commonOf(name, NO_OPTIONS))
  /** @internal */
  readonly flows: FlowQueue = new FlowQueue()
  readonly #pool: Pool
  readonly #assigner: Assigner
  readonly #filters: FilterChain = new FilterChain(this)
  readonly #inbox: Inbox
  readonly #events = new EventTable((error) => this.reportError(error, '', ''))
  readonly #blocks: BlockPool = new BlockPool()
  readonly #connections: Connections
  readonly #autos: AutoTable

  /** @internal Use `createChannelPeer`. */
  constructor(parts: ChannelPeerParts, options: ChannelPeerOptions) {
    this.codecs = parts.codecs
    this.options = resolvePeerOptions(options)
    this.#pool = new Pool(this.options, parts.createRemote)
    this.#connections = new Connections(parts, this.options, this.#pool, this.#blocks, this)
    this.#autos = new AutoTable(this.#connections)
    const lastError = (): PeerplexError | null => this.#connections.lastError
    this.#assigner = new Assigner(this.options, this.#pool, parts.codecs, lastError, this.#autos)
    this.#inbox = new Inbox(parts.codecs, this.#filters)
  }

  /** The logical name that others see. */
  get id(): string {
    return this.options.id
  }

  // ---- where it is reached, and whom it reaches -----------------------------------------------------------------------

  /**
   * Listens on an endpoint: a URL, or an object that a transport takes instead (a server, a port, a worker, a connection). `options` are
   * those of BindOptions and of its transport, see docs/transports.md. Rejects with UsageError for a bad URL, object or option,
   * TransportError when the address cannot be had.
   */
  bind(target: string | object, options: BindOptions = {}): Promise<BoundListener> {
    return this.#connections.bind(target, options)
  }

  /**
   * Dials an endpoint and keeps it connected; an object instead of a URL (a port, a worker, a connection) is connected to once.
   * Returns at once; throws UsageError for a bad URL, object or option.
   */
  connect(target: string | object, options: ConnectOptions = {}): Link {
    return this.#connections.connect(target, options)
  }

  /**
   * Names and patterns whose targets `resolver` knows: it is asked when one of them is first opened, again after a failure, and when its
   * `watch` tells of a change; all URLs that it gives are connected to. Such names go nowhere else, and such connections carry no others,
   * except what is for that peer by `to`; when nothing was opened for `idleMs` they end. Returns what undoes it: what runs then may take
   * 30 s. Throws UsageError ALREADY_EXISTS, INVALID_ARGUMENT.
   */
  auto(pattern: string, resolver: TargetResolver, options: AutoOptions = {}): () => void {
    const undo = this.#autos.add(pattern, resolver, options)
    return () => {
      undo()
      this.#assigner.regroup()
    }
  }

  /** Other peers with at least one connection, in the order in which they came. */
  peers(): RemotePeer[] {
    return [...this.#pool.remotes]
  }

  /** Calls `listener` at each event of that kind; returns what ends that. */
  on<K extends keyof PeerEventMap>(event: K, listener: (info: PeerEventMap[K]) => void): () => void {
    return this.#events.on(event, listener)
  }

  // ---- channels -----------------------------------------------------------------------------------------------------

  /**
   * Opens a channel and returns it at once: it may wait for a connection, and what is sent meanwhile with it. Failures show
   * in `closed`. Throws UsageError, LimitError for a name or options that make no sense.
   */
  open<T = unknown>(name: string, options: ChannelOptions = NO_OPTIONS): PeerChannel<T> {
    const core = new ChannelCore(
      options === NO_OPTIONS ? this.#plain.get(name) : this.#commonOf(name, options),
    )
    core.open()
    return new PeerChannel<T>(core)
  }

  #commonOf(name: string, options: ChannelOptions): CommonParts {
    const spec = channelSpec(name, options, this.options, (error) => this.reportError(error, name, ''))
    return new CommonParts(this, spec, options)
  }

  /**
   * Gives channels with this name or pattern (`*` one dotted part, `**` any rest) to a handler. Returns what undoes it.
   * Throws UsageError ALREADY_EXISTS for a name that is handled.
   */
  accept<T = unknown>(pattern: string, handler: ChannelHandler<T>): () => void {
    return this.#inbox.add(pattern, inboundHandler(this, handler))
  }

  /** Lets a filter see every channel and call from now on, in both directions. Returns what undoes it. */
  use(filter: Filter): () => void {
    return this.#filters.add(filter)
  }

  /** As `accept`, one level below: the handler gets the channel of the wire. @internal */
  handleChannels(pattern: string, handler: InboundHandler): () => void {
    return this.#inbox.add(pattern, handler)
  }

  /** Opens a channel, now or once there is a connection for it. Never throws for network reasons. @internal */
  submit(spec: OpenSpec, sink: RequestSink): OpenRequest {
    const request = this.requestFor(spec, sink, this.nextSequence())
    this.enter(request)
    return request
  }

  /** As `submit`, for a channel that need not have a request. @internal */
  openNow(spec: OpenSpec, sink: OpenedSink): OpenRequest | number {
    return this.#filters.isEmpty ? this.#assigner.openNow(spec, sink) : this.submit(spec, sink)
  }

  /** @internal */ requestFor(spec: OpenSpec, sink: RequestSink, sequence: number): OpenRequest {
    return this.#assigner.requestFor(spec, sink, sequence)
  }

  /** As `submit`, for a request that is made already. @internal */
  enter(request: OpenRequest): void {
    if (this.#filters.isEmpty) this.#assigner.enter(request)
    else this.#filters.send(request, this.#assigner)
  }

  /** Peers that an open may go to now, with room or without. @internal */
  remotesFor(spec: OpenSpec): RemotePeer[] {
    const group = this.#autos.find(spec.name)
    return this.#pool.remotes.filter((remote) => this.#pool.isCandidate(remote, spec, group))
  }

  /** The number of the next request. @internal */
  nextSequence(): number {
    return this.#assigner.nextSequence()
  }

  /** @internal */ cancel(request: OpenRequest, code?: number): void {
    this.#assigner.cancel(request, code)
  }

  /** @internal */ retry(request: OpenRequest, outcome: Parameters<Assigner['retry']>[1]): boolean {
    return this.#assigner.retry(request, outcome)
  }

  /** @internal */ settle(request: OpenRequest, isAnswered: boolean): void {
    this.#assigner.settle(request, isAnswered)
  }

  /** @internal */ hold(request: OpenRequest, bytes: number): boolean {
    return this.#assigner.hold(request, bytes)
  }

  /** @internal */ get holdBytes(): number {
    return this.options.sessionLimits.channelWindowBytes
  }

  /** @internal */ get clock(): Clock {
    return this.options.clock
  }

  /** A plain snapshot: connections, channels, queue, bytes, limits hit, errors by code. */
  stats(): PeerStats {
    const stats = collectPeerStats(this.#pool, this.#assigner, this.#connections, this.#blocks.heldBytes)
    return { ...stats, autos: this.#autos.stats() }
  }

  // ---- the end ------------------------------------------------------------------------------------------------------

  /** Takes no new work, lets running work end for up to `graceMs`, then closes. */
  async drain(options: DrainOptions = {}): Promise<void> {
    if (this.#connections.isClosed) return this.#connections.untilReleased()
    this.#autos.close()
    this.#filters.close('this peer drains', this.#assigner)
    this.#assigner.close('this peer drains')
    await this.#connections.drain(options.graceMs ?? DEFAULT_GRACE_MS)
    await this.close()
  }

  /** Settles everything at once and closes all connections. Resolves when nothing is left that holds the process. */
  async close(): Promise<void> {
    this.#autos.close()
    this.#filters.close('this peer was closed', this.#assigner)
    this.#assigner.close('this peer was closed')
    const closed = this.#connections.close()
    this.#events.clear()
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain({ graceMs: 5_000 })
  }

  // ---- told by connections --------------------------------------------------------------------------------------------

  /** @internal */
  onChannel(connection: PeerConnection, channel: Channel): void {
    this.#inbox.onChannel(channel, connection)
  }

  /** @internal */
  onRoom(): void {
    this.#assigner.pump()
  }

  /** @internal */
  emit(event: keyof PeerEventMap, info: PeerEvent): void {
    this.#events.emit(event, info)
  }

  /** An error that no caller hears of. @internal */
  reportError(error: unknown, name: string, remote: string): void {
    try {
      this.options.onError(error, { name, remote })
    } catch (thrown) {
      this.options.logger.error('onError threw', { error: String(thrown) })
    }
  }
}

/** A peer that opens and accepts channels; RPC stands on it. Throws UsageError for options out of range. */
export function createChannelPeer(parts: ChannelPeerParts, options: ChannelPeerOptions = {}): ChannelPeer {
  return new ChannelPeer(parts, options)
}
