// Objects given to `bind` and `connect` instead of a URL: each transport says which it takes, and connections somebody else made are taken
// by every peer.
import { createMemoryTransport } from '@peerplex/transport-port'
import type { Connection, Transport } from '@peerplex/wire/transport'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createChannelPeer } from '../src/index.js'
import {
  bytes,
  codecSet,
  collect,
  echo,
  rejection,
  settle,
  TestConnection,
  thrown,
  World,
} from './support.js'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(() => world.close())

/** Two ends of a connection that no peer has made. */
async function ends(): Promise<[TestConnection, TestConnection]> {
  const transport = createMemoryTransport({ maxDeliveriesPerTask: Number.POSITIVE_INFINITY, kind: 'message' })
  const endpoint = { scheme: 'memory', host: '', port: 0, path: 'ends', url: 'memory:ends' }
  const accepted = new Promise<Connection>((resolve) => void transport.listen(endpoint, {}, resolve))
  const dialed = await transport.connect(endpoint, {})
  return [new TestConnection(dialed), new TestConnection(await accepted)]
}

describe('a connection that somebody else made', () => {
  it('serves two peers, whichever of them binds and connects', async () => {
    for (const verbs of ['connect bind', 'bind connect', 'connect connect', 'bind bind']) {
      const [mine, yours] = await ends()
      const a = world.peer('a')
      const b = world.peer('b')
      b.accept('echo', echo)
      const [first, second] = verbs.split(' ')
      const link = first === 'connect' ? a.connect(mine) : await a.bind(mine)
      if (second === 'connect') await b.connect(yours).ready
      else await b.bind(yours)
      expect(link.url).toBe('memory:ends')
      const channel = a.open('echo', { codec: 'raw' })
      await channel.send(bytes(3))
      channel.end()
      expect(await collect(channel)).toEqual([bytes(3)])
    }
  })

  it('is connected to once: its link closes when it is lost', async () => {
    const [mine, yours] = await ends()
    const a = world.peer('a')
    const b = world.peer('b')
    await b.bind(yours)
    const link = a.connect(mine)
    await link.ready
    mine.cut()
    await settle()
    expect(link.state).toBe('CLOSED')
    expect(link.lastError?.code).toBe('UNAVAILABLE')
    expect(a.stats().links).toEqual([])
  })

  it('is given once', async () => {
    const [mine] = await ends()
    const a = world.peer('a')
    const link = a.connect(mine)
    expect(thrown(() => a.connect(mine))).toMatchObject({
      code: 'FAILED_PRECONDITION',
      hint: 'make another one',
    })
    await expect(a.bind(mine)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
    link.close()
  })

  it.each([
    ['fail', () => Promise.reject(new Error('no token'))],
    ['never come', () => new Promise<string>(() => {})],
  ])('is let go of when the credentials %s', async (_what, credentials) => {
    const [mine] = await ends()
    const link = world.peer('a', { credentials }).connect(mine)
    await settle()
    link.close()
    await settle()
    expect([link.state, mine.isDestroyed]).toEqual(['CLOSED', true])
  })

  it('is destroyed when the link is closed before it was taken over', async () => {
    const [mine] = await ends()
    const link = world.peer('a').connect(mine)
    link.close()
    await settle()
    expect(mine.isDestroyed).toBe(true)
    expect((await rejection(link.ready)).code).toBe('UNAVAILABLE')
  })
})

describe('options of one target', () => {
  it.each([
    [{ limits: null }, 'option limits is null'],
    [{ limits: 7 }, 'option limits is 7'],
    [{ reconnect: null }, 'option reconnect is null'],
    [{ reconnect: 'no' }, 'option reconnect is no'],
  ])('that make no sense are refused at once: %j', (options, message) => {
    expect(thrown(() => world.peer('a').connect('memory:b', options as never))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message,
    })
  })
})

describe('an object of a transport', () => {
  const box = { isBox: true }

  /** A transport that takes boxes. */
  function boxTransport(seen: unknown[]): Transport {
    return {
      schemes: ['box'],
      targets: ['a box'],
      endpointOf: (target) =>
        'isBox' in target ? { scheme: 'box', host: '', port: 0, path: '', url: 'box:', target } : null,
      connect: async (endpoint, options) => {
        seen.push([endpoint.target, options.transport])
        return (await ends())[0]
      },
      listen: async (endpoint, options) => {
        seen.push([endpoint.target, options.transport])
        return { url: endpoint.url, close: async () => {} }
      },
    }
  }

  it('reaches it with the options of the call, and those for TLS of the peer', async () => {
    const seen: unknown[] = []
    const tls = { ca: 'certificate' }
    const parts = { transports: [boxTransport(seen)], codecs: codecSet() }
    const peer = createChannelPeer(parts, { clock: world.clock, tls })
    world.peers.push(peer)
    peer.connect(box, { lid: 'open' })
    await settle()
    const listener = await peer.bind(box, { tls: { ca: 'another' } })
    await settle()
    expect(listener.url).toBe('box:')
    expect(seen).toEqual([
      [box, { tls, lid: 'open' }],
      [box, { tls: { ca: 'another' } }],
    ])
  })

  it('may be a URL object; options must be an object', async () => {
    const seen: unknown[] = []
    const transport = { ...boxTransport(seen), schemes: ['tcp'], endpointOf: () => null }
    const peer = createChannelPeer({ transports: [transport], codecs: codecSet() }, { clock: world.clock })
    world.peers.push(peer)
    expect((await peer.bind(new URL('tcp://127.0.0.1:7000'))).url).toBe('tcp://127.0.0.1:7000')
    for (const options of [null, 5, 'x']) {
      expect(thrown(() => peer.connect('tcp://127.0.0.1:1', options as never))).toMatchObject({
        name: 'UsageError',
        hint: expect.stringContaining('object'),
      })
    }
  })

  it('that none takes is refused, with what would do', async () => {
    const parts = { transports: [boxTransport([])], codecs: codecSet() }
    const peer = createChannelPeer(parts, { clock: world.clock })
    world.peers.push(peer)
    for (const target of [{}, [], new Date(), { kind: 'byte', url: 'x' }, () => 0, null, 5, undefined]) {
      const error = thrown(() => peer.connect(target as object))
      expect(error).toMatchObject({ name: 'UsageError', code: 'INVALID_ARGUMENT' })
      await expect(peer.bind(target as object)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    }
    expect(thrown(() => peer.connect({})).hint).toBe('give a URL, or one of: a box, a connection')
  })
})
