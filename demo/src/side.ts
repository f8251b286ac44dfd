// Owns: what one process does in the demonstration: its session, what it opens, what it answers, and its report.
// Must not know: which of the two processes it is; that is the point.
import { randomBytes } from 'node:crypto'
import { SessionDriver, type SessionDriverEvents } from '@peerplex/peer'
import { type Channel, ERRORS, type SessionStats } from '@peerplex/wire'
import type { Connection } from '@peerplex/wire/transport'
import { type CallsReport, ECHO_CHANNEL, ECHO_SINK, EchoCalls } from './echo-calls.js'
import { FileSource } from './file-source.js'
import { type MemoryReport, MemoryWatch } from './memory-watch.js'
import {
  PAUSED_CHANNEL,
  type PauseReport,
  PausingReader,
  PROGRESS_CHANNEL,
  pausedSource,
  progressSink,
} from './paused-stream.js'
import { TransferReceiver, type TransferReport, TransferSender } from './transfer.js'

const FILE_CHANNEL = 'demo/file'

/** What one side has done and seen; goes to the other process as JSON. */
export interface SideReport {
  readonly pid: number
  readonly fileSent: TransferReport
  readonly fileReceived: TransferReport
  readonly pausedSent: TransferReport
  readonly pausedReceived: TransferReport
  /** The pause of the reader on this side. */
  readonly pause: PauseReport
  readonly calls: CallsReport
  readonly elapsedMs: number
  readonly memory: MemoryReport
  readonly stats: SessionStats
}

export interface SideProgress {
  readonly sentBytes: number
  readonly receivedBytes: number
  readonly callCount: number
}

export class Side {
  /** Rejects when the connection or anything on it fails. */
  readonly report: Promise<SideReport>
  /** The connection is gone. */
  readonly released: Promise<void>
  readonly #driver: SessionDriver
  readonly #file: string
  readonly #fileReceiver = new TransferReceiver()
  readonly #pausingReader: PausingReader
  readonly #memory = new MemoryWatch()
  #fileSender: TransferSender | null = null
  #pausedSender: TransferSender | null = null
  #calls: EchoCalls | null = null
  #resolve: (report: SideReport) => void = () => {}
  #reject: (error: unknown) => void = () => {}
  #release: () => void = () => {}

  constructor(connection: Connection, file: string) {
    this.#file = file
    this.report = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.released = new Promise((resolve) => {
      this.#release = resolve
    })
    this.#driver = new SessionDriver(connection, { instance: randomBytes(16) }, this.#events())
    const { session } = this.#driver
    this.#pausingReader = new PausingReader(session, () => this.#fileReceiver.byteCount)
    this.#driver.start()
  }

  get progress(): SideProgress {
    return {
      sentBytes: (this.#fileSender?.byteCount ?? 0) + (this.#pausedSender?.byteCount ?? 0),
      receivedBytes: this.#fileReceiver.byteCount + this.#pausingReader.receiver.byteCount,
      callCount: this.#calls?.rightCount ?? 0,
    }
  }

  /** Ends the session; the other side learns it. */
  close(): void {
    this.#driver.session.close()
  }

  #events(): SessionDriverEvents {
    return {
      onHello: () => {
        this.#run().then(this.#resolve, this.#reject)
      },
      onChannel: (channel) => this.#accept(channel),
      onHandlerError: (error) => this.#reject(error),
      onUnexpectedError: (error) => this.#reject(error),
      // After the report this changes nothing any more.
      onClose: (error) => this.#reject(error ?? new Error('the other side closed the connection early')),
      onReleased: () => this.#release(),
    }
  }

  #accept(channel: Channel): void {
    if (channel.name === ECHO_CHANNEL) channel.accept(ECHO_SINK)
    else if (channel.name === FILE_CHANNEL) channel.accept(this.#fileReceiver)
    else if (channel.name === PAUSED_CHANNEL) channel.accept(this.#pausingReader.receiver)
    else if (channel.name === PROGRESS_CHANNEL && this.#pausedSender !== null)
      channel.accept(progressSink(this.#pausedSender))
    else channel.refuse(ERRORS.UNIMPLEMENTED.wireCode, `there is no '${channel.name}'`)
  }

  /** Everything at once, in both directions. */
  async #run(): Promise<SideReport> {
    const startedMs = performance.now()
    const { session } = this.#driver
    this.#memory.start()
    const pausedSender = new TransferSender(session, PAUSED_CHANNEL)
    this.#pausedSender = pausedSender
    const calls = new EchoCalls(session)
    this.#calls = calls
    try {
      const [fileSent, fileReceived, pausedSent, pausedReceived, pause, called] = await Promise.all([
        this.#sendFile(),
        this.#fileReceiver.report,
        pausedSender.run(pausedSource()),
        this.#pausingReader.receiver.report,
        this.#pausingReader.pause,
        calls.run(),
      ])
      return {
        pid: process.pid,
        fileSent,
        fileReceived,
        pausedSent,
        pausedReceived,
        pause,
        calls: called,
        elapsedMs: performance.now() - startedMs,
        memory: this.#memory.report(),
        stats: session.stats(),
      }
    } finally {
      this.#memory.stop()
    }
  }

  async #sendFile(): Promise<TransferReport> {
    const source = await FileSource.open(this.#file)
    try {
      const sender = new TransferSender(this.#driver.session, FILE_CHANNEL)
      this.#fileSender = sender
      return await sender.run(source.next)
    } finally {
      await source.close()
    }
  }
}
