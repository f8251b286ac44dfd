// Who may come in, over real sockets: credentials of both sides, calls that wait for a verdict, and strangers at the door.
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createPeer, type Peer, type PeerOptions } from '../src/index.js'
import { HANG_MS, listen, rejection, until } from './support.js'

vi.setConfig({ testTimeout: HANG_MS, hookTimeout: HANG_MS })

const peers: Peer[] = []
const sockets: Socket[] = []

function peer(options: PeerOptions = {}): Peer {
  const made = createPeer(options)
  peers.push(made)
  return made
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(peers.splice(0).map((each) => each.close()))
})

/** Somebody who connects from an address of this machine and says nothing. */
async function stranger(url: string, localAddress: string): Promise<Socket> {
  const { hostname, port } = new URL(url.replace(/^\w+:/, 'http:'))
  const socket = connect({ host: hostname, port: Number(port), localAddress })
  sockets.push(socket)
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

describe.each(['tcp://127.0.0.1:0', 'ws://127.0.0.1:0/peer'])('over %s', (url) => {
  it('both sides are asked, and know each other by identity', async () => {
    const server = peer({
      id: 'server',
      authenticate: async ({ auth }) => auth === 'sesame' && { user: 'ada' },
    })
    server.handle('whoami', (_input, ctx) => ctx.identity)
    server.handle('back', (_input, ctx) => ctx.remote.call('whoami'))
    const listener = await server.bind(url, { credentials: Uint8Array.of(1, 2, 3) })
    const client = peer({
      credentials: async () => 'sesame',
      authenticate: ({ id, authBytes }, { isAccepted }) =>
        !isAccepted && String(authBytes) === '1,2,3' && `the real ${id}`,
    })
    client.handle('whoami', (_input, ctx) => ctx.identity)
    client.connect(listener.url)
    expect(await client.call('whoami')).toEqual({ user: 'ada' })
    expect(await client.call('back')).toBe('the real server')
  })

  it('calls wait for the verdict, and go elsewhere after a refusal', async () => {
    const answers: ((identity: unknown) => void)[] = []
    const strict = peer({ authenticate: () => new Promise((answer) => answers.push(answer)) })
    const handled: unknown[] = []
    strict.handle('echo', (input) => handled.push(input))
    const client = peer({ credentials: 'wrong' })
    const link = client.connect((await strict.bind(url)).url)
    const calls = [client.call('echo', 1), client.call('echo', 2)]
    await until(() => answers.length > 0, 'the question')
    await until(() => (strict.stats().connections[0]?.heldChannels ?? 0) === 2, 'both calls')
    expect(handled).toEqual([])
    answers[0]?.(false)
    await until(() => link.state === 'CLOSED', 'the refusal')
    expect(link.lastError).toMatchObject({ code: 'AUTH', origin: 'remote' })
    const open = peer()
    open.handle('echo', (input: number) => input * 10)
    client.connect((await open.bind(url)).url)
    expect(await Promise.all(calls)).toEqual([10, 20])
    expect(handled).toEqual([])
  })

  it('a verdict that does not come is a HELLO_TIMEOUT', async () => {
    const signals: AbortSignal[] = []
    const server = peer({
      limits: { helloTimeoutMs: 50 },
      authenticate: (_hello, { signal }) => new Promise(() => signals.push(signal)),
    })
    const client = peer({ reconnect: false })
    const link = client.connect((await server.bind(url)).url)
    await until(() => link.state === 'CLOSED', 'the end')
    expect(link.lastError?.code).toBe('HELLO_TIMEOUT')
    expect(signals[0]?.reason).toMatchObject({ code: 'HELLO_TIMEOUT' })
  })

  it('nobody without an identity gets an answer out of it', async () => {
    const server = peer({ authenticate: () => false })
    server.handle('known', () => 'secret')
    const listener = await server.bind(url)
    const errors = await Promise.all(
      ['known', 'unknown'].map(async (name) => {
        const client = peer({ reconnect: false })
        client.connect(listener.url)
        return rejection(client.call(name, undefined, { timeoutMs: 300 }))
      }),
    )
    const [one, other] = errors.map(({ message, hint, delivery, code }) => [
      message.replace(/'\w+'/, ''),
      hint,
      delivery,
      code,
    ])
    expect(one).toEqual(other)
    expect(server.stats().errors.AUTH).toBe(2)
  })

  it('remote peers with one id and two identities are two', async () => {
    const server = peer({ authenticate: ({ auth }) => auth })
    const listener = await server.bind(url)
    for (const credentials of ['ada', 'mallory']) {
      const client = peer({ id: 'pricing', credentials })
      client.handle('who', () => credentials)
      await client.connect(listener.url).ready
      await until(() => server.peers().some(({ identity }) => identity === credentials), credentials)
    }
    for (let i = 0; i < 4; i++) expect(await server.call('who', undefined, { to: 'pricing' })).toBe('ada')
    const mallory = server.peers().find(({ identity }) => identity === 'mallory')
    expect(await mallory?.call('who')).toBe('mallory')
  })
})

describe('strangers at the door', () => {
  it('500 that say nothing neither keep an honest peer out nor slow one down that is in', async () => {
    const server = peer({ limits: { helloTimeoutMs: 2_000 } })
    server.handle('echo', (input) => input)
    const { url } = await server.bind('tcp://127.0.0.1:0')
    const before = peer()
    before.connect(url)
    expect(await before.call('echo', 'before')).toBe('before')
    for (let i = 0; i < 500; i++) await stranger(url, `127.0.0.${2 + (i % 8)}`)
    const { limits } = server.stats()
    expect(limits.unauthenticated).toBeLessThanOrEqual(256)
    expect(limits.unauthenticatedEvicted + limits.unauthenticatedRefused).toBeGreaterThan(100)
    const during = peer()
    during.connect(url)
    expect(await Promise.all([during.call('echo', 1), before.call('echo', 2)])).toEqual([1, 2])
    await until(() => server.stats().limits.unauthenticated === 0, 'their end')
    expect(await during.call('echo', 3)).toBe(3)
  })

  it('who come too fast from one address are turned away, others are not', async () => {
    const server = peer({ limits: { acceptBurst: 5, acceptsPerSecond: 1 } })
    server.handle('echo', (input) => input)
    const { url } = await server.bind('tcp://127.0.0.1:0')
    for (let i = 0; i < 20; i++) await stranger(url, '127.0.0.2')
    await until(() => server.stats().limits.acceptRateRefused >= 14, 'refusals')
    const honest = peer()
    honest.connect(url)
    expect(await honest.call('echo', 1)).toBe(1)
  })

  it('who read nothing cost no more than maxUnsentBytes for long', async () => {
    const server = peer({ limits: { maxUnsentBytes: 65_536, unsentTimeoutMs: 1_000 } })
    server.handle('large', () => new Uint8Array(4_000_000))
    const { url } = await server.bind('tcp://127.0.0.1:0')
    const window = 2 ** 26
    const client = peer({
      reconnect: false,
      limits: { channelWindowBytes: window, connectionWindowBytes: window },
    })
    const deaf = await deafProxy(url)
    client.connect(deaf.url)
    // More than the system takes for a socket that nobody reads.
    const calls = Array.from({ length: 12 }, () => client.call('large').catch((error: unknown) => error))
    await until(() => server.stats().limits.unsentBytesEnded > 0, 'the end of the one that does not read')
    expect(server.stats().connections).toEqual([])
    deaf.close()
    for (const error of await Promise.all(calls)) expect(error).toMatchObject({ code: 'UNAVAILABLE' })
  })
})

/** Passes on what is said to the server, and reads of its answers no more than HELLO. */
async function deafProxy(target: string): Promise<{ url: string; close: () => void }> {
  const { hostname, port } = new URL(target.replace(/^\w+:/, 'http:'))
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    sockets.push(near, far)
    for (const socket of [near, far]) socket.on('error', () => {})
    near.pipe(far)
    far.once('data', (hello) => {
      near.write(hello)
      far.pause()
    })
  })
  const proxyPort = await listen(server)
  return {
    url: `tcp://127.0.0.1:${proxyPort}`,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
