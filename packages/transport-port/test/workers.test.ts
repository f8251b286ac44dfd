import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { within } from '@peerplex/testkit'
import { build } from 'rolldown'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { packageEntries, workspacePackages } from '../../../scripts/workspace.mjs'
import {
  createPeer,
  type Link,
  type Peer,
  type PeerOptions,
  PeerplexError,
} from '../../peerplex/src/index.js'

const dir = mkdtempSync(join(tmpdir(), 'peerplex-port-'))
const program = join(dir, 'program.mjs')

/** The program as it is in the sources now; the last build may be older. */
beforeAll(async () => {
  const entries = workspacePackages().flatMap((pkg) => packageEntries(pkg))
  await build({
    input: fileURLToPath(new URL('./port-program.ts', import.meta.url)),
    platform: 'node',
    resolve: { alias: Object.fromEntries(entries.map(({ specifier, source }) => [`${specifier}$`, source])) },
    output: { file: program, format: 'esm', codeSplitting: false },
    logLevel: 'silent',
  })
})
afterAll(() => rmSync(dir, { recursive: true }))

function startWorker(mode: string, data: object = {}, transfer: MessagePort[] = []): Worker {
  const worker = new Worker(program, {
    workerData: { mode, ...data },
    transferList: transfer,
  })
  onTestFinished(async () => {
    await worker.terminate()
  })
  return worker
}

function startPeer(options: PeerOptions = {}): Peer {
  const peer = createPeer({ id: 'outside', ...options })
  peer.handle('half', (n: number) => n / 2)
  onTestFinished(() => peer.close())
  return peer
}

/** What a promise rejected with, which must be an error of this library. */
async function errorOf(promise: Promise<unknown>): Promise<PeerplexError> {
  const error = await within(
    promise.then(
      (value) => new Error(`resolved with ${String(value)}`),
      (reason) => reason,
    ),
    'an outcome',
  )
  expect(error).toBeInstanceOf(PeerplexError)
  return error as PeerplexError
}

/** What an error says, and the errors that led to it. */
function textOf(error: unknown): string {
  return error instanceof Error ? `${error.message}; ${textOf(error.cause)}` : ''
}

async function exchange(peer: Peer): Promise<void> {
  expect(await within(peer.call('double', 21), 'an answer')).toBe(42)
  expect(await within(peer.call('call-back', 42), 'an answer')).toBe(21)
}

/** A pair of peers that have nothing to do with the worker under test. */
async function bystanders(): Promise<() => Promise<void>> {
  const { port1, port2 } = new MessageChannel()
  const [a, b] = [startPeer({ id: 'a' }), startPeer({ id: 'b' })]
  await b.bind(port2)
  a.connect(port1)
  const check = async (): Promise<void> => {
    expect(await within(a.call('half', 4), 'an answer of a bystander')).toBe(2)
    expect(await within(b.call('half', 6), 'an answer of a bystander')).toBe(3)
  }
  await check()
  return check
}

describe('a worker and the outside call each other', () => {
  it.each([
    ['connect', 'bind'],
    ['bind', 'connect'],
    ['connect', 'connect'],
    ['bind', 'bind'],
    ['connect', 'late'],
  ] as const)('outside: %s, inside: %s', async (outside, inside) => {
    const peer = startPeer()
    const worker = startWorker(inside)
    if (outside === 'connect') await within((peer.connect(worker) as Link).ready, 'the connection')
    else expect((await peer.bind(worker)).url).toMatch(/^worker:\d+$/)
    await exchange(peer)
    expect(peer.peers().map(({ id }) => id)).toEqual(['inside'])
  })

  it('over a port of its own', async () => {
    const { port1, port2 } = new MessageChannel()
    const peer = startPeer()
    const worker = startWorker('port', { port: port2 }, [port2])
    peer.connect(port1)
    await exchange(peer)
    await worker.terminate()
    expect((await errorOf(peer.call('double', 1, { waitForReady: false }))).code).toBe('UNAVAILABLE')
  })

  it('with more than fits a message, and keeps what was given', async () => {
    const peer = startPeer()
    peer.connect(startWorker('connect'))
    const payload = new Uint8Array(3_000_000).fill(1)
    expect(await peer.call('size', payload)).toBe(3_000_000)
    expect([payload.length, payload[2_999_999]]).toEqual([3_000_000, 1])
    const answer = await peer.call<Uint8Array>('bytes', 3_000_000)
    expect([answer.length, answer[2_999_999]]).toEqual([3_000_000, 7])
  })

  it('when credentials are not at hand yet: what the worker says first is kept', async () => {
    const peer = startPeer({
      credentials: () => new Promise((resolve) => setTimeout(resolve, 100, 'secret')),
    })
    peer.connect(startWorker('connect'))
    await exchange(peer)
  })
})

/** Starts calls and streams that never end by themselves; resolves once all have reached the worker. */
async function startMany(peer: Peer): Promise<Promise<unknown>[]> {
  const calls: Promise<unknown>[] = Array.from({ length: 100 }, () => peer.call('hang'))
  for (let i = 0; i < 10; i++) {
    const stream = peer.stream('count')[Symbol.asyncIterator]()
    await stream.next()
    const rest = async (): Promise<void> => {
      while (!(await stream.next()).done);
    }
    calls.push(rest())
  }
  for (const call of calls) call.catch(() => {})
  return calls
}

describe('every call settles, and nobody else notices', () => {
  it('when the worker is terminated', async () => {
    const check = await bystanders()
    const peer = startPeer()
    const worker = startWorker('connect')
    const link = peer.connect(worker)
    const calls = await startMany(peer)
    await worker.terminate()
    for (const call of calls) {
      const { code, delivery } = await errorOf(call)
      expect(code).toBe('UNAVAILABLE')
      // Streams have had an item.
      expect(delivery).toMatch(/^(unknown|processed)$/)
    }
    expect(link.state).toBe('CLOSED')
    expect(peer.peers()).toEqual([])
    await check()
    // What is called from now on does not hang either.
    expect((await errorOf(peer.call('double', 1, { waitForReady: false }))).code).toBe('UNAVAILABLE')
  })

  it.each([
    ['throw', 'exited with code 1: boom'],
    ['exit', 'exited with code 3'],
  ])('when the worker ends by %s', async (name, text) => {
    const check = await bystanders()
    const peer = startPeer()
    const link = peer.connect(startWorker('connect'))
    const calls = await startMany(peer)
    expect((await errorOf(peer.call(name))).code).toBe('UNAVAILABLE')
    for (const call of calls) expect((await errorOf(call)).code).toBe('UNAVAILABLE')
    expect(textOf(link.lastError)).toContain(text)
    await check()
  })

  it.each([
    ['string', 'PROTOCOL_ERROR', 'a string'],
    ['object', 'PROTOCOL_ERROR', 'an object'],
    ['shared', 'PROTOCOL_ERROR', 'shared memory'],
    ['huge', 'FRAME_SIZE', '1048577 bytes'],
    ['noise', /^(PROTOCOL_ERROR|FRAME_SIZE)$/, ''],
  ])('when the worker posts garbage: %s', async (name, code, text) => {
    const check = await bystanders()
    const peer = startPeer()
    const worker = startWorker('connect')
    const link = peer.connect(worker)
    const calls = await startMany(peer)
    calls.push(peer.call('garbage', name))
    for (const error of await Promise.all(calls.map(errorOf))) expect(error.code).toBe('UNAVAILABLE')
    expect(link.lastError?.code).toMatch(code)
    expect(link.lastError?.message).toContain(text)
    // The worker is not ours to end.
    expect(worker.threadId).toBeGreaterThan(0)
    await check()
  })

  it('when the link is closed before the worker is terminated', async () => {
    const peer = startPeer()
    const worker = startWorker('connect')
    const link = peer.connect(worker)
    const calls = await startMany(peer)
    link.close()
    for (const call of calls) await errorOf(call)
    expect(peer.peers()).toEqual([])
    await worker.terminate()
  })

  it('when the other side closes the port', async () => {
    const { port1, port2 } = new MessageChannel()
    const [a, b] = [startPeer({ id: 'a' }), startPeer({ id: 'b' })]
    b.handle('hang', () => new Promise(() => {}))
    a.connect(port1)
    await b.bind(port2)
    expect(await b.call('half', 2)).toBe(1)
    const calls = Array.from({ length: 100 }, () => a.call('hang'))
    await a.call('half', 2)
    port2.close()
    for (const call of calls) expect((await errorOf(call)).code).toBe('UNAVAILABLE')
    await within(
      new Promise<void>((resolve) =>
        b.peers().length === 0 ? resolve() : b.on('disconnect', () => resolve()),
      ),
      'the loss at the other side',
    )
  })
})

describe('a worker that is no peer', () => {
  it.each([
    ['throw', 'exited with code 1: boom'],
    ['end', 'exited with code 0'],
  ])('%s: the link says so', async (mode, text) => {
    const link = startPeer().connect(startWorker(mode))
    const error = await errorOf(link.ready)
    expect(error.code).toBe('UNAVAILABLE')
    expect(textOf(error)).toContain(text)
    expect(link.state).toBe('CLOSED')
  })

  it('exited before: the link says so', async () => {
    const worker = startWorker('end')
    await once(worker, 'exit')
    const error = await errorOf(startPeer().connect(worker).ready)
    expect(textOf(error)).toContain('the worker has exited')
  })

  it('never attaches: the link gives up, the worker goes on', async () => {
    const worker = startWorker('silent')
    const namesBefore = worker.eventNames()
    const error = await errorOf(startPeer({ connectTimeoutMs: 100 }).connect(worker).ready)
    expect(error.message).toContain('no connection within 100 ms')
    expect(worker.threadId).toBeGreaterThan(0)
    expect(worker.eventNames()).toEqual(namesBefore)
  })

  it.each([
    ['string', 'PROTOCOL_ERROR'],
    ['shared', 'PROTOCOL_ERROR'],
    ['huge', 'FRAME_SIZE'],
  ])('posts garbage first: %s', async (name, code) => {
    const error = await errorOf(startPeer().connect(startWorker('garbage', { name })).ready)
    expect(error.code).toBe(code)
  })

  it('given twice: a UsageError', async () => {
    const peer = startPeer()
    const worker = startWorker('connect')
    peer.connect(worker)
    expect(() => peer.connect(worker)).toThrowError(expect.objectContaining({ code: 'FAILED_PRECONDITION' }))
    await expect(peer.bind(worker)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
    await exchange(peer)
  })
})

describe('a process', () => {
  it.each([
    ['ends by itself once peers over ports are closed', 'ports', '4\n'],
    ['ends by itself, its worker too, once the peer outside is closed', 'worker', '4\n'],
    ['is held while a connection is open', 'held', 'held\n'],
  ])('%s', async (_name, mode, output) => {
    const child = spawn(process.execPath, ['--unhandled-rejections=strict', program, mode], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => {
      child.kill('SIGKILL')
    })
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
    })
    const [code] = await within(once(child, 'close'), 'the end of the process')
    expect([code, text]).toEqual([0, output])
  })
})
