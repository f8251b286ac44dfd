/**
 * Owns: sessions over connections under test, and raw sockets that speak HTTP and WebSocket as a test wants.
 * Must not know: what is tested.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { SessionDriver, type SessionDriverEvents } from '@peerplex/peer'
import { acceptAsEcho, type ChannelEvent, RecordingChannelSink, within } from '@peerplex/testkit'
import { type Connection, type Listener, parseEndpoint } from '@peerplex/wire/transport'
import { onTestFinished } from 'vitest'
import { type WsTransportOptions, wsTransport } from '../src/index.js'

const certificates = new URL('certificates/', import.meta.url)
export const cert = readFileSync(new URL('cert.pem', certificates))
export const key = readFileSync(new URL('key.pem', certificates))

export interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
}

export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((each) => {
    resolve = each
  })
  return { promise, resolve }
}

// ---- sessions ---------------------------------------------------------------------------------------------------------

export interface Side {
  readonly driver: SessionDriver
  readonly ready: Promise<void>
  readonly released: Promise<void>
  readonly errors: (Error & { code?: string })[]
}

let seed = 0

/** A session that echoes what it is asked. */
export function drive(connection: Connection): Side {
  const errors: Error[] = []
  const ready = deferred<void>()
  const released = deferred<void>()
  const events: SessionDriverEvents = {
    onHello: () => ready.resolve(),
    onChannel: (channel) => acceptAsEcho(channel, new RecordingChannelSink()),
    onDrain: () => {},
    onRefFreed: () => {},
    onHandlerError: (error) => errors.push(error as Error),
    onClose: (error) => {
      if (error !== null) errors.push(error)
    },
    onReleased: () => released.resolve(),
    onUnexpectedError: (error) => errors.push(error as Error),
  }
  seed += 1
  const driver = new SessionDriver(connection, { instance: new Uint8Array(16).fill(seed) }, events)
  driver.start()
  const side: Side = {
    driver,
    ready: within(ready.promise, 'HELLO'),
    released: within(released.promise, 'the release'),
    errors,
  }
  // Not every test waits for them.
  side.ready.catch(() => {})
  side.released.catch(() => {})
  return side
}

/** One call: a message there, the same one back; resolves with its size. */
export async function call(side: Side, size: number): Promise<number> {
  let replyBytes = 0
  const sink = new RecordingChannelSink()
  const closed = new Promise<void>((resolve) => {
    sink.onEvent = (event: ChannelEvent) => {
      if (event.type === 'message') replyBytes += event.payload.length
      if (event.type === 'close') resolve()
    }
  })
  side.driver.session.open('echo', { message: new Uint8Array(size), isLast: true, sink })
  await within(closed, 'an answer')
  return replyBytes
}

/** A listener with a session on each connection, and one that is connected and must not notice anything. */
export interface Service {
  readonly listener: Listener
  readonly port: number
  readonly accepted: Side[]
  /** Resolves with the next session that is accepted. */
  next(): Promise<Side>
  /** Fails unless a session that was there before still answers, and nothing happened to it. */
  checkBystander(): Promise<void>
}

export async function startService(options: WsTransportOptions = {}, path = ''): Promise<Service> {
  const accepted: Side[] = []
  const waiting: ((side: Side) => void)[] = []
  const isSecure = options.tls !== undefined
  const url = `${isSecure ? 'wss' : 'ws'}://127.0.0.1:0${path}`
  const listener = await wsTransport(options).listen(parseEndpoint(url), {}, (connection) => {
    const side = drive(connection)
    accepted.push(side)
    waiting.shift()?.(side)
  })
  const next = (): Promise<Side> =>
    within(new Promise<Side>((resolve) => waiting.push(resolve)), 'an accepted connection')
  const arrival = next()
  const dialing = wsTransport({ tls: { ca: cert } })
  const bystander = drive(await dialing.connect(parseEndpoint(listener.url), {}))
  const otherEnd = await arrival
  await bystander.ready
  onTestFinished(async () => {
    for (const each of [bystander, ...accepted]) each.driver.connection.destroy()
    await listener.close()
  })
  return {
    listener,
    port: parseEndpoint(listener.url).port,
    accepted,
    next,
    checkBystander: async () => {
      const size = await call(bystander, 1_000)
      const errors = [...bystander.errors, ...otherEnd.errors]
      if (size !== 1_000 || errors.length > 0) throw new Error(`the bystander noticed: ${errors.join()}`)
    },
  }
}

// ---- raw sockets ------------------------------------------------------------------------------------------------------

/** A socket that keeps what comes. */
export interface Raw {
  readonly socket: Socket
  readonly bytes: () => Buffer
  readonly text: () => string
  /** Until so much has come. */
  has(text: string): Promise<void>
  /** Until the other side has closed, whichever way. */
  readonly closed: Promise<void>
}

/** With `isStubborn` it does not end when the other side does. */
export async function openRaw(port: number, isStubborn = false, localAddress?: string): Promise<Raw> {
  const from = localAddress === undefined ? {} : { localAddress }
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: isStubborn, ...from })
  const chunks: Buffer[] = []
  let check = (): void => {}
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    chunks.push(chunk)
    check()
  })
  const closed = within(
    new Promise<void>((resolve) => socket.once('close', () => resolve())),
    'the other side to close',
  )
  closed.catch(() => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  const bytes = (): Buffer => Buffer.concat(chunks)
  const text = (): string => bytes().toString('latin1')
  const has = (part: string): Promise<void> =>
    within(
      new Promise<void>((resolve) => {
        check = () => {
          if (text().includes(part)) resolve()
        }
        check()
      }),
      `'${part}' on a raw socket`,
    )
  return { socket, bytes, text, has, closed }
}

/** Sends some text and resolves with everything that comes until the other side closes. */
export async function exchange(port: number, text: string): Promise<string> {
  const raw = await openRaw(port)
  raw.socket.write(text)
  await raw.closed
  return raw.text()
}

const UPGRADE: Readonly<Record<string, string>> = {
  host: '127.0.0.1',
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-protocol': 'peerplex.1',
}

/** An upgrade request; headers given as undefined are left out. */
export function upgradeText(
  headers: Readonly<Record<string, string | undefined>> = {},
  path = '/',
  method = 'GET',
): string {
  const lines = Object.entries({ ...UPGRADE, ...headers }).filter(([, value]) => value !== undefined)
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
}

/** A raw socket on which the upgrade is through. */
export async function openUpgraded(
  port: number,
  headers: Record<string, string> = {},
  isStubborn = false,
): Promise<Raw> {
  const raw = await openRaw(port, isStubborn)
  raw.socket.write(upgradeText(headers))
  await raw.has('\r\n\r\n')
  if (!raw.text().startsWith('HTTP/1.1 101')) throw new Error(raw.text())
  return raw
}

export interface FrameShape {
  /** The first byte: FIN, the reserved bits, the opcode. */
  readonly head: number
  readonly isMasked?: boolean
  readonly payload?: Uint8Array
}

/** One WebSocket frame with a payload below 126 bytes. */
export function frame({ head, isMasked = true, payload = new Uint8Array(3) }: FrameShape): Buffer {
  const mask = isMasked ? [0, 0, 0, 0] : []
  return Buffer.from([head, (isMasked ? 0x80 : 0) | payload.length, ...mask, ...payload])
}

/** The code of the close frame at the end of what a listener sent. */
export function closeCodeOf(raw: Raw): number {
  const bytes = raw.bytes()
  const at = bytes.lastIndexOf(0x88)
  return at < 0 ? 0 : bytes.readUInt16BE(at + 2)
}
