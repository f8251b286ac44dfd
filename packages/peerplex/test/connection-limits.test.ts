// Limits on the connections that a listener accepts.
import { createPeer } from 'peerplex'
import { expect, it } from 'vitest'

it('accepts so many connections from one address, and another once one of them is gone', async () => {
  const server = createPeer({ limits: { maxConnectionsPerAddress: 2 } })
  const clients = [createPeer(), createPeer(), createPeer()]
  try {
    server.handle('hello', () => 'hello')
    const { url } = await server.bind('tcp://127.0.0.1:0')
    const [first, second, third] = clients
    for (const client of [first, second]) {
      client?.connect(url)
      expect(await client?.call('hello')).toBe('hello')
    }
    third?.connect(url)
    const waiting = third?.call('hello')
    await expect(third?.call('hello', undefined, { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      delivery: 'not-sent',
    })
    expect(server.stats().errors.CONNECTIONS_REFUSED).toBeGreaterThan(0)
    expect(await first?.call('hello')).toBe('hello')
    await second?.close()
    expect(await waiting).toBe('hello')
  } finally {
    await Promise.all([...clients, server].map((peer) => peer.close()))
  }
})
