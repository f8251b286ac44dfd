// A streamed input: it waits for its reader, is closed when nobody wants more of it, and fails with what it throws.
import { describe, expect, it } from 'vitest'
import { Counting, collect, expectNothingOpen, Gate, rejection, settle, useWorld } from './support.js'

const world = useWorld()

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
    const { standardCodecs } = await import('@peerplex/codec')
    const registry = standardCodecs()
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
