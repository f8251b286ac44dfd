import { TransportError } from '@peerplex/wire'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bytes, channel, FakeDomWorker, FakeNodeWorker, FakeScope, PortWorld, tasks } from './port-support.js'

let ports = new PortWorld()
beforeEach(() => {
  ports = new PortWorld()
})
afterEach(() => expect(ports.watch.violations).toEqual([]))

describe('the end', () => {
  it('leaves nothing listening on a port that was closed by the other side', async () => {
    const { port1, port2 } = channel()
    const a = await ports.connect(port1)
    port2.close()
    expect(await a.ended()).toBe(undefined)
    expect(a.write(bytes(1))).toBe(false)
    expect(['message', 'close', 'messageerror'].map((type) => port1.listenerCount(type))).toEqual([0, 0, 0])
  })

  it('comes for a port that was closed before', async () => {
    for (const closing of ['port1', 'port2'] as const) {
      const pair = channel()
      pair[closing].close()
      await tasks()
      const a = await ports.connect(pair.port1)
      const error = await a.ended()
      expect(error).toBeInstanceOf(TransportError)
      expect(error).toMatchObject({
        code: 'UNAVAILABLE',
        message: expect.stringContaining('the port is closed'),
      })
    }
  })

  it('comes after what waited in a port whose other side is closed', async () => {
    const { port1, port2 } = channel()
    port1.postMessage(bytes(1, 2))
    port1.close()
    await tasks()
    const b = await ports.connect(port2)
    expect(await b.ended()).toBe(undefined)
    expect([...b.bytes]).toEqual([1, 2])
  })

  it('does not come for an open port that did not hold the process', async () => {
    const { port1, port2 } = channel()
    port1.on('message', () => {})
    port1.unref()
    const [a, b] = [await ports.connect(port1), await ports.connect(port2)]
    b.write(bytes(1))
    await a.received(1)
    await tasks()
    expect(a.endCount).toBe(0)
  })

  it('given up before it is connected: the port is closed', async () => {
    const { port1, port2 } = channel()
    const b = await ports.connect(port2)
    const reason = new Error('enough')
    const attempt = ports.transport.connect(ports.endpointOf(port1), {
      signal: AbortSignal.abort(reason),
    })
    await expect(attempt).rejects.toMatchObject({ code: 'CANCELLED', cause: reason })
    expect(await b.ended()).toBe(undefined)
  })

  it('a sink set after the end is told of it', async () => {
    const { port1 } = channel()
    const connection = await ports.transport.connect(ports.endpointOf(port1), {})
    connection.end(0)
    await tasks()
    const late = ports.record(connection)
    expect(await late.ended()).toBe(undefined)
  })

  it('the scope of a worker is never closed', async () => {
    const scope = new FakeScope()
    const a = await ports.connect(scope)
    a.write(bytes(1))
    a.end()
    expect(await a.ended()).toBe(undefined)
    const b = await ports.connect(new FakeScope())
    b.destroy()
    scope.dispatchEvent(new MessageEvent('message', { data: 'for somebody else' }))
    expect([scope.posted.length, scope.isClosed, a.nonBinary]).toEqual([1, false, []])
  })
})

describe('a worker from outside', () => {
  it('gets nothing before it has said something, and then everything in order', async () => {
    const worker = new FakeDomWorker()
    const a = await ports.connect(worker)
    expect([a.write(bytes(1)), a.write(bytes(2, 3))]).toEqual([true, true])
    await tasks()
    expect([worker.posted, a.connection.bufferedBytes]).toEqual([[], 3])
    worker.say(bytes(7).buffer)
    expect(worker.posted).toEqual([bytes(1).buffer, bytes(2, 3).buffer])
    expect(a.connection.bufferedBytes).toBe(0)
    a.write(bytes(4))
    expect(worker.posted.length).toBe(3)
    expect([...a.bytes]).toEqual([7])
  })

  it('is heard from the moment it is given, however late the connection begins', async () => {
    const worker = new FakeDomWorker()
    const endpoint = ports.endpointOf(worker)
    worker.say(bytes(1).buffer)
    const connection = await ports.transport.connect(endpoint, {})
    worker.say(bytes(2).buffer)
    const a = ports.record(connection)
    worker.say(bytes(3).buffer)
    await a.received(3)
    expect([...a.bytes]).toEqual([1, 2, 3])
  })

  it('gets what was held back when the connection ends before it has said anything', async () => {
    const worker = new FakeDomWorker()
    const a = await ports.connect(worker)
    a.write(bytes(1))
    a.end()
    expect(worker.posted).toEqual([bytes(1).buffer])
    expect(await a.ended()).toBe(undefined)
  })

  it.each([
    ['Uncaught Error: boom', 'worker:1: Uncaught Error: boom'],
    [undefined, 'worker:1: the script could not be loaded'],
  ])('a script that never began ends the connection (%s)', async (message, expected) => {
    const worker = new FakeDomWorker()
    const a = await ports.connect(worker)
    worker.fail(message)
    expect(await a.ended()).toMatchObject({ code: 'UNAVAILABLE', message: expected })
    expect(a.write(bytes(1))).toBe(false)
  })

  it('an error later on does not', async () => {
    const worker = new FakeDomWorker()
    const a = await ports.connect(worker)
    worker.say(bytes(1).buffer)
    worker.fail('in some handler')
    worker.say(bytes(2).buffer)
    await tasks()
    expect([a.endCount, a.byteCount]).toEqual([0, 2])
  })

  it('in Node its exit ends the connection, with what it has thrown', async () => {
    const worker = new FakeNodeWorker()
    const a = await ports.connect(worker)
    const thrown = new Error('boom')
    worker.emit('error', thrown)
    expect(a.endCount).toBe(0)
    worker.emit('exit', 1)
    expect(await a.ended()).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'worker:1: the worker exited with code 1: boom',
      cause: thrown,
      retryable: true,
    })
    expect(worker.eventNames()).toEqual([])
  })

  it('in Node one that has exited before is told', async () => {
    const worker = new FakeNodeWorker()
    worker.threadId = -1
    const a = await ports.connect(worker)
    expect(await a.ended()).toMatchObject({ message: 'worker:1: the worker has exited' })
  })

  it('a SharedWorker whose script cannot be loaded ends the connection', async () => {
    const { port1 } = channel()
    const shared = Object.assign(new EventTarget(), { port: port1 })
    const a = await ports.connect(shared)
    shared.dispatchEvent(new Event('error'))
    expect(await a.ended()).toMatchObject({ message: 'port:1: the script could not be loaded' })
  })
})
