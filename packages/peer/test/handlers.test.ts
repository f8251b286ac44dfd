// Who answers a channel, and what the end of its handler means for it.
import { CallError } from '@peerplex/wire'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PeerChannel } from '../src/index.js'
import {
  codecSet,
  collect,
  echo,
  isPending,
  JSON_CODEC,
  rejection,
  settle,
  TEXT,
  thrown,
  World,
} from './support.js'

let world: World

beforeEach(() => {
  world = new World()
})

afterEach(async () => {
  await world.close()
})

describe('a handler', () => {
  it('that returns without ending ends the output; what it did not read is dropped', async () => {
    const { a, b } = await world.pair()
    b.accept('sync', (channel) => {
      channel.send('bye')
    })
    b.accept('async', async (channel) => {
      await channel.send('bye')
    })
    for (const name of ['sync', 'async']) {
      const channel = a.open(name)
      channel.send('never read')
      expect(await collect(channel)).toEqual(['bye'])
      await settle()
      expect(channel.writable).toBe(false)
      expect((await channel.closed).code).toBe('OK')
    }
    expect(b.stats().connections[0]).toMatchObject({ openChannels: 0, openSlotsTaken: 0, unreadBytes: 0 })
  })

  it('that returns with complete input unread leaves no memory behind', async () => {
    const { a, b } = await world.pair()
    b.accept('x', async (channel) => {
      await settle()
      channel.send('done')
    })
    const channel = a.open('x')
    for (let i = 0; i < 100; i++) channel.send('unread')
    channel.end()
    expect(await collect(channel)).toEqual(['done'])
    await settle()
    expect(b.stats().connections[0]).toMatchObject({ openChannels: 0, openSlotsTaken: 0, unreadBytes: 0 })
  })

  it('that throws or rejects with a CallError ends the channel with its code, message, hint and details', async () => {
    const { a, b } = await world.pair()
    const error = new CallError('NOT_FOUND', 'no such log', { hint: 'create it', details: [1, 2] })
    b.accept('throws', () => {
      throw error
    })
    b.accept('rejects', async () => {
      await settle()
      throw error
    })
    for (const name of ['throws', 'rejects']) {
      const channel = a.open(name)
      const failure = await rejection(collect(channel))
      expect(failure).toMatchObject({
        name: 'CallError',
        code: 'NOT_FOUND',
        message: 'no such log',
        hint: 'create it',
        details: [1, 2],
        origin: 'remote',
        delivery: 'processed',
        remote: 'b',
      })
      expect(await channel.closed).toMatchObject({
        code: 'NOT_FOUND',
        message: 'no such log',
        hint: 'create it',
      })
    }
    expect(world.reported).toEqual([])
  })

  it('that fails otherwise ends it with UNKNOWN and the first line of the message, without paths', async () => {
    const { a, b } = await world.pair()
    const errors: unknown[] = [
      new Error('cannot open /opt/someone/secret.txt\n    at run (/srv/app/main.js:3)'),
      new Error("no module 'C:\\Users\\me\\x.js' at file:///srv/x.js"),
      'thrown text',
      undefined,
    ]
    let next: unknown
    b.accept('x', async () => {
      throw next
    })
    const messages: string[] = []
    for (next of errors) {
      const outcome = await a.open('x').closed
      expect(outcome.code).toBe('UNKNOWN')
      messages.push(outcome.message)
    }
    expect(messages).toEqual(['cannot open …', "no module '…' at …", 'thrown text', 'undefined'])
    expect(world.reported.map(({ error }) => error)).toEqual(errors)
  })

  it('whose error details cannot be encoded still tells code and message', async () => {
    const { a, b } = await world.pair()
    b.accept('x', () => {
      throw new CallError('NOT_FOUND', 'm'.repeat(5_000), { details: 1n })
    })
    const outcome = await a.open('x').closed
    expect(outcome).toMatchObject({ code: 'NOT_FOUND', message: 'm'.repeat(1_000) })
    expect(world.reported).toHaveLength(1)
  })

  it('that throws after the channel was reset is not reported for the reason it was given', async () => {
    const { a, b } = await world.pair()
    b.accept('x', async (channel) => {
      for await (const _ of channel) {
        // Only waiting.
      }
    })
    const channel = a.open('x')
    await settle()
    channel.reset()
    // The slot of a channel that was reset before it was answered returns with a delay.
    await world.advance(1_000)
    expect(world.reported).toEqual([])
    expect(b.stats().connections[0]).toMatchObject({ openChannels: 0, openSlotsTaken: 0 })
  })

  it('that throws something else after a reset is reported', async () => {
    const { a, b } = await world.pair()
    const defect = new Error('clean-up failed')
    b.accept('x', async (channel) => {
      await channel.closed
      throw defect
    })
    const channel = a.open('x')
    await settle()
    channel.reset()
    await settle()
    expect(world.reported).toMatchObject([{ error: defect }])
  })

  it('that never ends keeps its slot, also when the other side has given up', async () => {
    const { a, b } = await world.pair({}, { limits: { maxOpenChannels: 1 } })
    let release = (): void => {}
    b.accept('stuck', () => new Promise<void>((resolve) => (release = resolve)))
    b.accept('echo', echo)
    const stuck = a.open('stuck')
    await settle()
    stuck.reset()
    const channel = a.open('echo')
    channel.end()
    await world.advance(3_000)
    expect(await isPending(channel.closed)).toBe(true)
    release()
    await world.advance(1_000)
    expect((await channel.closed).code).toBe('OK')
  })

  it('may leave its channel to callbacks; it is settled when the channel ends', async () => {
    const { a, b } = await world.pair()
    b.accept('x', (channel) => {
      channel.onMessage = (message) => channel.send(message)
      channel.onEnd = () => channel.end()
    })
    const channel = a.open('x')
    await settle()
    channel.send(1)
    await settle()
    channel.send(2)
    channel.end()
    expect(await collect(channel)).toEqual([1, 2])
    await settle()
    expect(b.stats().connections[0]).toMatchObject({ openChannels: 0, openSlotsTaken: 0 })
  })

  it('whose loop is left early stops the other side', async () => {
    const { a, b } = await world.pair()
    b.accept('x', async (channel) => {
      for await (const _ of channel) break
      await channel.send('enough')
    })
    const channel = a.open('x')
    let sent = 0
    while (channel.writable && sent < 1_000) {
      await channel.send(sent++)
      await settle()
    }
    expect(sent).toBeLessThan(10)
    expect(await collect(channel)).toEqual(['enough'])
  })

  it('is not called for a channel that is gone before it was accepted', async () => {
    const { a, b } = await world.pair()
    let count = 0
    b.accept('x', () => count++)
    const channel = a.open('x')
    channel.reset()
    expect(await channel.closed).toMatchObject({ code: 'CANCELLED' })
    await settle()
    expect(count).toBeLessThanOrEqual(1)
  })
})

describe('names', () => {
  it('exact beats wildcard, then the longest literal prefix, then one part beats the rest', async () => {
    const { a, b } = await world.pair()
    const answer = (text: string) => (channel: PeerChannel) => void channel.send(text)
    b.accept('**', answer('all'))
    b.accept('log.**', answer('log.**'))
    b.accept('log.*', answer('log.*'))
    b.accept('log.app.*', answer('log.app.*'))
    b.accept('log.*.tail', answer('log.*.tail'))
    const undo = b.accept('log.tail', answer('exact'))
    const ask = async (name: string): Promise<unknown> => (await collect(a.open(name)))[0]
    expect(await ask('log.tail')).toBe('exact')
    expect(await ask('log.head')).toBe('log.*')
    expect(await ask('log.app.x')).toBe('log.app.*')
    expect(await ask('log.a.b.c')).toBe('log.**')
    expect(await ask('other')).toBe('all')
    undo()
    expect(await ask('log.tail')).toBe('log.*')
  })

  it('the same name twice is a UsageError, as is what is no name', () => {
    const a = world.peer('a')
    const undo = a.accept('x', echo)
    a.accept('x.*', echo)
    expect(thrown(() => a.accept('x', echo))).toMatchObject({ name: 'UsageError', code: 'ALREADY_EXISTS' })
    expect(thrown(() => a.accept('x.*', echo)).code).toBe('ALREADY_EXISTS')
    undo()
    undo()
    a.accept('x', echo)
    for (const name of ['', '~x', 'a.**.b', 'a*', 'a\nb']) {
      expect(thrown(() => a.accept(name, echo)).code, name).toBe('INVALID_ARGUMENT')
    }
  })

  it('an unknown name fails at once, says where, and what may have been meant', async () => {
    const { a, b } = await world.pair()
    b.accept('math.add', echo)
    const channel = a.open('math.ad')
    const error = await rejection(collect(channel))
    expect(error).toMatchObject({
      code: 'UNIMPLEMENTED',
      delivery: 'not-processed',
      retryable: true,
      origin: 'remote',
    })
    expect(error.message).toBe("no handler for 'math.ad' at peer b (memory:b); did you mean 'math.add'?")
    const far = await a.open('quite.different').closed
    expect(far.message).toBe("no handler for 'quite.different' at peer b (memory:b)")
  })
})

describe('codecs', () => {
  it('the first of the opener that the other side has', async () => {
    const { a, b } = await world.pair(
      { codecSet: codecSet([JSON_CODEC, TEXT]) },
      { codecSet: codecSet([TEXT]) },
    )
    b.accept('x', echo)
    const channel = a.open('x')
    channel.send('hello')
    channel.end()
    expect(await collect(channel)).toEqual(['hello'])
    expect(channel.codec).toBe('text')
  })

  it('one that the other side lacks fails with both lists', async () => {
    const { a, b } = await world.pair({}, { codecSet: codecSet([TEXT]) })
    b.accept('x', echo)
    const channel = a.open('x', { codec: 'json' })
    const outcome = await channel.closed
    expect(outcome).toMatchObject({ code: 'UNSUPPORTED_CODEC', delivery: 'not-sent' })
    expect(outcome.message).toMatch(/ours json,text,raw; theirs text/)
  })

  it('one that nobody has fails at once, and sending says so', async () => {
    const a = world.peer('a')
    const channel = a.open('x', { codec: 'yaml' })
    expect(thrown(() => channel.send(1)).code).toBe('UNSUPPORTED_CODEC')
    expect((await channel.closed).code).toBe('UNSUPPORTED_CODEC')
  })

  it('one that is announced but not there is refused with the list', async () => {
    const liar = { ...codecSet([TEXT]), announce: () => 'json,text' }
    const { a, b } = await world.pair({}, { codecSet: liar })
    b.accept('x', echo)
    const outcome = await a.open('x').closed
    expect(outcome).toMatchObject({ code: 'UNSUPPORTED_CODEC', delivery: 'not-processed', origin: 'remote' })
    expect(outcome.message).toMatch(/no codec with id 1/)
  })

  it('held messages are encoded anew for a connection that lacks the first choice', async () => {
    const b = await world.server('b', { codecSet: codecSet([TEXT]) })
    b.accept('x', echo)
    const a = world.peer('a')
    const channel = a.open('x')
    expect(channel.codec).toBe('')
    channel.send('held', { headers: { 'x-n': '1' } })
    channel.end()
    a.connect('memory:b')
    expect(await collect(channel)).toEqual(['held'])
    expect(channel.codec).toBe('text')
  })

  it('held messages that the other codec cannot carry end the channel', async () => {
    const strict = {
      ...TEXT,
      encode: (value: unknown) => (typeof value === 'string' ? TEXT.encode(value) : fail()),
    }
    const fail = (): never => {
      throw new TypeError('text only')
    }
    const b = await world.server('b', { codecSet: codecSet([TEXT]) })
    b.accept('x', echo)
    const a = world.peer('a', { codecSet: codecSet([JSON_CODEC, strict]) })
    const channel = a.open('x')
    channel.send({ not: 'text' })
    a.connect('memory:b')
    expect(await channel.closed).toMatchObject({ code: 'UNKNOWN', message: 'text only', origin: 'local' })
  })
})
