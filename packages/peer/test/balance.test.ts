// Which peer an open goes to: round robin over peers, in a fixed order, or where it is told to.
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
