// Owns: moving a long sequence of messages over one channel, with its SHA-256 computed and compared on both ends.
// Must not know: where the messages come from, what else the session does.
//
// The sender's trailers carry its digest; the receiver answers with its own. So each end learns whether they agree.
import { createHash, type Hash } from 'node:crypto'
import type { Channel, ChannelSink, Headers, Outcome, Session } from '@peerplex/wire'

/** Gives the next message, which nobody changes any more, or null after the last. */
export type MessageSource = () => Promise<Uint8Array | null>

/** What one end has seen of a transfer. */
export interface TransferReport {
  readonly messageCount: number
  readonly byteCount: number
  readonly elapsedMs: number
  /** SHA-256 in hex as computed here, and as the other end says. */
  readonly digest: string
  readonly otherDigest: string
}

const DIGEST_HEADER = 'sha256'

/** Sends everything a source gives, never faster than the other side allows. */
export class TransferSender implements ChannelSink {
  messageCount = 0
  /** Bytes handed to the channel, the message that waits for room included. */
  byteCount = 0
  readonly #hash: Hash = createHash('sha256')
  readonly #startedMs = performance.now()
  readonly #channel: Channel
  readonly #outcome: Promise<Outcome>
  #settle: (outcome: Outcome) => void = () => {}
  #wake: (() => void) | null = null
  #answer = ''

  constructor(session: Session, name: string) {
    this.#outcome = new Promise((resolve) => {
      this.#settle = resolve
    })
    this.#channel = session.open(name, { sink: this })
  }

  /** Resolves once the other end has everything. Rejects when the channel ends early, or with what the source threw. */
  async run(source: MessageSource): Promise<TransferReport> {
    try {
      for (let message = await source(); message !== null; message = await source()) {
        if (!this.#channel.isWritable) break
        this.#hash.update(message)
        this.messageCount++
        this.byteCount += message.length
        // The one rule of back-pressure: after false, wait until there is room.
        if (!this.#channel.send(message)) await this.#room()
      }
    } catch (error) {
      this.#channel.reset()
      throw error
    }
    const digest = this.#hash.digest('hex')
    this.#channel.end({ [DIGEST_HEADER]: digest })
    const outcome = await this.#outcome
    if (outcome.code !== 0) throw earlyEnd(this.#channel, outcome)
    const elapsedMs = performance.now() - this.#startedMs
    const { messageCount, byteCount } = this
    return { messageCount, byteCount, elapsedMs, digest, otherDigest: this.#answer }
  }

  onMessage(payload: Uint8Array): void {
    this.#answer = Buffer.from(payload).toString('latin1')
  }

  onWritable(): void {
    this.#wake?.()
  }

  onClose(outcome: Outcome): void {
    this.#settle(outcome)
    this.#wake?.()
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      // The channel may have ended within `send`.
      if (this.#channel.isWritable) this.#wake = resolve
      else resolve()
    })
  }
}

/** The other end of a transfer. */
export class TransferReceiver implements ChannelSink {
  messageCount = 0
  byteCount = 0
  readonly report: Promise<TransferReport>
  readonly #hash: Hash = createHash('sha256')
  readonly #startedMs = performance.now()
  readonly #onProgress: (receiver: TransferReceiver, channel: Channel) => void
  #resolve: (report: TransferReport) => void = () => {}
  #reject: (error: Error) => void = () => {}
  #digest = ''
  #otherDigest = ''

  /** `onProgress` is called after each message and may pause the channel. */
  constructor(onProgress: (receiver: TransferReceiver, channel: Channel) => void = () => {}) {
    this.#onProgress = onProgress
    this.report = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  onMessage(payload: Uint8Array, _headers: Headers, channel: Channel): void {
    this.#hash.update(payload)
    this.messageCount++
    this.byteCount += payload.length
    this.#onProgress(this, channel)
  }

  onEnd(trailers: Headers, channel: Channel): void {
    this.#digest = this.#hash.digest('hex')
    this.#otherDigest = trailers.get(DIGEST_HEADER) ?? ''
    channel.sendLast(Buffer.from(this.#digest, 'latin1'))
  }

  onClose(outcome: Outcome, channel: Channel): void {
    channel.settle()
    if (outcome.code !== 0) {
      this.#reject(earlyEnd(channel, outcome))
      return
    }
    const elapsedMs = performance.now() - this.#startedMs
    const { messageCount, byteCount } = this
    this.#resolve({
      messageCount,
      byteCount,
      elapsedMs,
      digest: this.#digest,
      otherDigest: this.#otherDigest,
    })
  }
}

function earlyEnd(channel: Channel, outcome: Outcome): Error {
  const text = outcome.message === '' ? '' : `, ${outcome.message}`
  return new Error(`channel '${channel.name}' ended early: ${outcome.name}${text}`)
}
