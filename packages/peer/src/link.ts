// Owns: one `connect` target: dialing it, and dialing again after a loss, with pauses (spec §19, §25).
// Must not know: what goes over the connections, or the pool they join.
//
//   CONNECTING ──connected──► HELLO ──admitted──► READY ──drain──► DRAINING
//       ▲  └────────failed───────┴───────failed──────┴────failed──────┘
//       └──────retry─────── BACKOFF ◄──┘                        close, giveUp ──► CLOSED from everywhere

import { ClosedError, PeerplexError, TransportError, UsageError } from '@peerplex/wire'
import { NO_TRANSITION, reasonOf, StateTable, type TransitionRow } from '@peerplex/wire/internal'
import type { Connection, Endpoint, Transport } from '@peerplex/wire/transport'
import { Backoff, STABLE_MS } from './backoff.js'
import type { TimerHandle } from './clock.js'
import type { ResolvedPeerOptions } from './options.js'
import type { PeerConnection } from './peer-connection.js'
import { Presented } from './presented.js'
import type { TargetSettings } from './target-options.js'

export type LinkState = 'CONNECTING' | 'HELLO' | 'READY' | 'DRAINING' | 'BACKOFF' | 'CLOSED'

const LINK_STATES: readonly string[] = ['CONNECTING', 'HELLO', 'READY', 'DRAINING', 'BACKOFF', 'CLOSED']

const LINK_TRANSITIONS: readonly TransitionRow[] = [
  ['CONNECTING', 'connected', 'HELLO', 19],
  ['HELLO', 'admitted', 'READY', 19],
  ['READY', 'drain', 'DRAINING', 19],
  ['DRAINING', 'drain', 'DRAINING', 19],
  ['CONNECTING', 'failed', 'BACKOFF', 19],
  ['HELLO', 'failed', 'BACKOFF', 19],
  ['READY', 'failed', 'BACKOFF', 19],
  ['DRAINING', 'failed', 'BACKOFF', 19],
  ['BACKOFF', 'retry', 'CONNECTING', 19],
  ...LINK_STATES.map((state): TransitionRow => [state, 'close', 'CLOSED', 19]),
]

const table = new StateTable(LINK_STATES, LINK_TRANSITIONS)

/** Errors after which dialing the same address cannot succeed. */
const HOPELESS: ReadonlySet<string> = new Set(['VERSION', 'SELF_CONNECT'])

/** What still runs on a connection that nothing leads to any more may take so long. */
const RETIRE_GRACE_MS = 30_000

/** What a link asks of its peer. @internal */
export interface LinkHost {
  readonly options: ResolvedPeerOptions
  /** Puts a new connection to work at once; the peer calls back `onHello`, `onAdmitted`, `onDrain` and `onLost`. */
  adopt(connection: Connection, link: Link, auth: string | Uint8Array | undefined): PeerConnection
  /** An attempt failed; for the log, and for calls that do not wait. */
  onAttemptFailed(link: Link, error: PeerplexError): void
  onLinkClosed(link: Link): void
  /** An error that no caller hears of. */
  reportError(error: unknown, name: string, remote: string): void
}

export class Link {
  readonly url: string
  /**
   * Resolves when the link is ready for the first time: this side knows, and admits, who is there. The other side may still refuse. Rejects
   * when the link is closed before. Handled: no need to catch it.
   */
  readonly ready: Promise<void>
  /** Why the last attempt failed; null while none has since the last success. */
  lastError: PeerplexError | null = null
  /** Called after each change of `state`, for whoever shows it. What it throws goes to `onError`. */
  onState: ((state: LinkState) => void) | null = null
  /** For who looked its target up: told of each failure. @internal */
  onFailed: (() => void) | null = null
  /** Dialed for looked-up names, and for nothing else. @internal */
  readonly isLookedUp: boolean

  readonly #host: LinkHost
  readonly #transport: Transport
  /** What holds for its connections. @internal */
  readonly settings: TargetSettings
  readonly #endpoint: Endpoint
  readonly #presented: Presented
  readonly #backoff: Backoff | null
  #state = table.state('CONNECTING')
  #connection: PeerConnection | null = null
  #abort: AbortController | null = null
  /** The transport has the target that was handed in, or there is none. */
  #isTargetHanded: boolean
  #timer: TimerHandle = null
  #resolveReady: () => void = () => {}
  #rejectReady: (error: PeerplexError) => void = () => {}

  /** @internal */
  constructor(
    host: LinkHost,
    transport: Transport,
    endpoint: Endpoint,
    settings: TargetSettings,
    isLookedUp = false,
  ) {
    this.isLookedUp = isLookedUp
    this.settings = settings
    this.#host = host
    this.#transport = transport
    this.#endpoint = endpoint
    this.url = endpoint.url
    this.#isTargetHanded = endpoint.target === undefined
    this.#presented = new Presented(settings.credentials, endpoint.url)
    const { reconnect } = settings
    const isOnce = reconnect === false || endpoint.target !== undefined
    this.#backoff = isOnce ? null : new Backoff(reconnect, host.options.random)
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve
      this.#rejectReady = reject
    })
    this.ready.catch(() => {})
    this.#dial()
  }

  get state(): LinkState {
    return LINK_STATES[this.#state] as LinkState
  }

  /** Stops dialing and closes the connection of this link at once. */
  close(): void {
    if (!this.#step('close') || this.#state !== table.state('CLOSED')) return
    this.#stop()
    this.#connection?.driver.session.close()
    this.#connection = null
    const error = new ClosedError('UNAVAILABLE', `the link to ${this.url} was closed`, {
      hint: 'this side closed it before it was ready: connect again',
      cause: this.lastError,
    })
    this.#rejectReady(error)
    this.#host.onLinkClosed(this)
  }

  /** Channels in use on its connection. @internal */
  get load(): number {
    return this.#connection === null ? 0 : this.#connection.load
  }

  /** As `close`, but what runs may come to its end. @internal */
  retire(): void {
    const connection = this.#connection
    this.#connection = null
    if (connection !== null) {
      connection.isRetired = true
      connection.driver.session.drain(RETIRE_GRACE_MS)
    }
    this.close()
  }

  // ---- told by the peer ---------------------------------------------------------------------------------------------

  /** HELLO is there; what is still to be decided has a time of its own. @internal */
  onHello(): void {
    if (this.#state === table.state('HELLO')) this.#clearTimer()
  }

  /** @internal */
  onAdmitted(): void {
    if (!this.#step('admitted')) return
    this.lastError = null
    this.#resolveReady()
  }

  /** @internal */
  onDrain(): void {
    this.#step('drain')
  }

  /** The connection ended; null after a clean end. @internal */
  onLost(connection: PeerConnection, error: PeerplexError | null): void {
    if (connection !== this.#connection) return
    const { clock } = this.#host.options
    if (connection.readyAtMs >= 0 && clock.now() - connection.readyAtMs >= STABLE_MS) this.#backoff?.reset()
    this.#connection = null
    const cause = error ?? new ClosedError('UNAVAILABLE', `${this.url}: the other side closed the connection`)
    this.#fail(cause, connection.readyAtMs >= 0 && connection.readyAtMs + STABLE_MS <= clock.now())
  }

  // ---- dialing ------------------------------------------------------------------------------------------------------

  async #dial(): Promise<void> {
    const { clock } = this.#host.options
    const abort = new AbortController()
    this.#abort = abort
    this.#setTimer(clock.now() + this.settings.connectTimeoutMs, () => this.#onTimeout())
    try {
      const auth = await this.#presented.ask()
      if (abort.signal.aborted) return
      const { refusal } = this.#presented
      if (refusal !== null) {
        this.lastError = refusal
        this.#giveUp(refusal)
        return
      }
      this.#presented.presented()
      this.#isTargetHanded = true
      const connection = await this.#transport.connect(this.#endpoint, {
        signal: abort.signal,
        transport: this.settings.transport,
      })
      if (abort.signal.aborted) {
        connection.destroy()
        return
      }
      this.#step('connected')
      // Not needed any more: what happens to the connection from here on is told by its session.
      this.#abort = null
      this.#connection = this.#adopt(connection, auth)
    } catch (error) {
      if (!abort.signal.aborted) this.#fail(asTransportError(error, this.url), false)
    }
  }

  /** Throws for credentials that cannot be told; nobody else would close the connection then. */
  #adopt(connection: Connection, auth: string | Uint8Array | undefined): PeerConnection {
    try {
      return this.#host.adopt(connection, this, auth)
    } catch (error) {
      connection.destroy()
      throw error
    }
  }

  #onTimeout(): void {
    const what = this.#presented.isAsking ? 'credentials' : 'connection'
    const message = `${this.url}: no ${what} within ${this.settings.connectTimeoutMs} ms`
    const error = new TransportError('UNAVAILABLE', message, {
      hint: this.#presented.isAsking
        ? 'the function `credentials` of this side has not answered; it is asked again'
        : 'check that a peer listens there and that nothing on the way drops packets',
      retryable: true,
    })
    const connection = this.#connection
    this.#connection = null
    this.#abort?.abort(error)
    connection?.driver.session.fail(error)
    this.#fail(error, false)
  }

  #fail(error: PeerplexError, wasStable: boolean): void {
    if (!this.#step('failed')) return
    this.#stop()
    this.lastError = error
    this.#host.onAttemptFailed(this, error)
    this.onFailed?.()
    if (this.#backoff === null || this.#isHopeless(error)) {
      this.#giveUp(error)
      return
    }
    if (wasStable) this.#backoff.reset()
    const { clock } = this.#host.options
    this.#setTimer(clock.now() + this.#backoff.next(), () => {
      if (this.#step('retry')) this.#dial()
    })
  }

  #isHopeless(error: PeerplexError): boolean {
    // The same credentials would be refused again. When this side refused, the other one may have better ones next time.
    if (error.code === 'AUTH') return error.origin === 'remote' && !this.#presented.refused(error)
    // A wrong option stays wrong.
    return HOPELESS.has(error.code) || error instanceof UsageError
  }

  #giveUp(error: PeerplexError): void {
    this.#stop()
    this.#rejectReady(error)
    this.#step('close')
    this.#host.onLinkClosed(this)
  }

  #stop(): void {
    this.#clearTimer()
    this.#abort?.abort()
    this.#abort = null
    if (this.#isTargetHanded) return
    // Nobody else will: only its transport knows how to let go of it.
    this.#isTargetHanded = true
    this.#transport.connect(this.#endpoint, { signal: AbortSignal.abort() }).catch(() => {})
  }

  #setTimer(atMs: number, run: () => void): void {
    this.#clearTimer()
    this.#timer = this.#host.options.clock.setTimer(atMs, () => {
      this.#timer = null
      run()
    })
  }

  #clearTimer(): void {
    if (this.#timer !== null) this.#host.options.clock.clearTimer(this.#timer)
    this.#timer = null
  }

  /** Applies an event; false when it means nothing in this state. */
  #step(event: string): boolean {
    const next = table.next(this.#state, table.event(event))
    if (next === NO_TRANSITION) return false
    const isNew = next !== this.#state
    this.#state = next
    // Not from within what led here: whoever is told may close this link, or the peer.
    if (isNew) queueMicrotask(() => this.#tellState(LINK_STATES[next] as LinkState))
    return true
  }

  #tellState(state: LinkState): void {
    try {
      this.onState?.(state)
    } catch (error) {
      this.#host.reportError(error, '', '')
    }
  }
}

function asTransportError(error: unknown, url: string): PeerplexError {
  if (error instanceof PeerplexError) return error
  const reason = reasonOf(error)
  return new TransportError('UNAVAILABLE', `${url}: ${reason}`, { cause: error, retryable: true })
}
