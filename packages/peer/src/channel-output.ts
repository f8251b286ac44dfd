// Owns: what a channel is made of, and the half of it that sends: straight to the wire once it has a connection; held before that, and
// until the OPEN has left, so that it can go to another connection. And who waits for room.
// Must not know: how a connection is found, what is received (channel-core.ts).
import { type ByteRange, type Channel, type Codec, Headers, type Outcome } from '@peerplex/wire'
import { failedPrecondition, keptBytes, MESSAGE_CHARGE_BYTES } from '@peerplex/wire/internal'
import type { MessageCallback } from './channel-input.js'
import { HELD_IN_PART, OUTPUT_CLOSED, OUTPUT_ENDED } from './core-bits.js'
import { CoreExtras, type HeldMessage } from './core-extras.js'
import type { CommonParts } from './core-host.js'
import type { OpenRequest } from './open-request.js'
import type { PeerConnection } from './peer-connection.js'

/** What a repetition may cost in memory (spec §25, retry input buffer). What was never sent is held whatever it costs. */
const RETRY_INPUT_BYTES = 262_144

/** The one promise that all sends share for which there is room. */
export const READY: Promise<void> = Promise.resolve()

/** None of its methods has a `#`, nor those of the core: a class with one of those makes each of its objects eight bytes larger. */
export class ChannelOutput {
  /** Another one for each connection that it is on. @internal */
  common: CommonParts
  /** What asks for a connection; its number where none was needed, as long as none is. -1 for channels of the other side. */
  protected origin: OpenRequest | number = -1
  /** Null while there is no connection. */
  protected channel: Channel | null = null
  onMessageCall: MessageCallback<unknown> | null = null
  /** What is so, and what was done already: see core-bits.ts. */
  protected bits = 0
  /** Null while it has nothing that few channels have; see `extras`. */
  protected rare: CoreExtras | null = null

  constructor(common: CommonParts) {
    this.common = common
  }

  get name(): string {
    const { spec } = this.common
    return spec === null ? (this.channel as Channel).name : spec.name
  }

  /** The place for what few channels have, made when there is something. */
  get extras(): CoreExtras {
    this.rare ??= new CoreExtras()
    return this.rare
  }

  get isInbound(): boolean {
    return this.common.spec === null
  }

  protected get request(): OpenRequest | null {
    return typeof this.origin === 'number' ? null : this.origin
  }

  get isOutputEnded(): boolean {
    return (this.bits & OUTPUT_ENDED) !== 0
  }

  /** Whether what is sent now may still reach somebody. */
  get isWritable(): boolean {
    if ((this.bits & (OUTPUT_CLOSED | OUTPUT_ENDED)) !== 0) return false
    return this.channel === null || this.channel.isWritable
  }

  /** Payload bytes that wait on this side. */
  get bufferedBytes(): number {
    if ((this.bits & OUTPUT_CLOSED) !== 0) return 0
    return this.channel === null ? this.heldBytes : this.channel.bufferedBytes
  }

  /** Ends the output; again is nothing. Throws LimitError for trailers that are too large; then it is not ended. */
  endOutput(trailers: Headers): void {
    if ((this.bits & (OUTPUT_CLOSED | OUTPUT_ENDED)) !== 0) return
    this.channel?.end(trailers)
    this.bits |= OUTPUT_ENDED
    if (!this.isInbound && trailers !== Headers.EMPTY) this.extras.heldTrailers = trailers
    // Nothing more may be sent: whoever waits for room has no reason to.
    this.releaseRoom()
  }

  /** A connection took the channel: sends what is held. Throws PeerplexError for what cannot be sent there. */
  protected sendHeld(channel: Channel, codec: Codec): void {
    const { rare } = this
    const hasRoom = rare === null || rare.held === null || sendAll(rare.held, channel, codec)
    if (this.isOutputEnded) channel.end(rare === null ? Headers.EMPTY : rare.heldTrailers)
    if (hasRoom) this.releaseRoom()
  }

  /** Takes the bytes of `payload`. Resolves when there is room for more. Throws UsageError, LimitError. */
  protected sendEncoded(payload: ByteRange, headers: Headers, codec: Codec | null): Promise<void> {
    if ((this.bits & OUTPUT_CLOSED) !== 0) return READY
    const { channel } = this
    if (channel === null) return this.hold({ payload: keptBytes(payload), headers, codec })
    // Sending may call the program, which may send as well: nothing of the range is left then.
    const kept = !this.isInbound && this.isRecording(channel) ? keptBytes(payload) : null
    const hasRoom = channel.sendRange(payload, headers, Headers.EMPTY, false)
    if (!hasRoom && !channel.isWritable) return READY
    if (kept !== null) {
      const bytes = this.keep({ payload: kept, headers, codec })
      const { request } = this
      if (request !== null) request.heldBytes += bytes
    }
    return hasRoom ? READY : this.untilRoom()
  }

  onWritable(): void {
    this.trimHeld()
    this.releaseRoom()
  }

  /** Nothing goes out any more. */
  protected closeOutput(): void {
    this.bits |= OUTPUT_CLOSED
    this.forget()
    this.releaseRoom()
  }

  /** Forgets what is held once it cannot be needed again. */
  protected trimHeld(): void {
    const { channel, rare } = this
    if (channel !== null && rare !== null && rare.held !== null) this.isRecording(channel)
  }

  /** Whether a failed attempt can be repeated with all that was sent. */
  protected canReplay(outcome: Outcome): boolean {
    if ((this.bits & HELD_IN_PART) !== 0) return false
    return outcome.delivery === 'not-sent' || this.heldBytes <= RETRY_INPUT_BYTES
  }

  protected get heldBytes(): number {
    return this.rare === null ? 0 : this.rare.heldBytes
  }

  private hold(message: HeldMessage): Promise<void> {
    if (this.isOutputEnded) {
      throw failedPrecondition(
        `send on channel '${this.name}' after its output was ended`,
        'send everything before end()',
      )
    }
    const { host } = this.common
    const bytes = this.keep(message)
    const hasRoom = host.hold(this.request as OpenRequest, bytes)
    return hasRoom && this.heldBytes < host.holdBytes ? READY : this.untilRoom()
  }

  /** Whether what is sent is still to be kept: the OPEN has not left yet. */
  private isRecording(channel: Channel): boolean {
    if ((this.bits & HELD_IN_PART) !== 0) return false
    if (!hasLeft(channel, this.common.connection)) return true
    this.bits |= HELD_IN_PART
    this.forget()
    return false
  }

  private keep(message: HeldMessage): number {
    const { extras } = this
    const bytes = message.payload.length + message.headers.encoded.length + MESSAGE_CHARGE_BYTES
    extras.held ??= []
    extras.held.push(message)
    extras.heldBytes += bytes
    return bytes
  }

  private forget(): void {
    const { rare, request } = this
    if (rare === null) return
    rare.held = null
    // Who is settled has given everything back already.
    if (request !== null && request.state !== 'settled') request.heldBytes -= rare.heldBytes
    rare.heldBytes = 0
  }

  private untilRoom(): Promise<void> {
    const { extras } = this
    extras.room ??= new Promise((resolve) => {
      extras.resolveRoom = resolve
    })
    return extras.room
  }

  private releaseRoom(): void {
    const { rare } = this
    if (rare === null || rare.room === null) return
    rare.room = null
    rare.resolveRoom?.()
  }
}

/** Whether there is room for more. */
function sendAll(held: readonly HeldMessage[], channel: Channel, codec: Codec): boolean {
  let hasRoom = true
  for (const message of held) {
    if (message.codec !== null && message.codec !== codec) {
      message.payload = codec.encode(message.codec.decode(message.payload))
      message.codec = codec
    }
    hasRoom = channel.send(message.payload, message.headers)
  }
  return hasRoom
}

/** Whether the first byte of the OPEN was handed to the transport. */
function hasLeft(channel: Channel, connection: PeerConnection | null): boolean {
  if (connection === null) return false
  const { session } = connection.driver
  return channel.openAt >= 0 && channel.openAt < session.channels.outbox.takenBytes
}
