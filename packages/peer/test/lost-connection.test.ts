// A connection breaks: what was not sent goes elsewhere, in order; what was sent fails with what is known of it.
import { Headers, type Outcome } from '@peerplex/wire'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PeerChannel } from '../src/index.js'
import type { OpenRequest, OpenSpec, RequestSink } from '../src/internal.js'
import { bytes, collect, echo, isPending, settle, World } from './support.js'

let world: World

beforeEach(() => {
  world = new World()
})

afterEach(async () => {
  await world.close()
})

describe('a connection that is cut', () => {
  it('sends what never left to the next one, in order, with all that was sent on it', async () => {
    const { a, b } = await world.pair()
    const got: string[] = []
    b.accept('**', async (channel: PeerChannel<string>) => {
      for await (const message of channel) got.push(`${channel.name}:${message}`)
    })
    const connection = world.transport.last
    connection.block()
    const sent = a.open('sent')
    sent.send('lost')
    await settle()
    // The connection has asked to wait: these stay here.
    const held = ['1', '2', '3'].map((name) => {
      const channel = a.open(name)
      channel.send('first', { headers: { 'x-a': '1' } })
      return channel
    })
    await settle()
    for (const channel of held) {
      channel.send('second')
      channel.end({ 'x-t': '1' })
    }
    await settle()
    connection.cut()
    expect(await sent.closed).toMatchObject({ code: 'UNAVAILABLE', delivery: 'unknown', origin: 'local' })
    expect(held.map(({ remote }) => remote)).toEqual([null, null, null])
    await settle()
    expect(a.stats().queue).toMatchObject({ queuedCalls: 3, retriedCalls: 3 })
    const late = a.open('late')
    late.send('behind')
    await world.advance(100)
    late.end()
    for (const channel of [...held, late]) expect((await channel.closed).code).toBe('OK')
    const firsts = got.filter((line) => !line.endsWith('second'))
    expect(firsts).toEqual(['sent:lost', '1:first', '2:first', '3:first', 'late:behind'])
    for (const name of ['1', '2', '3']) {
      expect(got.filter((line) => line.startsWith(name))).toEqual([`${name}:first`, `${name}:second`])
    }
    expect(a.stats().queue.queuedBytes).toBe(0)
  })

  it('keeps the deadline and the callbacks of what waits again', async () => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    const connection = world.transport.last
    connection.block()
    a.open('x').reset()
    await settle()
    const channel = a.open('x', { timeoutMs: 200 })
    const heard: unknown[] = []
    channel.onMessage = (message) => heard.push(message)
    channel.send('again')
    const late = a.open('x', { timeoutMs: 49 })
    await settle()
    connection.cut()
    await world.advance(50)
    expect(heard).toEqual(['again'])
    expect(await late.closed).toMatchObject({ code: 'DEADLINE_EXCEEDED', delivery: 'not-sent' })
    channel.reset()
  })

  it('goes to another peer at once when there is one', async () => {
    const { a, b } = await world.pair()
    const connection = world.transport.last
    const c = await world.server('c')
    await a.connect('memory:c').ready
    await settle()
    b.accept('x', echo)
    c.accept('x', echo)
    connection.block()
    const sent = a.open('x', { to: 'b' })
    await settle()
    const [first, second] = [a.open('x'), a.open('x')]
    const waiting = [first, second].find(({ remote }) => remote?.id === 'b') as PeerChannel
    waiting.send('moved')
    waiting.end()
    connection.cut()
    expect(await collect(waiting)).toEqual(['moved'])
    expect(waiting.remote?.id).toBe('c')
    expect((await sent.closed).delivery).toBe('unknown')
  })

  it('repeats what is declared harmless and has sent nothing that is gone', async () => {
    const { a, b } = await world.pair()
    const attempts: (number | undefined)[] = []
    b.accept('x', (channel) => {
      attempts.push(channel.headers.getNumber('attempt'))
      return channel.closed
    })
    const [harmless, other] = [a.open('x', { idempotent: true }), a.open('x')]
    await settle()
    world.transport.last.cut()
    expect((await other.closed).delivery).toBe('unknown')
    await world.advance(100)
    expect(harmless.remote?.id).toBe('b')
    expect(attempts).toEqual([undefined, undefined, 1])
    harmless.reset()
  })

  it('is honest about channels whose output was read, and about those that were', async () => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    const [read, unread] = [a.open('x'), a.open('x')]
    read.send(1)
    unread.send(1)
    const iterator = read[Symbol.asyncIterator]()
    await iterator.next()
    await settle()
    world.transport.last.cut()
    expect((await read.closed).delivery).toBe('processed')
    expect((await unread.closed).delivery).toBe('unknown')
    unread.stop()
  })

  it('tells the handlers of the other side', async () => {
    const { a, b } = await world.pair()
    const reasons: unknown[] = []
    b.accept('x', async (channel) => {
      const { signal } = channel
      await channel.closed
      reasons.push(signal.reason)
    })
    a.open('x')
    await settle()
    world.transport.last.cut()
    await settle()
    expect(reasons).toMatchObject([{ code: 'UNAVAILABLE', origin: 'local' }])
  })

  it('fails what does not want to wait', async () => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    const connection = world.transport.last
    connection.block()
    a.open('x').reset()
    await settle()
    const channel = a.open('x', { waitForReady: false })
    await settle()
    connection.cut()
    expect(await channel.closed).toMatchObject({ code: 'UNAVAILABLE', delivery: 'not-sent' })
  })

  it('settles what waits again when the peer is closed in the same turn, or the channel is', async () => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    const connection = world.transport.last
    connection.block()
    a.open('x').reset()
    await settle()
    const [first, second] = [a.open('x'), a.open('x')]
    await settle()
    connection.cut()
    second.reset()
    const closing = a.close()
    expect(await first.closed).toMatchObject({ code: 'UNAVAILABLE', delivery: 'not-sent' })
    expect((await second.closed).code).toBe('CANCELLED')
    await closing
  })
})

describe('a refusal', () => {
  it('is overcome elsewhere when nothing was sent that is not held', async () => {
    const { a, b } = await world.pair()
    const c = await world.server('c')
    await a.connect('memory:c').ready
    await settle()
    let tries = 0
    b.handleChannels('x', (channel) => {
      tries++
      channel.refuse(14, 'busy')
    })
    c.accept('x', echo)
    const channel = a.open('x', { headers: { 'x-a': '1' } })
    expect(channel.remote?.id).toBe('b')
    channel.send('with me')
    channel.end()
    expect(await collect(channel)).toEqual(['with me'])
    expect(channel.remote?.id).toBe('c')
    expect(tries).toBe(1)
  })

  it('is tried three times in all', async () => {
    const { a, b } = await world.pair()
    let tries = 0
    b.handleChannels('x', (channel) => {
      tries++
      channel.refuse(14, 'busy')
    })
    const channel = a.open('x')
    expect(await channel.closed).toMatchObject({
      code: 'UNAVAILABLE',
      delivery: 'not-processed',
      message: 'busy',
    })
    expect(tries).toBe(3)
  })

  it('is final when something was sent that is gone', async () => {
    const { a, b } = await world.pair()
    let refuse = (): void => {}
    let tries = 0
    b.handleChannels('x', (channel) => {
      tries++
      refuse = () => channel.refuse(14, 'busy')
    })
    const channel = a.open('x')
    channel.send('one')
    await settle()
    channel.send('two')
    await settle()
    refuse()
    expect(await channel.closed).toMatchObject({ code: 'UNAVAILABLE', origin: 'remote' })
    expect(tries).toBe(1)
  })

  it('is final when more was sent than a repetition may cost', async () => {
    const { a, b } = await world.pair()
    let tries = 0
    b.handleChannels('x', (channel) => {
      tries++
      channel.refuse(14, 'busy')
    })
    const channel = a.open('x', { codec: 'raw' })
    channel.send(bytes(300_000))
    expect(await channel.closed).toMatchObject({ delivery: 'not-processed' })
    expect(tries).toBe(1)
  })
})

describe('a request of the layer above', () => {
  it('is settled by its sink, and retried as often as that wants', async () => {
    const { a, b } = await world.pair()
    b.handleChannels('x', (channel) => channel.refuse(32, 'full'))
    const outcomes: Outcome[] = []
    let request: OpenRequest | null = null
    const done = new Promise<void>((resolve) => {
      const spec: OpenSpec = {
        name: 'x',
        codec: undefined,
        headers: Headers.EMPTY,
        timeoutMs: 0,
        isLast: true,
        isOneway: false,
        isIdempotent: true,
        windowBytes: 16_384,
        windowMessages: 1,
        to: undefined,
        routeKey: undefined,
        waitForReady: true,
        hasMessage: true,
      }
      const sink: RequestSink = {
        encodeFirst: (codec) => codec.encode([1, 2]),
        onMessage() {},
        onFailed() {},
        onAssigned: (assigned) => {
          request = assigned
        },
        onClose: (outcome) => {
          outcomes.push(outcome)
          if (a.retry(request as OpenRequest, outcome)) return
          a.settle(request as OpenRequest, true)
          resolve()
        },
      }
      a.submit(spec, sink)
    })
    await done
    expect(outcomes.map(({ name }) => name)).toEqual(['REFUSED', 'REFUSED', 'REFUSED'])
    expect(request).toMatchObject({ state: 'settled', attempts: 3, messageBytes: 0 })
    a.cancel(request as unknown as OpenRequest)
  })

  it('whose first message cannot be encoded fails, waiting or not', async () => {
    const { a } = await world.pair()
    const alone = world.peer('alone')
    for (const peer of [a, alone]) {
      const error = await new Promise((resolve) => {
        const spec: OpenSpec = {
          name: 'x',
          codec: undefined,
          headers: Headers.EMPTY,
          timeoutMs: 0,
          isLast: true,
          isOneway: false,
          isIdempotent: false,
          windowBytes: undefined,
          windowMessages: undefined,
          to: undefined,
          routeKey: undefined,
          waitForReady: true,
          hasMessage: true,
        }
        const encodeFirst = (): Uint8Array => {
          throw 'cannot'
        }
        peer.submit(spec, { encodeFirst, onMessage() {}, onFailed: resolve })
      })
      expect(error).toMatchObject({ code: 'UNKNOWN', message: 'cannot' })
    }
    expect(await isPending(alone.open('x').closed)).toBe(true)
  })
})
