/**
 * Owns: seeded good input for a whole connection: what one side may legally send without waiting for credit.
 * Must not know: `@peerplex/wire`, or what the other side answers; whatever that is, the sequence stays legal,
 * because the limits of the other side's HELLO are never exceeded and a closed channel is never used again.
 */
import { toBytes } from './bytes.js'
import { hello, type RawHello } from './frame-builders.js'
import { naiveEncode } from './naive-encode.js'
import { HEADER_BYTES, MAX_CHANNEL_ID, type NaiveEntry, RAW_FLAG } from './naive-frames.js'
import type { Random } from './random.js'

const { FIN, MORE, MSG, TRL, IDEM, ONEWAY } = RAW_FLAG

/** Added to the size of every frame with MSG. */
const MESSAGE_CHARGE_BYTES = 32
/** Messages stay below the floor of maxMessage, so that no HELLO refuses them. */
const MAX_MESSAGE_BYTES = 60_000

/** What the receiver has announced. */
export interface SequenceLimits {
  rxBytes: number
  rxMsgs: number
  connBytes: number
  opens: number
  partials: number
}

export interface SequenceOptions {
  /** How many frames after the HELLO, at most: it ends early when no limit is left. */
  frameCount?: number
  /** The HELLO that starts the sequence; null leaves it out (its limits are the defaults then). */
  hello?: RawHello | null
  /** The names to open. */
  names?: readonly string[]
  codec?: number
  /** The receiver's announced limits; by default those of the protocol. */
  limits?: Partial<SequenceLimits>
  /** The id before the first one that is opened. */
  lastId?: number
  maxPayloadBytes?: number
}

interface OutChannel {
  readonly id: number
  bytesLeft: number
  messagesLeft: number
  isFinSent: boolean
  isStopSent: boolean
  /** Bytes of the unfinished message, or null between messages. */
  messageBytes: number | null
  byteLimit: number
  countLimit: number
}

/**
 * A legal sequence from one side that opens channels and talks on them: opens, messages, fragments, early
 * headers, FIN, trailers, END, RESET, STOP, CREDIT, PING and ignorable frames, one array per frame.
 */
export function generateSequence(rng: Random, options: SequenceOptions = {}): Uint8Array[] {
  return new SequenceGenerator(rng, options).run()
}

class SequenceGenerator {
  readonly #rng: Random
  readonly #options: SequenceOptions
  readonly #limits: SequenceLimits
  /** The initial limits of what this side receives. */
  readonly #own: { rxBytes: number; rxMsgs: number }
  readonly #frames: Uint8Array[] = []
  #channels: OutChannel[] = []
  #lastId: number
  #connectionByteLimit: number
  #openLimit: number

  constructor(rng: Random, options: SequenceOptions) {
    this.#rng = rng
    this.#options = options
    this.#limits = {
      rxBytes: 256 * 1024,
      rxMsgs: 16384,
      connBytes: 4 * 1024 * 1024,
      opens: 1024,
      partials: 16,
      ...options.limits,
    }
    const own = options.hello ?? {}
    this.#own = { rxBytes: own.rxBytes ?? 256 * 1024, rxMsgs: own.rxMsgs ?? 16384 }
    this.#connectionByteLimit = own.connBytes ?? 4 * 1024 * 1024
    this.#openLimit = own.opens ?? 1024
    this.#lastId = options.lastId ?? 0
  }

  run(): Uint8Array[] {
    if (this.#options.hello !== null) this.#frames.push(hello(this.#options.hello ?? {}))
    const wanted = this.#frames.length + (this.#options.frameCount ?? 60)
    // A step that finds no room sends nothing; many of those in a row mean that the limits are used up.
    for (let idle = 0; this.#frames.length < wanted && idle < 50; ) {
      const before = this.#frames.length
      this.#step()
      idle = this.#frames.length === before ? idle + 1 : 0
    }
    return this.#frames
  }

  #step(): void {
    const rng = this.#rng
    if (this.#channels.length === 0 || rng.bool(0.2)) {
      this.#open()
    } else if (rng.bool(0.1)) {
      this.#connectionFrame()
    } else {
      const channel = rng.pick(this.#channels)
      if (rng.bool(0.12)) this.#controlFrame(channel)
      else if (!channel.isFinSent) this.#data(channel)
    }
  }

  #open(): void {
    const rng = this.#rng
    if (this.#limits.opens === 0) return
    const isOneway = rng.bool(0.1)
    const flags = isOneway
      ? FIN + ONEWAY + rng.pick([0, MSG])
      : rng.pick([0, MSG, MSG + FIN, MSG + MORE, FIN]) + rng.pick([0, IDEM])
    const isMessage = hasBit(flags, MSG)
    const isMore = hasBit(flags, MORE)
    if (isMore && this.#partialCount() >= this.#limits.partials) return
    const rxBytes = rng.pick([0, 0, 16384, 100_000])
    const rxMsgs = rng.pick([0, 0, 1, 100])
    const id = this.#lastId === MAX_CHANNEL_ID ? 1 : this.#lastId + 1
    const channel: OutChannel = {
      id,
      bytesLeft: this.#limits.rxBytes,
      messagesLeft: this.#limits.rxMsgs,
      isFinSent: hasBit(flags, FIN),
      isStopSent: false,
      messageBytes: null,
      byteLimit: rxBytes === 0 ? this.#own.rxBytes : rxBytes,
      countLimit: rxMsgs === 0 ? this.#own.rxMsgs : rxMsgs,
    }
    const payload = this.#payload(flags)
    const frame = naiveEncode({
      kind: 'OPEN',
      flags,
      chan: id,
      timeoutMs: 0,
      rxBytes,
      rxMsgs,
      codec: this.#options.codec ?? 0,
      name: toBytes(rng.pick(this.#options.names ?? ['echo'])),
      entries: this.#entries(0),
      payload,
    })
    if (!this.#charge(channel, frame, isMessage, isMessage)) return
    this.#limits.opens -= 1
    this.#lastId = id
    if (isMore) channel.messageBytes = payload.length
    if (!isOneway) this.#channels.push(channel)
    this.#frames.push(frame)
  }

  #data(channel: OutChannel): void {
    const rng = this.#rng
    const isContinuation = channel.messageBytes !== null
    const flags = isContinuation
      ? rng.pick([MSG, MSG + MORE, MSG + FIN, MSG + FIN + TRL])
      : rng.pick([0, FIN, FIN + TRL, MSG, MSG, MSG, MSG + MORE, MSG + MORE, MSG + FIN, MSG + FIN + TRL])
    const isMessage = hasBit(flags, MSG)
    const isMore = hasBit(flags, MORE)
    const isTrailer = hasBit(flags, TRL)
    if (isMore && !isContinuation && this.#partialCount() >= this.#limits.partials) return
    const payload = this.#payload(flags)
    const messageBytes = (channel.messageBytes ?? 0) + payload.length
    if (messageBytes > MAX_MESSAGE_BYTES) return
    const mayHaveEntries = isTrailer || (!isContinuation && flags !== FIN)
    const entries = mayHaveEntries ? this.#entries(flags === 0 ? 1 : 0) : []
    const frame = naiveEncode({ kind: 'DATA', flags, chan: channel.id, entries, payload })
    const isFree = !isMessage && hasBit(flags, FIN)
    if (!isFree && !this.#charge(channel, frame, isMessage, isMessage && !isContinuation)) return
    channel.messageBytes = isMore ? messageBytes : null
    channel.isFinSent = hasBit(flags, FIN)
    this.#frames.push(frame)
  }

  #controlFrame(channel: OutChannel): void {
    const rng = this.#rng
    const chan = channel.id
    switch (rng.int(0, 5)) {
      case 0:
        this.#frames.push(
          naiveEncode({
            kind: 'RESET',
            flags: 0,
            chan,
            code: rng.pick([0, 1, 10]),
            entries: this.#entries(0),
          }),
        )
        this.#forget(channel)
        break
      case 1:
        this.#frames.push(
          naiveEncode({
            kind: 'END',
            flags: 0,
            chan,
            code: rng.int(1, 16),
            entries: this.#entries(0),
            payload: rng.bytes(5),
          }),
        )
        this.#forget(channel)
        break
      case 2:
        this.#frames.push(naiveEncode({ kind: 'STOP', flags: 0, chan, code: rng.pick([0, 1]) }))
        channel.isStopSent = true
        break
      default:
        if (channel.isStopSent) return
        channel.byteLimit += rng.pick([0, 1, 20_000])
        channel.countLimit += rng.pick([0, 1, 100])
        this.#frames.push(
          naiveEncode({
            kind: 'CREDIT',
            flags: 0,
            chan,
            byteLimit: channel.byteLimit,
            countLimit: channel.countLimit,
          }),
        )
    }
  }

  #connectionFrame(): void {
    const rng = this.#rng
    switch (rng.int(0, 2)) {
      case 0:
        this.#frames.push(naiveEncode({ kind: 'PING', flags: 0, chan: 0, payload: rng.bytes(8) }))
        break
      case 1: {
        this.#connectionByteLimit += rng.pick([0, 1, 50_000])
        this.#openLimit += rng.pick([0, 1, 64])
        const limits = { byteLimit: this.#connectionByteLimit, countLimit: this.#openLimit }
        this.#frames.push(naiveEncode({ kind: 'CREDIT', flags: 0, chan: 0, ...limits }))
        break
      }
      default:
        this.#frames.push(
          naiveEncode({
            kind: 'IGNORABLE',
            type: rng.int(0x80, 0xbf),
            flags: 255,
            chan: rng.next(),
            body: rng.bytes(9),
          }),
        )
    }
  }

  /** Takes what the frame costs; false, and nothing taken, when a limit does not allow it. */
  #charge(channel: OutChannel, frame: Uint8Array, isMessage: boolean, isFirst: boolean): boolean {
    const bytes = frame.length - HEADER_BYTES + (isMessage ? MESSAGE_CHARGE_BYTES : 0)
    const messages = isFirst ? 1 : 0
    const fits =
      bytes <= channel.bytesLeft && bytes <= this.#limits.connBytes && messages <= channel.messagesLeft
    if (!fits) return false
    channel.bytesLeft -= bytes
    channel.messagesLeft -= messages
    this.#limits.connBytes -= bytes
    return true
  }

  #forget(channel: OutChannel): void {
    this.#channels = this.#channels.filter((one) => one !== channel)
  }

  #partialCount(): number {
    return this.#channels.filter((channel) => channel.messageBytes !== null).length
  }

  #payload(flags: number): Uint8Array {
    if (!hasBit(flags, MSG)) return new Uint8Array(0)
    const min = hasBit(flags, MORE) ? 1 : 0
    return this.#rng.bytes(this.#rng.int(min, this.#options.maxPayloadBytes ?? 600))
  }

  #entries(min: number): NaiveEntry[] {
    const rng = this.#rng
    const count = Math.max(min, rng.pick([0, 0, 0, 1, 3]))
    return Array.from({ length: count }, () => ({
      id: 0,
      key: rng.pick(['x-a', 'x-b-bin', 'x-c']),
      value: rng.bytes(3),
    }))
  }
}

function hasBit(flags: number, bit: number): boolean {
  return Math.floor(flags / bit) % 2 === 1
}
