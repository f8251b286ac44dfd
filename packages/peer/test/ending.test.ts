// How a peer ends: by drain, by close, in whatever state it is. Everything is settled, nothing stays behind.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createChannelPeer, type PeerChannel } from '../src/index.js'
import { bytes, codecSet, collect, echo, isPending, settle, thrown, World } from './support.js'

let world: World

beforeEach(() => {
  world = new World()
})

afterEach(async () => {
  await world.close()
})

describe('close', () => {
  it('settles everything at once: waiting, assigned, running on both sides, held by a slow reader', async () => {
    const { a, b } = await world.pair({}, { limits: { channelWindowBytes: 65_536 } })
    const inbound: PeerChannel[] = []
    b.accept('x', (channel) => {
      inbound.push(channel)
      channel.send(bytes(6))
      return channel.closed
    })
    const running = a.open('x', { codec: 'raw' })
    let blocked: Promise<void> = Promise.resolve()
    for (let i = 0; i < 20; i++) blocked = running.send(bytes(8_192))
    await settle()
    expect(await isPending(blocked)).toBe(true)
    const waiting = a.open('x', { to: 'nobody' })
    const fresh = a.open('x')
    const closing = a.close()
    expect(await isPending(closing)).toBe(false)
    await blocked
    expect(await waiting.closed).toMatchObject({ code: 'UNAVAILABLE', delivery: 'not-sent' })
    expect((await waiting.closed).message).toMatch(/this peer was closed/)
    expect((await fresh.closed).code).toBe('UNAVAILABLE')
    expect(await running.closed).toMatchObject({ code: 'UNAVAILABLE', delivery: 'unknown' })
    for (const channel of inbound) expect((await channel.closed).code).toBe('UNAVAILABLE')
    expect(a.stats()).toMatchObject({ connections: [], links: [], listeners: [], queue: { queuedCalls: 0 } })
    await closing
  })

  it('refuses new work afterwards, with words that say why', async () => {
    const a = world.peer('a')
    await a.close()
    await a.close()
    expect(thrown(() => a.connect('memory:b'))).toMatchObject({
      name: 'UsageError',
      code: 'FAILED_PRECONDITION',
    })
    await expect(a.bind('memory:a')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
    expect(await a.open('x').closed).toMatchObject({ code: 'UNAVAILABLE', delivery: 'not-sent' })
    await a.drain()
  })

  it('before a connection is made leaves nothing behind', async () => {
    const a = world.peer('a')
    await world.server('b')
    const link = a.connect('memory:b')
    const channel = a.open('x')
    await a.close()
    expect(link.state).toBe('CLOSED')
    expect((await channel.closed).code).toBe('UNAVAILABLE')
    await settle()
    expect(a.stats().connections).toEqual([])
  })

  it('during bind gives the address back', async () => {
    const a = world.peer('a')
    const binding = a.bind('memory:a')
    await a.close()
    await expect(binding).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
    await world.peer('other').bind('memory:a')
  })

  it('of a listener that has a connection under way refuses that', async () => {
    const b = await world.server('b')
    const link = world.peer('a').connect('memory:b')
    const closing = b.close()
    await closing
    await settle()
    expect(link.state).toBe('BACKOFF')
    link.close()
  })
})

describe('drain', () => {
  it('does not wait beyond its grace for a connection that takes nothing', async () => {
    const { a, b } = await world.pair()
    a.accept('x', echo)
    const [connection] = world.transport.accepted
    connection?.block()
    const channel = b.open('x')
    channel.send(bytes(100))
    await settle()
    const draining = b.drain({ graceMs: 100 })
    await world.advance(100)
    expect((await channel.closed).code).toBe('UNAVAILABLE')
    // What was said last has the time that every connection has that ends.
    await world.advance(4_000)
    expect(await isPending(draining)).toBe(false)
  })

  it('lets running channels end, takes none, and resolves when all is gone', async () => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    const running = a.open('x')
    await settle()
    const waiting = a.open('x', { to: 'nobody' })
    const draining = a.drain({ graceMs: 5_000 })
    expect((await waiting.closed).message).toMatch(/this peer drains/)
    expect((await a.open('x').closed).code).toBe('UNAVAILABLE')
    expect(thrown(() => a.connect('memory:b')).message).toMatch(/draining/)
    expect(await isPending(draining)).toBe(true)
    await running.send('still')
    running.end()
    expect(await collect(running)).toEqual(['still'])
    await draining
    expect(a.stats().connections).toEqual([])
  })

  it('ends what runs longer than its grace', async () => {
    const { a, b } = await world.pair()
    b.accept('x', (channel) => channel.closed)
    const running = a.open('x')
    await settle()
    const draining = b.drain({ graceMs: 1_000 })
    await world.advance(999)
    expect(await isPending(running.closed)).toBe(true)
    await world.advance(1)
    expect((await running.closed).code).toBe('UNAVAILABLE')
    await draining
  })

  it('of the other side is announced, and new channels go elsewhere or wait', async () => {
    const { a, b } = await world.pair()
    const events: string[] = []
    a.on('drain', ({ remote }) => events.push(remote.id))
    b.accept('x', (channel) => channel.closed)
    const running = a.open('x')
    await settle()
    const [link] = a.stats().links
    expect(link?.state).toBe('READY')
    const draining = b.drain({ graceMs: 10_000 })
    await settle()
    expect(events).toEqual(['b'])
    expect(a.stats().links[0]?.state).toBe('DRAINING')
    const waiting = a.open('x')
    expect(await isPending(waiting.closed)).toBe(true)
    expect(waiting.remote).toBeNull()
    running.reset()
    await settle()
    await draining
    waiting.reset()
  })

  it('does not dial again, and gives up what is being dialed', async () => {
    const { a, b } = await world.pair()
    a.connect('memory:nobody')
    await settle()
    const { dialCount } = world.transport
    await a.drain()
    await world.advance(60_000)
    expect(world.transport.dialCount).toBe(dialCount)
    expect(b.peers()).toEqual([])
  })

  it('ends connections whose HELLO comes while it drains', async () => {
    const b = await world.server('b')
    const a = world.peer('a')
    const link = a.connect('memory:b')
    for (let i = 0; i < 50 && link.state !== 'HELLO'; i++) await Promise.resolve()
    expect(link.state).toBe('HELLO')
    await a.drain()
    expect(a.stats().connections).toEqual([])
    expect(b.peers()).toEqual([])
  })

  it('is what await using does', async () => {
    const { a } = await world.pair()
    await a[Symbol.asyncDispose]()
    expect(a.peers()).toEqual([])
  })
})

describe('stats', () => {
  it('is a plain snapshot of connections, links, listeners, queue and errors', async () => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    const channel = a.open('x')
    channel.send('12345')
    channel.end()
    await collect(channel)
    a.connect('memory:nobody')
    const waiting = a.open('x', { to: 'nobody' })
    await settle()
    const stats = a.stats()
    expect(stats).toEqual(JSON.parse(JSON.stringify(stats)))
    expect(stats).toMatchObject({
      connections: [{ url: 'memory:b', remote: 'b', state: 'READY', openChannels: 0, messagesSent: 1 }],
      links: [
        { url: 'memory:b', state: 'READY' },
        { url: 'memory:nobody', state: 'BACKOFF' },
      ],
      listeners: [],
      queue: { queuedCalls: 1, blockedCalls: 0, droppedCalls: 0, retriedCalls: 0 },
      errors: { UNAVAILABLE: 1 },
    })
    expect(b.stats()).toMatchObject({ listeners: ['memory:b'], connections: [{ remote: 'a' }] })
    waiting.reset()
    // The snapshot does not move.
    expect(stats.queue.queuedCalls).toBe(1)
  })

  it('counts handler errors', async () => {
    const { a, b } = await world.pair()
    b.handleChannels('x', () => {
      throw new Error('below')
    })
    expect((await a.open('x').closed).code).toBe('UNKNOWN')
    expect(b.stats().errors).toMatchObject({ HANDLER_ERRORS: 1 })
    expect(world.reported).toMatchObject([{ peer: 'b', name: 'x' }])
  })
})

describe('options', () => {
  const parts = { transports: [], codecs: codecSet() }

  it('out of range are UsageErrors that name the option', () => {
    for (const [options, name] of [
      [{ profile: 'paranoid' }, 'profile'],
      [{ timeoutMs: -1 }, 'timeoutMs'],
      [{ queue: { maxCalls: 1.5 } }, 'queue.maxCalls'],
      [{ queue: { overflow: 'explode' } }, 'queue.overflow'],
      [{ reconnect: { initialMs: 0 } }, 'reconnect.initialMs'],
      [{ id: '' }, 'id'],
      [{ id: 'x'.repeat(256) }, 'id'],
      [{ limits: { maxConnections: 0 } }, 'maxConnections'],
      [{ limits: { maxFrameBytes: 1 } }, 'maxFrameBytes'],
    ] as const) {
      const error = thrown(() => createChannelPeer(parts, options as never))
      expect(error, name).toMatchObject({ name: 'UsageError', code: 'INVALID_ARGUMENT' })
      expect(error.message).toContain(name)
    }
  })

  it('have defaults: a random id, the machine clock, the public profile if asked for', () => {
    const peer = createChannelPeer(parts, { profile: 'public' })
    expect(peer.id).toMatch(/^peer-[0-9a-f]{12}$/)
    expect(peer.options.sessionLimits.maxMessageBytes).toBe(1_048_576)
    expect(peer.options.onError(new Error('ignored'), { name: '', remote: '' })).toBeUndefined()
    const { logger } = peer.options
    for (const level of ['debug', 'info', 'warn', 'error'] as const) logger[level]('silent')
    expect(peer.codecs.announce()).toBe('json,text,raw')
    expect(thrown(() => peer.connect('memory:x')).hint).toMatch(/nothing/)
  })
})
