/**
 * Owns: programs of this folder in processes of their own: made from the sources as they are now, started, listened to, ended.
 * Must not know: what they do.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'rolldown'
import { packageEntries, root, workspacePackages } from '../../../scripts/workspace.mjs'
import { HANG_MS, within } from './support.js'

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
      output: { file, format: 'esm', codeSplitting: false },
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
  async line<T = any>(ms: number = HANG_MS): Promise<T> {
    const isEnded = (): boolean => this.process.exitCode !== null || this.process.signalCode !== null
    await within(
      new Promise<void>((resolve) => {
        this.#wake = () => {
          if (this.#lines.length > 0 || isEnded()) resolve()
        }
        this.#wake()
      }),
      'a line of a child process',
      ms,
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
