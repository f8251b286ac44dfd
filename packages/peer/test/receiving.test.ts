// How a program takes the messages of a channel, by iterating or with callbacks, and what becomes of one that does not decode.
import { CallError } from '@peerplex/wire'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PeerChannel } from '../src/index.js'
import { collect, echo, rejection, settle, thrown, World } from './support.js'

let world: World

beforeEach(() => {
  world = new World()
})

afterEach(async () => {
  await world.close()
})

describe('a message that does not decode', () => {
  it('ends the channel with INVALID_ARGUMENT at the opener, and no other channel', async () => {
    const { a, b } = await world.pair()
    const ends: string[] = []
    b.accept('bad', async (channel) => {
      // Bytes as they are are no JSON.
      let onData: (chunk: Uint8Array) => void = () => {}
      channel
        .join({
          write: () => true,
          end: () => {},
          on: (event: string, listener: (argument: unknown) => void) => {
            if (event === 'data') onData = listener
          },
          pause: () => {},
          resume: () => {},
        })
        .catch(() => {})
      onData(new TextEncoder().encode('{'))
      ends.push((await channel.closed).code)
    })
    b.accept('good', echo)
    const good = a.open('good')
    const channel = a.open('bad')
    const error = await rejection(collect(channel))
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', delivery: 'processed' })
    expect(error.message).toMatch(/'bad' does not decode as json/)
    expect((await channel.closed).code).toBe('INVALID_ARGUMENT')
    await settle()
    expect(ends).toEqual(['INVALID_ARGUMENT'])
    good.send(1)
    good.end()
    expect(await collect(good)).toEqual([1])
  })

  it('ends it with INVALID_ARGUMENT and the reason at the acceptor, iterating and with callbacks', async () => {
    const { a, b } = await world.pair()
    const seen: unknown[] = []
    b.accept('loop', async (channel) => {
      for await (const message of channel) seen.push(message)
    })
    b.accept('calls', (channel) => {
      channel.onMessage = (message) => seen.push(message)
    })
    for (const name of ['loop', 'calls']) {
      const channel = a.open(name)
      await settle()
      let onData: (chunk: Uint8Array) => void = () => {}
      const joined = channel.join({
        write: () => true,
        end: () => {},
        on: (event: string, listener: (argument: unknown) => void) => {
          if (event === 'data') onData = listener
        },
        pause: () => {},
        resume: () => {},
      })
      onData(Uint8Array.of(0xff, 0xfe))
      const outcome = await channel.closed
      expect(outcome).toMatchObject({ code: 'INVALID_ARGUMENT', origin: 'remote', delivery: 'processed' })
      expect(outcome.message).toMatch(/does not decode as json/)
      await expect(joined).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    }
    expect(seen).toEqual([])
    expect(world.reported).toEqual([])
  })
})

describe('callbacks', () => {
  it('miss nothing when they are set at once, whatever has arrived', async () => {
    const { a, b } = await world.pair()
    const heard: string[] = []
    b.accept('x', (channel) => {
      channel.onMessage = (message, headers) => heard.push(`${message} ${headers.get('x-n')}`)
      channel.onEnd = (trailers) => {
        heard.push(`end ${trailers.get('x-t')}`)
        channel.end({ 'x-back': '1' })
      }
      channel.onClose = (outcome) => heard.push(`close ${outcome.code}`)
    })
    const channel = a.open('x')
    channel.send('one', { headers: { 'x-n': '1' } })
    channel.send('two', { headers: { 'x-n': '2' } })
    channel.end({ 'x-t': 'yes' })
    const outcome = await channel.closed
    expect(outcome.trailers.get('x-back')).toBe('1')
    await settle()
    expect(heard).toEqual(['one 1', 'two 2', 'end yes', 'close OK'])
  })

  it('are told of an end and a close that came before them', async () => {
    const { a, b } = await world.pair()
    b.accept('x', () => {})
    const channel = a.open('x')
    channel.end()
    await channel.closed
    const heard: string[] = []
    channel.onEnd = () => heard.push('end')
    channel.onClose = ({ code }) => heard.push(code)
    await settle()
    expect(heard).toEqual(['end', 'OK'])
    expect(channel.onEnd).not.toBeNull()
    expect(channel.onClose).not.toBeNull()
  })

  it('give messages back when onMessage is set to null', async () => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    const channel = a.open<number>('x')
    const heard: number[] = []
    channel.onMessage = (message) => {
      heard.push(message)
      channel.onMessage = null
    }
    channel.send(1)
    channel.send(2)
    channel.end()
    await settle()
    expect(heard).toEqual([1])
    expect(await collect(channel)).toEqual([2])
    channel.onMessage = null
  })

  it('end the channel with what they throw', async () => {
    const { a, b } = await world.pair()
    const defect = new Error('kaput in /srv/app/secret.js:7')
    b.accept('defect', (channel) => {
      channel.onMessage = () => {
        throw defect
      }
    })
    b.accept('meant', (channel) => {
      channel.onMessage = () => {
        throw new CallError('NOT_FOUND', 'no such user', { hint: 'look elsewhere', details: { id: 7 } })
      }
    })
    const first = a.open('defect')
    first.send(1)
    expect(await first.closed).toMatchObject({ code: 'UNKNOWN', message: 'kaput in …:7' })
    expect(world.reported).toMatchObject([{ peer: 'b', name: 'defect', error: defect }])
    const second = a.open('meant')
    second.send(1)
    const error = (await rejection(collect(second))) as CallError
    expect(error).toMatchObject({
      code: 'NOT_FOUND',
      message: 'no such user',
      hint: 'look elsewhere',
      details: { id: 7 },
    })
    expect(world.reported).toHaveLength(1)
  })

  it('of the opener end the channel too', async () => {
    const { a, b } = await world.pair()
    b.accept('x', echo)
    const channel = a.open('x')
    const defect = new Error('kaput')
    channel.onMessage = () => {
      throw defect
    }
    channel.send(1)
    expect(await channel.closed).toMatchObject({ code: 'UNKNOWN', message: 'kaput', origin: 'local' })
    expect(world.reported).toMatchObject([{ peer: 'a', error: defect }])
    for (const options of [
      {
        onHeaders: () => {
          throw defect
        },
      },
      {
        onTrailers: () => {
          throw defect
        },
      },
    ]) {
      const other = a.open('x', options)
      other.onMessage = () => {}
      other.onClose = () => {
        throw defect
      }
      other.send(1)
      other.end()
      await other.closed
    }
    await settle()
    expect(world.reported.length).toBeGreaterThan(2)
  })
})

describe('who takes the messages', () => {
  const takers: [string, (channel: PeerChannel) => unknown][] = [
    ['an iterator', (channel) => channel[Symbol.asyncIterator]()],
    [
      'onMessage',
      (channel) => {
        channel.onMessage = () => {}
      },
    ],
    ['toWeb()', (channel) => channel.toWeb()],
    [
      'join()',
      (channel) =>
        channel
          .join({ write: () => true, end: () => {}, on: () => {}, pause: () => {}, resume: () => {} })
          .catch(() => {}),
    ],
  ]
  for (const [first, take] of takers) {
    for (const [second, takeToo] of takers) {
      const isSame = first === second && (first === 'an iterator' || first === 'onMessage')
      it(`${first}, then ${second}: ${isSame ? 'allowed' : 'UsageError'}`, () => {
        const channel = world.peer('a').open('x')
        take(channel)
        if (isSame) takeToo(channel)
        else {
          const error = thrown(() => takeToo(channel))
          expect(error).toMatchObject({ name: 'UsageError', code: 'FAILED_PRECONDITION' })
          expect(error.message).toContain(first)
        }
        channel.reset()
      })
    }
  }
})
