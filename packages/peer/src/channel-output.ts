// Owns: what a channel sends: straight to the wire once it has a connection; held before that, and until the OPEN has left,
// so that it can go to another connection. And who waits for room.
// Must not know: how a connection is found, what is received.
import { type ByteRange, type Channel, type Codec, Headers, type Outcome } from '@peerplex/wire'
import { failedPrecondition, keptBytes, MESSAGE_CHARGE_BYTES } from '@peerplex/wire/internal'
import type { OpenRequest } from './open-request.js'

/** What a repetition may cost in memory (spec §25, retry input buffer). What was never sent is held whatever it costs. */
const RETRY_INPUT_BYTES = 262_144

/** The one promise that all sends share for which there is room. */
export const READY: Promise<void> = Promise.resolve()

interface HeldMessage {
  payload: Uint8Array
  readonly headers: Headers
  /** What the payload is encoded with; null for bytes that are sent as they are. */
  codec: Codec | null
}

/** What an output asks of its surroundings. @internal */
export interface OutputHost {
  /** A channel without a connection holds so much before its sender is asked to wait. */
  readonly holdBytes: number
  /** Counts held bytes in the queue; false: it had better hold no more. */
  hold(request: OpenRequest, bytes: number): boolean
}

export class ChannelOutput {
  readonly #host: OutputHost
  readonly #name: string
  #channel: Channel | null = null
  /** Null for channels that the other side opened. */
  #request: OpenRequest | null = null
  #held: HeldMessage[] | null = null
  #heldBytes = 0
  /** Trailers, once the output was ended. */
  #trailers: Headers | null = null
  /** Whether everything sent so far is held, so that it can be sent again. */
  #isComplete = true
  #isClosed = false
  #room: Promise<void> | null = null
  #resolveRoom: (() => void) | null = null

  constructor(host: OutputHost, name: string) {
    this.#host = host
    this.#name = name
  }

  get isEnded(): boolean {
    return this.#trailers !== null
  }

  /** Whether what is sent now may still reach somebody. */
  get isWritable(): boolean {
    if (this.#isClosed || this.#trailers !== null) return false
    return this.#channel === null || this.#channel.isWritable
  }

  /** Payload bytes that wait on this side. */
  get bufferedBytes(): number {
    if (this.#isClosed) return 0
    return this.#channel === null ? this.#heldBytes : this.#channel.bufferedBytes
  }

  /** The request is known: held bytes count in its queue from now on. */
  enter(request: OpenRequest): void {
    this.#request = request
  }

  /** An inbound channel, or one that nothing was held for. */
  open(channel: Channel): void {
    this.#channel = channel
  }

  /** A connection took the channel: sends what is held. Throws PeerplexError for what cannot be sent there. */
  attach(channel: Channel, codec: Codec): void {
    this.#channel = channel
    let hasRoom = true
    for (const message of this.#held ?? []) {
      if (message.codec !== null && message.codec !== codec) {
        message.payload = codec.encode(message.codec.decode(message.payload))
        message.codec = codec
      }
      hasRoom = channel.send(message.payload, message.headers)
    }
    if (this.#trailers !== null) channel.end(this.#trailers)
    if (hasRoom) this.#releaseRoom()
  }

  /** The connection was lost before it mattered: the channel waits for another one. */
  detach(): void {
    this.#channel = null
  }

  /** Takes the bytes of `payload`. Resolves when there is room for more. Throws UsageError, LimitError. */
  send(payload: ByteRange, headers: Headers, codec: Codec | null): Promise<void> {
    if (this.#isClosed) return READY
    const channel = this.#channel
    if (channel === null) return this.#hold({ payload: keptBytes(payload), headers, codec })
    const request = this.#request
    // Sending may call the program, which may send as well: nothing of the range is left then.
    const kept = request !== null && this.#isRecording(channel) ? keptBytes(payload) : null
    const hasRoom = channel.sendRange(payload, headers, Headers.EMPTY, false)
    if (!hasRoom && !channel.isWritable) return READY
    if (kept !== null && request !== null) {
      request.heldBytes += this.#keep({ payload: kept, headers, codec })
    }
    return hasRoom ? READY : this.#untilRoom()
  }

  /** Ends the output; again is nothing. Throws LimitError for trailers that are too large; then it is not ended. */
  end(trailers: Headers): void {
    if (this.#isClosed || this.#trailers !== null) return
    const channel = this.#channel
    channel?.end(trailers)
    this.#trailers = trailers
    // Nothing more may be sent: whoever waits for room has no reason to.
    this.#releaseRoom()
  }

  onWritable(): void {
    this.trim()
    this.#releaseRoom()
  }

  /** Nothing goes out any more. */
  close(): void {
    this.#isClosed = true
    this.#forget()
    this.#releaseRoom()
  }

  /** Forgets what is held once it cannot be needed again. */
  trim(): void {
    if (this.#channel !== null && this.#held !== null) this.#isRecording(this.#channel)
  }

  /** Whether a failed attempt can be repeated with all that was sent. */
  canReplay(outcome: Outcome): boolean {
    return this.#isComplete && (outcome.delivery === 'not-sent' || this.#heldBytes <= RETRY_INPUT_BYTES)
  }

  #hold(message: HeldMessage): Promise<void> {
    if (this.#trailers !== null) {
      throw failedPrecondition(
        `send on channel '${this.#name}' after its output was ended`,
        'send everything before end()',
      )
    }
    const bytes = this.#keep(message)
    const hasRoom = this.#host.hold(this.#request as OpenRequest, bytes)
    return hasRoom && this.#heldBytes < this.#host.holdBytes ? READY : this.#untilRoom()
  }

  /** Whether what is sent is still to be kept: the OPEN has not left yet. */
  #isRecording(channel: Channel): boolean {
    if (!this.#isComplete) return false
    if (!hasLeft(channel, this.#request as OpenRequest)) return true
    this.#isComplete = false
    this.#forget()
    return false
  }

  #keep(message: HeldMessage): number {
    const bytes = message.payload.length + message.headers.encoded.length + MESSAGE_CHARGE_BYTES
    this.#held ??= []
    this.#held.push(message)
    this.#heldBytes += bytes
    return bytes
  }

  #forget(): void {
    this.#held = null
    const request = this.#request
    // Who is settled has given everything back already.
    if (request !== null && request.state !== 'settled') request.heldBytes -= this.#heldBytes
    this.#heldBytes = 0
  }

  #untilRoom(): Promise<void> {
    this.#room ??= new Promise((resolve) => {
      this.#resolveRoom = resolve
    })
    return this.#room
  }

  #releaseRoom(): void {
    if (this.#room === null) return
    this.#room = null
    this.#resolveRoom?.()
  }
}

/** Whether the first byte of the OPEN was handed to the transport. */
function hasLeft(channel: Channel, request: OpenRequest): boolean {
  const session = request.connection?.driver.session
  if (session === undefined) return false
  return channel.openAt >= 0 && channel.openAt < session.channels.outbox.takenBytes
}
