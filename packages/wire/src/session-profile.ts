// Owns: what all sessions of one peer have in common, made once instead of once a connection: limits, what is announced, and the bytes
// of that.
// Must not know: any one session, or what is said on it.
import { BlockPool } from './block-pool.js'
import { PREFACE, PREFACE_BYTES } from './constants.js'
import { concatBytes, Headers } from './entries.js'
import { encodeHello, type Hello, ownHello } from './hello.js'
import { resolveSessionLimits, type SessionLimits } from './options.js'
import { Outbox } from './outbox.js'
import type { ConnectionKind, SessionProfileOptions } from './session-types.js'

export class SessionProfile {
  readonly limits: SessionLimits
  /** What we announce. */
  readonly hello: Hello
  readonly isAuthRequired: boolean
  /** Whether a message with `encoding` is refused; a middleman passes it on. */
  readonly checksEncoding: boolean
  /** Memory for what passes through. */
  readonly blocks: BlockPool
  #greeting: Uint8Array | null = null

  /** Throws UsageError for options out of range. */
  constructor(options: SessionProfileOptions) {
    this.limits = resolveSessionLimits(options.limits)
    this.blocks = options.blocks ?? new BlockPool()
    this.isAuthRequired = options.isAuthRequired === true
    this.checksEncoding = options.passesEncoding !== true
    this.hello = ownHello(this.limits, this.isAuthRequired, options.instance, Headers.from(options.hello))
  }

  /**
   * What a session begins with: HELLO, on byte connections behind the preface. Shared, not to be changed. Throws LimitError
   * METADATA_TOO_LARGE when the headers do not fit.
   */
  greeting(kind: ConnectionKind): Uint8Array {
    if (this.#greeting === null) {
      const outbox = new Outbox()
      outbox.hello(encodeHello(this.hello))
      this.#greeting = concatBytes([PREFACE, ...outbox.take()])
    }
    return kind === 'byte' ? this.#greeting : this.#greeting.subarray(PREFACE_BYTES)
  }
}
