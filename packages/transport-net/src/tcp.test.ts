import { connect, createServer, type Server, type Socket } from 'node:net'
import { ConnectionRecorder, ContractWatch, within } from '@peerplex/testkit'
import { TransportError } from '@peerplex/wire'
import { type Connection, type Listener, parseEndpoint } from '@peerplex/wire/transport'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { dial as dialSocket } from './dial.js'
import { netTransport } from './net-transport.js'
import { resolveNetOptions } from './options.js'
import { ReadBuffer } from './read-buffer.js'

const transport = netTransport()
const watch = new ContractWatch()

afterEach(() => expect(watch.violations).toEqual([]))

async function listen(
  url: string,
  onConnection: (connection: Connection) => void = () => {},
): Promise<Listener> {
  const listener = await transport.listen(parseEndpoint(url), {}, onConnection)
  onTestFinished(() => listener.close())
  return listener
}

async function dial(url: string): Promise<ConnectionRecorder> {
  const connection = await transport.connect(parseEndpoint(url), {})
  onTestFinished(() => connection.destroy())
  return new ConnectionRecorder(connection, 'dialed', watch)
}

/** A foreign server, to misbehave with. */
async function foreignServer(onSocket: (socket: Socket) => void): Promise<{ url: string; server: Server }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    onSocket(socket)
  })
  onTestFinished(() => {
    server.close()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return { url: `tcp://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`, server }
}

function accepting(): { promise: Promise<Connection>; take: (connection: Connection) => void } {
  let take: (connection: Connection) => void = () => {}
  const promise = new Promise<Connection>((resolve) => {
    take = resolve
  })
  return { promise: within(promise, 'an accepted connection'), take: (connection) => take(connection) }
}

describe('addresses', () => {
  it('port 0 becomes a real one in the URL of the listener', async () => {
    const first = await listen('tcp://127.0.0.1:0')
    const second = await listen('tcp://:0')
    expect(first.url).toMatch(/^tcp:\/\/127\.0\.0\.1:[1-9]\d+$/)
    expect(second.url).toMatch(/^tcp:\/\/127\.0\.0\.1:[1-9]\d+$/)
    expect(second.url).not.toBe(first.url)
  })

  it('IPv6 stands in brackets', async () => {
    const { promise, take } = accepting()
    const listener = await listen('tcp://[::1]:0', take)
    expect(listener.url).toMatch(/^tcp:\/\/\[::1\]:\d+$/)
    const a = await dial(listener.url)
    expect(a.connection.url).toBe(listener.url)
    expect((await promise).url).toMatch(/^tcp:\/\/\[::1\]:\d+$/)
  })

  it('an accepted connection is named after where it comes from, IPv4 as IPv4', async () => {
    const { promise, take } = accepting()
    const listener = await listen('tcp://[::]:0', take)
    const { port } = parseEndpoint(listener.url)
    const socket = connect({ host: '127.0.0.1', port })
    await new Promise((resolve) => socket.on('connect', resolve))
    expect((await promise).url).toBe(`tcp://127.0.0.1:${socket.localPort}`)
    socket.destroy()
  })

  it('a connection comes from the local address that was asked for', async () => {
    const { promise, take } = accepting()
    const listener = await listen('tcp://127.0.0.1:0', take)
    const made = netTransport().connect(parseEndpoint(listener.url), {
      transport: { localAddress: '127.0.0.1' },
    })
    const own = await made
    expect((await promise).url).toMatch(/^tcp:\/\/127\.0\.0\.1:/)
    own.destroy()
    const elsewhere = { transport: { localAddress: '203.0.113.9' } }
    const error = await netTransport()
      .connect(parseEndpoint(listener.url), elsewhere)
      .catch((reason) => reason)
    expect(error).toMatchObject({ code: 'UNAVAILABLE' })
    expect(error.message).toContain('EADDRNOTAVAIL')
  })

  it('a host name is looked up', async () => {
    const listener = await listen('tcp://localhost:0')
    expect(listener.url).toMatch(/^tcp:\/\/localhost:\d+$/)
    await dial(listener.url)
  })
})

describe('errors', () => {
  it('of a refused connection', async () => {
    await expect(dial('tcp://127.0.0.1:1')).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'connect tcp://127.0.0.1:1: connection refused (ECONNREFUSED)',
      hint: 'nothing listens there: check host and port, and that the other side is running',
      retryable: true,
    })
  })

  it('of a host name that does not exist', async () => {
    const error = await dial('tcp://no-such-host.invalid:1').catch((reason) => reason)
    expect(error).toBeInstanceOf(TransportError)
    expect(error.code).toBe('UNAVAILABLE')
    expect(error.hint).not.toBe('')
    await expect(listen('tcp://no-such-host.invalid:0')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('of an address in use', async () => {
    const { url } = await listen('tcp://127.0.0.1:0')
    await expect(listen(url)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: `listen ${url}: address in use (EADDRINUSE)`,
      hint: 'choose another port, or 0 for a free one; or stop whoever listens there',
      retryable: false,
    })
  })

  it('of an address that is not of this machine', async () => {
    await expect(listen('tcp://192.0.2.1:0')).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('(EADDRNOTAVAIL)'),
    })
  })

  it('of a connection that is reset', async () => {
    const { url } = await foreignServer((socket) => socket.on('data', () => socket.resetAndDestroy()))
    const a = await dial(url)
    a.write(Uint8Array.of(1))
    const error = await a.ended()
    expect(error).toBeInstanceOf(TransportError)
    expect(error).toMatchObject({
      code: 'UNAVAILABLE',
      message: `${url}: connection reset by the other side (ECONNRESET)`,
      retryable: true,
      cause: { code: 'ECONNRESET' },
    })
    expect(a.write(Uint8Array.of(1))).toBe(false)
  })

  it('after the end of the input stay silent', async () => {
    const { url } = await foreignServer((socket) => {
      socket.end()
      socket.on('data', () => socket.resetAndDestroy())
    })
    const a = await dial(url)
    expect(await a.ended()).toBeUndefined()
    while (a.write(new Uint8Array(100_000))) await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(a.endCount).toBe(1)
  })
})

it('a listener that throws loses the connection, and the error is not swallowed', async () => {
  const uncaught = new Promise((resolve) => {
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (reason) => {
      for (const other of others) process.on('uncaughtException', other)
      resolve(reason)
    })
  })
  const error = new Error('no room')
  const { url } = await listen('tcp://127.0.0.1:0', () => {
    throw error
  })
  const a = await dial(url)
  await a.ended()
  expect(await uncaught).toBe(error)
})

describe('writes', () => {
  it.each([
    ['no parts', [], ''],
    ['an empty part', [''], ''],
    ['one part', ['abc'], 'abc'],
    ['small parts', ['a', '', 'bc'], 'abc'],
    ['large parts', ['a'.repeat(5_000), 'b', 'c'.repeat(100_000)], null],
  ])('take %s', async (_name, texts, expected) => {
    const want = expected ?? texts.join('')
    let received = ''
    const arrival = new Promise<void>((resolve) => {
      foreignServer((socket) => {
        socket.setEncoding('latin1')
        socket.on('data', (text) => {
          received += text
        })
        socket.on('end', () => {
          socket.end()
          resolve()
        })
      }).then(async ({ url }) => {
        const a = await dial(url)
        a.write(...texts.map((text) => new TextEncoder().encode(text)))
        a.end()
      })
    })
    await within(arrival, 'the end of the text')
    expect(received).toBe(want)
  })
})

it('a socket connected to itself counts as refused: nobody listens there', async () => {
  const { url, server } = await foreignServer(() => {})
  const { host, port } = parseEndpoint(url)
  await new Promise((resolve) => server.close(resolve))
  const target = { host, port, localPort: port }
  await expect(
    dialSocket(url, target, resolveNetOptions({}), new ReadBuffer(0), undefined),
  ).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: `connect ${url}: connection refused (ECONNREFUSED)`,
    retryable: true,
  })
})
