import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { concat, toBytes, toText } from '@peerplex/testkit'
import type { ConnectionEnd } from '@peerplex/wire/transport'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { NetConnection } from './net-connection.js'

/** One end: the connection, its socket, and what it has told. */
interface End {
  readonly socket: Socket
  readonly connection: NetConnection
  readonly chunks: Uint8Array[]
  readonly told: string[]
  readonly over: Promise<ConnectionEnd>
}

let server: Server
const sockets: Socket[] = []

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
})

afterEach(() => {
  server.close()
  for (const socket of sockets.splice(0)) socket.destroy()
})

async function pair(): Promise<[End, End]> {
  const { port } = server.address() as AddressInfo
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const dialled = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  const [[other]] = await Promise.all([accepted, once(dialled, 'connect')])
  return [endOf(dialled), endOf(other)]
}

function endOf(socket: Socket): End {
  sockets.push(socket)
  const connection = new NetConnection(socket, 'tcp:')
  const chunks: Uint8Array[] = []
  const told: string[] = []
  const over = new Promise<ConnectionEnd>((resolve) => {
    connection.sink = {
      onData: (chunk) => chunks.push(chunk),
      onDrain: () => told.push('drain'),
      onEnd: (error) => {
        told.push('end')
        resolve(error)
      },
    }
  })
  return { socket, connection, chunks, told, over }
}

describe('a TCP socket as a connection', () => {
  it('carries the parts of all writes in order', async () => {
    const [a, b] = await pair()
    a.connection.write([toBytes('one '), toBytes('two '), toBytes('three ')])
    a.connection.write([toBytes('four')])
    a.connection.end()
    expect(await b.over).toBe(undefined)
    expect(toText(concat(b.chunks))).toBe('one two three four')
  })

  it('goes on receiving after its own end', async () => {
    const [a, b] = await pair()
    a.connection.end()
    await b.over
    b.connection.write([toBytes('late')])
    b.connection.end()
    expect(await a.over).toBe(undefined)
    expect(toText(concat(a.chunks))).toBe('late')
  })

  it('asks to wait when it has no room, and tells when it has', async () => {
    const [a, b] = await pair()
    b.socket.pause()
    const part = new Uint8Array(1_000_000)
    let writtenCount = 1
    while (a.connection.write([part, part])) writtenCount++
    expect(a.told).toEqual([])
    b.socket.resume()
    await once(a.socket, 'drain')
    expect(a.told).toEqual(['drain'])
    a.connection.end()
    await b.over
    expect(concat(b.chunks).length).toBe(writtenCount * 2_000_000)
  })

  it('tells why it broke, once', async () => {
    const [a, b] = await pair()
    b.socket.resetAndDestroy()
    expect(await a.over).toMatchObject({ code: 'ECONNRESET' })
    expect(a.connection.write([toBytes('x')])).toBe(false)
    a.connection.end()
    a.connection.destroy()
    expect(a.told).toEqual(['end'])
  })

  it('tells nothing once it was destroyed', async () => {
    const [a, b] = await pair()
    b.connection.write([toBytes('x')])
    a.connection.destroy()
    await once(a.socket, 'close')
    await b.over
    expect([a.told, a.chunks]).toEqual([[], []])
  })
})
