import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TransportContractSetup, transportContract } from '@peerplex/testkit'
import { type Connection, type ConnectionSink, parseEndpoint } from '@peerplex/wire/transport'
import { afterAll, describe, expect, it } from 'vitest'
import { netTransport } from './net-transport.js'

const dir = mkdtempSync(join(tmpdir(), 'peerplex-'))
afterAll(() => rmSync(dir, { recursive: true }))

let count = 0
const setups: Record<string, TransportContractSetup> = {
  tcp: {
    kind: 'byte',
    makeTransport: () => netTransport(),
    freshUrl: () => 'tcp://127.0.0.1:0',
    deadUrl: 'tcp://127.0.0.1:1',
  },
  'tcp without large reads': {
    kind: 'byte',
    makeTransport: () => netTransport({ readBufferBytes: 0 }),
    freshUrl: () => 'tcp://127.0.0.1:0',
    deadUrl: 'tcp://127.0.0.1:1',
  },
  'tcp on IPv6': {
    kind: 'byte',
    makeTransport: () => netTransport(),
    freshUrl: () => 'tcp://[::1]:0',
    deadUrl: 'tcp://[::1]:1',
  },
  unix: {
    kind: 'byte',
    makeTransport: () => netTransport(),
    freshUrl: () => `unix:${dir}/${count++}.sock`,
    deadUrl: `unix:${dir}/nobody.sock`,
  },
}

describe.each(Object.entries(setups))('contract: %s', (_name, setup) => {
  it.concurrent.each(transportContract(setup))('$name', ({ run }) => run(), 60_000)
})

describe('large reads', () => {
  /** The largest piece that each side gets of 8 MB both ways, and whether two pieces ever came in different memory. */
  async function largestPieces(readBufferBytes: number): Promise<[dialed: number, accepted: number]> {
    const transport = netTransport({ readBufferBytes })
    const most: [number, number] = [0, 0]
    const buffers = new Set<ArrayBufferLike>()
    const side = (index: 0 | 1): { sink: ConnectionSink; done: Promise<void> } => {
      let received = 0
      let finish = (): void => {}
      const done = new Promise<void>((resolve) => {
        finish = resolve
      })
      const onData = (chunk: Uint8Array): void => {
        most[index] = Math.max(most[index], chunk.length)
        buffers.add(chunk.buffer)
        received += chunk.length
        if (received === 8_000_000) finish()
      }
      return { sink: { onData, onDrain: () => {}, onEnd: () => {} }, done }
    }
    const [dialing, accepting] = [side(0), side(1)]
    const connections: Connection[] = []
    const listener = await transport.listen(parseEndpoint('tcp://127.0.0.1:0'), {}, (connection) => {
      connection.sink = accepting.sink
      connections.push(connection)
      connection.write([new Uint8Array(8_000_000)])
    })
    const dialed = await transport.connect(parseEndpoint(listener.url), {})
    dialed.sink = dialing.sink
    dialed.write([new Uint8Array(8_000_000)])
    await Promise.all([dialing.done, accepting.done])
    for (const connection of [dialed, ...connections]) connection.destroy()
    await listener.close()
    if (readBufferBytes > 0) expect(buffers.size).toBe(1)
    return most
  }

  it('take more than 64 KiB at a time at both ends, into one buffer', async () => {
    const [dialed, accepted] = await largestPieces(262_144)
    expect(dialed).toBeGreaterThan(65_536)
    expect(accepted).toBeGreaterThan(65_536)
  })

  it('can be left out', async () => {
    const [dialed, accepted] = await largestPieces(0)
    expect(Math.max(dialed, accepted)).toBeLessThanOrEqual(65_536)
  })
})
