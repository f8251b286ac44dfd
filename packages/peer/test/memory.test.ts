// What is over is kept alive by nothing that goes on: not by its peer, its connection, its handler.
import v8 from 'node:v8'
import vm from 'node:vm'
import { expect, it } from 'vitest'
import type { ChannelOptions, ChannelPeer } from '../src/index.js'
import { settle, World } from './support.js'

v8.setFlagsFromString('--expose_gc')
const gc = vm.runInNewContext('gc') as () => void

/** Names of those that are left after a full collection. */
async function left(things: ReadonlyMap<string, WeakRef<object>>): Promise<string[]> {
  for (let round = 0; round < 3; round++) {
    await settle()
    gc()
  }
  return [...things].filter(([, thing]) => thing.deref() !== undefined).map(([name]) => name)
}

// In functions of their own: what a function has held in a variable is alive as long as it runs.

async function useChannels(a: ChannelPeer, b: ChannelPeer): Promise<Map<string, WeakRef<object>>> {
  const things = new Map<string, WeakRef<object>>()
  const keep = <T extends object>(name: string, thing: T): T => {
    things.set(name, new WeakRef(thing))
    return thing
  }
  b.accept('**', (channel) => {
    channel.onMessage = keep(`accepted ${channel.name}`, (message) => channel.send(message))
    channel.onEnd = () => channel.end()
  })
  const listed: [string, ChannelOptions | undefined][] = [
    ['plain', undefined],
    ['with a deadline', { timeoutMs: 60_000 }],
    // The last one, whose parts a connection would keep if it kept any that have options.
    ['with options', keep('options', { onHeaders: () => {}, idempotent: true })],
  ]
  for (const [name, options] of listed) {
    for (const how of ['ended', 'reset']) {
      const channel = a.open(`${name}, ${how}`, options)
      channel.onMessage = keep(`opened ${channel.name}`, () => channel.end())
      channel.send(1)
      if (how === 'reset') channel.reset()
      await channel.closed
    }
  }
  return things
}

async function visit(world: World, b: ChannelPeer): Promise<Map<string, WeakRef<object>>> {
  const visitor = world.peer('visitor')
  await visitor.connect('memory:b').ready
  await settle()
  const remote = b.peers().find(({ id }) => id === 'visitor') as object
  const channel = visitor.open('plain')
  channel.end()
  await channel.closed
  await visitor.close()
  world.peers.pop()
  world.transport.dialed.pop()
  world.transport.accepted.pop()
  return new Map([['remote', new WeakRef(remote)]])
}

it('closed channels, options of theirs, and peers that are gone can be collected', async () => {
  const world = new World()
  const { a, b } = await world.pair()
  const used = await useChannels(a, b)
  expect(used.size).toBeGreaterThan(9)
  expect(await left(used)).toEqual([])
  expect(await left(await visit(world, b))).toEqual([])
  await world.close()
})

async function useStuck(a: ChannelPeer, world: World): Promise<Map<string, WeakRef<object>>> {
  const { transport } = world
  const other = world.peer('other', { reconnect: false })
  other.accept('hold', () => new Promise(() => {}))
  await other.connect('memory:a').ready
  await settle()
  const connection = transport.accepted.at(-1)
  connection?.block()
  const channel = a.open('hold', { codec: 'raw', to: 'other' })
  for (let i = 0; i < 200; i++) channel.send(new Uint8Array(1_024))
  for (let i = 0; i < 3; i++) await world.advance(1_000)
  const remote = channel.remote as object
  connection?.cut()
  await other.close()
  transport.accepted.length = 0
  transport.dialed.length = 0
  world.peers.splice(world.peers.indexOf(other), 1)
  return new Map([['remote', new WeakRef(remote)]])
}

it('keeps nothing of a connection that was lost while its output was stuck', async () => {
  const world = new World()
  const a = await world.server('a', { limits: { maxUnsentBytes: 65_536, idleTimeoutMs: 3_000 } })
  const busy = world.peer('busy', { limits: { idleTimeoutMs: 3_000 } })
  await busy.connect('memory:a').ready
  const things = await useStuck(a, world)
  // Somebody else is there, and is heard from: the watch goes on.
  await world.advance(5_000)
  expect(await left(things)).toEqual([])
  await world.close()
})
