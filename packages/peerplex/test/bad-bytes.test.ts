// What is not said with this library at all: HTTP, TLS, garbage, frames that break the rules, payloads that do not decode, and
// silence; over real sockets, from whoever connects and from whoever is dialed. It costs one channel or one connection.
import { connect, type Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import {
  concat,
  data,
  end,
  equalBytes,
  frame,
  goaway,
  hello,
  type NaiveFrame,
  naiveDecode,
  open,
  preface,
  RAW_FLAG,
  Random,
  toText,
  unhex,
} from '@peerplex/testkit'
import { ERRORS, type ErrorName } from '@peerplex/wire'
import { describe, expect, it, vi } from 'vitest'
import { type Peer, PeerplexError } from '../src/index.js'
import { HANG_MS, RawServer, rejection, until, within } from './support.js'
import { BASICS, useWorld } from './world.js'

vi.setConfig({ testTimeout: HANG_MS, hookTimeout: HANG_MS })

const world = useWorld()
const HINT = expect.stringMatching(/./)

/** A socket that says what it is told, and everything that comes back. */
class RawPeer {
  readonly socket: Socket
  #received: Uint8Array = new Uint8Array(0)
  isEnded = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      this.#received = concat([this.#received, chunk])
    })
    socket.on('end', () => {
      this.isEnded = true
      socket.end()
    })
    socket.on('close', () => {
      this.isEnded = true
    })
  }

  say(...parts: Uint8Array[]): void {
    this.socket.write(concat(parts))
  }

  get frames(): NaiveFrame[] {
    return naiveDecode(this.#received.slice(preface().length)).frames
  }

  async frame<K extends NaiveFrame['kind']>(kind: K): Promise<Extract<NaiveFrame, { kind: K }>> {
    const find = (): NaiveFrame | undefined => this.frames.find((each) => each.kind === kind)
    await until(() => find() !== undefined || this.isEnded, `a frame ${kind}`)
    return find() as Extract<NaiveFrame, { kind: K }>
  }

  ended(): Promise<void> {
    return until(() => this.isEnded, 'the end of the socket')
  }
}

interface LogLine {
  readonly message: string
  readonly fields: Record<string, unknown>
}

/** A peer that listens, somebody who uses it, and what it logs. */
async function listening(options: object = {}): Promise<{ peer: Peer; port: number; log: LogLine[] }> {
  const log: LogLine[] = []
  const note = (message: string, fields: object = {}): void =>
    void log.push({ message, fields: { ...fields } })
  const logger = { debug: note, info: note, warn: note, error: note }
  const peer = world().peer({ id: 'listening', logger, ...options })
  peer.handle({
    ...BASICS,
    swallow: async (items: AsyncIterable<unknown>) => {
      for await (const _ of items);
    },
  })
  const { url } = await peer.bind('tcp://127.0.0.1:0')
  await world().bystander(url)
  return { peer, port: Number(new URL(url).port), log }
}

function dialRaw(port: number): RawPeer {
  const raw = new RawPeer(connect({ port, host: '127.0.0.1', allowHalfOpen: true }))
  world().onEnd(() => raw.socket.destroy())
  return raw
}

/** What a client or server that is not ours may say first, and how that is called. */
const STRANGERS: [what: string, bytes: Uint8Array, code: string, hint: RegExp][] = [
  [
    'HTTP',
    new TextEncoder().encode('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    'PROTOCOL_ERROR',
    /HTTP.*ws:\/\//,
  ],
  [
    'an answer in HTTP',
    new TextEncoder().encode('HTTP/1.1 400 Bad Request\r\n\r\n'),
    'PROTOCOL_ERROR',
    /HTTP/,
  ],
  ['TLS', unhex('16030100ca010000c60303'), 'PROTOCOL_ERROR', /tls:\/\//],
  ['SSH', new TextEncoder().encode('SSH-2.0-OpenSSH_9.2\r\n'), 'PROTOCOL_ERROR', /address and port/],
  ['garbage', new Random(7).bytes(5_000), 'PROTOCOL_ERROR', /address and port/],
  [
    'another version',
    concat([preface().map((byte, at) => (at === 4 ? 0x32 : byte)), hello()]),
    'VERSION',
    /update/,
  ],
  ['frames without HELLO', concat([preface(), open({ payload: 'x' })]), 'PROTOCOL_ERROR', /./],
  [
    'a frame of 16 MB',
    concat([preface(), hello(), frame({ type: 3, chan: 1, size: 0xff_ffff })]),
    'FRAME_SIZE',
    /./,
  ],
  ['an unknown frame', concat([preface(), hello(), frame({ type: 0x7f })]), 'PROTOCOL_ERROR', /./],
  [
    'data for a channel that never was',
    concat([preface(), hello(), data({ chan: 99, payload: 'x' })]),
    'PROTOCOL_ERROR',
    /./,
  ],
]

describe('a client that says', () => {
  it.each(STRANGERS)(
    '%s: its connection ends, and the log of the side that listens says why',
    async (_what, bytes, code, hint) => {
      const { peer, port, log } = await listening()
      const raw = dialRaw(port)
      raw.say(bytes)
      await raw.ended()
      await until(() => peer.stats().connections.length === 1, 'only the bystander')
      expect(peer.stats().errors[code]).toBe(1)
      const line = log.find(({ fields }) => fields.code === code)
      expect(line?.fields).toMatchObject({ code, hint: expect.stringMatching(hint) })
      // Whoever began with anything else would not understand it.
      const isOurs = equalBytes(bytes.slice(0, preface().length), preface())
      expect((await raw.frame('GOAWAY'))?.code ?? 0).toBe(isOurs ? ERRORS[code as ErrorName].wireCode : 0)
    },
  )

  it('TLS for real', async () => {
    const { peer, port } = await listening()
    const socket = tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    world().onEnd(() => socket.destroy())
    const error = await within(new Promise((resolve) => socket.on('error', resolve)), 'an error')
    expect(error).toBeInstanceOf(Error)
    await until(() => peer.stats().errors.PROTOCOL_ERROR === 1, 'the end of it')
  })

  it('HTTP for real', async () => {
    const { peer, port } = await listening()
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toBeInstanceOf(TypeError)
    await until(() => peer.stats().errors.PROTOCOL_ERROR === 1, 'the end of it')
  })

  it('nothing at all', async () => {
    const { peer, port, log } = await listening({ limits: { helloTimeoutMs: 100 } })
    const raw = dialRaw(port)
    await raw.ended()
    expect(peer.stats().errors.HELLO_TIMEOUT).toBe(1)
    expect(log.find(({ fields }) => fields.code === 'HELLO_TIMEOUT')?.fields).toMatchObject({ hint: HINT })
  })

  it('half a preface, and goes away', async () => {
    const { peer, port } = await listening()
    for (let length = 0; length <= 8; length++) {
      const raw = dialRaw(port)
      raw.socket.end(preface().slice(0, length))
      await raw.ended()
    }
    await until(() => peer.stats().connections.length === 1, 'only the bystander')
  })

  it('five hundred kinds of garbage at once', async () => {
    const { peer, port } = await listening({
      limits: { maxConnections: 5_000, maxConnectionsPerAddress: 5_000 },
    })
    const random = new Random(11)
    const start = concat([preface(), hello()])
    const raws = Array.from({ length: 500 }, (_, i) => {
      const raw = dialRaw(port)
      const noise = random.bytes(random.int(1, 400))
      // From the first byte on, or only after a good start.
      raw.socket.end(i % 2 === 0 ? noise : concat([start, noise]))
      return raw
    })
    for (const raw of raws) await raw.ended()
    await until(() => peer.stats().connections.length === 1, 'only the bystander')
  })
})

describe('a server that says', () => {
  it.each(STRANGERS)('%s: the link says why, with a hint', async (_what, bytes, code, hint) => {
    const server = await new RawServer((socket) => socket.write(bytes)).start()
    world().onEnd(() => server.close())
    const peer = world().peer({ id: 'dialing', reconnect: false })
    const waiting = rejection(peer.call('add', [1, 2], { timeoutMs: 1_000 }))
    const link = peer.connect(server.url)
    // Frames that follow a good HELLO come when the link is ready already.
    await until(() => link.lastError !== null, 'an error')
    expect(link.lastError).toMatchObject({ code, hint: expect.stringMatching(hint) })
    expect(await waiting).toMatchObject({
      delivery: expect.stringMatching(/^(not-sent|unknown)$/),
      hint: HINT,
    })
  })

  it('nothing at all', async () => {
    const server = await new RawServer(() => {}).start()
    world().onEnd(() => server.close())
    for (const options of [{ connectTimeoutMs: 100 }, { limits: { helloTimeoutMs: 100 } }]) {
      const peer = world().peer({ id: 'dialing', reconnect: false, ...options })
      const error = await rejection(peer.connect(server.url).ready)
      expect(error).toBeInstanceOf(PeerplexError)
      expect(error.code).toMatch(/^(UNAVAILABLE|HELLO_TIMEOUT)$/)
      expect(error.hint).not.toBe('')
    }
  })

  it('nothing, and hangs up', async () => {
    const server = await new RawServer((socket) => socket.end()).start()
    world().onEnd(() => server.close())
    const peer = world().peer({ id: 'dialing', reconnect: false })
    expect(await rejection(peer.connect(server.url).ready)).toMatchObject({ code: 'UNAVAILABLE', hint: HINT })
  })

  it('that it refuses us', async () => {
    const refusal = goaway({ code: 73, flags: RAW_FLAG.FINAL ?? 1 })
    const server = await new RawServer((socket) =>
      socket.write(concat([preface(), hello(), refusal])),
    ).start()
    world().onEnd(() => server.close())
    const peer = world().peer({ id: 'dialing' })
    const link = peer.connect(server.url)
    await until(() => link.state === 'CLOSED', 'the end of the link')
    expect(link.lastError).toMatchObject({ code: 'AUTH', origin: 'remote', hint: HINT })
  })
})

describe('a payload that does not decode costs its channel only', () => {
  it('as the input of a call: the caller is told, and no handler runs', async () => {
    const { peer, port } = await listening()
    const raw = dialRaw(port)
    // c1 is never used in msgpack.
    raw.say(preface(), hello(), open({ chan: 1, name: 'add', codec: 2, payload: unhex('c1'), flags: 5 }))
    const { code, entries } = await raw.frame('END')
    expect(code).toBe(3)
    const text = entries.map(({ value }) => toText(value)).join()
    expect(text).toMatch(/the input of 'add' does not decode as msgpack/)
    // The connection goes on.
    raw.say(open({ chan: 2, name: 'add', codec: 1, payload: '[3,4]', flags: 5 }))
    await until(() => raw.frames.some(({ kind, chan }) => kind === 'DATA' && chan === -2), 'an answer')
    expect(peer.stats().connections).toHaveLength(2)
  })

  it('as an item of a streamed input', async () => {
    const { port } = await listening()
    const raw = dialRaw(port)
    raw.say(preface(), hello(), open({ chan: 1, name: 'swallow', codec: 1 }))
    raw.say(data({ payload: '1' }), data({ payload: '{' }))
    expect((await raw.frame('END')).code).toBe(3)
  })

  it('in a codec that is not there', async () => {
    const { port } = await listening()
    const raw = dialRaw(port)
    raw.say(preface(), hello(), open({ chan: 1, name: 'add', codec: 99, payload: 'x', flags: 5 }))
    const { code, flags, entries } = await raw.frame('END')
    expect([code, flags & 0x10]).toEqual([33, 0x10])
    expect(entries.length).toBeGreaterThan(0)
  })

  it.each(['call', 'stream'] as const)('as the answer of a %s', async (verb) => {
    const server = await new RawServer((socket) => {
      const raw = new RawPeer(socket)
      raw.say(preface(), hello())
      raw.frame('OPEN').then(() => raw.say(data({ chan: -1, payload: unhex('c1'), flags: 5 })))
    }).start()
    world().onEnd(() => server.close())
    const peer = world().peer({ id: 'dialing' })
    await peer.connect(server.url).ready
    const failing = verb === 'call' ? peer.call('x') : peer.stream('x').next()
    expect(await rejection(failing)).toMatchObject({
      code: 'DATA_LOSS',
      message: expect.stringMatching(/'x' does not decode as msgpack/),
      delivery: 'processed',
      hint: HINT,
    })
    expect(peer.peers()).toHaveLength(1)
  })

  it('as the details of an error: the error comes without', async () => {
    const server = await new RawServer((socket) => {
      const raw = new RawPeer(socket)
      raw.say(preface(), hello())
      raw.frame('OPEN').then(() => raw.say(end({ chan: -1, code: 5, payload: unhex('c1') })))
    }).start()
    world().onEnd(() => server.close())
    const peer = world().peer({ id: 'dialing' })
    await peer.connect(server.url).ready
    expect(await rejection(peer.call('x'))).toMatchObject({ code: 'NOT_FOUND', delivery: 'processed' })
  })
})

describe('a server that vanishes', () => {
  it.each(['destroy', 'resetAndDestroy'] as const)('in the middle of an answer (%s)', async (verb) => {
    const server = await new RawServer((socket) => {
      const raw = new RawPeer(socket)
      raw.say(preface(), hello())
      raw.frame('OPEN').then(() => {
        // A message of which the rest never comes.
        socket.write(data({ chan: -1, payload: 'x'.repeat(100), flags: 6 }), () => {
          if (verb === 'destroy') socket.end()
          else socket.resetAndDestroy()
        })
      })
    }).start()
    world().onEnd(() => server.close())
    const peer = world().peer({ id: 'dialing', reconnect: { initialMs: 600_000 } })
    const link = peer.connect(server.url)
    await link.ready
    expect(await rejection(peer.call('x'))).toMatchObject({
      code: 'UNAVAILABLE',
      delivery: expect.stringMatching(/^(unknown|processed)$/),
      hint: HINT,
    })
    await until(() => link.state === 'BACKOFF' || link.state === 'CONNECTING', 'another attempt')
    expect(link.lastError).toMatchObject({ code: 'UNAVAILABLE', hint: HINT })
  })
})
