/**
 * Owns: what the tests of ports share: a transport with recorders, channels that are cleaned up, workers that are none.
 * Must not know: what is tested.
 */
import { EventEmitter } from 'node:events'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { ConnectionRecorder, ContractWatch, within } from '@peerplex/testkit'
import type { Connection, Endpoint, Transport } from '@peerplex/wire/transport'
import { onTestFinished } from 'vitest'
import { portTransport } from '../src/index.js'

/** A transport, and the connections that a test has made with it. */
export class PortWorld {
  readonly transport: Transport = portTransport()
  readonly watch: ContractWatch = new ContractWatch()

  endpointOf(target: object): Endpoint {
    return this.transport.endpointOf?.(target) as Endpoint
  }

  async connect(target: object): Promise<PortRecorder> {
    return this.record(await this.transport.connect(this.endpointOf(target), {}))
  }

  record(connection: Connection): PortRecorder {
    onTestFinished(() => connection.destroy())
    return new PortRecorder(connection, connection.url, this.watch)
  }
}

/** Also writes down what is not binary. */
export class PortRecorder extends ConnectionRecorder {
  readonly nonBinary: string[] = []
  #onNonBinary: () => void = () => {}

  onNonBinary(what: string): void {
    this.nonBinary.push(what)
    this.#onNonBinary()
  }

  async nonBinaryCount(count: number): Promise<void> {
    const arrival = new Promise<void>((resolve) => {
      this.#onNonBinary = () => {
        if (this.nonBinary.length >= count) resolve()
      }
      this.#onNonBinary()
    })
    await within(arrival, `${count} messages that are not binary`)
  }
}

export const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

export function channel(): { port1: MessagePort; port2: MessagePort } {
  const { port1, port2 } = new MessageChannel()
  onTestFinished(() => {
    port1.close()
    port2.close()
  })
  return { port1, port2 }
}

export function thrownBy(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

/** A few turns of the event loop: enough for anything already under way within this process. */
export async function tasks(count = 10): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** A worker as a browser shows it from outside. */
export class FakeDomWorker extends EventTarget {
  readonly posted: unknown[] = []
  postMessage(message: unknown): void {
    this.posted.push(message)
  }
  terminate(): void {
    throw new Error('a connection never ends a worker')
  }
  say(message: unknown): void {
    this.dispatchEvent(new MessageEvent('message', { data: message }))
  }
  fail(message?: string): void {
    this.dispatchEvent(Object.assign(new Event('error'), { message }))
  }
}

/** A worker as Node shows it from outside. */
export class FakeNodeWorker extends EventEmitter {
  threadId = 1
  readonly posted: unknown[] = []
  postMessage(message: unknown): void {
    this.posted.push(message)
  }
  terminate(): void {}
}

/** The global scope within a worker of a browser. */
export class FakeScope extends EventTarget {
  readonly posted: unknown[] = []
  isClosed = false
  get self(): unknown {
    return this
  }
  postMessage(message: unknown): void {
    this.posted.push(message)
  }
  close(): void {
    this.isClosed = true
  }
}
