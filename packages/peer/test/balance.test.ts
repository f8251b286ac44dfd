// Which peer an open goes to: round robin over peers, in a fixed order, or where it is told to.

import { PeerplexError } from '@peerplex/wire'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ChannelPeer, PeerEvent } from '../src/index.js'
import { echo, isPending, settle, World } from './support.js'

let world: World

beforeEach(() => {
  world = new World()
})

afterEach(async () => {
  await world.close()
})

/** A peer connected to listening peers of these names, in this order. */
async function connected(...names: string[]): Promise<{ a: ChannelPeer; servers: Map<string, ChannelPeer> }> {
  const a = world.peer('a')
  const servers = new Map<string, ChannelPeer>()
  for (const name of names) {
    servers.set(name, await join(a, name))
  }
  return { a, servers }
}

async function join(a: ChannelPeer, name: string): Promise<ChannelPeer> {
  const server = await world.server(name)
  server.accept('x', echo)
  await a.connect(`memory:${name}`).ready
  await settle()
  return server
}

/** Where the next so many opens go. */
function targets(a: ChannelPeer, count: number): string {
  return Array.from({ length: count }, () => {
    const channel = a.open('x')
    const { remote } = channel
    channel.end()
    return remote?.id ?? '-'
  }).join('')
}

describe('round robin', () => {
  it('takes three peers in turn', async () => {
    const { a } = await connected('b', 'c', 'd')
    expect(targets(a, 9)).toBe('bcdbcdbcd')
    expect(a.peers().map(({ id }) => id)).toEqual(['b', 'c', 'd'])
  })

  it('keeps the order of the others when one leaves and comes back', async () => {
    const { a, servers } = await connected('b', 'c', 'd')
    expect(targets(a, 4)).toBe('bcdb')
    // Otherwise the one that went to c would come back and take a turn.
    await settle()
    await servers.get('c')?.close()
    await settle()
    expect(targets(a, 5)).toBe('dbdbd')
    const again = await world.server('c')
    again.accept('x', echo)
    await world.advance(100)
    expect(targets(a, 6)).toBe('bdcbdc')
  })

  it('keeps whose turn it is when one that had its turn leaves', async () => {
    const { a, servers } = await connected('b', 'c', 'd')
    expect(targets(a, 2)).toBe('bc')
    await settle()
    await servers.get('b')?.close()
    await settle()
    expect(targets(a, 3)).toBe('dcd')
  })

  it('passes over a peer that has no room, and over one that drains', async () => {
    const a = world.peer('a')
    const small = await world.server('small', { limits: { maxOpenChannels: 1 } })
    small.accept('x', (channel) => channel.closed)
    await a.connect('memory:small').ready
    await join(a, 'b')
    const first = a.open('x')
    expect(first.remote?.id).toBe('small')
    expect(targets(a, 3)).toBe('bbb')
    void small.drain()
    await settle()
    expect(a.peers().find(({ id }) => id === 'small')?.state).toBe('draining')
    first.reset()
    await settle()
    expect(targets(a, 2)).toBe('bb')
  })

  it('of several connections to one peer takes the one with the fewest channels', async () => {
    const { a, servers } = await connected('b')
    const b = servers.get('b') as ChannelPeer
    await b.bind('memory:b2')
    await a.connect('memory:b2').ready
    await settle()
    expect(a.peers()).toHaveLength(1)
    b.accept('stay', (channel) => channel.closed)
    const channels = Array.from({ length: 6 }, () => a.open('stay'))
    await settle()
    expect(a.stats().connections.map(({ openChannels }) => openChannels)).toEqual([3, 3])
    for (const channel of channels) channel.reset()
  })
})

describe('least loaded', () => {
  it('evens out what is under way, whatever chance picks', async () => {
    let seed = 1
    const random = (): number => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed / 2_147_483_647
    }
    const a = world.peer('a', { balance: 'leastLoaded', random })
    for (const name of ['b', 'c', 'd', 'e']) {
      const server = await join(a, name)
      server.accept('stay', (channel) => channel.closed)
    }
    const busy = Array.from({ length: 8 }, () => a.open('stay', { to: 'b' }))
    const rest = Array.from({ length: 32 }, () => a.open('stay'))
    await settle()
    const loads = a.stats().connections.map(({ openChannels }) => openChannels)
    expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(3)
    expect(loads.reduce((sum, load) => sum + load)).toBe(40)
    for (const channel of [...busy, ...rest]) channel.reset()
  })

  it('with two peers takes the one with less', async () => {
    const a = world.peer('a', { balance: 'leastLoaded' })
    for (const name of ['b', 'c']) {
      const server = await join(a, name)
      server.accept('stay', (channel) => channel.closed)
    }
    const first = a.open('stay')
    const second = a.open('stay')
    const third = a.open('stay')
    expect([first, second].map(({ remote }) => remote?.id).sort()).toEqual(['b', 'c'])
    second.reset()
    expect(a.open('stay').remote?.id).toBe(second.remote?.id)
    expect(third.remote).not.toBeNull()
  })
})

describe('a route key', () => {
  const keys = Array.from({ length: 120 }, (_, index) => `user-${index}`)

  /** Where each key goes. */
  function placesOf(a: ChannelPeer): Map<string, string> {
    return new Map(
      keys.map((routeKey) => {
        const channel = a.open('x', { routeKey })
        const { remote } = channel
        channel.reset()
        return [routeKey, remote?.id ?? '-']
      }),
    )
  }

  it.each(['sticky', 'roundRobin'] as const)(
    'leads to the same peer again and again, with %s',
    async (balance) => {
      const a = world.peer('a', { balance })
      for (const name of ['b', 'c', 'd']) await join(a, name)
      const places = placesOf(a)
      expect(placesOf(a)).toEqual(places)
      for (const id of ['b', 'c', 'd']) {
        expect([...places.values()].filter((place) => place === id).length).toBeGreaterThan(keys.length / 6)
      }
    },
  )

  it('moves only when its peer leaves, and comes back with it', async () => {
    const { a, servers } = await connected('b', 'c', 'd')
    const before = placesOf(a)
    await settle()
    await servers.get('c')?.close()
    await settle()
    const without = placesOf(a)
    for (const [key, place] of before) {
      if (place !== 'c') expect(without.get(key)).toBe(place)
      else expect(without.get(key)).not.toBe('c')
    }
    const again = await world.server('c')
    again.accept('x', echo)
    await world.advance(100)
    expect(placesOf(a)).toEqual(before)
  })

  it('does not take a turn, and is told to the other side', async () => {
    const { a, servers } = await connected('b', 'c')
    const heard: (string | undefined)[] = []
    for (const server of servers.values()) {
      server.accept('key', (channel) => {
        heard.push(channel.headers.get('route-key'))
      })
    }
    expect(targets(a, 1)).toBe('b')
    a.open('key', { routeKey: 'k1' }).end()
    a.open('key', { headers: { 'route-key': 'k2' } }).end()
    expect(targets(a, 1)).toBe('c')
    await settle()
    expect(heard.sort()).toEqual(['k1', 'k2'])
  })

  it.each(['', 'x'.repeat(1_025), 7])('may not be %s', async (routeKey) => {
    const { a } = await connected('b')
    expect(() => a.open('x', { routeKey: routeKey as string })).toThrow(/option routeKey of channel 'x'/)
  })
})

describe('a peer that refuses', () => {
  /** Refuses so many opens before application code sees them. */
  function refuse(server: ChannelPeer, count: number): { refused: number } {
    const seen = { refused: 0 }
    server.use(async (open, next) => {
      if (open.direction === 'in' && seen.refused < count) {
        seen.refused++
        throw new PeerplexError('UNAVAILABLE', 'not now')
      }
      await next()
    })
    return seen
  }

  async function run(a: ChannelPeer, name = 'x'): Promise<string> {
    const channel = a.open(name)
    channel.end()
    await settle()
    const { code } = await channel.closed
    return `${channel.remote?.id} ${code}`
  }

  it('is passed over for a second, then two, and comes back', async () => {
    const { a, servers } = await connected('b', 'c')
    const seen = refuse(servers.get('b') as ChannelPeer, 2)
    expect(await run(a)).toBe('c OK')
    expect(seen.refused).toBe(1)
    expect(a.stats().queue).toMatchObject({ retriedCalls: 1, ejectedPeers: 1 })
    for (let i = 0; i < 4; i++) expect(await run(a)).toBe('c OK')
    await world.advance(1_000)
    expect(a.stats().queue.ejectedPeers).toBe(0)
    expect(await run(a)).toBe('c OK')
    expect(seen.refused).toBe(2)
    await world.advance(1_999)
    for (let i = 0; i < 2; i++) expect(await run(a)).toBe('c OK')
    await world.advance(1)
    const places = [await run(a), await run(a)]
    expect(places.sort()).toEqual(['b OK', 'c OK'])
  })

  it('is asked all the same when there is nobody else, three times for one call', async () => {
    const { a, servers } = await connected('b')
    const seen = refuse(servers.get('b') as ChannelPeer, 4)
    expect(await run(a)).toBe('b UNAVAILABLE')
    expect(seen.refused).toBe(3)
    expect(await run(a)).toBe('b OK')
  })
})

describe('what a peer says it serves', () => {
  it('is all that it is asked for, by those that connect and those that are connected to', async () => {
    const a = world.peer('a')
    const users = await world.server('users', { serves: ['user.*', 'ping'] })
    const rest = await world.server('rest')
    for (const server of [users, rest]) server.accept('**', (channel) => channel.end())
    await a.connect('memory:users').ready
    await a.connect('memory:rest').ready
    await settle()
    const places = (name: string): string => [1, 2, 3, 4].map(() => a.open(name).remote?.id ?? '-').join(' ')
    expect(places('user.get')).toBe('users rest users rest')
    expect(places('other.get')).toBe('rest rest rest rest')
    const waiting = a.open('other.get', { to: 'users' })
    expect(waiting.remote).toBeNull()
    waiting.reset()
    const [remote] = users.peers()
    expect(users.open('anything', { to: remote?.id ?? '' }).remote?.id).toBe('a')
  })

  it('keeps opens that it does not serve waiting without holding up others', async () => {
    const a = world.peer('a')
    const early = a.open('other')
    const late = a.open('user.get')
    const users = await world.server('users', { serves: ['user.*'] })
    users.accept('**', (channel) => channel.end())
    await a.connect('memory:users').ready
    await settle()
    expect([early.remote, late.remote?.id]).toEqual([null, 'users'])
    early.reset()
  })

  it.each([['text'], [[7]], [['a,b']]])('may not be %j', (serves) => {
    expect(() => world.peer('bad', { serves: serves as unknown as string[] })).toThrow(/option serves is/)
  })
})

describe('to', () => {
  it('takes a peer id or a test', async () => {
    const { a } = await connected('b', 'c', 'd')
    for (let i = 0; i < 3; i++) expect(a.open('x', { to: 'c' }).remote?.id).toBe('c')
    expect(a.open('x', { to: (remote) => remote.id > 'c' }).remote?.id).toBe('d')
    // Round robin goes on where it was.
    expect(targets(a, 3)).toBe('bcd')
  })

  it('that throws fits nobody, and is reported', async () => {
    const { a } = await connected('b')
    const defect = new Error('bad test')
    const channel = a.open('x', {
      to: () => {
        throw defect
      },
    })
    expect(await isPending(channel.closed)).toBe(true)
    expect(world.reported[0]).toMatchObject({ error: defect })
    channel.reset()
  })

  it('a peer that is not there is waited for, behind and before others', async () => {
    const { a } = await connected('b')
    const waiting = [a.open('x', { to: 'c' }), a.open('x', { to: 'd' })]
    await join(a, 'd')
    expect(waiting.map(({ remote }) => remote?.id)).toEqual([undefined, 'd'])
    await join(a, 'c')
    expect(waiting.map(({ remote }) => remote?.id)).toEqual(['c', 'd'])
    for (const channel of waiting) channel.reset()
  })
})

describe('remote peers', () => {
  it('have id, instance, url and state; drop() closes their connections, and a link dials again', async () => {
    const { a } = await connected('b')
    const events: string[] = []
    for (const event of ['connect', 'disconnect', 'drain', 'restart'] as const) {
      a.on(event, ({ remote }: PeerEvent) => events.push(`${event} ${remote.id}`))
    }
    const [remote] = a.peers()
    expect(remote).toMatchObject({ id: 'b', url: 'memory:b', state: 'ready', identity: undefined })
    expect(remote?.instance).toMatch(/^[0-9a-f]{32}$/)
    expect(remote?.describe()).toBe('b (memory:b)')
    remote?.drop()
    await settle()
    expect(remote?.state).toBe('gone')
    expect(remote?.url).toBe('memory:b')
    await world.advance(100)
    expect(events).toEqual(['disconnect b', 'connect b'])
    expect(a.peers()).toHaveLength(1)
  })

  it('that come back as another instance are announced as restarted', async () => {
    const { a, servers } = await connected('b')
    const events: string[] = []
    const undo = a.on('restart', () => events.push('never'))
    undo()
    a.on('restart', ({ remote }) => events.push(remote.instance))
    const other = world.peer('b')
    await other.bind('memory:b-other')
    await a.connect('memory:b-other').ready
    expect(events).toHaveLength(1)
    expect(a.peers().map(({ id }) => id)).toEqual(['b', 'b'])
    await servers.get('b')?.close()
  })

  it('that died are announced as restarted when another run of them comes back', async () => {
    const { a, servers } = await connected('b', 'c')
    const events: string[] = []
    a.on('restart', ({ remote }) => events.push(remote.id))
    await servers.get('b')?.close()
    await settle()
    const again = await world.server('b')
    await world.advance(100)
    expect(events).toEqual(['b'])
    // The same run, back after a loss, has not started again.
    a.peers()
      .find(({ id }) => id === 'c')
      ?.drop()
    await world.advance(100)
    expect(
      a
        .peers()
        .map(({ id }) => id)
        .sort(),
    ).toEqual(['b', 'c'])
    expect(events).toEqual(['b'])
    await again.close()
  })

  it('a listener that throws keeps nobody from hearing and no link from dialing', async () => {
    const { a } = await connected('b')
    const defect = new Error('listener')
    const heard: string[] = []
    a.on('disconnect', () => {
      throw defect
    })
    a.on('disconnect', () => heard.push('disconnect'))
    a.on('connect', () => {
      throw defect
    })
    world.transport.last.cut()
    const channel = a.open('x')
    channel.end()
    await world.advance(100)
    expect(heard).toEqual(['disconnect'])
    expect((await channel.closed).code).toBe('OK')
    expect(world.reported.map(({ error }) => error)).toEqual([defect, defect])
  })
})
