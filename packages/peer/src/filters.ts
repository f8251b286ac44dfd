// Owns: filters: what programs put between an open and its way out, or between an arriving channel and its handler. Without
// filters nothing here runs.
// Must not know: what is opened, how connections are chosen, what handlers do.
import {
  type Channel,
  type ChannelSink,
  Headers,
  type Outcome,
  PeerplexError,
  UsageError,
} from '@peerplex/wire'
import type { Assigner } from './assigner.js'
import { messageForRemote, wireCodeOf } from './channel-errors.js'
import { type ChannelOutcome, cancelledOutcome, errorOutcome, plainOutcome } from './channel-outcome.js'
import type { Clock, TimerHandle } from './clock.js'
import { MutableHeaders } from './mutable-headers.js'
import {
  asPeerplexError,
  notSentError,
  type OpenRequest,
  type OpenSpec,
  type RequestSink,
} from './open-request.js'
import type { RemotePeer } from './remote-peer.js'

/** A channel or call on its way, as filters see it. */
export interface FilterOpen {
  /** `out`: opened here; `in`: opened by the other side. */
  readonly direction: 'in' | 'out'
  /** May be changed for `out`. */
  name: string
  /** May be changed; a copy. */
  readonly headers: MutableHeaders
  /** 0 for none. May be changed for `out`. */
  timeoutMs: number
  /** What `authenticate` returned for the other side; undefined before there is one. */
  readonly identity: unknown
  /** For `out`: null until a connection was chosen. */
  readonly remote: RemotePeer | null
}

/**
 * Sees every channel and call. It goes on with `next()`, once, which resolves with the outcome when all is over and rejects
 * when a later filter refused it. It may change the open before, measure around it, or refuse: by throwing (a CallError or
 * another PeerplexError with its code, anything else as UNKNOWN) or by returning an outcome without calling `next`. A filter
 * that returns nothing passes the outcome on. The first that was added is the outermost.
 */
export type Filter = (
  open: FilterOpen,
  next: () => Promise<ChannelOutcome>,
) => Promise<ChannelOutcome | undefined> | Promise<void>

/** What the chain asks of its peer. */
export interface FilterHost {
  readonly clock: Clock
  reportError(error: unknown, name: string, remote: string): void
}

/** An open that has not left the filters. */
interface Pending {
  readonly sink: ObservedSink
  timer: TimerHandle
}

export class FilterChain {
  readonly #host: FilterHost
  #filters: readonly Filter[] = []
  readonly #pending = new Map<OpenRequest, Pending>()

  constructor(host: FilterHost) {
    this.#host = host
  }

  /** Adds a filter behind those there are; returns what removes it. What is under way keeps its filters. */
  add(filter: Filter): () => void {
    if (typeof filter !== 'function') {
      throw new UsageError('INVALID_ARGUMENT', `a filter is a function, not ${typeof filter}`)
    }
    const own: Filter = (open, next) => filter(open, next)
    this.#filters = [...this.#filters, own]
    return () => {
      this.#filters = this.#filters.filter((each) => each !== own)
    }
  }

  get isEmpty(): boolean {
    return this.#filters.length === 0
  }

  /** Fails all opens that have not left the filters. */
  close(reason: string, assigner: Assigner): void {
    for (const request of [...this.#pending.keys()]) {
      this.#forget(request)
      assigner.fail(request, notSentError('UNAVAILABLE', request, reason, 'nothing was sent: try again elsewhere'))
    }
  }

  // ---- opened here --------------------------------------------------------------------------------------------------

  /** Takes an open through the filters to `assigner`. */
  send(spec: OpenSpec, sink: RequestSink, assigner: Assigner): OpenRequest {
    const startedMs = this.#host.clock.now()
    const observed = new ObservedSink(sink)
    const request = assigner.create(spec, observed)
    observed.request = request
    observed.onSettled = () => this.#forget(request)
    this.#hold(request, observed, assigner)
    const open = new Open('out', spec.name, spec.headers, spec.timeoutMs, () => request.remote)
    const enter = (): Promise<ChannelOutcome> => {
      if (this.#forget(request)) {
        applyTo(request, open, startedMs)
        assigner.enter(request)
      }
      return observed.outcome
    }
    run(this.#filters, open, enter).then(
      (outcome) => {
        if (this.#forget(request)) assigner.fail(request, refusal(outcome))
      },
      (error: unknown) => {
        if (this.#forget(request)) assigner.fail(request, asPeerplexError(error))
        else if (!observed.isRefused(error)) this.#host.reportError(error, spec.name, request.remote?.id ?? '')
      },
    )
    return request
  }

  #hold(request: OpenRequest, sink: ObservedSink, assigner: Assigner): void {
    const pending: Pending = { sink, timer: null }
    this.#pending.set(request, pending)
    const { expiresAtMs } = request
    if (expiresAtMs === Number.POSITIVE_INFINITY) return
    pending.timer = this.#host.clock.setTimer(expiresAtMs, () => {
      pending.timer = null
      if (!this.#forget(request)) return
      const reason = `a filter took longer than ${request.spec.timeoutMs} ms`
      assigner.fail(request, notSentError('DEADLINE_EXCEEDED', request, reason, 'look at the filters'))
    })
  }

  /** False when it has left the filters before. */
  #forget(request: OpenRequest): boolean {
    const pending = this.#pending.get(request)
    if (pending === undefined) return false
    this.#pending.delete(request)
    if (pending.timer !== null) this.#host.clock.clearTimer(pending.timer)
    return true
  }

  // ---- opened there -------------------------------------------------------------------------------------------------

  /** Takes a channel through the filters to `start`, which brings it to its handler. Until then its messages wait. */
  receive(channel: Channel, remote: RemotePeer, start: (headers: Headers) => void): void {
    const open = new Open('in', channel.name, channel.headers, channel.timeoutMs, () => remote)
    let hasStarted = false
    const enter = (): Promise<ChannelOutcome> => {
      hasStarted = true
      return observeInbound(channel, () => start(open.headers.toHeaders()))
    }
    const refuse = (error: PeerplexError): void => {
      const headers = error.hint === '' ? undefined : { hint: error.hint }
      channel.refuse(wireCodeOf(error), messageForRemote(error), headers)
    }
    run(this.#filters, open, enter).then(
      (outcome) => {
        if (!hasStarted) refuse(refusal(outcome))
      },
      (error: unknown) => {
        if (!hasStarted) refuse(asRefusal(error))
        if (hasStarted || !(error instanceof PeerplexError)) {
          this.#host.reportError(error, channel.name, remote.id)
        }
      },
    )
  }
}

/** One open in the hands of its filters. */
class Open implements FilterOpen {
  readonly direction: 'in' | 'out'
  name: string
  readonly headers: MutableHeaders
  timeoutMs: number
  readonly #remote: () => RemotePeer | null

  constructor(
    direction: 'in' | 'out',
    name: string,
    headers: Headers,
    timeoutMs: number,
    remote: () => RemotePeer | null,
  ) {
    this.direction = direction
    this.name = name
    this.headers = new MutableHeaders(headers)
    this.timeoutMs = timeoutMs
    this.#remote = remote
  }

  get remote(): RemotePeer | null {
    return this.#remote()
  }

  get identity(): unknown {
    return this.remote?.identity
  }
}
