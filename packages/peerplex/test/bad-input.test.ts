// What goes wrong in calls and channels: each failure is a typed error with a hint, on the side that can act; nobody else is
// disturbed, and nothing is unhandled (which would fail the run).
import { describe, expect, it, vi } from 'vitest'
import { CallError, type Codec } from '../src/index.js'
import { freePort, HANG_MS, rejection, sleep, thrown, until, upTo, within } from './support.js'
import { newUrl, PLACES, useWorld } from './world.js'

vi.setConfig({ testTimeout: HANG_MS, hookTimeout: HANG_MS })

const world = useWorld()
const HINT = expect.stringMatching(/./)

describe.each(PLACES)('over %s, called from the %s side', (...place) => {
  it('an unknown name', async () => {
    const { caller } = await world().pair(place, { 'math.add': () => 1 })
    for (const failing of [caller.call('math.ad'), caller.stream('math.ad').next()]) {
      expect(await rejection(failing)).toMatchObject({
        code: 'UNIMPLEMENTED',
        message: expect.stringMatching(/'math\.ad' at peer callee \(/),
        delivery: 'not-processed',
        origin: 'remote',
        hint: HINT,
      })
    }
    const { code, hint } = await caller.open('math.ad').closed
    expect([code, hint]).toEqual(['UNIMPLEMENTED', HINT])
    // Nobody waits for the fate of a one-way.
    await caller.notify('math.ad')
  })

  it('a codec that nobody has, or only one side', async () => {
    const own: Codec = { id: 64, name: 'own', encode: () => new Uint8Array(1), decode: () => 1 }
    const { caller } = await world().pair(place, {}, { caller: { codecs: [own] } })
    expect(await rejection(caller.call('add', [1, 2], { codec: 'msgpak' }))).toMatchObject({
      name: 'UsageError',
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining("'msgpak'"),
      hint: expect.stringContaining('msgpack'),
      delivery: 'not-sent',
    })
    expect(await rejection(caller.call('add', [1, 2], { codec: 'own' }))).toMatchObject({
      code: 'UNSUPPORTED_CODEC',
      hint: HINT,
      delivery: 'not-sent',
    })
    expect(await caller.call('add', [1, 2], { codec: 'json' })).toBe(3)
  })

  it('a value that no codec can send, in either direction', async () => {
    const { caller } = await world().pair(place, { bad: () => ({ f: () => {} }) })
    expect(await rejection(caller.call('add', { f: () => {} }))).toMatchObject({
      name: 'UsageError',
      code: 'INVALID_ARGUMENT',
      delivery: 'not-sent',
    })
    expect(await rejection(caller.call('bad'))).toMatchObject({ code: 'UNKNOWN', delivery: 'processed' })
    expect(world().reported).toMatchObject([{ name: 'UsageError', code: 'INVALID_ARGUMENT' }])
  })

  it('a payload that does not decode, in either direction', async () => {
    const own: Codec = {
      id: 64,
      name: 'own',
      encode: (value) => Uint8Array.of(value === 'good' ? 1 : 0xc1),
      decode: ([first]) => {
        if (first !== 1) throw new SyntaxError('not of this codec')
        return 'good'
      },
    }
    const handled: unknown[] = []
    const { caller } = await world().pair(
      place,
      {
        'bad answer': (input: unknown) => {
          handled.push(input)
          return 'bad'
        },
      },
      { caller: { codecs: [own] }, callee: { codecs: [own] } },
    )
    expect(await rejection(caller.call('bad answer', 'bad', { codec: 'own' }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/the input of 'bad answer' does not decode as own/),
      origin: 'remote',
      hint: HINT,
    })
    expect(handled).toEqual([])
    expect(await rejection(caller.call('bad answer', 'good', { codec: 'own' }))).toMatchObject({
      message: expect.stringMatching(/the reply to 'bad answer' does not decode as own/),
      code: 'DATA_LOSS',
      delivery: 'processed',
      origin: 'local',
      hint: HINT,
    })
    expect(handled).toEqual(['good'])
    expect(await caller.call('add', [1, 2])).toBe(3)
  })

  it('a message that is too large, in either direction', async () => {
    const limits = { maxMessageBytes: 65_536 }
    const { caller } = await world().pair(
      place,
      {
        large: () => 'x'.repeat(80_000),
        'large items': async function* () {
          yield 'small'
          yield 'x'.repeat(80_000)
        },
        all: async (items: AsyncIterable<unknown>) => {
          for await (const _ of items);
        },
      },
      { caller: { limits }, callee: { limits } },
    )
    async function* large(): AsyncGenerator<string> {
      yield 'small'
      yield 'x'.repeat(80_000)
    }
    expect(await rejection(caller.call('add', ['x'.repeat(80_000)]))).toMatchObject({
      name: 'LimitError',
      code: 'MESSAGE_TOO_LARGE',
      delivery: 'not-sent',
      origin: 'local',
      hint: HINT,
    })
    expect(await rejection(caller.notify('add', 'x'.repeat(80_000)))).toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      hint: HINT,
    })
    expect(await rejection(caller.call('all', large()))).toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      hint: HINT,
    })
    expect(await rejection(caller.call('large'))).toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      delivery: 'processed',
      origin: 'remote',
      hint: HINT,
    })
    const stream = caller.stream('large items')
    expect((await stream.next()).value).toBe('small')
    expect(await rejection(stream.next())).toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      origin: 'remote',
      hint: HINT,
    })
    expect(await caller.call('add', [1, 2])).toBe(3)
  })

  it('a handler that throws, rejects, or fails in the middle of a stream', async () => {
    const { caller } = await world().pair(place, {
      throws: () => {
        throw new TypeError('not today')
      },
      rejects: async () => {
        await sleep(1)
        throw new CallError('NOT_FOUND', 'no such user', { hint: 'ask for another one', details: { id: 7 } })
      },
      breaks: async function* () {
        yield 1
        throw new Error('broken')
      },
      'rejects with nothing': () => Promise.reject(undefined),
    })
    expect(await rejection(caller.call('throws'))).toMatchObject({
      code: 'UNKNOWN',
      message: 'not today',
      delivery: 'processed',
      origin: 'remote',
    })
    expect(await rejection(caller.call('rejects'))).toMatchObject({
      code: 'NOT_FOUND',
      message: 'no such user',
      hint: 'ask for another one',
      details: { id: 7 },
    })
    const stream = caller.stream('breaks')
    expect((await stream.next()).value).toBe(1)
    expect(await rejection(stream.next())).toMatchObject({ code: 'UNKNOWN', message: 'broken' })
    expect(await rejection(caller.call('rejects with nothing'))).toMatchObject({ code: 'UNKNOWN' })
    // An application's own error has somebody who hears it; any other exception is news on its own side too.
    expect(world().reported).toHaveLength(3)
  })

  it('a handler that never ends: the deadline ends it, on both sides', async () => {
    const reasons: unknown[] = []
    const { caller, callee } = await world().pair(place, {
      hang: (_input, { signal }) => {
        signal.addEventListener('abort', () => reasons.push(signal.reason))
        return new Promise(() => {})
      },
    })
    const options = { timeoutMs: 50 }
    for (const failing of [caller.call('hang', 1, options), caller.stream('hang', 1, options).next()]) {
      expect(await rejection(failing)).toMatchObject({
        code: 'DEADLINE_EXCEEDED',
        delivery: expect.stringMatching(/unknown|processed/),
        retryable: false,
        hint: HINT,
      })
    }
    expect((await caller.open('hang', options).closed).code).toBe('DEADLINE_EXCEEDED')
    await until(() => reasons.length === 3, 'the end of the handlers')
    for (const reason of reasons) expect(reason).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    expect(callee.stats().connections.every(({ state }) => state === 'READY')).toBe(true)
  })

  it('a reader that stops: what is held is bounded, on both sides', async () => {
    const windowBytes = 65_536
    const itemBytes = 10_000
    let given = 0
    const { caller, callee, bystander } = await world().pair(
      place,
      {
        flood: async function* () {
          for (;;) {
            given++
            yield new Uint8Array(itemBytes)
          }
        },
      },
      { caller: { limits: { channelWindowBytes: windowBytes } } },
    )
    const stream = caller.stream('flood')
    await stream.next()
    let before = -1
    for (let quiet = 0; quiet < 10; quiet = given === before ? quiet + 1 : 0) {
      before = given
      await sleep(20)
    }
    const held = (peer: typeof caller): number =>
      peer
        .stats()
        .connections.reduce(
          (sum, c) => sum + c.unreadBytes + c.assemblingBytes + c.queuedOutputBytes + c.committedOutputBytes,
          0,
        )
    const message = itemBytes + 100
    expect(held(caller)).toBeLessThanOrEqual(windowBytes + message)
    expect(held(callee)).toBeLessThanOrEqual(windowBytes + message)
    expect(given * itemBytes).toBeLessThanOrEqual(2 * (windowBytes + message) + message)
    await bystander.check()
    expect(await caller.call('add', [1, 2])).toBe(3)
    await stream.return()
    await until(() => held(caller) === 0 && held(callee) === 0, 'nothing held')
  })

  it('a peer that vanishes in the middle', async () => {
    const reasons: unknown[] = []
    let isCleanedUp = false
    const { caller, callee } = await world().pair(
      place,
      {
        hang: (_input, { signal }) => {
          signal.addEventListener('abort', () => reasons.push(signal.reason))
          return new Promise(() => {})
        },
        swallow: async (items: AsyncIterable<unknown>) => {
          for await (const _ of items);
        },
      },
      { caller: { reconnect: { initialMs: 600_000 } }, callee: { reconnect: { initialMs: 600_000 } } },
    )
    async function* endless(): AsyncGenerator<number> {
      try {
        for (let i = 0; ; i++) {
          yield i
          await sleep(2)
        }
      } finally {
        isCleanedUp = true
      }
    }
    const stream = caller.stream('clock')
    await stream.next()
    const failing = [caller.call('hang'), caller.call('swallow', endless())].map(rejection)
    const channel = caller.open('hang')
    await caller.call('add', [1, 2])
    callee
      .peers()
      .find(({ id }) => id === 'caller')
      ?.drop()
    for (const error of await Promise.all(failing)) {
      expect(error).toMatchObject({ code: 'UNAVAILABLE', delivery: 'unknown', hint: HINT, remote: 'callee' })
    }
    const read = async (): Promise<void> => {
      for await (const _ of stream);
    }
    expect(await rejection(read())).toMatchObject({ code: 'UNAVAILABLE', delivery: 'processed', hint: HINT })
    expect(await channel.closed).toMatchObject({ code: 'UNAVAILABLE', hint: HINT })
    await until(() => reasons.length === 2 && isCleanedUp, 'the end of handlers and inputs')
    for (const reason of reasons) expect(reason).toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('a send on a dead channel resolves; `writable` and `closed` tell', async () => {
    const { caller, callee } = await world().pair(place)
    callee.accept('echo', async (channel) => {
      for await (const message of channel) await channel.send(message)
      channel.end()
    })
    const channel = caller.open('echo')
    await channel.send('a')
    channel.reset()
    for (let i = 0; i < 100; i++) await within(channel.send('b'.repeat(10_000)), 'a send')
    expect(channel.writable).toBe(false)
    expect(await channel.closed).toMatchObject({ code: 'CANCELLED', origin: 'local' })

    const refused = caller.open('nobody')
    await refused.closed
    await within(refused.send('c'), 'a send')
    expect([refused.writable, (await refused.closed).code]).toEqual([false, 'UNIMPLEMENTED'])
  })

  it('a channel that is iterated and listened to at once', async () => {
    const { caller, callee } = await world().pair(place)
    callee.accept('echo', (channel) => channel.closed)
    const channel = caller.open('echo')
    channel.onMessage = () => {}
    expect(thrown(() => channel[Symbol.asyncIterator]())).toMatchObject({ hint: HINT })
    channel.reset()
  })

  it('an iterable that throws is its own reason', async () => {
    const { caller } = await world().pair(place, {
      all: async (items: AsyncIterable<unknown>) => {
        for await (const _ of items);
      },
    })
    const own = new Error('mine')
    async function* failing(): AsyncGenerator<number> {
      yield 1
      throw own
    }
    await expect(within(caller.call('all', failing()), 'an outcome')).rejects.toBe(own)
    expect(await caller.call('add', [1, 2])).toBe(3)
  })
})

describe.each(['tcp', 'memory'])('over %s', (transport) => {
  it('an address in use', async () => {
    const first = world().peer({ id: 'first' })
    const { url } = await first.bind(newUrl(transport))
    expect(await rejection(world().peer({ id: 'second' }).bind(url))).toMatchObject({
      name: 'TransportError',
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining(url),
      hint: HINT,
    })
    first.handle('add', ([a, b]: [number, number]) => a + b)
    const other = world().peer({ id: 'other' })
    other.connect(url)
    expect(await other.call('add', [1, 2])).toBe(3)
  })

  it('a refused connection', async () => {
    const url = transport === 'tcp' ? `tcp://127.0.0.1:${await freePort()}` : 'memory:nobody'
    const once = world().peer({ id: 'once', reconnect: false })
    const link = once.connect(url)
    const error = await rejection(link.ready)
    expect(error).toMatchObject({
      name: 'TransportError',
      code: 'UNAVAILABLE',
      message: expect.stringContaining(url),
      delivery: 'not-sent',
      retryable: true,
      hint: HINT,
    })
    expect([link.state, link.lastError, once.stats().links]).toEqual(['CLOSED', error, []])
  })

  it('a peer that dials itself', async () => {
    const peer = world().peer({ id: 'self' })
    const { url } = await peer.bind(newUrl(transport))
    const link = peer.connect(url)
    expect(await rejection(link.ready)).toMatchObject({ code: 'SELF_CONNECT', hint: HINT })
    expect(link.state).toBe('CLOSED')
  })
})

it('everything on a peer that is closed', async () => {
  const peer = world().peer({ id: 'a' })
  await peer.close()
  expect(await rejection(peer.call('x'))).toMatchObject({
    code: 'UNAVAILABLE',
    delivery: 'not-sent',
    hint: HINT,
  })
  expect(await rejection(peer.call('x', upTo(3)))).toMatchObject({ code: 'UNAVAILABLE', hint: HINT })
  expect(await rejection(peer.stream('x').next())).toMatchObject({ code: 'UNAVAILABLE', hint: HINT })
  expect(await rejection(peer.notify('x'))).toMatchObject({ code: 'UNAVAILABLE', hint: HINT })
  expect(await peer.open('x').closed).toMatchObject({ code: 'UNAVAILABLE', hint: HINT })
  expect(thrown(() => peer.connect('memory:x'))).toMatchObject({ code: 'FAILED_PRECONDITION', hint: HINT })
  expect(await rejection(peer.bind('memory:x'))).toMatchObject({ code: 'FAILED_PRECONDITION', hint: HINT })
})
