// Owns: the question who is at the other end of a connection: what `authenticate` is shown, how it is asked, and which answers admit
// (spec §21).
// Must not know: what admission and refusal mean for the connection.
import type { ConnectionKind, Headers, Hello } from '@peerplex/wire'
import { isThenable } from './channel-handler.js'
import { toHex } from './hex.js'

/** What the other side announced of itself. None of it is verified: that is what `authenticate` is for. */
export class PeerHello {
  /** The id that it claims; its instance where it claims none. Who admits it vouches for that: calls `to` this id will reach it. */
  readonly id: string
  /** Distinguishes one run of that peer from the next: 32 hex digits. */
  readonly instance: string
  /** All that it announced, `auth` included. */
  readonly headers: Headers

  /** @internal */
  constructor({ instance, headers }: Hello) {
    this.instance = toHex(instance)
    this.id = headers.get('peer') ?? this.instance
    this.headers = headers
  }

  /** Its `credentials` as text; undefined when it has none. */
  get auth(): string | undefined {
    return this.headers.get('auth')
  }

  /** Its `credentials` as bytes; undefined when it has none. A new array. */
  get authBytes(): Uint8Array | undefined {
    return this.headers.getBytes('auth')?.slice()
  }

  /** Name and version of its library, where it says so. */
  get agent(): string | undefined {
    return this.headers.get('agent')
  }
}

/** The connection that `authenticate` is asked about. */
export interface PendingConnection {
  /** Where it comes from, or where it was dialed: `tcp://192.0.2.1:4711`. */
  readonly url: string
  /** `byte` for a stream, `message` for WebSocket, ports and workers. */
  readonly kind: ConnectionKind
  /** True when the other side dialed; false when this one did. */
  readonly isAccepted: boolean
  /** What the transport knows of the other side beside its address; empty where it knows nothing. */
  readonly facts: Readonly<Record<string, unknown>>
  /** Aborted when a verdict is of no use any more: the connection is gone, or `limits.helloTimeoutMs` is over. */
  readonly signal: AbortSignal
}

/**
 * Says who is at the other end, or refuses. What it returns, or its promise resolves with, becomes `remote.identity`: anything that is not
 * falsy, `true` included. Whatever is falsy refuses, as does what it throws: a lookup that finds nobody refuses by itself.
 */
export type Authenticate = (hello: PeerHello, connection: PendingConnection) => unknown

/** The answer to come on one connection. */
export class Verdict {
  readonly #abort = new AbortController()
  readonly #settle: (identity: unknown) => void
  readonly #onThrown: (error: unknown) => void
  #isSettled = false

  /** `settle` is called once at most, with a falsy value for a refusal; `onThrown` with what the hook threw, before it. */
  constructor(settle: (identity: unknown) => void, onThrown: (error: unknown) => void) {
    this.#settle = settle
    this.#onThrown = onThrown
  }

  /** Asks. An answer that is no promise counts at once. */
  ask(authenticate: Authenticate, hello: PeerHello, connection: Omit<PendingConnection, 'signal'>): void {
    let answer: unknown
    try {
      answer = authenticate(hello, Object.freeze({ ...connection, signal: this.#abort.signal }))
    } catch (error) {
      this.#refuse(error)
      return
    }
    if (!isThenable(answer)) {
      this.#decide(answer)
      return
    }
    Promise.resolve(answer)
      .then(
        (identity) => this.#decide(identity),
        (error: unknown) => this.#refuse(error),
      )
      .catch(this.#onThrown)
  }

  /** Nobody waits for it any more: what still comes is of no use. */
  giveUp(reason: unknown): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#abort.abort(reason)
  }

  #decide(identity: unknown): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#settle(identity)
  }

  #refuse(error: unknown): void {
    // What a hook throws because it was aborted is no news.
    if (this.#isSettled) return
    this.#onThrown(error)
    this.#decide(false)
  }
}
