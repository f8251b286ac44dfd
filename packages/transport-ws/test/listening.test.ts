import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect as connectTls } from 'node:tls'
import { within } from '@peerplex/testkit'
import { parseEndpoint } from '@peerplex/wire/transport'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type WsTransportOptions, wsTransport } from '../src/index.js'
import {
  call,
  cert,
  drive,
  exchange,
  key,
  openRaw,
  openUpgraded,
  type Side,
  startService,
  upgradeText,
} from './support.js'

const LONG_MS = 60_000

async function connectTo(url: string, options: WsTransportOptions = {}): Promise<Side> {
  const transport = wsTransport({ tls: { ca: cert }, ...options })
  const side = drive(await transport.connect(parseEndpoint(url), {}))
  onTestFinished(() => side.driver.connection.destroy())
  return side
}

describe('plain requests', () => {
  it('on the path are told to upgrade', async () => {
    const { port, checkBystander } = await startService({}, '/peer')
    for (const method of ['GET', 'POST', 'OPTIONS']) {
      const answer = await exchange(port, `${method} /peer?x=1 HTTP/1.1\r\nhost: x\r\n\r\n`)
      expect(answer).toMatch(/^HTTP\/1\.1 426 Upgrade Required\r\n/)
      expect(answer).toMatch(/\r\nupgrade: websocket\r\n/i)
      expect(answer).toMatch(/\r\ncontent-type: text\/plain/)
      expect(answer).toContain('WebSocket endpoint with the subprotocol peerplex.1')
    }
    await checkBystander()
  })

  it.each(['/', '/other', '/peer/', '/PEER', '/peer%20', 'http://127.0.0.1/peer', '*'])(
    'on another path get 404: %s',
    async (path) => {
      const { port } = await startService({}, '/peer')
      const method = path === '*' ? 'OPTIONS' : 'GET'
      expect(await exchange(port, `${method} ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)).toMatch(
        /^HTTP\/1\.1 404 /,
      )
    },
  )
})

describe('an upgrade', () => {
  it.each([
    ['another path', upgradeText({}, '/other'), '404 Not Found', 'check the path'],
    [
      'no subprotocol [WST-007]',
      upgradeText({ 'sec-websocket-protocol': undefined }),
      '400 Bad Request',
      'offer the subprotocol peerplex.1',
    ],
    [
      'another subprotocol [WST-007]',
      upgradeText({ 'sec-websocket-protocol': 'peerplex.2, xpeerplex.1' }),
      '400 Bad Request',
      'offer the subprotocol peerplex.1',
    ],
    [
      'subprotocols that are no list',
      upgradeText({ 'sec-websocket-protocol': 'peerplex.1,,' }),
      '400 Bad Request',
      'Sec-WebSocket-Protocol',
    ],
    [
      'something other than WebSocket',
      upgradeText({ upgrade: 'h2c' }),
      '426 Upgrade Required',
      'WebSocket endpoint',
    ],
    ['another version', upgradeText({ 'sec-websocket-version': '8' }), '426 Upgrade Required', 'version 13'],
    ['no version', upgradeText({ 'sec-websocket-version': undefined }), '426 Upgrade Required', 'version 13'],
    ['no key', upgradeText({ 'sec-websocket-key': undefined }), '400 Bad Request', 'Sec-WebSocket-Key'],
    [
      'a key of another length',
      upgradeText({ 'sec-websocket-key': 'AAAA' }),
      '400 Bad Request',
      'Sec-WebSocket-Key',
    ],
    ['POST', upgradeText({}, '/', 'POST'), '426 Upgrade Required', 'WebSocket endpoint'],
    [
      'a page from elsewhere [WST-012]',
      upgradeText({ origin: 'https://evil.example' }),
      '403 Forbidden',
      'option `origins`',
    ],
    ['an Origin of null', upgradeText({ origin: 'null' }), '403 Forbidden', 'option `origins`'],
    [
      'two Origins',
      upgradeText({ origin: 'http://localhost\r\norigin: http://evil.example' }),
      '403 Forbidden',
      'option `origins`',
    ],
  ])('with %s is refused', async (_what, request, status, text) => {
    const service = await startService()
    const answer = await exchange(service.port, request)
    expect(answer.startsWith(`HTTP/1.1 ${status}\r\n`), answer).toBe(true)
    expect(answer).toMatch(/\r\ncontent-type: text\/plain/)
    expect(answer).toContain(text)
    expect(service.accepted.length).toBe(1)
    await service.checkBystander()
  })

  it.each([
    { 'sec-websocket-protocol': 'other, peerplex.1' },
    { origin: 'http://localhost:5173' },
    { upgrade: 'WebSocket' },
  ])('with %o is accepted', async (headers) => {
    const service = await startService()
    const [side, raw] = await Promise.all([
      service.next(),
      openUpgraded(service.port, headers as Record<string, string>),
    ])
    expect(raw.text()).toMatch(/\r\nsec-websocket-protocol: peerplex\.1\r\n/i)
    expect(side.driver.connection.url).toBe(`ws://127.0.0.1:${raw.socket.localPort}`)
  })
})

describe('the option origins', () => {
  it.each<readonly [string, WsTransportOptions['origins'], string, number]>([
    ['a list with it', ['https://app.example'], 'https://APP.example:443', 101],
    ['a list without it', ['https://app.example'], 'http://localhost', 403],
    ['everything', '*', 'https://evil.example', 101],
    ['a function that says true', () => true, 'https://evil.example', 101],
    ['a function that says true later', async () => true, 'https://evil.example', 101],
    ['a function that says false', () => false, 'http://localhost', 403],
    ['a function that says something else', () => 'yes' as never, 'http://localhost', 403],
    [
      'a function that throws',
      () => {
        throw new Error('no')
      },
      'http://localhost',
      403,
    ],
    ['a function that rejects', () => Promise.reject(new Error('no')), 'http://localhost', 403],
  ])('is %s', async (_what, origins, origin, status) => {
    const { listener, port } = await listen({ origins: origins ?? '*' })
    onTestFinished(() => listener.close())
    const raw = await openRaw(port)
    raw.socket.write(upgradeText({ origin }))
    await raw.has(`HTTP/1.1 ${status} `)
  })

  it('refuses when a function takes longer than the handshake may', async () => {
    const origins = (): Promise<boolean> => new Promise(() => {})
    const { port } = await listen({ origins, handshakeTimeoutMs: 30 })
    const raw = await openRaw(port)
    raw.socket.write(upgradeText())
    await raw.closed
    expect(raw.text()).not.toContain('101')
  })

  it('gives a function the Origin and the request', async () => {
    const seen: [string | undefined, IncomingMessage][] = []
    const { port } = await listen({
      origins: (origin, request) => {
        seen.push([origin, request])
        return true
      },
    })
    await openUpgraded(port, { origin: 'https://app.example', 'x-token': 'abc' })
    await openUpgraded(port)
    expect(seen.map(([origin, { headers }]) => [origin, headers['x-token']])).toEqual([
      ['https://app.example', 'abc'],
      [undefined, undefined],
    ])
  })

  it('asks a function about only so many at once, and refuses the others', async () => {
    let count = 0
    const { port } = await listen({
      maxHandshakes: 3,
      handshakeTimeoutMs: LONG_MS,
      origins: () => {
        count += 1
        return new Promise(() => {})
      },
    })
    const raws = await Promise.all(Array.from({ length: 6 }, () => openRaw(port)))
    for (const raw of raws) raw.socket.write(upgradeText())
    await within(Promise.all(raws.slice(3).map(({ closed }) => closed)), 'the others to be refused')
    expect(count).toBeLessThanOrEqual(3)
  })
})

interface Listening {
  readonly port: number
  readonly listener: { readonly url: string; close(): Promise<void> }
}

async function listen(options: WsTransportOptions, url = 'ws://127.0.0.1:0'): Promise<Listening> {
  const listener = await wsTransport(options).listen(parseEndpoint(url), {}, (connection) => {
    onTestFinished(() => connection.destroy())
    connection.sink = { onData: () => {}, onDrain: () => {}, onEnd: () => {} }
  })
  onTestFinished(() => listener.close())
  return { listener, port: parseEndpoint(listener.url).port }
}

describe('sockets that never become a WebSocket', () => {
  it.each([
    ['nothing', ''],
    ['half a request', upgradeText().slice(0, 60)],
    ['a request with half a body', 'POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nabc'],
  ])('and say %s are closed', async (_what, text) => {
    const { port } = await listen({ handshakeTimeoutMs: 50 })
    const raw = await openRaw(port)
    if (text !== '') raw.socket.write(text)
    await raw.closed
  })

  it('and never finish the TLS handshake are closed', async () => {
    const { port } = await listen({ handshakeTimeoutMs: 50, tls: { cert, key } }, 'wss://127.0.0.1:0')
    await (await openRaw(port)).closed
  })

  it('and say nothing over TLS are closed', async () => {
    const { port } = await listen({ handshakeTimeoutMs: 50, tls: { cert, key } }, 'wss://127.0.0.1:0')
    const socket = connectTls({ host: '127.0.0.1', port, ca: cert })
    socket.on('error', () => {})
    await within(once(socket, 'close'), 'the listener to close')
  })

  it.each([
    ['garbage', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 what is this\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['the bytes of another transport', '\x89PPX1\r\n\x1a', /^(HTTP\/1\.1 400 |$)/],
    ['too many headers', upgradeText({ 'x-much': 'x'.repeat(20_000) }), /^HTTP\/1\.1 431 /],
    ['a request without a Host', 'GET / HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
  ])('because they say %s are refused', async (_what, text, answer) => {
    const service = await startService()
    expect(await exchange(service.port, text)).toMatch(answer)
    await service.checkBystander()
  })

  it('are bounded in number, and do not keep others out for good', async () => {
    const service = await startService({ maxHandshakes: 3, handshakeTimeoutMs: LONG_MS })
    const idle = [await openRaw(service.port), await openRaw(service.port), await openRaw(service.port)]
    for (let i = 0; i < 50; i++) await (await openRaw(service.port)).closed
    await expect(connectTo(service.listener.url)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
    })
    await service.checkBystander()
    // A refusal, like any end, makes room.
    idle[0]?.socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    await idle[0]?.closed
    const side = await connectTo(service.listener.url)
    expect(await call(side, 10)).toBe(10)
  })

  it('of one address do not keep others out', async () => {
    const service = await startService({ maxHandshakes: 3, handshakeTimeoutMs: LONG_MS })
    const silent = []
    // On Linux every 127.x.y.z is this machine.
    for (let i = 0; i < 3; i++) silent.push(await openRaw(service.port, false, '127.0.0.2'))
    const side = await connectTo(service.listener.url)
    expect(await call(side, 10)).toBe(10)
    // The oldest one had to go, and its place is free again.
    await silent[0]?.closed
    expect(silent[2]?.socket.destroyed).toBe(false)
  })

  it.each([{}, { tls: { cert, key } }])('do not include those that have become one: %o', async (tls) => {
    const service = await startService({ ...tls, maxHandshakes: 1, handshakeTimeoutMs: LONG_MS })
    const sides: Side[] = []
    for (let i = 0; i < 5; i++) sides.push(await connectTo(service.listener.url))
    for (const side of sides) expect(await call(side, 10)).toBe(10)
  })

  it('are closed with the listener, while peers stay', async () => {
    const service = await startService({ handshakeTimeoutMs: LONG_MS })
    const [idle, half, page] = [
      await openRaw(service.port),
      await openRaw(service.port),
      await openRaw(service.port),
    ]
    half.socket.write('GET / HT')
    page.socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    await page.has('426')
    await within(service.listener.close(), 'the listener to close')
    await Promise.all([idle.closed, half.closed, page.closed])
    await service.checkBystander()
  })

  it('are refused when a function is asked while the listener closes', async () => {
    let answer: (isAllowed: boolean) => void = () => {}
    let onAsked: () => void = () => {}
    const wasAsked = new Promise<void>((resolve) => {
      onAsked = resolve
    })
    const { port, listener } = await listen({
      origins: () => {
        onAsked()
        return new Promise((resolve) => {
          answer = resolve
        })
      },
    })
    const raw = await openRaw(port)
    raw.socket.write(upgradeText())
    await wasAsked
    await listener.close()
    answer(true)
    await raw.closed
    expect(raw.text()).not.toContain('101')
  })
})
