import { TransportError, UsageError } from '@peerplex/wire'
import { type Connection, parseEndpoint } from '@peerplex/wire/transport'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { wsTransport } from './browser.js'

/** A WebSocket of a browser under the control of a test. */
class FakeSocket {
  static last: FakeSocket
  readonly url: string
  readonly protocols: readonly string[]
  binaryType = 'blob'
  protocol = 'peerplex.1'
  readyState = 0
  bufferedAmount = 0
  readonly closed: (number | undefined)[] = []
  readonly #listeners: [string, (event: object) => void][] = []

  constructor(url: string, protocols: readonly string[]) {
    if (url.includes('#')) throw new SyntaxError('a fragment')
    this.url = url
    this.protocols = protocols
    FakeSocket.last = this
  }

  addEventListener(name: string, listener: (event: object) => void): void {
    this.#listeners.push([name, listener])
  }

  send(data: Uint8Array): void {
    this.bufferedAmount += data.length
  }

  close(code?: number): void {
    if (code !== undefined && code !== 1000 && (code < 3000 || code > 4999))
      throw new Error('InvalidAccessError')
    this.closed.push(code)
    this.readyState = 2
  }

  emit(name: string, event: object = {}): void {
    if (name === 'open') this.readyState = 1
    if (name === 'close') this.readyState = 3
    for (const [each, listener] of this.#listeners) if (each === name) listener(event)
  }
}

const URL_TEXT = 'ws://127.0.0.1:1/peer'
const KIB = 1_024

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('WebSocket', FakeSocket)
})

afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

async function connect(): Promise<{ connection: Connection; socket: FakeSocket; log: string[] }> {
  const attempt = wsTransport().connect(parseEndpoint(URL_TEXT), {})
  const socket = FakeSocket.last
  socket.emit('open')
  const connection = await attempt
  const log: string[] = []
  connection.sink = {
    onData: (chunk) => log.push(`data ${chunk.length}`),
    onNonBinary: (what) => log.push(what),
    onDrain: () => log.push('drain'),
    onEnd: (error) => log.push(error === undefined ? 'end' : `end: ${error.message}`),
  }
  await Promise.resolve()
  return { connection, socket, log }
}

describe('a connection in a browser', () => {
  it('asks for the subprotocol and for bytes [WST-006]', async () => {
    const { connection, socket } = await connect()
    expect(socket.protocols).toEqual(['peerplex.1'])
    expect(socket.binaryType).toBe('arraybuffer')
    expect([connection.url, connection.kind, connection.bufferedBytes]).toEqual([URL_TEXT, 'message', 0])
    connection.destroy()
  })

  it('stops above 1 MiB and goes on below 256 KiB, as the clock shows [WST-011]', async () => {
    const { connection, socket, log } = await connect()
    expect(connection.write([new Uint8Array(1_024 * KIB)])).toBe(true)
    expect(connection.write([new Uint8Array(1)])).toBe(false)
    expect(connection.bufferedBytes).toBe(1_024 * KIB + 1)
    socket.bufferedAmount = 256 * KIB
    vi.advanceTimersByTime(1_000)
    expect(log).toEqual([])
    socket.bufferedAmount = 256 * KIB - 1
    vi.advanceTimersByTime(1_000)
    expect(log).toEqual(['drain'])
    // Nobody waits: nobody is asked.
    expect(vi.getTimerCount()).toBe(0)
    expect(connection.write([new Uint8Array(1)])).toBe(true)
  })

  it('looks for room when a message comes, however slow timers are', async () => {
    const { connection, socket, log } = await connect()
    connection.write([new Uint8Array(2_000 * KIB)])
    socket.emit('message', { data: new ArrayBuffer(5) })
    expect(log).toEqual(['data 5'])
    socket.bufferedAmount = 0
    socket.emit('message', { data: new ArrayBuffer(6) })
    expect(log).toEqual(['data 5', 'data 6', 'drain'])
  })

  it('asks for no room any more after its end', async () => {
    for (const finish of [(each: Connection) => each.end(1000), (each: Connection) => each.destroy()]) {
      const { connection, log } = await connect()
      connection.write([new Uint8Array(2_000 * KIB)])
      finish(connection)
      expect(vi.getTimerCount()).toBe(0)
      expect(connection.write([new Uint8Array(1)])).toBe(false)
      expect(log).toEqual([])
    }
    const { connection, socket, log } = await connect()
    connection.write([new Uint8Array(2_000 * KIB)])
    socket.emit('close', { code: 1006, reason: '' })
    expect(log.length).toBe(1)
  })

  it('tells of a text message', async () => {
    const { socket, log } = await connect()
    socket.emit('message', { data: 'hello' })
    expect(log).toEqual(['a text message'])
  })

  it.each([
    [0, 1000],
    [1000, 1000],
    [1002, 4064],
    [1003, 4064],
    [1009, 4066],
    [4065, 4065],
    [4999, 4999],
    [70_000, 1000],
  ])('asked to close with %s it closes with %s', async (asked, said) => {
    const { connection, socket, log } = await connect()
    connection.end(asked)
    expect(socket.closed).toEqual([said])
    socket.emit('close', { code: said, reason: '' })
    expect(log).toEqual(['end'])
  })

  it('keeps what comes before the first sink, in order', async () => {
    const attempt = wsTransport().connect(parseEndpoint(URL_TEXT), {})
    const socket = FakeSocket.last
    socket.emit('open')
    socket.emit('message', { data: new ArrayBuffer(1) })
    const connection = await attempt
    socket.emit('message', { data: 'text' })
    socket.emit('close', { code: 1000, reason: '' })
    const log: string[] = []
    connection.sink = {
      onData: (chunk) => log.push(`data ${chunk.length}`),
      onNonBinary: (what) => log.push(what),
      onDrain: () => log.push('drain'),
      onEnd: (error) => log.push(`end ${error}`),
    }
    expect(log).toEqual([])
    await Promise.resolve()
    expect(log).toEqual(['data 1', 'a text message', 'end undefined'])
  })
})

describe('connect in a browser', () => {
  it('says what to look at when it fails: browsers give no reason', async () => {
    const attempt = wsTransport().connect(parseEndpoint(URL_TEXT), {})
    FakeSocket.last.emit('error')
    FakeSocket.last.emit('close', { code: 1006, reason: '' })
    const error = await attempt.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(TransportError)
    expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    expect((error as TransportError).message).toContain(`connect ${URL_TEXT}: `)
    expect((error as TransportError).hint).toMatch(/console.*Origin.*path and certificate.*wss:/)
  })

  it.each(['', 'other'])('refuses the subprotocol "%s" [WST-008]', async (protocol) => {
    const attempt = wsTransport().connect(parseEndpoint(URL_TEXT), {})
    FakeSocket.last.protocol = protocol
    FakeSocket.last.emit('open')
    await expect(attempt).rejects.toThrow('did not choose the subprotocol peerplex.1')
    expect(FakeSocket.last.closed.length).toBe(1)
  })

  it('closes what it has begun when it is aborted', async () => {
    const abort = new AbortController()
    const attempt = wsTransport().connect(parseEndpoint(URL_TEXT), { signal: abort.signal })
    abort.abort()
    await expect(attempt).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(FakeSocket.last.closed.length).toBe(1)
    FakeSocket.last.emit('close', { code: 1006, reason: '' })
  })

  it.each([{ headers: { authorization: 'x' } }, { origin: 'https://app.example' }])(
    'cannot set %o',
    async (transport) => {
      const attempt = wsTransport().connect(parseEndpoint(URL_TEXT), { transport })
      await expect(attempt).rejects.toBeInstanceOf(UsageError)
    },
  )

  it('calls a URL that the browser does not take a wrong argument', async () => {
    const attempt = wsTransport().connect(parseEndpoint(`${URL_TEXT}#x`), {})
    await expect(attempt).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  it('needs a WebSocket class', async () => {
    vi.stubGlobal('WebSocket', undefined)
    await expect(wsTransport().connect(parseEndpoint(URL_TEXT), {})).rejects.toThrow('has no WebSocket class')
  })

  it('is all there is: a browser cannot listen', async () => {
    const attempt = wsTransport().listen(parseEndpoint(URL_TEXT), {}, () => {})
    await expect(attempt).rejects.toBeInstanceOf(UsageError)
    await expect(attempt).rejects.toMatchObject({ hint: expect.stringContaining('connect') })
  })
})
