/**
 * Owns: the surroundings of one case of the transport contract: a transport with a listener, what is dialed and accepted, the clean-up.
 * Must not know: what the case checks.
 */
import {
  type Connection,
  type ConnectOptions,
  type Listener,
  parseEndpoint,
  type Transport,
} from '@peerplex/wire/transport'
import { ConnectionRecorder, ContractWatch, within } from './connection-recorder.js'

/** Where the transport and its endpoints come from. */
export interface TransportSetup {
  makeTransport(): Transport
  /** An endpoint to bind that nobody else uses; never the same twice, unless the system picks what is free. */
  freshUrl(): string
}

/** A transport with one listener, and everything to be cleaned up after a case. */
export class Environment {
  readonly setup: TransportSetup
  readonly transport: Transport
  readonly watch: ContractWatch = new ContractWatch()
  /** Whether accepted connections get their sink at once; otherwise the case calls `take`. */
  isTaking: boolean = true
  /** What an accepted connection does with data. */
  onAcceptedChunk: ((chunk: Uint8Array, recorder: ConnectionRecorder) => void) | null = null
  readonly accepted: ConnectionRecorder[] = []
  readonly #dialed: ConnectionRecorder[] = []
  readonly #listeners: Listener[] = []
  #onAccept: () => void = () => {}

  constructor(setup: TransportSetup) {
    this.setup = setup
    this.transport = setup.makeTransport()
  }

  get listener(): Listener {
    return this.#listeners[0] as Listener
  }

  async bind(url: string = this.setup.freshUrl()): Promise<Listener> {
    const listener = await this.transport.listen(parseEndpoint(url), {}, (connection) =>
      this.#accept(connection),
    )
    this.#listeners.push(listener)
    return listener
  }

  connect(url: string = this.listener.url, options: ConnectOptions = {}): Promise<Connection> {
    return this.transport.connect(parseEndpoint(url), options)
  }

  /** A dialed connection and its accepted other end. */
  async pair(url: string = this.listener.url): Promise<{ a: ConnectionRecorder; b: ConnectionRecorder }> {
    const index = this.accepted.length
    const a = await this.dial(url)
    await this.acceptedCount(index + 1)
    return { a, b: this.accepted[index] as ConnectionRecorder }
  }

  async dial(url: string = this.listener.url): Promise<ConnectionRecorder> {
    const connection = await this.connect(url)
    const recorder = new ConnectionRecorder(connection, `dialed ${this.#dialed.length}`, this.watch)
    this.#dialed.push(recorder)
    return recorder
  }

  async acceptedCount(count: number): Promise<void> {
    const arrival = new Promise<void>((resolve) => {
      this.#onAccept = () => {
        if (this.accepted.length >= count) resolve()
      }
      this.#onAccept()
    })
    await within(arrival, `${count} accepted connections`)
  }

  async tearDown(): Promise<void> {
    for (const recorder of [...this.#dialed, ...this.accepted]) recorder.destroy()
    for (const listener of this.#listeners) await listener.close()
  }

  #accept(connection: Connection): void {
    const name = `accepted ${this.accepted.length}`
    const recorder = new ConnectionRecorder(connection, name, this.watch, this.isTaking)
    recorder.onChunk = (chunk) => this.onAcceptedChunk?.(chunk, recorder)
    this.accepted.push(recorder)
    this.#onAccept()
  }
}
