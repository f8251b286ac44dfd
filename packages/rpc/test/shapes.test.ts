// Every shape of a call, from the side that dialed and from the side that was dialed.
import { beforeEach, describe, expect, it } from 'vitest'
import type { Handler, Peer, RemotePeer } from '../src/index.js'
import { Counting, collect, settle, useWorld } from './support.js'

const world = useWorld()
let noted: unknown[] = []

const HANDLERS: Readonly<Record<string, Handler>> = {
  add: ([x, y]: [number, number]) => x + y,
  'add.later': async ([x, y]: [number, number]) => {
    await settle()
    return x + y
  },
  nothing: () => {},
  null: () => null,
  what: (input: unknown) => ({ type: input === null ? 'null' : typeof input }),
  ticks: async function* ({ n }: { n: number }) {
    for (let i = 0; i < n; i++) yield i
  },
  'ticks.later': async ({ n }: { n: number }) => new Counting(n),
  sum: async (numbers: AsyncIterable<number>) => {
    let sum = 0
    for await (const number of numbers) sum += number
    return sum
  },
  chat: async function* (lines: AsyncIterable<string>) {
    for await (const line of lines) yield line.toUpperCase()
  },
  whoami: (_input: unknown, ctx) => ctx.remote.call('name'),
  note: (input: unknown) => {
    noted.push(input)
    return 'nobody hears this'
  },
  'ask.stream': (_input: unknown, ctx) => ctx.remote.stream('names', 2),
}

describe.each(['the side that dialed', 'the side that listens'])('%s calls', (side) => {
  let caller: Peer
  /** The caller's handle on the other side. */
  let remote: RemotePeer

  beforeEach(async () => {
    noted = []
    const { a, b } = await world().pair()
    const isDialer = side === 'the side that dialed'
    caller = isDialer ? a : b
    const callee = isDialer ? b : a
    callee.handle(HANDLERS)
    caller.handle({
      name: () => `I am ${caller.id}`,
      names: async function* (count: number) {
        for (let i = 0; i < count; i++) yield `${caller.id}${i}`
      },
    })
    remote = caller.peers()[0] as RemotePeer
  })

  it('a value for a value', async () => {
    expect(await caller.call('add', [2, 3])).toBe(5)
    expect(await remote.call('add', [20, 3])).toBe(23)
  })

  it('an async handler', async () => {
    expect(await caller.call('add.later', [2, 3])).toBe(5)
  })

  it('a handler that returns nothing, and one that returns null: both answer null', async () => {
    expect(await caller.call('nothing', 1)).toBeNull()
    expect(await caller.call('null', 1)).toBeNull()
  })

  it('without an input: the handler gets what the codec makes of nothing', async () => {
    expect(await caller.call('what')).toEqual({ type: 'null' })
    expect(await caller.call('what', undefined)).toEqual({ type: 'null' })
    expect(await caller.call('what', 0)).toEqual({ type: 'number' })
  })

  it('a value for a stream, made by a generator or by anything iterable', async () => {
    expect(await collect(caller.stream('ticks', { n: 4 }))).toEqual([0, 1, 2, 3])
    expect(await collect(remote.stream('ticks.later', { n: 3 }))).toEqual([0, 1, 2])
  })

  it('an empty stream', async () => {
    expect(await collect(caller.stream('ticks', { n: 0 }))).toEqual([])
    expect(await caller.call('ticks', { n: 0 })).toBeUndefined()
  })

  it('a stream for a value', async () => {
    const numbers = new Counting(1_000)
    expect(await caller.call('sum', numbers)).toBe(499_500)
    expect(numbers.isCleanedUp).toBe(true)
  })

  it('an empty stream for a value', async () => {
    expect(await caller.call('sum', new Counting(0))).toBe(0)
  })

  it('a stream for a stream, in any order', async () => {
    const log: string[] = []
    async function* lines(): AsyncGenerator<string> {
      for (const line of ['a', 'b', 'c']) {
        log.push(line)
        yield line
        await settle()
      }
    }
    for await (const line of caller.stream<string>('chat', lines())) log.push(line)
    expect(log).toEqual(['a', 'A', 'b', 'B', 'c', 'C'])
  })

  it('a stream of what answers once yields that', async () => {
    expect(await collect(caller.stream('add', [1, 1]))).toEqual([2])
    expect(await collect(caller.stream('sum', new Counting(3)))).toEqual([3])
  })

  it('a call of a stream that has one item resolves with it', async () => {
    expect(await caller.call('ticks', { n: 1 })).toBe(0)
  })

  it('a one-way, which nobody answers', async () => {
    await caller.notify('note', { line: 1 })
    await remote.notify('note')
    await settle()
    expect(noted).toEqual([{ line: 1 }, null])
    expect(world().openChannelCount).toBe(0)
  })

  it('a one-way larger than a frame, whose answer is ignored', async () => {
    const text = 'x'.repeat(200_000)
    await caller.notify('note', text)
    await settle()
    expect(noted).toEqual([text])
    expect(world().openChannelCount).toBe(0)
  })

  it('back: a handler calls the peer that called it', async () => {
    expect(await caller.call('whoami')).toBe(`I am ${caller.id}`)
    expect(await collect(caller.stream('ask.stream'))).toEqual([`${caller.id}0`, `${caller.id}1`])
  })

  it('a thousand times at once, each with its own answer', async () => {
    const sums = await Promise.all(Array.from({ length: 1_000 }, (_, i) => caller.call('add', [i, 1])))
    expect(sums).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1))
  })

  it('messages larger than a frame, and larger than a window', async () => {
    const text = 'x'.repeat(300_000)
    expect(await caller.call('add', [text, text])).toBe(text + text)
    const [line] = await collect(caller.stream<string>('chat', ReadableStream.from([text])))
    expect(line).toBe(text.toUpperCase())
  })
})
