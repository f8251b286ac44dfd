// A channel as Web Streams, and tied to a stream of Node: back-pressure and half-close both ways, errors passed on.
import { Duplex, PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DuplexLike, PeerChannel } from '../src/index.js'
import { bytes, collect, echo, isPending, rejection, settle, World } from './support.js'

let world: World

beforeEach(() => {
  world = new World()
})

afterEach(async () => {
  await world.close()
})

describe('toWeb', () => {
  it('carries messages both ways and keeps the half-close', async () => {
    const { a, b } = await world.pair()
    b.accept('x', async (channel) => {
      const { readable, writable } = channel.toWeb()
      await readable.pipeTo(writable)
    })
    const channel = a.open<string>('x')
    const { readable, writable } = channel.toWeb()
    const writer = writable.getWriter()
    void writer.write('one')
    void writer.write('two')
    void writer.close()
    const got: string[] = []
    for await (const value of readable as unknown as AsyncIterable<string>) got.push(value)
    expect(got).toEqual(['one', 'two'])
    expect((await channel.closed).code).toBe('OK')
    await settle()
    expect(b.stats().connections[0]).toMatchObject({ openSlotsTaken: 0 })
  })

  it('passes back-pressure on in both directions', async () => {
    const { a, b } = await world.pair(
      { limits: { channelWindowBytes: 65_536 } },
      { limits: { channelWindowBytes: 65_536 } },
    )
    let pulled = 0
    b.accept('x', async (channel) => {
      const source = new ReadableStream<Uint8Array>(
        {
          pull: (controller) => {
            pulled++
            controller.enqueue(bytes(8_192))
          },
        },
        { highWaterMark: 0 },
      )
      await source.pipeTo(channel.toWeb().writable).catch(() => {})
    })
    const channel = a.open<Uint8Array>('x', { codec: 'raw' })
    const { readable, writable } = channel.toWeb()
    await settle()
    await settle()
    expect(pulled).toBeGreaterThan(4)
    expect(pulled).toBeLessThan(14)
    const reader = readable.getReader()
    const before = pulled
    for (let i = 0; i < 10; i++) await reader.read()
    await settle()
    expect(pulled).toBeGreaterThan(before)
    const writer = writable.getWriter()
    let written = 0
    for (; written < 1_000; written++) {
      const write = writer.write(bytes(8_192))
      write.catch(() => {})
      if (await isPending(write)) break
    }
    expect(written).toBeLessThan(14)
    channel.reset()
    await rejection(reader.read())
    await rejection(writer.closed)
  })

  it('stops the other side when the readable is cancelled, and goes on writing', async () => {
    const { a, b } = await world.pair()
    const got: unknown[] = []
    b.accept('x', async (channel) => {
      for await (const message of channel) got.push(message)
      expect(channel.writable).toBe(false)
    })
    const channel = a.open('x')
    const { readable, writable } = channel.toWeb()
    await readable.cancel()
    const writer = writable.getWriter()
    await writer.write('still')
    await writer.close()
    await channel.closed
    expect(got).toEqual(['still'])
  })

  it('resets the channel when the writable is aborted', async () => {
    const { a, b } = await world.pair()
    b.accept('x', (channel) => channel.closed)
    const channel = a.open('x')
    const { readable, writable } = channel.toWeb()
    await writable.abort()
    expect((await channel.closed).code).toBe('CANCELLED')
    await rejection(readable.getReader().read())
  })

  it('errors the writable when the other side stops, and both when it resets', async () => {
    const { a, b } = await world.pair()
    let other: PeerChannel | null = null
    b.accept('x', (channel) => {
      other = channel
      return channel.closed
    })
    const channel = a.open('x')
    const { readable, writable } = channel.toWeb()
    await settle()
    ;(other as PeerChannel | null)?.stop()
    await settle()
    const writer = writable.getWriter()
    expect((await rejection(writer.write('nobody'))).message).toMatch(/wants no more/)
    ;(other as PeerChannel | null)?.reset('ABORTED')
    expect((await rejection(readable.getReader().read())).code).toBe('ABORTED')
  })

  it('of a channel that is over begins with the error', async () => {
    const a = world.peer('a')
    const channel = a.open('x')
    channel.reset()
    const { readable, writable } = channel.toWeb()
    expect((await rejection(writable.getWriter().write(1))).code).toBe('CANCELLED')
    expect((await rejection(readable.getReader().read())).code).toBe('CANCELLED')
  })
})

/** Two ends of an in-process stream, like a socket pair. */
function socketPair(): [Duplex, Duplex] {
  const there = new PassThrough()
  const back = new PassThrough()
  const make = (readable: PassThrough, writable: PassThrough): Duplex =>
    Duplex.from({ readable, writable }) as Duplex
  return [make(there, back), make(back, there)]
}

/** A duplex of which a test sees every call. */
class FakeDuplex implements DuplexLike {
  readonly written: Uint8Array[] = []
  readonly calls: string[] = []
  hasRoom = true
  readonly #listeners = new Map<string, ((argument: unknown) => void)[]>()

  write(chunk: Uint8Array): boolean {
    this.written.push(chunk.slice())
    return this.hasRoom
  }

  end(): void {
    this.calls.push('end')
  }

  on(event: string, listener: (argument: unknown) => void): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener])
  }

  pause(): void {
    this.calls.push('pause')
  }

  resume(): void {
    this.calls.push('resume')
  }

  destroy(error?: Error): void {
    this.calls.push(`destroy ${error?.message}`)
  }

  emit(event: string, argument?: unknown): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(argument)
  }
}

/** A channel of `a` and its other end at `b`, raw. */
async function tie(
  options: { windowBytes?: number } = {},
): Promise<[PeerChannel<Uint8Array>, PeerChannel<Uint8Array>]> {
  const { a, b } = await world.pair({}, { limits: { channelWindowBytes: options.windowBytes ?? 65_536 } })
  const accepted = new Promise<PeerChannel<Uint8Array>>((resolve) => {
    b.accept<Uint8Array>('tie', async (channel) => {
      resolve(channel)
      await channel.closed
      await settle()
    })
  })
  const channel = a.open<Uint8Array>('tie', { codec: 'raw' })
  return [channel, await accepted]
}

describe('join', () => {
  it('ties two streams of Node through a channel, with half-close and megabytes', async () => {
    const { a, b } = await world.pair()
    const [outside, inside] = socketPair()
    b.accept('tunnel', async (channel) => {
      await channel.join(inside)
    })
    const [client, near] = socketPair()
    const channel = a.open('tunnel')
    const done = channel.join(near)
    const payload = Buffer.alloc(3_000_000, 'peerplex')
    const received: Buffer[] = []
    const echoed: Buffer[] = []
    outside.on('data', (chunk: Buffer) => received.push(chunk))
    outside.on('end', () => outside.end(`got ${Buffer.concat(received).length}`))
    client.on('data', (chunk: Buffer) => echoed.push(chunk))
    client.end(payload)
    await done
    await settle()
    expect(Buffer.concat(received).equals(payload)).toBe(true)
    expect(Buffer.concat(echoed).toString()).toBe('got 3000000')
    expect((await channel.closed).code).toBe('OK')
  })

  it('takes text and pieces of any size, before there is a connection too', async () => {
    const b = await world.server('b')
    b.accept('x', echo)
    const a = world.peer('a')
    const duplex = new FakeDuplex()
    const channel = a.open('x', { codec: 'raw' })
    const done = channel.join(duplex)
    duplex.emit('data', 'text')
    duplex.emit('data', new Uint8Array(0))
    duplex.emit('data', Buffer.from('buffer'))
    duplex.emit('end')
    a.connect('memory:b')
    await done
    expect(duplex.written.map((chunk) => new TextDecoder().decode(chunk))).toEqual(['text', 'buffer'])
    expect(duplex.calls).toEqual(['end'])
    duplex.emit('data', 'too late')
    duplex.emit('end')
    duplex.emit('error', new Error('too late'))
    duplex.emit('close')
  })

  it('pauses the duplex while the channel has no room', async () => {
    const [channel, other] = await tie()
    const duplex = new FakeDuplex()
    const done = channel.join(duplex)
    duplex.emit('data', bytes(200_000))
    expect(duplex.calls).toEqual(['pause'])
    await settle()
    expect(duplex.calls).toEqual(['pause'])
    let got = 0
    for await (const message of other) {
      got += message.length
      if (got === 200_000) break
    }
    await settle()
    expect(duplex.calls).toContain('resume')
    channel.reset()
    expect((await rejection(done)).code).toBe('CANCELLED')
  })

  it('reads no further while the duplex has no room', async () => {
    const [channel, other] = await tie()
    const duplex = new FakeDuplex()
    duplex.hasRoom = false
    const done = other.join(duplex)
    channel.send(bytes(10, 1))
    channel.send(bytes(10, 2))
    channel.end()
    await settle()
    expect(duplex.written).toEqual([bytes(10, 1)])
    duplex.emit('drain')
    expect(duplex.written).toHaveLength(2)
    duplex.hasRoom = true
    duplex.emit('drain')
    expect(duplex.calls).toEqual(['end'])
    duplex.emit('end')
    await done
    expect((await channel.closed).code).toBe('OK')
  })

  it('passes an error of the duplex on to the other side', async () => {
    const [channel, other] = await tie()
    const near = new FakeDuplex()
    const far = new FakeDuplex()
    const nearDone = channel.join(near)
    const farDone = other.join(far)
    near.emit('error', new Error('ECONNRESET'))
    expect(await rejection(nearDone)).toMatchObject({ code: 'UNAVAILABLE', cause: { message: 'ECONNRESET' } })
    expect((await channel.closed).message).toMatch(/the stream joined to channel 'tie' failed: ECONNRESET/)
    await settle()
    expect((await rejection(farDone)).code).toBe('UNAVAILABLE')
    expect(far.calls.some((call) => call.startsWith('destroy'))).toBe(true)
  })

  it('tells the opener why when the duplex of the acceptor fails', async () => {
    const [channel, other] = await tie()
    const far = new FakeDuplex()
    other.join(far)
    far.emit('error', 'no Error at all')
    expect(await channel.closed).toMatchObject({ code: 'UNAVAILABLE', origin: 'remote' })
    expect((await channel.closed).message).toMatch(/no Error at all/)
  })

  it('takes a duplex that is closed before its end for a failure', async () => {
    const [channel, other] = await tie()
    const far = new FakeDuplex()
    other.join(far)
    far.emit('close')
    expect((await channel.closed).message).toMatch(/closed before its end/)
  })

  it('stops the other side when the duplex is closed after its own end', async () => {
    const [channel, other] = await tie()
    const far = new FakeDuplex()
    const done = other.join(far)
    far.emit('end')
    far.emit('close')
    await done
    await settle()
    expect(channel.writable).toBe(false)
    expect(await collect(channel)).toEqual([])
    expect((await channel.closed).code).toBe('OK')
  })

  it('leaves the duplex alone that nobody wants to hear any more, and ends when the other direction does', async () => {
    const [channel, other] = await tie()
    const near = new FakeDuplex()
    const done = channel.join(near)
    other.stop()
    await settle()
    expect(near.calls).toEqual(['pause'])
    near.emit('data', 'nobody listens')
    other.send(bytes(5))
    other.end()
    await done
    expect(near.written).toEqual([bytes(5)])
    expect(near.calls).toEqual(['pause', 'end', 'destroy undefined'])
  })

  it('ends a duplex without destroy when the channel fails', async () => {
    const a = world.peer('a')
    const calls: string[] = []
    const channel = a.open('x')
    const done = channel.join({
      write: () => true,
      end: () => calls.push('end'),
      on: () => {},
      pause: () => {},
      resume: () => {},
    })
    channel.reset()
    expect((await rejection(done)).code).toBe('CANCELLED')
    expect(calls).toEqual(['end'])
  })

  it('of a channel that ended its output reads only', async () => {
    const { a, b } = await world.pair()
    b.accept('x', (channel) => {
      channel.send(bytes(3))
    })
    const channel = a.open('x', { codec: 'raw' })
    channel.end()
    const duplex = new FakeDuplex()
    await channel.join(duplex)
    expect(duplex.written).toEqual([bytes(3)])
  })

  it('of a handler need not be awaited', async () => {
    const { a, b } = await world.pair()
    const duplex = new FakeDuplex()
    b.accept('x', (channel) => {
      channel.join(duplex)
    })
    const channel = a.open('x', { codec: 'raw' })
    channel.send(bytes(4))
    await settle()
    expect(duplex.written).toEqual([bytes(4)])
    channel.reset()
    await settle()
    expect(duplex.calls.some((call) => call.startsWith('destroy'))).toBe(true)
  })
})
