// Owns: one pair of peers: the dialing peer of this process and the process with the listening one, which can be restarted.
// Must not know: what they say to each other, how results are shown.
import { rmSync } from 'node:fs'
import { createPeer, type Link, type Peer } from 'peerplex'
import { ForkedProcess } from '../forked-process.js'
import type { SideProgress } from '../side.js'
import { within } from '../within.js'
import type { PeersMessage, PeersOrder } from './listener.js'
import { double } from './service.js'

/** First argument of the program when it is to be the process of the listening peer. */
export const PEERS_ARGUMENT = '--peers-listener'

/** How long a process that is about to end may take for it before it is ended. */
const ENDING_MS = 5_000
/** The process that is waited for is back in about a second: longer pauses between attempts would only make people wait. */
const MAX_RECONNECT_MS = 500
/** The default, named because a comparison depends on it. */
export const WINDOW_BYTES = 540_672

export class PeersRun {
  readonly peer: Peer
  /** Resolves with how the listening process ended when it did so without being told to. */
  readonly breakdown: Promise<string>
  /** What the watch over the run looks at. */
  sentBytes = 0
  callCount = 0
  readonly #program: string
  #url: string
  #link: Link | null = null
  #listener: ForkedProcess<PeersMessage> | null = null
  #isEndExpected = false
  #breakDown: (ending: string) => void = () => {}
  readonly #cleanUp = (): void => this.#destroy()

  /** `url` is where the other peer is to listen. */
  constructor(program: string, url: string) {
    this.#program = program
    this.#url = url
    this.breakdown = new Promise((resolve) => {
      this.#breakDown = resolve
    })
    this.peer = createPeer({
      id: 'dialer',
      limits: { channelWindowBytes: WINDOW_BYTES },
      reconnect: { maxMs: MAX_RECONNECT_MS },
    })
    this.peer.handle('math.double', double)
    process.once('exit', this.#cleanUp)
  }

  get progress(): SideProgress {
    return { sentBytes: this.sentBytes, receivedBytes: 0, callCount: this.callCount }
  }

  /** Starts the other process and connects to it. */
  async start(): Promise<void> {
    await this.startListener()
    this.#link = this.peer.connect(this.#url)
    await this.#link.ready
  }

  /** Starts the other process, the second time where it was the first time. The dialing peer is told nothing. */
  async startListener(): Promise<void> {
    this.#isEndExpected = false
    const listener = new ForkedProcess<PeersMessage>('the listening peer', this.#program, [
      PEERS_ARGUMENT,
      this.#url,
    ])
    this.#listener = listener
    listener.ending.then((text) => {
      if (!this.#isEndExpected) this.#breakDown(text === '' ? 'the listening peer ended early' : text)
    })
    this.#url = await listener.hear(({ url }) => url)
  }

  /** Ends the other process at once; resolves when it is gone and the dialing peer has seen it. */
  async killListener(): Promise<void> {
    this.#isEndExpected = true
    const isSeen = new Promise<void>((resolve) => {
      const forget = this.peer.on('disconnect', () => {
        forget()
        resolve()
      })
    })
    this.#listener?.kill()
    await this.#listener?.ending
    await isSeen
  }

  /** Ends both in order; resolves with how the other process ended, empty for well. */
  async end(): Promise<string> {
    await this.peer.close()
    this.#isEndExpected = true
    const order: PeersOrder = { kind: 'end' }
    this.#listener?.tell(order)
    return within(
      ENDING_MS,
      this.#listener?.ending ?? Promise.resolve(''),
      'the listening peer did not end by itself',
    )
  }

  /** Whatever happened: nothing of it stays. */
  async dispose(): Promise<void> {
    process.off('exit', this.#cleanUp)
    await this.peer.close()
    this.#isEndExpected = true
    this.#listener?.kill()
    await this.#listener?.ending
    this.#destroy()
  }

  #destroy(): void {
    this.#listener?.kill()
    // A process that was killed leaves its socket file.
    if (this.#url.startsWith('unix:')) rmSync(this.#url.slice('unix:'.length), { force: true })
  }
}
