// A slow reader slows its sender, on every way to read, and a reader that stops holds a bounded amount of memory.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PeerChannel } from '../src/index.js'
import { bytes, collect, isPending, rejection, settle, World } from './support.js'

const WINDOW_BYTES = 65_536
const MESSAGE_BYTES = 8_192

let world: World

beforeEach(() => {
  world = new World()
})

afterEach(async () => {
  await world.close()
})

/** Sends until there is no room; returns how many messages went out. */
async function fill(channel: PeerChannel, limit = 1_000): Promise<number> {
  for (let count = 1; count <= limit; count++) {
    if (await isPending(channel.send(bytes(MESSAGE_BYTES)))) return count
  }
  throw new Error('there is always room')
}

describe('a reader that stops', () => {
  it('makes its sender wait; both sides hold a window and a message at most', async () => {
    const { a, b } = await world.pair({}, { limits: { channelWindowBytes: WINDOW_BYTES } })
    b.accept('x', (channel) => channel.closed)
    const channel = a.open('x', { codec: 'raw' })
    const count = await fill(channel)
    expect(count * MESSAGE_BYTES).toBeLessThanOrEqual(WINDOW_BYTES + 2 * MESSAGE_BYTES)
    expect(channel.bufferedBytes).toBeGreaterThan(0)
    expect(channel.bufferedBytes).toBeLessThanOrEqual(MESSAGE_BYTES)
    const { unreadBytes } = b.stats().connections[0] ?? { unreadBytes: -1 }
    expect(unreadBytes).toBeLessThanOrEqual(WINDOW_BYTES + MESSAGE_BYTES)
    channel.reset()
    expect(channel.bufferedBytes).toBe(0)
  })

  it('is waited for again and again, in an iterator that reads one by one', async () => {
    const { a, b } = await world.pair({}, { limits: { channelWindowBytes: WINDOW_BYTES } })
    let iterator: AsyncIterator<unknown> | null = null
    b.accept('x', async (channel) => {
      iterator = channel[Symbol.asyncIterator]()
      await channel.closed
    })
    const channel = a.open('x', { codec: 'raw' })
    const sent = await fill(channel)
    for (let i = 0; i < sent / 2 + 1; i++) await (iterator as AsyncIterator<unknown> | null)?.next()
    await settle()
    expect(await isPending(channel.send(bytes(1)))).toBe(false)
    channel.reset()
  })

  it('holds back the other direction of an echo, and everything arrives once it reads', async () => {
    const { a, b } = await world.pair(
      { limits: { channelWindowBytes: WINDOW_BYTES } },
      { limits: { channelWindowBytes: WINDOW_BYTES } },
    )
    b.accept('x', async (channel) => {
      for await (const message of channel) await channel.send(message)
    })
    const channel = a.open<Uint8Array>('x', { codec: 'raw' })
    const sent = await fill(channel)
    expect(sent).toBeGreaterThanOrEqual(16)
    channel.end()
    expect(await collect(channel)).toHaveLength(sent)
  })

  it('with a window of one message gets one at a time', async () => {
    const { a, b } = await world.pair()
    b.accept('x', async (channel) => {
      for (let i = 0; i < 5 && channel.writable; i++) await channel.send(i)
    })
    const channel = a.open('x', { windowMessages: 1, windowBytes: 16_384 })
    await settle()
    expect(a.stats().connections[0]?.unreadBytes).toBeLessThan(400)
    expect(await collect(channel)).toEqual([0, 1, 2, 3, 4])
  })
})

describe('a sender that waits for room', () => {
  it('goes on when the channel is reset', async () => {
    const { a, b } = await world.pair({}, { limits: { channelWindowBytes: WINDOW_BYTES } })
    b.accept('x', async (channel) => {
      await world.clock.now()
      await new Promise<void>((resolve) => {
        setImmediate(() => setImmediate(() => setImmediate(resolve)))
      })
      channel.reset('ABORTED')
    })
    const channel = a.open('x', { codec: 'raw' })
    for (let i = 0; i < 20; i++) channel.send(bytes(MESSAGE_BYTES))
    await channel.send(bytes(MESSAGE_BYTES))
    expect(channel.writable).toBe(false)
    expect((await channel.closed).code).toBe('ABORTED')
  })

  it('goes on when the other side stops it', async () => {
    const { a, b } = await world.pair({}, { limits: { channelWindowBytes: WINDOW_BYTES } })
    let other: PeerChannel | null = null
    b.accept('x', (channel) => {
      other = channel
      return channel.closed
    })
    const channel = a.open('x', { codec: 'raw' })
    await fill(channel)
    const waiting = channel.send(bytes(1))
    expect(await isPending(waiting)).toBe(true)
    ;(other as PeerChannel | null)?.stop()
    await waiting
    expect(channel.writable).toBe(false)
    // Nobody wants it, nobody complains.
    await channel.send(bytes(1))
    ;(other as PeerChannel | null)?.end()
    expect((await channel.closed).code).toBe('OK')
  })

  it('goes on when it ends its output', async () => {
    const { a, b } = await world.pair({}, { limits: { channelWindowBytes: WINDOW_BYTES } })
    b.accept('x', (channel) => channel.closed)
    const channel = a.open('x', { codec: 'raw' })
    await fill(channel)
    const waiting = channel.send(bytes(1))
    channel.end()
    await waiting
    channel.reset()
  })

  it('goes on when the connection is lost, though messages wait to be read', async () => {
    const { a, b } = await world.pair({}, { limits: { channelWindowBytes: WINDOW_BYTES } })
    let isOver = false
    b.accept('x', async (channel) => {
      channel.send(bytes(10, 1))
      channel.send(bytes(10, 2))
      await channel.closed
    })
    const channel = a.open<Uint8Array>('x', { codec: 'raw' })
    await fill(channel)
    const waiting = channel.send(bytes(1)).then(() => {
      isOver = true
    })
    await settle()
    expect(isOver).toBe(false)
    world.transport.last.cut()
    await waiting
    const outcome = await channel.closed
    expect(outcome).toMatchObject({ code: 'UNAVAILABLE', origin: 'local' })
    expect(channel.signal.aborted).toBe(true)
    // What had arrived can still be read; then comes the error.
    const got: Uint8Array[] = []
    const error = await rejection(
      (async () => {
        for await (const message of channel) got.push(message)
      })(),
    )
    expect(got).toEqual([bytes(10, 1), bytes(10, 2)])
    expect(error.code).toBe('UNAVAILABLE')
  })

  it('goes on when the handler fails, though messages wait to be read', async () => {
    const { a, b } = await world.pair({}, { limits: { channelWindowBytes: WINDOW_BYTES } })
    let fail = (): void => {}
    b.accept('x', async (channel) => {
      channel.send('before')
      await new Promise<void>((resolve) => (fail = resolve))
      throw new Error('kaput')
    })
    const channel = a.open('x', { codec: 'text' })
    for (let i = 0; i < 10; i++) channel.send('x'.repeat(MESSAGE_BYTES))
    const waiting = channel.send('x')
    expect(await isPending(waiting)).toBe(true)
    fail()
    await waiting
    expect((await channel.closed).code).toBe('UNKNOWN')
    const heard: unknown[] = []
    channel.onMessage = (message) => heard.push(message)
    channel.onClose = ({ message }) => heard.push(message)
    await settle()
    expect(heard).toEqual(['before', 'kaput'])
  })
})

describe('an iterator', () => {
  it('serves several waiting calls in order, then says done', async () => {
    const { a, b } = await world.pair()
    b.accept('x', async (channel) => {
      await settle()
      channel.send(1)
      channel.send(2)
    })
    const channel = a.open('x')
    const iterator = channel[Symbol.asyncIterator]()
    expect(iterator[Symbol.asyncIterator]()).toBe(iterator)
    const results = await Promise.all([iterator.next(), iterator.next(), iterator.next(), iterator.next()])
    expect(results.map(({ value }) => value)).toEqual([1, 2, undefined, undefined])
    expect(results.map(({ done }) => done)).toEqual([false, false, true, true])
  })

  it('settles waiting calls when it is returned', async () => {
    const { a, b } = await world.pair()
    b.accept('x', (channel) => channel.closed)
    const channel = a.open('x')
    const iterator = channel[Symbol.asyncIterator]()
    const waiting = iterator.next()
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined })
    expect(await waiting).toEqual({ done: true, value: undefined })
    channel.reset()
  })

  it('throws the failure once, then is done', async () => {
    const { a, b } = await world.pair()
    b.accept('x', (channel) => channel.reset('ABORTED'))
    const iterator = a.open('x')[Symbol.asyncIterator]()
    expect((await rejection(iterator.next())).code).toBe('ABORTED')
    expect((await iterator.next()).done).toBe(true)
  })

  it('that ended in order is not disturbed by what happens to the output', async () => {
    const { a, b } = await world.pair()
    b.accept('x', async (channel) => {
      channel.send(1)
      channel.end()
      await channel.closed
    })
    const channel = a.open('x')
    expect(await collect(channel)).toEqual([1])
    channel.reset()
    expect((await channel.closed).code).toBe('CANCELLED')
    expect((await channel[Symbol.asyncIterator]().next()).done).toBe(true)
  })
})
