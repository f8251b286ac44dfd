import { within } from '@peerplex/testkit'
import type { Connection } from '@peerplex/wire/transport'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { bytes, channel, FakeDomWorker, FakeNodeWorker, FakeScope, PortWorld } from './port-support.js'

let ports = new PortWorld()
beforeEach(() => {
  ports = new PortWorld()
})
afterEach(() => expect(ports.watch.violations).toEqual([]))

describe('messages', () => {
  it('one write is one message, and no memory is shared or taken away', async () => {
    const { port1, port2 } = channel()
    const [a, b] = [await ports.connect(port1), await ports.connect(port2)]
    const own = bytes(1, 2, 3)
    const slab = bytes(9, 4, 5, 9)
    const pooled = Buffer.from([6])
    a.write(own)
    a.write(slab.subarray(1, 3), pooled)
    await b.received(6)
    expect(b.chunks.map((chunk) => [...chunk])).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ])
    // Nothing of ours is detached, and what came over there does not change with it.
    expect([own.byteLength, slab.byteLength, pooled.byteLength]).toEqual([3, 4, 1])
    own.fill(0)
    slab.fill(0)
    expect([...b.bytes]).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('the copy is transferred', async () => {
    const scope = new FakeScope()
    const transfers: unknown[] = []
    scope.postMessage = (message: unknown, transfer?: unknown) => {
      transfers.push([message, transfer])
    }
    const a = await ports.connect(scope)
    a.write(bytes(1), bytes(2))
    const [[message, transfer]] = transfers as [[ArrayBuffer, unknown[]]]
    expect(message).toEqual(bytes(1, 2).buffer)
    expect(transfer[0]).toBe(message)
  })

  it('empty writes are no messages', async () => {
    const { port1, port2 } = channel()
    const [a, b] = [await ports.connect(port1), await ports.connect(port2)]
    expect(a.write()).toBe(true)
    expect(a.write(bytes())).toBe(true)
    a.write(bytes(1))
    await b.received(1)
    expect(b.chunkCount).toBe(1)
  })

  it('buffers and views of every kind are taken', async () => {
    const { port1, port2 } = channel()
    const b = await ports.connect(port2)
    const buffer = bytes(1, 2, 3, 4).buffer
    port1.postMessage(buffer)
    port1.postMessage(new Uint8Array(buffer, 1, 2))
    port1.postMessage(new DataView(buffer, 3))
    port1.postMessage(new Uint16Array(buffer, 2, 1))
    port1.postMessage(Buffer.from([5]))
    await b.received(10)
    expect([...b.bytes]).toEqual([1, 2, 3, 4, 2, 3, 4, 3, 4, 5])
    expect(b.nonBinary).toEqual([])
  })

  it('an empty message is handed on: it costs the sender', async () => {
    const { port1, port2 } = channel()
    const connection = await ports.transport.connect(ports.endpointOf(port2), {})
    onTestFinished(() => connection.destroy())
    const arrival = new Promise<number>((resolve) => {
      connection.sink = {
        onData: (chunk) => resolve(chunk.length),
        onDrain: () => {},
        onEnd: () => {},
      }
    })
    port1.postMessage(new ArrayBuffer(0))
    expect(await within(arrival, 'the message')).toBe(0)
  })

  it('anything else is named', async () => {
    const { port1, port2 } = channel()
    const b = await ports.connect(port2)
    const shared = new SharedArrayBuffer(4)
    const rest: unknown[] = ['text', 1, 1n, true, null, {}, [1], new Map(), shared, new Uint8Array(shared)]
    for (const each of rest) port1.postMessage(each)
    await b.nonBinaryCount(rest.length)
    expect(b.nonBinary).toEqual([
      'a string',
      'a number',
      'a bigint',
      'a boolean',
      'null',
      'an object',
      'an object',
      'an object',
      'shared memory',
      'shared memory',
    ])
    port1.postMessage(bytes(1))
    await b.received(1)
  })

  it('no code of a hostile object runs', async () => {
    const worker = new FakeNodeWorker()
    const b = await ports.connect(worker)
    const touch = (): never => {
      throw new Error('touched')
    }
    const trap = new Proxy(
      {},
      { get: touch, has: touch, getPrototypeOf: touch, getOwnPropertyDescriptor: touch },
    )
    const getter = Object.create(ArrayBuffer.prototype, {
      byteLength: { get: touch },
      buffer: { get: touch },
    })
    worker.emit('message', trap)
    worker.emit('message', getter)
    worker.emit('message', Object.create(Uint8Array.prototype))
    expect(b.nonBinary).toEqual(['an object', 'an object', 'an object'])
  })

  it('a message that cannot be read ends the connection', async () => {
    const worker = new FakeDomWorker()
    const a = await ports.connect(worker)
    worker.dispatchEvent(new MessageEvent('messageerror'))
    expect(await a.ended()).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/^worker:1: a message could not be read/),
    })
  })
})

it('a connection keeps its sink and kind', async () => {
  const { port1 } = channel()
  const connection: Connection = await ports.transport.connect(ports.endpointOf(port1), {})
  const a = ports.record(connection)
  expect([connection.kind, connection.sink, connection.url]).toEqual(['message', a, 'port:1'])
  a.destroy()
})
