// Who is at the other end: the hook is asked first, whatever was sent meanwhile; what it says is the identity, or the end.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type {
  Authenticate,
  ChannelPeer,
  ConnectOptions,
  Link,
  PeerHello,
  PendingConnection,
} from '../src/index.js'
import { collect, echo, isPending, rejection, settle, thrown, World } from './support.js'

let world: World

beforeEach(() => {
  world = new World()
})

afterEach(async () => {
  await world.close()
})

/** Lets in whoever knows the word; the identity is who they are. */
const byWord: Authenticate = ({ auth }) => auth === 'sesame' && { user: 'ada' }

/** A hook whose answers the test gives. */
function hookToAnswer(): {
  authenticate: Authenticate
  asked: { hello: PeerHello; connection: PendingConnection; answer: (identity: unknown) => void }[]
} {
  const asked: ReturnType<typeof hookToAnswer>['asked'] = []
  return {
    authenticate: (hello, connection) => new Promise((answer) => asked.push({ hello, connection, answer })),
    asked,
  }
}

function answering(peer: ChannelPeer): string[] {
  const seen: string[] = []
  peer.accept('**', (channel) => {
    seen.push(channel.name)
    return echo(channel)
  })
  return seen
}

async function ask(peer: ChannelPeer, name: string, to?: string): Promise<unknown> {
  const channel = peer.open(name, to === undefined ? {} : { to })
  channel.send('hello')
  channel.end()
  const [answer] = await collect(channel)
  return answer
}

describe('credentials that cannot be told', () => {
  it('leave no connection open', async () => {
    await world.server('b')
    const a = world.peer('a')
    const link = a.connect('memory:b', { credentials: async () => 'x'.repeat(100_000) })
    await world.advance(1_000)
    expect(link.lastError?.code).toBe('METADATA_TOO_LARGE')
    expect(world.transport.dialed.filter(({ isDestroyed }) => !isDestroyed)).toEqual([])
    link.close()
  })
})

describe('a drain that comes before the verdict', () => {
  it('is told after it', async () => {
    const b = await world.server('b')
    const { authenticate, asked } = hookToAnswer()
    const a = world.peer('a', { authenticate })
    a.accept('**', (channel) => channel.closed)
    const events: string[] = []
    for (const event of ['connect', 'drain', 'disconnect'] as const) a.on(event, () => events.push(event))
    const link = a.connect('memory:b')
    await settle()
    // Something that runs on, or there would be nothing to wait for.
    b.open('held')
    await settle()
    void b.drain({ graceMs: 10_000 })
    await settle()
    asked[0]?.answer(true)
    await settle()
    expect([link.state, a.peers().map(({ state }) => state), events]).toEqual([
      'DRAINING',
      ['draining'],
      ['connect', 'drain'],
    ])
    link.close()
  })
})

describe('a peer that takes the id of another', () => {
  it('does not have that one passed over', async () => {
    const hub = await world.server('hub', { authenticate: ({ auth }) => ({ user: auth }) })
    for (const [id, credentials] of [
      ['billing', 's-1'],
      ['shipping', 's-2'],
      ['billing', 's-3'],
    ] as const) {
      const peer = world.peer(id, { credentials })
      peer.accept('x', echo)
      await peer.connect('memory:hub').ready
    }
    await settle()
    expect(hub.peers()).toHaveLength(3)
    world.transport.last.cut()
    await settle()
    expect(hub.peers().map(({ identity }) => identity)).toEqual([{ user: 's-1' }, { user: 's-2' }])
    const places = [1, 2, 3, 4].map(() => {
      const channel = hub.open('x')
      channel.end()
      return channel.remote?.id
    })
    expect(places.sort()).toEqual(['billing', 'billing', 'shipping', 'shipping'])
  })
})

describe('before the verdict', () => {
  it('shows the hook what was announced, and the connection', async () => {
    const { authenticate, asked } = hookToAnswer()
    await world.server('b', { authenticate })
    const a = world.peer('a', { credentials: 'sesame' })
    a.connect('memory:b')
    await settle()
    const [{ hello, connection, answer }] = asked as [(typeof asked)[0]]
    expect(hello).toMatchObject({ id: 'a', auth: 'sesame', agent: 'test/1' })
    expect(hello.instance).toMatch(/^[0-9a-f]{32}$/)
    expect(new TextDecoder().decode(hello.authBytes)).toBe('sesame')
    expect(hello.headers.get('codecs')).toBe('json,text,raw')
    expect(connection).toMatchObject({ url: 'memory:b', kind: 'byte', isAccepted: true, facts: {} })
    expect([connection.signal.aborted, Object.isFrozen(connection)]).toEqual([false, true])
    answer(true)
  })

  it('shows what the transport knows', async () => {
    const facts = { certificate: 'of ada' }
    const { authenticate, asked } = hookToAnswer()
    await world.server('b', { authenticate })
    const a = world.peer('a')
    world.transport.factsOfAccepted = facts
    a.connect('memory:b')
    await settle()
    expect(asked[0]?.connection.facts).toBe(facts)
    asked[0]?.answer(true)
  })

  it('nothing is answered, told or called; afterwards everything is', async () => {
    const { authenticate, asked } = hookToAnswer()
    const b = await world.server('b', { authenticate })
    const seen = answering(b)
    const events: string[] = []
    b.on('connect', ({ remote }) => {
      events.push(`connect ${remote.id} ${JSON.stringify(remote.identity)}`)
    })
    const a = world.peer('a')
    const callsOfB = answering(a)
    const link = a.connect('memory:b')
    await link.ready
    const asking = [ask(a, 'first'), ask(a, 'second')]
    const unknown = b.open('back')
    await world.advance(5_000)
    expect([seen, events, callsOfB, b.peers()]).toEqual([[], [], [], []])
    expect(b.stats()).toMatchObject({ queue: { queuedCalls: 1 }, limits: { unauthenticated: 1 } })
    asked[0]?.answer({ user: 'ada' })
    expect(await Promise.all(asking)).toEqual(['hello', 'hello'])
    expect(seen).toEqual(['first', 'second'])
    expect(events).toEqual(['connect a {"user":"ada"}'])
    expect(callsOfB).toEqual(['back'])
    expect(b.peers()[0]).toMatchObject({ id: 'a', identity: { user: 'ada' } })
    expect(b.stats().limits.unauthenticated).toBe(0)
    unknown.reset()
  })

  it('an event comes before the first handler runs', async () => {
    const order: string[] = []
    const b = await world.server('b', { authenticate: async () => 'ada' })
    b.on('connect', () => order.push('connect'))
    b.accept('**', (channel) => {
      order.push(`handler for ${channel.remote?.identity}`)
    })
    const a = world.peer('a')
    a.connect('memory:b')
    a.open('x')
    await settle()
    expect(order).toEqual(['connect', 'handler for ada'])
  })

  it('a link is not ready, and calls of its peer wait: nobody calls whom it does not know', async () => {
    const { authenticate, asked } = hookToAnswer()
    const b = await world.server('b')
    const seen = answering(b)
    const a = world.peer('a', { authenticate })
    const link = a.connect('memory:b')
    const asking = ask(a, 'x')
    await world.advance(9_000)
    expect([link.state, seen, await isPending(link.ready)]).toEqual(['HELLO', [], true])
    expect(asked[0]?.connection.isAccepted).toBe(false)
    asked[0]?.answer(true)
    await link.ready
    expect(await asking).toBe('hello')
  })

  it('filters see the identity', async () => {
    const b = await world.server('b', { authenticate: byWord })
    answering(b)
    const identities: unknown[] = []
    b.use((open, next) => {
      identities.push(open.identity)
      return next()
    })
    const a = world.peer('a', { credentials: 'sesame' })
    a.connect('memory:b')
    await ask(a, 'x')
    expect(identities).toEqual([{ user: 'ada' }])
  })
})

describe('what the hook says', () => {
  it.each<[what: string, identity: unknown]>([
    ['true', true],
    ['text', 'ada'],
    ['a number', 7],
    ['an object', { user: 'ada' }],
    ['an empty array', []],
  ])('%s admits and is the identity', async (_what, identity) => {
    for (const answer of [identity, Promise.resolve(identity)]) {
      const b = await world.server(`b${world.peers.length}`, { authenticate: () => answer })
      const a = world.peer('a')
      await a.connect(`memory:${b.id}`).ready
      await settle()
      expect(b.peers().map((remote) => remote.identity)).toEqual([identity])
    }
  })

  it.each<[what: string, hook: Authenticate]>([
    ['false', () => false],
    ['null', () => null],
    ['nothing', () => undefined],
    ['empty text', () => ''],
    ['0', () => 0],
    ['a promise of false', async () => false],
    ['a promise of nothing', async () => {}],
    [
      'an exception',
      () => {
        throw new Error('no row for user ada in table secrets')
      },
    ],
    ['a rejection', () => Promise.reject(new Error('no row for user ada in table secrets'))],
    // biome-ignore lint/suspicious/noThenProperty: nonsense on purpose
    ['a thenable that throws', () => ({ then: () => nothingCalled() })],
  ])('%s refuses, in the same words', async (_what, authenticate) => {
    const b = await world.server('b', { authenticate })
    const seen = answering(b)
    const a = world.peer('a', { credentials: 'wrong' })
    const link = a.connect('memory:b')
    const channel = a.open('x')
    await settle()
    expect(link.state).toBe('CLOSED')
    expect(link.lastError).toMatchObject({ code: 'AUTH', origin: 'remote', retryable: false })
    expect(link.lastError?.message).toBe(
      'the other side ended the connection: AUTH, the credentials were not accepted',
    )
    expect([seen, b.peers(), b.stats().errors]).toEqual([[], [], { AUTH: 1 }])
    expect(await isPending(channel.closed), 'not processed: it waits for another connection').toBe(true)
    channel.reset()
  })

  it('what it throws goes to onError and the log, and not to the other side', async () => {
    const lines: unknown[] = []
    const b = await world.server('b', {
      logger: {
        debug() {},
        info() {},
        error() {},
        warn: (text, fields) => lines.push([text, fields]),
      },
      authenticate: () => {
        throw new Error('table secrets is gone')
      },
    })
    world.peer('a').connect('memory:b')
    await settle()
    expect(world.reported).toMatchObject([
      { peer: b.id, name: '', error: { message: 'table secrets is gone' } },
    ])
    expect(lines).toEqual([['authenticate threw', { url: 'memory:b', error: 'table secrets is gone' }]])
  })

  it('comes too late: HELLO_TIMEOUT, the signal is aborted, nobody is admitted, the link tries again', async () => {
    const { authenticate, asked } = hookToAnswer()
    const b = await world.server('b', { authenticate, limits: { helloTimeoutMs: 3_000 } })
    const seen = answering(b)
    const a = world.peer('a')
    const link = a.connect('memory:b')
    const asking = ask(a, 'x')
    await world.advance(2_999)
    expect(asked[0]?.connection.signal.aborted).toBe(false)
    await world.advance(1)
    expect(asked[0]?.connection.signal.reason).toMatchObject({ code: 'HELLO_TIMEOUT' })
    expect([link.state, link.lastError?.code]).toEqual(['BACKOFF', 'HELLO_TIMEOUT'])
    asked[0]?.answer('ada')
    await settle()
    expect([b.peers(), seen]).toEqual([[], []])
    await world.advance(100)
    asked[1]?.answer('ada')
    expect(await asking).toBe('hello')
    expect(seen).toEqual(['x'])
    expect(world.reported).toEqual([])
  })

  it('has the same time where this side dialed, whatever connecting may take', async () => {
    const { authenticate, asked } = hookToAnswer()
    await world.server('b')
    const a = world.peer('a', { authenticate, connectTimeoutMs: 1_000, limits: { helloTimeoutMs: 3_000 } })
    const link = a.connect('memory:b')
    await world.advance(2_999)
    expect(link.state).toBe('HELLO')
    await world.advance(1)
    expect(link.lastError?.code).toBe('HELLO_TIMEOUT')
    expect(asked[0]?.connection.signal.aborted).toBe(true)
  })

  it('is not waited for when the connection is gone; what a hook throws then is no news', async () => {
    const b = await world.server('b', {
      authenticate: (_hello, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
    })
    const a = world.peer('a')
    const link = a.connect('memory:b')
    await link.ready
    await settle()
    link.close()
    await settle()
    expect(b.stats()).toMatchObject({ connections: [], limits: { unauthenticated: 0, connections: 0 } })
    expect(world.reported).toEqual([])
  })

  it('is not waited for when the peer is closed', async () => {
    const { authenticate, asked } = hookToAnswer()
    const b = await world.server('b', { authenticate })
    await world.peer('a').connect('memory:b').ready
    await settle()
    const closed = b.close()
    expect(asked[0]?.connection.signal.aborted).toBe(true)
    asked[0]?.answer('ada')
    await closed
    expect(b.peers()).toEqual([])
  })

  it('is waited for while the peer drains, as long as anything else', async () => {
    const { authenticate, asked } = hookToAnswer()
    const b = await world.server('b', { authenticate })
    const seen = answering(b)
    const a = world.peer('a')
    await a.connect('memory:b').ready
    const channel = a.open('x')
    await settle()
    const drained = b.drain({ graceMs: 2_000 })
    await world.advance(1_999)
    expect(await isPending(drained)).toBe(true)
    expect(asked[0]?.connection.signal.aborted).toBe(false)
    await world.advance(5_000)
    await drained
    expect([asked[0]?.connection.signal.aborted, seen]).toEqual([true, []])
    channel.reset()
  })

  it('may close the peer', async () => {
    const closing: Promise<void>[] = []
    const b: ChannelPeer = await world.server('b', {
      authenticate: () => {
        closing.push(b.close())
        return true
      },
    })
    world.peer('a').connect('memory:b')
    await settle()
    expect([closing.length, b.peers()]).toEqual([1, []])
  })
})

describe('credentials', () => {
  it('that are refused are not shown again; other links are not touched', async () => {
    const b = await world.server('b', { authenticate: byWord })
    const open = await world.server('open')
    answering(open)
    const a = world.peer('a', { credentials: 'wrong' })
    const link = a.connect('memory:b')
    await settle()
    const { dialCount } = world.transport
    await world.advance(600_000)
    expect([link.state, world.transport.dialCount]).toEqual(['CLOSED', dialCount])
    expect(await rejection(link.ready.then(() => link.ready)).catch(() => 'was ready')).toBe('was ready')
    a.connect('memory:open')
    expect(await ask(a, 'x')).toBe('hello')
    expect(b.stats().errors).toEqual({ AUTH: 1 })
  })

  it('refused calls go elsewhere', async () => {
    const b = await world.server('b', { authenticate: byWord })
    const seen = answering(b)
    const c = await world.server('c')
    answering(c)
    const a = world.peer('a', { credentials: 'wrong' })
    a.connect('memory:b')
    const asking = ask(a, 'x')
    await settle()
    expect(await isPending(asking)).toBe(true)
    a.connect('memory:c')
    expect(await asking).toBe('hello')
    expect(seen).toEqual([])
  })

  it('from a function are asked for again after a refusal, and shown when they are others', async () => {
    const tokens = ['stale', 'staler', 'sesame']
    const shown: unknown[] = []
    const b = await world.server('b', {
      authenticate: (hello, connection) => {
        shown.push(hello.auth)
        return byWord(hello, connection)
      },
    })
    answering(b)
    const a = world.peer('a', { credentials: async () => tokens.shift() as string })
    const link = a.connect('memory:b')
    await settle()
    expect([link.state, link.lastError?.code]).toEqual(['BACKOFF', 'AUTH'])
    await world.advance(49)
    expect(shown).toEqual(['stale'])
    await world.advance(1_000)
    expect(shown).toEqual(['stale', 'staler', 'sesame'])
    expect(link.state).toBe('READY')
    expect(await ask(a, 'x')).toBe('hello')
  })

  it.each<[what: string, credentials: () => string | Uint8Array]>([
    ['text', () => 'stale'],
    ['bytes', () => Uint8Array.of(1, 2, 3)],
  ])('from a function that has no others end the link: %s', async (_what, credentials) => {
    await world.server('b', { authenticate: byWord })
    const a = world.peer('a', { credentials })
    const link = a.connect('memory:b')
    await settle()
    const { dialCount } = world.transport
    await world.advance(100)
    expect([link.state, world.transport.dialCount]).toEqual(['CLOSED', dialCount])
    expect(link.lastError?.code).toBe('AUTH')
  })

  it('that cannot be had for a while and then are the refused ones end the link, with the refusal', async () => {
    await world.server('b', { authenticate: byWord })
    let asked = 0
    const a = world.peer('a', {
      credentials: () => {
        if (++asked === 2) throw new Error('the vault is sealed')
        return 'stale'
      },
    })
    const link = a.connect('memory:b')
    await world.advance(2_000)
    expect([asked, link.state, link.lastError?.code]).toEqual([3, 'CLOSED', 'AUTH'])
  })

  it('that were good and then are not are renewed', async () => {
    let token = 'sesame'
    const b = await world.server('b', { authenticate: ({ auth }) => auth === token && 'ada' })
    answering(b)
    const a = world.peer('a', { credentials: () => token })
    const link = a.connect('memory:b')
    expect(await ask(a, 'x')).toBe('hello')
    token = 'another'
    world.transport.last.cut()
    await world.advance(1_000)
    expect(link.state).toBe('READY')
    expect(await ask(a, 'x')).toBe('hello')
  })

  it('that were refused once may be shown again after others', async () => {
    const tokens = ['a', 'b', 'a']
    let valid = 'b'
    await world.server('b', { authenticate: ({ auth }) => auth === valid && auth })
    const a = world.peer('a', { credentials: () => tokens.shift() as string })
    const link = a.connect('memory:b')
    await world.advance(1_000)
    expect(link.state).toBe('READY')
    valid = 'a'
    world.transport.last.cut()
    await world.advance(1_000)
    expect([link.state, tokens]).toEqual(['READY', []])
  })

  it('that never come are a failed attempt after connectTimeoutMs, and asked for again', async () => {
    await world.server('b')
    let asked = 0
    const a = world.peer('a', {
      connectTimeoutMs: 2_000,
      credentials: () => (asked++ === 0 ? new Promise<string>(() => {}) : 'sesame'),
    })
    const link = a.connect('memory:b')
    await world.advance(1_999)
    expect(link.state).toBe('CONNECTING')
    await world.advance(1)
    expect(link.lastError).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    expect(link.lastError?.message).toBe('memory:b: no credentials within 2000 ms')
    expect(link.lastError?.hint).toMatch(/credentials/)
    await world.advance(100)
    expect([link.state, asked]).toEqual(['READY', 2])
  })

  it('that cannot be had are a failed attempt that says so', async () => {
    await world.server('b')
    const a = world.peer('a', { credentials: () => Promise.reject(new Error('the vault is sealed')) })
    const link = a.connect('memory:b')
    await settle()
    expect(link.state).toBe('BACKOFF')
    expect(link.lastError).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    expect(link.lastError?.message).toBe('memory:b: no credentials: the vault is sealed')
    expect(world.transport.dialCount).toBe(0)
  })

  it('that are none end the link; that are too long or none from the start are refused at once', async () => {
    const a = world.peer('a', { credentials: (() => 7) as unknown as () => string })
    const link = a.connect('memory:b')
    await settle()
    expect(link.state).toBe('CLOSED')
    expect(link.lastError).toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(thrown(() => a.connect('memory:b', { credentials: 'x'.repeat(70_000) }))).toMatchObject({
      code: 'METADATA_TOO_LARGE',
    })
    expect(thrown(() => a.connect('memory:b', { credentials: 7 as unknown as string }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
  })

  it('of a peer are not shown to those who dial it', async () => {
    const b = await world.server('b', { credentials: 'secret of b' })
    const { authenticate, asked } = hookToAnswer()
    const a = world.peer('a', { authenticate })
    a.connect('memory:b')
    await settle()
    expect(asked[0]?.hello.auth).toBeUndefined()
    asked[0]?.answer(true)
    await settle()
    expect(b.peers()).toHaveLength(1)
  })
})

describe('both sides', () => {
  it('ask, and are admitted', async () => {
    const b = world.peer('b', { authenticate: byWord })
    answering(b)
    await b.bind('memory:b', { credentials: 'signed: b' })
    const a = world.peer('a', {
      credentials: 'sesame',
      authenticate: async ({ auth }) => auth === 'signed: b' && 'the real b',
    })
    answering(a)
    await a.connect('memory:b').ready
    expect(await ask(a, 'x')).toBe('hello')
    expect(await ask(b, 'y')).toBe('hello')
    expect(a.peers()[0]?.identity).toBe('the real b')
    expect(b.peers()[0]?.identity).toEqual({ user: 'ada' })
  })

  it('a listener that is not who it should be gets no call, and is dialed again: it may be another one by then', async () => {
    const b = world.peer('b')
    const seen = answering(b)
    let proof = 'forged'
    await b.bind('memory:b', { credentials: () => proof })
    const a = world.peer('a', { authenticate: ({ auth }) => auth === 'signed: b' })
    const link = a.connect('memory:b')
    const asking = ask(a, 'x')
    await settle()
    expect([link.state, link.lastError?.code, link.lastError?.origin]).toEqual(['BACKOFF', 'AUTH', 'local'])
    expect(seen).toEqual([])
    proof = 'signed: b'
    await world.advance(100)
    expect(await asking).toBe('hello')
  })

  it('a listener whose proof fails or is a promise takes nobody, and its program hears why', async () => {
    const b = world.peer('b')
    const proofs: (() => string)[] = [
      () => {
        throw new Error('no key')
      },
      (() => Promise.resolve('late')) as unknown as () => string,
    ]
    await b.bind('memory:b', { credentials: () => (proofs.shift() ?? (() => 'fine'))() })
    const a = world.peer('a')
    const link = a.connect('memory:b')
    await world.advance(1_000)
    expect(link.state).toBe('READY')
    expect(world.reported).toMatchObject([
      { error: { message: 'no key' } },
      { error: { code: 'INVALID_ARGUMENT' } },
    ])
  })
})

describe('one target', () => {
  it('may ask otherwise than the peer', async () => {
    const b = world.peer('b', { authenticate: byWord })
    await b.bind('memory:closed')
    await b.bind('memory:open', { authenticate: false })
    await b.bind('memory:other', { authenticate: () => 'other' })
    const stranger = world.peer('a')
    const states = async (url: string): Promise<string> => {
      const link: Link = stranger.connect(url)
      await settle()
      return link.state
    }
    expect(await states('memory:closed')).toBe('CLOSED')
    expect(await states('memory:open')).toBe('READY')
    expect(await states('memory:other')).toBe('READY')
    expect(b.peers().map(({ identity }) => identity)).toEqual([undefined, 'other'])
  })

  it('may show other credentials, or none', async () => {
    const shown: unknown[] = []
    await world.server('b', { authenticate: ({ auth }) => shown.push(auth) })
    const a = world.peer('a', { credentials: 'of the peer' })
    a.connect('memory:b')
    await settle()
    a.connect('memory:b', { credentials: 'of the link' })
    await settle()
    a.connect('memory:b', { credentials: false })
    await settle()
    expect(shown).toEqual(['of the peer', 'of the link', undefined])
  })

  it('may have other limits, or a profile, which starts anew', async () => {
    const b = world.peer('b', { limits: { maxMessageBytes: 2_000_000 } })
    const announced: Record<string, unknown> = {}
    for (const [name, options] of Object.entries({
      plain: {},
      limits: { limits: { maxOpenChannels: 7 } },
      profile: { profile: 'public' as const, limits: { maxOpenChannels: 8 } },
    })) {
      await b.bind(`memory:${name}`, options)
      const a = world.peer(`a ${name}`)
      await a.connect(`memory:${name}`).ready
      const hello = [...a.peers()][0]?.connections[0]?.driver.session.remoteHello
      announced[name] = [hello?.maxMessageBytes, hello?.maxOpenChannels]
    }
    expect(announced).toEqual({
      plain: [2_000_000, 1_024],
      limits: [2_000_000, 7],
      profile: [1_048_576, 8],
    })
  })

  it('may reconnect otherwise', async () => {
    const a = world.peer('a')
    const link = a.connect('memory:nobody', { reconnect: false, connectTimeoutMs: 5 })
    await settle()
    expect(link.state).toBe('CLOSED')
  })

  it('announces the same instance, whatever else', async () => {
    const b = world.peer('b')
    await b.bind('memory:one')
    await b.bind('memory:two', { profile: 'public', authenticate: () => true })
    const a = world.peer('a')
    await Promise.all([a.connect('memory:one').ready, a.connect('memory:two').ready])
    expect(a.peers()).toHaveLength(1)
  })

  it('is told what makes no sense', async () => {
    const a = world.peer('a')
    for (const [options, name] of [
      [{ limits: { maxConnections: 5 } }, 'limits.maxConnections'],
      [{ limits: { maxChannels: 5 } }, 'maxChannels'],
      [{ limits: { maxFrameBytes: 5 } }, 'maxFrameBytes'],
      [{ profile: 'secure' }, 'profile'],
      [{ authenticate: 'sesame' }, 'authenticate'],
      [{ reconnect: { minMs: 1 } }, 'reconnect.minMs'],
      [{ connectTimeoutMs: 0 }, 'connectTimeoutMs'],
    ] as [ConnectOptions, string][]) {
      const error = thrown(() => a.connect('memory:b', options))
      expect([error.code, error.message], name).toEqual(['INVALID_ARGUMENT', expect.stringContaining(name)])
    }
    for (const options of [{ reconnect: false }, { connectTimeoutMs: 5 }]) {
      expect(await rejection(a.bind('memory:a', options))).toMatchObject({
        code: 'INVALID_ARGUMENT',
        hint: 'give it to connect',
      })
    }
    expect(
      thrown(() => world.peer('c', { authenticate: 'sesame' as unknown as Authenticate })).message,
    ).toContain('authenticate')
  })

  it('leaves the rest to the transport', async () => {
    const a = world.peer('a', { tls: { ca: 'x' } })
    await a.bind('memory:a', { origins: ['https://a.example'], limits: { maxOpenChannels: 7 } })
    expect(world.transport.listenOptions.at(-1)).toEqual({
      transport: { tls: { ca: 'x' }, origins: ['https://a.example'] },
    })
  })
})

describe('an id that several claim', () => {
  /** The hub knows people by their word; a peer may claim any id. */
  async function hub(): Promise<ChannelPeer> {
    return world.server('hub', { authenticate: ({ auth }) => (auth ? { user: auth } : false) })
  }

  async function named(id: string, credentials: string): Promise<ChannelPeer> {
    const peer = world.peer(id, { credentials })
    peer.accept('who', async (channel) => {
      await channel.send(credentials)
    })
    peer.connect('memory:hub')
    await settle()
    return peer
  }

  it('leads to the identity that has had it longest', async () => {
    const b = await hub()
    const ada = await named('pricing', 'ada')
    await named('pricing', 'mallory')
    expect(b.peers().map(({ id, identity }) => [id, identity])).toEqual([
      ['pricing', { user: 'ada' }],
      ['pricing', { user: 'mallory' }],
    ])
    for (let i = 0; i < 5; i++) expect(await ask(b, 'who', 'pricing')).toBe('ada')
    const byIdentity = b.open('who', {
      to: ({ identity }) => (identity as { user: string }).user === 'mallory',
    })
    byIdentity.end()
    expect(await collect(byIdentity)).toEqual(['mallory'])
    await ada.close()
    expect(await ask(b, 'who', 'pricing')).toBe('mallory')
  })

  it('is no restart, and is in the log', async () => {
    const lines: [string, object | undefined][] = []
    const logger = {
      debug() {},
      info() {},
      error() {},
      warn: (text: string, fields?: object) => lines.push([text, fields]),
    }
    const b = await world.server('hub', { authenticate: ({ auth }) => auth, logger })
    const restarts: unknown[] = []
    b.on('restart', ({ remote }) => restarts.push(remote.identity))
    await named('pricing', 'ada')
    await named('pricing', 'mallory')
    expect([restarts, lines]).toEqual([
      [],
      [['one id, several identities', { url: 'memory:hub', id: 'pricing' }]],
    ])
    await named('pricing', 'ada')
    expect(restarts).toEqual(['ada'])
  })

  it('leads to no stranger while somebody is known by it, whoever came first', async () => {
    const b = await hub()
    await b.bind('memory:open', { authenticate: false })
    const stranger = world.peer('pricing')
    stranger.accept('who', (channel) => channel.send('stranger'))
    stranger.connect('memory:open')
    await settle()
    expect(await ask(b, 'who', 'pricing')).toBe('stranger')
    await named('pricing', 'ada')
    for (let i = 0; i < 3; i++) expect(await ask(b, 'who', 'pricing')).toBe('ada')
  })

  it('with the same instance and another identity is another peer; with the same identity it is one', async () => {
    const b = await hub()
    const one = world.peer('pricing', { credentials: 'ada' })
    one.connect('memory:hub')
    await settle()
    one.connect('memory:hub', { credentials: 'mallory' })
    await settle()
    one.connect('memory:hub')
    await settle()
    expect(b.peers().map(({ identity, connections }) => [identity, connections.length])).toEqual([
      [{ user: 'ada' }, 2],
      [{ user: 'mallory' }, 1],
    ])
    expect(new Set(b.peers().map(({ instance }) => instance)).size).toBe(1)
  })

  it('keeps identities that are objects of a class apart', async () => {
    class User {}
    const b = await world.server('hub', { authenticate: () => new User() })
    const one = world.peer('pricing')
    one.connect('memory:hub')
    one.connect('memory:hub')
    await settle()
    expect(b.peers()).toHaveLength(2)
  })
})

function nothingCalled(): never {
  throw new Error('nonsense')
}
