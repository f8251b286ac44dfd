import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ConnectionRecorder, ContractWatch, within } from '@peerplex/testkit'
import { parseEndpoint } from '@peerplex/wire/transport'
import { build } from 'rolldown'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { packageEntries, workspacePackages } from '../../../scripts/workspace.mjs'
import { netTransport } from '../src/index.js'

// Nothing here takes long; a busy machine may.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const isRoot = process.getuid?.() === 0
const NOBODY = 65_534

const dir = mkdtempSync(join(tmpdir(), 'peerplex-'))
const program = join(dir, 'child.mjs')
const watch = new ContractWatch()

/** The program as it is in the sources now; the last build may be older. */
beforeAll(async () => {
  const entries = workspacePackages().flatMap((pkg) => packageEntries(pkg))
  await build({
    input: fileURLToPath(new URL('./child-program.ts', import.meta.url)),
    platform: 'node',
    resolve: { alias: Object.fromEntries(entries.map(({ specifier, source }) => [`${specifier}$`, source])) },
    output: { file: program, format: 'esm', codeSplitting: false },
    logLevel: 'silent',
  })
  chmodSync(dir, 0o755)
})

class Child {
  readonly process: ChildProcess
  readonly #lines: string[] = []
  #onLine: () => void = () => {}

  constructor(options: { fileCount?: number; uid?: number } = {}) {
    const { fileCount, ...rest } = options
    const command = fileCount === undefined ? [] : ['-c', `ulimit -n ${fileCount}; exec "$0" "$1"`]
    this.process = spawn(
      fileCount === undefined ? process.execPath : 'sh',
      fileCount === undefined ? [program] : [...command, process.execPath, program],
      { stdio: ['pipe', 'pipe', 'inherit'], ...rest },
    )
    createInterface({ input: this.process.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.#lines.push(line)
      this.#onLine()
    })
  }

  tell(line: string): void {
    this.process.stdin?.write(`${line}\n`)
  }

  async answer(): Promise<Record<string, any>> {
    const arrival = new Promise<void>((resolve) => {
      this.#onLine = () => {
        if (this.#lines.length > 0) resolve()
      }
      this.#onLine()
    })
    await within(arrival, 'an answer')
    return JSON.parse(this.#lines.shift() as string)
  }

  async ask(line: string): Promise<Record<string, any>> {
    this.tell(line)
    return this.answer()
  }

  async exited(): Promise<number | null> {
    const { process: child } = this
    if (child.exitCode === null && child.signalCode === null) await within(once(child, 'exit'), 'an exit')
    return child.exitCode
  }
}

let children: Child[] = []

function start(options: ConstructorParameters<typeof Child>[0] = {}): Child {
  const child = new Child(options)
  children.push(child)
  return child
}

afterEach(async () => {
  for (const child of children) {
    child.process.kill('SIGKILL')
    await child.exited()
  }
  children = []
  expect(watch.violations).toEqual([])
})
afterAll(() => rmSync(dir, { recursive: true }))

async function dial(url: string): Promise<ConnectionRecorder> {
  return new ConnectionRecorder(await netTransport().connect(parseEndpoint(url), {}), 'dialed', watch)
}

async function echoes(url: string): Promise<boolean> {
  const recorder = await dial(url)
  recorder.write(Uint8Array.of(1))
  await Promise.race([recorder.received(1), recorder.ended()])
  recorder.destroy()
  return recorder.byteCount === 1
}

describe('a process', () => {
  it('ends by itself once its listeners and connections are closed', async () => {
    const child = start()
    const path = join(dir, 'ends')
    const { url } = await child.ask('listen tcp://127.0.0.1:0')
    await child.ask(`listen unix:${path}`)
    expect(await echoes(url)).toBe(true)
    expect(await echoes(`unix:${path}`)).toBe(true)
    const a = await dial(url)
    child.tell('close')
    a.write(Uint8Array.of(1))
    await a.received(1)
    expect(child.process.exitCode).toBe(null)
    a.end()
    expect(await child.exited()).toBe(0)
    expect(existsSync(path)).toBe(false)
  })

  it('that was killed leaves a file that the next one replaces', async () => {
    const path = join(dir, 'killed')
    const first = start()
    await first.ask(`listen unix:${path}`)
    first.process.kill('SIGKILL')
    await first.exited()
    expect(existsSync(path)).toBe(true)
    expect(await start().ask(`listen unix:${path}`)).toEqual({ url: `unix:${path}` })
    expect(await echoes(`unix:${path}`)).toBe(true)
  })

  it('wins a stale file alone, whoever else tries', async () => {
    const folder = join(dir, 'race')
    mkdirSync(folder)
    const path = join(folder, 's')
    const first = start()
    await first.ask(`listen unix:${path}`)
    first.process.kill('SIGKILL')
    await first.exited()
    const rivals = [start(), start(), start()]
    // All are awake before the race begins.
    for (const rival of rivals) await rival.ask('count')
    const answers = await Promise.all(rivals.map((rival) => rival.ask(`listen unix:${path}`)))
    expect(answers.map(({ code }) => code ?? 'won').sort()).toEqual([
      'FAILED_PRECONDITION',
      'FAILED_PRECONDITION',
      'won',
    ])
    expect(await echoes(`unix:${path}`)).toBe(true)
    expect(readdirSync(folder)).toEqual(['s'])
  })
})

describe('without permission', () => {
  it('a socket file cannot be made or replaced, and the error says so', async () => {
    const folder = join(dir, 'closed')
    mkdirSync(folder)
    const first = start()
    await first.ask(`listen unix:${folder}/stale`)
    first.process.kill('SIGKILL')
    await first.exited()
    chmodSync(folder, 0o555)
    const child = start(isRoot ? { uid: NOBODY } : {})
    expect(await child.ask(`listen unix:${folder}/s`)).toEqual({
      code: 'PERMISSION_DENIED',
      message: `listen unix:${folder}/s: permission denied (EACCES)`,
    })
    const { code } = await child.ask(`listen unix:${folder}/stale`)
    // Whoever may not connect cannot know whether somebody listens; whoever may cannot remove.
    expect(['FAILED_PRECONDITION', 'PERMISSION_DENIED']).toContain(code)
    expect(readdirSync(folder)).toEqual(['stale'])
    chmodSync(folder, 0o755)
  })
})

describe('without free file descriptors', () => {
  it('a listener keeps its connections, turns new ones away, and goes on when there are some again', async () => {
    const child = start({ fileCount: 40 })
    const { url } = await child.ask('listen tcp://127.0.0.1:0')
    const dialed = await Promise.all(Array.from({ length: 60 }, () => dial(url)))
    for (const recorder of dialed) recorder.write(Uint8Array.of(1))
    await Promise.all(dialed.map((recorder) => Promise.race([recorder.received(1), recorder.ended()])))
    const served = dialed.filter((recorder) => recorder.endCount === 0)
    expect(served.length).toBeGreaterThan(5)
    expect(served.length).toBeLessThan(40)
    for (const recorder of served) recorder.write(Uint8Array.of(2))
    await Promise.all(served.map((recorder) => recorder.received(2)))
    for (const recorder of dialed) recorder.destroy()
    let isServing = false
    for (let i = 0; i < 100 && !isServing; i++) isServing = await echoes(url)
    expect(isServing).toBe(true)
    // Those turned away may have got in and out meanwhile; the process is still the same.
    expect((await child.ask('count')).acceptedCount).toBeGreaterThan(served.length)
  })
})
