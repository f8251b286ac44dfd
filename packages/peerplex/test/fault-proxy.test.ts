// Two peers with a fault proxy between them: whatever it does to the bytes, calls are right, or fail and say what may have happened.
import { createFaultProxy, type FaultProxy, proxyAddress } from '@peerplex/testkit'
import { createPeer, type Peer } from 'peerplex'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { collect, rejection, until, upTo } from './support.js'

const TEXT = 'x'.repeat(5_000)
let callee: Peer
let caller: Peer
let proxy: FaultProxy
let runs = 0

beforeEach(async () => {
  runs = 0
  callee = createPeer({ id: 'callee' })
  caller = createPeer({ id: 'caller', reconnect: { initialMs: 5, maxMs: 20 } })
  callee.handle({
    echo: (value) => value,
    ticks: (count: number) => upTo(count),
    sum: async (items: AsyncIterable<number>) => (await collect(items)).reduce((a, b) => a + b, 0),
    hang: (_input, { signal }) => {
      runs += 1
      return new Promise((resolve) => signal.addEventListener('abort', resolve))
    },
  })
  const { url } = await callee.bind('tcp://127.0.0.1:0')
  proxy = await createFaultProxy({ target: proxyAddress(url) })
  await caller.connect(proxy.url).ready
})

afterEach(async () => {
  await Promise.all([caller.close(), callee.close()])
  await proxy.close()
})

async function talk(): Promise<void> {
  const outcomes = await Promise.all([
    caller.call('echo', TEXT),
    collect(caller.stream('ticks', 50)),
    caller.call('sum', upTo(50)),
    Promise.all(Array.from({ length: 20 }, (_, i) => caller.call('echo', i))),
  ])
  expect(outcomes).toEqual([TEXT, [...Array(50).keys()], 1_225, [...Array(20).keys()]])
}

it.each([
  ['one byte at a time', { splitBytes: 1 }],
  ['with latency and jitter', { latencyMs: 5, jitterMs: 5 }],
  ['merged', { mergeMs: 5 }],
  ['slowly', { bytesPerSecond: 200_000 }],
])('calls and streams are right: %s', async (_name, settings) => {
  proxy.set(settings)
  await talk()
  proxy.heal()
  await talk()
  expect(proxy.connections.length).toBe(1)
})

it('a reset in the middle of a call fails it with delivery unknown, and the link comes back', async () => {
  const outcome = rejection(caller.call('hang'))
  await until(() => runs === 1, 'the call at the callee')
  proxy.cut('reset')
  expect(await outcome).toMatchObject({ code: 'UNAVAILABLE', delivery: 'unknown', origin: 'local' })
  await talk()
  expect([proxy.counts, runs]).toEqual([{ reset: 1 }, 1])
})

it('calls wait while connections are refused, and are made when they are not', async () => {
  proxy.refuse(true)
  proxy.cut('end')
  await until(() => caller.peers().length === 0, 'the loss of the connection')
  const waiting = caller.call('echo', 'patience')
  await until(() => (proxy.counts.refuse ?? 0) >= 2, 'two attempts')
  proxy.refuse(false)
  expect(await waiting).toBe('patience')
})

it('what a black hole has swallowed arrives when it is over', async () => {
  proxy.set({ isBlackHole: true })
  const waiting = caller.call('echo', 'still there')
  await until(() => (proxy.connections[0]?.heldBytes ?? 0) > 0, 'the call in the proxy')
  expect(proxy.connections[0]?.bytesDown).toBeGreaterThan(0)
  proxy.heal()
  expect(await waiting).toBe('still there')
})
