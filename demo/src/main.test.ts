import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Random } from '@peerplex/testkit'
import { build } from 'rolldown'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageEntries, workspacePackages } from '../../scripts/workspace.mjs'

const FILE_BYTES = 3_000_001
const RUN_MS = 60_000

let folder = ''
let program = ''
let file = ''
let digest = ''

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The demonstration as one file made from the sources of now, whatever lies in `dist`. */
async function bundle(into: string): Promise<string> {
  const entries = workspacePackages().flatMap((pkg) => packageEntries(pkg))
  // The longer names first: a name also stands for what is below it.
  entries.sort((a, b) => b.specifier.length - a.specifier.length)
  const output = join(into, 'demo.mjs')
  await build({
    input: join(import.meta.dirname, 'main.ts'),
    platform: 'node',
    resolve: { alias: Object.fromEntries(entries.map(({ specifier, source }) => [specifier, source])) },
    output: { file: output, format: 'esm', codeSplitting: false },
    logLevel: 'silent',
  })
  return output
}

function start(
  args: readonly string[],
  scratch: string = folder,
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, ['--unhandled-rejections=strict', program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: scratch },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  // 'close' and not 'exit': the listener writes to the same pipes, so this comes when both processes are gone.
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
  return { child, ended }
}

const run = (...args: string[]): Promise<Ended> => start(args).ended

/** An empty directory for what a run needs for a while. */
function makeScratch(name: string): string {
  const scratch = join(folder, name)
  mkdirSync(scratch)
  return scratch
}

/** The process that the demonstration has started; waits for it. */
async function listenerOf(child: ChildProcess): Promise<number> {
  for (;;) {
    const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number))
    const found = rows.find(([, parent]) => parent === child.pid)?.[0]
    if (found !== undefined) return found
    expect(child.exitCode).toBe(null)
    await delay(10)
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'peerplex-demo-'))
  program = await bundle(folder)
  const bytes = new Random(1).bytes(FILE_BYTES)
  digest = createHash('sha256').update(bytes).digest('hex')
  file = join(folder, 'file')
  writeFileSync(file, bytes)
}, RUN_MS)

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** What the second part says after a good run. */
function expectPeers(stdout: string): void {
  expect(stdout).toMatch(/^peers +tcp +time +rate +unix +time +rate$/m)
  expect(stdout).toMatch(/^file +46 +[\d.]+ m?s +[\d,]+ MB\/s +46 +[\d.]+ m?s +[\d,]+ MB\/s$/m)
  for (const kind of ['tcp', 'unix']) {
    const lines = stdout.split('\n').filter((line) => line.startsWith(`ok      ${kind}: `))
    const texts = lines.map((line) => line.slice(`ok      ${kind}: `.length))
    expect(texts).toEqual([
      expect.stringMatching(
        /on 1 connection: the dialing peer got 1,000, the listening peer 1,000 of 1,000 right/,
      ),
      '1,000 calls under way at once: 1,000 right answers',
      expect.stringMatching(
        /^the reader .* bytes ahead, window and one message are 557,056; 256 of 256 blocks right$/,
      ),
      expect.stringMatching(/^100,000 numbers .* sum is 4,999,950,000, expected 4,999,950,000$/),
      expect.stringMatching(/2 of 2 handlers saw it, 2 of 2 generators cleaned up$/),
      expect.stringMatching(
        /^a call of a wrong name failed with UNIMPLEMENTED: .* did you mean 'math.add'\?$/,
      ),
      expect.stringMatching(/100 calls waited meanwhile, 100 right answers from the new process/),
      `file on a channel: 3,000,001 bytes, SHA-256 ${digest.slice(0, 16)}… computed and compared on both sides`,
      'the listening peer ended by itself',
    ])
  }
}

describe('the demonstration', () => {
  it(
    'moves a file both ways and says what it measured, also when it runs twice at once',
    async () => {
      const scratch = makeScratch('twice')
      const runs = [start(['--file', file], scratch), start(['--file', file], scratch)]
      for (const { code, stdout, stderr } of await Promise.all(runs.map(({ ended }) => ended))) {
        expect(stderr).toBe('')
        expect(stdout).not.toContain('FAILED')
        expect(code).toBe(0)
        expect(stdout.match(/^ {2}file +46 +3,000,001 +[\d.]+ s +[\d,]+ MB\/s$/gm)).toHaveLength(2)
        expect(stdout.match(/^ {2}calls +16,000 +1,024,000 +[\d.]+ s +[\d,]+ calls\/s$/gm)).toHaveLength(2)
        expect(stdout.match(new RegExp(`^ok +file, .*SHA-256 ${digest.slice(0, 16)}`, 'gm'))).toHaveLength(2)
        expect(
          stdout.match(/^ok +\w+ stopped reading for [\d.]+ s: the writer got [\d,]+ bytes ahead/gm),
        ).toHaveLength(2)
        expect(stdout.match(/^ok +memory of the \w+: grew by \d+ MB/gm)).toHaveLength(2)
        expectPeers(stdout)
      }
      expect(readdirSync(scratch)).toEqual([])
    },
    RUN_MS,
  )

  it(
    'moves an empty file',
    async () => {
      const empty = join(folder, 'empty')
      writeFileSync(empty, '')
      const { code, stdout, stderr } = await run(`--file=${empty}`)
      expect([code, stderr]).toEqual([0, ''])
      expect(stdout.match(/^ {2}file +0 +0 /gm)).toHaveLength(2)
    },
    RUN_MS,
  )

  it('explains itself', async () => {
    const { code, stdout, stderr } = await run('--help')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('npm start -- --file PATH')
  })

  it.each([
    ['an unknown option', ['--fast'], /Unknown option '--fast'/],
    ['an argument too many', ['x'], /Unexpected argument 'x'/],
    ['an option without its value', ['--file'], /'--file <value>' argument missing/],
    ['an empty path', ['--file', ''], /--file needs a path/],
    ['a file that is not there', ['--file', 'no/such/file'], /no\/such\/file does not exist/],
    ['a directory', ['--file', 'DIRECTORY'], /is a directory/],
    ['a role that only it gives itself', ['--listener', 'x'], /Unknown option '--listener'/],
    ['another such role', ['--peers-listener', 'x'], /Unknown option '--peers-listener'/],
  ])('refuses %s', async (_what, args, message) => {
    const directory = join(folder, 'directory')
    mkdirSync(directory, { recursive: true })
    const { code, stdout, stderr } = await run(...args.map((arg) => (arg === 'DIRECTORY' ? directory : arg)))
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(message)
    expect(stderr).toContain('usage: npm start')
  })
})

// The names of signals mean something else on Windows, and there is no `ps`.
describe.skipIf(process.platform === 'win32')('a process of the demonstration that dies', () => {
  /** Started, and then left alone for a while: the pause of the reader alone takes a second. */
  async function startAndWait(): Promise<ReturnType<typeof start> & { listener: number }> {
    const { child, ended } = start(['--file', file])
    const listener = await listenerOf(child)
    await delay(300)
    return { child, ended, listener }
  }

  it(
    'ends the dialer with a message and code 1 when it is the listener',
    async () => {
      const { ended, listener } = await startAndWait()
      process.kill(listener, 'SIGKILL')
      const { code, stdout, stderr } = await ended
      expect([code, stdout]).toEqual([1, ''])
      expect(stderr).toMatch(
        new RegExp(`^demo: the listener process \\(pid ${listener}\\) was ended by SIGKILL`),
      )
    },
    RUN_MS,
  )

  it(
    'ends the listener with a message when it is the dialer',
    async () => {
      const { child, ended, listener } = await startAndWait()
      child.kill('SIGKILL')
      const { stderr } = await ended
      expect(stderr).toMatch(/^listener: (the dialer process is gone|.*connection.*)\n$/)
      await endOf(listener)
    },
    RUN_MS,
  )

  it(
    'ends the listener as soon as it is started when the dialer is gone by then',
    async () => {
      const { child, ended } = start(['--file', file])
      const listener = await listenerOf(child)
      child.kill('SIGKILL')
      await ended
      await endOf(listener)
    },
    RUN_MS,
  )

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'by %s takes the listener along',
    async (signal, expected) => {
      const { child, ended, listener } = await startAndWait()
      child.kill(signal)
      const { code, stdout, stderr } = await ended
      expect([code, stdout, stderr]).toEqual([expected, '', `demo: interrupted by ${signal}\n`])
      await endOf(listener)
    },
    RUN_MS,
  )
})

// At once, because each waits for most of a run.
describe.skipIf(process.platform === 'win32').concurrent('a process of the second part that dies', () => {
  /** Started, and left alone until the peers talk over a Unix socket. */
  async function startAndWait(scratch: string): Promise<ReturnType<typeof start> & { listener: number }> {
    const { child, ended } = start(['--file', file], scratch)
    while (readdirSync(scratch).length === 0) {
      expect(child.exitCode).toBe(null)
      await delay(10)
    }
    const listener = await listenerOf(child)
    // The reader of the slow stream pauses for longer than this: nothing of interest ends meanwhile.
    await delay(300)
    return { child, ended, listener }
  }

  it(
    'ends the program with a message and code 1 when it is the listening peer',
    async () => {
      const scratch = makeScratch('killed-listener')
      const { ended, listener } = await startAndWait(scratch)
      process.kill(listener, 'SIGKILL')
      const { code, stdout, stderr } = await ended
      expect([code, stderr]).toEqual([
        1,
        expect.stringMatching(
          /^demo: peers over unix, .*the listening peer \(pid \d+\) was ended by SIGKILL/,
        ),
      ])
      expect(stdout).not.toContain('peers')
      expect(readdirSync(scratch)).toEqual([])
    },
    RUN_MS,
  )

  it(
    'takes the listening peer and its socket file along when it is the first',
    async () => {
      const scratch = makeScratch('killed-dialer')
      const { child, ended, listener } = await startAndWait(scratch)
      child.kill('SIGKILL')
      const { stderr } = await ended
      expect(stderr).toBe('listener: the dialer process is gone\n')
      await endOf(listener)
      expect(readdirSync(scratch)).toEqual([])
    },
    RUN_MS,
  )

  it(
    'does the same when it is interrupted',
    async () => {
      const scratch = makeScratch('interrupted')
      const { child, ended, listener } = await startAndWait(scratch)
      child.kill('SIGINT')
      const { code, stderr } = await ended
      expect([code, stderr]).toEqual([130, 'demo: interrupted by SIGINT\n'])
      await endOf(listener)
      expect(readdirSync(scratch)).toEqual([])
    },
    RUN_MS,
  )
})

/** Waits until the process has ended; it may still be listed while nobody has asked how. */
async function endOf(pid: number): Promise<void> {
  for (;;) {
    const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
    if (stdout.trim() === '' || stdout.trim().startsWith('Z')) return
    await delay(10)
  }
}
