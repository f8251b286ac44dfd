// What becomes of calls when connections come and go: who is asked again, who is told what, and that everybody is told once.
import { describe, expect, it } from 'vitest'
import type { CallOptions, Context, Peer } from '../src/index.js'
import { Counting, collect, Gate, isPending, rejection, settle, useWorld } from './support.js'

const world = useWorld()

/** From now on nothing leaves the side that dialed; what it opens waits in its session. */
async function blockOutput(a: Peer): Promise<void> {
  world().wire.block()
  await a.notify('to fill the wire')
  await settle()
}

describe('a call that had not left when the connection was lost', () => {
  it('goes out on the next one, and its caller notices nothing', async () => {
    const runs: unknown[] = []
    const { a } = await world().pair({ x: (input) => runs.push(input) })
    await blockOutput(a)
    const calls = [1, 2, 3].map((n) => a.call('x', n))
    const stream = a.stream('x', 4)
    await settle()
    world().wire.cut()
    await world().advance(1_000)
    expect(await Promise.all(calls)).toEqual([1, 2, 3])
    expect(await collect(stream)).toEqual([4])
    expect(runs).toEqual([1, 2, 3, 4])
    expect(a.stats().queue.retriedCalls).toBe(4)
  })

  it('takes its streamed input along, finished or not', async () => {
    const { a } = await world().pair({ all: (input: AsyncIterable<unknown>) => collect(input) })
    await blockOutput(a)
    const gate = new Gate()
    async function* slow(): AsyncGenerator<number> {
      yield 1
      yield 2
      await gate.passed
      yield 3
    }
    const short = a.call('all', new Counting(3))
    const long = a.call('all', slow())
    const big = a.call('all', ReadableStream.from(['x'.repeat(300_000), 'y']))
    await settle()
    world().wire.cut()
    await settle()
    gate.open()
    await world().advance(1_000)
    expect(await short).toEqual([0, 1, 2])
    expect(await long).toEqual([1, 2, 3])
    expect(await big).toEqual(['x'.repeat(300_000), 'y'])
    expect(a.stats().queue.retriedCalls).toBe(3)
  })

  it('encodes its streamed input anew where the next peer has another codec', async () => {
    const { a } = await world().pair({ all: (input: AsyncIterable<unknown>) => collect(input) })
    await blockOutput(a)
    const answer = a.call('all', new Counting(3))
    await settle()
    const { standardCodecs } = await import('@peerplex/codec')
    const c = world().peer('c', {
      codecs: Object.assign(standardCodecs(), { announce: () => 'msgpack' }),
    })
    c.handle('all', async (input: AsyncIterable<unknown>, ctx) => [ctx.codec, await collect(input)])
    await c.bind('memory:c')
    a.connect('memory:c')
    await settle()
    world().transport.dialed[0]?.cut()
    await settle()
    expect(await answer).toEqual(['msgpack', [0, 1, 2]])
  })

  it('keeps its deadline', async () => {
    const { a } = await world().pair({ x: () => new Promise(() => {}) })
    await blockOutput(a)
    const call = rejection(a.call('x', 1, { timeoutMs: 100 }))
    await world().advance(60)
    world().transport.isDown = true
    world().wire.cut()
    await world().advance(39)
    expect(await isPending(call)).toBe(true)
    await world().advance(1)
    expect(await call).toMatchObject({ code: 'DEADLINE_EXCEEDED', delivery: 'not-sent', attempts: 0 })
  })

  it('fails at once when it does not want to wait', async () => {
    const { a } = await world().pair({ x: () => 1 })
    await blockOutput(a)
    const call = rejection(a.call('x', 1, { waitForReady: false }))
    const stream = rejection(a.stream('x', new Counting(2), { waitForReady: false }).next())
    await settle()
    world().wire.cut()
    for (const error of [await call, await stream]) {
      expect(error).toMatchObject({
        code: 'UNAVAILABLE',
        delivery: 'not-sent',
        origin: 'local',
        retryable: true,
        hint: 'nothing was sent: it is safe to try again',
      })
    }
  })

  it('is forgotten when it is given up before there is another connection', async () => {
    const runs: unknown[] = []
    const { a } = await world().pair({ x: (input) => runs.push(input) })
    await blockOutput(a)
    const controller = new AbortController()
    const call = rejection(a.call('x', 1, { signal: controller.signal }))
    const stream = a.stream('x', 2)
    await settle()
    world().wire.cut()
    controller.abort()
    await stream.return()
    await world().advance(1_000)
    expect(await call).toBe(controller.signal.reason)
    expect(runs).toEqual([])
    expect(a.stats().queue.queuedCalls).toBe(0)
  })
})

describe('a call that had left when the connection was lost', () => {
  it('is UNAVAILABLE, unknown: it may have run, and is not repeated', async () => {
    const runs: Context[] = []
    const { a } = await world().pair({
      x: (_input, ctx) => {
        runs.push(ctx)
        return new Promise(() => {})
      },
    })
    const calls = [rejection(a.call('x', 1)), rejection(a.stream('x', 2).next())]
    await settle()
    world().wire.cut()
    for (const error of await Promise.all(calls)) {
      expect(error).toMatchObject({
        name: 'ClosedError',
        code: 'UNAVAILABLE',
        delivery: 'unknown',
        origin: 'local',
        retryable: false,
        remote: 'b',
        attempts: 1,
        hint: 'it may have run: try again only if running it twice does no harm',
      })
      expect(error.message).toMatch(/^'x' at peer b \(memory:b\): /)
    }
    await world().advance(1_000)
    expect(runs).toHaveLength(2)
    for (const ctx of runs) expect(ctx.signal.reason).toMatchObject({ code: 'UNAVAILABLE', origin: 'local' })
    expect(world().reported).toEqual([])
  })

  it('is repeated when running it twice does no harm, at most three times in all', async () => {
    const attempts: (string | undefined)[] = []
    const { a } = await world().pair({
      x: (_input, ctx) => {
        attempts.push(ctx.headers.get('attempt'))
        return attempts.length === 2 ? 'answer' : new Promise(() => {})
      },
    })
    const options: CallOptions = { idempotent: true, headers: { 'x-a': '1' } }
    const first = a.call('x', 1, options)
    await settle()
    world().wire.cut()
    await world().advance(1_000)
    expect(await first).toBe('answer')
    expect(attempts.splice(0)).toEqual([undefined, '1'])

    attempts.push('never answer')
    attempts.push('never answer')
    const second = rejection(a.call('x', 1, options))
    for (let i = 0; i < 3; i++) {
      await settle()
      world().wire.cut()
      await world().advance(60_000)
    }
    expect(await second).toMatchObject({ code: 'UNAVAILABLE', delivery: 'unknown', attempts: 3 })
    expect(attempts.slice(2)).toEqual([undefined, '1', '2'])
  })

  it('may have run, whatever becomes of its repetition', async () => {
    let runs = 0
    const { a, b } = await world().pair({
      x: () => {
        runs++
        return new Promise(() => {})
      },
    })
    const late = rejection(a.call('x', 1, { idempotent: true, timeoutMs: 20_000 }))
    await settle()
    // Lost when it ran, and then there is nobody to repeat it with.
    const closed = b.close()
    world().wire.cut()
    await world().advance(90_000)
    await closed
    expect(await late).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      delivery: 'unknown',
      retryable: false,
      hint: expect.stringContaining('an earlier attempt may have run'),
    })
    expect(runs).toBe(1)
  })

  it('is repeated with all of its streamed input as long as that is kept', async () => {
    let runs = 0
    const { a } = await world().pair({
      all: async (input: AsyncIterable<unknown>) => {
        const items = await collect(input)
        return ++runs === 1 ? new Promise(() => {}) : items.length
      },
    })
    const small = a.call('all', new Counting(1_000), { idempotent: true })
    await settle()
    world().wire.cut()
    await world().advance(1_000)
    expect(await small).toBe(1_000)

    runs = 0
    async function* large(): AsyncGenerator<string> {
      for (let i = 0; i < 100; i++) yield 'x'.repeat(10_000)
    }
    const big = rejection(a.call('all', large(), { idempotent: true }))
    await settle()
    world().wire.cut()
    await world().advance(1_000)
    expect(await big).toMatchObject({ code: 'UNAVAILABLE', delivery: 'unknown' })
    expect(runs).toBe(1)
  })

  it('is processed when some of its answer was read: what has arrived is read first, then the error', async () => {
    const numbers = new Counting(5)
    const { a } = await world().pair({
      x: async function* (_input, ctx) {
        yield* numbers
        await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
      },
    })
    const stream = a.stream('x', null, { idempotent: true })
    expect((await stream.next()).value).toBe(0)
    await settle()
    world().wire.cut()
    for (let i = 1; i < 5; i++) expect((await stream.next()).value).toBe(i)
    expect(await rejection(stream.next())).toMatchObject({ code: 'UNAVAILABLE', delivery: 'processed' })
    expect((await stream.next()).done).toBe(true)
    await settle()
    expect(numbers.isCleanedUp).toBe(true)
  })

  it('closes the streaming input at once, though answers wait to be read', async () => {
    const numbers = new Counting(Number.POSITIVE_INFINITY)
    const { a } = await world().pair({ echo: (input: AsyncIterable<number>) => input })
    const stream = a.stream('echo', numbers)
    await settle()
    world().wire.cut()
    await settle()
    expect(numbers.isCleanedUp).toBe(true)
    expect((await stream.next()).value).toBe(0)
    await stream.return()
    expect((await stream.next()).done).toBe(true)
  })

  it('aborts its handler at once, though inputs wait to be read', async () => {
    const aborted = new Gate<unknown>()
    const { a } = await world().pair({
      x: (input: AsyncIterable<number>, ctx) => {
        ctx.signal.addEventListener('abort', () => aborted.open(ctx.signal.reason))
        return new Promise(() => input)
      },
    })
    const call = rejection(a.call('x', new Counting(100)))
    await settle()
    world().wire.cut()
    expect(await aborted.passed).toMatchObject({ code: 'UNAVAILABLE' })
    expect(await call).toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('that streams its answer has its generator closed, and another call is served', async () => {
    const numbers = new Counting(Number.POSITIVE_INFINITY)
    const { a } = await world().pair({ ticks: () => numbers, add: (n: number) => n + 1 })
    const stream = a.stream('ticks')
    await stream.next()
    world().wire.cut()
    await settle()
    expect(numbers.isCleanedUp).toBe(true)
    const answer = a.call('add', 1)
    await world().advance(1_000)
    expect(await answer).toBe(2)
    await stream.return()
  })
})

describe('a one-way that had left when the connection was lost', () => {
  it('is not sent again, also when it left in the middle of a turn and the connection took no more', async () => {
    const runs: unknown[] = []
    const { a } = await world().pair({ x: (input) => runs.push(String(input).length) })
    world().wire.block()
    const notified = a.notify('x', 'y'.repeat(2_000))
    const call = a.call('x', 'behind it')
    await settle()
    expect(runs).toEqual([2_000])
    world().wire.cut()
    await world().advance(1_000)
    await Promise.all([notified, call])
    expect(runs).toEqual([2_000, 9])
    // Only the call, which had not left.
    expect(a.stats().queue.retriedCalls).toBe(1)
  })
})

describe('a call without a connection', () => {
  it('waits and is served by the first that comes, in either direction', async () => {
    const b = world().peer('b')
    const a = world().peer('a')
    b.handle('x', () => 'from b')
    a.handle('x', () => 'from a')
    const calls = [a.call('x'), collect(a.stream('x')), b.call('x')]
    const notified = a.notify('x')
    await settle()
    expect(a.stats().queue.queuedCalls).toBe(3)
    a.connect('memory:b')
    await world().advance(10)
    await b.bind('memory:b')
    await world().advance(1_000)
    expect(await Promise.all(calls)).toEqual(['from b', ['from b'], 'from a'])
    await notified
  })

  it('fails after its time in the queue, and says why there was none', async () => {
    const a = world().peer('a', { queue: { waitMs: 500 } })
    const calls = [rejection(a.call('x')), rejection(a.stream('x').next()), rejection(a.notify('x'))]
    a.connect('memory:nobody')
    await world().advance(500)
    for (const error of await Promise.all(calls)) {
      expect(error).toMatchObject({
        code: 'UNAVAILABLE',
        delivery: 'not-sent',
        origin: 'local',
        retryable: true,
        attempts: 0,
        hint: 'raise queue.waitMs, or check the address',
        cause: { code: 'UNAVAILABLE' },
      })
      expect(error.message).toMatch(
        /^'x': no connection within 500 ms; the last attempt to connect: .*memory:nobody/,
      )
    }
  })

  it('fails at once with waitForReady: false, of the call or of the peer', async () => {
    const a = world().peer('a')
    const b = world().peer('b', { waitForReady: false })
    const expected = {
      code: 'UNAVAILABLE',
      message: "'x': no connection is ready",
      delivery: 'not-sent',
      hint: 'leave waitForReady on to wait for a connection',
    }
    expect(await rejection(a.call('x', 1, { waitForReady: false }))).toMatchObject(expected)
    expect(await rejection(b.call('x'))).toMatchObject(expected)
    const input = new Counting(1)
    expect(await rejection(b.stream('x', input).next())).toMatchObject(expected)
    expect(input.given).toBe(0)
    expect(await isPending(b.call('x', 1, { waitForReady: true }).catch(() => {}))).toBe(true)
  })

  it('is refused when the queue is full', async () => {
    const a = world().peer('a', { queue: { maxCalls: 1 } })
    const first = a.call('x').catch((error) => error)
    expect(await rejection(a.call('x'))).toMatchObject({
      name: 'LimitError',
      code: 'RESOURCE_EXHAUSTED',
      delivery: 'not-sent',
      retryable: true,
    })
    expect(await isPending(first)).toBe(true)
  })
})
