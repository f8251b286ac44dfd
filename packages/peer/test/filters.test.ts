// Filters see every channel of both directions: they change, measure and refuse. Without them nothing is paid.
import { CallError, Headers, PeerplexError } from '@peerplex/wire'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ChannelOutcome, type Filter, type FilterOpen, MutableHeaders } from '../src/index.js'
import { collect, echo, isPending, settle, thrown, World } from './support.js'

let world: World

beforeEach(() => {
  world = new World()
})

afterEach(async () => {
  await world.close()
})

/** A filter that writes down what it sees. */
function recorder(lines: string[], label: string): Filter {
  return async (open, next) => {
    lines.push(`${label} ${open.direction} ${open.name} ${open.remote?.id}`)
    const outcome = await next()
    lines.push(`${label} ${outcome.code} ${outcome.delivery} ${open.remote?.id}`)
    return outcome
  }
}

describe('a filter of the opening side', () => {
  it('sees the open and its outcome, the first added outermost', async () => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    const lines: string[] = []
    a.use(recorder(lines, 'outer'))
    a.use(recorder(lines, 'inner'))
    const channel = a.open('x')
    channel.send('through')
    channel.end()
    expect(await collect(channel)).toEqual(['through'])
    await settle()
    expect(lines).toEqual([
      'outer out x undefined',
      'inner out x undefined',
      'inner OK processed b',
      'outer OK processed b',
    ])
  })

  it('changes name, headers and deadline', async () => {
    const { a, b } = await world.pair()
    const seen: string[] = []
    b.accept('new.name', (channel) => {
      seen.push(channel.name, ...[...channel.headers].map(([key, value]) => `${key}=${value}`))
      return channel.closed
    })
    a.use(async (open, next) => {
      open.name = `new.${open.name}`
      open.headers.set('x-a', '2').append('x-b', '3').delete('x-c')
      open.timeoutMs = 100
      await next()
    })
    const channel = a.open('name', { headers: { 'x-a': ['0', '1'], 'x-c': 'gone' }, timeoutMs: 1_000 })
    await world.advance(100)
    expect((await channel.closed).code).toBe('DEADLINE_EXCEEDED')
    expect(seen).toEqual(['new.name', 'x-a=2', 'x-b=3'])
    a.use(async (open, next) => {
      open.timeoutMs = 0
      await next()
    })
    const endless = a.open('name', { timeoutMs: 50 })
    await world.advance(1_000)
    expect(await isPending(endless.closed)).toBe(true)
    endless.reset()
  })

  it('may take its time; what is sent meanwhile is held', async () => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    a.use(async (_open, next) => {
      await settle()
      return next()
    })
    const channel = a.open('x')
    channel.send('early')
    channel.end()
    expect(channel.bufferedBytes).toBeGreaterThan(0)
    expect(await collect(channel)).toEqual(['early'])
  })

  it('refuses by throwing, before anything is sent', async () => {
    const { a, b } = await world.pair()
    let count = 0
    b.accept('x', () => count++)
    for (const error of [
      new CallError('PERMISSION_DENIED', 'not you', { hint: 'ask' }),
      new Error('plain'),
    ]) {
      const undo = a.use(() => {
        throw error
      })
      const outcome = await a.open('x').closed
      const code = error instanceof PeerplexError ? error.code : 'UNKNOWN'
      expect(outcome).toMatchObject({ code, message: error.message, delivery: 'not-sent', origin: 'local' })
      undo()
    }
    await settle()
    expect(count).toBe(0)
    expect((await a.open('x').closed).code).toBe('OK')
  })

  it('refuses by an outcome of its own; saying nothing at all is an error', async () => {
    const { a } = await world.pair()
    const answers: [Filter, string, RegExp][] = [
      [async () => ({ code: 'RESOURCE_EXHAUSTED', message: 'slow down' }), 'RESOURCE_EXHAUSTED', /slow down/],
      [async () => ({ code: 'NOT_FOUND' }), 'NOT_FOUND', /a filter refused it with NOT_FOUND/],
      [async () => ({ code: 'OK' }), 'FAILED_PRECONDITION', /OK/],
      [async () => {}, 'FAILED_PRECONDITION', /neither called next/],
      [
        async (_open, next) => {
          next()
          next()
        },
        'UNIMPLEMENTED',
        /no handler/,
      ],
    ]
    for (const [filter, code, message] of answers) {
      const undo = a.use(filter)
      const outcome = await a.open('x').closed
      expect(outcome.code).toBe(code)
      expect(outcome.message).toMatch(message)
      undo()
    }
    await settle()
    // The second call of next() was reported: the open had gone out.
    expect(world.reported).toMatchObject([{ error: { code: 'FAILED_PRECONDITION' } }])
  })

  it('hears of a refusal of a later one as what that threw', async () => {
    const { a } = await world.pair()
    const heard: unknown[] = []
    a.use(async (_open, next) => {
      try {
        await next()
      } catch (error) {
        heard.push((error as PeerplexError).code)
        throw error
      }
    })
    a.use(() => {
      throw new PeerplexError('ABORTED', 'no')
    })
    expect((await a.open('x').closed).code).toBe('ABORTED')
    expect(heard).toEqual(['ABORTED'])
  })

  it('that does not look at what next() rejects with harms nobody', async () => {
    const { a } = await world.pair()
    a.use(async (_open, next) => {
      next().catch(() => {})
      return { code: 'ABORTED' }
    })
    a.use(() => {
      throw new PeerplexError('NOT_FOUND', 'no')
    })
    expect((await a.open('x').closed).code).toBe('ABORTED')
  })

  it('whose after-work throws is reported; the channel is not touched', async () => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    const defect = new Error('metrics')
    a.use(async (_open, next) => {
      await next()
      throw defect
    })
    const channel = a.open('x')
    channel.end()
    expect((await channel.closed).code).toBe('OK')
    await settle()
    expect(world.reported).toMatchObject([{ error: defect, name: 'x' }])
  })

  it('that never goes on is ended by the deadline, a reset, and the end of the peer', async () => {
    const { a } = await world.pair()
    const outcomes: (ChannelOutcome | undefined)[] = []
    const resume: (() => Promise<ChannelOutcome>)[] = []
    a.use((_open, next) => {
      resume.push(next)
      return new Promise(() => {})
    })
    const late = a.open('x', { timeoutMs: 100 })
    const cancelled = a.open('x', { timeoutMs: 100 })
    const orphan = a.open('x')
    cancelled.reset()
    expect(await cancelled.closed).toMatchObject({ code: 'CANCELLED', delivery: 'not-sent' })
    await world.advance(100)
    expect((await late.closed).message).toMatch(/the filters took longer than 100 ms/)
    // Too late: it is over.
    for (const next of resume.slice(0, 2)) outcomes.push(await next())
    expect(outcomes.map((outcome) => outcome?.code)).toEqual(['DEADLINE_EXCEEDED', 'CANCELLED'])
    const dropped = a.open('x')
    dropped.reset('ABORTED')
    await a.close()
    expect((await dropped.closed).code).toBe('ABORTED')
    expect(await orphan.closed).toMatchObject({ code: 'UNAVAILABLE', delivery: 'not-sent' })
  })

  it('hears of the end of what waited and was given up, refused or failed', async () => {
    const a = world.peer('a', { queue: { maxCalls: 1 } })
    const lines: string[] = []
    a.use(recorder(lines, 'f'))
    const waiting = a.open('1')
    const refused = a.open('2')
    await refused.closed
    waiting.reset('ABORTED')
    await settle()
    expect(lines.slice(2)).toEqual([
      'f RESOURCE_EXHAUSTED not-sent undefined',
      'f ABORTED not-sent undefined',
    ])
  })

  it('hears of the last attempt only when an open is repeated', async () => {
    const { a, b } = await world.pair()
    const lines: string[] = []
    a.use(recorder(lines, 'f'))
    let tries = 0
    b.handleChannels('x', (channel) => {
      if (++tries < 3) channel.refuse(14, 'busy')
      else {
        channel.accept({ onMessage() {} })
        channel.end()
        channel.settle()
      }
    })
    const channel = a.open('x')
    channel.end()
    await channel.closed
    await settle()
    expect(lines).toEqual(['f out x undefined', 'f OK processed b'])
    expect(tries).toBe(3)
  })
})

describe('a filter of the accepting side', () => {
  it('sees the channel before its handler, with identity and remote; headers can be changed', async () => {
    const { a, b } = await world.pair()
    const lines: string[] = []
    const [remote] = b.peers()
    if (remote !== undefined) remote.identity = { user: 'ada' }
    b.use(async (open: FilterOpen, next) => {
      lines.push(`${open.direction} ${(open.identity as { user: string }).user} ${open.timeoutMs}`)
      open.headers.append('x-seen', 'yes')
      const outcome = await next()
      lines.push(`${outcome.code} ${outcome.origin}`)
    })
    b.accept('x', async (channel) => {
      lines.push(`handler ${channel.headers.get('x-seen')}`)
      for await (const message of channel) await channel.send(message)
    })
    const channel = a.open('x', { timeoutMs: 5_000 })
    channel.send('through')
    channel.end()
    expect(await collect(channel)).toEqual(['through'])
    await settle()
    expect(lines).toEqual(['in ada 5000', 'handler yes', 'OK remote'])
  })

  it('refuses with its code, and the other side knows that nothing ran', async () => {
    const { a, b } = await world.pair()
    let count = 0
    b.accept('x', () => count++)
    const cases: [Filter, object][] = [
      [
        () => {
          throw new CallError('PERMISSION_DENIED', 'not you', { hint: 'log in' })
        },
        { code: 'PERMISSION_DENIED', message: 'not you', hint: 'log in' },
      ],
      [
        async () => ({ code: 'RESOURCE_EXHAUSTED', message: 'slow down' }),
        { code: 'RESOURCE_EXHAUSTED', message: 'slow down' },
      ],
      [
        () => {
          throw new Error('at /srv/app/filter.js')
        },
        { code: 'UNKNOWN', message: 'at …' },
      ],
    ]
    for (const [filter, outcome] of cases) {
      const undo = b.use(filter)
      expect(await a.open('x').closed).toMatchObject({
        ...outcome,
        delivery: 'not-processed',
        origin: 'remote',
      })
      undo()
    }
    expect(count).toBe(0)
    expect(world.reported).toHaveLength(1)
  })

  it('that takes its time keeps messages waiting, and hears when the channel is gone meanwhile', async () => {
    const { a, b } = await world.pair()
    const lines: string[] = []
    let go = (): void => {}
    b.accept('x', echo)
    b.use(async (_open, next) => {
      await new Promise<void>((resolve) => (go = resolve))
      const outcome = await next()
      lines.push(outcome.code)
    })
    const channel = a.open('x')
    channel.send('patience')
    channel.end()
    await settle()
    go()
    expect(await collect(channel)).toEqual(['patience'])
    const gone = a.open('x')
    await settle()
    gone.reset()
    await settle()
    go()
    await world.advance(1_000)
    expect(lines).toEqual(['OK', 'CANCELLED'])
    expect(b.stats().connections[0]).toMatchObject({ openSlotsTaken: 0, unreadBytes: 0 })
  })

  it('hears of the end however the owner of the channel decides', async () => {
    const { a, b } = await world.pair()
    const codes: string[] = []
    b.use(async (_open, next) => {
      codes.push((await next()).code)
    })
    b.handleChannels('refuse', (channel) => channel.refuse(7, 'no'))
    b.handleChannels('throw', () => {
      throw new Error('below')
    })
    b.handleChannels('late', (channel) => {
      channel.accept({ onMessage() {} })
      throw new Error('after accept')
    })
    b.accept('stop', async (channel) => {
      while (channel.writable) {
        await channel.send('x'.repeat(50_000))
        await settle()
      }
    })
    expect((await a.open('refuse').closed).code).toBe('PERMISSION_DENIED')
    expect(await a.open('throw').closed).toMatchObject({ code: 'UNKNOWN', delivery: 'processed' })
    expect((await a.open('late').closed).code).toBe('UNKNOWN')
    const channel = a.open('stop')
    for await (const _ of channel) break
    channel.end()
    await channel.closed
    await settle()
    expect(codes).toEqual(['PERMISSION_DENIED', 'OK'])
    expect(world.reported).toMatchObject([{ name: 'throw' }, { name: 'late' }])
  })

  it('whose after-work throws is reported', async () => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    b.use(async (_open, next) => {
      await next()
      throw new PeerplexError('INTERNAL', 'metrics')
    })
    const channel = a.open('x')
    channel.end()
    await channel.closed
    await settle()
    expect(world.reported).toMatchObject([{ peer: 'b', error: { message: 'metrics' } }])
  })

  it('does not see names that nobody handles', async () => {
    const { a, b } = await world.pair()
    const seen: string[] = []
    b.use(async (open, next) => {
      seen.push(open.name)
      await next()
    })
    expect((await a.open('nobody').closed).code).toBe('UNIMPLEMENTED')
    expect(seen).toEqual([])
  })

  it('sees a failure of a channel that still has messages to read', async () => {
    const { a, b } = await world.pair()
    const codes: string[] = []
    b.use(async (_open, next) => {
      codes.push((await next()).code)
    })
    b.accept('x', async (channel) => {
      await channel.closed
      throw new PeerplexError('ABORTED', 'clean-up')
    })
    const channel = a.open('x')
    channel.send('never read')
    await settle()
    world.transport.last.cut()
    await settle()
    expect(codes).toHaveLength(1)
  })
})

describe('without filters', () => {
  it('a filter that was taken away is not asked', async () => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    const undo = a.use(() => {
      throw new Error('never')
    })
    undo()
    const channel = a.open('x')
    // Assigned within the call: no promise in between.
    expect(channel.remote?.id).toBe('b')
    channel.end()
    expect((await channel.closed).code).toBe('OK')
    expect(thrown(() => a.use('no' as never)).code).toBe('INVALID_ARGUMENT')
  })
})

describe('MutableHeaders', () => {
  it('reads like Headers and keeps untouched values byte by byte', () => {
    const original = Headers.from([
      ['x-a', '1'],
      ['x-a', '2'],
      ['x-data-bin', Uint8Array.of(0, 255)],
    ])
    const headers = new MutableHeaders(original)
    expect(headers.toHeaders()).toBe(original)
    expect(headers.size).toBe(3)
    expect(headers.getAll('x-a')).toEqual(['1', '2'])
    expect(headers.getBytes('x-data-bin')).toEqual(Uint8Array.of(0, 255))
    expect(headers.delete('x-none').toHeaders()).toBe(original)
    headers.append('x-b', 'new').set('x-a', 'only').delete('x-b')
    expect(headers.has('x-b')).toBe(false)
    expect([...headers]).toEqual([
      ['x-data-bin', Uint8Array.of(0, 255)],
      ['x-a', 'only'],
    ])
    expect(thrown(() => headers.set('BAD KEY', 'x')).code).toBe('INVALID_ARGUMENT')
    expect(new MutableHeaders().get('x')).toBeUndefined()
  })
})
