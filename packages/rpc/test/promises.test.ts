// What calls cost in promises, and that no promise of the library is ever rejected without somebody who listens.
import { createHook } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import type { Handler } from '../src/index.js'
import { Counting, Gate, rejection, settle, useWorld } from './support.js'

const world = useWorld()

/** How many promises are made until everything that needs no time has happened. */
async function countPromises(run: () => void): Promise<number> {
  let count = 0
  const hook = createHook({
    init: (_id, type) => {
      if (type === 'PROMISE') count++
    },
  })
  hook.enable()
  run()
  await settle()
  hook.disable()
  return count
}

describe('a unary call', () => {
  it('makes one promise: the one that it returns', async () => {
    const { a } = await world().pair({ add: ([x, y]: [number, number]) => x + y })
    const calls: Promise<unknown>[] = []
    const callCount = 500
    await settle()
    const idle = await countPromises(() => {})
    const count = await countPromises(() => {
      for (let i = 0; i < callCount; i++) calls.push(a.call('add', [i, i]))
    })
    // Beside those of the calls: a handful for each time when bytes go out.
    expect(count - idle).toBeGreaterThanOrEqual(callCount)
    expect(count - idle).toBeLessThan(callCount * 1.2)
    expect(await calls[499]).toBe(998)
  })

  it('of a handler that returns a value is answered in the same turn', async () => {
    const order: string[] = []
    const { a } = await world().pair({
      x: () => {
        order.push('handler')
        setImmediate(() => order.push('next turn'))
        return 1
      },
    })
    const [accepted] = world().transport.accepted
    if (accepted !== undefined) accepted.onWrite = () => order.push('answer')
    await a.call('x')
    await settle()
    expect(order.slice(0, 2)).toEqual(['handler', 'answer'])
    expect(order).toContain('next turn')
  })
})

describe('no promise is rejected in vain', () => {
  async function expectNoUnhandled(run: () => Promise<void>): Promise<void> {
    const unhandled: unknown[] = []
    const listener = (error: unknown): void => {
      unhandled.push(error)
    }
    const others = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    process.on('unhandledRejection', listener)
    try {
      await run()
      await settle()
      // Node looks for such promises after each turn.
      await new Promise((resolve) => setTimeout(resolve, 5))
    } finally {
      process.off('unhandledRejection', listener)
      for (const other of others) process.on('unhandledRejection', other)
    }
    expect(unhandled).toEqual([])
  }

  const boom = (): never => {
    throw new Error('boom')
  }
  const HANDLERS: Readonly<Record<string, Handler>> = {
    throw: boom,
    reject: () => Promise.reject(new Error('boom')),
    hang: () => new Promise(() => {}),
    fail: async function* () {
      yield 1
      boom()
    },
    unclean: async function* () {
      try {
        while (true) yield 1
      } finally {
        boom()
      }
    },
    early: () => 1,
    aborts: (_input, ctx) =>
      new Promise((_, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason))),
    callback: (_input, ctx) => {
      // A call that its handler does not wait for, with a promise that it handles.
      ctx.remote.call('nobody').catch(() => {})
      return 1
    },
    'bad iterable': () => ({ [Symbol.asyncIterator]: boom }),
    'bad return': () => ({
      [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: 1 }), return: boom }),
    }),
    'rejects return': () => ({
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: () => Promise.reject(new Error('boom')),
      }),
    }),
  }

  async function* throwing(): AsyncGenerator<number> {
    yield 1
    boom()
  }

  it('by the listener of this test', async () => {
    let count = 0
    const listener = (): void => {
      count++
    }
    const others = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    process.on('unhandledRejection', listener)
    void Promise.reject(new Error('in vain'))
    await new Promise((resolve) => setTimeout(resolve, 5))
    process.off('unhandledRejection', listener)
    for (const other of others) process.on('unhandledRejection', other)
    expect(count).toBe(1)
  })

  it('when streams fail that nobody reads, or whose headers nobody waits for', async () => {
    await expectNoUnhandled(async () => {
      const { a } = await world().pair(HANDLERS)
      for (const name of [...Object.keys(HANDLERS), 'nobody']) {
        a.stream(name)
        a.stream(name, throwing())
        a.stream(name, null, { timeoutMs: 10 })
        a.stream(name, null, { signal: AbortSignal.abort() })
        void a.stream(name, null, { codec: 'unknown' }).headers
        void a.stream(name, Symbol('s')).trailers
        a.stream(name, new Counting(5)).toWeb()
      }
      await world().advance(10)
    })
  })

  it('when calls fail in every way, with somebody who listens', async () => {
    await expectNoUnhandled(async () => {
      const { a } = await world().pair(HANDLERS)
      const calls: Promise<unknown>[] = []
      for (const name of Object.keys(HANDLERS)) {
        calls.push(
          a.call(name, 1, { timeoutMs: 20 }),
          a.call(name, throwing(), { timeoutMs: 20 }),
          a.call(name, new Counting(1_000), { timeoutMs: 20 }),
          a.notify(name, 1, { timeoutMs: 20 }),
          a.stream(name, 1, { timeoutMs: 20 }).next(),
          a.stream(name).return(),
        )
      }
      const all = Promise.allSettled(calls)
      await world().advance(20)
      await all
    })
  })

  it('when the connection is lost, and when everything is closed', async () => {
    await expectNoUnhandled(async () => {
      const gate = new Gate()
      const { a } = await world().pair({ ...HANDLERS, late: () => gate.passed.then(boom) })
      const start = (): Promise<unknown>[] => [
        ...[...Object.keys(HANDLERS), 'late'].flatMap((name) => [
          a.call(name).catch(() => {}),
          a.call(name, new Counting(1_000)).catch(() => {}),
          a
            .stream(name)
            .next()
            .catch(() => {}),
        ]),
      ]
      const first = start()
      await settle()
      world().wire.cut()
      await world().advance(1_000)
      const second = start()
      await settle()
      await a.close()
      await Promise.all([...first, ...second])
      gate.open()
    })
  })

  it('when a link that nobody waits for is closed', async () => {
    await expectNoUnhandled(async () => {
      const a = world().peer('a')
      a.connect('memory:nobody').close()
      const calls = [rejection(a.call('x', 1, { waitForReady: false }))]
      await Promise.all(calls)
    })
  })
})
