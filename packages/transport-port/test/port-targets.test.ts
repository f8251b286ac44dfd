import { EventEmitter } from 'node:events'
import { UsageError } from '@peerplex/wire'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  bytes,
  channel,
  FakeDomWorker,
  FakeNodeWorker,
  FakeScope,
  PortWorld,
  thrownBy,
} from './port-support.js'

let ports = new PortWorld()
beforeEach(() => {
  ports = new PortWorld()
})
afterEach(() => expect(ports.watch.violations).toEqual([]))

describe('what is taken', () => {
  it('ports and workers, each with a short name for people', () => {
    const { port1 } = channel()
    const shared = Object.assign(new EventTarget(), { port: channel().port2 })
    const urls = [port1, new FakeDomWorker(), new FakeNodeWorker(), new FakeScope(), shared].map(
      (target) => ports.endpointOf(target).url,
    )
    expect(urls).toEqual(['port:1', 'worker:2', 'worker:3', 'worker:4', 'port:5'])
  })

  it.each([
    ['a plain object', {}],
    ['something to send to only', { postMessage: () => {} }],
    ['an emitter', new EventEmitter()],
    ['a server with a port number', Object.assign(new EventTarget(), { port: 80 })],
    ['a null port', Object.assign(new EventTarget(), { port: null })],
    ['a connection', { kind: 'byte', url: 'x:', write() {}, end() {}, destroy() {} }],
  ])('%s is left to other transports', (_name, target) => {
    expect(ports.endpointOf(target)).toBe(null)
  })

  it('a window is refused, also one of another origin', () => {
    const hostile = new Proxy(
      { postMessage: () => {} },
      {
        get: (target, name) => {
          if (name === 'postMessage') return target.postMessage
          if (name === 'window') return hostile
          throw new Error(`SecurityError: ${String(name)}`)
        },
      },
    )
    const error = thrownBy(() => ports.endpointOf(hostile))
    expect(error).toBeInstanceOf(UsageError)
    expect(error).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'a window cannot be a connection: anybody may post messages to it',
      hint: 'make a MessageChannel, post one of its ports over there, and give the other one here',
    })
  })

  it.each([
    ['a BroadcastChannel', () => new BroadcastChannel('peerplex')],
    ['a ServiceWorker', () => Object.assign(new EventTarget(), { postMessage() {}, scriptURL: 'sw.js' })],
  ])('%s is refused', (name, make) => {
    const target = make()
    const error = thrownBy(() => ports.endpointOf(target))
    if (target instanceof BroadcastChannel) target.close()
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(name) })
  })

  it('an endpoint without a port is refused', async () => {
    const endpoint = { scheme: 'port', host: '', port: 0, path: '', url: 'port:7' }
    await expect(ports.transport.connect(endpoint, {})).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(ports.transport.listen(endpoint, {}, () => {})).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
  })
})

describe('a port is used once', () => {
  it('by whoever asks first', async () => {
    const { port1, port2 } = channel()
    const endpoint = ports.endpointOf(port1)
    const expected = {
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('was given to a peer before'),
      hint: 'each connection needs a port of its own: make another MessageChannel',
    }
    expect(thrownBy(() => ports.endpointOf(port1))).toMatchObject(expected)
    const a = ports.record(await ports.transport.connect(endpoint, {}))
    await expect(ports.transport.connect(endpoint, {})).rejects.toMatchObject(expected)
    await expect(ports.transport.listen(endpoint, {}, () => {})).rejects.toMatchObject(expected)
    expect(thrownBy(() => ports.endpointOf(port1))).toMatchObject(expected)
    // The first connection does not notice.
    const b = await ports.connect(port2)
    a.write(bytes(1))
    await b.received(1)
    a.destroy()
    expect(thrownBy(() => ports.endpointOf(port1))).toMatchObject(expected)
  })

  it('also when a SharedWorker and its port are both given', () => {
    const { port1 } = channel()
    ports.endpointOf(Object.assign(new EventTarget(), { port: port1 }))
    expect(thrownBy(() => ports.endpointOf(port1))).toBeInstanceOf(UsageError)
  })

  it('a listener that throws ends the connection, and whoever binds is told', async () => {
    const { port1, port2 } = channel()
    const other = await ports.connect(port2)
    const refused = ports.transport.listen(ports.endpointOf(port1), {}, () => {
      throw new Error('no')
    })
    await expect(refused).rejects.toThrow('no')
    expect(await other.ended()).toBe(undefined)
  })
})
