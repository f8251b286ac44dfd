import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { within } from '@peerplex/testkit'
import { ProtocolError, TransportError } from '@peerplex/wire'
import { parseEndpoint, type Transport } from '@peerplex/wire/transport'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type ServerOptions, WebSocket, WebSocketServer } from 'ws'
import { wsTransport as browserTransport } from '../src/browser.js'
import { wsTransport } from '../src/index.js'
import {
  call,
  closeCodeOf,
  deferred,
  drive,
  frame,
  openUpgraded,
  type Side,
  startService,
} from './support.js'

Object.assign(globalThis, { WebSocket })

const MIB = 1_048_576

/** A client of `ws` that is connected to a service. */
async function open(port: number): Promise<WebSocket> {
  const client = new WebSocket(`ws://127.0.0.1:${port}`, 'peerplex.1')
  client.on('error', () => {})
  onTestFinished(() => client.terminate())
  await once(client, 'open')
  return client
}

/** A server of `ws` that does to the first connection what a test wants. */
async function serve(
  onConnection: (ws: WebSocket) => void,
  options: ServerOptions = { handleProtocols: () => 'peerplex.1' },
): Promise<string> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, ...options })
  onTestFinished(() => {
    for (const each of server.clients) each.terminate()
    server.close()
  })
  server.on('connection', (ws) => {
    ws.on('error', () => {})
    onConnection(ws)
  })
  await once(server, 'listening')
  return `ws://127.0.0.1:${(server.address() as { port: number }).port}`
}

async function closeCode(ws: WebSocket): Promise<number> {
  const [code] = (await within(once(ws, 'close'), 'the WebSocket to close')) as [number]
  return code
}

function rootCause(side: Side): unknown {
  return side.errors[0]?.cause
}

describe('a session that accepted a WebSocket, with another one beside it', () => {
  it('closes with 1003 on a text message [WST-003]', async () => {
    const service = await startService()
    const [side, client] = await Promise.all([service.next(), open(service.port)])
    client.send('hello')
    expect(await closeCode(client)).toBe(1003)
    await side.released
    expect(side.errors.map(({ code }) => code)).toEqual(['PROTOCOL_ERROR'])
    expect(side.errors[0]?.message).toContain('a text message')
    await service.checkBystander()
  })

  it('closes with 1003 on a text message that is not UTF-8', async () => {
    const service = await startService()
    const [side, raw] = await Promise.all([service.next(), openUpgraded(service.port)])
    raw.socket.write(frame({ head: 0x81, payload: Uint8Array.of(0xff, 0xfe) }))
    await side.released
    await raw.closed
    expect(closeCodeOf(raw)).toBe(1003)
    await service.checkBystander()
  })

  it('closes with 1002 on a frame that is cut by the end of its message [WST-002]', async () => {
    const service = await startService()
    const [side, client] = await Promise.all([service.next(), open(service.port)])
    client.send(Uint8Array.of(1, 2, 3))
    expect(await closeCode(client)).toBe(1002)
    await side.released
    expect(side.errors.map(({ code }) => code)).toEqual(['PROTOCOL_ERROR'])
    await service.checkBystander()
  })

  it('closes with 1009 on a message above 1 MiB [WST-004]', async () => {
    const service = await startService()
    const [side, client] = await Promise.all([service.next(), open(service.port)])
    client.send(new Uint8Array(MIB + 1))
    expect(await closeCode(client)).toBe(1009)
    await side.released
    expect(rootCause(side)).toMatchObject({ code: 'FRAME_SIZE' })
    expect(rootCause(side)).toBeInstanceOf(ProtocolError)
    await service.checkBystander()
  })

  it('closes with 1009 on a message above 1 MiB in fragments', async () => {
    const service = await startService()
    const [side, client] = await Promise.all([service.next(), open(service.port)])
    client.send(new Uint8Array(MIB), { fin: false })
    client.send(new Uint8Array(1), { fin: true })
    expect(await closeCode(client)).toBe(1009)
    await side.released
    expect(rootCause(side)).toMatchObject({ code: 'FRAME_SIZE' })
    await service.checkBystander()
  })

  it('ends when a message comes in more fragments than anybody needs', async () => {
    const service = await startService()
    const [side, client] = await Promise.all([service.next(), open(service.port)])
    for (let i = 0; i < 20_000; i++) client.send(new Uint8Array(1), { fin: false })
    await side.released
    expect(rootCause(side)).toMatchObject({ code: 'PROTOCOL_ERROR' })
    await service.checkBystander()
  })

  it.each([
    ['a compressed frame (RSV1) [WST-009]', frame({ head: 0xc2 })],
    ['a frame with RSV2', frame({ head: 0xa2 })],
    ['a frame that is not masked', frame({ head: 0x82, isMasked: false })],
    ['an unknown opcode', frame({ head: 0x83 })],
    ['a control frame in fragments', frame({ head: 0x09 })],
    ['a continuation of nothing', frame({ head: 0x80 })],
    ['a close frame of one byte', frame({ head: 0x88, payload: new Uint8Array(1) })],
    ['a close frame with a code that may not be sent', frame({ head: 0x88, payload: Uint8Array.of(3, 237) })],
  ])('ends with 1002 on %s', async (_what, bytes) => {
    const service = await startService()
    const [side, raw] = await Promise.all([service.next(), openUpgraded(service.port)])
    raw.socket.write(bytes)
    await side.released
    await raw.closed
    expect(closeCodeOf(raw)).toBe(1002)
    expect(rootCause(side)).toBeInstanceOf(ProtocolError)
    expect(rootCause(side)).toMatchObject({ code: 'PROTOCOL_ERROR' })
    await service.checkBystander()
  })

  it('ends when somebody breaks the rules and then neither closes nor stops', async () => {
    const service = await startService()
    const [side, raw] = await Promise.all([service.next(), openUpgraded(service.port, {}, true)])
    raw.socket.write(frame({ head: 0xc2 }))
    const more = setInterval(() => raw.socket.write(randomBytes(1_000)), 1)
    onTestFinished(() => clearInterval(more))
    await side.released
    expect(rootCause(side)).toMatchObject({ code: 'PROTOCOL_ERROR' })
    await raw.closed
    await service.checkBystander()
  })

  it('takes empty messages, but not too many [WST-005]', async () => {
    const service = await startService()
    const [side, client] = await Promise.all([service.next(), open(service.port)])
    client.send(new Uint8Array(0))
    client.send(new Uint8Array(0))
    client.ping()
    await within(once(client, 'pong'), 'a pong')
    expect(side.errors).toEqual([])
    for (let i = 0; i < 100_000; i++) client.send(new Uint8Array(0))
    await side.released
    expect(side.errors.map(({ code }) => code)).toEqual(['ENHANCE_CALM'])
    await service.checkBystander()
  })

  it('ends on random bytes', async () => {
    const service = await startService()
    for (let i = 0; i < 20; i++) {
      const [side, raw] = await Promise.all([service.next(), openUpgraded(service.port)])
      raw.socket.end(randomBytes(500))
      await side.released
      expect(side.errors.length).toBeGreaterThan(0)
    }
    await service.checkBystander()
  })

  it('ends when the TCP connection is reset', async () => {
    const service = await startService()
    const [side, raw] = await Promise.all([service.next(), openUpgraded(service.port)])
    await raw.has('\x82')
    raw.socket.resetAndDestroy()
    await side.released
    expect(rootCause(side)).toBeInstanceOf(TransportError)
    expect(rootCause(side)).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    expect((rootCause(side) as Error).message).toMatch(/reset by the other side \(ECONNRESET\)/)
    await service.checkBystander()
  })

  it.each([
    [1001, 'gone', /closed the WebSocket with 1001, it goes away: gone/],
    [3007, '', /closed the WebSocket with 3007$/],
    [undefined, '', /closed the WebSocket with 1005, no code given/],
  ])('is told the close code %s', async (code, reason, text) => {
    const service = await startService()
    const [side, client] = await Promise.all([service.next(), open(service.port)])
    client.close(code, reason)
    await side.released
    expect(rootCause(side)).toBeInstanceOf(TransportError)
    expect((rootCause(side) as Error).message).toMatch(text)
    await service.checkBystander()
  })

  it.each([1000, 4065])('takes close code %s without a further error: a GOAWAY says more', async (code) => {
    const service = await startService()
    const [side, client] = await Promise.all([service.next(), open(service.port)])
    client.close(code)
    await side.released
    expect(rootCause(side)).toBe(undefined)
    await service.checkBystander()
  })

  it('does not negotiate compression that is offered [WST-009]', async () => {
    const service = await startService()
    const raw = await openUpgraded(service.port, {
      'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits',
    })
    expect(raw.text().toLowerCase()).not.toContain('sec-websocket-extensions')
    expect(raw.text().toLowerCase()).toContain('sec-websocket-protocol: peerplex.1')
  })
})

const DIALERS: readonly (readonly [string, () => Transport, Readonly<Record<number, number>>])[] = [
  ['Node', () => wsTransport(), {}],
  // Browsers cannot close with codes of the protocol itself.
  ['a browser', () => browserTransport(), { 1002: 4064, 1003: 4064, 1009: 4066 }],
]

describe.each(DIALERS)('a session that dialed from %s', (name, makeTransport, codes) => {
  const dialed = async (url: string): Promise<Side> =>
    drive(await makeTransport().connect(parseEndpoint(url), {}))

  it.each([
    ['a text message [WST-003]', 'hello', 1003],
    ['a frame that is cut [WST-002]', Uint8Array.of(1, 2, 3), 1002],
    ['a message above 1 MiB [WST-004]', new Uint8Array(MIB + 1), 1009],
  ])('ends on %s, and says why', async (_what, message, code) => {
    const closed = deferred<number>()
    const url = await serve((ws) => {
      ws.on('close', (each) => closed.resolve(each))
      ws.send(message)
    })
    const service = await startService()
    const side = await dialed(url)
    await side.released
    expect(await within(closed.promise, 'the close code')).toBe(codes[code] ?? code)
    expect(side.errors.length).toBe(1)
    await service.checkBystander()
  })

  it('says 1000 after a normal end, to both [WST-010]', async () => {
    const service = await startService()
    const arrival = service.next()
    const side = await dialed(service.listener.url)
    const accepted = await arrival
    await side.ready
    expect(await call(side, 3_000_000)).toBe(3_000_000)
    side.driver.session.close()
    await Promise.all([side.released, accepted.released])
    expect([...side.errors, ...accepted.errors]).toEqual([])
  })

  it.each([
    ['none', () => false as const],
    ['another', () => 'other'],
  ])('refuses a listener that chooses the subprotocol %s [WST-008]', async (_what, handleProtocols) => {
    const url = await serve(() => {}, { handleProtocols: handleProtocols as () => string })
    const attempt = makeTransport().connect(parseEndpoint(url), {})
    await expect(attempt).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    // The message names the subprotocol where the platform tells what came back.
    if (name === 'Node') await expect(attempt).rejects.toThrow('did not choose the subprotocol peerplex.1')
  })

  it('ends on a compressed frame [WST-009]', async () => {
    const url = await serve((ws) => {
      // The only way to the bytes: `ws` itself sends no such frame.
      ;(ws as any)._socket.write(frame({ head: 0xc2, isMasked: false }))
    })
    const side = await dialed(url)
    await side.released
    expect(side.errors.length).toBe(1)
  })
})

describe('a message of exactly 1 MiB', () => {
  it.each(DIALERS)('arrives from and at %s [WST-001]', async (_name, makeTransport) => {
    const url = await serve((ws) => {
      ws.on('message', (data) => ws.send(data as Buffer))
    })
    const connection = await makeTransport().connect(parseEndpoint(url), {})
    onTestFinished(() => connection.destroy())
    const arrived = new Promise<Uint8Array>((resolve, reject) => {
      connection.sink = { onData: resolve, onDrain: () => {}, onEnd: reject }
    })
    const message = randomBytes(MIB)
    connection.write([message.subarray(0, 10), message.subarray(10)])
    expect(message.equals(await within(arrived, 'the message'))).toBe(true)
  })
})
