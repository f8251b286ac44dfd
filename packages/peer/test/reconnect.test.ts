// A link dials its endpoint, and again after every loss, with random pauses that grow.
import { ClosedError, PeerplexError, UsageError } from '@peerplex/wire'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Link } from '../src/index.js'
import { echo, isPending, rejection, settle, thrown, World } from './support.js'

let world: World

beforeEach(() => {
  world = new World()
})

afterEach(async () => {
  await world.close()
})

/** The states a link goes through, looked at after each step of time. */
async function pausesOf(link: Link, count: number): Promise<number[]> {
  const pauses: number[] = []
  let lastMs = world.clock.now()
  let dials = world.transport.dialCount
  while (pauses.length < count) {
    const nextMs = world.clock.nextTimerMs
    if (nextMs === null) throw new Error(`no timer, the link is ${link.state}`)
    await world.advance(nextMs - world.clock.now())
    if (world.transport.dialCount === dials) continue
    dials = world.transport.dialCount
    pauses.push(world.clock.now() - lastMs)
    lastMs = world.clock.now()
  }
  return pauses
}

describe('a link', () => {
  it('goes from CONNECTING over HELLO to READY', async () => {
    await world.server('b')
    const a = world.peer('a')
    const link = a.connect('memory:b')
    expect(link).toMatchObject({ state: 'CONNECTING', url: 'memory:b', lastError: null })
    const seen = new Set<string>([link.state])
    for (let i = 0; i < 50 && link.state !== 'READY'; i++) {
      await Promise.resolve()
      seen.add(link.state)
    }
    expect([...seen]).toEqual(['CONNECTING', 'HELLO', 'READY'])
    await link.ready
  })

  it('tells whoever shows its state of each change, and survives what that throws', async () => {
    const a = world.peer('a')
    const link = a.connect('memory:b')
    const states: string[] = []
    link.onState = (state) => {
      states.push(state)
      throw new Error('no room to show it')
    }
    await settle()
    await world.server('b')
    await world.advance(1_000)
    world.transport.last.cut()
    await settle()
    link.close()
    await settle()
    expect(states).toEqual(['BACKOFF', 'CONNECTING', 'HELLO', 'READY', 'BACKOFF', 'CLOSED'])
    expect(world.reported).toHaveLength(states.length)
  })

  it('tries for ever: 0 to 100 ms first, then full jitter that doubles up to its limit', async () => {
    const draws = [0.5, 0.999, 0.25, 1, 0, 0.5]
    let next = 0
    const a = world.peer('a', {
      id: 'a',
      random: () => draws[next++ % draws.length] as number,
      reconnect: { initialMs: 250, maxMs: 1_500 },
    })
    next = 0
    const link = a.connect('memory:nobody')
    await settle()
    expect(link.state).toBe('BACKOFF')
    expect(link.lastError?.code).toBe('UNAVAILABLE')
    const ceilings = [100, 250, 500, 1_000, 1_500, 1_500, 1_500, 1_500]
    const expected = ceilings.map((ceiling, index) =>
      Math.floor((draws[index % draws.length] as number) * ceiling),
    )
    // A pause of nothing passes within the step before it.
    const pauses = await pausesOf(link, 3)
    expect(pauses).toEqual(expected.slice(0, 3))
    expect(await isPending(link.ready)).toBe(true)
    link.close()
  })

  it('with the largest random numbers waits for the ceilings themselves', async () => {
    const a = world.peer('a', { random: () => 1 - 2 ** -32, reconnect: { initialMs: 250, maxMs: 3_000 } })
    const link = a.connect('memory:nobody')
    await settle()
    expect(await pausesOf(link, 7)).toEqual([99, 249, 499, 999, 1_999, 2_999, 2_999])
  })

  it('begins anew with short pauses only after a connection that lasted', async () => {
    const b = await world.server('b')
    b.accept('x', echo)
    const a = world.peer('a')
    const link = a.connect('memory:b')
    await link.ready
    await world.advance(10_000)
    world.transport.last.cut()
    expect(link.state).toBe('BACKOFF')
    await world.advance(49)
    expect(link.state).toBe('BACKOFF')
    await world.advance(1)
    expect(link.state).toBe('READY')
    // This one did not last: the next pause is that of a second failure, half of 250 ms.
    world.transport.last.cut()
    await world.advance(124)
    expect(link.state).toBe('BACKOFF')
    await world.advance(1)
    expect(link.state).toBe('READY')
    await world.advance(10_000)
    world.transport.last.cut()
    await world.advance(50)
    expect(link.state).toBe('READY')
  })

  it('gives up an attempt that takes too long', async () => {
    const a = world.peer('a', { connectTimeoutMs: 2_000 })
    world.transport.isHanging = true
    const link = a.connect('memory:b')
    await world.advance(1_999)
    expect(link.state).toBe('CONNECTING')
    await world.advance(1)
    expect(link.state).toBe('BACKOFF')
    expect(link.lastError?.message).toMatch(/no connection within 2000 ms/)
    world.transport.isHanging = false
    await world.server('b')
    await world.advance(100)
    expect(link.state).toBe('READY')
    expect(link.lastError).toBeNull()
  })

  it('gives up on a side that says nothing, also when that is connected', async () => {
    const a = world.peer('a', { connectTimeoutMs: 500 })
    const silent = await world.transport.listen(
      { scheme: 'memory', host: '', port: 0, path: 'silent', url: 'memory:silent' },
      {},
      (connection) => {
        connection.sink = { onData() {}, onDrain() {}, onEnd() {} }
      },
    )
    const link = a.connect('memory:silent')
    await settle()
    expect(link.state).toBe('HELLO')
    await world.advance(500)
    expect(link.state).toBe('BACKOFF')
    link.close()
    await silent.close()
  })

  it('gives up at once on an option that the transport refuses', async () => {
    const a = world.peer('a')
    world.transport.connect = async () => {
      throw new UsageError('INVALID_ARGUMENT', 'headers cannot be set here', { hint: 'leave them out' })
    }
    const link = a.connect('memory:b', { headers: {} })
    expect(await rejection(link.ready)).toMatchObject({ name: 'UsageError', hint: 'leave them out' })
    expect([link.state, world.clock.pendingTimerCount]).toEqual(['CLOSED', 0])
  })

  it('takes whatever a transport throws as the reason', async () => {
    const a = world.peer('a')
    world.transport.connect = async () => {
      throw 'broken pipe dream'
    }
    const link = a.connect('memory:b')
    await settle()
    expect(link.lastError).toMatchObject({
      name: 'TransportError',
      message: 'memory:b: broken pipe dream',
      retryable: true,
    })
  })

  it('does not come back after a refusal of its credentials', async () => {
    await world.server('b')
    const a = world.peer('a')
    const link = a.connect('memory:b')
    await link.ready
    const { dialCount } = world.transport
    world.transport.accepted[0]?.sink.onEnd(undefined)
    await settle()
    expect(link.state).toBe('BACKOFF')
    await world.advance(100)
    expect(world.transport.dialCount).toBe(dialCount + 1)
    const self = a.connect('memory:self')
    await a.bind('memory:self')
    await world.advance(100)
    await world.advance(1_000)
    expect(self.state).toBe('CLOSED')
    expect(await rejection(self.ready)).toMatchObject({ code: 'SELF_CONNECT' })
  })

  it('closes after one attempt with reconnect: false', async () => {
    const a = world.peer('a', { reconnect: false })
    const link = a.connect('memory:nobody')
    await settle()
    expect(link.state).toBe('CLOSED')
    expect((await rejection(link.ready)).message).toMatch(/nobody listens/)
    await world.server('b')
    const other = a.connect('memory:b')
    await other.ready
    world.transport.last.cut()
    expect(other.state).toBe('CLOSED')
    expect(a.stats().links).toEqual([])
  })

  it('asks for credentials before each attempt; failing to get them is a failed attempt', async () => {
    await world.server('b')
    let asked = 0
    const a = world.peer('a', {
      credentials: () => {
        if (asked++ === 0) throw new Error('vault is sealed')
        return 'secret'
      },
    })
    const link = a.connect('memory:b')
    await settle()
    expect(link.lastError?.message).toMatch(/vault is sealed/)
    await world.advance(100)
    expect(link.state).toBe('READY')
    expect(asked).toBe(2)
  })
})

describe('closing a link', () => {
  it('rejects ready, without an unhandled rejection, and dials no more', async () => {
    const a = world.peer('a')
    const link = a.connect('memory:nobody')
    await settle()
    link.close()
    link.close()
    expect(link.state).toBe('CLOSED')
    const error = await rejection(link.ready)
    expect(error).toBeInstanceOf(ClosedError)
    expect(error).toMatchObject({ code: 'UNAVAILABLE', cause: { code: 'UNAVAILABLE' } })
    const { dialCount } = world.transport
    await world.advance(60_000)
    expect(world.transport.dialCount).toBe(dialCount)
  })

  it('gives up an attempt under way', async () => {
    const a = world.peer('a')
    world.transport.isHanging = true
    const link = a.connect('memory:b')
    await settle()
    link.close()
    await settle()
    expect(world.clock.pendingTimerCount).toBe(0)
    const slow = world.peer('slow', {
      credentials: async () => {
        await settle()
        return 'late'
      },
    })
    const other = slow.connect('memory:b')
    other.close()
    await settle()
    await settle()
    expect(other.state).toBe('CLOSED')
  })

  it('closes a connection that comes too late', async () => {
    await world.server('b')
    const a = world.peer('a')
    const link = a.connect('memory:b')
    for (let i = 0; i < 3; i++) await Promise.resolve()
    link.close()
    await settle()
    expect(a.peers()).toEqual([])
    for (const connection of world.transport.dialed) expect(connection.isDestroyed).toBe(true)
  })

  it('closes its connection, whose channels fail', async () => {
    const { a, b } = await world.pair()
    b.accept('x', (channel) => channel.closed)
    const [link] = [a.connect('memory:b')]
    await link.ready
    await settle()
    const channels = [a.open('x'), a.open('x')]
    await settle()
    link.close()
    await settle()
    const codes = await Promise.all(
      channels.map(async (channel) =>
        (await isPending(channel.closed)) ? 'open' : (await channel.closed).code,
      ),
    )
    expect(codes.sort()).toEqual(['UNAVAILABLE', 'open'])
    for (const channel of channels) channel.reset()
  })
})

describe('connect and bind', () => {
  it('refuse URLs that are wrong or have no transport', async () => {
    const a = world.peer('a')
    expect(thrown(() => a.connect('nonsense')).code).toBe('INVALID_ARGUMENT')
    const error = thrown(() => a.connect('tcp://127.0.0.1:1'))
    expect(error).toMatchObject({ name: 'UsageError', hint: 'this peer has transports for memory' })
    await expect(a.bind('ws://127.0.0.1:1')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await a.bind('memory:taken')
    await expect(a.bind('memory:taken')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
  })

  it('listen until closed, and the address is free again', async () => {
    const a = world.peer('a')
    const listener = await a.bind('memory:here')
    expect(listener.url).toBe('memory:here')
    expect(a.stats().listeners).toEqual(['memory:here'])
    await listener.close()
    expect(a.stats().listeners).toEqual([])
    await a.bind('memory:here')
  })

  it('refuse connections beyond the limit', async () => {
    const b = await world.server('b', { limits: { maxConnections: 1 } })
    const first = world.peer('first').connect('memory:b')
    await first.ready
    const second = world.peer('second').connect('memory:b')
    await settle()
    expect(second.state).toBe('BACKOFF')
    expect(b.stats().errors).toMatchObject({ CONNECTIONS_REFUSED: 1 })
    second.close()
  })

  it('report failures to the logger', async () => {
    const lines: unknown[] = []
    const log = (message: string, fields?: object): void => void lines.push([message, fields])
    const a = world.peer('a', { logger: { debug: log, info: log, warn: log, error: log } })
    a.connect('memory:nobody')
    await settle()
    expect(lines).toMatchObject([['connection failed', { url: 'memory:nobody', code: 'UNAVAILABLE' }]])
  })

  it('survive an onError that throws', async () => {
    const lines: string[] = []
    const { a, b } = await world.pair(
      {},
      {
        onError: () => {
          throw new PeerplexError('INTERNAL', 'reporter broken')
        },
        logger: { debug() {}, info() {}, warn() {}, error: (message) => lines.push(message) },
      },
    )
    b.accept('x', () => {
      throw new Error('kaput')
    })
    expect((await a.open('x').closed).code).toBe('UNKNOWN')
    expect(lines).toEqual(['onError threw'])
  })
})
