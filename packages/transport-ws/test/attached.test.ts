import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { within } from '@peerplex/testkit'
import { TransportError, UsageError } from '@peerplex/wire'
import { type Endpoint, type Listener, parseEndpoint, type Transport } from '@peerplex/wire/transport'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocketServer } from 'ws'
import { wsTransport } from '../src/index.js'
import { call, cert, drive, exchange, key, openRaw, openUpgraded, type Raw, upgradeText } from './support.js'

/** A server of the application, with one page. */
function makeServer(): Server {
  const server = createServer((_request, response) => response.end('the page'))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return server
}

async function start(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function bind(target: object, transport: Transport = wsTransport()): Promise<Listener> {
  const endpoint = transport.endpointOf?.(target) as Endpoint
  const listener = await transport.listen(endpoint, {}, (connection) => {
    drive(connection)
    onTestFinished(() => connection.destroy())
  })
  onTestFinished(() => listener.close())
  return listener
}

async function check(url: string): Promise<void> {
  const transport = wsTransport({ tls: { ca: cert } })
  const side = drive(await transport.connect(parseEndpoint(url), {}))
  expect(await call(side, 100)).toBe(100)
  side.driver.connection.destroy()
}

async function page(port: number): Promise<string> {
  const [response] = (await once(request({ port, host: '127.0.0.1', agent: false }).end(), 'response')) as [
    IncomingMessage,
  ]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return text
}

describe('on a server of the application', () => {
  it('serves its path and leaves the pages alone', async () => {
    const server = makeServer()
    const listener = await bind({ server, path: '/peer' })
    const port = await start(server)
    expect(listener.url).toBe(`ws://127.0.0.1:${port}/peer`)
    await check(listener.url)
    expect(await page(port)).toBe('the page')
    // A plain request on our path is the application's, too.
    expect(await exchange(port, 'GET /peer HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')).toContain(
      'the page',
    )
  })

  it('takes a server of node:https, as wss:', async () => {
    const server = createSecureServer({ cert, key }) as unknown as Server
    onTestFinished(() => void server.close())
    const listener = await bind({ server, path: '/peer' })
    expect(listener.url).toBe('wss://127.0.0.1:0/peer')
    const port = await start(server)
    expect(listener.url).toBe(`wss://127.0.0.1:${port}/peer`)
    await check(listener.url)
  })

  it('takes the root without a path', async () => {
    const server = makeServer()
    const listener = await bind({ server })
    await start(server)
    await check(listener.url)
  })

  it('refuses upgrades as on a server of its own', async () => {
    const server = makeServer()
    await bind({ server, path: '/peer' })
    const port = await start(server)
    expect(await exchange(port, upgradeText({}, '/other'))).toMatch(/^HTTP\/1\.1 404 /)
    expect(await exchange(port, upgradeText({ 'sec-websocket-protocol': undefined }, '/peer'))).toMatch(
      /^HTTP\/1\.1 400 /,
    )
    expect(await exchange(port, upgradeText({ origin: 'http://evil.example' }, '/peer'))).toMatch(
      /^HTTP\/1\.1 403 /,
    )
  })

  it.each([true, false])(
    'leaves other paths to whoever else listens for upgrades, first: %s',
    async (isFirst) => {
      const server = makeServer()
      const others = new WebSocketServer({ noServer: true })
      const listenToo = (): void => {
        server.on('upgrade', (upgrade, socket, head) => {
          if (upgrade.url === '/theirs') others.handleUpgrade(upgrade, socket, head, (ws) => ws.terminate())
        })
      }
      if (!isFirst) listenToo()
      const listener = await bind({ server, path: '/peer' })
      if (isFirst) listenToo()
      const port = await start(server)
      const answer = await exchange(port, upgradeText({}, '/theirs'))
      expect(answer).toMatch(/^HTTP\/1\.1 101 /)
      expect(answer).not.toContain('404')
      await check(listener.url)
    },
  )

  it('asks a function about only so many upgrades at once, whatever becomes of them', async () => {
    const server = makeServer()
    const asked: ((isAllowed: boolean) => void)[] = []
    const listener = await bind(
      { server, path: '/peer' },
      wsTransport({
        maxHandshakes: 2,
        handshakeTimeoutMs: 60_000,
        origins: () => new Promise((resolve) => asked.push(resolve)),
      }),
    )
    const port = await start(server)
    const ask = async (): Promise<Raw> => {
      const { length } = asked
      const raw = await openRaw(port)
      raw.socket.write(upgradeText({}, '/peer'))
      while (asked.length === length) await new Promise((resolve) => setImmediate(resolve))
      return raw
    }
    const [lost, slow] = [await ask(), await ask()]
    expect(await exchange(port, upgradeText({}, '/peer'))).toMatch(/^HTTP\/1\.1 503 .*try again later/s)
    // Gone while it waits: the refusal goes nowhere, and there is room again.
    lost.socket.resetAndDestroy()
    await lost.closed
    asked[0]?.(false)
    const third = await ask()
    asked[2]?.(true)
    await third.has('HTTP/1.1 101 ')
    await listener.close()
    asked[1]?.(true)
    await slow.closed
    expect(slow.text()).toMatch(/^HTTP\/1\.1 503 .*nobody listens here any more/s)
  })

  it('survives somebody else who takes the same socket first', async () => {
    const server = makeServer()
    const others = new WebSocketServer({ noServer: true })
    const taken: Socket[] = []
    server.on('upgrade', (upgrade, socket, head) => {
      others.handleUpgrade(upgrade, socket, head, () => taken.push(socket as Socket))
    })
    await bind({ server, path: '/' })
    const port = await start(server)
    const raw = await openUpgraded(port)
    expect(taken.length).toBe(1)
    raw.socket.destroy()
  })

  it('serves several paths, each once, whichever transport asks', async () => {
    const server = makeServer()
    const one = await bind({ server, path: '/one' })
    const two = await bind({ server, path: '/two' }, wsTransport())
    const port = await start(server)
    await check(one.url)
    await check(two.url)
    expect(await exchange(port, upgradeText({}, '/three'))).toMatch(/^HTTP\/1\.1 404 /)
    for (const transport of [wsTransport(), wsTransport()]) {
      const attempt = bind({ server, path: '/two' }, transport)
      await expect(attempt).rejects.toBeInstanceOf(TransportError)
      await expect(attempt).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
    }
    await check(two.url)
  })

  it('takes away only its own listener when it is closed, and leaves peers alone', async () => {
    const server = makeServer()
    const theirs = (): void => {}
    const one = await bind({ server, path: '/one' })
    const two = await bind({ server, path: '/two' })
    server.on('upgrade', theirs)
    await start(server)
    const transport = wsTransport()
    const side = drive(await transport.connect(parseEndpoint(one.url), {}))
    onTestFinished(() => side.driver.connection.destroy())
    await within(one.close(), 'the first to close')
    await check(two.url)
    // A second close is over: it does not take away who came later.
    const again = await bind({ server, path: '/one' })
    await one.close()
    await check(again.url)
    await Promise.all([again.close(), two.close(), two.close()])
    expect(server.listeners('upgrade')).toEqual([theirs])
    expect(server.listening).toBe(true)
    expect(await call(side, 10)).toBe(10)
    await check((await bind({ server, path: '/one' })).url)
  })
})

describe('what is given instead of a server', () => {
  const { endpointOf } = wsTransport()

  it.each([{}, { path: '/peer' }, { port1: 1 }, new Map()])('is somebody else’s: %o', (target) => {
    expect(endpointOf?.(target)).toBe(null)
  })

  it.each([
    [{ server: null }],
    [{ server: {} }],
    [{ server: new WebSocketServer({ noServer: true }) }],
    [{ server: 5, path: '/x' }],
    [{ server: createServer(), path: 'peer' }],
    [{ server: createServer(), path: '' }],
    [{ server: createServer(), path: 5 }],
    [{ server: createServer(), path: '/a?b' }],
    [{ server: createServer(), path: '/a b' }],
  ])('is not usable: %#', (target) => {
    expect(() => endpointOf?.(target)).toThrow(UsageError)
  })

  it('cannot be connected to', async () => {
    const transport = wsTransport()
    const endpoint = transport.endpointOf?.({ server: createServer(), path: '/x' }) as Endpoint
    await expect(transport.connect(endpoint, {})).rejects.toThrow('a server can only be bound')
  })
})
