// Owns: one end of a connection over a port or worker: its listeners, what waits before the start, and how it ends.
// Must not know: how it was recognised, what the bytes mean.
import { TransportError } from '@peerplex/wire'
import type { Connection, ConnectionEnd, ConnectionSink } from '@peerplex/wire/transport'
import { joined } from './joined.js'
import { bytesOf } from './port-message.js'
import { listenTo, type PortShape } from './port-shape.js'
import { afterMicrotasks, afterTask } from './turns.js'

/** For the time before somebody has taken the connection over. */
const NOBODY: ConnectionSink = { onData: () => {}, onDrain: () => {}, onEnd: () => {} }

/**
 * Of the output. `held`: it waits for the first message from within the worker, since a worker of a browser loses what comes
 * before its script listens. `over`: ended, destroyed or lost.
 */
type Phase = 'held' | 'open' | 'over'

export class PortConnection implements Connection {
  readonly kind = 'message'
  readonly url: string

  readonly #shape: PortShape
  #sink: ConnectionSink = NOBODY
  #isTaken = false
  #phase: Phase
  #held: Uint8Array<ArrayBuffer>[] = []
  #heldBytes = 0
  /** Came before the first sink was set; workers only. */
  #early: unknown[] = []
  /** Said once there is somebody to say it to. */
  #ending: { readonly error: ConnectionEnd } | null = null
  #hasReceived = false
  /** What a worker of Node has thrown; its exit follows. */
  #crash: unknown
  /** `onEnd` was called, or `destroy`: the sink hears nothing any more. */
  #isSilent = false
  #detachers: (() => void)[] = []

  constructor(shape: PortShape, url: string) {
    this.#shape = shape
    this.url = url
    const { kind, port, owner } = shape
    this.#phase = kind === 'worker' ? 'held' : 'open'
    this.#listen('messageerror', () => this.#lose('a message could not be read'))
    // Node tells it, after the last message; most browsers do not, and keepalive has to find out.
    if (kind === 'port') this.#listen('close', () => this.#finish(undefined))
    if (kind === 'worker') {
      // Unlike a port a worker keeps nothing for later.
      this.#listen('message', (event) => this.#onMessage(event))
      this.#listen('exit', (code) => this.#onExit(code))
    }
    const crashing = kind === 'worker' ? port : owner
    if (crashing !== null) {
      this.#detachers.push(listenTo(crashing, 'error', (event) => this.#onError(event)))
    }
  }

  // ---- from the owner -----------------------------------------------------------------------------------------------

  get sink(): ConnectionSink {
    return this.#sink
  }

  /** Nothing is delivered, and nothing lost, before the first sink is set. */
  set sink(sink: ConnectionSink) {
    this.#sink = sink
    if (this.#isTaken) return
    this.#isTaken = true
    afterMicrotasks(() => this.#deliverEarly())
    if (this.#phase === 'over') return
    const { kind, port } = this.#shape
    if (kind !== 'worker') {
      this.#listen('message', (event) => this.#onMessage(event))
      port.start?.()
    }
    // Node tells of a closed port or a worker that has exited only those who listened before.
    if (kind === 'port') port.ref?.()
    if (kind === 'port' && port.hasRef?.() === false) afterTask(() => this.#lose('the port is closed'))
    if (kind === 'worker' && port.threadId === -1) afterTask(() => this.#lose('the worker has exited'))
  }

  /** Only what waits for a worker to start: what a port holds cannot be known. */
  get bufferedBytes(): number {
    return this.#heldBytes
  }

  /** Always true while it is open: a port never asks to wait, credit alone bounds what is under way. */
  write(parts: readonly Uint8Array[]): boolean {
    if (this.#phase === 'over') return false
    let byteCount = 0
    for (const part of parts) byteCount += part.length
    if (byteCount === 0) return true
    const message = joined(parts, byteCount)
    if (this.#phase === 'open') this.#post(message)
    else {
      this.#held.push(message)
      this.#heldBytes += byteCount
    }
    return true
  }

  end(_closeCode: number): void {
    if (this.#phase === 'over') return
    this.#release()
    this.#stop()
    afterTask(() => this.#finish(undefined))
  }

  destroy(): void {
    this.#isSilent = true
    this.#early = []
    this.#stop()
  }

  // ---- from the port ------------------------------------------------------------------------------------------------

  #onMessage(event: unknown): void {
    const message = this.#shape.port.addEventListener === undefined ? event : (event as MessageEvent).data
    this.#hasReceived = true
    if (this.#phase === 'held') this.#release()
    if (this.#isTaken && this.#early.length === 0) this.#deliver(message)
    else this.#early.push(message)
  }

  #onError(event: unknown): void {
    // In Node the exit of the worker follows, and tells it.
    if (this.#shape.port.addEventListener === undefined) {
      this.#crash = event
      return
    }
    // A worker of a browser goes on after an error, unless it never began.
    if (this.#hasReceived) return
    const { message } = event as { message?: unknown }
    this.#lose(typeof message === 'string' && message !== '' ? message : 'the script could not be loaded')
  }

  #onExit(code: unknown): void {
    const thrown = this.#crash instanceof Error ? `: ${this.#crash.message}` : ''
    this.#lose(`the worker exited with code ${String(code)}${thrown}`)
  }

  #lose(what: string): void {
    this.#finish(
      new TransportError('UNAVAILABLE', `${this.url}: ${what}`, {
        hint: 'what was on its way is lost; start a new worker or channel and connect to that',
        retryable: true,
        ...(this.#crash !== undefined && { cause: this.#crash }),
      }),
    )
  }

  // ---- to the sink, never from within a call of the owner -----------------------------------------------------------

  #deliverEarly(): void {
    while (this.#early.length > 0 && !this.#isSilent) this.#deliver(this.#early.shift())
    if (this.#ending !== null) this.#finish(this.#ending.error)
  }

  #deliver(message: unknown): void {
    if (this.#isSilent) return
    const bytes = bytesOf(message)
    if (typeof bytes === 'string') this.#sink.onNonBinary?.(bytes)
    else this.#sink.onData(bytes)
  }

  #finish(error: ConnectionEnd): void {
    if (this.#isSilent) return
    this.#stop()
    if (!this.#isTaken || this.#early.length > 0) {
      this.#ending ??= { error }
      return
    }
    this.#isSilent = true
    this.#sink.onEnd(error)
  }

  // ---- the port -----------------------------------------------------------------------------------------------------

  #listen(type: string, listener: (event: unknown) => void): void {
    this.#detachers.push(listenTo(this.#shape.port, type, listener))
  }

  #post(message: Uint8Array<ArrayBuffer>): void {
    this.#shape.port.postMessage(message.buffer, [message.buffer])
  }

  #release(): void {
    this.#phase = 'open'
    for (const message of this.#held) this.#post(message)
    this.#held = []
    this.#heldBytes = 0
  }

  /**
   * Lets go of the port; a worker goes on. What was posted before `close` still arrives, also at a port that is not listened
   * to yet: tried with Node 20 and Chromium 150.
   */
  #stop(): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#held = []
    this.#heldBytes = 0
    for (const detach of this.#detachers) detach()
    this.#detachers = []
    if (this.#shape.kind === 'port') this.#shape.port.close?.()
  }
}
