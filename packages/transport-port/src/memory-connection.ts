// Owns: the two ends of an in-process connection: what is under way between them, back-pressure, and how they end.
// Must not know: names and listeners, what the bytes mean.
import { type ConnectionKind, TransportError } from '@peerplex/wire'
import type { Connection, ConnectionEnd, ConnectionSink } from '@peerplex/wire/transport'
import { joined } from './joined.js'
import { afterMicrotasks, Turns } from './turns.js'

/** From here on `write` asks to wait; as much as a socket of Node holds back. */
const HIGH_WATER_BYTES = 65_536
/** A stream arrives in pieces of at most this size, as from a socket: nobody gets used to seeing writes whole. */
const PIECE_BYTES = 65_536

/** What is still to come after the data under way: nothing yet, the end, or the loss of the connection. */
type Ending = { readonly error: ConnectionEnd } | null

/** For the time before somebody has taken the connection over. */
const NOBODY: ConnectionSink = { onData: () => {}, onDrain: () => {}, onEnd: () => {} }

export class MemoryConnection implements Connection {
  readonly kind: ConnectionKind
  readonly url: string

  readonly #turns: Turns
  readonly #deliverLater = (): void => this.#deliver()
  readonly #drainLater = (): void => this.#drain()
  #sink: ConnectionSink = NOBODY
  #isTaken = false
  /** The end that this one talks to; itself only until `pair` has put the two together. */
  #other: MemoryConnection = this

  /** Sent by the other end and not yet delivered here. */
  #incoming: Uint8Array[] = []
  #incomingBytes = 0
  #ending: Ending = null
  #isDeliveryQueued = false

  /** `onEnd` was called, or `destroy`: the sink hears nothing any more. */
  #isSilent = false
  #isOutputEnded = false
  #isDestroyed = false
  /** `write` returned false and `onDrain` has not come since. */
  #isDrainOwed = false

  private constructor(kind: ConnectionKind, url: string, maxDeliveriesPerTask: number) {
    this.kind = kind
    this.url = url
    this.#turns = new Turns(maxDeliveriesPerTask)
  }

  /** Two ends of one connection. */
  static pair(
    kind: ConnectionKind,
    url: string,
    maxDeliveriesPerTask: number,
  ): [MemoryConnection, MemoryConnection] {
    const a = new MemoryConnection(kind, url, maxDeliveriesPerTask)
    const b = new MemoryConnection(kind, url, maxDeliveriesPerTask)
    a.#other = b
    b.#other = a
    return [a, b]
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
    this.#queueDelivery()
  }

  get bufferedBytes(): number {
    return this.#other.#incomingBytes
  }

  write(parts: readonly Uint8Array[]): boolean {
    const other = this.#other
    if (this.#isOutputEnded || this.#isDestroyed || other.#isDestroyed) return false
    let byteCount = 0
    for (const part of parts) byteCount += part.length
    if (byteCount > 0) {
      // Copied once, as the kernel would: no memory is ever shared between the two sides.
      if (this.kind === 'message') other.#incoming.push(joined(parts, byteCount))
      else appendPieces(other.#incoming, parts, byteCount)
      other.#incomingBytes += byteCount
      other.#queueDelivery()
    }
    if (other.#incomingBytes <= HIGH_WATER_BYTES) return true
    this.#isDrainOwed = true
    return false
  }

  end(_closeCode: number): void {
    if (this.#isOutputEnded || this.#isDestroyed) return
    this.#isOutputEnded = true
    this.#other.#endInput({ error: undefined })
  }

  destroy(): void {
    if (this.#isDestroyed) return
    this.#isDestroyed = true
    this.#isSilent = true
    this.#incoming = []
    this.#incomingBytes = 0
    this.#other.#loseInput()
  }

  // ---- from the other end -------------------------------------------------------------------------------------------

  #endInput(ending: Ending): void {
    this.#ending = ending
    this.#queueDelivery()
  }

  /** The other end is destroyed: what is under way is lost, and that is an error unless it was nothing but a clean end. */
  #loseInput(): void {
    const isComplete = this.#ending !== null && this.#incoming.length === 0
    this.#incoming = []
    this.#incomingBytes = 0
    if (isComplete) return
    const error = new TransportError('UNAVAILABLE', `${this.url}: the other side destroyed the connection`, {
      hint: 'what was on its way is lost; connect again',
      retryable: true,
    })
    this.#endInput({ error })
  }

  // ---- to the sink, never from within a call of the owner -----------------------------------------------------------

  #queueDelivery(): void {
    if (this.#isDeliveryQueued || this.#isSilent || !this.#isTaken) return
    if (this.#incoming.length === 0 && this.#ending === null) return
    this.#isDeliveryQueued = true
    this.#turns.next(this.#deliverLater)
  }

  /** One piece per turn: everybody who talks gets a turn in between. */
  #deliver(): void {
    this.#isDeliveryQueued = false
    if (this.#isSilent) return
    const chunk = this.#incoming.shift()
    if (chunk === undefined) {
      this.#isSilent = true
      this.#sink.onEnd(this.#ending?.error)
      return
    }
    this.#incomingBytes -= chunk.length
    if (this.#incomingBytes === 0) this.#other.#queueDrain()
    this.#queueDelivery()
    this.#sink.onData(chunk)
  }

  #queueDrain(): void {
    if (this.#isDrainOwed) afterMicrotasks(this.#drainLater)
  }

  #drain(): void {
    // An owner who has written more in between is told when that has left too.
    if (!this.#isDrainOwed || this.#isSilent || this.#isOutputEnded || this.#other.#incomingBytes > 0) return
    this.#isDrainOwed = false
    this.#sink.onDrain()
  }
}

/** Appends the bytes of the parts to `pieces`, cut anew. */
function appendPieces(pieces: Uint8Array[], parts: readonly Uint8Array[], byteCount: number): void {
  let piece = new Uint8Array(0)
  let at = 0
  let restBytes = byteCount
  for (const part of parts) {
    for (let start = 0; start < part.length; ) {
      if (at === piece.length) {
        piece = new Uint8Array(Math.min(restBytes, PIECE_BYTES))
        pieces.push(piece)
        at = 0
      }
      const count = Math.min(part.length - start, piece.length - at)
      piece.set(part.subarray(start, start + count), at)
      at += count
      start += count
      restBytes -= count
    }
  }
}
