import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createNetServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { within } from '@peerplex/testkit'
import { TransportError } from '@peerplex/wire'
import { type Connection, parseEndpoint } from '@peerplex/wire/transport'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type WsTransportOptions, wsTransport } from '../src/index.js'
import { connectError } from '../src/system-errors.js'
import { cert, key } from './support.js'

function dial(
  port: number,
  options: WsTransportOptions = {},
  url = `ws://127.0.0.1:${port}/peer`,
): Promise<Connection> {
  return wsTransport().connect(parseEndpoint(url), { transport: { ...options } })
}

async function failure(attempt: Promise<unknown>): Promise<TransportError> {
  const error = await within(
    attempt.then(
      () => null,
      (reason: unknown) => reason,
    ),
    'the attempt to fail',
  )
  expect(error).toBeInstanceOf(TransportError)
  return error as TransportError
}

/** A web server without WebSocket; an upgrade is a request like any other to it. */
async function web(answer: RequestListener): Promise<number> {
  const server = createServer(answer)
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A server that does with sockets what a test wants. */
async function plain(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = []
  const server = createNetServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    onSocket(socket)
  })
  onTestFinished(() => {
    for (const each of sockets) each.destroy()
    server.close()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A listener that accepts every upgrade, with these headers besides. */
function upgradeWith(headers: Readonly<Record<string, string>>): Promise<number> {
  return plain((socket) => {
    socket.once('data', (data) => {
      const nonce = /sec-websocket-key: (.*)\r\n/i.exec(data.toString())?.[1]
      const accept = createHash('sha1')
        .update(`${nonce}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest('base64')
      const lines = Object.entries({
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-accept': accept,
        'sec-websocket-protocol': 'peerplex.1',
        ...headers,
      })
      socket.write(`HTTP/1.1 101 OK\r\n${lines.map(([name, text]) => `${name}: ${text}\r\n`).join('')}\r\n`)
    })
  })
}

describe('an answer other than an upgrade', () => {
  it.each([
    [200, /an ordinary answer: the page/, /no WebSocket here/, false],
    [400, /a bad request: the page/, /subprotocol peerplex\.1/, false],
    [401, /not authenticated/, /`auth` or `headers`/, false],
    [403, /forbidden: the page/, /Origin .*`origins`.*credentials/, false],
    [404, /not found: the page/, /path of the URL/, false],
    [410, /no upgrade: the page/, /check the URL/, false],
    [426, /an upgrade is required/, /no WebSocket here/, false],
    [429, /too many requests/, /later/, true],
    [500, /no upgrade: the page/, /check the URL/, true],
    [502, /a proxy cannot reach/, /check that it runs/, true],
    [503, /full or stopped: the page/, /later/, true],
  ])('is named with status %s, its text and what to do', async (status, message, hint, isRetryable) => {
    const port = await web((_request, response) => response.writeHead(status).end('the page'))
    const error = await failure(dial(port))
    expect(error.code).toBe('UNAVAILABLE')
    expect(error.message).toContain(`connect ws://127.0.0.1:${port}/peer: HTTP status ${status}, `)
    expect(error.message).toMatch(message)
    expect(error.hint).toMatch(hint)
    expect(error.retryable).toBe(isRetryable)
  })

  it.each([301, 302, 307])('with status %s is a redirect that is named and not followed', async (status) => {
    const asked: string[] = []
    const target = await web((request, response) => {
      asked.push(String(request.url))
      response.end()
    })
    const port = await web((_request, response) =>
      response.writeHead(status, { location: `http://127.0.0.1:${target}/there` }).end(),
    )
    const error = await failure(dial(port))
    expect(error.message).toContain(`a redirect that is not followed, to http://127.0.0.1:${target}/there`)
    expect(asked).toEqual([])
  })

  it('is quoted in part and without control characters, however much it says', async () => {
    const port = await web((_request, response) => {
      response.writeHead(403)
      const write = (): void => {
        while (!response.destroyed && response.write(`\x1b[31mred\r\n\x07${'x'.repeat(10_000)}`)) {}
        if (!response.destroyed) response.once('drain', write)
      }
      write()
    })
    const error = await failure(dial(port))
    expect(error.message).toMatch(/forbidden: \[31mred xxx/)
    expect(error.message.length).toBeLessThan(700)
  })

  it.each(['never ends', 'breaks off'])('is reported although it %s', async (how) => {
    const port = await web((_request, response) => {
      response.writeHead(503)
      response.write('busy', () => {
        if (how === 'breaks off') response.destroy()
      })
    })
    const error = await failure(dial(port, { handshakeTimeoutMs: 200 }))
    expect(error.message).toMatch(/HTTP status 503, .*: busy/)
  })
})

describe('an upgrade that is not ours', () => {
  it.each([
    [
      'another subprotocol',
      { 'sec-websocket-protocol': 'other' },
      /did not choose the subprotocol peerplex\.1/,
    ],
    ['a wrong accept', { 'sec-websocket-accept': 'AAAA' }, /Sec-WebSocket-Accept/],
    [
      'compression [WST-009]',
      { 'sec-websocket-extensions': 'permessage-deflate' },
      /Sec-WebSocket-Extensions/,
    ],
    ['something else', { upgrade: 'h2c' }, /Upgrade header/],
  ])('with %s is refused', async (_what, headers, message) => {
    const port = await upgradeWith(headers)
    const error = await failure(dial(port))
    expect(error.code).toBe('UNAVAILABLE')
    expect(error.message).toMatch(message)
    expect(error.hint).not.toBe('')
  })

  it('does not stop the one that is', async () => {
    const connection = await dial(await upgradeWith({}))
    expect(connection.kind).toBe('message')
    connection.destroy()
  })
})

describe('where no WebSocket listens', () => {
  it.each([
    [
      'something else does',
      (socket: Socket) => socket.end('\x89PPX1\r\n\x1a\0\0\0\0'),
      /the answer is not HTTP/,
    ],
    [
      'the connection is dropped',
      (socket: Socket) => void socket.destroy(),
      /connection reset|socket hang up/,
    ],
    ['nothing is said', () => {}, /no upgrade within 50 ms/],
  ])('and %s, connect says so', async (_what, onSocket, message) => {
    const error = await failure(dial(await plain(onSocket), { handshakeTimeoutMs: 50 }))
    expect(error.code).toBe('UNAVAILABLE')
    expect(error.message).toMatch(message)
    expect(error.hint).not.toBe('')
    expect(error.retryable).toBe(true)
  })

  it.each([
    ['ENOTFOUND', /the host name is not known \(ENOTFOUND\)/, true],
    ['EAI_AGAIN', /the name service does not answer/, true],
    ['CERT_HAS_EXPIRED', /has expired/, false],
    ['HPE_INVALID_CONSTANT', /the answer is not HTTP/, true],
    ['EWHATEVER', /boom \(EWHATEVER\)/, true],
  ])('the words for %s', (code, message, isRetryable) => {
    const error = connectError('ws://x:1', Object.assign(new Error('boom'), { code }))
    expect(error.message).toMatch(message)
    expect(error.hint).not.toBe('')
    expect(error.retryable).toBe(isRetryable)
  })

  it('the addresses that were tried are named', () => {
    const errors = ['192.0.2.1', '2001:db8::1'].map((address) => Object.assign(new Error('x'), { address }))
    const cause = Object.assign(new AggregateError(errors), { code: 'ECONNREFUSED' })
    expect(connectError('ws://x:1', cause).message).toBe(
      'connect ws://x:1: connection refused (ECONNREFUSED) at 192.0.2.1 and 2001:db8::1',
    )
  })
})

describe('TLS', () => {
  const secure = async (): Promise<string> => {
    const server = createTlsServer({ cert, key }, (socket) => socket.on('error', () => {}))
    onTestFinished(() => void server.close())
    server.on('tlsClientError', () => {})
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return `wss://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  it.each<readonly [string, object, RegExp, RegExp]>([
    ['a certificate from nobody', {}, /is self-signed \(DEPTH_ZERO_SELF_SIGNED_CERT\)/, /tls: \{ ca \}/],
    ['another name', { ca: cert, servername: 'other.example' }, /is for another name/, /servername/],
  ])('with %s is refused', async (_what, tls, message, hint) => {
    const error = await failure(dial(0, { tls: tls as Record<string, unknown> }, await secure()))
    expect(error.code).toBe('UNAVAILABLE')
    expect(error.message).toMatch(message)
    expect(error.hint).toMatch(hint)
    expect(error.retryable).toBe(false)
  })

  it('to a listener without it is refused', async () => {
    const port = await web((_request, response) => response.end())
    const error = await failure(dial(0, {}, `wss://127.0.0.1:${port}`))
    expect(error.code).toBe('UNAVAILABLE')
    expect(error.message).toMatch(/TLS/)
    expect(error.hint).toMatch(/ws:/)
  })

  it('without it to a listener that has it is refused', async () => {
    const error = await failure(dial(0, {}, (await secure()).replace('wss:', 'ws:')))
    expect(error.code).toBe('UNAVAILABLE')
  })

  it('is not checked when somebody says so', async () => {
    const transport = wsTransport({ tls: { cert, key, rejectUnauthorized: false } })
    const listener = await transport.listen(parseEndpoint('wss://127.0.0.1:0'), {}, (each) => each.destroy())
    onTestFinished(() => listener.close())
    const connection = await transport.connect(parseEndpoint(listener.url), {})
    connection.destroy()
  })
})

describe('the request', () => {
  it('carries headers and the Origin, and offers no compression', async () => {
    let seen: IncomingMessage | undefined
    const port = await web((request, response) => {
      seen = request
      response.end()
    })
    await failure(dial(port, { headers: { authorization: 'Bearer x' }, origin: 'https://app.example' }))
    expect(seen?.url).toBe('/peer')
    expect(seen?.headers).toMatchObject({
      authorization: 'Bearer x',
      origin: 'https://app.example',
      'sec-websocket-protocol': 'peerplex.1',
    })
    expect(seen?.headers).not.toHaveProperty('sec-websocket-extensions')
    await failure(dial(port))
    expect(seen?.headers).not.toHaveProperty('origin')
  })

  it('leaves nothing open when it is given up half way', async () => {
    const abort = new AbortController()
    let closed: Promise<unknown> = Promise.resolve()
    const port = await plain((socket) => {
      closed = once(socket, 'close')
      socket.once('data', () => abort.abort(new Error('no longer needed')))
    })
    const attempt = wsTransport().connect(parseEndpoint(`ws://127.0.0.1:${port}`), { signal: abort.signal })
    const error = await failure(attempt)
    expect(error.code).toBe('CANCELLED')
    expect(error.cause).toBe(abort.signal.reason)
    await within(closed, 'the socket to close')
  })
})
