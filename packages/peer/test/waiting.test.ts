// Opens that wait for a connection: how many, how long, in which order, and what is sent meanwhile.

import { Headers, type PeerplexError } from '@peerplex/wire'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ChannelPeer, PeerChannel } from '../src/index.js'
import type { OpenSpec, RequestSink } from '../src/internal.js'
import { bytes, codecSet, collect, echo, isPending, RAW, settle, World } from './support.js'

let world: World

beforeEach(() => {
  world = new World()
})

afterEach(async () => {
  await world.close()
})

/** Writes down the first message of each channel, in the order of their coming. */
function recordOrder(peer: ChannelPeer): string[] {
  const order: string[] = []
  peer.accept('**', (channel: PeerChannel<string>) => {
    order.push(channel.name)
  })
  return order
}

/** A one-way, as the layer above sends it. */
function oneway(name: string, message: Uint8Array, heard: string[]): [OpenSpec, RequestSink] {
  const spec: OpenSpec = {
    name,
    codec: 'raw',
    headers: Headers.EMPTY,
    timeoutMs: 0,
    isLast: true,
    isOneway: true,
    isIdempotent: false,
    windowBytes: undefined,
    windowMessages: undefined,
    to: undefined,
    routeKey: undefined,
    waitForReady: true,
    hasMessage: true,
  }
  const onFailed = (error: PeerplexError): void => {
    heard.push(`${name} ${error.code}`)
  }
  return [spec, { encodeFirst: () => message, onMessage() {}, onFailed }]
}

describe('an open without a connection', () => {
  it('waits, and what was sent meanwhile flows in order, with headers and trailers', async () => {
    const b = await world.server('b')
    const got: string[] = []
    b.accept('x', (channel) => {
      channel.onMessage = (message, headers) => got.push(`${message} ${headers.get('x-n')}`)
      channel.onEnd = (trailers) => {
        got.push(`end ${trailers.get('x-t')}`)
        channel.end()
      }
    })
    const a = world.peer('a')
    const channel = a.open('x')
    for (const n of [1, 2, 3]) channel.send(`m${n}`, { headers: { 'x-n': String(n) } })
    channel.end({ 'x-t': 'yes' })
    expect(channel.writable).toBe(false)
    expect(channel.remote).toBeNull()
    expect(channel.bufferedBytes).toBeGreaterThan(0)
    expect(a.stats().queue).toMatchObject({ queuedCalls: 1 })
    expect(a.stats().queue.queuedBytes).toBe(channel.bufferedBytes)
    a.connect('memory:b')
    expect((await channel.closed).code).toBe('OK')
    expect(got).toEqual(['m1 1', 'm2 2', 'm3 3', 'end yes'])
    expect(a.stats().queue).toMatchObject({ queuedCalls: 0, queuedBytes: 0 })
  })

  it('goes out in the order of the opens', async () => {
    const b = await world.server('b')
    const order = recordOrder(b)
    const a = world.peer('a')
    const names = Array.from({ length: 20 }, (_, index) => `n${index}`)
    const channels = names.map((name) => a.open(name))
    a.connect('memory:b')
    await Promise.all(channels.map(({ closed }) => closed))
    expect(order).toEqual(names)
  })

  it('flows to the one that dials us, too', async () => {
    const a = await world.server('a')
    const b = world.peer('b')
    b.accept('x', echo)
    const channel = a.open('x')
    channel.send('to the dialer')
    channel.end()
    b.connect('memory:a')
    expect(await collect(channel)).toEqual(['to the dialer'])
  })

  it('can be given up: by reset, and by its signal', async () => {
    const a = world.peer('a')
    const controller = new AbortController()
    const first = a.open('x')
    const second = a.open('y', { signal: controller.signal })
    const sent = second.send(1)
    first.reset('ABORTED')
    controller.abort()
    await sent
    expect(await first.closed).toMatchObject({ code: 'ABORTED', delivery: 'not-sent', origin: 'local' })
    expect(await second.closed).toMatchObject({ code: 'CANCELLED', delivery: 'not-sent' })
    expect(first.signal.reason).toMatchObject({ code: 'ABORTED' })
    expect(a.stats().queue).toMatchObject({ queuedCalls: 0, queuedBytes: 0 })
  })

  it('holds a window of messages before it asks its sender to wait, and lets it go on at the connection', async () => {
    const b = await world.server('b')
    let got = 0
    b.accept('x', async (channel) => {
      for await (const message of channel) got += (message as Uint8Array).length
    })
    const a = world.peer('a', { limits: { channelWindowBytes: 65_536 } })
    const channel = a.open('x', { codec: 'raw' })
    let count = 0
    let waiting: Promise<void>
    do {
      waiting = channel.send(bytes(8_192))
      count++
    } while (!(await isPending(waiting)))
    expect(count).toBe(8)
    a.connect('memory:b')
    await waiting
    channel.end()
    await channel.closed
    expect(got).toBe(count * 8_192)
  })

  it('shares queue.maxBytes with all others', async () => {
    const a = world.peer('a', { queue: { maxBytes: 10_000 } })
    const first = a.open('x', { codec: 'raw' })
    const second = a.open('x', { codec: 'raw' })
    expect(await isPending(first.send(bytes(6_000)))).toBe(false)
    const waiting = second.send(bytes(6_000))
    expect(await isPending(waiting)).toBe(true)
    // The queue is full now, and says so to the next.
    const third = a.open('x')
    expect(await third.closed).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      delivery: 'not-sent',
      origin: 'local',
    })
    expect((await third.closed).message).toMatch(/queue is full/)
    second.reset()
    await waiting
    expect(a.stats().queue.queuedBytes).toBe(first.bufferedBytes)
  })

  it('ends when what it holds turns out too large for the other side', async () => {
    const b = await world.server('b', { limits: { maxMessageBytes: 65_536 } })
    b.accept('x', echo)
    const a = world.peer('a')
    const channel = a.open('x', { codec: 'raw' })
    await channel.send(bytes(65_537))
    a.connect('memory:b')
    expect(await channel.closed).toMatchObject({ code: 'MESSAGE_TOO_LARGE', origin: 'local' })
  })
})

describe('time', () => {
  it('the deadline runs while waiting; the error has the last connect error as its cause', async () => {
    const a = world.peer('a')
    const errors: unknown[] = []
    a.connect('memory:nobody')
    const channel = a.open('x', { timeoutMs: 500 })
    await world.advance(499)
    expect(await isPending(channel.closed)).toBe(true)
    await world.advance(1)
    const outcome = await channel.closed
    expect(outcome).toMatchObject({ code: 'DEADLINE_EXCEEDED', delivery: 'not-sent', origin: 'local' })
    expect(outcome.message).toMatch(
      /no connection within 500 ms; the last attempt to connect: .*nobody listens/,
    )
    errors.push(channel.signal.reason)
    expect(errors[0]).toMatchObject({ cause: { code: 'UNAVAILABLE' } })
  })

  it('queue.waitMs ends the wait with UNAVAILABLE', async () => {
    const a = world.peer('a', { queue: { waitMs: 200 } })
    const channel = a.open('x', { timeoutMs: 500 })
    await world.advance(200)
    expect(await channel.closed).toMatchObject({ code: 'UNAVAILABLE', delivery: 'not-sent' })
    expect((await channel.closed).message).toMatch(/within 200 ms$/)
  })

  it('waits for ever with waitMs 0, and leaves no timer', async () => {
    const a = world.peer('a', { queue: { waitMs: 0 } })
    const channel = a.open('x')
    await world.advance(1_000_000)
    expect(await isPending(channel.closed)).toBe(true)
    expect(world.clock.pendingTimerCount).toBe(0)
  })

  it('what is left of the deadline goes with the OPEN', async () => {
    const b = await world.server('b')
    b.accept('x', (channel) => channel.closed)
    const a = world.peer('a')
    const channel = a.open('x', { timeoutMs: 1_000 })
    await world.advance(400)
    a.connect('memory:b')
    await world.advance(599)
    expect(channel.remote?.id).toBe('b')
    expect(await isPending(channel.closed)).toBe(true)
    await world.advance(1)
    expect((await channel.closed).code).toBe('DEADLINE_EXCEEDED')
  })
})

describe('waitForReady: false', () => {
  it('fails at once, with the reason of the last attempt', async () => {
    const a = world.peer('a', { waitForReady: false })
    const first = await a.open('x').closed
    expect(first).toMatchObject({ code: 'UNAVAILABLE', delivery: 'not-sent', origin: 'local' })
    a.connect('memory:nobody')
    await settle()
    const second = await a.open('x').closed
    expect(second.message).toMatch(/no connection is ready: .*nobody listens/)
    const waiting = a.open('x', { waitForReady: true })
    expect(await isPending(waiting.closed)).toBe(true)
  })

  it('waits no more after its connection was lost: what finds no place elsewhere fails at once', async () => {
    const b = await world.server('b')
    b.accept('x', (channel) => channel.closed)
    const a = world.peer('a', { waitForReady: false })
    await a.connect('memory:b', { reconnect: false }).ready
    await settle()
    const lost = world.transport.last
    lost.block()
    // Takes the last write that there is.
    a.open('x')
    await settle()
    const channels = [1, 2, 3].map(() => a.open('x'))
    for (const channel of channels) channel.end()
    await settle()
    const c = await world.server('c', { limits: { maxOpenChannels: 1 } })
    c.accept('x', (channel) => channel.closed)
    await a.connect('memory:c').ready
    await settle()
    lost.cut()
    await settle()
    expect(channels.map(({ remote }) => remote?.id)).toContain('c')
    expect(a.stats().queue.queuedCalls).toBe(0)
    const outcomes = await Promise.all(
      channels.filter(({ remote }) => remote?.id !== 'c').map(({ closed }) => closed),
    )
    expect(outcomes.map(({ code, delivery }) => `${code} ${delivery}`)).toEqual(
      Array(2).fill('UNAVAILABLE not-sent'),
    )
  })

  it('goes out when a connection is ready', async () => {
    const { a, b } = await world.pair({ waitForReady: false })
    b.accept('x', echo)
    const channel = a.open('x')
    channel.end()
    expect((await channel.closed).code).toBe('OK')
  })
})

describe('a full queue', () => {
  it('rejects', async () => {
    const a = world.peer('a', { queue: { maxCalls: 2 } })
    const channels = [a.open('1'), a.open('2'), a.open('3')]
    expect(await channels[2]?.closed).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      delivery: 'not-sent',
      hint: 'call less, or raise queue.maxCalls and queue.maxBytes',
    })
    channels[0]?.reset()
    expect(await isPending(a.open('4').closed)).toBe(true)
  })

  it('blocks: who does not fit waits outside and gets in as others leave', async () => {
    const b = await world.server('b')
    const order = recordOrder(b)
    const a = world.peer('a', { queue: { maxCalls: 2, overflow: 'block' } })
    const channels = ['1', '2', '3', '4', '5'].map((name) => a.open(name))
    channels[2]?.send('held outside of the queue')
    expect(a.stats().queue).toMatchObject({ queuedCalls: 2, blockedCalls: 3 })
    channels[3]?.reset()
    a.connect('memory:b')
    await Promise.all(channels.map(({ closed }) => closed))
    expect(order).toEqual(['1', '2', '3', '5'])
    expect(a.stats().queue).toMatchObject({ queuedCalls: 0, blockedCalls: 0, queuedBytes: 0 })
  })

  it('blocks nobody behind a queue full of those who wait for another peer', async () => {
    const b = await world.server('b')
    const order = recordOrder(b)
    const a = world.peer('a', { queue: { maxCalls: 1, overflow: 'block' } })
    const elsewhere = a.open('elsewhere', { to: 'nobody' })
    const channels = [a.open('1'), a.open('2', { to: 'b' }), a.open('3', { to: 'nobody' }), a.open('4')]
    a.connect('memory:b')
    await settle()
    channels.push(a.open('5'))
    await settle()
    expect(order).toEqual(['1', '2', '4', '5'])
    expect(a.stats().queue).toMatchObject({ queuedCalls: 1, blockedCalls: 1 })
    elsewhere.reset()
    expect(a.stats().queue).toMatchObject({ queuedCalls: 1, blockedCalls: 0 })
  })

  it('blocks nothing for ever: the time of the blocked runs, and what can never fit is refused', async () => {
    const a = world.peer('a', { queue: { maxCalls: 1, waitMs: 100, overflow: 'block' } })
    a.open('1')
    const blocked = a.open('2')
    await world.advance(100)
    expect((await blocked.closed).code).toBe('UNAVAILABLE')
    const none = world.peer('none', { queue: { maxCalls: 0, overflow: 'block' } })
    expect((await none.open('1').closed).code).toBe('RESOURCE_EXHAUSTED')
  })

  it('lets in what fits when what did not is given up, and not before', async () => {
    const a = world.peer('a', { queue: { maxBytes: 1_000, overflow: 'block' } })
    const heard: string[] = []
    a.submit(...oneway('first', bytes(600), heard))
    const large = a.submit(...oneway('large', bytes(900), heard))
    a.submit(...oneway('small', bytes(100), heard))
    expect(a.stats().queue).toMatchObject({ queuedCalls: 1, blockedCalls: 2 })
    a.cancel(large)
    expect(a.stats().queue).toMatchObject({ queuedCalls: 2, blockedCalls: 0, queuedBytes: 700 })
  })

  it('drops the oldest one-way, and nothing else', async () => {
    const a = world.peer('a', { queue: { maxCalls: 3, overflow: 'drop-oldest' } })
    const heard: string[] = []
    const kept = a.open('kept')
    for (const name of ['one', 'two', 'three']) a.submit(...oneway(name, bytes(10), heard))
    await settle()
    expect(heard).toEqual(['one RESOURCE_EXHAUSTED'])
    expect(a.stats().queue).toMatchObject({ queuedCalls: 3, droppedCalls: 1 })
    a.submit(...oneway('four', bytes(9_000_000), heard))
    await settle()
    expect(heard).toEqual(['one RESOURCE_EXHAUSTED', 'two RESOURCE_EXHAUSTED', 'four RESOURCE_EXHAUSTED'])
    expect(await isPending(kept.closed)).toBe(true)
    const full = world.peer('full', { queue: { maxCalls: 1, overflow: 'drop-oldest' } })
    full.open('1')
    expect((await full.open('2').closed).code).toBe('RESOURCE_EXHAUSTED')
  })
})

describe('open credit', () => {
  it('opens beyond the limit of the other side wait and flow as slots return', async () => {
    const { a, b } = await world.pair({}, { limits: { maxOpenChannels: 2 } })
    const order = recordOrder(b)
    const names = Array.from({ length: 12 }, (_, index) => `n${index}`)
    const channels = names.map((name) => a.open(name))
    for (const channel of channels) channel.end()
    expect(a.stats().queue.queuedCalls).toBeGreaterThan(0)
    await Promise.all(channels.map(({ closed }) => closed))
    expect(order).toEqual(names)
  })

  it('one that waits for a peer that is not there stands in nobody else’s way', async () => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    const absent = a.open('x', { to: 'c' })
    const channel = a.open('x')
    channel.end()
    expect((await channel.closed).code).toBe('OK')
    expect(await isPending(absent.closed)).toBe(true)
    const c = await world.server('c')
    c.accept('x', echo)
    absent.end()
    a.connect('memory:c')
    expect((await absent.closed).code).toBe('OK')
    expect(absent.remote?.id).toBe('c')
  })

  it('first messages of requests wait encoded, and count', async () => {
    const b = await world.server('b', { codecSet: codecSet([RAW]) })
    const got: unknown[] = []
    b.accept('x', async (channel) => {
      got.push(...(await collect(channel)))
    })
    const a = world.peer('a')
    const heard: string[] = []
    a.submit(...oneway('x', bytes(500, 3), heard))
    expect(a.stats().queue.queuedBytes).toBe(500)
    a.connect('memory:b')
    await settle()
    expect(got).toEqual([bytes(500, 3)])
    expect(heard).toEqual([])
  })
})
