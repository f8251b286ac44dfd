// What is repeated after a refusal, where, when and how often; and what is not.
import { ERRORS } from '@peerplex/wire'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ChannelPeer, PeerChannel } from '../src/index.js'
import { settle, World } from './support.js'

const CODE_UNAVAILABLE = ERRORS.UNAVAILABLE.wireCode
const CODE_RESOURCE_EXHAUSTED = ERRORS.RESOURCE_EXHAUSTED.wireCode

let world: World

beforeEach(() => {
  world = new World()
})

afterEach(async () => {
  await world.close()
})

async function join(a: ChannelPeer, name: string): Promise<ChannelPeer> {
  const server = await world.server(name)
  await a.connect(`memory:${name}`).ready
  await settle()
  return server
}

/** Refuses every open of `name`, as something in front of the application does. Counts them. */
function refuse(
  server: ChannelPeer,
  name: string,
  code: number,
  headers?: Record<string, string>,
): { count: number } {
  const seen = { count: 0 }
  server.handleChannels(name, (channel) => {
    seen.count++
    channel.refuse(code, 'refused by the test', headers)
  })
  return seen
}

function begin(a: ChannelPeer, name: string, options = {}): PeerChannel {
  const channel = a.open(name, options)
  channel.end()
  return channel
}

describe('a name that a peer does not have', () => {
  it('is asked of the others, once each', async () => {
    const a = world.peer('a')
    await join(a, 'b')
    await join(a, 'c')
    const d = await join(a, 'd')
    d.accept('rare', (channel) => channel.end())
    for (let i = 0; i < 3; i++) {
      const channel = begin(a, 'rare')
      expect((await channel.closed).code).toBe('OK')
      expect(channel.remote?.id).toBe('d')
    }
  })

  it('fails when nobody has it, with what the last one said', async () => {
    const a = world.peer('a')
    await join(a, 'b')
    await join(a, 'c')
    const outcome = await begin(a, 'nowhere').closed
    expect(outcome).toMatchObject({ code: 'UNIMPLEMENTED', delivery: 'not-processed' })
    expect(a.stats().queue.retriedCalls).toBe(1)
    // With one peer alone there is nothing to repeat.
    const alone = world.peer('alone')
    await alone.connect('memory:b').ready
    await settle()
    expect((await begin(alone, 'nowhere').closed).code).toBe('UNIMPLEMENTED')
    expect(alone.stats().queue.retriedCalls).toBe(0)
  })
})

describe('retry-after-ms', () => {
  it('keeps a call from that peer for so long, and nobody else behind it', async () => {
    const a = world.peer('a')
    const b = await join(a, 'b')
    const seen = refuse(b, 'busy', CODE_UNAVAILABLE, { 'retry-after-ms': '500' })
    b.accept('free', (channel) => channel.end())
    const busy = begin(a, 'busy')
    await settle()
    expect(seen.count).toBe(1)
    expect((await begin(a, 'free').closed).code).toBe('OK')
    await world.advance(499)
    expect(seen.count).toBe(1)
    await world.advance(1)
    expect(seen.count).toBe(2)
    await world.advance(500)
    expect(seen.count).toBe(3)
    expect(await busy.closed).toMatchObject({ code: 'UNAVAILABLE', delivery: 'not-processed' })
  })

  it('lets a call go to another peer at once', async () => {
    const a = world.peer('a')
    refuse(await join(a, 'b'), 'busy', CODE_RESOURCE_EXHAUSTED, { 'retry-after-ms': '60000' })
    const c = await join(a, 'c')
    c.accept('busy', (channel) => channel.end())
    const channel = begin(a, 'busy')
    expect((await channel.closed).code).toBe('OK')
    expect(channel.remote?.id).toBe('c')
  })

  it('beyond the deadline fails at once', async () => {
    const a = world.peer('a')
    const seen = refuse(await join(a, 'b'), 'busy', CODE_RESOURCE_EXHAUSTED, { 'retry-after-ms': '5000' })
    const channel = begin(a, 'busy', { timeoutMs: 1_000 })
    expect(await channel.closed).toMatchObject({ code: 'RESOURCE_EXHAUSTED', delivery: 'not-processed' })
    expect(seen.count).toBe(1)
  })

  it('a full quota without it is not asked again', async () => {
    const a = world.peer('a')
    const seen = refuse(await join(a, 'b'), 'busy', CODE_RESOURCE_EXHAUSTED)
    expect((await begin(a, 'busy').closed).code).toBe('RESOURCE_EXHAUSTED')
    expect(seen.count).toBe(1)
  })
})

describe('a peer that refuses everything', () => {
  it('is asked for a tenth more than there are calls, and 1,024 more', async () => {
    const a = world.peer('a')
    const seen = refuse(await join(a, 'b'), 'x', CODE_UNAVAILABLE)
    for (let i = 0; i < 1_000; i++) expect((await begin(a, 'x').closed).code).toBe('UNAVAILABLE')
    // The first call of all earns nothing: nothing was used yet.
    expect(seen.count).toBe(1_000 + 1_024 + 99)
    expect(a.stats().queue.unaffordableRetries).toBeGreaterThan(400)
  })
})
