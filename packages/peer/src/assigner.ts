// Owns: bringing opens to connections: at once if one has room, else through the queue; again where that is provably harmless;
// and the errors of those that never get there (spec §19).
// Must not know: links and listeners, what messages mean.

import type { Channel, Codec, Outcome, PeerplexError } from '@peerplex/wire'
import { type BlockPool, CODE_CANCELLED } from '@peerplex/wire/internal'
import type { TimerHandle } from './clock.js'
import type { CodecSet } from './codec-set.js'
import type { OpenedSink } from './core-host.js'
import { OpenQueue } from './open-queue.js'
import {
  asPeerplexError,
  closedError,
  expiryError,
  notSentError,
  OpenRequest,
  type OpenSpec,
  openAs,
  overall,
  type RequestSink,
  unreadyError,
} from './open-request.js'
import type { ResolvedPeerOptions } from './options.js'
import type { PeerConnection } from './peer-connection.js'
import type { Pool } from './pool.js'
import { RetryPolicy } from './retry-policy.js'
import type { Avoidance, GroupFinder, TargetGroup } from './route.js'

/** What a peer says that had better be left alone for a while. */
const REFUSALS: ReadonlySet<string> = new Set(['REFUSED', 'UNAVAILABLE'])

export interface AssignerStats {
  readonly queuedCalls: number
  readonly queuedBytes: number
  readonly blockedCalls: number
  readonly droppedCalls: number
  readonly retriedCalls: number
  /** Failed for good although repeating them was harmless: more than a tenth of all would have been repeated. */
  readonly unaffordableRetries: number
  /** Peers that others are taken before, because they failed or refused lately. */
  readonly ejectedPeers: number
}

export class Assigner {
  readonly #options: ResolvedPeerOptions
  readonly #pool: Pool
  readonly #codecs: CodecSet
  readonly #queue: OpenQueue
  readonly #lastError: () => PeerplexError | null
  readonly #groups: GroupFinder
  readonly #retries = new RetryPolicy()
  /** When one that waits for its time may go. */
  #wakeMs: number = Number.POSITIVE_INFINITY
  #isClosed = false
  #timer: TimerHandle = null
  #timerMs: number = Number.POSITIVE_INFINITY
  /** Requests on their way back to the front of the queue. */
  #returned: OpenRequest[] = []
  #sequence = 0
  #droppedCount = 0
  #retriedCount = 0

  /** `lastError`: why no connection could be made lately, for those that do not wait. */
  constructor(
    options: ResolvedPeerOptions,
    pool: Pool,
    codecs: CodecSet,
    lastError: () => PeerplexError | null,
    groups: GroupFinder,
  ) {
    this.#options = options
    this.#pool = pool
    this.#codecs = codecs
    this.#queue = new OpenQueue(options.queue)
    this.#lastError = lastError
    this.#groups = groups
  }

  get stats(): AssignerStats {
    return {
      queuedCalls: this.#queue.count,
      queuedBytes: this.#queue.bytes,
      blockedCalls: this.#queue.blockedCount,
      droppedCalls: this.#droppedCount,
      retriedCalls: this.#retriedCount,
      unaffordableRetries: this.#retries.unaffordableCount,
      ejectedPeers: this.#pool.ejectedCount,
    }
  }

  /** The number of the next request. */
  nextSequence(): number {
    return this.#sequence++
  }

  /** Brings a request on its way. Never throws for reasons outside the program: `sink.onFailed` tells. */
  enter(request: OpenRequest): void {
    if (this.#isClosed) {
      this.fail(request, closedError(request))
      return
    }
    request.group = this.#groupOf(request.spec)
    const connection = this.#isNext(request.spec, request.group)
      ? this.#pool.choose(request.spec, request.group, null)
      : null
    if (connection !== null) this.#assign(request, connection)
    else this.#wait(request)
  }

  #groupOf({ name }: OpenSpec): TargetGroup | null {
    return this.#groups.isEmpty ? null : this.#groups.find(name)
  }

  /** Nobody overtakes those who wait already for the same; who waits for some peers only stands in nobody else's way. */
  #isNext({ to }: OpenSpec, group: TargetGroup | null): boolean {
    return (
      to !== undefined || group !== null || this.#queue.count === this.#queue.narrowCount || this.#isChoosy
    )
  }

  /** Whether not every peer takes every name: then those that wait are not all alike. */
  get #isChoosy(): boolean {
    return this.#queue.count > 0 && this.#pool.hasChoosyRemotes
  }

  /**
   * Opens a channel without a first message. Where it can be opened at once it needs no request, and most need none later (bench
   * `channels`: 104 bytes of heap each).
   */
  openNow(spec: OpenSpec, sink: OpenedSink): OpenRequest | number {
    const sequence = this.nextSequence()
    const needsRequest = this.#isClosed || spec.timeoutMs > 0
    const group = needsRequest ? null : this.#groupOf(spec)
    const isNext = !needsRequest && this.#isNext(spec, group)
    const connection = isNext ? this.#pool.choose(spec, group, null) : null
    if (connection !== null) {
      const codec = this.#codecFor(spec, connection)
      const channel = codec instanceof Error ? null : tryOpen(spec, codec, connection, sink)
      if (channel !== null) {
        sink.onOpened(connection, codec as Codec, channel)
        return sequence
      }
    }
    const request = this.requestFor(spec, sink, sequence)
    request.group = group
    if (needsRequest) this.enter(request)
    // Not looked for again: the program's own test for a target would be called twice.
    else if (connection === null) this.#wait(request)
    else this.#assign(request, connection)
    return request
  }

  requestFor(spec: OpenSpec, sink: RequestSink, sequence: number): OpenRequest {
    return new OpenRequest(spec, sink, this.#options.clock, sequence)
  }

  /** The sink of a request holds so many bytes more until it is assigned. False: it had better take no more. */
  hold(request: OpenRequest, bytes: number): boolean {
    return this.#queue.grow(request, bytes)
  }

  /** The program gave up: whatever waits is dropped, and a channel is reset. */
  cancel(request: OpenRequest, code: number = CODE_CANCELLED): void {
    if (request.state === 'settled') return
    const wasWaiting = request.state === 'waiting'
    request.state = 'settled'
    if (wasWaiting) this.#queue.remove(request)
    else request.channel?.reset(code)
    request.release()
    if (wasWaiting) request.sink.onCancelled?.(code, request)
  }

  /** Marks a request as done; its sink calls this from `onClose` unless `retry` took it back. `isAnswered`: the other side is well. */
  settle(request: OpenRequest, isAnswered: boolean): void {
    request.state = 'settled'
    const { connection } = request
    if (connection === null) {
      request.release()
      return
    }
    const health = connection.remote === null ? null : connection.remote.health
    if (health !== null && isAnswered) health.succeed(this.#options.clock.now())
    request.releaseTo(connection.driver.session.channels.outbox)
  }

  /**
   * Takes a failed request back where repeating it is harmless: it was never sent, refused before it was started, or its
   * program said that running it twice does no harm.
   * Only for requests whose whole input is their first message. False: it failed for good.
   */
  retry(request: OpenRequest, outcome: Outcome): boolean {
    if (request.state !== 'assigned' || this.#isClosed) return false
    const nowMs = this.#options.clock.now()
    if (request.expiresAtMs <= nowMs) return false
    if (outcome.delivery === 'not-sent') {
      if (outcome.origin !== 'local' || outcome.name !== 'UNAVAILABLE') return false
      request.attempts--
    } else if (!this.#mayRepeat(request, outcome, nowMs)) return false
    if (!request.spec.waitForReady && this.#choose(request) === null) return false
    this.#retriedCount++
    request.earlier = overall(request.earlier, outcome.delivery)
    request.state = 'waiting'
    request.channel = null
    request.connection = null
    // Not from within the call that ends a connection: what else that connection held comes back with it, in order.
    if (this.#returned.length === 0) queueMicrotask(() => this.#putBack())
    this.#returned.push(request)
    return true
  }

  #mayRepeat(request: OpenRequest, outcome: Outcome, nowMs: number): boolean {
    const isRefused = outcome.origin === 'remote' && outcome.delivery === 'not-processed'
    if (isRefused && REFUSALS.has(outcome.name) && request.remote !== null) {
      this.#pool.noteFailure(request.remote)
    }
    const { waitMs } = this.#options.queue
    const latestMs = Math.min(request.expiresAtMs, waitMs === 0 ? Number.POSITIVE_INFINITY : nowMs + waitMs)
    const hasOther = ({ spec, group, avoidance }: OpenRequest): boolean =>
      this.#pool.isReady(spec, group, avoidance)
    return this.#retries.allows(request, outcome, nowMs, latestMs, this.#sequence, hasOther)
  }

  /** Some names are looked up no more: who waits for them goes wherever they lead now. */
  regroup(): void {
    if (this.#isClosed) return
    this.#queue.regroup(({ spec }) => this.#groupOf(spec))
    this.pump()
  }

  #choose({ spec, group, avoidance }: OpenRequest): PeerConnection | null {
    return this.#pool.choose(spec, group, avoidance)
  }

  /** Something changed for the better: brings waiting opens to connections, in order. */
  pump(): void {
    let isFull = false
    const isChoosy = this.#isChoosy
    this.#wakeMs = Number.POSITIVE_INFINITY
    for (let request = this.#queue.first; request !== null; ) {
      const next = this.#queue.after(request)
      const isNarrow = request.isNarrow || isChoosy
      const connection = isFull && !isNarrow ? null : this.#choose(request)
      if (connection !== null) {
        this.#queue.remove(request)
        this.#assign(request, connection)
        // That calls sinks, and those may have changed the queue; and who was blocked may stand in it now.
        request = next !== null && this.#queue.holds(next) ? next : this.#queue.first
        continue
      }
      if (request.avoidance !== null) this.#wakeFor(request.avoidance)
      if (!isNarrow) {
        isFull = true
        if (this.#queue.narrowCount === 0) break
      }
      request = next
    }
    if (this.#queue.blockedCount > 0) this.#pumpBlocked(isFull, isChoosy)
    this.#schedule()
  }

  /** Who waits for room in the queue does not wait for those in it that wait for somebody else. */
  #pumpBlocked(isFull: boolean, isChoosy: boolean): void {
    for (const request of this.#queue.blocked()) {
      if (isFull && !isChoosy && this.#queue.blockedNarrowCount === 0) return
      const isNarrow = request.isNarrow || isChoosy
      const connection = isFull && !isNarrow ? null : this.#choose(request)
      if (connection !== null) {
        this.#queue.remove(request)
        this.#assign(request, connection)
      } else if (!isNarrow) isFull = true
    }
  }

  #wakeFor(avoidance: Avoidance): void {
    this.#wakeMs = Math.min(this.#wakeMs, avoidance.endsMs(this.#options.clock.now()))
  }

  /** Fails everything that waits; nothing is taken any more. */
  close(reason: string): void {
    this.#isClosed = true
    this.#clearTimer()
    for (const request of this.#queue.takeAll()) {
      this.fail(
        request,
        notSentError('UNAVAILABLE', request, reason, 'nothing was sent: try again elsewhere'),
      )
    }
  }

  #putBack(): void {
    const returned = this.#returned.sort((a, b) => b.sequence - a.sequence)
    this.#returned = []
    const nowMs = this.#options.clock.now()
    for (const request of returned) {
      if (request.state !== 'waiting') continue
      if (this.#isClosed) this.fail(request, closedError(request))
      else {
        if (request.group?.isForgotten === true) request.group = this.#groupOf(request.spec)
        this.#queue.putBack(request, nowMs)
      }
    }
    this.#schedule()
    this.pump()
    // There was a place for each when it came back, but not for all of them.
    for (const request of returned) {
      if (request.spec.waitForReady || !this.#queue.holds(request)) continue
      this.#queue.remove(request)
      this.#failUnready(request)
    }
  }

  #wait(request: OpenRequest): void {
    // To look for a place runs code of the program: resolvers, tests of `to`.
    if (this.#isClosed) {
      this.fail(request, closedError(request))
      return
    }
    if (!request.spec.waitForReady) {
      this.#failUnready(request)
      return
    }
    if (!this.#encode(request, this.#codecs.choose(request.spec.codec, null), null)) return
    const nowMs = this.#options.clock.now()
    const error = this.#queue.add(request, nowMs, (dropped) => {
      this.#droppedCount++
      const reason = 'it gave way to a newer one: the queue was full'
      this.fail(
        dropped,
        notSentError('RESOURCE_EXHAUSTED', dropped, reason, 'send less, or raise queue.maxCalls'),
      )
    })
    if (error !== null) this.fail(request, error)
    else this.#schedule()
  }

  /** It does not wait, and there is no place for it now. */
  #failUnready(request: OpenRequest): void {
    const isFull = this.#pool.isReady(request.spec, request.group, null)
    this.fail(request, unreadyError(request, isFull, isFull ? null : this.#lastError()))
  }

  #assign(request: OpenRequest, connection: PeerConnection): void {
    const { spec } = request
    const codec = this.#codecFor(spec, connection)
    const { session } = connection.driver
    const { outbox } = session.channels
    if (!this.#encode(request, codec, outbox.blocks)) return
    request.state = 'assigned'
    request.connection = connection
    request.attempts++
    try {
      const open = openAs(spec, request.attempts, (codec as Codec).id, this.#timeLeftMs(request))
      const channel = session.openAs(open, request.message, request.sink)
      request.channel = channel
      request.sent(channel, outbox)
    } catch (error) {
      this.fail(request, asPeerplexError(error))
      return
    }
    request.sink.onAssigned?.(request)
  }

  #codecFor(spec: OpenSpec, connection: PeerConnection): Codec | PeerplexError {
    if (spec.codec !== undefined) return this.#codecs.choose(spec.codec, connection.codecs)
    if (connection.defaultCodec !== null) return connection.defaultCodec
    const codec = this.#codecs.choose(undefined, connection.codecs)
    if (!(codec instanceof Error)) connection.defaultCodec = codec
    return codec
  }

  /** 0 for no deadline. */
  #timeLeftMs(request: OpenRequest): number {
    if (request.spec.timeoutMs === 0) return 0
    return Math.max(1, Math.ceil(request.expiresAtMs - this.#options.clock.now()))
  }

  /** Chooses the codec and encodes the first message; false when either failed, which the sink has been told. */
  #encode(request: OpenRequest, codec: Codec | PeerplexError, blocks: BlockPool | null): boolean {
    if (codec instanceof Error) {
      this.fail(request, codec)
      return false
    }
    try {
      request.encode(codec, blocks)
      return true
    } catch (error) {
      this.fail(request, asPeerplexError(error))
      return false
    }
  }

  /** Ends a request that has no channel. */
  fail(request: OpenRequest, error: PeerplexError): void {
    request.state = 'settled'
    request.release()
    // Never from within `submit`: its caller does not have the request yet.
    queueMicrotask(() => request.sink.onFailed(error, request))
  }

  // ---- time ---------------------------------------------------------------------------------------------------------

  #expire(): void {
    this.#timer = null
    this.#timerMs = Number.POSITIVE_INFINITY
    const nowMs = this.#options.clock.now()
    for (let request = this.#queue.takeExpired(nowMs); request; request = this.#queue.takeExpired(nowMs)) {
      this.fail(request, expiryError(request, nowMs, this.#options.queue.waitMs, this.#lastError()))
    }
    if (nowMs >= this.#wakeMs) this.pump()
    else this.#schedule()
  }

  #schedule(): void {
    const at = Math.min(this.#queue.earliestMs, this.#wakeMs)
    if (at >= this.#timerMs) return
    this.#clearTimer()
    this.#timerMs = at
    this.#timer = this.#options.clock.setTimer(at, () => this.#expire())
  }

  #clearTimer(): void {
    if (this.#timer !== null) this.#options.clock.clearTimer(this.#timer)
    this.#timer = null
    this.#timerMs = Number.POSITIVE_INFINITY
  }
}

/** Null when it cannot be opened: whoever assigns a request meets the same, and says it. */
function tryOpen(
  spec: OpenSpec,
  codec: Codec,
  { driver }: PeerConnection,
  sink: RequestSink,
): Channel | null {
  try {
    return driver.session.openAs(openAs(spec, 1, codec.id, 0), null, sink)
  } catch {
    return null
  }
}
