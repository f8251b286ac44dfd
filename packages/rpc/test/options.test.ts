// What a call may be told: what is refused before anything is sent, and what it gets.
import { standardCodecs } from '@peerplex/codec'
import { CodecTable, createJsonCodec } from '@peerplex/codec/basic'
import { Headers } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { type CallOptions, ReplyStream } from '../src/index.js'
import { Counting, collect, rejection, settle, thrown, useWorld } from './support.js'

const world = useWorld()

describe('options that make no sense', () => {
  const bad: readonly [string, unknown, string][] = [
    ['a negative timeout', { timeoutMs: -1 }, "option timeoutMs of the call of 'x' is -1"],
    ['a fractional timeout', { timeoutMs: 1.5 }, "option timeoutMs of the call of 'x' is 1.5"],
    ['a huge timeout', { timeoutMs: 2 ** 31 }, "option timeoutMs of the call of 'x' is 2147483648"],
    ['a timeout in words', { timeoutMs: '1s' }, "option timeoutMs of the call of 'x' is string"],
    ['a number for `to`', { to: 7 }, "option to of the call of 'x' is 7"],
    ['null for `to`', { to: null }, "option to of the call of 'x' is null"],
    ['an object for a codec', { codec: {} }, "option codec of the call of 'x' is object"],
    [
      'a controller for its signal',
      { signal: new AbortController() },
      "option signal of the call of 'x' is object",
    ],
    ['null for a signal', { signal: null }, "option signal of the call of 'x' is null"],
    ['text for onHeaders', { onHeaders: 'f' }, "option onHeaders of the call of 'x' is string"],
    ['text for onTrailers', { onTrailers: 'f' }, "option onTrailers of the call of 'x' is string"],
    ['an illegal header', { headers: { 'Not A Key': '1' } }, "'Not A Key' is not a header key"],
    [
      'a header that is an object',
      { headers: { x: {} } },
      "the value of header 'x' is neither text nor bytes",
    ],
  ]

  it.each(bad)('%s', async (_what, options, message) => {
    const { a } = await world().pair({ x: () => 1 })
    const given = options as CallOptions
    const expected = {
      name: 'UsageError',
      code: 'INVALID_ARGUMENT',
      message,
      delivery: 'not-sent',
      origin: 'local',
    }
    expect(await rejection(a.call('x', 1, given))).toMatchObject(expected)
    expect(await rejection(a.notify('x', 1, given))).toMatchObject(expected)
    expect(thrown(() => a.stream('x', 1, given))).toMatchObject(expected)
    expect(a.stats().connections[0]?.channelsOpened).toBe(0)
  })

  it.each<[unknown, string]>([
    ['', 'the name of a call is empty'],
    [7, 'the name of a call is number'],
    [undefined, 'the name of a call is undefined'],
  ])('the name %j', async (name, message) => {
    const a = world().peer('a')
    expect(await rejection(a.call(name as string))).toMatchObject({ code: 'INVALID_ARGUMENT', message })
  })

  it.each(['x'.repeat(256), 'a\u0001'])('a name that the wire does not take: %j', async (name) => {
    const { a } = await world().pair({})
    expect(await rejection(a.call(name))).toMatchObject({ name: 'UsageError', code: 'INVALID_ARGUMENT' })
  })

  it('more than 64 headers', async () => {
    const { a } = await world().pair({ x: () => 1 })
    const headers = Array.from({ length: 65 }, (_, i): [string, string] => [`x-${i}`, ''])
    expect(await rejection(a.call('x', 1, { headers }))).toMatchObject({ code: 'METADATA_TOO_LARGE' })
  })
})

describe('an input that cannot be sent', () => {
  it('fails the call here, and nothing is sent', async () => {
    const { a } = await world().pair({ x: () => 1 })
    for (const call of [a.call('x', { n: 1n, f: Symbol('s') }), a.notify('x', Symbol('s'))]) {
      expect(await rejection(call)).toMatchObject({
        code: 'INVALID_ARGUMENT',
        origin: 'local',
        delivery: 'not-sent',
      })
    }
    expect(await rejection(a.stream('x', Symbol('s')).next())).toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(a.stats().connections[0]?.channelsOpened).toBe(0)
  })

  it('fails it also while there is no connection', async () => {
    const a = world().peer('a')
    expect(await rejection(a.call('x', Symbol('s')))).toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(a.stats().queue.queuedCalls).toBe(0)
  })

  it('because it holds a function: callbacks are not there yet', async () => {
    const { a } = await world().pair({ greet: () => 1 })
    const error = await rejection(a.call('greet', { name: 'Ada', shout: (s: string) => s.toUpperCase() }))
    expect(error).toMatchObject({ name: 'UsageError', code: 'INVALID_ARGUMENT' })
    expect(error.message).toContain('value.shout')
    expect(`${error.message} ${error.hint}`).toMatch(/function/)
  })

  it('because a one-way cannot stream', async () => {
    const { a } = await world().pair({ x: () => 1 })
    const input = new Counting(3)
    expect(await rejection(a.notify('x', input))).toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(input.given).toBe(0)
  })

  it('because it is larger than the other side takes', async () => {
    const { a } = await world().pair({ x: () => 1 }, {}, { limits: { maxMessageBytes: 65_536 } })
    expect(await rejection(a.call('x', 'y'.repeat(80_000)))).toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      origin: 'local',
      delivery: 'not-sent',
    })
    expect(await a.call('x', 1)).toBe(1)
  })
})

describe('codec', () => {
  it('is the first of this peer’s that the other side has, or the one that is named', async () => {
    const { a } = await world().pair({ which: (_input, ctx) => ctx.codec })
    expect(await a.call('which')).toBe('json')
    expect(await a.call('which', null, { codec: 'msgpack' })).toBe('msgpack')
    expect(await collect(a.stream('which', null, { codec: 'msgpack' }))).toEqual(['msgpack'])
  })

  it('of an unknown name is an error that says which there are', async () => {
    const { a } = await world().pair({ x: () => 1 })
    const error = await rejection(a.call('x', 1, { codec: 'yaml' }))
    expect(error).toMatchObject({ name: 'UsageError', code: 'INVALID_ARGUMENT' })
    expect(`${error.message} ${error.hint}`).toMatch(/'yaml'.*json/)
    expect(await rejection(a.stream('x', 1, { codec: 'yaml' }).next())).toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
    expect(await rejection(a.notify('x', 1, { codec: 'yaml' }))).toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  it('that the other side lacks is UNSUPPORTED_CODEC', async () => {
    const { a } = await world().pair({ x: () => 1 })
    const codecs = a.channels.codecs
    const c = world().peer('c', {
      codecs: {
        ...codecs,
        announce: () => 'text',
        parse: (t) => codecs.parse(t),
        byTheirId: () => undefined,
        choose: (n, t) => codecs.choose(n, t),
      },
    })
    c.handle('x', () => 1)
    await c.bind('memory:c')
    a.connect('memory:c')
    await settle()
    expect(await rejection(a.call('x', 1, { codec: 'json', to: 'c' }))).toMatchObject({
      code: 'UNSUPPORTED_CODEC',
    })
  })
})

describe('to', () => {
  it('that is nobody makes the call wait, until its time is over', async () => {
    const { a } = await world().pair({ x: () => 1 })
    const call = rejection(a.call('x', 1, { to: 'nobody', timeoutMs: 50 }))
    await world().advance(50)
    expect(await call).toMatchObject({ code: 'DEADLINE_EXCEEDED', delivery: 'not-sent' })
  })

  it('that throws fails its own call, and no other', async () => {
    const { a } = await world().pair({ x: () => 1 })
    const failure = new Error('in to')
    const to = (): boolean => {
      throw failure
    }
    expect(await rejection(a.call('x', 1, { to }))).toBe(failure)
    expect(await rejection(a.call('x', 1, { to, waitForReady: false }))).toBe(failure)
    expect(await rejection(a.stream('x', new Counting(1), { to }).next())).toBe(failure)
    const c = world().peer('c')
    const waiting = [rejection(c.call('x', 1, { to })), c.call('x', 2)]
    c.connect('memory:b')
    expect(await Promise.all(waiting)).toEqual([failure, 1])
    expect(c.stats().queue.queuedCalls).toBe(0)
  })
})

describe('headers', () => {
  it.each<[string, CallOptions['headers']]>([
    ['a record', { 'x-a': ['1', '2'] }],
    [
      'pairs',
      [
        ['x-a', '1'],
        ['x-a', '2'],
      ],
    ],
    ['received ones', Headers.from({ 'x-a': ['1', '2'] })],
  ])('may be %s', async (_what, headers) => {
    const { a } = await world().pair({ x: (_input, ctx) => ctx.headers.getAll('x-a') })
    expect(await a.call('x', null, { headers })).toEqual(['1', '2'])
  })
})

it('a stream is a ReplyStream', async () => {
  const { a } = await world().pair({ x: () => 1 })
  const stream = a.stream('x')
  expect(stream).toBeInstanceOf(ReplyStream)
  expect(stream[Symbol.asyncIterator]()).toBe(stream)
  expect(await collect(stream)).toEqual([1])
})

describe('calls without options share what they ask for', () => {
  it('and still say what a filter added since', async () => {
    const { a } = await world().pair({
      x: (_: unknown, { headers }: { headers: Headers }) => headers.get('added') ?? 'none',
    })
    expect(await a.call('x')).toBe('none')
    const undo = a.use(async (open, next) => {
      open.headers.set('added', 'by a filter')
      await next()
    })
    expect(await a.call('x')).toBe('by a filter')
    undo()
    expect(await a.call('x')).toBe('none')
  })

  it('and each has the time that it has left', async () => {
    const b = world().peer('b')
    b.handle('x', (_: unknown, { timeRemainingMs }: { timeRemainingMs: number }) => timeRemainingMs)
    await b.bind('memory:b')
    const a = world().peer('a', { timeoutMs: 10_000 })
    const first = a.call('x')
    await world().advance(4_000)
    a.connect('memory:b')
    expect(await first).toBeLessThanOrEqual(6_000)
    expect(await a.call('x')).toBeGreaterThan(6_000)
    expect(await a.call('x')).toBeGreaterThan(6_000)
  })

  it('and are encoded anew when the connection has other codecs than they were encoded for', async () => {
    const b = world().peer('b', { codecs: new CodecTable([createJsonCodec()]) })
    b.handle('x', (input: unknown, { codec }: { codec: string }) => [input, codec])
    await b.bind('memory:b')
    const a = world().peer('a', { codecs: standardCodecs({ preferred: 'msgpack' }) })
    const waiting = a.call('x', { n: 1 })
    await settle()
    a.connect('memory:b')
    expect(await waiting).toEqual([{ n: 1 }, 'json'])
  })
})
