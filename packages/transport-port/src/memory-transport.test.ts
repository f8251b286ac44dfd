import {
  ConnectionRecorder,
  ContractWatch,
  type TransportContractSetup,
  transportContract,
} from '@peerplex/testkit'
import { TransportError, UsageError } from '@peerplex/wire'
import { type Connection, type Listener, parseEndpoint, type Transport } from '@peerplex/wire/transport'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMemoryTransport } from './memory-transport.js'

let count = 0
const setups: Record<string, TransportContractSetup> = {
  'memory, bytes': {
    kind: 'byte',
    makeTransport: () => createMemoryTransport(),
    freshUrl: () => 'memory:name',
    deadUrl: 'memory:nobody',
  },
  'memory, messages by default': {
    kind: 'message',
    makeTransport: () => createMemoryTransport({ kind: 'message' }),
    freshUrl: () => `memory:name-${count++}`,
    deadUrl: 'memory:nobody',
  },
  'memory, messages by name': {
    kind: 'message',
    makeTransport: () => createMemoryTransport(),
    freshUrl: () => 'memory:name?kind=message',
    deadUrl: 'memory:nobody?kind=message',
  },
}

describe.each(Object.entries(setups))('contract: %s', (_name, setup) => {
  it.concurrent.each(transportContract(setup))('$name', ({ run }) => run(), 60_000)
})

let watch = new ContractWatch()
beforeEach(() => {
  watch = new ContractWatch()
})
afterEach(() => expect(watch.violations).toEqual([]))

function listen(
  transport: Transport,
  url: string,
  onConnection: (connection: Connection) => void = () => {},
): Promise<Listener> {
  return transport.listen(parseEndpoint(url), {}, onConnection)
}

async function pair(
  transport: Transport = createMemoryTransport(),
  url = 'memory:m',
): Promise<{ a: ConnectionRecorder; b: ConnectionRecorder }> {
  let accept: (connection: Connection) => void = () => {}
  const accepted = new Promise<Connection>((resolve) => {
    accept = resolve
  })
  await listen(transport, url, (connection) => accept(connection))
  const dialed = await transport.connect(parseEndpoint(url), {})
  return {
    a: new ConnectionRecorder(dialed, 'a', watch),
    b: new ConnectionRecorder(await accepted, 'b', watch),
  }
}

async function microtasks(count = 50): Promise<void> {
  for (let i = 0; i < count; i++) await undefined
}

describe('names', () => {
  it('belong to one transport', async () => {
    const transport = createMemoryTransport()
    await listen(transport, 'memory:m')
    await expect(createMemoryTransport().connect(parseEndpoint('memory:m'), {})).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'connect memory:m: nobody listens under this name',
      hint: 'bind the name first, on a peer with the same memory transport',
      retryable: true,
    })
  })

  it.each([
    ['memory:?kind=byte', 'has no name'],
    ['memory:m?kind=both', "has the unknown setting 'kind=both'"],
    ['memory:m?', "has the unknown setting ''"],
  ])('%s is refused', async (url, message) => {
    const transport = createMemoryTransport()
    for (const attempt of [listen(transport, url), transport.connect(parseEndpoint(url), {})]) {
      const error = await attempt.catch((reason) => reason)
      expect(error).toBeInstanceOf(UsageError)
      expect(error.message).toBe(`the endpoint '${url}' ${message}`)
      expect(error.hint).toContain('memory:name?kind=message')
    }
  })

  it('in use are refused', async () => {
    const transport = createMemoryTransport()
    await listen(transport, 'memory:m')
    await expect(listen(transport, 'memory:m?kind=message')).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: "listen memory:m?kind=message: the name 'm' is in use",
    })
  })
})

describe('the kind', () => {
  it('is the listener\u2019s, whatever the dialing transport would have chosen', async () => {
    const { a, b } = await pair(createMemoryTransport({ kind: 'message' }))
    expect([a.connection.kind, b.connection.kind]).toEqual(['message', 'message'])
    const transport = createMemoryTransport({ kind: 'message' })
    const listener = await listen(transport, 'memory:m?kind=byte')
    expect(listener.url).toBe('memory:m?kind=byte')
    expect((await transport.connect(parseEndpoint('memory:m'), {})).kind).toBe('byte')
  })

  it('can be demanded, and is an error when the listener has the other', async () => {
    const transport = createMemoryTransport()
    const listener = await listen(transport, 'memory:m')
    expect(listener.url).toBe('memory:m')
    expect((await transport.connect(parseEndpoint('memory:m?kind=byte'), {})).kind).toBe('byte')
    await expect(transport.connect(parseEndpoint('memory:m?kind=message'), {})).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'connect memory:m?kind=message: the listener has kind=byte',
      retryable: false,
    })
  })
})

describe('delivery', () => {
  it('cuts a stream, and keeps messages whole', async () => {
    const bytes = await pair()
    bytes.a.write(new Uint8Array(100_000), new Uint8Array(50_000))
    await bytes.b.received(150_000)
    expect(bytes.b.chunkCount).toBe(3)
    const messages = await pair(undefined, 'memory:m?kind=message')
    messages.a.write(new Uint8Array(100_000), new Uint8Array(50_000))
    messages.a.write()
    messages.a.write(new Uint8Array(0))
    messages.a.write(Uint8Array.of(1))
    await messages.b.received(150_001)
    expect(messages.b.chunkCount).toBe(2)
  })

  it.each(['memory:m', 'memory:m?kind=message'])('over %s shares no memory', async (url) => {
    const { a, b } = await pair(undefined, url)
    const part = Uint8Array.of(1, 2)
    a.write(part)
    part.fill(9)
    await b.received(2)
    expect([...b.bytes]).toEqual([1, 2])
    expect(b.chunks[0]?.buffer.byteLength).toBe(2)
  })

  it('takes microtasks only, when told so', async () => {
    const { a, b } = await pair(createMemoryTransport({ maxDeliveriesPerTask: Number.POSITIVE_INFINITY }))
    for (let i = 0; i < 1_000; i++) a.write(Uint8Array.of(1))
    await microtasks(1_100)
    expect(b.byteCount).toBe(1_000)
  })

  it('waits for a new task now and then', async () => {
    const { a, b } = await pair(createMemoryTransport({ maxDeliveriesPerTask: 10 }))
    for (let i = 0; i < 15; i++) a.write(Uint8Array.of(1))
    await microtasks()
    expect(b.byteCount).toBe(9)
    await b.received(15)
  })

  it('asks to wait above 64 KiB, and tells when all of it has left', async () => {
    const { a, b } = await pair()
    expect(a.write(new Uint8Array(65_536))).toBe(true)
    expect(a.write(new Uint8Array(1))).toBe(false)
    expect(a.write(new Uint8Array(1))).toBe(false)
    await a.drained()
    expect(b.byteCount).toBe(65_538)
    await microtasks()
    expect(a.drainCount).toBe(1)
  })

  it('does not tell of room that is used up again', async () => {
    const { a, b } = await pair()
    b.onChunk = () => {
      if (b.byteCount === 65_537) a.write(new Uint8Array(70_000))
    }
    expect(a.write(new Uint8Array(65_537))).toBe(false)
    await a.drained()
    expect(b.byteCount).toBe(135_537)
    expect(a.drainCount).toBe(1)
  })
})

describe('the end', () => {
  it('by destroy is an error for the other side', async () => {
    const { a, b } = await pair()
    a.destroy()
    const error = await b.ended()
    expect(error).toBeInstanceOf(TransportError)
    expect(error).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'memory:m: the other side destroyed the connection',
      retryable: true,
    })
    expect(b.write(Uint8Array.of(1))).toBe(false)
  })

  it('is clean when nothing is lost by the destroy', async () => {
    const { a, b } = await pair()
    a.write(Uint8Array.of(1))
    await b.received(1)
    a.end()
    a.destroy()
    expect(await b.ended()).toBeUndefined()
  })

  it('is an error when the destroy loses what was written before', async () => {
    const { a, b } = await pair()
    a.write(Uint8Array.of(1))
    a.end()
    a.destroy()
    expect(await b.ended()).toBeInstanceOf(TransportError)
    expect(b.byteCount).toBe(0)
  })
})

describe('a listener', () => {
  it('that closes while somebody connects turns them away', async () => {
    const transport = createMemoryTransport()
    let acceptedCount = 0
    const listener = await listen(transport, 'memory:m', () => {
      acceptedCount += 1
    })
    const attempt = transport.connect(parseEndpoint('memory:m'), {})
    await undefined
    await listener.close()
    const a = new ConnectionRecorder(await attempt, 'a', watch)
    expect(await a.ended()).toBeInstanceOf(TransportError)
    expect(acceptedCount).toBe(0)
  })

  it('that throws loses the connection, and the error is not swallowed', async () => {
    const transport = createMemoryTransport()
    const unhandled = new Promise((resolve) => {
      const others = process.listeners('unhandledRejection')
      process.removeAllListeners('unhandledRejection')
      process.once('unhandledRejection', (reason) => {
        for (const other of others) process.on('unhandledRejection', other)
        resolve(reason)
      })
    })
    const error = new Error('no room')
    await listen(transport, 'memory:m', () => {
      throw error
    })
    const a = new ConnectionRecorder(await transport.connect(parseEndpoint('memory:m'), {}), 'a', watch)
    expect(await a.ended()).toBeInstanceOf(TransportError)
    expect(await unhandled).toBe(error)
  })
})

it.each([
  [{ kind: 'both' }, 'createMemoryTransport: kind is both'],
  [{ maxDeliveriesPerTask: 0 }, 'createMemoryTransport: maxDeliveriesPerTask is 0'],
  [{ maxDeliveriesPerTask: Number.NaN }, 'createMemoryTransport: maxDeliveriesPerTask is NaN'],
  [{ maxDeliveriesPerTask: '5' }, 'createMemoryTransport: maxDeliveriesPerTask is 5'],
])('options are checked: %o', (options, message) => {
  expect(() => createMemoryTransport(options as any)).toThrow(UsageError)
  expect(() => createMemoryTransport(options as any)).toThrow(message)
})
