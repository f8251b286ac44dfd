// Owns: how bytes of either kind of connection become frames: preface and stream, or transport messages of whole frames
// (spec §3, §18).
// Must not know: what a frame means.
import { PREFACE_BYTES } from './constants.js'
import { COST_IDLE_FRAME, type Economy } from './economy.js'
import { ProtocolError } from './errors.js'
import { FrameDecoder, type FrameSink } from './frame-decoder.js'
import { PrefaceReader } from './preface.js'
import type { SessionProfile } from './session-profile.js'
import type { ConnectionKind } from './session-types.js'

/** Largest transport message on a message connection (spec §18). */
const MAX_TRANSPORT_MESSAGE_BYTES = 1_048_576

// Close codes of message connections (spec §18).
const CLOSE_CUT_FRAME = 1002
const CLOSE_NOT_BINARY = 1003
const CLOSE_TOO_BIG = 1009

/** A wrong preface: the other side is told nothing. */
export class PrefaceError extends Error {
  readonly reason: ProtocolError

  constructor(reason: ProtocolError) {
    super(reason.message)
    this.reason = reason
  }
}

export class Intake {
  /** The close code that the violation seen here asks for; 0 for none in particular. */
  closeCode = 0

  readonly #kind: ConnectionKind
  readonly #sink: FrameSink
  readonly #economy: Economy
  readonly #decoder: FrameDecoder
  /** Null once it has been read, and on message connections. */
  #preface: PrefaceReader | null

  constructor(kind: ConnectionKind, sink: FrameSink, economy: Economy, profile: SessionProfile) {
    this.#kind = kind
    this.#sink = sink
    this.#economy = economy
    this.#preface = kind === 'byte' ? new PrefaceReader() : null
    const { limits, blocks } = profile
    this.#decoder = new FrameDecoder(sink, limits.maxFrameBytes, limits.maxHeaderBytes, blocks)
  }

  /** Memory held for a frame that is not whole yet. */
  get bufferBytes(): number {
    return this.#decoder.bufferCapacityBytes
  }

  /** Whether the preface has not been read yet. */
  get awaitsPreface(): boolean {
    return this.#preface !== null
  }

  /** Takes what may be the preface, until it is whole; returns where it ends in `bytes`, -1 for not yet. Throws PrefaceError. */
  pushPreface(bytes: Uint8Array): number {
    const preface = this.#preface as PrefaceReader
    const end = PREFACE_BYTES - preface.length
    const error = preface.push(bytes)
    if (error !== null) throw new PrefaceError(error)
    if (!preface.isComplete) return -1
    this.#preface = null
    return end
  }

  /** Takes what the transport delivered, from `at` on. Throws ProtocolError. */
  push(bytes: Uint8Array, at: number): void {
    if (this.#kind === 'message') this.#pushMessage(bytes)
    else this.#decoder.push(bytes, at)
  }

  /** A message that is not binary came; `what` says what it was. The error to fail with. */
  refuseNonBinary(what: string): ProtocolError {
    this.closeCode = CLOSE_NOT_BINARY
    return new ProtocolError('PROTOCOL_ERROR', `a transport message that is not binary: ${what}`, {
      hint: 'only frames of this protocol may be sent over its connection: use another one for anything else',
    })
  }

  #pushMessage(bytes: Uint8Array): void {
    if (bytes.length === 0) {
      if (this.#economy.spend(COST_IDLE_FRAME)) return
      throw new ProtocolError('ENHANCE_CALM', 'too many empty transport messages')
    }
    if (bytes.length > MAX_TRANSPORT_MESSAGE_BYTES) {
      this.closeCode = CLOSE_TOO_BIG
      throw new ProtocolError('FRAME_SIZE', `a transport message of ${bytes.length} bytes`, {
        hint: `at most ${MAX_TRANSPORT_MESSAGE_BYTES} bytes of whole frames fit`,
      })
    }
    this.#decoder.push(bytes, 0)
    if (!this.#sink.isReceiving || this.#decoder.bufferedBytes === 0) return
    this.closeCode = CLOSE_CUT_FRAME
    throw new ProtocolError('PROTOCOL_ERROR', 'a frame is cut by the end of its transport message')
  }
}
