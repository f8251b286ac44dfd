// Streams in both directions: who waits for whom, and who is told when somebody has had enough.
import { CallError } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import type { Context } from '../src/index.js'
import { Counting, collect, Gate, isPending, rejection, settle, useWorld, type World } from './support.js'

const world = useWorld()

/** Ends all that a test opened, and checks that nothing is left of it. */
async function expectNothingOpen(current: World): Promise<void> {
  await settle()
  expect(current.openChannelCount).toBe(0)
  expect(current.reported).toEqual([])
}

describe('a streamed input', () => {
  it('is cut short by an early answer: its generator is closed, the answer is whole', async () => {
    const { a } = await world().pair({
      first: async (numbers: AsyncIterable<number>) => {
        for await (const number of numbers) return number
        return -1
      },
    })
    const numbers = new Counting(Number.POSITIVE_INFINITY)
    expect(await a.call('first', numbers)).toBe(0)
    await settle()
    expect(numbers.isCleanedUp).toBe(true)
    await expectNothingOpen(world())
  })

  it('goes on after an answer by somebody who still wants it', async () => {
    const { a, b } = await world().pair({})
    const last = new Gate<unknown>()
    b.accept('x', async (channel) => {
      const iterator = channel[Symbol.asyncIterator]()
      await iterator.next()
      await channel.send('enough to answer')
      channel.end()
      let item: unknown
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
        item = next.value
      last.open(item)
    })
    const gate = new Gate()
    async function* input(): AsyncGenerator<number> {
      yield 1
      await gate.passed
      yield 2
    }
    expect(await a.call('x', input())).toBe('enough to answer')
    gate.open()
    expect(await last.passed).toBe(2)
    await expectNothingOpen(world())
  })

  it('is cut short by an answer that looks at none of it', async () => {
    const { a } = await world().pair({ x: () => 'at once' })
    const numbers = new Counting(Number.POSITIVE_INFINITY)
    expect(await a.call('x', numbers)).toBe('at once')
    await settle()
    expect(numbers.isCleanedUp).toBe(true)
    await expectNothingOpen(world())
  })

  it('is cut short by an answer though its next item never comes', async () => {
    const { a } = await world().pair({ x: () => 'at once' })
    const returned = new Gate()
    const input = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<never>(() => {}),
        return: async () => {
          returned.open()
          return { done: true as const, value: undefined }
        },
      }),
    }
    expect(await a.call('x', input)).toBe('at once')
    await returned.passed
    await expectNothingOpen(world())
  })

  it('that the handler has had enough of is told to stop, while the answer takes its time', async () => {
    const gate = new Gate()
    const { a } = await world().pair({
      first: async (numbers: AsyncIterable<number>) => {
        let first = -1
        for await (const number of numbers) {
          first = number
          break
        }
        await gate.passed
        return first
      },
    })
    const numbers = new Counting(Number.POSITIVE_INFINITY)
    const answer = a.call('first', numbers)
    await settle()
    expect(numbers.isCleanedUp).toBe(true)
    gate.open()
    expect(await answer).toBe(0)
    await expectNothingOpen(world())
  })

  it('that throws fails the call with that very error and ends the handler’s input', async () => {
    const heard = new Gate<unknown>()
    const { a } = await world().pair({
      sum: async (numbers: AsyncIterable<number>, ctx) => {
        const error = await rejection(collect(numbers))
        heard.open([error.code, ctx.signal.aborted])
        throw error
      },
    })
    const failure = new Error('no more numbers')
    async function* numbers(): AsyncGenerator<number> {
      yield 1
      await settle()
      throw failure
    }
    expect(await rejection(a.call('sum', numbers()))).toBe(failure)
    expect(await heard.passed).toEqual(['CANCELLED', true])
    await expectNothingOpen(world())
  })

  it('that throws fails a stream with that very error', async () => {
    const { a } = await world().pair({ echo: (lines: AsyncIterable<string>) => lines })
    const failure = new Error('no more lines')
    async function* lines(): AsyncGenerator<string> {
      yield 'a'
      await settle()
      throw failure
    }
    const stream = a.stream('echo', lines())
    expect(await stream.next()).toEqual({ done: false, value: 'a' })
    expect(await rejection(stream.next())).toBe(failure)
    expect((await stream.next()).done).toBe(true)
    await expectNothingOpen(world())
  })

  it('with an item that cannot be sent fails the call, and its generator is closed', async () => {
    const { a } = await world().pair({ sum: (numbers: AsyncIterable<number>) => collect(numbers) })
    let isClosed = false
    async function* numbers(): AsyncGenerator<unknown> {
      try {
        yield 1
        yield { f: () => {} }
      } finally {
        isClosed = true
      }
    }
    const error = await rejection(a.call('sum', numbers()))
    expect(error).toMatchObject({ name: 'UsageError', code: 'INVALID_ARGUMENT' })
    expect(error.message).toContain('value.f')
    expect(isClosed).toBe(true)
    await settle()
    expect(world().openChannelCount).toBe(0)
  })

  it('that is not iterable after all fails the call', async () => {
    const { a } = await world().pair({ sum: (numbers: AsyncIterable<number>) => collect(numbers) })
    const failure = new Error('no iterator')
    const input = {
      [Symbol.asyncIterator]: () => {
        throw failure
      },
    }
    expect(await rejection(a.call('sum', input))).toBe(failure)
    await expectNothingOpen(world())
  })

  it('that throws while it is closed has nobody to tell but onError', async () => {
    const { a } = await world().pair({ x: () => 'at once' })
    const error = new Error('in finally')
    async function* numbers(): AsyncGenerator<number> {
      try {
        while (true) yield 1
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: that is what is tested
        throw error
      }
    }
    expect(await a.call('x', numbers())).toBe('at once')
    await settle()
    expect(world().reported).toEqual([{ peer: 'a', error, name: 'x', remote: 'b' }])
  })

  it('waits for a slow handler', async () => {
    const inputs = new Gate<AsyncIterator<number>>()
    const { a } = await world().pair(
      {
        slow: async (numbers: AsyncIterable<number>, ctx) => {
          inputs.open(numbers[Symbol.asyncIterator]())
          await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
        },
      },
      {},
      { limits: { channelWindowMessages: 10 } },
    )
    const numbers = new Counting(1_000)
    const controller = new AbortController()
    const answer = rejection(a.call('slow', numbers, { signal: controller.signal }))
    await settle()
    expect(numbers.given).toBeLessThanOrEqual(10 + 2)
    const input = await inputs.passed
    for (let i = 0; i < 20; i++) expect(await input.next()).toEqual({ done: false, value: i })
    await settle()
    expect(numbers.given).toBeGreaterThanOrEqual(20)
    expect(numbers.given).toBeLessThanOrEqual(30 + 2)
    controller.abort()
    await answer
    await settle()
    expect(numbers.isCleanedUp).toBe(true)
    expect(world().openChannelCount).toBe(0)
  })

  it('is over for the handler after it has ended, also when asked again', async () => {
    const { a } = await world().pair({
      ends: async (numbers: AsyncIterable<number>) => {
        const iterator = numbers[Symbol.asyncIterator]()
        const results = await Promise.all([iterator.next(), iterator.next(), iterator.next()])
        return results.map(({ done }) => done)
      },
    })
    expect(await a.call('ends', new Counting(1))).toEqual([false, true, true])
  })

  it('with an item that does not decode fails the call', async () => {
    const { a } = await world().pair({ sum: (numbers: AsyncIterable<unknown>) => collect(numbers) })
    const lying = {
      id: 1,
      name: 'json',
      encode: () => new TextEncoder().encode('{'),
      decode: () => null,
    }
    const { CodecRegistry } = await import('@peerplex/codec')
    const registry = new CodecRegistry()
    const c = world().peer('c', {
      codecs: {
        announce: () => 'json',
        parse: (text) => registry.parse(text),
        byTheirId: () => lying,
        choose: () => lying,
      },
    })
    c.connect('memory:b')
    const error = await rejection(c.call('sum', new Counting(3)))
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', origin: 'remote' })
    expect(error.message).toMatch(/^the input of 'sum' does not decode as json: /)
    expect(a.peers()).toHaveLength(1)
    await expectNothingOpen(world())
  })
})

describe('a streamed answer', () => {
  it('waits for a slow reader', async () => {
    const numbers = new Counting(1_000)
    const { a } = await world().pair({ ticks: () => numbers }, { limits: { channelWindowMessages: 10 } })
    const stream = a.stream('ticks')
    await settle()
    expect(numbers.given).toBeLessThanOrEqual(10 + 2)
    for (let i = 0; i < 20; i++) expect((await stream.next()).value).toBe(i)
    await settle()
    expect(numbers.given).toBeLessThanOrEqual(30 + 2)
    expect(await collect(stream)).toHaveLength(980)
    expect(numbers.isCleanedUp).toBe(true)
  })

  it('whose reader leaves early ends the handler: signal, generator and channel', async () => {
    let seen: Context | undefined
    const numbers = new Counting(Number.POSITIVE_INFINITY)
    const { a } = await world().pair({
      ticks: (_input, ctx) => {
        seen = ctx
        void ctx.signal
        return numbers
      },
    })
    for await (const number of a.stream('ticks')) if (number === 5) break
    await settle()
    expect(numbers.isCleanedUp).toBe(true)
    expect(seen?.signal.reason).toMatchObject({ code: 'CANCELLED', origin: 'remote', delivery: 'processed' })
    await expectNothingOpen(world())
  })

  it('whose reader leaves ends the input’s generator too', async () => {
    const numbers = new Counting(Number.POSITIVE_INFINITY)
    let isOver = false
    const { a } = await world().pair({
      echo: async function* (input: AsyncIterable<number>) {
        try {
          yield* input
        } finally {
          isOver = true
        }
      },
    })
    for await (const number of a.stream('echo', numbers)) if (number === 5) break
    await settle()
    expect([numbers.isCleanedUp, isOver]).toEqual([true, true])
    await expectNothingOpen(world())
  })

  it('whose reader leaves fails the input that its handler waits for', async () => {
    const heard = new Gate<unknown>()
    const { a } = await world().pair({
      wait: async function* (input: AsyncIterable<number>) {
        yield 1
        const error = await rejection(collect(input))
        heard.open(error)
        throw error
      },
    })
    const never = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }
    const stream = a.stream('wait', never)
    await stream.next()
    const waiting = stream.next()
    await settle()
    await stream.return()
    expect((await waiting).done).toBe(true)
    expect(await heard.passed).toMatchObject({ code: 'CANCELLED', message: "'wait': the caller gave up" })
    await expectNothingOpen(world())
  })

  it('whose reader leaves ends the input’s generator at once, though the handler takes no notice', async () => {
    const numbers = new Counting(Number.POSITIVE_INFINITY)
    const gate = new Gate()
    const { a, b } = await world().pair({
      deaf: async function* () {
        yield 1
        await gate.passed
      },
    })
    for await (const _ of a.stream('deaf', numbers)) break
    await settle()
    expect(numbers.isCleanedUp).toBe(true)
    // What had arrived and was never read is dropped.
    expect(b.stats().connections[0]?.unreadBytes).toBe(0)
    gate.open()
    await expectNothingOpen(world())
  })

  it('whose reader leaves before the call has left never begins', async () => {
    let runs = 0
    const gate = new Gate()
    const { a } = await world().pair(
      {
        slow: () => gate.passed,
        x: () => runs++,
      },
      {},
      { limits: { maxOpenChannels: 1 } },
    )
    const slow = a.call('slow')
    await world().advance(0)
    const controller = new AbortController()
    const stream = a.stream('x')
    const input = new Counting(5)
    const other = a.stream('x', input, { signal: controller.signal })
    await settle()
    await stream.return()
    await other.return()
    gate.open()
    await slow
    await world().advance(2_000)
    expect([runs, input.given]).toEqual([0, 0])
    await expectNothingOpen(world())
  })

  it('left while the wire is blocked: the input ends at once, and what has not left never does', async () => {
    let runs = 0
    const { a } = await world().pair({ echo: (input: AsyncIterable<number>) => input, x: () => runs++ })
    const numbers = new Counting(Number.POSITIVE_INFINITY)
    const first = a.stream('echo', numbers)
    await first.next()
    world().wire.block()
    const large = a.call('x', 'y'.repeat(300_000))
    await settle()
    const second = a.stream('x')
    await settle()
    await Promise.all([first.return(), second.return()])
    await settle()
    expect(numbers.isCleanedUp).toBe(true)
    world().wire.unblock()
    expect(await large).toBe(0)
    expect(runs).toBe(1)
    await expectNothingOpen(world())
  })

  it('that nobody wants any more before it was made is closed unread', async () => {
    const gate = new Gate()
    const numbers = new Counting(10)
    let isReturned = false
    const { a } = await world().pair({
      late: async () => {
        await gate.passed
        const iterator = numbers[Symbol.asyncIterator]()
        return {
          [Symbol.asyncIterator]: () => ({
            next: () => iterator.next(),
            return: () => {
              isReturned = true
              return iterator.return(undefined)
            },
          }),
        }
      },
    })
    const stream = a.stream('late')
    await settle()
    await stream.return()
    gate.open()
    await settle()
    expect(isReturned).toBe(true)
    expect(numbers.given).toBe(0)
    await expectNothingOpen(world())
  })

  it('can be what another call gives: both ends of a chain are closed when its reader leaves', async () => {
    const numbers = new Counting(Number.POSITIVE_INFINITY)
    const { a, b } = await world().pair({ relay: (_input, ctx) => ctx.remote.stream('ticks') })
    a.handle('ticks', () => numbers)
    for await (const number of a.stream('relay')) if (number === 3) break
    await settle()
    expect(numbers.isCleanedUp).toBe(true)
    expect(b.stats().connections[0]?.openChannels).toBe(0)
    await expectNothingOpen(world())
  })

  it('left while a pause in it lasts holds its slot until the generator is through', async () => {
    const gate = new Gate()
    const { a, b } = await world().pair(
      {
        slow: async function* () {
          yield 1
          await gate.passed
          yield 2
        },
        quick: () => 1,
      },
      {},
      { limits: { maxOpenChannels: 1 } },
    )
    for await (const _ of a.stream('slow')) break
    const quick = a.call('quick')
    expect(await isPending(quick)).toBe(true)
    gate.open()
    await world().advance(1_000)
    expect(await quick).toBe(1)
    expect(b.peers()).toHaveLength(1)
  })

  it('is over for its reader by throw() and by dispose, too', async () => {
    const { a } = await world().pair({ ticks: () => new Counting(Number.POSITIVE_INFINITY) })
    const first = a.stream('ticks')
    const failure = new Error('reader')
    expect(await rejection(first.throw(failure))).toBe(failure)
    expect((await first.next()).done).toBe(true)
    const second = a.stream('ticks')
    const waiting = second.next()
    await second[Symbol.asyncDispose]()
    expect((await waiting).done).toBe(true)
    await second.return()
    await expectNothingOpen(world())
  })

  it('serves readers that ask ahead, in order', async () => {
    const { a } = await world().pair({ ticks: (n: number) => new Counting(n) })
    const stream = a.stream<number>('ticks', 2)
    const results = await Promise.all([stream.next(), stream.next(), stream.next(), stream.next()])
    expect(results.map(({ value }) => value)).toEqual([0, 1, undefined, undefined])
  })

  it('with an item that does not decode fails with DATA_LOSS and ends the handler', async () => {
    const numbers = new Counting(Number.POSITIVE_INFINITY)
    const { b } = await world().pair({ ticks: () => numbers, one: () => 1 })
    const { CodecRegistry } = await import('@peerplex/codec')
    const registry = new CodecRegistry({ preferred: 'json' })
    const json = registry.byName('json')
    const deaf = {
      id: 1,
      name: 'json',
      encode: (value: unknown) => json?.encode(value) as Uint8Array,
      decode: () => {
        throw new Error('I cannot read')
      },
    }
    const c = world().peer('c', {
      codecs: {
        announce: () => 'json',
        parse: (text) => registry.parse(text),
        byTheirId: () => deaf,
        choose: () => deaf,
      },
    })
    c.connect('memory:b')
    const stream = c.stream('ticks')
    const expected = {
      code: 'DATA_LOSS',
      message: "the reply to 'ticks' does not decode as json: I cannot read",
      delivery: 'processed',
      origin: 'local',
      remote: 'b',
    }
    expect(await rejection(stream.next())).toMatchObject(expected)
    expect((await stream.next()).done).toBe(true)
    expect(await rejection(c.call('one'))).toMatchObject({
      ...expected,
      message: "the reply to 'one' does not decode as json: I cannot read",
    })
    await settle()
    expect(numbers.isCleanedUp).toBe(true)
    expect(b.stats().connections.every(({ openChannels }) => openChannels === 0)).toBe(true)
    await expectNothingOpen(world())
  })

  it('is one too many for `call`, which says to use `stream`, and ends it', async () => {
    const numbers = new Counting(Number.POSITIVE_INFINITY)
    const { a } = await world().pair({ ticks: () => numbers })
    const input = new Counting(Number.POSITIVE_INFINITY)
    expect(await rejection(a.call('ticks', input))).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: "'ticks' answered with more than one message",
      hint: 'use stream() instead of call()',
      delivery: 'processed',
      origin: 'local',
    })
    await settle()
    expect([numbers.isCleanedUp, input.isCleanedUp]).toEqual([true, true])
    await expectNothingOpen(world())
  })
})

describe('toWeb()', () => {
  it('gives everything in order', async () => {
    const { a } = await world().pair({ ticks: () => new Counting(5) })
    expect(await collect(a.stream('ticks').toWeb())).toEqual([0, 1, 2, 3, 4])
  })

  it('waits for its reader', async () => {
    const numbers = new Counting(1_000)
    const { a } = await world().pair({ ticks: () => numbers }, { limits: { channelWindowMessages: 10 } })
    const reader = a.stream('ticks').toWeb().getReader()
    await settle()
    expect(numbers.given).toBeLessThanOrEqual(10 + 2)
    expect(await reader.read()).toEqual({ done: false, value: 0 })
    await reader.cancel()
    await settle()
    expect(numbers.isCleanedUp).toBe(true)
    await expectNothingOpen(world())
  })

  it('fails as the stream does', async () => {
    const { a } = await world().pair({
      x: async function* () {
        yield 1
        throw new CallError('ABORTED', 'enough')
      },
    })
    const reader = a.stream('x').toWeb().getReader()
    expect((await reader.read()).value).toBe(1)
    expect(await rejection(reader.read())).toMatchObject({ code: 'ABORTED' })
  })
})
