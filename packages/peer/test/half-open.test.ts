// A side that is gone without a word, a process that stood still, and a laptop that slept: told apart, on both sides.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ChannelPeer, PeerEvent } from '../src/index.js'
import { echo, settle, World } from './support.js'

const IDLE_MS = 45_000

let world: World

beforeEach(() => {
  world = new World()
})

afterEach(async () => {
  await world.close()
})

/** What a peer says of its connections. */
function eventsOf(peer: ChannelPeer): string[] {
  const events: string[] = []
  for (const event of ['connect', 'disconnect'] as const) {
    peer.on(event, ({ reason }: PeerEvent) => events.push(`${event} ${reason?.code ?? ''}`.trim()))
  }
  return events
}

async function pair(): Promise<{ a: ChannelPeer; b: ChannelPeer }> {
  const { a, b } = await world.pair()
  b.accept('echo', echo)
  a.accept('echo', echo)
  return { a, b }
}

async function works(from: ChannelPeer): Promise<string> {
  const channel = from.open('echo')
  channel.end()
  await settle()
  return (await channel.closed).code
}

describe('a link that carries nothing any more', () => {
  it('is found by both sides within the idle time and destroyed; running calls end honestly; it is dialed again', async () => {
    const { a, b } = await pair()
    const [eventsOfA, eventsOfB] = [eventsOf(a), eventsOf(b)]
    const running = a.open('echo')
    await running.send('something')
    await world.advance(1_000)
    const [dialed, accepted] = [world.transport.last, world.transport.accepted[0]]
    dialed.silence()
    accepted?.silence()
    const waiting = a.open('echo')
    await world.advance(IDLE_MS - 1_000 - 1)
    expect([eventsOfA, eventsOfB]).toEqual([[], []])
    await world.advance(1_000)
    expect(eventsOfA[0]).toBe('disconnect IDLE_TIMEOUT')
    expect(eventsOfB[0]).toBe('disconnect IDLE_TIMEOUT')
    expect(await running.closed).toMatchObject({ code: 'UNAVAILABLE', delivery: 'unknown' })
    expect(await waiting.closed).toMatchObject({ code: 'UNAVAILABLE', delivery: 'unknown' })
    await world.advance(2_000)
    expect([dialed.isDestroyed, accepted?.isDestroyed]).toEqual([true, true])
    expect(await works(a)).toBe('OK')
    expect(await works(b)).toBe('OK')
  })
})

describe('a process that stood still for ten minutes', () => {
  it('probes first and keeps a healthy link, whichever side looks at the clock first', async () => {
    const { a, b } = await pair()
    const events = [...eventsOf(a), ...eventsOf(b)]
    await world.advance(60_000)
    world.clock.jump(600_000)
    await world.advance(0)
    await world.advance(60_000)
    expect(events).toEqual([])
    expect(world.transport.dialCount).toBe(1)
    expect(await works(a)).toBe('OK')
    expect(await works(b)).toBe('OK')
  })

  it('finds out within seconds that the other side is gone', async () => {
    const { a } = await pair()
    const events = eventsOf(a)
    await world.advance(60_000)
    world.transport.last.silence()
    world.transport.accepted[0]?.silence()
    world.clock.jump(600_000)
    await world.advance(4_999)
    expect(events).toEqual([])
    await world.advance(1)
    expect(events[0]).toBe('disconnect IDLE_TIMEOUT')
  })
})
