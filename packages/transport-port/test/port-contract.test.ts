import { MessageChannel } from 'node:worker_threads'
import { type TransportContractSetup, transportContract } from '@peerplex/testkit'
import type { Connection, ConnectOptions, Endpoint, Transport } from '@peerplex/wire/transport'
import { describe, it } from 'vitest'
import { portTransport } from '../src/index.js'

/** Addresses for ports: whoever connects makes a channel, whose other port goes to the listener. */
class AddressedPorts implements Transport {
  readonly schemes: readonly string[] = ['memory']
  readonly #ports = portTransport()
  readonly #listeners = new Map<string, (connection: Connection) => void>()
  readonly #hasRolesSwapped: boolean

  constructor(hasRolesSwapped: boolean) {
    this.#hasRolesSwapped = hasRolesSwapped
  }

  async connect(endpoint: Endpoint, options: ConnectOptions): Promise<Connection> {
    const { port1, port2 } = new MessageChannel()
    const ours = { ...endpoint, target: port1 }
    const theirs = { ...endpoint, target: port2 }
    const accept = this.#listeners.get(endpoint.url) as (connection: Connection) => void
    const dialed = await this.#ports.connect(ours, options)
    if (!this.#hasRolesSwapped) {
      await this.#ports.listen(theirs, {}, accept)
      return dialed
    }
    let bound: Connection | undefined
    await this.#ports.listen(theirs, {}, (connection) => {
      bound = connection
    })
    accept(dialed)
    return bound as Connection
  }

  async listen(endpoint: Endpoint, _options: unknown, onConnection: (connection: Connection) => void) {
    this.#listeners.set(endpoint.url, onConnection)
    return { url: endpoint.url, close: async () => {} }
  }
}

let count = 0
const setup = (hasRolesSwapped: boolean): TransportContractSetup => ({
  kind: 'message',
  makeTransport: () => new AddressedPorts(hasRolesSwapped),
  freshUrl: () => `memory:ports-${count++}`,
  deadUrl: 'memory:nobody',
  // What is posted before a port is closed arrives: a port has no way to take it back.
  lacks: ['half-close', 'back-pressure', 'loss', 'address'],
})

describe.each([
  ['the one that connects dials', setup(false)],
  ['the one that binds dials', setup(true)],
])('contract: ports, %s', (_name, each) => {
  it.concurrent.each(transportContract(each))('$name', ({ run }) => run(), 60_000)
})
