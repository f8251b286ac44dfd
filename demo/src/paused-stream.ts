// Owns: the proof of back-pressure: a reader that stops for a second, and how far the writer got meanwhile.
// Must not know: files, processes, how results are shown.
import type { Channel, ChannelSink, Session } from '@peerplex/wire'
import { type MessageSource, TransferReceiver, type TransferSender } from './transfer.js'

export const PAUSED_CHANNEL = 'demo/paused'
/** A call to it tells how many bytes of the stream the writer has handed over so far. */
export const PROGRESS_CHANNEL = 'demo/progress'

const MESSAGE_BYTES = 16_384
const MESSAGE_COUNT = 256
/** The reader stops here: several windows in, with far more than a window still to come. */
const PAUSE_AFTER_BYTES = 1_048_576
const PAUSE_MS = 1_000

export interface PauseReport {
  readonly pausedMs: number
  /** What the writer had handed over at the end of the pause, less what the reader had read at its beginning. */
  readonly aheadBytes: number
  /** The window of the channel and one message, which may wait on the writer's side. */
  readonly allowedBytes: number
  /** What the same connection delivered of the file during the pause. */
  readonly otherBytes: number
}

/** The messages of the stream: each is different, so that a lost or repeated one shows. */
export function pausedSource(): MessageSource {
  let count = 0
  return async () => {
    if (count === MESSAGE_COUNT) return null
    const message = new Uint8Array(MESSAGE_BYTES).fill(count)
    new DataView(message.buffer).setUint32(0, count)
    count++
    return message
  }
}

/** Answers how far the writer is. */
export function progressSink(writer: TransferSender): ChannelSink {
  return {
    onMessage: (_payload, _headers, channel) => {
      channel.sendLast(Buffer.from(String(writer.byteCount)))
      channel.settle()
    },
    onClose: (_outcome, channel) => channel.settle(),
  }
}

/** Reads the stream, stops for a while in the middle of it, and then asks how far the writer got. */
export class PausingReader {
  readonly receiver: TransferReceiver
  readonly pause: Promise<PauseReport>
  readonly #session: Session
  readonly #otherBytes: () => number
  #resolve: (report: PauseReport) => void = () => {}
  #isBefore = true

  /** `otherBytes` counts what else arrives. */
  constructor(session: Session, otherBytes: () => number) {
    this.#session = session
    this.#otherBytes = otherBytes
    this.pause = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.receiver = new TransferReceiver((_receiver, channel) => {
      if (this.#isBefore && this.receiver.byteCount >= PAUSE_AFTER_BYTES) this.#stop(channel)
    })
  }

  #stop(channel: Channel): void {
    this.#isBefore = false
    channel.pause()
    const startedMs = performance.now()
    const readBytes = this.receiver.byteCount
    const otherBefore = this.#otherBytes()
    setTimeout(() => {
      const otherBytes = this.#otherBytes() - otherBefore
      this.#askProgress((writtenBytes) => {
        this.#resolve({
          pausedMs: performance.now() - startedMs,
          aheadBytes: writtenBytes - readBytes,
          allowedBytes: this.#session.limits.channelWindowBytes + MESSAGE_BYTES,
          otherBytes,
        })
        channel.resume()
      })
    }, PAUSE_MS)
  }

  #askProgress(onAnswer: (writtenBytes: number) => void): void {
    if (!this.#session.isUsable) return
    this.#session.open(PROGRESS_CHANNEL, {
      message: new Uint8Array(0),
      isLast: true,
      sink: { onMessage: (payload) => onAnswer(Number(Buffer.from(payload).toString())) },
    })
  }
}
