// Owns: names whose targets somebody else knows: asking for them on first use and again after failures, and keeping connections to them as
// long as they are used (spec §19).
// Must not know: what is opened, which connection an open takes.

import { PeerplexError, TransportError } from '@peerplex/wire'
import { assertKnown, invalidArgument, reasonOf, showScalar } from '@peerplex/wire/internal'
import type { TargetResolver } from '@peerplex/wire/transport'
import { Backoff } from './backoff.js'
import type { TimerHandle } from './clock.js'
import type { Link } from './link.js'
import { DEFAULT_RECONNECT, type ResolvedPeerOptions } from './options.js'
import { PatternTable } from './pattern-table.js'
import type { GroupFinder, TargetGroup } from './route.js'

export interface AutoOptions {
  /** Connections that nothing was opened on for so long are closed, ms; 1 … 2^31-1. Default 5 minutes. */
  readonly idleMs?: number
}

/** What one `auto` looks after, for `stats()`. */
export interface AutoStats {
  readonly pattern: string
  /** The names that were asked for, and where they are served. */
  readonly names: readonly {
    readonly name: string
    readonly state: string
    readonly urls: readonly string[]
  }[]
}

/** What looking up asks of its peer. */
export interface AutoHost {
  readonly options: ResolvedPeerOptions
  /** The URL as links show it. Throws UsageError for what is no endpoint, or one that no transport serves. */
  canonicalUrl(url: string): string
  /** Dials such an endpoint for looked-up names. */
  dial(url: string): Link
  /** A lookup failed; for the log, and for opens that do not wait. */
  onLookupFailed(pattern: string, error: PeerplexError): void
  /** Connections may serve other names now than before. */
  onRoom(): void
}

const DEFAULT_IDLE_MS = 300_000
/** By name, so that a misspelt one is noticed without types too. */
const AUTO_OPTIONS: Readonly<Record<keyof AutoOptions, true>> = { idleMs: true }
const MAX_MS = 2 ** 31 - 1
/** Names of one pattern that are looked up at a time; the one that was used the longest time ago, and that nobody waits for, gives way. */
const MAX_NAMES = 1_024
/** Targets of one name that are dialed. */
const MAX_TARGETS = 64

export class AutoTable implements GroupFinder {
  readonly #host: AutoHost
  readonly #table = new PatternTable<Auto>('looked up')
  readonly #autos = new Set<Auto>()

  constructor(host: AutoHost) {
    this.#host = host
  }

  get isEmpty(): boolean {
    return this.#autos.size === 0
  }

  /** Returns what undoes it: connections to its targets end when what runs on them has, or after 30 s. Throws UsageError. */
  add(pattern: string, resolver: TargetResolver, options: AutoOptions): () => void {
    if (typeof resolver !== 'function') {
      throw invalidArgument(
        `the resolver of '${pattern}' is ${showScalar(resolver)}`,
        'give a function (name, { signal }) => URL or URLs, at once or as a promise',
      )
    }
    assertKnown('option', options, AUTO_OPTIONS)
    const { idleMs = DEFAULT_IDLE_MS } = options
    if (!Number.isInteger(idleMs) || idleMs < 1 || idleMs > MAX_MS) {
      throw invalidArgument(
        `option idleMs of auto '${pattern}' is ${showScalar(idleMs)}`,
        `give a whole number from 1 to ${MAX_MS}`,
      )
    }
    const auto = new Auto(this.#host, pattern, resolver, idleMs)
    const remove = this.#table.add(pattern, auto)
    this.#autos.add(auto)
    return () => {
      remove()
      if (this.#autos.delete(auto)) auto.rest()
    }
  }

  find(name: string): TargetGroup | null {
    return this.#table.find(name)?.use(name) ?? null
  }

  stats(): AutoStats[] {
    return [...this.#autos].map((auto) => auto.stats())
  }

  /** Asks nobody any more. Links are closed, or drained, by their peer. */
  close(): void {
    for (const auto of this.#autos) auto.stop()
    this.#autos.clear()
  }
}

/** One `auto`: its names, and the links to their targets. */
class Auto {
  readonly host: AutoHost
  readonly pattern: string
  readonly resolver: TargetResolver
  readonly #idleMs: number
  readonly #names = new Map<string, LookedUpName>()
  /** By URL. One that gave up for good stays: dialing it again with the same credentials leads nowhere. */
  readonly #links = new Map<string, Link>()
  #idleTimer: TimerHandle = null
  #usedAtMs = 0
  #endWatch: (() => void) | null = null

  constructor(host: AutoHost, pattern: string, resolver: TargetResolver, idleMs: number) {
    this.host = host
    this.pattern = pattern
    this.resolver = resolver
    this.#idleMs = idleMs
  }

  /** Something is to be opened: the targets of that name, which are asked for if they are not known. */
  use(name: string): TargetGroup {
    this.#usedAtMs = this.host.options.clock.now()
    let found = this.#names.get(name)
    if (found === undefined) {
      if (this.#names.size === 0) this.#begin()
      else if (this.#names.size >= MAX_NAMES) this.#makeRoom()
      found = new LookedUpName(this, name)
      this.#names.set(name, found)
      found.look()
    }
    found.usedAtMs = this.#usedAtMs
    return found
  }

  stats(): AutoStats {
    const names = [...this.#names.values()].map(({ name, state, urls }) => ({ name, state, urls: [...urls] }))
    return { pattern: this.pattern, names }
  }

  /** Nobody needs it for now: the next use begins anew. */
  rest(): void {
    this.stop()
    for (const link of this.#links.values()) link.retire()
    this.#links.clear()
  }

  /** Asks nobody any more. */
  stop(): void {
    this.host.options.clock.clearTimer(this.#idleTimer)
    this.#idleTimer = null
    this.#stopWatching()
    for (const name of this.#names.values()) name.forget()
    this.#names.clear()
  }

  /** Dials what is new and lets go of what no name leads to any more. */
  updateLinks(): void {
    const wanted = new Set<string>()
    for (const { urls } of this.#names.values()) for (const url of urls) wanted.add(url)
    for (const [url, link] of this.#links) {
      if (wanted.has(url)) continue
      this.#links.delete(url)
      link.retire()
    }
    for (const url of wanted) {
      if (this.#links.has(url)) continue
      const link = this.host.dial(url)
      this.#links.set(url, link)
      link.onFailed = () => this.#onLinkFailed(url)
    }
    this.host.onRoom()
  }

  #onLinkFailed(url: string): void {
    for (const name of this.#names.values()) if (name.urls.has(url)) name.lookSoon()
  }

  // ---- its time -----------------------------------------------------------------------------------------------------

  #begin(): void {
    this.#waitForIdle()
    try {
      this.#endWatch =
        this.resolver.watch?.(() => {
          for (const name of this.#names.values()) name.look()
        }) ?? null
    } catch (error) {
      this.host.onLookupFailed(this.pattern, asLookupError(error, this.pattern, this.pattern))
    }
  }

  /** What that throws keeps nothing from its end. */
  #stopWatching(): void {
    const endWatch = this.#endWatch
    this.#endWatch = null
    try {
      endWatch?.()
    } catch (error) {
      this.host.onLookupFailed(this.pattern, asLookupError(error, this.pattern, this.pattern))
    }
  }

  #waitForIdle(): void {
    const { clock } = this.host.options
    this.#idleTimer = clock.setTimer(this.#usedAtMs + this.#idleMs, () => {
      const isIdle = clock.now() >= this.#usedAtMs + this.#idleMs
      const isBusy =
        [...this.#links.values()].some((link) => link.load > 0) ||
        [...this.#names.values()].some(({ waitingCount }) => waitingCount > 0)
      if (isIdle && !isBusy) {
        this.rest()
        return
      }
      // What still runs was used until now.
      if (isBusy) this.#usedAtMs = clock.now()
      this.#waitForIdle()
    })
  }

  /** Those that are waited for stay: of them there are no more than opens that wait. */
  #makeRoom(): void {
    while (this.#names.size >= MAX_NAMES) {
      const oldest = this.#oldestUnawaited()
      if (oldest === null) break
      oldest.forget()
      this.#names.delete(oldest.name)
    }
    this.updateLinks()
  }

  #oldestUnawaited(): LookedUpName | null {
    let oldest: LookedUpName | null = null
    for (const name of this.#names.values()) {
      if (name.waitingCount > 0) continue
      if (oldest === null || name.usedAtMs < oldest.usedAtMs) oldest = name
    }
    return oldest
  }
}

/** `asking` the resolver; `known`; `pausing` before it is asked again; `forgotten` for good. */
type LookupState = 'asking' | 'known' | 'pausing' | 'forgotten'

/** One name, and where it is served as far as is known. What was known stays until something else is. */
class LookedUpName implements TargetGroup {
  readonly name: string
  readonly urls: Set<string> = new Set()
  state: LookupState = 'known'
  usedAtMs = 0
  waitingCount = 0
  readonly #auto: Auto
  readonly #backoff: Backoff
  #timer: TimerHandle = null
  #abort: AbortController | null = null

  constructor(auto: Auto, name: string) {
    this.#auto = auto
    this.name = name
    const { reconnect, random } = auto.host.options
    this.#backoff = new Backoff(reconnect === false ? DEFAULT_RECONNECT : reconnect, random)
  }

  get isForgotten(): boolean {
    return this.state === 'forgotten'
  }

  has(url: string): boolean {
    return this.urls.has(url)
  }

  /** Asks now, unless it is being asked. */
  look(): void {
    if (this.state === 'asking' || this.state === 'forgotten') return
    this.state = 'asking'
    const { clock, connectTimeoutMs } = this.#auto.host.options
    const abort = new AbortController()
    this.#abort = abort
    this.#setTimer(clock.now() + connectTimeoutMs, () => {
      const { pattern } = this.#auto
      const error = new TransportError(
        'UNAVAILABLE',
        `auto '${pattern}': the resolver gave nothing for '${this.name}' within ${connectTimeoutMs} ms`,
        { hint: 'let the resolver answer, or fail, sooner; its signal is aborted', retryable: true },
      )
      abort.abort(error)
      this.#fail(error)
    })
    this.#ask(abort.signal)
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { resolver, pattern } = this.#auto
    try {
      const found = await resolver(this.name, { signal })
      if (!signal.aborted) this.#learn(found)
    } catch (error) {
      if (!signal.aborted) this.#fail(asLookupError(error, pattern, this.name))
    }
  }

  /** A target failed: maybe it is served elsewhere now. */
  lookSoon(): void {
    if (this.state === 'known') this.#pause()
  }

  forget(): void {
    this.state = 'forgotten'
    this.#clearTimer()
    this.#abort?.abort()
    this.#abort = null
    this.urls.clear()
  }

  /** Throws for what is no list of endpoints; nothing has changed then. */
  #learn(found: unknown): void {
    const urls = typeof found === 'string' ? [found] : found
    const isList = Array.isArray(urls) && urls.every((url) => typeof url === 'string')
    if (!isList) throw notUrls(this.#auto.pattern, this.name, found)
    // One target may be written in several ways, and connections are found by one.
    const targets = new Set(urls.map((url) => this.#auto.host.canonicalUrl(url)))
    this.urls.clear()
    for (const url of [...targets].slice(0, MAX_TARGETS)) this.urls.add(url)
    this.#clearTimer()
    this.#abort = null
    this.state = 'known'
    this.#auto.updateLinks()
    // Served nowhere for now: that is known, and may change at any time.
    if (urls.length === 0) this.#fail(nothingFound(this.#auto.pattern, this.name))
    else this.#backoff.reset()
  }

  #fail(error: PeerplexError): void {
    this.#abort = null
    this.#auto.host.onLookupFailed(this.#auto.pattern, error)
    this.#pause()
  }

  #pause(): void {
    // Whoever was told of the failure may have undone it.
    if (this.isForgotten) return
    this.state = 'pausing'
    this.#setTimer(this.#auto.host.options.clock.now() + this.#backoff.next(), () => this.look())
  }

  #setTimer(atMs: number, run: () => void): void {
    this.#clearTimer()
    this.#timer = this.#auto.host.options.clock.setTimer(atMs, () => {
      this.#timer = null
      run()
    })
  }

  #clearTimer(): void {
    if (this.#timer !== null) this.#auto.host.options.clock.clearTimer(this.#timer)
    this.#timer = null
  }
}

function notUrls(pattern: string, name: string, found: unknown): PeerplexError {
  return new TransportError(
    'UNAVAILABLE',
    `auto '${pattern}': the resolver gave ${showScalar(found)} for '${name}'`,
    { hint: 'let it give a URL or an array of URLs', retryable: true },
  )
}

function nothingFound(pattern: string, name: string): PeerplexError {
  return new TransportError('UNAVAILABLE', `auto '${pattern}': the resolver knows no target for '${name}'`, {
    hint: 'it is asked again; see that something serves this name',
    retryable: true,
  })
}

function asLookupError(error: unknown, pattern: string, name: string): PeerplexError {
  if (error instanceof TransportError) return error
  const hint =
    error instanceof PeerplexError ? error.hint : 'it is asked again, with longer and longer pauses'
  return new TransportError('UNAVAILABLE', `auto '${pattern}', '${name}': ${reasonOf(error)}`, {
    hint,
    cause: error,
    retryable: true,
  })
}
