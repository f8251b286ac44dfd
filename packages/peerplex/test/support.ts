/**
 * Owns: what the tests of whole systems share: programs in processes of their own, free ports, and small helpers for promises.
 * Must not know: what is tested.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'rolldown'
import { packageEntries, root, workspacePackages } from '../../../scripts/workspace.mjs'
import { PeerplexError } from '../src/index.js'

/** Ends what hangs; nothing here takes that long, but a busy machine may. */
export const HANG_MS = 60_000

/** Where the sources of every package of the workspace are, for the bundler. */
export function sourceAliases(): Record<string, string> {
  const entries = workspacePackages().flatMap((pkg) => packageEntries(pkg))
  return Object.fromEntries(entries.map(({ specifier, source }) => [`${specifier}$`, source]))
}

/** Programs made from the sources as they are now, in a folder of their own; removed by `dispose`. */
export class Programs {
  readonly dir: string = mkdtempSync(join(tmpdir(), 'peerplex-system-'))
  readonly #children: Child[] = []

  /** Bundles `name`.ts of this folder. */
  async make(name: string): Promise<string> {
    const file = join(this.dir, `${name}.mjs`)
    await build({
      input: join(root, 'packages/peerplex/test', `${name}.ts`),
      platform: 'node',
      resolve: { alias: sourceAliases() },
      external: ['rolldown', /workspace\.mjs$/],
      output: { file, format: 'esm' },
      logLevel: 'silent',
    })
    return file
  }

  start(file: string, args: readonly string[] = []): Child {
    const child = new Child(file, args)
    this.#children.push(child)
    return child
  }

  /** Ends every process that was started here and still runs. */
  async end(): Promise<void> {
    for (const child of this.#children.splice(0)) await child.kill()
  }

  async dispose(): Promise<void> {
    await this.end()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

/** A program that talks in lines of JSON. Unhandled rejections end it. */
export class Child {
  readonly process: ChildProcess
  readonly #lines: string[] = []
  #stderr = ''
  #wake: () => void = () => {}

  constructor(file: string, args: readonly string[]) {
    this.process = spawn(process.execPath, ['--unhandled-rejections=strict', file, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const { stdout, stderr } = this.process
    createInterface({ input: stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.#lines.push(line)
      this.#wake()
    })
    stderr?.on('data', (text) => {
      this.#stderr += text
    })
    this.process.on('close', () => this.#wake())
  }

  /** What it has complained about. */
  get stderr(): string {
    return this.#stderr
  }

  /** The next line that it prints; fails when it ends without. */
  async line<T = any>(): Promise<T> {
    const isEnded = (): boolean => this.process.exitCode !== null || this.process.signalCode !== null
    await within(
      new Promise<void>((resolve) => {
        this.#wake = () => {
          if (this.#lines.length > 0 || isEnded()) resolve()
        }
        this.#wake()
      }),
      'a line of a child process',
    )
    const line = this.#lines.shift()
    if (line === undefined) throw new Error(`the child process ended: ${this.#stderr}`)
    return JSON.parse(line)
  }

  /** Resolves with its exit code; null when it was killed. */
  async exited(): Promise<number | null> {
    const { process: child } = this
    if (child.exitCode === null && child.signalCode === null) {
      await within(once(child, 'exit'), 'the end of a child process')
    }
    return child.exitCode
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL')
    await this.exited()
  }
}

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
