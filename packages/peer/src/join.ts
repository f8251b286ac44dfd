// Owns: tying a channel to a duplex stream: bytes go both ways as they are, each direction at the speed of its reader, and
// each ends for itself.
// Must not know: any particular kind of stream.

import { ClosedError, Headers, PeerplexError } from '@peerplex/wire'
import { encodeText, reasonOf } from '@peerplex/wire/internal'
import type { ChannelCore } from './channel-core.js'
import type { Reader } from './channel-input.js'
import { READY } from './channel-output.js'

/** What `join` needs of a stream; every Duplex of Node has it. */
export interface DuplexLike {
  /** False: wait for 'drain'. */
  write(chunk: Uint8Array): boolean
  end(): unknown
  /** 'data', 'drain', 'end', 'close' and 'error' are listened to. */
  on(event: string, listener: (argument: unknown) => void): unknown
  pause(): unknown
  resume(): unknown
  destroy?(error?: Error): unknown
}

/** Every receiver takes messages of this size. */
const PIECE_BYTES = 65_536

/** Resolves when both directions have ended; rejects with the error of either side. Need not be awaited. */
export function joinDuplex(core: ChannelCore, duplex: DuplexLike): Promise<void> {
  const joint = new Joint(core, duplex)
  // Who does not wait for it hears of errors by `closed`.
  joint.done.catch(() => {})
  return joint.done
}

class Joint implements Reader {
  readonly done: Promise<void>
  readonly #core: ChannelCore
  readonly #duplex: DuplexLike
  #resolve: () => void = () => {}
  #reject: (error: unknown) => void = () => {}
  #isOver = false
  /** Everything of the duplex is sent, or the other side wants no more of it. */
  #isOutputDone = false
  /** The duplex has ended its side by itself. */
  #hasDuplexEnded = false
  #isInputDone = false
  #isReading = false
  #isBlocked = false

  constructor(core: ChannelCore, duplex: DuplexLike) {
    this.#core = core
    this.#duplex = duplex
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    core.extras.reader = this
    core.extras.onOutputClosed = () => this.#onUnwanted()
    duplex.on('data', (chunk) => this.#onData(chunk))
    duplex.on('end', () => this.#onEnd())
    duplex.on('drain', () => this.#onDrain())
    duplex.on('error', (error) => this.#onError(error))
    duplex.on('close', () => this.#onClose())
    if (!core.isWritable) this.#onUnwanted()
    this.onInput()
  }

  // ---- channel to duplex --------------------------------------------------------------------------------------------

  onInput(): void {
    if (this.#isReading || this.#isOver) return
    this.#isReading = true
    while (!this.#isBlocked && !this.#isInputDone) {
      const message = this.#core.read()
      if (message === null) break
      this.#isBlocked = message.payload.length > 0 && !this.#duplex.write(message.payload)
    }
    this.#isReading = false
    this.#checkInput()
  }

  #checkInput(): void {
    if (this.#isOver) return
    if (this.#core.ending.hasFailed) {
      this.#fail(this.#core.ending.failure)
    } else if (this.#core.isInputEnded && !this.#isInputDone && !this.#isBlocked) {
      this.#isInputDone = true
      this.#duplex.end()
      this.#checkDone()
    }
  }

  #onDrain(): void {
    this.#isBlocked = false
    this.onInput()
  }

  // ---- duplex to channel --------------------------------------------------------------------------------------------

  #onData(chunk: unknown): void {
    if (this.#isOver || this.#isOutputDone) return
    const bytes = typeof chunk === 'string' ? encodeText(chunk) : (chunk as Uint8Array)
    let ready: Promise<void> | null = null
    try {
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        const length = Math.min(PIECE_BYTES, bytes.length - at)
        // Buffers of Node become plain arrays, which are cheaper to cut.
        ready = this.#core.sendBytes(new Uint8Array(bytes.buffer, bytes.byteOffset + at, length))
      }
    } catch (error) {
      this.#onError(error)
      return
    }
    if (ready === null || ready === READY) return
    this.#duplex.pause()
    ready.then(() => {
      if (!this.#isOver && !this.#isOutputDone) this.#duplex.resume()
    })
  }

  #onEnd(): void {
    if (this.#isOver) return
    this.#hasDuplexEnded = true
    this.#isOutputDone = true
    this.#core.endOutput(Headers.EMPTY)
    this.#checkDone()
  }

  /** The other side wants no more of the duplex, which need not notice: what it still says is left there. */
  #onUnwanted(): void {
    if (this.#isOver || this.#isOutputDone || this.#core.ending.outcome !== null) return
    this.#isOutputDone = true
    this.#duplex.pause()
    this.#checkDone()
  }

  // ---- the end ------------------------------------------------------------------------------------------------------

  #checkDone(): void {
    if (this.#isOver || !this.#isInputDone || !this.#isOutputDone) return
    this.#isOver = true
    if (!this.#hasDuplexEnded) this.#duplex.destroy?.()
    this.#resolve()
  }

  /** The duplex broke: the other side learns that this was not the end of the data. */
  #onError(error: unknown): void {
    if (this.#isOver) return
    const reason = reasonOf(error)
    const own =
      error instanceof PeerplexError
        ? error
        : new ClosedError(
            'UNAVAILABLE',
            `the stream joined to channel '${this.#core.name}' failed: ${reason}`,
            {
              delivery: 'processed',
              cause: error,
            },
          )
    this.#core.fail(own)
    this.#fail(own)
  }

  #onClose(): void {
    if (this.#isOver) return
    if (!this.#hasDuplexEnded && !this.#isOutputDone) this.#onError(new Error('it was closed before its end'))
    // Closed after its end, it takes no more either.
    else if (!this.#isInputDone) {
      this.#isInputDone = true
      this.#core.stop()
      this.#checkDone()
    }
  }

  #fail(error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#reject(error)
    if (this.#duplex.destroy === undefined) this.#duplex.end()
    else this.#duplex.destroy(error instanceof Error ? error : undefined)
  }
}
