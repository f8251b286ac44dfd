import { spawnSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { VirtualClock } from '@peerplex/testkit'
import { TransportError, UsageError } from '@peerplex/wire'
import type { TargetResolver } from '@peerplex/wire/transport'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FileTargetsOptions, fileTargets } from './file-targets.js'

const NEVER = new AbortController().signal
const A = 'tcp://10.0.0.1:7000'
const B = 'tcp://10.0.0.2:7000'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peerplex-targets-'))
  path = join(folder, 'targets.json')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function ask(targets: TargetResolver, name = 'billing.add', signal = NEVER): Promise<readonly string[]> {
  return targets(name, { signal }) as Promise<readonly string[]>
}

function write(content: unknown, file = path): void {
  writeFileSync(file, JSON.stringify(content))
}

/** Puts a file in place as editors do: written beside it, then renamed. */
function replace(content: unknown): void {
  write(content, `${path}.new`)
  renameSync(`${path}.new`, path)
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

/** A file that is watched, on a clock that the test moves. */
class Watched {
  readonly clock = new VirtualClock()
  readonly errors: string[] = []
  readonly targets: TargetResolver
  changeCount = 0
  readonly end: () => void

  constructor(options: FileTargetsOptions = {}) {
    this.targets = fileTargets(path, {
      clock: this.clock,
      onError: (error) => this.errors.push(`${error.code} ${error.message.replace(path, 'FILE')}`),
      ...options,
    })
    this.end =
      this.targets.watch?.(() => {
        this.changeCount += 1
      }) ?? (() => {})
  }

  /** Lets two looks at the file pass, with the pauses in between. */
  async look(): Promise<void> {
    for (let count = 0; count < 4; count++) await this.fire()
    await turn()
  }

  /** Lets the next timer come, and what follows from it; gives how long it took to come. */
  async fire(): Promise<number> {
    const beforeMs = this.clock.now()
    this.clock.advanceTo(await this.#nextTimer())
    const afterMs = this.clock.now() - beforeMs
    await this.#nextTimer()
    return afterMs
  }

  /** While it is watched, there is always a timer, or the system is about to answer. */
  async #nextTimer(): Promise<number> {
    while (this.clock.nextTimerMs === null) await turn()
    return this.clock.nextTimerMs
  }
}

describe('what the file says', () => {
  it('as a list counts for every name', async () => {
    write([A, 'TCP://10.0.0.2:7000', 'unix:/run/x.sock', A])
    const targets = fileTargets(path)
    expect(await ask(targets)).toEqual([A, B, 'unix:/run/x.sock'])
    expect(await ask(targets, 'anything.else')).toEqual([A, B, 'unix:/run/x.sock'])
  })

  it('as an object counts for its names: exact, then the longest literal prefix', async () => {
    write({ '**': ['ws://h/all'], 'billing.*': [B], 'billing.add': [A], 'none.*': [] })
    const targets = fileTargets(path)
    expect(await ask(targets, 'billing.add')).toEqual([A])
    expect(await ask(targets, 'billing.sub')).toEqual([B])
    expect(await ask(targets, 'billing.sub.x')).toEqual(['ws://h:80/all'])
    expect(await ask(targets, 'none.x')).toEqual([])
    write({ 'billing.add': [A] })
    expect(await ask(targets, 'billing.add')).toEqual([A])
    expect(await ask(targets, 'toString')).toEqual([])
  })

  it('may be nothing, and may begin with a byte order mark', async () => {
    write([])
    expect(await ask(fileTargets(path))).toEqual([])
    writeFileSync(path, `\ufeff["${A}"]`)
    expect(await ask(fileTargets(path))).toEqual([A])
  })

  it('is found by a path relative to the working directory', async () => {
    write([A])
    expect(await ask(fileTargets(relative(process.cwd(), path)))).toEqual([A])
  })

  it('is read anew for whoever asks again, watched or not', async () => {
    write([A])
    const targets = fileTargets(path)
    expect(await ask(targets)).toEqual([A])
    write([B])
    expect(await Promise.all([ask(targets), ask(targets)])).toEqual([[B], [B]])
  })

  it('is not waited for once the signal is aborted', async () => {
    write([A])
    const targets = fileTargets(path)
    await expect(ask(targets, 'x', AbortSignal.abort('no'))).rejects.toMatchObject({
      code: 'CANCELLED',
      cause: 'no',
    })
    const abort = new AbortController()
    const asking = ask(targets, 'x', abort.signal)
    abort.abort('enough')
    await expect(asking).rejects.toMatchObject({ code: 'CANCELLED', cause: 'enough' })
  })
})

describe('a file that was never right', () => {
  async function failure(): Promise<TransportError> {
    const error = await ask(fileTargets(path)).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(TransportError)
    expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true, hint: expect.stringMatching(/\w/) })
    expect(error.message).toContain(`targets of ${path}: `)
    return error
  }

  it('is missing, or no file', async () => {
    expect((await failure()).message).toContain('no such file (ENOENT)')
    mkdirSync(path)
    expect((await failure()).message).toContain('it is not a file')
  })

  it.skipIf(process.platform === 'win32')('is a pipe that nobody writes to', async () => {
    expect(spawnSync('mkfifo', [path]).status).toBe(0)
    expect((await failure()).message).toContain('it is not a file')
  })

  it.each([
    ['', 'it is empty'],
    ['[', 'it is not JSON: '],
    [`["${A}"] x`, 'it is not JSON: '],
    [Buffer.from([0x22, 0xff, 0x22]), 'it is not UTF-8 text'],
    ['null', 'it holds null'],
    ['7', 'it holds a number'],
    [`"${A}"`, 'it holds a string'],
    ['[1]', "entry 0: the endpoint '1' is number"],
    ['["h:1"]', "entry 0: the endpoint 'h:1' has the unknown scheme 'h'"],
    [`["${A}", "tcp://h"]`, "entry 1: the endpoint 'tcp://h' has no port"],
    ['["tcp://h:0"]', "entry 0: the endpoint 'tcp://h:0' has port 0"],
    ['["exec:rm -rf x"]', 'entry 0: the endpoint is exec:'],
    ['["stdio:"]', 'entry 0: the endpoint is stdio:'],
    [`{"a": "${A}"}`, "row 'a': it is not a list"],
    ['{"a": [null]}', "row 'a': entry 0: the endpoint 'null' is object"],
    [`{"a*": ["${A}"]}`, "'a*' is not a name or pattern"],
    [`{"": ["${A}"]}`, "'' is not a name or pattern"],
    ['{"__proto__": 1}', "row '__proto__': it is not a list"],
  ])('says %j', async (content, message) => {
    writeFileSync(path, content)
    expect((await failure()).message).toContain(message)
  })

  it('has more than 1 MiB, or 1,024 URLs or rows', async () => {
    writeFileSync(path, '[]')
    truncateSync(path, 1_048_577)
    expect((await failure()).message).toContain('it has 1048577 bytes')
    const urls = Array.from({ length: 1_025 }, (_, index) => `tcp://h${index}:1`)
    write(urls)
    expect((await failure()).message).toContain('it has 1025 URLs')
    write({ a: urls.slice(0, 1_000), b: urls.slice(1_000) })
    expect((await failure()).message).toContain('it has 1025 URLs')
    write(Object.fromEntries(urls.map((_, index) => [`n${index}`, []])))
    expect((await failure()).message).toContain('it has 1025 rows')
    writeFileSync(path, JSON.stringify(urls.slice(1)).padEnd(1_048_576))
    expect(await ask(fileTargets(path))).toHaveLength(1_024)
  })
})

describe('a file that is watched', () => {
  it('tells of a change of what it says, and of nothing else', async () => {
    write([A])
    const file = new Watched()
    expect(await ask(file.targets)).toEqual([A])
    writeFileSync(path, `  [ "${A}" ]\n`)
    await file.look()
    expect(file.changeCount).toBe(0)
    write([B])
    await file.look()
    expect(file.changeCount).toBe(1)
    expect(await ask(file.targets)).toEqual([B])
    await file.look()
    expect([file.changeCount, file.errors]).toEqual([1, []])
    file.end()
  })

  it('may be put in place by renaming', async () => {
    write([A])
    const file = new Watched()
    await ask(file.targets)
    replace([B])
    await file.look()
    expect(file.changeCount).toBe(1)
    replace([A])
    await file.look()
    expect(file.changeCount).toBe(2)
    file.end()
  })

  it('may have the size and time of the one before', async () => {
    const time = new Date(2020, 1, 1)
    write([A])
    utimesSync(path, time, time)
    const file = new Watched()
    await ask(file.targets)
    write([B], `${path}.new`)
    utimesSync(`${path}.new`, time, time)
    renameSync(`${path}.new`, path)
    await file.look()
    expect(file.changeCount).toBe(1)
    file.end()
  })

  it('is read once it has come to rest', async () => {
    write([A])
    const file = new Watched()
    await ask(file.targets)
    writeFileSync(path, '[')
    await file.fire()
    for (const half of ['["tcp', '["tcp://10.0.0.2', `["${B}"`]) {
      writeFileSync(path, half)
      expect(await file.fire()).toBe(100)
    }
    write([B])
    await file.look()
    expect([file.changeCount, file.errors]).toEqual([1, []])
    file.end()
  })

  it('is read all the same if it never comes to rest', async () => {
    write([A])
    const file = new Watched()
    await ask(file.targets)
    for (let count = 0; count < 12; count++) {
      // Of another size each time: two that are written within one tick of the file system's clock would look the same.
      write([`tcp://${'x'.repeat(count + 1)}:7000`])
      await file.fire()
    }
    expect(file.changeCount).toBe(1)
    file.end()
  })

  it('may lie behind links that are set to another folder, as a ConfigMap does', async () => {
    for (const [name, urls] of Object.entries({ one: [A], two: [B] })) {
      mkdirSync(join(folder, `..${name}`))
      write(urls, join(folder, `..${name}`, 'targets.json'))
    }
    symlinkSync('..one', join(folder, '..data'))
    symlinkSync(join('..data', 'targets.json'), path)
    const file = new Watched()
    expect(await ask(file.targets)).toEqual([A])
    symlinkSync('..two', join(folder, '..new'))
    renameSync(join(folder, '..new'), join(folder, '..data'))
    rmSync(join(folder, '..one'), { recursive: true })
    await file.look()
    expect(file.changeCount).toBe(1)
    expect(await ask(file.targets)).toEqual([B])
    expect(file.errors).toEqual([])
    file.end()
  })

  it('tells when somebody else who asked has read the change before', async () => {
    write([A])
    const file = new Watched()
    await ask(file.targets)
    write([B])
    expect(await ask(file.targets)).toEqual([B])
    expect(file.changeCount).toBe(0)
    await file.look()
    expect(file.changeCount).toBe(1)
    file.end()
  })

  it('goes on counting while it is missing or wrong, and says so once for each', async () => {
    write([A])
    const file = new Watched()
    await ask(file.targets)
    rmSync(path)
    await file.look()
    await file.look()
    expect(await ask(file.targets)).toEqual([A])
    expect(file.errors).toEqual(['UNAVAILABLE targets of FILE: no such file (ENOENT)'])
    writeFileSync(path, '')
    await file.look()
    expect(await ask(file.targets)).toEqual([A])
    expect(file.errors).toHaveLength(2)
    expect(file.errors[1]).toContain('it is empty')
    write([A])
    await file.look()
    expect(file.changeCount).toBe(0)
    rmSync(path)
    await file.look()
    expect(file.errors).toHaveLength(3)
    write([B])
    await file.look()
    expect([file.changeCount, file.errors.length]).toEqual([1, 3])
    file.end()
  })

  it('does not mind being away between two looks', async () => {
    write([A])
    const file = new Watched()
    await ask(file.targets)
    rmSync(path)
    await file.fire()
    // It was seen to be missing, and is there again when that is looked at once more.
    write([B])
    await file.look()
    expect([file.changeCount, file.errors]).toEqual([1, []])
    file.end()
  })

  it('tells when it becomes right for the first time', async () => {
    const file = new Watched()
    await expect(ask(file.targets)).rejects.toThrow('ENOENT')
    write([A])
    await file.look()
    expect([file.changeCount, file.errors]).toEqual([1, []])
    expect(await ask(file.targets)).toEqual([A])
    file.end()
  })

  it('is looked at as often as asked for, and no more once nobody watches', async () => {
    write([A])
    const file = new Watched({ pollMs: 50 })
    expect(file.clock.nextTimerMs).toBe(50)
    const endOther = file.targets.watch?.(() => {})
    file.end()
    file.end()
    expect(file.clock.pendingTimerCount).toBe(1)
    endOther?.()
    expect(file.clock.pendingTimerCount).toBe(0)
  })

  it('does not hold the process', () => {
    write([A])
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    const end = fileTargets(path).watch?.(() => {})
    expect(timers()).toBe(before)
    end?.()
  })

  it('can do without onError', async () => {
    write([A])
    const targets = fileTargets(path)
    await ask(targets)
    rmSync(path)
    expect(await ask(targets)).toEqual([A])
  })
})

describe('options', () => {
  it.each([
    [undefined, {}, 'path is undefined'],
    ['', {}, "path is ''"],
    ['a\0b', {}, 'path is '],
    [7, {}, 'path is 7'],
    ['f', null, 'the options are null'],
    ['f', 100, 'the options are 100'],
    ['f', { pollMS: 100 }, "there is no option 'pollMS'"],
    ['f', { pollMs: 49 }, 'pollMs is 49'],
    ['f', { pollMs: 3_600_001 }, 'pollMs is 3600001'],
    ['f', { pollMs: '100' }, 'pollMs is string'],
    ['f', { onError: true }, 'onError is boolean'],
    ['f', { clock: { now: () => 0 } }, 'clock.setTimer is undefined'],
  ])('are checked at once: %j %j', (file, options, message) => {
    const make = (): unknown => fileTargets(file as any, options as any)
    expect(make).toThrow(UsageError)
    expect(make).toThrow(message)
  })
})
