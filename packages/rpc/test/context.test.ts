// What a handler sees and does beside its input.
import { CallError, Headers } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import type { Context } from '../src/index.js'
import { Counting, collect, Gate, isPending, rejection, settle, useWorld } from './support.js'

const world = useWorld()

describe('ctx', () => {
  it('tells what was called, by whom, with which headers and in which codec', async () => {
    let seen: Context | undefined
    const { a, b } = await world().pair({
      'users.get': (_input, ctx) => {
        seen = ctx
      },
    })
    await a.call('users.get', 1, {
      headers: { 'x-a': ['1', '2'], 'x-bin': new Uint8Array([1]) },
      codec: 'msgpack',
    })
    expect(seen?.name).toBe('users.get')
    expect(seen?.codec).toBe('msgpack')
    expect(seen?.headers.getAll('x-a')).toEqual(['1', '2'])
    expect(seen?.headers.getBytes('x-bin')).toEqual(new Uint8Array([1]))
    expect(seen?.remote).toBe(b.peers()[0])
    expect(seen?.remote.id).toBe('a')
    expect(seen?.identity).toBeUndefined()
    expect(seen?.timeRemainingMs).toBe(Number.POSITIVE_INFINITY)
    expect(seen?.signal.aborted).toBe(false)
  })

  it('has `input` for streaming calls only, and that is the handler’s argument', async () => {
    const inputs: [unknown, unknown][] = []
    const { a } = await world().pair({
      x: (input, ctx) => {
        inputs.push([input, ctx.input])
      },
    })
    await a.call('x', 7)
    await a.call('x', new Counting(2))
    expect(inputs[0]).toEqual([7, undefined])
    expect(inputs[1]?.[0]).toBe(inputs[1]?.[1])
    expect(inputs[1]?.[0]).toHaveProperty('next')
  })

  it('starts the handler of a streaming call before the first item', async () => {
    const hasStarted = new Gate()
    const first = new Gate<number>()
    const { a } = await world().pair({
      sum: async (numbers: AsyncIterable<number>) => {
        hasStarted.open()
        return (await collect(numbers)).length
      },
    })
    const answer = a.call('sum', ReadableStream.from([first.passed]))
    await hasStarted.passed
    first.open(1)
    expect(await answer).toBe(1)
  })
})

describe('headers and trailers of a reply', () => {
  it('leave with a unary answer', async () => {
    const { a } = await world().pair({
      x: (_input, ctx) => {
        ctx.replyHeaders.set('x-count', '0').append('x-count', '1')
        ctx.replyHeaders.set('x-gone', 'y').delete('x-gone')
        ctx.replyTrailers.set('x-sum', 'a').set('x-sum', 'b')
        return 'answer'
      },
    })
    const got: Headers[] = []
    const answer = await a.call('x', null, { onHeaders: (h) => got.push(h), onTrailers: (t) => got.push(t) })
    expect(answer).toBe('answer')
    expect(got.map((each) => [...each])).toEqual([
      [
        ['x-count', '0'],
        ['x-count', '1'],
      ],
      [['x-sum', 'b']],
    ])
  })

  it('are told once, empty when there are none', async () => {
    const { a } = await world().pair({ x: () => 1, ticks: () => new Counting(3) })
    const got: string[] = []
    const options = {
      onHeaders: (headers: Headers) => got.push(`headers ${headers.size}`),
      onTrailers: (trailers: Headers) => got.push(`trailers ${trailers.size}`),
    }
    await a.call('x', null, options)
    expect(got.splice(0)).toEqual(['headers 0', 'trailers 0'])
    await collect(a.stream('ticks', null, options))
    expect(got).toEqual(['headers 0', 'trailers 0'])
  })

  it('leave with the first item of a stream and with its end', async () => {
    const { a } = await world().pair({
      ticks: async function* (_input, ctx) {
        ctx.replyHeaders.set('x-a', '1')
        yield 1
        ctx.replyHeaders.set('x-late', '1')
        yield 2
        ctx.replyTrailers.append('x-b', '2')
      },
    })
    const stream = a.stream('ticks')
    expect(await collect(stream)).toEqual([1, 2])
    expect([...(await stream.headers)]).toEqual([['x-a', '1']])
    expect([...(await stream.trailers)]).toEqual([['x-b', '2']])
  })

  it('are there before anything is read: headers with the first item, trailers with the end', async () => {
    const { a } = await world().pair({
      ticks: async function* (_input, ctx) {
        ctx.replyHeaders.set('x-a', '1')
        yield 1
        ctx.replyTrailers.set('x-b', '2')
      },
    })
    const told: Headers[] = []
    const stream = a.stream('ticks', null, { onHeaders: (headers) => told.push(headers) })
    expect((await stream.headers).get('x-a')).toBe('1')
    expect(told.map((each) => [...each])).toEqual([[['x-a', '1']]])
    expect(await stream.next()).toEqual({ done: false, value: 1 })
    expect((await stream.next()).done).toBe(true)
    expect((await stream.trailers).get('x-b')).toBe('2')
    expect(told).toHaveLength(1)
  })

  it('may come long before the first item', async () => {
    const { a, b } = await world().pair({})
    b.accept('x', async (channel) => {
      await channel.closed
    })
    b.channels.handleChannels('early', (channel) => {
      channel.accept({ onMessage: () => channel.sendHeaders({ 'x-early': '1' }) })
    })
    const stream = a.stream('early')
    expect((await stream.headers).get('x-early')).toBe('1')
    expect(await isPending(stream.next())).toBe(true)
    await stream.return()
  })

  it('leave also when a stream has no item', async () => {
    const { a } = await world().pair({
      none: async function* (_input, ctx) {
        ctx.replyHeaders.set('x-a', '1')
        ctx.replyTrailers.set('x-b', '2')
        yield* []
      },
    })
    const stream = a.stream('none')
    expect(await collect(stream)).toEqual([])
    expect((await stream.headers).get('x-a')).toBe('1')
    expect((await stream.trailers).get('x-b')).toBe('2')
  })

  it('are empty when the call fails', async () => {
    const { a } = await world().pair({})
    const stream = a.stream('nobody')
    await rejection(stream.next())
    expect(await stream.headers).toBe(Headers.EMPTY)
    expect(await stream.trailers).toBe(Headers.EMPTY)
  })

  it('that are not legal fail the call, and the handler’s side hears why', async () => {
    const { a } = await world().pair({
      x: (_input, ctx) => ctx.replyHeaders.set('Not A Key', '1') && 1,
      y: async function* (_input, ctx) {
        ctx.replyHeaders.set('Not A Key', '1')
        yield 1
      },
      z: async function* (_input, ctx) {
        ctx.replyTrailers.set('Not A Key', '1')
        yield 1
      },
    })
    expect(await rejection(a.call('x'))).toMatchObject({ code: 'UNKNOWN' })
    expect(await rejection(a.call('y'))).toMatchObject({ code: 'UNKNOWN' })
    expect(await rejection(a.call('z'))).toMatchObject({ code: 'UNKNOWN' })
    expect(world().reported.map(({ name }) => name)).toEqual(['x', 'y', 'z'])
  })

  it('a callback that throws fails the call with its error and ends it on the other side', async () => {
    const aborted = new Gate<unknown>()
    const { a } = await world().pair({
      ticks: async function* (_input, ctx) {
        ctx.signal.addEventListener('abort', () => aborted.open(ctx.signal.reason))
        while (true) yield 1
      },
      x: () => 1,
    })
    const failure = new Error('in a callback')
    const onHeaders = (): void => {
      throw failure
    }
    expect(await rejection(a.call('x', null, { onHeaders }))).toBe(failure)
    expect(await rejection(a.call('x', null, { onTrailers: onHeaders }))).toBe(failure)
    expect(await rejection(collect(a.stream('ticks', null, { onHeaders })))).toBe(failure)
    expect(await aborted.passed).toMatchObject({ code: 'CANCELLED', origin: 'remote' })
    await settle()
    expect(world().openChannelCount).toBe(0)
  })
})

describe('filters', () => {
  it('see calls on both sides, and what they do to headers and deadline counts', async () => {
    const log: string[] = []
    let seen: Context | undefined
    const { a, b } = await world().pair({
      x: (_input, ctx) => {
        seen = ctx
        return ctx.headers.get('x-in')
      },
    })
    a.use(async (open, next) => {
      open.headers.set('x-out', '1')
      open.timeoutMs = 50
      const { code } = await next()
      log.push(`${open.direction} ${open.name} ${code}`)
    })
    b.use(async (open, next) => {
      open.headers.set('x-in', open.headers.get('x-out') === '1' ? 'yes' : 'no')
      const { code } = await next()
      log.push(`${open.direction} ${open.name} ${code} ${String(open.remote === b.peers()[0])}`)
    })
    expect(await a.call('x')).toBe('yes')
    expect(seen?.timeRemainingMs).toBe(50)
    expect(await collect(a.stream('x', new Counting(2)))).toEqual(['yes'])
    await a.notify('x')
    await settle()
    expect(log.filter((line) => line === 'out x OK')).toHaveLength(3)
    expect(log.filter((line) => line === 'in x OK true')).toHaveLength(3)
  })

  it('refuse calls with their code, and no handler runs', async () => {
    let runs = 0
    const { a, b } = await world().pair({ x: () => runs++ })
    const undo = b.use(async () => {
      throw new CallError('PERMISSION_DENIED', 'not you')
    })
    for (const call of [a.call('x'), a.call('x', new Counting(9)), collect(a.stream('x'))]) {
      expect(await rejection(call)).toMatchObject({ code: 'PERMISSION_DENIED', message: 'not you' })
    }
    await a.notify('x')
    await settle()
    undo()
    const undoOut = a.use(async () => ({ code: 'RESOURCE_EXHAUSTED', message: 'slower' }))
    for (const call of [a.call('x'), a.call('x', new Counting(9)), collect(a.stream('x')), a.notify('x')]) {
      expect(await rejection(call)).toMatchObject({ code: 'RESOURCE_EXHAUSTED', delivery: 'not-sent' })
    }
    undoOut()
    expect(runs).toBe(0)
    expect(await a.call('x')).toBe(0)
    expect(world().openChannelCount).toBe(0)
  })

  it('that take their time hold what streams in, and a call given up meanwhile runs no handler', async () => {
    const gate = new Gate()
    let runs = 0
    const { a, b } = await world().pair({
      x: async (input: AsyncIterable<number>) => {
        runs++
        return (await collect(input)).length
      },
    })
    b.use(async (_open, next) => {
      await gate.passed
      await next()
    })
    const controller = new AbortController()
    const given = rejection(a.call('x', new Counting(3), { signal: controller.signal }))
    const left = a.stream('x', new Counting(2))
    const kept = a.call('x', new Counting(4))
    const late = rejection(a.call('x', new Counting(5), { timeoutMs: 10 }))
    await settle()
    controller.abort()
    await given
    await left.return()
    await world().advance(10)
    expect(await late).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    gate.open()
    expect(await kept).toBe(4)
    expect(runs).toBe(1)
    expect(world().openChannelCount).toBe(0)
  })
})

describe('calls of a handler', () => {
  it('inherit what is left of its time and its trace', async () => {
    const seen: Record<string, Context> = {}
    const remember = (_input: unknown, ctx: Context): void => {
      seen[ctx.name] = ctx
    }
    const { a } = await world().pair({
      outer: async (_input, ctx) => {
        await world().advance(30)
        await ctx.call('inner.call', null, { headers: { 'x-own': '1', tracestate: 'mine' } })
        await collect(ctx.stream('inner.stream', null, { timeoutMs: 20 }))
        await ctx.notify('inner.notify', null, { timeoutMs: 500 })
        await ctx.call('inner.zero', null, { timeoutMs: 0 })
        await ctx.remote.call('inner.remote')
        return ctx.timeRemainingMs
      },
    })
    a.handle('inner.*', remember)
    const headers = { traceparent: '00-1-2-01', tracestate: 'theirs', baggage: 'k=v', 'x-other': '1' }
    expect(await a.call('outer', null, { timeoutMs: 100, headers })).toBe(70)
    await settle()
    const inner = seen['inner.call']?.headers
    expect(inner?.get('traceparent')).toBe('00-1-2-01')
    expect(inner?.getAll('tracestate')).toEqual(['mine'])
    expect(inner?.get('baggage')).toBe('k=v')
    expect(inner?.get('x-own')).toBe('1')
    expect(inner?.has('x-other')).toBe(false)
    const left = Object.fromEntries(Object.values(seen).map((ctx) => [ctx.name, ctx.timeRemainingMs]))
    expect(left).toEqual({
      'inner.call': 70,
      'inner.stream': 20,
      'inner.notify': 70,
      'inner.zero': 70,
      'inner.remote': Number.POSITIVE_INFINITY,
    })
  })

  it('have the trace but no deadline when the call has none', async () => {
    let seen: Context | undefined
    const { a } = await world().pair({ outer: (_input, ctx) => ctx.call('inner') })
    a.handle('inner', (_input, ctx) => {
      seen = ctx
    })
    await a.call('outer', null, { headers: { traceparent: 't' } })
    expect(seen?.headers.get('traceparent')).toBe('t')
    expect(seen?.timeRemainingMs).toBe(Number.POSITIVE_INFINITY)
    await a.call('outer')
    expect(seen?.headers.size).toBe(0)
  })

  it('have the deadline of their peer when that is shorter than what is left', async () => {
    let leftMs = 0
    const { a } = await world().pair({ outer: (_input, ctx) => ctx.call('inner') }, {}, { timeoutMs: 40 })
    a.handle('inner', (_input, ctx) => {
      leftMs = ctx.timeRemainingMs
    })
    await a.call('outer', null, { timeoutMs: 100 })
    expect(leftMs).toBe(40)
  })

  it('fail as the call does when its time is over, with the code of that', async () => {
    const { a } = await world().pair({ outer: (_input, ctx) => ctx.call('inner') })
    a.handle('inner', () => new Promise(() => {}))
    const failure = rejection(a.call('outer', null, { timeoutMs: 100 }))
    await world().advance(100)
    expect(await failure).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    expect(world().reported).toEqual([])
  })

  it('refuse options that make no sense, whatever is left', async () => {
    const { a } = await world().pair({
      outer: async (_input, ctx) =>
        (await rejection(ctx.call('inner', 1, { timeoutMs: Number.NaN }))).message,
    })
    expect(await a.call('outer', null, { timeoutMs: 100 })).toContain('timeoutMs')
  })
})
