// Names whose targets somebody else knows: asked for on first use, again after failures, dialed lazily and let go when nobody uses them.
import type { TargetResolver } from '@peerplex/wire/transport'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ChannelPeer, PeerChannel } from '../src/index.js'
import { echo, isPending, settle, thrown, World } from './support.js'

let world: World

beforeEach(() => {
  world = new World()
})

afterEach(async () => {
  await world.close()
})

async function server(name: string): Promise<ChannelPeer> {
  const made = await world.server(name)
  made.accept('**', (channel) => channel.end())
  return made
}

function begin(a: ChannelPeer, name: string, options = {}): PeerChannel {
  const channel = a.open(name, options)
  channel.end()
  return channel
}

/** A resolver whose answers a test sets; notes what it was asked. */
class Script {
  answer: unknown
  readonly asked: string[] = []
  readonly signals: AbortSignal[] = []

  constructor(answer: unknown) {
    this.answer = answer
  }

  readonly resolve: TargetResolver = (name, { signal }) => {
    this.asked.push(name)
    this.signals.push(signal as AbortSignal)
    if (this.answer instanceof Error) throw this.answer
    return this.answer as string
  }
}

function scripted(answer: unknown): Script {
  return new Script(answer)
}

describe('auto', () => {
  it('asks on first use, dials what it is told, and only names that match go there', async () => {
    await server('billing-1')
    await server('billing-2')
    await server('other')
    const a = world.peer('a')
    const script = scripted(['memory:billing-1', 'memory:billing-2'])
    a.auto('billing.*', script.resolve)
    expect(world.transport.dialCount).toBe(0)
    const first = begin(a, 'billing.pay')
    expect(first.remote).toBeNull()
    expect((await first.closed).code).toBe('OK')
    expect(script.asked).toEqual(['billing.pay'])
    await settle()
    const ids = [1, 2, 3, 4].map(() => begin(a, 'billing.pay').remote?.id)
    expect(new Set(ids)).toEqual(new Set(['billing-1', 'billing-2']))
    // Nobody serves other names yet: the connections that were looked up are for theirs alone.
    const other = begin(a, 'other')
    await settle()
    expect(other.remote).toBeNull()
    await a.connect('memory:other').ready
    expect((await other.closed).code).toBe('OK')
    expect([1, 2, 3].map(() => begin(a, 'billing.pay').remote?.id)).not.toContain('other')
    expect(a.stats().autos).toEqual([
      {
        pattern: 'billing.*',
        names: [{ name: 'billing.pay', state: 'known', urls: ['memory:billing-1', 'memory:billing-2'] }],
      },
    ])
  })

  it('looks up each name by itself and shares connections', async () => {
    await server('one')
    await server('two')
    const a = world.peer('a')
    a.auto('**', (name) => (name === 'x' ? 'memory:one' : ['memory:one', 'memory:two']))
    await begin(a, 'x').closed
    await begin(a, 'y').closed
    await settle()
    expect(world.transport.dialCount).toBe(2)
    expect([1, 2, 3].map(() => begin(a, 'x').remote?.id)).toEqual(['one', 'one', 'one'])
    expect(new Set([1, 2, 3].map(() => begin(a, 'y').remote?.id))).toEqual(new Set(['one', 'two']))
  })

  it('takes a URL in any spelling, and one target for one', async () => {
    await server('b')
    const a = world.peer('a')
    a.auto('x', () => ['MEMORY:b', 'memory:b'])
    a.auto('y', () => 'Memory:b')
    for (const name of ['x', 'y']) {
      const channel = begin(a, name, { timeoutMs: 1_000 })
      await world.advance(1_000)
      expect(await channel.closed).toMatchObject({ code: 'OK' })
    }
    expect(world.transport.dialCount).toBe(2)
    expect(a.stats().autos[0]?.names[0]?.urls).toEqual(['memory:b'])
  })

  it('a call with a deadline waits no longer than that, and says what the resolver said', async () => {
    const a = world.peer('a')
    const script = scripted(new Error('the registry is down'))
    a.auto('x', script.resolve)
    const channel = begin(a, 'x', { timeoutMs: 1_000 })
    await world.advance(1_000)
    const outcome = await channel.closed
    expect(outcome).toMatchObject({ code: 'DEADLINE_EXCEEDED', delivery: 'not-sent' })
    expect(outcome.message).toContain("auto 'x', 'x': the registry is down")
    expect(script.asked.length).toBeGreaterThan(1)
  })

  it.each([
    ['nothing', [], /knows no target for 'x'/],
    ['undefined', undefined, /the resolver gave undefined for 'x'/],
    ['a number', 7, /the resolver gave 7 for 'x'/],
    ['no endpoint', ['nonsense'], /has no scheme/],
    ['an endpoint of no transport', ['ftp://x'], /unknown scheme/],
  ])('that gives %s is asked again, with pauses; then the call goes', async (_, nonsense, message) => {
    await server('b')
    const a = world.peer('a')
    const script = scripted(nonsense)
    a.auto('x', script.resolve)
    const channel = begin(a, 'x')
    await settle()
    const early = begin(a, 'x', { waitForReady: false })
    expect((await early.closed).message).toMatch(message)
    await world.advance(10_000)
    // 50, 125, 250, 500 … with chance at one half: no storm.
    expect(script.asked.length).toBeGreaterThan(4)
    expect(script.asked.length).toBeLessThan(12)
    script.answer = 'memory:b'
    await world.advance(15_000)
    expect((await channel.closed).code).toBe('OK')
  })

  it('that hangs is given up, and its signal aborted', async () => {
    await server('b')
    const a = world.peer('a', { connectTimeoutMs: 2_000 })
    const script = scripted(new Promise(() => {}))
    a.auto('x', script.resolve)
    const channel = begin(a, 'x')
    await world.advance(1_999)
    expect(script.signals[0]?.aborted).toBe(false)
    await world.advance(1)
    expect(script.signals[0]?.aborted).toBe(true)
    expect(a.stats().errors).toMatchObject({ UNAVAILABLE: 1 })
    script.answer = 'memory:b'
    await world.advance(1_000)
    expect((await channel.closed).code).toBe('OK')
  })

  it('asks again when a target fails, and follows it elsewhere', async () => {
    const old = await server('old')
    await server('new')
    const a = world.peer('a')
    const script = scripted('memory:old')
    a.auto('x', script.resolve)
    expect((await begin(a, 'x').closed).code).toBe('OK')
    script.answer = 'memory:new'
    await old.close()
    const channel = begin(a, 'x')
    await world.advance(300)
    expect((await channel.closed).code).toBe('OK')
    expect(channel.remote?.id).toBe('new')
    // Nobody dials what is served no more.
    const { dialCount } = world.transport
    await world.advance(60_000)
    expect(world.transport.dialCount).toBe(dialCount)
  })

  it('that finds a name to be served nowhere any more lets go of where it was, and asks again', async () => {
    await server('b')
    const a = world.peer('a')
    const script = scripted('memory:b')
    const watched: { changed: () => void } = { changed: () => {} }
    const resolver: TargetResolver = Object.assign(script.resolve.bind(null), {
      watch: (onChange: () => void) => {
        watched.changed = onChange
        return () => {}
      },
    })
    a.auto('x', resolver)
    await begin(a, 'x').closed
    script.answer = []
    watched.changed()
    await settle()
    expect(a.peers()).toHaveLength(0)
    const channel = begin(a, 'x')
    script.answer = 'memory:b'
    await world.advance(1_000)
    expect((await channel.closed).code).toBe('OK')
  })

  it('follows changes that the resolver tells of; what runs at the old place may end there', async () => {
    const old = await world.server('old')
    old.accept('x', echo)
    await server('new')
    const a = world.peer('a')
    const script = scripted('memory:old')
    let changed = (): void => {}
    let isWatched = false
    const resolver: TargetResolver = Object.assign(
      (name: string, context: Parameters<TargetResolver>[1]) => script.resolve(name, context),
      {
        watch: (onChange: () => void) => {
          changed = onChange
          isWatched = true
          return () => {
            isWatched = false
          }
        },
      },
    )
    const undo = a.auto('x', resolver)
    expect(isWatched).toBe(false)
    const running = a.open('x')
    await settle()
    expect([isWatched, running.remote?.id]).toEqual([true, 'old'])
    script.answer = ['memory:new']
    changed()
    await settle()
    expect((await begin(a, 'x').closed).code).toBe('OK')
    expect(await isPending(running.closed)).toBe(true)
    running.end()
    await settle()
    expect((await running.closed).code).toBe('OK')
    undo()
    expect(isWatched).toBe(false)
    await settle()
    expect(a.peers()).toHaveLength(0)
  })

  it('closes what nobody used for a while, and begins anew', async () => {
    await server('b')
    const a = world.peer('a')
    const script = scripted('memory:b')
    a.auto('x', script.resolve, { idleMs: 60_000 })
    await begin(a, 'x').closed
    await world.advance(59_000)
    await begin(a, 'x').closed
    await world.advance(59_000)
    expect(a.peers()).toHaveLength(1)
    const running = a.open('x', {})
    await world.advance(120_000)
    running.end()
    await world.advance(121_000)
    expect(a.peers()).toHaveLength(0)
    expect(a.stats().autos).toEqual([{ pattern: 'x', names: [] }])
    expect((await begin(a, 'x').closed).code).toBe('OK')
    expect(script.asked).toHaveLength(2)
  })

  it('that is undone lets names go everywhere again', async () => {
    await server('b')
    await server('c')
    const a = world.peer('a')
    const undo = a.auto('x', () => 'memory:b')
    await begin(a, 'x').closed
    await a.connect('memory:c').ready
    expect(begin(a, 'x').remote?.id).toBe('b')
    undo()
    undo()
    await settle()
    expect(begin(a, 'x').remote?.id).toBe('c')
  })

  it.each(['throws', 'is none'])('comes to rest and closes although what ends its watch %s', async (how) => {
    await server('b')
    const a = world.peer('a')
    const endWatch = (): void => {
      throw new Error('not watched')
    }
    const watch = (): (() => void) => (how === 'throws' ? endWatch : (Promise.resolve() as never))
    a.auto(
      'x',
      Object.assign(() => 'memory:b', { watch }),
      { idleMs: 1_000 },
    )
    await begin(a, 'x').closed
    await world.advance(3_000)
    expect(a.peers()).toEqual([])
    expect((await begin(a, 'x').closed).code).toBe('OK')
    await a.close()
    expect(a.peers()).toEqual([])
  })

  it.each(['reject', 'block'] as const)(
    'that is undone sends on what waits, in order, with %s',
    async (overflow) => {
      const b = await world.server('b')
      const order: string[] = []
      b.accept('**', (channel) => {
        order.push(channel.name)
        channel.end()
      })
      await server('c')
      const a = world.peer('a', {
        queue: { waitMs: 0, ...(overflow === 'block' && { maxCalls: 1, overflow }) },
      })
      await a.connect('memory:b').ready
      a.auto('**', () => 'memory:c')
      const undo = a.auto('x.*', () => [])
      const undoOther = a.auto('y', () => [])
      const waiting = ['x.1', 'x.2', 'y'].map((name) => begin(a, name))
      await settle()
      undo()
      await settle()
      // What remains is looked up by the wider pattern.
      expect(waiting.map(({ remote }) => remote?.id)).toEqual(['c', 'c', undefined])
      undoOther()
      await settle()
      for (const channel of waiting) expect((await channel.closed).code).toBe('OK')
      expect(order).toEqual([])
      expect(a.stats().queue).toMatchObject({ queuedCalls: 0, blockedCalls: 0 })
    },
  )

  it('that is undone lets what waits go where it could without', async () => {
    await server('b')
    const a = world.peer('a', { queue: { waitMs: 0 } })
    await a.connect('memory:b').ready
    const undo = a.auto('x', () => [])
    const channel = begin(a, 'x')
    await settle()
    expect(channel.remote).toBeNull()
    undo()
    await settle()
    expect((await channel.closed).code).toBe('OK')
  })

  it('that is undone repeats elsewhere what its target gives back', async () => {
    const b = await server('b')
    await server('c')
    const a = world.peer('a', { queue: { waitMs: 0 } })
    await a.connect('memory:c').ready
    const undo = a.auto('x', () => 'memory:b')
    await begin(a, 'x').closed
    world.transport.last.block()
    const channel = begin(a, 'x')
    expect(channel.remote?.id).toBe('b')
    undo()
    world.transport.last.cut()
    await settle()
    expect((await channel.closed).code).toBe('OK')
    expect(channel.remote?.id).toBe('c')
    await b.close()
  })

  it('does not rest while somebody waits, however long that takes', async () => {
    const a = world.peer('a', { queue: { waitMs: 0 } })
    a.auto('x', () => 'memory:b', { idleMs: 1_000 })
    world.transport.isHanging = true
    const channel = begin(a, 'x')
    await world.advance(5_000)
    world.transport.isHanging = false
    await server('b')
    await world.advance(30_000)
    expect((await channel.closed).code).toBe('OK')
    expect(a.peers()).toEqual([])
  })

  it('rests when nobody waits, also where a name is never found', async () => {
    const a = world.peer('a')
    const script = scripted([])
    a.auto('x', script.resolve, { idleMs: 10_000 })
    const channel = begin(a, 'x', { timeoutMs: 1_000 })
    await world.advance(60_000)
    expect((await channel.closed).code).toBe('DEADLINE_EXCEEDED')
    const count = script.asked.length
    await world.advance(600_000)
    expect(script.asked).toHaveLength(count)
    expect(a.stats().autos[0]?.names).toEqual([])
    expect(world.clock.pendingTimerCount).toBe(0)
  })

  it('forgets no name that somebody waits for, however many there are', async () => {
    await server('b')
    const a = world.peer('a', { queue: { maxCalls: 2_000, waitMs: 0 } })
    let answer: (url: string) => void = () => {}
    const answered = new Promise<string>((resolve) => {
      answer = resolve
    })
    a.auto('**', () => answered)
    const first = begin(a, 'first')
    for (let i = 0; i < 1_100; i++) begin(a, `n${i}`)
    answer('memory:b')
    await world.advance(1_000)
    expect((await first.closed).code).toBe('OK')
    expect(a.stats().queue.queuedCalls).toBe(0)
    await begin(a, 'one more').closed
    expect(a.stats().autos[0]?.names).toHaveLength(1_024)
  })

  it('closes with its peer, in the midst of asking too', async () => {
    const a = world.peer('a')
    const script = scripted(new Promise(() => {}))
    a.auto('x', script.resolve)
    const channel = begin(a, 'x')
    await a.close()
    expect(script.signals[0]?.aborted).toBe(true)
    expect((await channel.closed).code).toBe('UNAVAILABLE')
  })

  it('takes nothing from the time that a drain gives', async () => {
    const b = await world.server('b')
    b.accept('**', (channel) => channel.closed)
    const a = world.peer('a')
    a.auto('x', () => 'memory:b')
    const running = a.open('x')
    await settle()
    let isDone = false
    void a.drain({ graceMs: 45_000 }).then(() => {
      isDone = true
    })
    await world.advance(44_999)
    expect(await isPending(running.closed)).toBe(true)
    await world.advance(1)
    expect(isDone).toBe(true)
    expect((await running.closed).code).toBe('UNAVAILABLE')
  })

  it('ends what it let go of, too, when the time of a drain is over', async () => {
    const b = await world.server('b')
    b.accept('**', (channel) => channel.closed)
    const a = world.peer('a')
    const undo = a.auto('x', () => 'memory:b')
    const old = a.open('x')
    await settle()
    undo()
    let isDone = false
    void a.drain({ graceMs: 1_000 }).then(() => {
      isDone = true
    })
    await world.advance(1_000)
    expect(isDone).toBe(true)
    expect((await old.closed).code).toBe('UNAVAILABLE')
  })

  it('opens nothing on a connection that it let go of', async () => {
    const b = await world.server('b')
    b.accept('**', (channel) => channel.closed)
    const a = world.peer('a')
    const undo = a.auto('x', () => 'memory:b')
    const old = a.open('x')
    await settle()
    undo()
    a.auto('x', () => 'memory:b')
    const channel = a.open('x')
    await settle()
    expect(channel.remote?.id).toBe('b')
    await world.advance(60_000)
    expect((await old.closed).code).toBe('UNAVAILABLE')
    expect(await isPending(channel.closed)).toBe(true)
  })

  it('lets its targets be called back, and whoever is named be reached', async () => {
    const b = await server('b')
    const a = world.peer('a')
    a.auto('x', () => 'memory:b')
    const back: PeerChannel[] = []
    a.accept('ask', ({ remote }) => {
      back.push(begin(a, 'other', { to: (each: unknown) => each === remote }))
    })
    await begin(a, 'x').closed
    begin(b, 'ask')
    await settle()
    expect(back.map(({ remote }) => remote?.id)).toEqual(['b'])
    expect(begin(a, 'other', { to: 'b' }).remote?.id).toBe('b')
    // What is for anybody goes elsewhere still.
    expect(begin(a, 'other').remote).toBeNull()
  })

  it('dials again what was lost, whatever holds for `connect`', async () => {
    await server('b')
    const a = world.peer('a', { reconnect: false })
    a.auto('x', () => 'memory:b')
    await begin(a, 'x').closed
    world.transport.last.cut()
    await settle()
    const channel = begin(a, 'x', { timeoutMs: 5_000 })
    await world.advance(5_000)
    expect((await channel.closed).code).toBe('OK')
  })

  it('that closes its peer leaves no call behind', async () => {
    const a = world.peer('a')
    a.auto('x', () => {
      void a.close()
      return 'memory:b'
    })
    expect((await begin(a, 'x').closed).code).toBe('UNAVAILABLE')
    const other = await world.pair().then(({ a: made }) => made)
    const closing = (): boolean => {
      void other.close()
      return false
    }
    expect((await begin(other, 'x', { to: closing }).closed).code).toBe('UNAVAILABLE')
  })

  it('checks what it is given', () => {
    const a = world.peer('a')
    expect(thrown(() => a.auto('x', 'memory:b' as never)).message).toContain("the resolver of 'x' is string")
    expect(thrown(() => a.auto('x', () => 'memory:b', { idleMs: 0 })).message).toContain('option idleMs')
    expect(thrown(() => a.auto('x', () => 'memory:b', { idelMs: 5 } as never))).toMatchObject({
      message: "there is no option 'idelMs'",
      hint: 'the options are idleMs',
    })
    expect(thrown(() => a.auto('a**', () => 'memory:b')).code).toBe('INVALID_ARGUMENT')
    a.auto('x', () => 'memory:b')
    expect(thrown(() => a.auto('x', () => 'memory:b'))).toMatchObject({
      code: 'ALREADY_EXISTS',
      message: "'x' is looked up already",
    })
  })
})
