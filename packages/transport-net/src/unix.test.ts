import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { ConnectionRecorder, ContractWatch } from '@peerplex/testkit'
import { UsageError } from '@peerplex/wire'
import { type Listener, parseEndpoint } from '@peerplex/wire/transport'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { netTransport } from './net-transport.js'
import { hasListener, identify, isSameFile, removeSocketFile, withNameFree } from './socket-file.js'

const transport = netTransport()
const watch = new ContractWatch()
let dir = ''
let path = ''
let listeners: Listener[] = []

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'peerplex-'))
  path = join(dir, 's')
})

afterEach(async () => {
  for (const listener of listeners) await listener.close()
  listeners = []
  rmSync(dir, { recursive: true })
  expect(watch.violations).toEqual([])
})

async function listen(at = path, options: Record<string, unknown> = {}): Promise<Listener> {
  const listener = await transport.listen(
    parseEndpoint(`unix:${at}`),
    { transport: options },
    (connection) => {
      new ConnectionRecorder(connection, 'accepted', watch).onChunk = (chunk) => connection.write([chunk])
    },
  )
  listeners.push(listener)
  return listener
}

/** Whether somebody answers there. */
async function echoes(at = path): Promise<boolean> {
  const connection = await transport.connect(parseEndpoint(`unix:${at}`), {})
  const recorder = new ConnectionRecorder(connection, 'dialed', watch)
  recorder.write(Uint8Array.of(7))
  await recorder.received(1)
  recorder.destroy()
  return true
}

/** Leaves a socket file behind, as a process that was killed does. */
async function leaveStale(at = path, ageMs = 60_000): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(at, resolve))
  renameSync(at, `${at}.kept`)
  await new Promise((resolve) => server.close(resolve))
  renameSync(`${at}.kept`, at)
  const time = (Date.now() - ageMs) / 1_000
  utimesSync(at, time, time)
}

const failed = { code: 'FAILED_PRECONDITION' }

describe('the path', () => {
  it('is resolved; the listener names it in full', async () => {
    const listener = await listen(relative(process.cwd(), path))
    expect(listener.url).toBe(`unix:${path}`)
    expect(await echoes(relative(process.cwd(), path))).toBe(true)
  })

  it('has a longest length, and an error says so', async () => {
    const fits = join(dir, 'x'.repeat(103 - dir.length - 1))
    await listen(fits)
    expect(await echoes(fits)).toBe(true)
    const tooLong = join(dir, 'x'.repeat(108 - dir.length - 1))
    const error = await listen(tooLong).catch((reason) => reason)
    expect(error).toBeInstanceOf(UsageError)
    expect(error.code).toBe('INVALID_ARGUMENT')
    expect(error.message).toContain('has a path of 108 bytes')
    expect(error.hint).toMatch(/at most 10[37] bytes/)
    await expect(echoes(tooLong)).rejects.toBeInstanceOf(UsageError)
    await expect(listen(`${'é'.repeat(60)}`)).rejects.toThrow(/has a path of \d+ bytes/)
  })

  it('is a path', async () => {
    await expect(listen('a\0b')).rejects.toThrow('zero byte')
  })

  it('needs its directory', async () => {
    await expect(listen(join(dir, 'no/s'))).rejects.toMatchObject({
      ...failed,
      message: `listen unix:${dir}/no/s: the directory ${dir}/no does not exist`,
      hint: 'create the directory first',
    })
    writeFileSync(path, '')
    await expect(listen(join(path, 's'))).rejects.toMatchObject(failed)
  })

  it('that leads nowhere is unavailable for now', async () => {
    await expect(echoes()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: `connect unix:${path}: no such file (ENOENT)`,
      retryable: true,
    })
  })
})

describe('what is already there', () => {
  it('is replaced when it is a socket that nobody listens on', async () => {
    await leaveStale()
    await expect(echoes()).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    await listen()
    expect(await echoes()).toBe(true)
    expect(readdirSync(dir)).toEqual(['s'])
  })

  it('is looked at twice when it is very young, and replaced then', async () => {
    await leaveStale(path, 0)
    const startMs = performance.now()
    await listen()
    expect(performance.now() - startMs).toBeGreaterThan(45)
    expect(await echoes()).toBe(true)
  })

  it('is in use when somebody listens', async () => {
    await listen()
    await expect(listen()).rejects.toMatchObject({
      ...failed,
      message: `listen unix:${path}: address in use (EADDRINUSE)`,
      hint: 'choose another path, or stop whoever listens there',
    })
    expect(await echoes()).toBe(true)
  })

  it.each([
    ['a file', () => writeFileSync(path, 'precious')],
    ['a directory', () => mkdirSync(path)],
    ['a link', () => symlinkSync(join(dir, 'nowhere'), path)],
  ])('is never removed when it is %s', async (_name, make) => {
    make()
    const before = lstatSync(path)
    await expect(listen()).rejects.toMatchObject({
      ...failed,
      message: expect.stringContaining('not a socket'),
      hint: expect.stringContaining('choose another path'),
    })
    expect(lstatSync(path)).toMatchObject({ ino: before.ino, mode: before.mode, size: before.size })
  })

  it('is won by exactly one of many who come at once', async () => {
    await leaveStale()
    const attempts = await Promise.allSettled(Array.from({ length: 10 }, () => listen()))
    const lost = attempts.filter((attempt) => attempt.status === 'rejected')
    expect(lost).toHaveLength(9)
    for (const { reason } of lost) expect(reason).toMatchObject(failed)
    expect(await echoes()).toBe(true)
    expect(readdirSync(dir)).toEqual(['s'])
  })
})

describe('the file', () => {
  it('is removed on close', async () => {
    const listener = await listen()
    expect(existsSync(path)).toBe(true)
    await listener.close()
    expect(readdirSync(dir)).toEqual([])
  })

  it('stays on close when it is somebody else\u2019s by now', async () => {
    const first = await listen()
    unlinkSync(path)
    await listen()
    await first.close()
    await first.close()
    expect(await echoes()).toBe(true)
    expect(readdirSync(dir)).toEqual(['s'])
  })

  it('stays on close when it is no socket any more', async () => {
    const listener = await listen()
    unlinkSync(path)
    writeFileSync(path, 'precious')
    await listener.close()
    expect(readFileSync(path, 'utf8')).toBe('precious')
  })

  it('may be gone on close', async () => {
    const listener = await listen()
    unlinkSync(path)
    await listener.close()
    expect(readdirSync(dir)).toEqual([])
  })

  it.each([
    [{}, 0o777 & ~process.umask()],
    [{ socketMode: 0o600 }, 0o600],
    [{ socketMode: 0o666 }, 0o666],
  ])('has the mode of %o', async (options, mode) => {
    await listen(path, options)
    expect(lstatSync(path).mode & 0o777).toBe(mode)
    expect(await echoes()).toBe(true)
  })
})

describe('a removal', () => {
  it('puts back what turns out to be another file', async () => {
    await leaveStale()
    const stale = identify(path)
    unlinkSync(path)
    await listen()
    if (stale === null) throw new Error('no stale file')
    removeSocketFile(path, stale)
    expect(await echoes()).toBe(true)
    expect(readdirSync(dir)).toEqual(['s'])
  })

  it('finds nothing to do when the file is gone', async () => {
    await leaveStale()
    const stale = identify(path)
    unlinkSync(path)
    if (stale !== null) removeSocketFile(path, stale)
    expect(readdirSync(dir)).toEqual([])
  })

  it('reports what the file system says', async () => {
    await leaveStale()
    const stale = identify(path)
    if (stale !== null) expect(() => removeSocketFile(join(path, 'x'), stale)).toThrow('ENOTDIR')
  })

  it('leaves a name to whoever has taken it meanwhile', () => {
    writeFileSync(path, 'first')
    withNameFree(path, () => writeFileSync(path, 'second'))
    expect(readFileSync(path, 'utf8')).toBe('second')
    expect(readdirSync(dir)).toEqual(['s'])
  })

  it('acts even when nothing can be moved', () => {
    writeFileSync(path, '')
    let hasActed = false
    withNameFree(join(path, 'x'), () => {
      hasActed = true
    })
    expect(hasActed).toBe(true)
  })
})

describe('a look for a listener', () => {
  it('sees one that comes between two looks', async () => {
    await leaveStale(path, 0)
    const file = identify(path)
    if (file === null) throw new Error('no file')
    const look = hasListener(path, file)
    unlinkSync(path)
    await listen()
    expect(await look).toBe(true)
  })

  it('tells files apart', () => {
    writeFileSync(path, '')
    const file = identify(path)
    expect(isSameFile(file, identify(path))).toBe(true)
    expect(isSameFile(file, null)).toBe(false)
    expect(isSameFile(null, file)).toBe(false)
    utimesSync(path, 1, 1)
    expect(isSameFile(file, identify(path))).toBe(false)
  })
})
