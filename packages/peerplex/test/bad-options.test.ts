// URLs, options and names that make no sense: each is a UsageError at once, which says what is wrong and what is allowed.
import { describe, expect, it, vi } from 'vitest'
import { type PeerOptions, UsageError } from '../src/index.js'
import { HANG_MS, rejection, thrown } from './support.js'
import { useWorld } from './world.js'

vi.setConfig({ testTimeout: HANG_MS, hookTimeout: HANG_MS })

const world = useWorld()
const HINT = expect.stringMatching(/./)

describe('a bad URL names what is wrong and what is allowed', () => {
  it.each<[url: string, part: RegExp, allowed: RegExp]>([
    ['', /no scheme/, /tcp/],
    ['localhost', /no scheme/, /tcp.*unix/],
    ['127.0.0.1:7000', /scheme/, /tcp/],
    ['http://127.0.0.1:80', /unknown scheme 'http'/, /ws/],
    ['tcp:127.0.0.1:7000', /lacks \/\//, /tcp:\/\/host:port/],
    ['tcp://127.0.0.1', /no port/, /65535/],
    ['tcp://127.0.0.1:', /host and port '127\.0\.0\.1:'/, /host:port/],
    ['tcp://127.0.0.1:70000', /port 70000/, /65535/],
    ['tcp://127.0.0.1:-1', /host and port/, /host:port/],
    ['tcp://127.0.0.1:http', /host and port/, /host:port/],
    ['tcp://user@127.0.0.1:7000', /host and port 'user@/, /host:port/],
    ['tcp://::1:7000', /host and port/, /brackets/],
    ['tcp://127.0.0.1:7000/path', /path '\/path'/, /host and port only/],
    ['unix:', /nothing after the scheme/, /unix:/],
    ['memory:', /nothing after the scheme/, /memory:/],
    ['memory:?kind=message', /no name/, /memory:name/],
    ['memory:x?kind=both', /setting 'kind=both'/, /kind=byte/],
    ['quic://127.0.0.1:1', /unknown scheme 'quic'/, /tcp/],
  ])('%j', async (url, part, allowed) => {
    const peer = world().peer({ id: 'a', reconnect: false })
    const bound = await rejection(peer.bind(url))
    expect(bound).toBeInstanceOf(UsageError)
    expect(bound).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(part) })
    expect(bound.hint).toMatch(allowed)
    // What only the transport can know shows when it is asked.
    let error: unknown
    try {
      await peer.connect(url).ready
    } catch (caught) {
      error = caught
    }
    expect(error).toMatchObject({
      name: 'UsageError',
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(part),
      hint: expect.stringMatching(allowed),
    })
  })

  it('text that is no URL at all', async () => {
    const peer = world().peer({ id: 'a' })
    for (const url of [undefined, null, 7, {}] as unknown as string[]) {
      expect(await rejection(peer.bind(url))).toBeInstanceOf(UsageError)
      expect(thrown(() => peer.connect(url))).toMatchObject({ code: 'INVALID_ARGUMENT', hint: HINT })
    }
  })
})

describe('an option out of range names itself and what is allowed', () => {
  it.each<[name: string, options: PeerOptions]>([
    ['id', { id: '' }],
    ['id', { id: 'x'.repeat(256) }],
    ['profile', { profile: 'secure' as 'public' }],
    ['codec', { codec: 'msgpak' }],
    ['timeoutMs', { timeoutMs: -1 }],
    ['timeoutMs', { timeoutMs: Number.NaN }],
    ['connectTimeoutMs', { connectTimeoutMs: 0 }],
    ['queue.maxCalls', { queue: { maxCalls: 1.5 } }],
    ['queue.maxBytes', { queue: { maxBytes: -1 } }],
    ['queue.waitMs', { queue: { waitMs: Number.POSITIVE_INFINITY } }],
    ['queue.overflow', { queue: { overflow: 'drop' as 'block' } }],
    ['reconnect.initialMs', { reconnect: { initialMs: 0 } }],
    ['reconnect.maxMs', { reconnect: { maxMs: 2 ** 31 } }],
    ['maxFrameBytes', { limits: { maxFrameBytes: 1 } }],
    ['maxMessageBytes', { limits: { maxMessageBytes: 2 ** 32 } }],
    ['channelWindowBytes', { limits: { channelWindowBytes: 0 } }],
    ['idleTimeoutMs', { limits: { idleTimeoutMs: 1 } }],
    ['maxConnections', { limits: { maxConnections: 0 } }],
    ['maxConnectionsPerAddress', { limits: { maxConnectionsPerAddress: -5 } }],
    ['maxChannels', { limits: { maxChannels: 5 } as object }],
    ['timoutMs', { timoutMs: 5 } as object],
    ['queue.maxCall', { queue: { maxCall: 5 } as object }],
    ['reconnect.minMs', { reconnect: { minMs: 5 } as object }],
  ])('of the peer: %s in %j', (name, options) => {
    const error = thrown(() => world().peer(options))
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', hint: HINT })
    expect(error.message).toContain(name)
  })

  it.each<[what: string, name: string, options: object]>([
    ['timeoutMs', 'x', { timeoutMs: -1 }],
    ['timeoutMs', 'x', { timeoutMs: 1.5 }],
    ['timeoutMs', 'x', { timeoutMs: 2 ** 31 }],
    ['to', 'x', { to: 7 }],
    ['codec', 'x', { codec: 7 }],
    ['signal', 'x', { signal: {} }],
    ['onHeaders', 'x', { onHeaders: 1 }],
    ['name', '', {}],
    ['name', 'x'.repeat(256), {}],
    ['name', 'a\nb', {}],
    ['header', 'x', { headers: { 'Bad Key': '1' } }],
  ])('of a call: %s of %j with %j', async (_what, name, options) => {
    const peer = world().peer({ id: 'a' })
    for (const failing of [
      () => peer.call(name, 1, options),
      () => peer.notify(name, 1, options),
      async () => peer.stream(name, 1, options).next(),
      async () => peer.open(name, options).closed.then(() => Promise.reject(new Error('it was opened'))),
    ]) {
      const error = await rejection(failing())
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', delivery: 'not-sent', hint: HINT })
      expect(error).toBeInstanceOf(UsageError)
    }
    expect(peer.stats().queue.queuedCalls).toBe(0)
  })

  it('of handlers', () => {
    const peer = world().peer({ id: 'a' })
    const f = (): void => {}
    peer.handle('taken', f)
    for (const [name, handler] of [
      ['taken', f],
      ['', f],
      ['x', 7],
      ['~x', f],
      ['x'.repeat(256), f],
    ] as [string, () => void][]) {
      expect(thrown(() => peer.handle(name, handler))).toMatchObject({ hint: HINT })
    }
    expect(thrown(() => peer.handle({ good: f, taken: f }))).toMatchObject({ code: 'ALREADY_EXISTS' })
    // Nothing of a record that is wrong is handled.
    peer.handle('good', f)
  })
})
