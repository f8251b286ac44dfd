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
