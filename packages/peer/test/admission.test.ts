// How many may come, from where and how fast; strangers never keep honest peers out; what is held in memory has an end.
import { goaway, hello, preface } from '@peerplex/testkit'
import { parseEndpoint } from '@peerplex/wire/transport'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ChannelPeer, Logger, PeerChannel, PeerLimits } from '../src/index.js'
import { bytes, collect, echo, settle, type TestConnection, World, type WorldPeerOptions } from './support.js'

/** Flag of GOAWAY. */
const FINAL = 0x01

let world: World

beforeEach(() => {
  world = new World()
})

afterEach(async () => {
  await world.close()
})

/** Somebody who connects and says nothing. Comes from `address`, if any; memory has none. */
async function stranger(address?: string): Promise<TestConnection> {
  world.transport.urlOfAccepted = address && `tcp://${address}:4711`
  await world.transport.connect(parseEndpoint('memory:b'), {})
  await settle()
  world.transport.urlOfAccepted = undefined
  return world.transport.accepted.at(-1) as TestConnection
}

/** How many connections of the listener are alive. */
function aliveCount(): number {
  return world.transport.accepted.filter(({ isDestroyed }) => !isDestroyed).length
}

/** A peer that comes from `address`. */
async function visitor(address?: string, options: WorldPeerOptions = {}): Promise<ChannelPeer> {
  world.transport.urlOfAccepted = address && `tcp://${address}:4711`
  const peer = world.peer(`visitor ${world.peers.length}`, options)
  peer.connect('memory:b')
  await settle()
  world.transport.urlOfAccepted = undefined
  return peer
}

async function listener(limits: PeerLimits = {}, options: WorldPeerOptions = {}): Promise<ChannelPeer> {
  const b = await world.server('b', { limits, ...options })
  b.accept('echo', echo)
  return b
}

async function ask(peer: ChannelPeer): Promise<unknown> {
  const channel = peer.open('echo', { timeoutMs: 100 })
  channel.send('hello')
  channel.end()
  const answers = await collect(channel).catch(() => [])
  return answers[0]
}

describe('strangers', () => {
  it('in a flood do not keep out who has something to say, nor disturb who is there', async () => {
    const b = await listener()
    const before = await visitor()
    for (let i = 0; i < 500; i++) {
      await stranger()
      if (i % 10 === 0) await world.advance(50)
    }
    const { limits } = b.stats()
    expect(limits.unauthenticated).toBe(256)
    expect(limits.unauthenticatedEvicted).toBe(244)
    expect(aliveCount()).toBe(257)
    expect(await ask(before)).toBe('hello')
    await world.advance(100)
    const during = await visitor()
    expect(await ask(during)).toBe('hello')
    await world.advance(12_000)
    expect(b.stats().limits).toMatchObject({ unauthenticated: 0, connections: 2 })
    expect(b.stats().errors.HELLO_TIMEOUT).toBeGreaterThan(200)
    expect(await ask(before)).toBe('hello')
  })

  it('who came this moment are not given up for somebody who came no earlier', async () => {
    const b = await listener({ maxUnauthenticated: 3 })
    const first = await stranger()
    await stranger()
    await stranger()
    const tooMany = await stranger()
    expect([first.isDestroyed, tooMany.isDestroyed]).toEqual([false, true])
    expect(b.stats()).toMatchObject({
      limits: { unauthenticatedRefused: 1, unauthenticatedEvicted: 0 },
      errors: { CONNECTIONS_REFUSED: 1 },
    })
    await world.advance(100)
    const next = await stranger()
    expect([first.isDestroyed, next.isDestroyed]).toEqual([true, false])
    expect(b.stats().limits).toMatchObject({ unauthenticatedEvicted: 1, unauthenticated: 3 })
  })

  it('give way where there are most of them', async () => {
    await listener({ maxUnauthenticated: 4 })
    const few = await stranger('10.0.0.1')
    const many = [await stranger('10.0.0.2'), await stranger('10.0.0.2'), await stranger('10.0.0.2')]
    await world.advance(100)
    await stranger('10.0.0.3')
    expect([few, ...many].map(({ isDestroyed }) => isDestroyed)).toEqual([false, true, false, false])
  })

  it('with HELLO and no verdict count, and do not give way', async () => {
    const answers: ((identity: unknown) => void)[] = []
    const b = await listener(
      { maxUnauthenticated: 2 },
      { authenticate: () => new Promise((answer) => answers.push(answer)) },
    )
    const waiting = await visitor()
    await visitor()
    await world.advance(100)
    expect(b.stats().limits.unauthenticated).toBe(2)
    expect((await stranger()).isDestroyed).toBe(true)
    expect(b.stats().limits.unauthenticatedRefused).toBe(1)
    answers[0]?.(true)
    expect(await ask(waiting)).toBe('hello')
    expect((await stranger()).isDestroyed).toBe(false)
    answers[1]?.(true)
  })

  it.each([
    [20, 8],
    [100, 10],
    [4_096, 256],
  ])('are never more than a tenth of all, or eight: of %d, %d', async (maxConnections, count) => {
    const b = await listener({ maxConnections })
    for (let i = 0; i < count + 2; i++) await stranger()
    expect(b.stats().limits).toMatchObject({ unauthenticated: count, unauthenticatedRefused: 2 })
  })

  it('who are refused count no longer', async () => {
    const b = await listener({}, { authenticate: () => false })
    for (let i = 0; i < 20; i++) await visitor()
    expect(b.stats()).toMatchObject({ limits: { unauthenticated: 0, connections: 0 }, errors: { AUTH: 20 } })
  })
})

describe('connections', () => {
  it('are so many in all; a silent one gives way', async () => {
    const b = await listener({ maxConnections: 3 })
    const visitors = [await visitor(), await visitor()]
    const silent = await stranger()
    await world.advance(100)
    const third = await visitor()
    expect([silent.isDestroyed, await ask(third)]).toEqual([true, 'hello'])
    const fourth = await visitor()
    expect(b.stats().limits).toMatchObject({ connections: 3, connectionsRefused: 1 })
    await visitors[0]?.close()
    await world.advance(1_000)
    expect(await ask(fourth)).toBe('hello')
  })

  it('are so many from one address; dialed ones do not count', async () => {
    const b = await listener({ maxConnectionsPerAddress: 2 })
    await world.server('c')
    b.connect('memory:c')
    const visitors = [await visitor('10.0.0.1'), await visitor('10.0.0.1')]
    const third = await visitor('10.0.0.1')
    expect(b.stats().limits).toMatchObject({ connections: 2, perAddressRefused: 1 })
    expect(await ask(await visitor('10.0.0.2'))).toBe('hello')
    for (let i = 0; i < 3; i++) await visitor()
    expect(b.stats().limits).toMatchObject({ connections: 6, perAddressRefused: 1 })
    await visitors[1]?.close()
    world.transport.urlOfAccepted = 'tcp://10.0.0.1:9'
    await world.advance(1_000)
    expect(await ask(third)).toBe('hello')
  })

  it('of one address: its own silent one gives way, nobody else’s', async () => {
    await listener({ maxConnectionsPerAddress: 2 })
    const elsewhere = [await stranger('10.0.0.2'), await stranger('10.0.0.2')]
    const silent = await stranger('10.0.0.1')
    await visitor('10.0.0.1')
    await world.advance(100)
    expect(await ask(await visitor('10.0.0.1'))).toBe('hello')
    expect([silent, ...elsewhere].map(({ isDestroyed }) => isDestroyed)).toEqual([true, false, false])
  })

  it('of a network of IPv6 are of one address', async () => {
    const b = await listener({ maxConnectionsPerAddress: 2 })
    for (const host of ['[2001:db8::1]', '[2001:db8::2]', '[2001:db8::3]', '[2001:db8:0:1::1]'])
      await visitor(host)
    expect(b.stats().limits).toMatchObject({ connections: 3, perAddressRefused: 1 })
  })

  it('come no faster than so many a second from one address', async () => {
    const b = await listener({ acceptsPerSecond: 5, acceptBurst: 20, maxConnectionsPerAddress: 1_000 })
    for (let i = 0; i < 30; i++) await stranger('10.0.0.1')
    expect(b.stats().limits).toMatchObject({ connections: 20, acceptRateRefused: 10 })
    expect((await stranger('10.0.0.2')).isDestroyed).toBe(false)
    expect((await stranger()).isDestroyed).toBe(false)
    await world.advance(1_000)
    for (let i = 0; i < 30; i++) await stranger('10.0.0.1')
    expect(b.stats().limits).toMatchObject({ connections: 27, acceptRateRefused: 35 })
  })

  it('refused in a flood are few lines in the log', async () => {
    const lines: [string, object | undefined][] = []
    const line = (message: string, fields?: object): void => {
      lines.push([message, fields])
    }
    const logger: Logger = { debug: line, info: line, warn: line, error: line }
    const b = await listener({ acceptBurst: 1, acceptsPerSecond: 1 }, { logger })
    for (let i = 0; i < 100; i++) await stranger('10.0.0.1')
    await stranger('10.0.0.2')
    await stranger('10.0.0.2')
    expect(lines).toHaveLength(11)
    expect(lines[0]).toEqual(['connection refused', { url: 'tcp://10.0.0.1:4711', limit: 'acceptRate' }])
    expect(lines[10]?.[1]).toEqual({ url: 'tcp://10.0.0.2:4711', limit: 'acceptRate', linesLeftOut: 89 })
    expect(b.stats().limits.logLinesDropped).toBe(89)
    await world.advance(20_000)
    expect(lines.length).toBeLessThan(20)
  })
})

describe('the memory of the process', () => {
  /** A channel of a visitor that fills what the listener does not read. */
  async function filled(peer: ChannelPeer, kilobytes: number): Promise<PeerChannel> {
    const channel = peer.open('hold', { codec: 'raw' })
    for (let i = 0; i < kilobytes; i++) channel.send(bytes(1_024))
    await settle()
    return channel
  }

  it('has an end: the connection with the most unread is ended, with all that it held', async () => {
    const b = await listener({ maxProcessBytes: 1_048_576 })
    b.accept('hold', () => new Promise(() => {}))
    const [small, large] = [await visitor(), await visitor(undefined, { reconnect: false })]
    await filled(small, 300)
    const held = await filled(large, 400)
    await world.advance(1_000)
    expect(b.stats().limits.processBytes).toBeGreaterThan(700 * 1_024)
    expect(b.stats().limits.processBytesEnded).toBe(0)
    await filled(large, 400)
    await world.advance(1_000)
    expect(b.stats().limits.processBytesEnded).toBe(1)
    expect((await held.closed).code).toBe('UNAVAILABLE')
    expect(Object.keys(large.stats().errors)).toEqual(['ENHANCE_CALM'])
    expect(await ask(small)).toBe('hello')
    await world.advance(2_000)
    expect(b.stats().limits.processBytes).toBeLessThan(500 * 1_024)
  })

  it('has an end for what the program has not read, too: it is told so instead of getting it', async () => {
    const b = await listener({ maxProcessBytes: 1_048_576, channelWindowBytes: 4_000_000 })
    const kept: PeerChannel[] = []
    b.accept('hold', (channel) => {
      kept.push(channel)
      return new Promise(() => {})
    })
    await filled(await visitor(undefined, { reconnect: false }), 2_000)
    expect(await (kept[0] as PeerChannel).closed).toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
    const read: unknown[] = []
    await expect(
      (async () => {
        for await (const message of kept[0] as PeerChannel) read.push(message)
      })(),
    ).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
    expect(read).toEqual([])
  })

  it('is looked at when much has arrived, before a second has passed', async () => {
    const b = await listener({ maxProcessBytes: 1_048_576, channelWindowBytes: 4_000_000 })
    b.accept('hold', () => new Promise(() => {}))
    const large = await visitor(undefined, { reconnect: false })
    await filled(large, 2_000)
    expect(b.stats().limits.processBytesEnded).toBe(1)
  })

  it('is one for all peers: whoever holds the most pays', async () => {
    const b = await listener()
    b.accept('hold', () => new Promise(() => {}))
    const c = await world.server('c', { limits: { maxProcessBytes: 1_048_576 } })
    c.accept('hold', () => new Promise(() => {}))
    await filled(await visitor(undefined, { reconnect: false }), 500)
    await filled(await visitor(undefined, { reconnect: false }), 400)
    const other = world.peer('other')
    other.connect('memory:c')
    await filled(other, 300)
    await world.advance(1_000)
    expect(c.stats().limits.processBytesEnded).toBe(0)
    expect(b.stats().limits.processBytesEnded).toBe(1)
  })

  it('holds no timer while nothing is held and nothing comes', async () => {
    await listener({ idleTimeoutMs: 0 })
    const a = await visitor(undefined, { limits: { idleTimeoutMs: 0 } })
    expect(await ask(a)).toBe('hello')
    await world.advance(3_000)
    expect(world.clock.pendingTimerCount).toBe(0)
  })
})

describe('output that nobody takes', () => {
  /** The listener sends a lot to a visitor whose connection takes nothing. */
  async function stuck(
    limits: PeerLimits,
    messages = 200,
  ): Promise<{ b: ChannelPeer; connection: TestConnection }> {
    const b = await listener({ maxUnsentBytes: 65_536, idleTimeoutMs: 0, ...limits })
    const reader = await visitor(undefined, { reconnect: false, limits: { idleTimeoutMs: 0 } })
    reader.accept('hold', () => new Promise(() => {}))
    const connection = world.transport.accepted.at(-1) as TestConnection
    connection.block()
    const channel = b.open('hold', { codec: 'raw' })
    for (let i = 0; i < messages; i++) channel.send(bytes(1_024))
    await settle()
    return { b, connection }
  }

  it('for unsentTimeoutMs costs the connection', async () => {
    const { b, connection } = await stuck({ unsentTimeoutMs: 5_000 })
    await world.advance(5_000)
    expect(connection.isDestroyed).toBe(false)
    await world.advance(2_000)
    expect(connection.isDestroyed).toBe(true)
    expect(b.stats().limits).toMatchObject({ unsentBytesEnded: 1, connections: 0 })
    expect(b.stats().errors).toEqual({ UNAVAILABLE: 1 })
  })

  it('counts anew with each bit that it takes', async () => {
    const { connection } = await stuck({ unsentTimeoutMs: 5_000 }, 1_000)
    for (let i = 0; i < 2; i++) {
      await world.advance(4_000)
      connection.unblockOnce()
      await settle()
      expect(connection.isDestroyed).toBe(false)
    }
    await world.advance(8_000)
    expect(connection.isDestroyed).toBe(true)
  })

  it('is let be while it is little', async () => {
    const { connection } = await stuck({ maxUnsentBytes: 1_048_576 })
    await world.advance(120_000)
    expect(connection.isDestroyed).toBe(false)
  })

  it('does not count while this process was stopped', async () => {
    const { connection } = await stuck({ unsentTimeoutMs: 5_000 })
    await world.advance(2_000)
    world.clock.jump(3_600_000)
    await world.advance(1_000)
    expect(connection.isDestroyed).toBe(false)
    connection.unblock()
    await world.advance(10_000)
    expect(connection.isDestroyed).toBe(false)
  })
})

describe('codes that the other side makes up', () => {
  it('are counted together when there are many', async () => {
    const b = await world.server('b')
    for (let i = 0; i < 300; i++) {
      const connection = await world.transport.connect(parseEndpoint('memory:b'), {})
      connection.sink = { onData() {}, onDrain() {}, onEnd() {} }
      connection.write([preface(), hello(), goaway({ code: 100_000 + i, flags: FINAL })])
      await settle()
      connection.destroy()
      await settle()
      await world.advance(100)
    }
    const { errors } = b.stats()
    expect(errors.CODE_100000).toBe(1)
    expect(Object.keys(errors).length).toBeLessThan(150)
    expect(Object.values(errors).reduce((sum, count) => sum + count)).toBe(300)
  })
})

describe('the public profile', () => {
  it('sets what all visitors together may cost, too', async () => {
    const b = world.peer('b', { profile: 'public' })
    expect(b.options.limits).toMatchObject({
      maxConnectionsPerAddress: 32,
      acceptsPerSecond: 10,
      acceptBurst: 50,
      maxUnsentBytes: 2_097_152,
    })
    expect(
      world.peer('c', { profile: 'public', limits: { acceptBurst: 7 } }).options.limits.acceptBurst,
    ).toBe(7)
  })
})
