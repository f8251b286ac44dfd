// Owns: a peer below RPC: what is bound and connected, the pool of connections that results, channels opened and accepted on
// it, and its end. Everything with a rule of its own is in a file of its own; this one puts them together.
// Must not know: any transport or codec (they are handed in), what messages mean.

import type { Channel, DrainInfo, Hello, PeerplexError } from '@peerplex/wire'
import { BlockPool, failedPrecondition, invalidArgument, showScalar } from '@peerplex/wire/internal'
import type { Connection, Listener, Transport } from '@peerplex/wire/transport'
import { Assigner } from './assigner.js'
import { ChannelCore } from './channel-core.js'
import { type ChannelHandler, inboundHandler } from './channel-handler.js'
import { type ChannelOptions, channelSpec, NO_OPTIONS, SpecCache } from './channel-options.js'
import type { Clock } from './clock.js'
import type { CodecSet } from './codec-set.js'
import { CommonParts, type CoreHost, type OpenedSink } from './core-host.js'
import { EventTable, type PeerEventMap } from './events.js'
import { type Filter, FilterChain, type FilterHost } from './filters.js'
import { FlowQueue } from './flow-queue.js'
import { type InboundHandler, Inbox } from './inbox.js'
import { Link, type LinkHost } from './link.js'
import type { OpenRequest, OpenSpec, RequestSink } from './open-request.js'
import {
  type ChannelPeerOptions,
  type DrainOptions,
  type ResolvedPeerOptions,
  resolvePeerOptions,
  type TransportOptions,
} from './options.js'
import { PeerChannel } from './peer-channel.js'
import { type ConnectionHost, PeerConnection } from './peer-connection.js'
import { Pool, type RemoteFactory } from './pool.js'
import { createProfiles, type Profiles } from './profiles.js'
import type { RemotePeer } from './remote-peer.js'
import { collectPeerStats, type PeerStats } from './stats.js'
import { findTransport, handedInTransport } from './targets.js'

/** What a channel peer is made of. */
export interface ChannelPeerParts {
  readonly transports: readonly Transport[]
  readonly codecs: CodecSet
  /** HELLO `agent`: name and version of the library. */
  readonly agent?: string
  /** Makes the objects that stand for other peers. @internal */
  readonly createRemote?: RemoteFactory
}

/** One `bind`. */
export interface BoundListener {
  /** Where it listens, with the real port. */
  readonly url: string
  /** Stops accepting; connections that exist stay. */
  close(): Promise<void>
}

const DEFAULT_GRACE_MS = 30_000

export class ChannelPeer implements LinkHost, CoreHost, FilterHost, ConnectionHost {
  readonly options: ResolvedPeerOptions
  readonly #parts: ChannelPeerParts
  readonly #transports: readonly Transport[]
  readonly #plain = new SpecCache((name) => this.#commonOf(name, NO_OPTIONS))
  /** @internal */
  readonly flows: FlowQueue = new FlowQueue()
  readonly #pool: Pool
  readonly #assigner: Assigner
  readonly #filters: FilterChain = new FilterChain(this)
  readonly #inbox: Inbox
  readonly #events = new EventTable((error) => this.reportError(error, '', ''))
  readonly #profileOf: Profiles
  readonly #blocks: BlockPool = new BlockPool()
  readonly #links = new Set<Link>()
  readonly #listeners = new Set<Listener>()
  readonly #linkOf = new Map<PeerConnection, Link>()
  readonly #errorCounts = new Map<string, number>()
  #lastConnectError: PeerplexError | null = null
  #phase: 'open' | 'draining' | 'closed' = 'open'
  #waitingForEnd: (() => void)[] = []

  /** @internal Use `createChannelPeer`. */
  constructor(parts: ChannelPeerParts, options: ChannelPeerOptions) {
    this.#parts = parts
    this.#transports = [...parts.transports, handedInTransport()]
    this.options = resolvePeerOptions(options)
    this.#pool = new Pool(parts.createRemote)
    this.#profileOf = createProfiles(this.options, parts, this.#blocks)
    this.#assigner = new Assigner(this.options, this.#pool, parts.codecs, () => this.#lastConnectError)
    this.#inbox = new Inbox(parts.codecs, this.#filters)
  }

  /** The logical name that others see. */
  get id(): string {
    return this.options.id
  }

  get codecs(): CodecSet {
    return this.#parts.codecs
  }

  // ---- where it is reached, and whom it reaches -----------------------------------------------------------------------

  /**
   * Listens on an endpoint: a URL, or an object that a transport takes instead (a server, a port, a worker, a connection). `options`
   * go to its transport, see docs/transports.md. Rejects with UsageError for a bad URL, object or option, TransportError when the
   * address cannot be had.
   */
  async bind(target: string | object, options: TransportOptions = {}): Promise<BoundListener> {
    this.#assertOpen('bind')
    const { transport, endpoint } = findTransport(target, this.#transports)
    const listener = await transport.listen(
      endpoint,
      { transport: this.#transportOptions(options) },
      (connection) => this.#onAccept(connection),
    )
    if (this.#phase !== 'open') {
      await listener.close()
      this.#assertOpen('bind')
    }
    this.#listeners.add(listener)
    return {
      get url() {
        return listener.url
      },
      close: async () => {
        this.#listeners.delete(listener)
        await listener.close()
      },
    }
  }

  /**
   * Dials an endpoint and keeps it connected; an object instead of a URL (a port, a worker, a connection) is connected to once.
   * Returns at once; throws UsageError for a bad URL or object.
   */
  connect(target: string | object, options: TransportOptions = {}): Link {
    this.#assertOpen('connect')
    const { transport, endpoint } = findTransport(target, this.#transports)
    const link = new Link(this, transport, endpoint, this.#transportOptions(options))
    this.#links.add(link)
    return link
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

  /** @internal */ settle(request: OpenRequest): void {
    this.#assigner.settle(request)
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
    const { heldBytes } = this.#blocks
    const counts = this.#errorCounts
    return collectPeerStats(this.#pool, this.#assigner, this.#links, this.#listeners, counts, heldBytes)
  }

  // ---- the end ------------------------------------------------------------------------------------------------------

  /** Takes no new work, lets running work end for up to `graceMs`, then closes. */
  async drain(options: DrainOptions = {}): Promise<void> {
    const graceMs = options.graceMs ?? DEFAULT_GRACE_MS
    if (this.#phase === 'closed') return this.#untilReleased()
    this.#phase = 'draining'
    const stopped = this.#stopListening()
    for (const link of this.#links) if (link.state === 'BACKOFF' || link.state === 'CONNECTING') link.close()
    this.#filters.close('this peer drains', this.#assigner)
    this.#assigner.close('this peer drains')
    for (const connection of this.#pool.connections) connection.driver.session.drain(graceMs)
    await this.#untilReleased()
    await stopped
    await this.close()
  }

  /** Settles everything at once and closes all connections. Resolves when nothing is left that holds the process. */
  async close(): Promise<void> {
    this.#phase = 'closed'
    const stopped = this.#stopListening()
    this.#filters.close('this peer was closed', this.#assigner)
    this.#assigner.close('this peer was closed')
    for (const link of this.#links) link.close()
    for (const connection of [...this.#pool.connections]) connection.driver.session.close()
    this.#events.clear()
    await this.#untilReleased()
    await stopped
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain({ graceMs: 5_000 })
  }

  // ---- for links ----------------------------------------------------------------------------------------------------

  /** @internal */
  adopt(connection: Connection, link: Link, auth: string | Uint8Array | undefined): PeerConnection {
    const adopted = this.#start(connection, false, auth)
    this.#linkOf.set(adopted, link)
    return adopted
  }

  /** @internal */
  async credentials(): Promise<string | Uint8Array | undefined> {
    const { credentials } = this.options
    return typeof credentials === 'function' ? await credentials() : credentials
  }

  /** @internal */
  onAttemptFailed(link: Link, error: PeerplexError): void {
    this.#lastConnectError = error
    this.#count(error.code)
    this.options.logger.warn('connection failed', { url: link.url, code: error.code, message: error.message })
  }

  /** @internal */
  onLinkClosed(link: Link): void {
    this.#links.delete(link)
  }

  // ---- connections --------------------------------------------------------------------------------------------------

  #onAccept(connection: Connection): void {
    if (this.#phase !== 'open' || !this.#hasRoomFor(connection)) {
      this.#count('CONNECTIONS_REFUSED')
      connection.destroy()
      return
    }
    this.#start(connection, true)
  }

  #hasRoomFor({ url }: Connection): boolean {
    const { maxConnections, maxConnectionsPerAddress } = this.options
    return (
      this.#pool.connections.size < maxConnections && this.#pool.acceptedFrom(url) < maxConnectionsPerAddress
    )
  }

  #start(connection: Connection, isAccepted: boolean, auth?: string | Uint8Array): PeerConnection {
    const profile = this.#profileOf(auth)
    const options = { profile, clock: this.options.clock }
    const started = new PeerConnection(connection, isAccepted, options, this)
    this.#pool.add(started)
    started.driver.start()
    return started
  }

  /** @internal */
  onHello(connection: PeerConnection, hello: Hello): void {
    const { headers } = hello
    const codecs = this.#parts.codecs.parse(headers.get('codecs') ?? '')
    const { remote, isNew, isRestart } = this.#pool.enter(connection, hello, headers)
    connection.enter(remote, codecs, this.options.clock.now())
    this.#linkOf.get(connection)?.onHello()
    this.#lastConnectError = null
    if (this.#phase === 'draining') connection.driver.session.drain(0)
    if (isRestart) this.#events.emit('restart', { remote })
    if (isNew) this.#events.emit('connect', { remote })
    this.#assigner.pump()
  }

  /** @internal */
  onChannel(connection: PeerConnection, channel: Channel): void {
    this.#inbox.onChannel(channel, connection)
  }

  /** @internal */
  onOpenCredit(): void {
    this.#assigner.pump()
  }

  /** @internal */
  onDrain(connection: PeerConnection, { isFinal }: DrainInfo): void {
    if (isFinal) return
    this.#linkOf.get(connection)?.onDrain()
    if (connection.remote !== null) this.#events.emit('drain', { remote: connection.remote })
    this.#assigner.pump()
  }

  /** @internal */
  onClose(connection: PeerConnection, error: PeerplexError | null): void {
    connection.closeError = error
    if (error !== null) this.#count(error.code)
    const gone = this.#pool.remove(connection)
    if (gone !== null) {
      this.#events.emit('disconnect', error === null ? { remote: gone } : { remote: gone, reason: error })
    }
    // For a connection that was dialed its link says so.
    if (error !== null && !this.#linkOf.has(connection)) {
      const { code, message, hint, cause } = error
      const fields = { url: connection.url, code, message, hint }
      const why = cause instanceof Error ? { ...fields, cause: cause.message } : fields
      this.options.logger.info('accepted connection ended', why)
    }
    // A peer on its way out does not dial again.
    if (this.#phase === 'open') this.#linkOf.get(connection)?.onLost(connection, error)
    else this.#linkOf.get(connection)?.close()
    this.#linkOf.delete(connection)
    this.#releasing.add(connection)
  }

  /** Sessions that are over, whose connections still take their leave. */
  readonly #releasing = new Set<PeerConnection>()

  /** @internal */
  onReleased(connection: PeerConnection): void {
    this.#releasing.delete(connection)
    if (this.#pool.connections.size + this.#releasing.size > 0) return
    const waiting = this.#waitingForEnd
    this.#waitingForEnd = []
    for (const resolve of waiting) resolve()
  }

  #untilReleased(): Promise<void> {
    if (this.#pool.connections.size + this.#releasing.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#waitingForEnd.push(resolve))
  }

  async #stopListening(): Promise<void> {
    const listeners = [...this.#listeners]
    this.#listeners.clear()
    await Promise.allSettled(listeners.map((listener) => listener.close()))
  }

  /** A handler threw, or something that should not: on that channel, if on any. @internal */
  onError(connection: PeerConnection, error: unknown, name: string): void {
    this.#count('HANDLER_ERRORS')
    this.reportError(error, name, connection.remote?.id ?? '')
  }

  /** An error that no caller hears of. @internal */
  reportError(error: unknown, name: string, remote: string): void {
    try {
      this.options.onError(error, { name, remote })
    } catch (thrown) {
      this.options.logger.error('onError threw', { error: String(thrown) })
    }
  }

  #count(code: string): void {
    this.#errorCounts.set(code, (this.#errorCounts.get(code) ?? 0) + 1)
  }

  #transportOptions(options: TransportOptions): TransportOptions {
    if (typeof options !== 'object' || options === null)
      throw invalidArgument(
        `the options are ${showScalar(options)}`,
        'give an object, see docs/transports.md',
      )
    const { tls } = this.options
    return tls === undefined ? options : { tls, ...options }
  }

  #assertOpen(verb: string): void {
    if (this.#phase === 'open') return
    throw failedPrecondition(`${verb} on a peer that is ${this.#phase}`, 'create a new peer')
  }
}

/** A peer that opens and accepts channels; RPC stands on it. Throws UsageError for options out of range. */
export function createChannelPeer(parts: ChannelPeerParts, options: ChannelPeerOptions = {}): ChannelPeer {
  return new ChannelPeer(parts, options)
}
