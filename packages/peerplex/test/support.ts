/**
 * Owns: small helpers that the tests of whole systems and the programs they start share: promises, ports, plain servers.
 * Must not know: what is tested; how programs are made and started (programs.ts).
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { PeerplexError, UsageError } from '../src/index.js'

/** Ends what hangs; nothing here takes that long, but a busy machine may. */
export const HANG_MS = 60_000

/** Rejects instead of hanging. */
export async function within<T>(promise: Promise<T>, what: string, ms: number = HANG_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${ms} ms`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** Waits until a condition holds that nobody tells of. */
export async function until(isMet: () => boolean, what: string, ms: number = HANG_MS): Promise<void> {
  const endMs = performance.now() + ms
  while (!isMet()) {
    if (performance.now() > endMs) throw new Error(`${what} did not happen within ${ms} ms`)
    await sleep(5)
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** What a promise rejected with, which must be an error of this library; fails when it resolved. */
export async function rejection(promise: Promise<unknown>): Promise<PeerplexError> {
  const outcome = await within(
    promise.then(
      (value) => ({ value }),
      (error) => ({ error }),
    ),
    'an outcome',
  )
  if (!('error' in outcome)) throw new Error(`it resolved with ${JSON.stringify(outcome.value)}`)
  if (!(outcome.error instanceof PeerplexError)) throw new Error(`not a typed error: ${outcome.error}`)
  return outcome.error
}

/** The UsageError that a call threw; fails when it threw nothing, or anything else. */
export function thrown(call: () => unknown): UsageError {
  try {
    call()
  } catch (error) {
    if (error instanceof UsageError) return error
    throw error
  }
  throw new Error('it did not throw')
}

/** All items up to the end. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

export async function* upTo(count: number): AsyncGenerator<number> {
  for (let i = 0; i < count; i++) yield i
}

/** A port where nobody listens. Another program may take it, which is unlikely for as long as a test runs. */
export async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listen(server)
  server.close()
  await once(server, 'close')
  return port
}

/** Listens on loopback and tells the port. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A server that is not of this library, and all its sockets, which `close` destroys. */
export class RawServer {
  readonly sockets: Set<Socket> = new Set()
  readonly #server: Server
  #port = 0

  constructor(onSocket: (socket: Socket) => void) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.sockets.delete(socket))
      onSocket(socket)
    })
  }

  get port(): number {
    return this.#port
  }

  get url(): string {
    return `tcp://127.0.0.1:${this.#port}`
  }

  async start(): Promise<this> {
    this.#port = await listen(this.#server)
    return this
  }

  close(): void {
    this.#server.close()
    for (const socket of this.sockets) socket.destroy()
  }
}
