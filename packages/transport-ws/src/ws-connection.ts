// Owns: a WebSocket as a message connection of the library: when its sink is told, and that it is told once.
// Must not know: any WebSocket class; a pipe stands for one.
import type { Connection, ConnectionEnd, ConnectionSink } from '@peerplex/wire/transport'

/** An open WebSocket, as far as a connection needs it. Reports to `PipeOwner`, never from within a call. */
export interface Pipe {
  readonly bufferedBytes: number
  /** Lets messages come, or go on coming. */
  resume(): void
  /** Sends one binary message; takes it. False: `onRoom` follows. Only before `close`, and not on a lost connection. */
  send(message: Uint8Array): boolean
  /** Sends what was sent, then closes both directions. */
  close(closeCode: number): void
  /** Drops everything at once, as far as the platform lets it. */
  destroy(): void
}

/** What a pipe reports. */
export interface PipeOwner {
  onMessage(message: Uint8Array): void
  onText(): void
  onRoom(): void
  /** Exactly once. */
  onClosed(end: ConnectionEnd): void
}

/** For the time before somebody has taken the connection over. */
const NOBODY: ConnectionSink = { onData: () => {}, onDrain: () => {}, onEnd: () => {} }

/** A message that came before the first sink; null was a text. */
type Held = Uint8Array | null

/**
 * What the sink is told: nothing yet, everything, nothing any more. `held`: what comes is kept. Node then stops reading, so
 * that this is at most what was read already; a browser cannot, and there the credit of a session, 64 KiB before its HELLO,
 * bounds what an honest other side can have sent.
 */
type Phase = 'held' | 'open' | 'silent'

const LATER: Promise<void> = Promise.resolve()

export class WsConnection implements Connection, PipeOwner {
  readonly kind = 'message'
  readonly url: string
  readonly #pipe: Pipe
  #sink: ConnectionSink = NOBODY
  #phase: Phase = 'held'
  #isTaken = false
  #held: Held[] = []
  /** The end that came while all was held. */
  #heldEnd: { readonly error: ConnectionEnd } | null = null
  /** Ended here, destroyed, or closed by the other side: what is written is dropped. */
  #isOutputOver = false
  /** `write` returned false and `onDrain` has not come since. */
  #isDrainOwed = false

  /** `makePipe` gets this connection as the owner of the pipe. */
  constructor(url: string, makePipe: (owner: PipeOwner) => Pipe) {
    this.url = url
    this.#pipe = makePipe(this)
  }

  get sink(): ConnectionSink {
    return this.#sink
  }

  /** Nothing is delivered, and nothing lost, before the first sink is set. */
  set sink(sink: ConnectionSink) {
    this.#sink = sink
    if (this.#isTaken) return
    this.#isTaken = true
    // Not from within this call.
    LATER.then(() => this.#begin())
  }

  get bufferedBytes(): number {
    return this.#pipe.bufferedBytes
  }

  write(parts: readonly Uint8Array[]): boolean {
    if (this.#isOutputOver) return false
    const message = joined(parts)
    if (message.length === 0 || this.#pipe.send(message)) return !this.#isDrainOwed
    this.#isDrainOwed = true
    return false
  }

  /** A WebSocket has no half-close: this ends both directions, and `onEnd` follows. */
  end(closeCode: number): void {
    if (this.#isOutputOver) return
    this.#isOutputOver = true
    this.#pipe.close(closeCode)
  }

  destroy(): void {
    this.#phase = 'silent'
    this.#isOutputOver = true
    this.#held = []
    this.#pipe.destroy()
  }

  // ---- from the pipe ------------------------------------------------------------------------------------------------

  onMessage(message: Uint8Array): void {
    this.#deliver(message)
  }

  onText(): void {
    this.#deliver(null)
  }

  onRoom(): void {
    if (!this.#isDrainOwed || this.#isOutputOver || this.#phase === 'silent') return
    this.#isDrainOwed = false
    this.#sink.onDrain()
  }

  onClosed(end: ConnectionEnd): void {
    this.#isOutputOver = true
    if (this.#phase === 'held') this.#heldEnd = { error: end }
    if (this.#phase !== 'open') return
    this.#phase = 'silent'
    this.#sink.onEnd(end)
  }

  // ---- to the sink --------------------------------------------------------------------------------------------------

  #begin(): void {
    if (this.#phase !== 'held') return
    this.#phase = 'open'
    const held = this.#held
    this.#held = []
    for (const each of held) this.#deliver(each)
    if (this.#heldEnd !== null) this.onClosed(this.#heldEnd.error)
    else this.#pipe.resume()
  }

  #deliver(message: Held): void {
    if (this.#phase === 'held') this.#held.push(message)
    if (this.#phase !== 'open') return
    if (message === null) this.#sink.onNonBinary?.('a text message')
    else this.#sink.onData(message)
  }
}

/** One array; the only copy that is made of several parts. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array
  let byteCount = 0
  for (const part of parts) byteCount += part.length
  const message = new Uint8Array(byteCount)
  let at = 0
  for (const part of parts) {
    message.set(part, at)
    at += part.length
  }
  return message
}
