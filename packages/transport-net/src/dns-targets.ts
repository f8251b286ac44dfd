// Owns: targets that a name service knows: who waits for one answer, how long it counts, and when it is another one.
// Must not know: what is asked and how (dns-query.ts); what is done with the targets.
import type { AbortSignalLike, TargetResolver } from '@peerplex/wire/transport'
import { givenUp, unlessAborted } from './abort.js'
import { ChangeWatch } from './change-watch.js'
import { type DnsTargetsOptions, type ResolvedDnsOptions, resolveDnsOptions } from './dns-options.js'
import { askedText, startQuery } from './dns-query.js'
import { nameError, nameFailure } from './target-errors.js'

/**
 * Whoever asks within this time gets the answer that is there: all names of a pattern, and those who were told of a change, ask at once.
 * Below the least `refreshMs`.
 */
const FRESH_MS = 900

/** Unlike any set of URLs. */
const NO_ANSWER = 'none'

interface Pending {
  readonly urls: Promise<readonly string[]>
  readonly cancel: () => void
  interestedCount: number
}

/**
 * Targets from the name service, the same for every name: a URL for each address of `host`, or for each of its SRV records. Watched, it
 * asks again every `refreshMs` and tells when the set of URLs is another one; the order does not count. Rejects with TransportError
 * UNAVAILABLE that says what was asked and what the system answered; an error while watching changes nothing, and comes to whoever asks next.
 * Throws UsageError for options out of range.
 */
export function dnsTargets(options: DnsTargetsOptions): TargetResolver {
  const resolved = resolveDnsOptions(options)
  const names = new SharedLookup(resolved)
  let refreshing = new AbortController()
  const changes = new ChangeWatch({
    clock: resolved.clock,
    intervalMs: resolved.refreshMs,
    look: async () => {
      // What went on working is not given up because the name service does not answer.
      await names.ask(refreshing.signal).catch(() => {})
      return names.version
    },
    onUnwatched: () => {
      refreshing.abort()
      refreshing = new AbortController()
    },
  })
  return Object.assign(
    (_name: string, { signal }: { readonly signal: AbortSignalLike }) => names.ask(signal),
    { watch: (onChange: () => void) => changes.add(onChange, names.version) },
  )
}

class SharedLookup {
  readonly #options: ResolvedDnsOptions
  readonly #asked: string
  #urls: readonly string[] = []
  /** The set of URLs, as text; null before the first answer. */
  #key: string | null = null
  #freshUntilMs = Number.NEGATIVE_INFINITY
  #version = 0
  #pending: Pending | null = null

  constructor(options: ResolvedDnsOptions) {
    this.#options = options
    this.#asked = askedText(options)
  }

  /** Counts the answers that differed from the one before; the first one is nobody's news. */
  get version(): number {
    return this.#version
  }

  async ask(signal: AbortSignalLike): Promise<readonly string[]> {
    const what = `look up ${this.#asked}`
    if (signal.aborted) throw givenUp(what, signal)
    if (this.#options.clock.now() < this.#freshUntilMs) return this.#urls
    const pending = this.#pending ?? this.#start()
    pending.interestedCount += 1
    try {
      return await unlessAborted(pending.urls, signal, what)
    } finally {
      pending.interestedCount -= 1
      if (pending.interestedCount === 0) this.#letGo(pending)
    }
  }

  #start(): Pending {
    const { clock, timeoutMs } = this.#options
    const query = startQuery(this.#options)
    let timer: unknown
    const urls = new Promise<readonly string[]>((resolve, reject) => {
      timer = clock.setTimer(clock.now() + timeoutMs, () => {
        reject(nameError(this.#asked, nameFailure('ETIMEOUT', `no answer within ${timeoutMs} ms`)))
      })
      query.urls.then(
        (found) => {
          if (this.#pending === pending) this.#note(found)
          resolve(found)
        },
        (error: unknown) => reject(nameError(this.#asked, error)),
      )
    })
    // Whoever gets an error as the first answer hears of the first good one.
    urls.catch(() => {
      this.#key ??= NO_ANSWER
    })
    const cancel = (): void => {
      clock.clearTimer(timer)
      query.cancel()
    }
    const pending: Pending = { urls, cancel, interestedCount: 0 }
    this.#pending = pending
    return pending
  }

  /** Answered, or nobody wants it any more. */
  #letGo(pending: Pending): void {
    if (this.#pending === pending) this.#pending = null
    pending.cancel()
  }

  #note(urls: readonly string[]): void {
    const key = urls.toSorted().join(' ')
    if (this.#key !== null && this.#key !== key) this.#version += 1
    this.#key = key
    this.#urls = urls
    this.#freshUntilMs = this.#options.clock.now() + FRESH_MS
  }
}
