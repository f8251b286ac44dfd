// Calls that are made before there is anybody to answer: they wait, or fail within one attempt when they are told not to.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createPeer, type Peer, type PeerOptions } from '../src/index.js'
import { collect, freePort, HANG_MS, rejection, sleep, upTo, within } from './support.js'

vi.setConfig({ testTimeout: HANG_MS, hookTimeout: HANG_MS })

const peers: Peer[] = []
let nameCount = 0

function peer(options: PeerOptions): Peer {
  const made = createPeer(options)
  peers.push(made)
  return made
}

afterEach(async () => {
  await within(Promise.all(peers.splice(0).map((each) => each.close())), 'close()')
})

async function newUrl(transport: string): Promise<string> {
  return transport === 'tcp' ? `tcp://127.0.0.1:${await freePort()}` : `memory:late-${nameCount++}`
}

function answering(id: string): Peer {
  const made = peer({ id })
  made.handle({
    add: ([a, b]: [number, number]) => a + b,
    ticks: (n: number) => upTo(n),
    sum: async (numbers: AsyncIterable<number>) => (await collect(numbers)).reduce((a, b) => a + b, 0),
    note: () => {},
  })
  return made
}

function callAll(from: Peer): Promise<unknown[]> {
  return Promise.all([
    from.call('add', [2, 3]),
    collect(from.stream('ticks', 3)),
    from.call('sum', upTo(4)),
    from.notify('note'),
  ])
}

describe.each(['tcp', 'memory'])('over %s', (transport) => {
  it('a call made before anybody listens is answered when somebody does, two seconds later', async () => {
    const url = await newUrl(transport)
    const a = peer({ id: 'a' })
    const answers = callAll(a)
    const link = a.connect(url)
    await sleep(2_000)
    expect(['BACKOFF', 'CONNECTING']).toContain(link.state)
    expect(link.lastError).toMatchObject({ code: 'UNAVAILABLE', hint: expect.stringMatching(/./) })
    expect(a.stats().queue.queuedCalls).toBe(4)
    await answering('b').bind(url)
    expect(await within(answers, 'the answers')).toEqual([5, [0, 1, 2], 6, undefined])
    await link.ready
    expect([link.state, link.lastError]).toEqual(['READY', null])
  })

  it('a call of the side that listens is answered when somebody dials, two seconds later', async () => {
    const a = peer({ id: 'a' })
    const answers = callAll(a)
    const { url } = await a.bind(await newUrl(transport))
    await sleep(2_000)
    expect(a.stats().queue.queuedCalls).toBe(4)
    answering('b').connect(url)
    expect(await within(answers, 'the answers')).toEqual([5, [0, 1, 2], 6, undefined])
  })

  it('with waitForReady: false it fails within one attempt, says not-sent, and what to do', async () => {
    const url = await newUrl(transport)
    const a = peer({ id: 'a', reconnect: { initialMs: 10_000, maxMs: 10_000 } })
    const link = a.connect(url)
    const options = { waitForReady: false }
    const errors = await Promise.all([
      rejection(a.call('add', [2, 3], options)),
      rejection(a.stream('ticks', 3, options).next()),
      rejection(a.call('sum', upTo(4), options)),
      rejection(a.notify('note', 1, options)),
    ])
    for (const error of errors) {
      expect(error).toMatchObject({
        code: 'UNAVAILABLE',
        delivery: 'not-sent',
        origin: 'local',
        retryable: true,
        hint: expect.stringMatching(/waitForReady/),
      })
    }
    while (link.lastError === null) await sleep(5)
    const error = await rejection(a.call('add', [2, 3], options))
    expect(error).toMatchObject({ code: 'UNAVAILABLE', delivery: 'not-sent', cause: link.lastError })
    expect(error.message).toContain(url)
  })

  it('with waitForReady: false the side that listens fails at once, too', async () => {
    const a = peer({ id: 'a', waitForReady: false })
    await a.bind(await newUrl(transport))
    expect(await rejection(a.call('add', [2, 3]))).toMatchObject({
      code: 'UNAVAILABLE',
      delivery: 'not-sent',
      hint: expect.stringMatching(/waitForReady/),
    })
  })

  it('with waitForReady: false and a connection without room it says that, and not that there is none', async () => {
    const b = peer({ id: 'b', limits: { maxOpenChannels: 2 } })
    b.handle('add', ([a, c]: [number, number]) => sleep(20).then(() => a + c))
    const { url } = await b.bind(await newUrl(transport))
    const a = peer({ id: 'a', waitForReady: false })
    await a.connect(url).ready
    const calls = [a.call('add', [1, 2]), a.call('add', [3, 4]), rejection(a.call('add', [5, 6]))]
    const [first, second, error] = await Promise.all(calls)
    expect([first, second]).toEqual([3, 7])
    expect(error).toMatchObject({
      code: 'UNAVAILABLE',
      message: "'add': the other side takes no more calls at a time",
      delivery: 'not-sent',
      hint: 'leave waitForReady on to wait for room',
    })
  })
})
