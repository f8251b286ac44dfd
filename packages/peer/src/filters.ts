// Owns: filters: what programs put between an open and its way out, or between an arriving channel and its handler. Without
// filters nothing here runs.
// Must not know: what is opened, how connections are chosen, what handlers do.
import { type Channel, Headers, PeerplexError, UsageError } from '@peerplex/wire'
import type { Assigner } from './assigner.js'
import { messageForRemote, wireCodeOf } from './channel-errors.js'
import type { ChannelOutcome } from './channel-outcome.js'
import type { Clock, TimerHandle } from './clock.js'
import { MutableHeaders } from './mutable-headers.js'
import { ObservedSink, observeInbound } from './observed-sink.js'
import { asPeerplexError, notSentError, type OpenRequest } from './open-request.js'
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

/** An outcome as a filter may make one up: only the code is needed. */
export type FilterResult = Pick<ChannelOutcome, 'code'> & Partial<ChannelOutcome>

// biome-ignore lint/suspicious/noConfusingVoidType: a filter that only looks on returns nothing
type FilterReturn = Promise<FilterResult | undefined | void>

/**
 * Sees every channel and call. It goes on with `next()`, once, which resolves with the outcome when all is over and rejects
 * when a later filter refused by throwing. It may change the open before, measure around it, or refuse: by throwing (a
 * CallError or another PeerplexError with its code, anything else as UNKNOWN), or by returning an outcome without `next()`.
 * A filter that returns nothing passes the outcome on. The one added first is the outermost.
 */
export type Filter = (open: FilterOpen, next: () => Promise<ChannelOutcome>) => FilterReturn

/** What the chain asks of its peer. */
export interface FilterHost {
  readonly clock: Clock
  reportError(error: unknown, name: string, remote: string): void
}

/** Longer texts of a refusal are cut: the whole must fit one frame. */
const MESSAGE_CHARACTERS = 1_000

export class FilterChain {
  readonly #host: FilterHost
  #filters: readonly Filter[] = []
  /** Opens that have not left the filters, with their timers. */
  readonly #pending = new Map<OpenRequest, TimerHandle>()

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
      if (request.state === 'settled') continue
      assigner.fail(
        request,
        notSentError('UNAVAILABLE', request, reason, 'nothing was sent: try again elsewhere'),
      )
    }
  }

  // ---- opened here --------------------------------------------------------------------------------------------------

  /** Takes a request through the filters to `assigner`. */
  send(request: OpenRequest, assigner: Assigner): void {
    const { spec } = request
    const startedMs = this.#host.clock.now()
    const observed = new ObservedSink(request.sink)
    request.sink = observed
    observed.request = request
    this.#pending.set(request, this.#startTimer(request, assigner))
    observed.outcome.then(() => this.#forget(request))
    const open = new Open('out', spec.name, spec.headers, spec.timeoutMs, () => request.remote)
    let hasEntered = false
    const enter = (): Promise<ChannelOutcome> => {
      hasEntered = true
      // Not when it was cancelled or ran out of time meanwhile.
      if (this.#forget(request) && request.state !== 'settled') {
        applyTo(request, open, startedMs)
        assigner.enter(request)
      }
      return observed.outcome
    }
    const refuse = (error: PeerplexError): void => {
      if (this.#forget(request) && request.state !== 'settled') assigner.fail(request, error)
    }
    run(this.#filters, open, enter).then(
      (outcome) => {
        if (!hasEntered) refuse(refusal(outcome))
      },
      (error: unknown) => {
        if (hasEntered) this.#host.reportError(error, spec.name, request.remote?.id ?? '')
        else refuse(asPeerplexError(error))
      },
    )
  }

  #startTimer(request: OpenRequest, assigner: Assigner): TimerHandle {
    const { expiresAtMs } = request
    if (expiresAtMs === Number.POSITIVE_INFINITY) return null
    return this.#host.clock.setTimer(expiresAtMs, () => {
      if (!this.#forget(request) || request.state === 'settled') return
      const reason = `the filters took longer than ${request.spec.timeoutMs} ms`
      assigner.fail(
        request,
        notSentError('DEADLINE_EXCEEDED', request, reason, 'raise timeoutMs, or look at the filters'),
      )
    })
  }

  /** False when it has left the filters before. */
  #forget(request: OpenRequest): boolean {
    const timer = this.#pending.get(request)
    if (timer === undefined) return false
    this.#pending.delete(request)
    if (timer !== null) this.#host.clock.clearTimer(timer)
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
    const refuse = (error: unknown): void => {
      const hint = error instanceof PeerplexError ? error.hint : ''
      const message = messageForRemote(error).slice(0, MESSAGE_CHARACTERS)
      channel.refuse(wireCodeOf(error), message, hint === '' ? undefined : { hint })
    }
    run(this.#filters, open, enter).then(
      (outcome) => {
        if (!hasStarted) refuse(refusal(outcome))
      },
      (error: unknown) => {
        if (!hasStarted) refuse(error)
        // A refusal is no defect; anything else is.
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

/** What the filters changed. */
function applyTo(request: OpenRequest, open: Open, startedMs: number): void {
  const { spec } = request
  const { name, timeoutMs } = open
  request.spec = { ...spec, name, timeoutMs, headers: open.headers.toHeaders(), opened: undefined }
  if (timeoutMs === spec.timeoutMs) return
  request.expiresAtMs = timeoutMs > 0 ? startedMs + timeoutMs : Number.POSITIVE_INFINITY
}

/** Calls filter after filter, the last of which leads to `last`. */
async function run(
  filters: readonly Filter[],
  open: FilterOpen,
  last: () => Promise<ChannelOutcome>,
  index = 0,
): Promise<ChannelOutcome> {
  const filter = filters[index]
  if (filter === undefined) return last()
  const rest: { outcome: Promise<ChannelOutcome> | null } = { outcome: null }
  const result = await filter(open, () => {
    if (rest.outcome !== null) throw new UsageError('FAILED_PRECONDITION', 'a filter called next() twice')
    rest.outcome = run(filters, open, last, index + 1)
    // A filter that does not look at it need not catch it.
    rest.outcome.catch(() => {})
    return rest.outcome
  })
  if (typeof result === 'object') return complete(result)
  if (rest.outcome !== null) return rest.outcome
  throw new PeerplexError(
    'FAILED_PRECONDITION',
    `a filter neither called next() for '${open.name}' nor refused it`,
    {
      hint: 'call next(), throw, or return an outcome',
    },
  )
}

function complete(result: FilterResult): ChannelOutcome {
  return {
    message: '',
    hint: '',
    delivery: 'not-sent',
    origin: 'local',
    trailers: Headers.EMPTY,
    ...result,
  }
}

/** The error of an open that a filter answered by itself. It never ran, so it cannot have gone well. */
function refusal({ code, message, hint }: ChannelOutcome): PeerplexError {
  const name = code === 'OK' ? 'FAILED_PRECONDITION' : code
  return new PeerplexError(name, message === '' ? `a filter refused it with ${code}` : message, { hint })
}
