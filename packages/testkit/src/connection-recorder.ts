/**
 * Owns: an owner of a transport connection that writes down what it is told and holds the connection to its contract:
 * nothing from within a call, no drain that was not owed, one end and nothing after it.
 * Must not know: which transport it is.
 */
import { createHash } from 'node:crypto'
import type { Connection, ConnectionEnd, ConnectionSink } from '@peerplex/wire/transport'
import { Random } from './random.js'

/** How long anything may take; far more than it does, so that a hang is a message and not a timeout of the runner. */
const PATIENCE_MS = 20_000

/** Waits for a promise, but not forever; `what` completes "waited for …". */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited for ${what}, in vain`)), PATIENCE_MS)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}

/** What the recorders of one test share: whether code of an owner is running, and what went wrong. */
export class ContractWatch {
  readonly violations: string[] = []
  #depth = 0

  /** Runs a call into a connection; no sink may be called meanwhile. */
  calling<T>(call: () => T): T {
    this.#depth += 1
    try {
      return call()
    } finally {
      this.#depth -= 1
    }
  }

  get isCalling(): boolean {
    return this.#depth > 0
  }
}

interface Waiter {
  readonly isMet: () => boolean
  readonly resolve: () => void
}

export class ConnectionRecorder implements ConnectionSink {
  readonly connection: Connection
  /** Received so far. */
  byteCount = 0
  chunkCount = 0
  drainCount = 0
  endCount = 0
  /** What `onEnd` said. */
  error: ConnectionEnd
  /** Kept only while there is little of it. */
  readonly chunks: Uint8Array[] = []
  /** What to do on data, after it was written down. */
  onChunk: ((chunk: Uint8Array) => void) | null = null

  readonly #watch: ContractWatch
  readonly #name: string
  readonly #hash = createHash('sha256')
  readonly #waiters: Waiter[] = []
  #isDrainOwed = false
  #isDestroyed = false

  /** Takes the connection over, unless told to leave its sink alone for now (`take` does it then). */
  constructor(connection: Connection, name: string, watch: ContractWatch, isTaking = true) {
    this.connection = connection
    this.#name = name
    this.#watch = watch
    if (isTaking) this.take()
  }

  take(): void {
    this.#watch.calling(() => {
      this.connection.sink = this
    })
  }

  // ---- from the test ------------------------------------------------------------------------------------------------

  write(...parts: Uint8Array[]): boolean {
    const hasRoom = this.#watch.calling(() => this.connection.write(parts))
    if (!hasRoom) this.#isDrainOwed = true
    return hasRoom
  }

  end(): void {
    this.#watch.calling(() => this.connection.end(0))
  }

  destroy(): void {
    this.#isDestroyed = true
    this.#watch.calling(() => this.connection.destroy())
  }

  /** SHA-256 of everything received. */
  get digest(): string {
    return this.#hash.copy().digest('hex')
  }

  /** Everything received as one array; only for little data. */
  get bytes(): Uint8Array {
    return Uint8Array.from(this.chunks.flatMap((chunk) => [...chunk]))
  }

  async received(byteCount: number): Promise<void> {
    await this.#until(() => this.byteCount >= byteCount, `${byteCount} bytes at ${this.#name}`)
  }

  async ended(): Promise<ConnectionEnd> {
    await this.#until(() => this.endCount > 0, `the end at ${this.#name}`)
    return this.error
  }

  /** Waits for the drain that is owed; resolves at once when none is, or when the connection is over. */
  async drained(): Promise<void> {
    await this.#until(() => !this.#isDrainOwed || this.endCount > 0, `a drain at ${this.#name}`)
  }

  // ---- from the connection ------------------------------------------------------------------------------------------

  onData(chunk: Uint8Array): void {
    this.#check('onData')
    if (!(chunk instanceof Uint8Array) || chunk.length === 0) this.#complain('got no bytes as data')
    this.byteCount += chunk.length
    this.chunkCount += 1
    this.#hash.update(chunk)
    if (this.byteCount < 1_000) this.chunks.push(chunk.slice())
    this.onChunk?.(chunk)
    this.#wake()
  }

  onDrain(): void {
    this.#check('onDrain')
    if (!this.#isDrainOwed) this.#complain('got a drain that was not owed')
    this.#isDrainOwed = false
    this.drainCount += 1
    this.#wake()
  }

  onEnd(error: ConnectionEnd): void {
    this.#check('onEnd')
    this.endCount += 1
    this.error = error
    this.#wake()
  }

  #check(call: string): void {
    if (this.#watch.isCalling) this.#complain(`got ${call} from within a call`)
    if (this.endCount > 0) this.#complain(`got ${call} after onEnd`)
    if (this.#isDestroyed) this.#complain(`got ${call} after its own destroy`)
  }

  #complain(what: string): void {
    this.#watch.violations.push(`${this.#name} ${what}`)
  }

  async #until(isMet: () => boolean, what: string): Promise<void> {
    if (isMet()) return
    await within(new Promise<void>((resolve) => this.#waiters.push({ isMet, resolve })), what)
  }

  #wake(): void {
    for (let i = this.#waiters.length - 1; i >= 0; i--) {
      const waiter = this.#waiters[i] as Waiter
      if (!waiter.isMet()) continue
      this.#waiters.splice(i, 1)
      waiter.resolve()
    }
  }
}

export interface Sent {
  readonly digest: string
  /** How often the connection asked to wait. */
  readonly waitCount: number
  readonly writeCount: number
}

/** Sends so many random bytes in writes of one to four parts of very different sizes, waiting whenever asked to. */
export async function sendRandom(to: ConnectionRecorder, byteCount: number, seed: number): Promise<Sent> {
  const rng = new Random(seed)
  const supply = rng.bytes(65_536)
  const hash = createHash('sha256')
  let waitCount = 0
  let writeCount = 0
  for (let sent = 0; sent < byteCount && to.endCount === 0; ) {
    const parts: Uint8Array[] = []
    for (let count = rng.int(1, 4); count > 0 && sent < byteCount; count--) {
      const size = Math.min(byteCount - sent, rng.int(1, rng.bool() ? 200 : 60_000))
      const start = rng.int(0, supply.length - size)
      const part = supply.slice(start, start + size)
      hash.update(part)
      parts.push(part)
      sent += size
    }
    writeCount += 1
    if (to.write(...parts)) continue
    waitCount += 1
    await to.drained()
  }
  return { digest: hash.digest('hex'), waitCount, writeCount }
}
