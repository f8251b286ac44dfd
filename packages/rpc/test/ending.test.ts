// How a peer ends, by close or by drain, with calls on both sides: each is settled once, and everybody knows why.
import { describe, expect, it } from 'vitest'
import type { Context, ReplyStream } from '../src/index.js'
import { Counting, collect, Gate, isPending, rejection, settle, useWorld } from './support.js'

const world = useWorld()

describe('close()', () => {
  it('settles everything of both sides exactly once, each with a typed error', async () => {
    const gate = new Gate()
    const numbers = new Counting(Number.POSITIVE_INFINITY)
    const inputs = new Counting(Number.POSITIVE_INFINITY)
    const contexts: Context[] = []
    const { a } = await world().pair({
      hang: (_input, ctx) => {
        contexts.push(ctx)
        return gate.passed
      },
      ticks: () => numbers,
      echo: (input: AsyncIterable<unknown>) => input,
    })
    let settledCount = 0
    const count = <T>(promise: Promise<T>): Promise<unknown> =>
      promise.then(
        () => settledCount++,
        (error) => {
          settledCount++
          return error
        },
      )
    const streams: ReplyStream[] = [a.stream('ticks'), a.stream('echo', inputs), a.stream('hang')]
    const promises = [
      count(a.call('hang')),
      count(a.call('hang', new Counting(3))),
      count(a.call('x', 1, { to: 'nobody' })),
      count(a.notify('x', 1, { to: 'nobody' })),
      count((streams[2] as ReplyStream).next()),
    ]
    await streams[0]?.next()
    await streams[1]?.next()
    await settle()
    await a.close()
    const errors = await Promise.all(promises)
    expect(errors).toMatchObject([
      { code: 'UNAVAILABLE', delivery: 'unknown' },
      { code: 'UNAVAILABLE', delivery: 'unknown' },
      { code: 'UNAVAILABLE', delivery: 'not-sent' },
      { code: 'UNAVAILABLE', delivery: 'not-sent' },
      { code: 'UNAVAILABLE', delivery: 'unknown' },
    ])
    expect(settledCount).toBe(5)
    for (const stream of streams.slice(0, 2)) {
      const error = await rejection(collect(stream))
      expect(error).toMatchObject({ code: 'UNAVAILABLE', delivery: 'processed' })
      expect((await stream.next()).done).toBe(true)
    }
    await settle()
    expect([numbers.isCleanedUp, inputs.isCleanedUp]).toEqual([true, true])
    for (const ctx of contexts) expect(ctx.signal.reason).toMatchObject({ code: 'UNAVAILABLE' })
    gate.open()
    await settle()
    expect(world().reported).toEqual([])
  })

  it('of the other side fails what runs there, and calls wait for another one', async () => {
    const { a, b } = await world().pair({ hang: () => new Promise(() => {}) })
    const call = rejection(a.call('hang'))
    await settle()
    await b.close()
    expect(await call).toMatchObject({ code: 'UNAVAILABLE', delivery: 'unknown' })
    const next = a.call('add', 1)
    const c = world().peer('c')
    c.handle('add', (n: number) => n + 1)
    await c.bind('memory:b')
    await world().advance(60_000)
    expect(await next).toBe(2)
  })

  it('fails every later call, and a call made by a handler that still runs', async () => {
    const gate = new Gate()
    const late = new Gate<unknown>()
    const { a, b } = await world().pair({
      late: async (_input, ctx) => {
        await gate.passed
        late.open(await rejection(ctx.remote.call('name')))
      },
    })
    const call = rejection(a.call('late'))
    await settle()
    await b.close()
    gate.open()
    const expected = { code: 'UNAVAILABLE', delivery: 'not-sent', message: "'name': this peer is closed" }
    expect(await late.passed).toMatchObject(expected)
    expect(await rejection(b.call('name'))).toMatchObject(expected)
    expect(await rejection(b.stream('name', new Counting(1)).next())).toMatchObject(expected)
    expect(await rejection(b.notify('name'))).toMatchObject(expected)
    await call
  })

  it('may be called by a handler', async () => {
    const { a, b } = await world().pair({})
    b.handle('die', async () => {
      void b.close()
      return 'too late'
    })
    expect(await rejection(a.call('die'))).toMatchObject({ code: 'UNAVAILABLE' })
  })
})

describe('drain()', () => {
  it('lets running calls and streams end, on both sides, and takes no new ones', async () => {
    const gate = new Gate()
    const { a, b } = await world().pair({
      slow: async () => {
        await gate.passed
        return 'done'
      },
      ticks: async function* () {
        yield 1
        await gate.passed
        yield 2
      },
    })
    const slow = a.call('slow')
    const ticks = collect(a.stream('ticks'))
    await settle()
    const drained = b.drain({ graceMs: 1_000 })
    await settle()
    expect(await rejection(b.call('x'))).toMatchObject({ code: 'UNAVAILABLE', delivery: 'not-sent' })
    const late = a.call('slow')
    expect(await isPending(drained)).toBe(true)
    gate.open()
    expect(await slow).toBe('done')
    expect(await ticks).toEqual([1, 2])
    await drained
    expect(await isPending(late.catch(() => {}))).toBe(true)
  })

  it('gives up after its grace', async () => {
    const { a, b } = await world().pair({ hang: () => new Promise(() => {}) })
    const call = rejection(a.call('hang'))
    await settle()
    const drained = b.drain({ graceMs: 1_000 })
    await world().advance(999)
    expect(await isPending(drained)).toBe(true)
    await world().advance(1)
    await drained
    expect(await call).toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('is what disposing does', async () => {
    const gate = new Gate()
    const { a, b } = await world().pair({ slow: () => gate.passed.then(() => 'done') })
    const slow = a.call('slow')
    await settle()
    const disposed = b[Symbol.asyncDispose]()
    expect(await isPending(disposed)).toBe(true)
    gate.open()
    expect(await slow).toBe('done')
    await disposed
  })
})
