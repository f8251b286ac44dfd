/**
 * Owns: the two ends of a connection through a fault proxy, as plain sockets that write down what they see; the clean-up of a test.
 * Must not know: what is tested.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket, connect as socketConnect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import {
  concat,
  createFaultProxy,
  type FaultProxy,
  type FaultProxyOptions,
  type ProxyAddress,
  within,
} from '../src/index.js'

/** One end of a connection. */
export class End {
  readonly socket: Socket
  readonly chunks: Uint8Array[] = []
  byteCount = 0
  /** What became of it, in order: `end`, codes of errors, `close`. */
  readonly events: string[] = []

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Uint8Array) => {
      this.chunks.push(chunk)
      this.byteCount += chunk.length
    })
    socket.on('end', () => this.events.push('end'))
    socket.on('error', (error: NodeJS.ErrnoException) => this.events.push(error.code ?? error.message))
    socket.on('close', () => this.events.push('close'))
  }

  get bytes(): Uint8Array {
    return concat(this.chunks)
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1')
  }

  get lengths(): number[] {
    return this.chunks.map((chunk) => chunk.length)
  }

  /** Waits until so many bytes have come. */
  received(byteCount: number): Promise<void> {
    return until(() => this.byteCount >= byteCount, `${byteCount} bytes`)
  }

  saw(event: string): Promise<void> {
    return until(() => this.events.includes(event), `'${event}'`).catch(() => {
      throw new Error(`waited for '${event}', and saw '${this.events}'`)
    })
  }
}

/** Turns the event loop until a condition holds. */
export async function until(isMet: () => boolean, what: string): Promise<void> {
  let isOver = false
  const turn = async (): Promise<void> => {
    while (!isMet() && !isOver) await new Promise<void>((resolve) => setImmediate(resolve))
  }
  await within(turn(), what).finally(() => {
    isOver = true
  })
}

/** Far more turns of the event loop than bytes need on loopback: what has not come then is not on its way. */
export async function someTurns(count = 50): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** A listener that accepts `End`s, a proxy before it, and who dials the proxy. */
export class Stage {
  readonly accepted: End[] = []
  readonly #server: Server
  readonly #dialed: End[] = []
  readonly #proxies: FaultProxy[] = []
  #proxy: FaultProxy | null = null

  constructor() {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.accepted.push(new End(socket)))
  }

  get proxy(): FaultProxy {
    if (this.#proxy === null) throw new Error('there is no proxy yet')
    return this.#proxy
  }

  /** Listens, and puts a proxy before it. */
  async open(options: Partial<FaultProxyOptions> = {}, listen?: ProxyAddress): Promise<FaultProxy> {
    this.#server.listen(listen ?? { host: '127.0.0.1', port: 0 })
    await new Promise<void>((resolve) => this.#server.once('listening', () => resolve()))
    const bound = this.#server.address()
    const target = typeof bound === 'string' ? { path: bound } : { host: '127.0.0.1', port: bound?.port ?? 0 }
    this.#proxy = await createFaultProxy({ target, ...options })
    this.#proxies.push(this.#proxy)
    return this.#proxy
  }

  /** Dials the proxy, and waits until that is all that there is to see from outside. */
  async dial(): Promise<End> {
    const end = new End(socketConnect({ ...this.proxy.address, allowHalfOpen: true }))
    this.#dialed.push(end)
    await until(() => !end.socket.connecting, 'a connection to the proxy')
    return end
  }

  /** Both ends of a new connection. */
  async pair(): Promise<{ near: End; far: End }> {
    const index = this.accepted.length
    const near = await this.dial()
    await until(() => this.accepted.length > index, 'a connection at the target')
    return { near, far: this.accepted[index] as End }
  }

  async close(): Promise<void> {
    for (const { socket } of [...this.#dialed, ...this.accepted]) socket.destroy()
    for (const proxy of this.#proxies) await proxy.close()
    this.#server.close()
  }
}

/** A new stage for each test of the file. */
export function useStage(): () => Stage {
  let stage: Stage | null = null
  afterEach(async () => {
    await stage?.close()
    stage = null
  })
  return () => {
    stage ??= new Stage()
    return stage
  }
}

/** A folder for socket files, removed after each test. */
export function useFolder(): (name: string) => string {
  let folder: string | null = null
  afterEach(() => {
    if (folder !== null) rmSync(folder, { recursive: true })
    folder = null
  })
  return (name) => {
    folder ??= mkdtempSync(join(tmpdir(), 'peerplex-'))
    return join(folder, name)
  }
}
