// A peer is closed in every state of its connection with work pending: everything settles, and its process ends by itself.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createPeer, type Peer } from '../src/index.js'
import { type Child, Programs } from './programs.js'
import { freePort, HANG_MS, RawServer, sleep, within } from './support.js'

vi.setConfig({ testTimeout: 2 * HANG_MS, hookTimeout: HANG_MS })

const programs = new Programs()
let program = ''
const cleanUps: (() => unknown)[] = []

beforeAll(async () => {
  program = await programs.make('close-program')
})
afterEach(async () => {
  await programs.end()
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})
afterAll(() => programs.dispose())

/** The other side of `ready` and `draining`. */
function answering(): Peer {
  const peer = createPeer({ id: 'other', reconnect: { initialMs: 10, maxMs: 50 } })
  cleanUps.push(() => peer.close())
  const work = new Set<Promise<unknown>>()
  peer.handle({
    hang: () => new Promise(() => {}),
    swallow: async (items: AsyncIterable<unknown>) => {
      for await (const _ of items);
    },
    mirror: (items: AsyncIterable<unknown>) => items,
    started: (n: number) => n,
    'call-back': (_input, { remote }) => remote.call('hang'),
    drain: () => {
      const drained = peer.drain({ graceMs: 2 * HANG_MS })
      work.add(drained)
    },
  })
  return peer
}

/** A port whose queue of new connections is full: connecting to it neither works nor fails. */
async function deafUrl(): Promise<string> {
  const source = `
    const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      require('node:fs').writeSync(1, server.address().port + '\\n')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    })`
  const child: ChildProcess = spawn(process.execPath, ['-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  cleanUps.push(() => child.kill('SIGKILL'))
  const [text] = await once(child.stdout as NodeJS.ReadableStream, 'data')
  const port = Number(String(text))
  const sockets: Socket[] = []
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy()
  })
  for (let isFull = false; !isFull && sockets.length < 20; ) {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    sockets.push(socket)
    isFull = await Promise.race([once(socket, 'connect').then(() => false), sleep(500).then(() => true)])
  }
  return `tcp://127.0.0.1:${port}`
}

async function silentUrl(): Promise<string> {
  const server = await new RawServer(() => {}).start()
  cleanUps.push(() => server.close())
  return server.url
}

const urlOf: Record<string, () => Promise<string>> = {
  connecting: deafUrl,
  hello: silentUrl,
  ready: async () => (await answering().bind('tcp://127.0.0.1:0')).url,
  draining: async () => (await answering().bind('tcp://127.0.0.1:0')).url,
  backoff: async () => `tcp://127.0.0.1:${await freePort()}`,
}

async function ending(child: Child): Promise<Record<string, any>> {
  const report = await child.line()
  const startMs = performance.now()
  expect(await child.exited()).toBe(0)
  const exitMs = Math.round(performance.now() - startMs)
  console.log(
    `${expect.getState().currentTestName}: close ${report.closeMs} ms, exit ${exitMs} ms, ${report.states}`,
  )
  // Not measures of speed: whoever waits for a side that says nothing, or leaves a timer behind, takes longer.
  expect(report.closeMs).toBeLessThan(8_000)
  expect(exitMs).toBeLessThan(8_000)
  expect(report.problems).toEqual([])
  expect(child.stderr).toBe('')
  expect(report).toMatchObject({ connections: [], links: [], listeners: [], queuedCalls: 0 })
  return report
}

/** What becomes of work that waited for a connection. */
const WAITED = {
  call: 'UNAVAILABLE not-sent',
  'call with a deadline': 'UNAVAILABLE not-sent',
  'call with a large input': 'UNAVAILABLE not-sent',
  stream: 'UNAVAILABLE not-sent',
  'streaming input': 'UNAVAILABLE not-sent',
  'both streaming': 'UNAVAILABLE not-sent',
}
/** What becomes of work that ran. */
const RAN = {
  call: 'UNAVAILABLE unknown',
  'call with a deadline': 'UNAVAILABLE unknown',
  'call with a large input': 'UNAVAILABLE unknown',
  stream: 'UNAVAILABLE unknown',
  'streaming input': 'UNAVAILABLE unknown',
  'both streaming': 'UNAVAILABLE processed',
  'a call back': expect.stringMatching(/^UNAVAILABLE/),
}
/** Whatever the state. */
const ALWAYS = {
  'notify to nobody': 'UNAVAILABLE not-sent',
  'call to nobody': 'UNAVAILABLE not-sent',
  channel: 'ok',
  'a call afterwards': 'UNAVAILABLE not-sent',
  'bind afterwards': 'FAILED_PRECONDITION not-sent',
}

describe.each(['close', 'drain', 'close while draining'])('%s, over TCP', (verb) => {
  it.each(['connecting', 'hello', 'backoff'])('while %s', async (state) => {
    const url = await urlOf[state]?.()
    const child = programs.start(program, ['connect', url as string, state, verb])
    const { outcomes, states, cleanUps } = await ending(child)
    expect(states[0]).toBe(state.toUpperCase())
    expect(outcomes).toEqual({ ...WAITED, ...ALWAYS, 'link.ready': 'UNAVAILABLE not-sent' })
    // Inputs that nobody asked for were never started.
    expect(cleanUps).toBe(0)
  })

  it.each(['ready', 'draining'])('while %s, on the side that dialed', async (state) => {
    const url = await urlOf[state]?.()
    const child = programs.start(program, ['connect', url as string, state, verb])
    const { outcomes, states, cleanUps } = await ending(child)
    expect(states[0]).toBe(state.toUpperCase())
    expect(outcomes).toMatchObject({ ...RAN, ...ALWAYS, 'link.ready': 'ok' })
    expect(cleanUps).toBe(2)
  })

  it.each(['ready', 'draining'])('while %s, on the side that listens', async (state) => {
    const child = programs.start(program, ['bind', 'tcp://127.0.0.1:0', state, verb])
    const { url } = await child.line()
    answering().connect(url)
    const { outcomes, cleanUps } = await ending(child)
    expect(outcomes).toMatchObject({ ...RAN, ...ALWAYS })
    expect(cleanUps).toBe(2)
  })

  it('while somebody has connected who says nothing', async () => {
    const child = programs.start(program, ['bind', 'tcp://127.0.0.1:0', 'hello', verb])
    const { url } = await child.line()
    const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
    cleanUps.push(() => socket.destroy())
    const { outcomes } = await ending(child)
    expect(outcomes).toEqual({ ...WAITED, ...ALWAYS })
  })

  it('while nobody has connected', async () => {
    const child = programs.start(program, ['bind', 'tcp://127.0.0.1:0', 'idle', verb])
    await child.line()
    const { outcomes } = await ending(child)
    expect(outcomes).toEqual({ ...WAITED, ...ALWAYS })
  })
})

it('a peer that was never connected holds nothing', async () => {
  const peer = createPeer()
  await within(Promise.all([peer.close(), peer.close(), peer.drain()]), 'the end')
  await within(peer.close(), 'close()')
})
