// A streamed answer: it waits for its reader, and ends with all behind it when its reader leaves; also as a Web Stream.
import { CallError } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import type { Context } from '../src/index.js'
import {
  Counting,
  collect,
  expectNothingOpen,
  Gate,
  isPending,
  rejection,
  settle,
  useWorld,
} from './support.js'

const world = useWorld()

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
    await settle()
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
    const { standardCodecs } = await import('@peerplex/codec')
    const registry = standardCodecs({ preferred: 'json' })
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
