// The other side of a connection as an object: calls and channels to that peer only, as long as it lives.
import { describe, expect, it } from 'vitest'
import type { RemotePeer } from '../src/index.js'
import { collect, Gate, rejection, settle, useWorld } from './support.js'

const world = useWorld()

describe('a remote peer', () => {
  it('is one object for one peer, with its calls pinned to it', async () => {
    const { a, b } = await world().pair({ who: () => 'b' })
    const c = world().peer('c')
    c.handle('who', () => 'c')
    await c.bind('memory:c')
    await a.connect('memory:c').ready
    await settle()
    const [toB, toC] = a.peers() as [RemotePeer, RemotePeer]
    expect(a.peers()[0]).toBe(toB)
    expect([toB.id, toB.url, toB.state]).toEqual(['b', 'memory:b', 'ready'])
    expect(toB.instance).toMatch(/^[0-9a-f]{32}$/)
    expect(toC.describe()).toBe('c (memory:c)')
    for (let i = 0; i < 3; i++) {
      expect(await toB.call('who')).toBe('b')
      expect(await collect(toC.stream('who', null, { to: 'b' }))).toEqual(['c'])
      expect(await a.call('who', null, { to: 'c' })).toBe('c')
      expect(await a.call('who', null, { to: (remote) => remote === toB })).toBe('b')
      expect(await a.call('who', null, { to: ({ id }) => id.startsWith('c') })).toBe('c')
    }
    await b.close()
    await settle()
    expect(toB.state).toBe('gone')
  })

  it('is reached again by the same object after a lost connection', async () => {
    const { a, b } = await world().pair({ who: () => 'b' })
    const remote = a.peers()[0] as RemotePeer
    world().wire.cut()
    const answer = remote.call('who')
    await world().advance(1_000)
    expect(await answer).toBe('b')
    expect(a.peers()[0]?.instance).toBe(remote.instance)
    expect(b.peers()).toHaveLength(1)
  })

  it('is of one identity: its calls go to no other, of the same id and run though it says it is', async () => {
    const hub = world().peer('hub', { authenticate: ({ auth }) => auth })
    await hub.bind('memory:hub')
    const both = world().peer('both')
    both.handle('who', () => 'both')
    for (const credentials of ['ada', 'mallory']) {
      both.connect('memory:hub', { credentials })
      await settle()
    }
    const [ada, mallory] = hub.peers() as [RemotePeer, RemotePeer]
    expect([ada.identity, mallory.identity]).toEqual(['ada', 'mallory'])
    expect(ada.instance).toBe(mallory.instance)
    for (let i = 0; i < 3; i++) await ada.call('who')
    const openedOn = (remote: RemotePeer): number | undefined =>
      remote.connections[0]?.driver.session.stats().channelsOpened
    expect([openedOn(ada), openedOn(mallory)]).toEqual([3, 0])
  })

  it('opens channels to itself, and is what a channel knows as its other side', async () => {
    const { a, b } = await world().pair({})
    a.handle('name', () => 'I am a')
    const heard = new Gate<unknown>()
    b.accept('x', async (channel) => {
      const remote = channel.remote as RemotePeer
      heard.open([remote === b.peers()[0], await remote.call('name')])
    })
    const channel = (a.peers()[0] as RemotePeer).open('x')
    expect(await heard.passed).toEqual([true, 'I am a'])
    expect((await channel.closed).code).toBe('OK')
    expect(channel.remote).toBe(a.peers()[0])
  })

  it('that has restarted is another one: calls on the old one wait, and fail in time', async () => {
    const { a, b } = await world().pair({ who: () => 'the old one' })
    const old = a.peers()[0] as RemotePeer
    const restarted = new Gate<RemotePeer>()
    a.on('connect', ({ remote }) => restarted.open(remote))
    await b.close()
    const next = world().peer('b')
    next.handle('who', () => 'the new one')
    await next.bind('memory:b')
    await world().advance(60_000)
    expect(await (await restarted.passed).call('who')).toBe('the new one')
    const call = rejection(old.call('who', null, { timeoutMs: 100 }))
    await world().advance(100)
    expect(await call).toMatchObject({ code: 'DEADLINE_EXCEEDED', delivery: 'not-sent' })
    expect([old.state, a.peers()[0]?.state]).toEqual(['gone', 'ready'])
  })

  it('can be dropped', async () => {
    const { a } = await world().pair({}, { reconnect: false })
    const events: string[] = []
    const stop = a.on('disconnect', ({ remote, reason }) => events.push(`${remote.id} ${String(reason)}`))
    a.peers()[0]?.drop()
    await settle()
    expect(events).toEqual(['b undefined'])
    expect(a.peers()).toEqual([])
    stop()
  })

  it('comes with the events of its peer', async () => {
    const b = world().peer('b')
    const a = world().peer('a', { reconnect: false })
    await b.bind('memory:b')
    const events: [string, RemotePeer, unknown][] = []
    for (const kind of ['connect', 'disconnect', 'drain'] as const) {
      a.on(kind, ({ remote, reason }) => events.push([kind, remote, reason]))
    }
    await a.connect('memory:b').ready
    const remote = a.peers()[0] as RemotePeer
    const drained = b.drain({ graceMs: 10 })
    await world().advance(10)
    await drained
    expect(events).toEqual([
      ['connect', remote, undefined],
      ['drain', remote, undefined],
      ['disconnect', remote, undefined],
    ])
  })
})
