// What a channel does for a program, whoever opened it: messages, headers, ends.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ChannelOutcome } from '../src/index.js'
import { bytes, collect, echo, isPending, rejection, settle, thrown, World } from './support.js'

let world: World

beforeEach(() => {
  world = new World()
})

afterEach(async () => {
  await world.close()
})

describe('an open channel', () => {
  it('carries messages both ways, from the peer that dialed and from the one that listens', async () => {
    const { a, b } = await world.pair()
    for (const [opener, acceptor] of [
      [a, b],
      [b, a],
    ] as const) {
      const undo = acceptor.accept('echo', echo)
      const channel = opener.open('echo')
      for (const value of [1, 'two', { three: [3] }]) await channel.send(value)
      channel.end()
      expect(await collect(channel)).toEqual([1, 'two', { three: [3] }])
      expect(await channel.closed).toMatchObject({ code: 'OK', delivery: 'processed' })
      undo()
    }
  })

  it('does the same on a connection of messages', async () => {
    const b = world.peer('b')
    const listener = await b.bind('memory:b?kind=message')
    b.accept('echo', echo)
    const a = world.peer('a')
    const link = a.connect(listener.url)
    const channel = a.open<Uint8Array>('echo', { codec: 'raw' })
    channel.send(bytes(200_000, 3))
    channel.end()
    expect(await collect(channel)).toEqual([bytes(200_000, 3)])
    expect(world.transport.last.kind).toBe('message')
    link.close()
  })

  it('shows the acceptor name, headers, remote and codec', async () => {
    const { a, b } = await world.pair()
    const seen: unknown[] = []
    b.accept('log.*', (channel) => {
      seen.push(channel.name, channel.headers.get('x-a'), channel.remote?.id, channel.codec)
    })
    const channel = a.open('log.tail', { codec: 'text', headers: { 'x-a': '1' } })
    expect(channel.codec).toBe('text')
    await channel.closed
    expect(seen).toEqual(['log.tail', '1', 'a', 'text'])
    expect(channel.remote?.id).toBe('b')
  })

  it('gives the opener the headers of the first message, and the trailers', async () => {
    const { a, b } = await world.pair()
    b.accept('x', (channel) => {
      channel.send(1, { headers: { 'x-first': 'yes' } })
      channel.send(2, { headers: { 'x-second': 'yes' } })
      channel.end({ 'x-count': '2' })
    })
    const heard: string[] = []
    const channel = a.open('x', {
      onHeaders: (headers) => heard.push(`headers ${headers.get('x-first')}`),
      onTrailers: (trailers) => heard.push(`trailers ${trailers.get('x-count')}`),
    })
    expect(channel.headers.size).toBe(0)
    channel.end()
    expect(await collect(channel)).toEqual([1, 2])
    expect(channel.headers.get('x-first')).toBe('yes')
    const outcome = await channel.closed
    expect(outcome.trailers.get('x-count')).toBe('2')
    expect(heard).toEqual(['headers yes', 'trailers 2'])
  })

  it('takes bytes with codec raw', async () => {
    const { a, b } = await world.pair()
    b.accept('raw', echo)
    const channel = a.open<Uint8Array>('raw', { codec: 'raw' })
    channel.send(bytes(3, 7))
    channel.end()
    expect(await collect(channel)).toEqual([bytes(3, 7)])
  })

  it('half-closes: the input goes on after the end of the output', async () => {
    const { a, b } = await world.pair()
    b.accept('x', async (channel) => {
      const count = (await collect(channel)).length
      await channel.send(`got ${count}`)
    })
    const channel = a.open('x')
    await channel.send(1)
    channel.end()
    expect(channel.writable).toBe(false)
    expect(await collect(channel)).toEqual(['got 1'])
  })

  it('refuses to send after its end, and ending twice is nothing', async () => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    const channel = a.open('x')
    await settle()
    channel.end()
    channel.end()
    expect(thrown(() => channel.send(1))).toMatchObject({ name: 'UsageError', code: 'FAILED_PRECONDITION' })
    await channel.closed
    // Over is over: no error, nothing sent.
    await channel.send(1)
  })

  it('throws for a value that has no encoding, and lives on', async () => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    const channel = a.open('x')
    await settle()
    expect(thrown(() => channel.send(undefined)).code).toBe('INVALID_ARGUMENT')
    expect(thrown(() => channel.send(1, { headers: { 'UPPER case': 'x' } })).code).toBe('INVALID_ARGUMENT')
    channel.send('fine')
    channel.end()
    expect(await collect(channel)).toEqual(['fine'])
  })

  it('throws for a message or headers beyond what the other side takes, and lives on', async () => {
    const { a, b } = await world.pair({}, { limits: { maxMessageBytes: 65_536 } })
    b.accept('x', echo)
    const channel = a.open('x', { codec: 'raw' })
    await settle()
    expect(thrown(() => channel.send(bytes(65_537)))).toMatchObject({
      name: 'LimitError',
      code: 'MESSAGE_TOO_LARGE',
    })
    const wide = { headers: { 'x-a': 'a'.repeat(20_000) } }
    expect(thrown(() => channel.send(bytes(1), wide)).code).toBe('METADATA_TOO_LARGE')
    expect(thrown(() => channel.end({ 'x-a': 'a'.repeat(20_000) })).code).toBe('METADATA_TOO_LARGE')
    channel.send(bytes(2))
    channel.end()
    expect(await collect(channel)).toHaveLength(1)
  })

  it('has one promise for all sends while there is room', async () => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    const channel = a.open('x')
    await settle()
    expect(channel.send(1)).toBe(channel.send(2))
    channel.reset()
  })

  it('throws UsageError for names and options that make no sense', async () => {
    const a = world.peer('a')
    for (const name of ['', 'a\u0001b', '~ref', 'x'.repeat(256), 7 as never]) {
      expect(
        thrown(() => a.open(name)),
        String(name),
      ).toMatchObject({ name: 'UsageError', code: 'INVALID_ARGUMENT' })
    }
    for (const options of [
      { timeoutMs: -1 },
      { timeoutMs: 0.5 },
      { windowBytes: 1 },
      { windowMessages: 0 },
      { to: 7 as never },
      { headers: { 'not a key': 'x' } },
    ]) {
      expect(thrown(() => a.open('x', options)).code, JSON.stringify(options)).toBe('INVALID_ARGUMENT')
    }
  })
})

describe('ending early', () => {
  it('tells the handler by its signal when the opener resets', async () => {
    const { a, b } = await world.pair()
    const reasons: unknown[] = []
    b.accept('x', async (channel) => {
      channel.signal.addEventListener('abort', () => reasons.push(channel.signal.reason))
      await channel.closed
      expect(channel.writable).toBe(false)
    })
    const channel = a.open('x')
    await settle()
    channel.reset('ABORTED')
    expect(await channel.closed).toMatchObject({ code: 'ABORTED', origin: 'local', delivery: 'unknown' })
    await settle()
    expect(reasons).toMatchObject([{ code: 'ABORTED', origin: 'remote' }])
    expect(channel.signal.aborted).toBe(true)
    channel.reset('CANCELLED')
    expect((await channel.closed).code).toBe('ABORTED')
  })

  it('never aborts the signal of a channel that ended in order', async () => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    const channel = a.open('x')
    const { signal } = channel
    channel.end()
    await collect(channel)
    await channel.closed
    expect(signal.aborted).toBe(false)
    expect(a.open('x').signal.aborted).toBe(false)
  })

  it('takes a number as code and refuses names that are none', async () => {
    const { a, b } = await world.pair()
    b.accept('x', (channel) => channel.closed)
    const channel = a.open('x')
    expect(thrown(() => channel.reset('NO_SUCH')).code).toBe('INVALID_ARGUMENT')
    expect(thrown(() => channel.reset(0)).code).toBe('INVALID_ARGUMENT')
    expect(thrown(() => channel.reset(1.5)).code).toBe('INVALID_ARGUMENT')
    channel.reset(65_537)
    expect((await channel.closed).code).toBe('CODE_65537')
    const other = a.open('x')
    other.reset('UNKNOWN')
    expect((await other.closed).code).toBe('UNKNOWN')
  })

  it('resets from the accepting side too', async () => {
    const { a, b } = await world.pair()
    b.accept('x', (channel) => channel.reset('RESOURCE_EXHAUSTED'))
    const channel = a.open('x')
    expect(await channel.closed).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      origin: 'remote',
      delivery: 'unknown',
    })
  })

  it('stops the other side on stop(), and goes on sending', async () => {
    const { a, b } = await world.pair()
    const got: unknown[] = []
    let sent = 0
    b.accept('x', async (channel) => {
      while (channel.writable) {
        await channel.send(sent++)
        await settle()
      }
      for await (const message of channel) got.push(message)
    })
    const channel = a.open('x')
    for await (const message of channel) if (message === 2) break
    channel.send('still here')
    channel.end()
    expect(await channel.closed).toMatchObject({ code: 'OK' })
    await settle()
    expect(got).toEqual(['still here'])
    expect(sent).toBeLessThan(10)
    expect(await collect(channel)).toEqual([])
  })

  it('stops before there is a connection', async () => {
    const b = await world.server('b')
    const a = world.peer('a')
    let sent = 0
    b.accept('x', async (channel) => {
      while (channel.writable && sent < 50) {
        await channel.send(sent++)
        await settle()
      }
    })
    const channel = a.open('x')
    channel.stop()
    channel.stop()
    channel.end()
    a.connect('memory:b')
    expect((await channel.closed).code).toBe('OK')
    expect(await collect(channel)).toEqual([])
    expect(sent).toBeLessThan(10)
  })

  it('is given up by the signal of its options, with the reason of that', async () => {
    const { a, b } = await world.pair()
    b.accept('x', (channel) => channel.closed)
    const controller = new AbortController()
    const channel = a.open('x', { signal: controller.signal })
    const reading = collect(channel)
    await settle()
    const reason = new Error('enough')
    controller.abort(reason)
    expect(await rejection(reading)).toBe(reason)
    expect(channel.signal.reason).toBe(reason)
    expect(await channel.closed).toMatchObject({ code: 'CANCELLED', origin: 'local' })
  })

  it('never begins when the signal is aborted already', async () => {
    const { a, b } = await world.pair()
    let count = 0
    b.accept('x', () => count++)
    const reason = new Error('too late')
    const channel = a.open('x', { signal: AbortSignal.abort(reason) })
    await channel.send(1)
    channel.stop()
    expect(await channel.closed).toMatchObject({ code: 'CANCELLED', delivery: 'not-sent' })
    expect(channel.signal.reason).toBe(reason)
    await settle()
    expect(count).toBe(0)
  })

  it('ends with DEADLINE_EXCEEDED on both sides', async () => {
    const { a, b } = await world.pair()
    const ends: ChannelOutcome[] = []
    b.accept('x', async (channel) => {
      ends.push(await channel.closed)
    })
    const channel = a.open('x', { timeoutMs: 500 })
    await world.advance(499)
    expect(await isPending(channel.closed)).toBe(true)
    await world.advance(1)
    expect(await channel.closed).toMatchObject({ code: 'DEADLINE_EXCEEDED', delivery: 'unknown' })
    expect(ends).toMatchObject([{ code: 'DEADLINE_EXCEEDED' }])
  })

  it('lets the default deadline of the peer be switched off', async () => {
    const { a, b } = await world.pair({ timeoutMs: 100 })
    b.accept('x', (channel) => channel.closed)
    const short = a.open('x')
    const long = a.open('x', { timeoutMs: 0 })
    await world.advance(1_000)
    expect((await short.closed).code).toBe('DEADLINE_EXCEEDED')
    expect(await isPending(long.closed)).toBe(true)
    long.reset()
  })
})
