// Calls that are given up or run out of time: what the caller hears, what the handler hears, and that the connection lives on.
import { ClosedError } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import type { Context, Handler } from '../src/index.js'
import { Counting, collect, Gate, isPending, rejection, settle, useWorld } from './support.js'

const world = useWorld()

/** Answers never, and remembers its context. */
function hanging(): { handler: Handler; ctx: () => Context; runs: () => number } {
  const seen: Context[] = []
  return {
    handler: (_input, ctx) => {
      seen.push(ctx)
      return new Promise((_, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)))
    },
    ctx: () => seen[0] as Context,
    runs: () => seen.length,
  }
}

describe('an AbortSignal', () => {
  it('that is aborted before: nothing is sent', async () => {
    const { handler, runs } = hanging()
    const { a } = await world().pair({ x: handler })
    const reason = new Error('too late')
    const signal = AbortSignal.abort(reason)
    const input = new Counting(3)
    expect(await rejection(a.call('x', input, { signal }))).toBe(reason)
    expect(await rejection(a.notify('x', null, { signal }))).toBe(reason)
    const stream = a.stream('x', null, { signal })
    expect(await rejection(stream.next())).toBe(reason)
    expect((await stream.next()).done).toBe(true)
    expect((await stream.headers).size).toBe(0)
    await stream.return()
    await settle()
    expect(runs()).toBe(0)
    expect(input.given).toBe(0)
    expect(a.stats().connections[0]?.channelsOpened).toBe(0)
  })

  it('that aborts while the call waits for a connection: it leaves the queue', async () => {
    const a = world().peer('a')
    const controller = new AbortController()
    const { signal } = controller
    const calls = [
      rejection(a.call('x', 1, { signal })),
      rejection(a.call('x', new Counting(1), { signal })),
      rejection(a.notify('x', 1, { signal })),
      rejection(collect(a.stream('x', 1, { signal }))),
    ]
    await settle()
    expect(a.stats().queue.queuedCalls).toBe(4)
    const reason = new Error('never mind')
    controller.abort(reason)
    expect(a.stats().queue.queuedCalls).toBe(0)
    expect(await Promise.all(calls)).toEqual([reason, reason, reason, reason])
  })

  it('that aborts before the call has left: the other side hears nothing of it', async () => {
    const { handler, runs } = hanging()
    const { a } = await world().pair({ x: handler }, {}, { limits: { maxOpenChannels: 1 } })
    const first = new AbortController()
    const blocking = rejection(a.call('x', 1, { signal: first.signal }))
    await settle()
    const controller = new AbortController()
    const second = rejection(a.call('x', 2, { signal: controller.signal }))
    await settle()
    controller.abort()
    expect(await second).toBe(controller.signal.reason)
    first.abort()
    await blocking
    await world().advance(2_000)
    expect(runs()).toBe(1)
  })

  it('that aborts in flight: rejects at once with its reason, and aborts the handler', async () => {
    const { handler, ctx } = hanging()
    const { a, b } = await world().pair({ x: handler, add: (n: number) => n + 1 })
    const controller = new AbortController()
    let isRejected = false
    const call = a.call('x', 1, { signal: controller.signal })
    call.catch(() => {
      isRejected = true
    })
    await settle()
    const reason = { any: 'thing' }
    controller.abort(reason)
    await Promise.resolve()
    expect(isRejected).toBe(true)
    expect(await rejection(call)).toBe(reason)
    await settle()
    expect(ctx().signal.aborted).toBe(true)
    expect(ctx().signal.reason).toBeInstanceOf(ClosedError)
    expect(ctx().signal.reason).toMatchObject({ code: 'CANCELLED', origin: 'remote', remote: 'a' })
    expect(await a.call('add', 1)).toBe(2)
    expect([a.peers().length, b.peers().length]).toEqual([1, 1])
    expect(world().openChannelCount).toBe(0)
    expect(world().reported).toEqual([])
  })

  it('that aborts while a large input is on its way: no handler runs, and its slot is free again', async () => {
    const { handler, runs } = hanging()
    const { a } = await world().pair(
      { x: handler, add: (n: number) => n + 1 },
      {},
      { limits: { maxOpenChannels: 1 } },
    )
    world().wire.block()
    const controller = new AbortController()
    const call = rejection(a.call('x', 'y'.repeat(1_000_000), { signal: controller.signal }))
    await settle()
    expect(world().openChannelCount).toBe(2)
    controller.abort()
    world().wire.unblock()
    await call
    const next = a.call('add', 1)
    await world().advance(2_000)
    expect(await next).toBe(2)
    expect(runs()).toBe(0)
  })

  it('that aborts while the input streams: its generator is closed', async () => {
    const { handler } = hanging()
    const { a } = await world().pair({ x: handler })
    const numbers = new Counting(Number.POSITIVE_INFINITY)
    const controller = new AbortController()
    const call = rejection(a.call('x', numbers, { signal: controller.signal }))
    await settle()
    controller.abort()
    expect(await call).toBe(controller.signal.reason)
    await settle()
    expect(numbers.isCleanedUp).toBe(true)
    expect(world().openChannelCount).toBe(0)
  })

  it('that aborts during a stream: what is unread is dropped, the handler’s generator is closed', async () => {
    const numbers = new Counting(Number.POSITIVE_INFINITY)
    let seen: Context | undefined
    const { a } = await world().pair({
      ticks: (_input, ctx) => {
        seen = ctx
        return numbers
      },
    })
    const controller = new AbortController()
    const stream = a.stream('ticks', null, { signal: controller.signal })
    expect((await stream.next()).value).toBe(0)
    await settle()
    controller.abort()
    expect(await rejection(stream.next())).toBe(controller.signal.reason)
    expect((await stream.next()).done).toBe(true)
    await settle()
    expect(numbers.isCleanedUp).toBe(true)
    expect(seen?.signal.reason).toMatchObject({ code: 'CANCELLED' })
    expect(world().openChannelCount).toBe(0)
    expect(a.stats().connections[0]?.unreadBytes).toBe(0)
  })

  it('rejects a reader that waits', async () => {
    const { handler } = hanging()
    const { a } = await world().pair({ x: handler })
    const controller = new AbortController()
    const waiting = rejection(a.stream('x', null, { signal: controller.signal }).next())
    await settle()
    controller.abort()
    expect(await waiting).toBe(controller.signal.reason)
  })

  it('that aborts from within the encoding of the input', async () => {
    const { handler, runs } = hanging()
    const { a } = await world().pair({ x: handler })
    const controller = new AbortController()
    const input = {
      toJSON: () => {
        controller.abort()
        return 1
      },
    }
    expect(await rejection(a.call('x', input, { signal: controller.signal }))).toBe(controller.signal.reason)
    await settle()
    expect(runs()).toBe(0)
    expect(world().openChannelCount).toBe(0)
  })

  it('that aborts after the answer changes nothing, and is not held on to', async () => {
    const { a } = await world().pair({ add: (n: number) => n + 1, ticks: () => new Counting(2) })
    const controller = new AbortController()
    const { signal } = controller
    let listenerCount = 0
    const { addEventListener, removeEventListener } = signal
    signal.addEventListener = (...args: unknown[]) => {
      listenerCount++
      return Reflect.apply(addEventListener, signal, args)
    }
    signal.removeEventListener = (...args: unknown[]) => {
      listenerCount--
      return Reflect.apply(removeEventListener, signal, args)
    }
    expect(await a.call('add', 1, { signal })).toBe(2)
    expect(await collect(a.stream('ticks', 1, { signal }))).toEqual([0, 1])
    await a.notify('add', 1, { signal })
    await rejection(a.call('nobody', 1, { signal }))
    await a.stream('ticks', 1, { signal }).return()
    expect(listenerCount).toBe(0)
    controller.abort()
    await settle()
    expect(world().openChannelCount).toBe(0)
  })
})

describe('a handler whose caller has gone', () => {
  it('has its signal aborted at once though inputs wait to be read', async () => {
    const seen = new Gate<Context>()
    const inputs = new Gate<unknown>()
    const { a, b } = await world().pair({
      x: async (input: AsyncIterable<number>, ctx) => {
        seen.open(ctx)
        await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
        inputs.open(await rejection(collect(input)))
      },
    })
    const controller = new AbortController()
    const call = rejection(a.call('x', new Counting(100), { signal: controller.signal }))
    await seen.passed
    await settle()
    controller.abort()
    await call
    expect(await inputs.passed).toMatchObject({ code: 'CANCELLED' })
    await settle()
    expect(b.stats().connections[0]).toMatchObject({ unreadBytes: 0, openChannels: 0 })
  })

  it('gets the reason from a signal that it asks for later', async () => {
    const gate = new Gate()
    const signal = new Gate<AbortSignal>()
    const { a } = await world().pair({
      x: async (_input, ctx) => {
        await gate.passed
        signal.open(ctx.signal)
      },
    })
    const controller = new AbortController()
    const call = rejection(a.call('x', null, { signal: controller.signal }))
    await settle()
    controller.abort()
    await call
    await settle()
    gate.open()
    expect((await signal.passed).reason).toMatchObject({ code: 'CANCELLED' })
  })

  it('answers to nobody', async () => {
    const gate = new Gate()
    const { a } = await world().pair({ x: () => gate.passed.then(() => 'nobody wants this') })
    const controller = new AbortController()
    const call = rejection(a.call('x', null, { signal: controller.signal }))
    await settle()
    controller.abort()
    await call
    gate.open()
    await settle()
    expect(world().openChannelCount).toBe(0)
    expect(world().reported).toEqual([])
  })
})

describe('a deadline', () => {
  it('ends a call that is not answered, on both sides', async () => {
    const { handler, ctx } = hanging()
    const { a } = await world().pair({ x: handler })
    const call = rejection(a.call('x', null, { timeoutMs: 100 }))
    await world().advance(60)
    expect(ctx().timeRemainingMs).toBe(40)
    expect(ctx().signal.aborted).toBe(false)
    await world().advance(40)
    expect(await call).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: "'x' at peer b (memory:b): the time for the call ran out",
      delivery: 'unknown',
      remote: 'b',
      retryable: false,
    })
    expect(ctx().timeRemainingMs).toBe(0)
    expect(ctx().signal.reason).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    expect(world().openChannelCount).toBe(0)
    expect(world().reported).toEqual([])
  })

  it('ends a stream in its middle, on both sides', async () => {
    const numbers = new Counting(Number.POSITIVE_INFINITY)
    const { a } = await world().pair({ echo: (input: AsyncIterable<number>) => input })
    const stream = a.stream('echo', numbers, { timeoutMs: 100 })
    expect((await stream.next()).value).toBe(0)
    await world().advance(100)
    expect(numbers.isCleanedUp).toBe(true)
    expect(await rejection(stream.next())).toMatchObject({ code: 'DEADLINE_EXCEEDED', delivery: 'processed' })
    expect((await stream.next()).done).toBe(true)
    expect(a.stats().connections[0]?.unreadBytes).toBe(0)
    expect(world().openChannelCount).toBe(0)
    expect(world().reported).toEqual([])
  })

  it('of the peer counts where a call names none; 0 is none', async () => {
    const { handler } = hanging()
    const { a } = await world().pair({ x: handler }, { timeoutMs: 50 })
    const calls = [rejection(a.call('x')), rejection(a.stream('x').next())]
    const controller = new AbortController()
    const endless = a.call('x', null, { timeoutMs: 0, signal: controller.signal })
    await world().advance(50)
    for (const error of await Promise.all(calls)) expect(error.code).toBe('DEADLINE_EXCEEDED')
    await world().advance(10_000)
    expect(await isPending(endless)).toBe(true)
    controller.abort()
    await rejection(endless)
  })

  it('includes the time in the queue', async () => {
    const a = world().peer('a')
    const call = rejection(a.call('x', null, { timeoutMs: 100 }))
    const stream = rejection(a.stream('x', new Counting(1), { timeoutMs: 100 }).next())
    await world().advance(99)
    expect(await isPending(call)).toBe(true)
    await world().advance(1)
    for (const error of [await call, await stream]) {
      expect(error).toMatchObject({
        code: 'DEADLINE_EXCEEDED',
        delivery: 'not-sent',
        origin: 'local',
        attempts: 0,
      })
    }
  })

  it('of a one-way aborts its handler', async () => {
    const { handler, ctx } = hanging()
    const { a } = await world().pair({ x: handler })
    await a.notify('x', null, { timeoutMs: 100 })
    await world().advance(100)
    expect(ctx().signal.reason).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    expect(world().reported).toEqual([])
  })
})
