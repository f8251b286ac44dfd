// Channels that have no request because a connection took them at once: they end, move on and are given up as all others; and what
// they put off to the end of the turn is each one's own.
import { AsyncLocalStorage } from 'node:async_hooks'
import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bytes, collect, echo, isPending, settle, World } from './support.js'

let world: World

beforeEach(() => {
  world = new World()
})

afterEach(async () => {
  await world.close()
})

describe('a channel that is opened at once', () => {
  it('asks a test of the program about each peer once', async () => {
    const { a } = await world.pair()
    const defect = new Error('bad test')
    let count = 0
    const nobody = a.open('x', { to: () => ++count < 0 })
    const failing = a.open('x', {
      to: () => {
        throw defect
      },
    })
    expect(count).toBe(1)
    expect(world.reported).toMatchObject([{ peer: 'a', error: defect }])
    nobody.reset()
    failing.reset()
  })

  it('is given up by a signal that is aborted while it is opened', async () => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    const controller = new AbortController()
    const reason = new Error('not that one')
    const to = (): boolean => {
      controller.abort(reason)
      return true
    }
    const channel = a.open('x', { signal: controller.signal, to })
    expect(channel.writable).toBe(false)
    expect(await channel.closed).toMatchObject({ code: 'CANCELLED', origin: 'local' })
    expect(channel.signal.reason).toBe(reason)
  })

  it('leaves nothing at its signal, however it ends', async () => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    const { signal } = new AbortController()
    const channels = [a.open('x', { signal }), a.open('x', { signal })]
    expect(getEventListeners(signal, 'abort')).toHaveLength(2)
    channels[0]?.end()
    channels[1]?.reset()
    for (const channel of channels) await channel.closed
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('is not tried again when this side gave it up, whatever the code says', async () => {
    const { a, b } = await world.pair()
    b.accept('x', (channel) => channel.closed)
    const channel = a.open('x', { idempotent: true })
    await settle()
    channel.reset('UNAVAILABLE')
    channel.reset('INTERNAL')
    expect(await channel.closed).toMatchObject({ code: 'UNAVAILABLE', origin: 'local', delivery: 'unknown' })
    expect(a.stats().queue.retriedCalls).toBe(0)
  })

  it.each([
    { without: 'a request', options: undefined },
    { without: 'one no more, for its deadline', options: { timeoutMs: 60_000 } },
  ])('counts in the queue with what it holds when it waits again, without $without', async ({ options }) => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    const connection = world.transport.last
    connection.block()
    a.open('x').reset()
    await settle()
    const channel = a.open('x', options)
    channel.send('held')
    connection.cut()
    await settle()
    expect(a.stats().queue.queuedBytes).toBeGreaterThan(6)
    channel.send('more')
    await world.advance(100)
    expect(channel.remote?.id).toBe('b')
    expect(a.stats().queue.queuedBytes).toBe(0)
    channel.end()
    expect(await collect(channel)).toEqual(['held', 'more'])
  })

  it('lets a sender that waits for room go on when it is over, or on another connection', async () => {
    const { a } = await world.pair()
    const connection = world.transport.last
    connection.block()
    a.open('x').reset()
    await settle()
    const [moved, reset] = [a.open('x', { codec: 'raw' }), a.open('x', { codec: 'raw' })]
    const waiting = [moved, reset].map((channel) => channel.send(bytes(200_000)))
    for (const promise of waiting) expect(await isPending(promise)).toBe(true)
    reset.reset()
    connection.cut()
    await world.advance(100)
    for (const promise of waiting) expect(await isPending(promise)).toBe(false)
  })

  it('is not tried again once the other side has said anything, or the program knows how it ended', async () => {
    const { a, b } = await world.pair()
    b.accept('stops', (channel) => {
      channel.stop()
      return channel.closed
    })
    b.accept('sends', (channel) => {
      channel.send('unread')
      return channel.closed
    })
    const channels = ['stops', 'sends'].map((name) => a.open(name, { idempotent: true }))
    await settle()
    world.transport.last.cut()
    for (const channel of channels) {
      expect(await channel.closed).toMatchObject({ code: 'UNAVAILABLE', delivery: 'unknown' })
      channel.stop()
    }
    await world.advance(100)
    expect(a.stats().queue.retriedCalls).toBe(0)
  })

  it('ends with the error of a connection that cannot take it, and nothing is thrown', async () => {
    const { a } = await world.pair({}, { limits: { maxFrameBytes: 16_384 } })
    const channel = a.open('x', { headers: { 'x-a': 'a'.repeat(60_000) } })
    expect(await channel.closed).toMatchObject({ code: 'METADATA_TOO_LARGE', delivery: 'not-sent' })
  })

  it('calls what its options say as a method of them', async () => {
    const { a, b } = await world.pair()
    b.accept('x', (channel) => {
      channel.send('one', { headers: { 'x-a': '1' } })
      channel.end({ 'x-t': '2' })
    })
    const options = {
      heard: [] as string[],
      onHeaders() {
        this.heard.push('headers')
      },
      onTrailers() {
        this.heard.push('trailers')
      },
    }
    const channel = a.open('x', options)
    channel.onMessage = () => {}
    channel.end()
    expect((await channel.closed).code).toBe('OK')
    expect(options.heard).toEqual(['headers', 'trailers'])
  })
})

describe('what waited without anything to say', () => {
  it('ends its output at the connection', async () => {
    const a = world.peer('a')
    a.open('x').end()
    const b = await world.server('b')
    const ended: unknown[] = []
    b.accept('x', async (channel) => ended.push(await collect(channel)))
    await a.connect('memory:b').ready
    await settle()
    expect(ended).toEqual([[]])
  })
})

describe('an end that came before the channel was taken', () => {
  it('is told, though nothing came with it', async () => {
    const { a, b } = await world.pair()
    const told: string[] = []
    b.use(async (_, next) => {
      await settle()
      await next()
    })
    b.accept('x', (channel) => {
      channel.onMessage = () => told.push('message')
      channel.onEnd = () => told.push('end')
    })
    a.open('x').end()
    await settle()
    await settle()
    expect(told).toEqual(['end'])
  })
})

describe('channels of one handler', () => {
  it('have their own codec and remote each', async () => {
    const b = await world.server('b')
    const seen: string[] = []
    b.accept('x', async (channel) => {
      for await (const message of channel) seen.push(`${channel.remote?.id} ${channel.codec} ${message}`)
    })
    const peers = [
      { id: 'one', codecs: ['json', 'text'] },
      { id: 'two', codecs: ['text', 'json'] },
    ]
    for (const { id, codecs } of peers) {
      const peer = world.peer(id)
      await peer.connect('memory:b').ready
      for (const codec of codecs) {
        const channel = peer.open('x', { codec })
        channel.send('1')
        channel.end()
        await settle()
      }
    }
    expect(seen).toEqual(['one json 1', 'one text 1', 'two text 1', 'two json 1'])
  })
})

describe('the end of the turn', () => {
  it('tells an end to whoever asks after it, though the channel has flowed before', async () => {
    const { a, b } = await world.pair()
    b.accept('x', () => {})
    const channel = a.open('x')
    channel.onMessage = () => {}
    await settle()
    channel.end()
    await channel.closed
    const told: string[] = []
    channel.onEnd = () => told.push('end')
    channel.onClose = ({ code }) => told.push(code)
    expect(told).toEqual([])
    await settle()
    expect(told).toEqual(['end', 'OK'])
  })

  it('hands no channel its messages in the asynchronous context of another one', async () => {
    const { a, b } = await world.pair()
    const context = new AsyncLocalStorage<string>()
    const seen: string[] = []
    b.accept('**', (channel) =>
      context.run(channel.name, () => {
        channel.onMessage = () => seen.push(`${channel.name} ${context.getStore()}`)
      }),
    )
    const channels = ['one', 'two'].map((name) => a.open(name))
    for (const channel of channels) channel.send('hello')
    await settle()
    expect(seen).toHaveLength(2)
    expect(seen).not.toContain('two one')
    for (const channel of channels) channel.reset()
  })
})
