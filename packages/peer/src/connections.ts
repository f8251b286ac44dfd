// Owns: how the connections of a peer come and go: what is bound, what is connected to, what was accepted, and their end.
// Must not know: what is opened on them, and to which of them it goes.

import {
  type Channel,
  type DrainInfo,
  ERRORS,
  type Hello,
  LimitError,
  type PeerplexError,
  ProtocolError,
} from '@peerplex/wire'
import { type BlockPool, failedPrecondition, reasonOf } from '@peerplex/wire/internal'
import type { Connection, Listener, Transport } from '@peerplex/wire/transport'
import { AddressLog } from './address-log.js'
import { Admission } from './admission.js'
import { PeerHello, Verdict } from './authentication.js'
import type { AutoHost } from './auto.js'
import { BufferWatch } from './buffer-watch.js'
import type { CodecSet } from './codec-set.js'
import type { PeerEvent, PeerEventMap } from './events.js'
import { Link, type LinkHost } from './link.js'
import {
  type BindOptions,
  type ConnectOptions,
  DEFAULT_RECONNECT,
  type ResolvedPeerOptions,
} from './options.js'
import { type ConnectionHost, PeerConnection } from './peer-connection.js'
import type { Pool } from './pool.js'
import { assertAuth } from './presented.js'
import { createProfiles } from './profiles.js'
import { TargetDefaults, type TargetSettings } from './target-options.js'
import { findTransport, handedInTransport } from './targets.js'

/** Codes that are counted each for itself, and the row of all others. */
const MAX_COUNTED_CODES = 128
const OTHER_CODES = 'OTHER'

/** One `bind`. */
export interface BoundListener {
  /** Where it listens, with the real port. */
  readonly url: string
  /** Stops accepting; connections that exist stay. */
  close(): Promise<void>
}

/** What connections are made of. */
export interface ConnectionParts {
  readonly transports: readonly Transport[]
  readonly codecs: CodecSet
  /** HELLO `agent`: name and version of the library. */
  readonly agent?: string
}

/** What connections tell their peer. */
export interface ConnectionsHost {
  onChannel(connection: PeerConnection, channel: Channel): void
  /** There may be room where there was none. */
  onRoom(): void
  emit(event: keyof PeerEventMap, info: PeerEvent): void
  /** An error that no caller hears of. */
  reportError(error: unknown, name: string, remote: string): void
}

export class Connections implements LinkHost, ConnectionHost, AutoHost {
  readonly options: ResolvedPeerOptions
  readonly links: Set<Link> = new Set()
  readonly listeners: Set<Listener> = new Set()
  /** How often which error ended something here. */
  readonly errorCounts: Map<string, number> = new Map()
  /** Why no connection could be made lately; null once one was. */
  lastError: PeerplexError | null = null
  readonly admission: Admission<PeerConnection>
  readonly watch: BufferWatch
  readonly log: AddressLog
  readonly #host: ConnectionsHost
  readonly #pool: Pool
  readonly #codecs: CodecSet
  readonly #transports: readonly Transport[]
  readonly #defaults: TargetDefaults
  readonly #linkOf = new Map<PeerConnection, Link>()
  /** Sessions that are over, whose connections still take their leave. */
  readonly #releasing = new Set<PeerConnection>()
  #phase: 'open' | 'draining' | 'closed' = 'open'
  #waitingForEnd: (() => void)[] = []

  constructor(
    parts: ConnectionParts,
    options: ResolvedPeerOptions,
    pool: Pool,
    blocks: BlockPool,
    host: ConnectionsHost,
  ) {
    this.options = options
    this.#host = host
    this.#pool = pool
    this.#codecs = parts.codecs
    this.#transports = [...parts.transports, handedInTransport()]
    this.#defaults = new TargetDefaults(options, createProfiles(options, parts, blocks))
    const { limits, clock, logger } = options
    this.admission = new Admission(limits, clock, giveUpSilent)
    this.watch = new BufferWatch(limits, clock, pool.connections)
    this.log = new AddressLog(logger, limits.logLinesPerSecond, clock)
  }

  // ---- where the peer is reached, and whom it reaches -----------------------------------------------------------------

  async bind(target: string | object, options: BindOptions): Promise<BoundListener> {
    this.#assertOpen('bind')
    const settings = this.#defaults.resolve('bind', options)
    const { transport, endpoint } = findTransport(target, this.#transports)
    const listener = await transport.listen(endpoint, { transport: settings.transport }, (connection) =>
      this.#onAccept(connection, settings),
    )
    if (this.#phase !== 'open') {
      await listener.close()
      this.#assertOpen('bind')
    }
    this.listeners.add(listener)
    return {
      get url() {
        return listener.url
      },
      close: async () => {
        this.listeners.delete(listener)
        await listener.close()
      },
    }
  }

  connect(target: string | object, options: ConnectOptions): Link {
    this.#assertOpen('connect')
    const settings = this.#defaults.resolve('connect', options)
    const { transport, endpoint } = findTransport(target, this.#transports)
    const link = new Link(this, transport, endpoint, settings)
    this.links.add(link)
    return link
  }

  /** For names that are looked up. Throws UsageError for what is no endpoint. */
  canonicalUrl(url: string): string {
    return findTransport(url, this.#transports).endpoint.url
  }

  dial(url: string): Link {
    this.#assertOpen('connect')
    const { transport, endpoint } = findTransport(url, this.#transports)
    // `reconnect: false` is about links of the program: there is nobody who would make a new one of these.
    const own = this.options.reconnect === false ? { reconnect: DEFAULT_RECONNECT } : {}
    const link = new Link(this, transport, endpoint, this.#defaults.resolve('connect', own), true)
    this.links.add(link)
    return link
  }

  onLookupFailed(pattern: string, error: PeerplexError): void {
    this.lastError = error
    this.#count(error.code)
    this.log.write('warn', 'lookup failed', {
      url: `auto:${pattern}`,
      code: error.code,
      message: error.message,
    })
  }

  onRoom(): void {
    this.#host.onRoom()
  }

  #assertOpen(verb: string): void {
    if (this.#phase === 'open') return
    throw failedPrecondition(`${verb} on a peer that is ${this.#phase}`, 'create a new peer')
  }

  // ---- the end ------------------------------------------------------------------------------------------------------

  get isClosed(): boolean {
    return this.#phase === 'closed'
  }

  /** Takes no new connection and lets those that exist end. Resolves when none is left and no listener holds its address. */
  async drain(graceMs: number): Promise<void> {
    this.#phase = 'draining'
    const stopped = this.#stopListening()
    for (const link of this.links) if (link.state === 'BACKOFF' || link.state === 'CONNECTING') link.close()
    for (const connection of this.#pool.connections) connection.driver.session.drain(graceMs)
    const { clock } = this.options
    const timer = clock.setTimer(clock.now() + graceMs, () => this.#closeRetired())
    await this.untilReleased()
    clock.clearTimer(timer)
    await stopped
  }

  /** Those had a time of their own, which may be longer than that of the peer. */
  #closeRetired(): void {
    for (const { isRetired, driver } of [...this.#pool.connections]) if (isRetired) driver.session.close()
  }

  /** Ends everything at once. Resolves when nothing is left that holds the process. */
  async close(): Promise<void> {
    this.#phase = 'closed'
    const stopped = this.#stopListening()
    for (const link of this.links) link.close()
    for (const connection of [...this.#pool.connections]) connection.driver.session.close()
    await this.untilReleased()
    await stopped
  }

  /** Resolves when no connection is left. */
  untilReleased(): Promise<void> {
    if (this.#pool.connections.size + this.#releasing.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#waitingForEnd.push(resolve))
  }

  async #stopListening(): Promise<void> {
    const listeners = [...this.listeners]
    this.listeners.clear()
    await Promise.allSettled(listeners.map((listener) => listener.close()))
  }

  // ---- for links ----------------------------------------------------------------------------------------------------

  adopt(connection: Connection, link: Link, auth: string | Uint8Array | undefined): PeerConnection {
    const adopted = this.#start(connection, false, auth, link.settings)
    adopted.dialedFor = link.isLookedUp ? link.url : null
    this.#linkOf.set(adopted, link)
    return adopted
  }

  onAttemptFailed(link: Link, error: PeerplexError): void {
    this.lastError = error
    this.#count(error.code)
    this.log.write('warn', 'connection failed', { url: link.url, code: error.code, message: error.message })
  }

  onLinkClosed(link: Link): void {
    this.links.delete(link)
  }

  reportError(error: unknown, name: string, remote: string): void {
    this.#host.reportError(error, name, remote)
  }

  // ---- connections --------------------------------------------------------------------------------------------------

  #onAccept(connection: Connection, settings: TargetSettings): void {
    const { url } = connection
    const refusal = this.#phase === 'open' ? this.admission.refusalOf(url) : this.#phase
    if (refusal === null && this.#accept(connection, settings)) return
    this.#count('CONNECTIONS_REFUSED')
    this.log.write('info', 'connection refused', { url, limit: refusal ?? 'credentials' })
    connection.destroy()
  }

  /** False when there is nothing to show to the other side. */
  #accept(connection: Connection, settings: TargetSettings): boolean {
    const { credentials } = settings
    try {
      const auth = assertAuth(typeof credentials === 'function' ? credentials() : credentials)
      this.admission.enter(this.#start(connection, true, auth, settings))
      return true
    } catch (error) {
      this.#host.reportError(error, '', '')
      return false
    }
  }

  #start(
    connection: Connection,
    isAccepted: boolean,
    auth: string | Uint8Array | undefined,
    { profileOf, authenticate }: TargetSettings,
  ): PeerConnection {
    const options = { profile: profileOf(auth), clock: this.options.clock, watch: this.watch }
    const started = new PeerConnection(connection, isAccepted, authenticate, options, this)
    this.#pool.add(started)
    started.driver.start()
    return started
  }

  // ---- who is there ---------------------------------------------------------------------------------------------------

  onHello(connection: PeerConnection, hello: Hello): void {
    const { authenticate, url, isAccepted, driver } = connection
    const announced = new PeerHello(hello)
    this.#linkOf.get(connection)?.onHello()
    if (isAccepted) this.admission.onHello(connection)
    if (authenticate === undefined) {
      this.#enter(connection, announced, undefined)
      return
    }
    connection.verdict = new Verdict(
      (identity) => this.#onVerdict(connection, announced, identity),
      (error) => {
        this.log.write('warn', 'authenticate threw', { url, error: reasonOf(error) })
        this.#host.reportError(error, '', announced.id)
      },
    )
    const { kind, facts = {} } = driver.connection
    connection.verdict.ask(authenticate, announced, { url, kind, isAccepted, facts })
  }

  #onVerdict(connection: PeerConnection, hello: PeerHello, identity: unknown): void {
    const { session } = connection.driver
    connection.verdict = null
    // The same words for whoever is not known and for a wrong credential (spec AUT-009).
    if (!identity) session.fail(notAdmitted())
    else this.#enter(connection, hello, identity)
  }

  /** From here on it is one of the pool. What the other side has opened meanwhile is shown once everybody knows of it. */
  #enter(connection: PeerConnection, hello: PeerHello, identity: unknown): void {
    const { session } = connection.driver
    if (connection.isAccepted) this.admission.onDecided(connection)
    const codecs = this.#codecs.parse(hello.headers.get('codecs') ?? '')
    const { remote, isNew, isRestart } = this.#pool.enter(connection, hello, identity)
    connection.enter(remote, codecs, this.options.clock.now())
    this.#linkOf.get(connection)?.onAdmitted()
    this.lastError = null
    if (this.#phase === 'draining') session.drain(0)
    if (isNew && this.#pool.isContested(remote.id)) {
      const { url } = connection
      this.log.write('warn', 'one id, several identities', { url, id: remote.id })
    }
    if (isRestart) this.#host.emit('restart', { remote })
    if (isNew) this.#host.emit('connect', { remote })
    // It may drain since before anybody knew who it is.
    if (session.isOpen && !session.isUsable) this.#tellDrain(connection)
    session.admit()
    this.#host.onRoom()
  }

  // ---- told by connections --------------------------------------------------------------------------------------------

  onChannel(connection: PeerConnection, channel: Channel): void {
    this.#host.onChannel(connection, channel)
  }

  onOpenCredit(): void {
    this.#host.onRoom()
  }

  onDrain(connection: PeerConnection, { isFinal }: DrainInfo): void {
    if (isFinal || connection.remote === null) return
    this.#tellDrain(connection)
    this.#host.onRoom()
  }

  #tellDrain(connection: PeerConnection): void {
    this.#linkOf.get(connection)?.onDrain()
    if (connection.remote !== null) this.#host.emit('drain', { remote: connection.remote })
  }

  /** A handler threw, or something that should not: on that channel, if on any. */
  onError(connection: PeerConnection, error: unknown, name: string): void {
    this.#count('HANDLER_ERRORS')
    this.#host.reportError(error, name, connection.remote?.id ?? '')
  }

  onClose(connection: PeerConnection, error: PeerplexError | null): void {
    connection.closeError = error
    connection.verdict?.giveUp(error)
    connection.verdict = null
    if (connection.isAccepted) this.admission.onDecided(connection)
    if (error !== null) this.#count(error.code)
    if (error !== null && connection.remote !== null) this.#pool.noteFailure(connection.remote)
    const gone = this.#pool.remove(connection)
    if (gone !== null) {
      this.#host.emit('disconnect', error === null ? { remote: gone } : { remote: gone, reason: error })
    }
    // For a connection that was dialed its link says so.
    if (error !== null && !this.#linkOf.has(connection)) {
      const { code, message, hint, cause } = error
      const fields = { url: connection.url, code, message, hint }
      const why = cause instanceof Error ? { ...fields, cause: cause.message } : fields
      this.log.write('info', 'accepted connection ended', why)
    }
    // A peer on its way out does not dial again.
    if (this.#phase === 'open') this.#linkOf.get(connection)?.onLost(connection, error)
    else this.#linkOf.get(connection)?.close()
    this.#linkOf.delete(connection)
    this.#releasing.add(connection)
  }

  onReleased(connection: PeerConnection): void {
    this.#releasing.delete(connection)
    if (connection.isAccepted) this.admission.leave(connection)
    if (this.#pool.connections.size + this.#releasing.size > 0) return
    this.watch.stop()
    const waiting = this.#waitingForEnd
    this.#waitingForEnd = []
    for (const resolve of waiting) resolve()
  }

  #count(code: string): void {
    // The other side may end a connection with any number.
    const isListed = this.errorCounts.has(code) || this.errorCounts.size < MAX_COUNTED_CODES
    const row = isListed ? code : OTHER_CODES
    this.errorCounts.set(row, (this.errorCounts.get(row) ?? 0) + 1)
  }
}

function notAdmitted(): ProtocolError {
  return new ProtocolError('AUTH', ERRORS.AUTH.message, {
    hint: '`authenticate` of this side did not admit it; what it threw, if it did, went to onError',
  })
}

/** Who has said nothing makes room for somebody else. */
function giveUpSilent({ url, driver }: PeerConnection): void {
  const reason = `${url}: it said nothing, and others want in`
  driver.drop(new LimitError('RESOURCE_EXHAUSTED', reason, { hint: 'see limits.maxUnauthenticated' }))
}
