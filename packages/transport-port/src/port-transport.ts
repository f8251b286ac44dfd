// Owns: connections over ports and workers that were handed in, each of them once.
// Must not know: how data travels.
import { TransportError, UsageError } from '@peerplex/wire'
import type { Connection, ConnectOptions, Endpoint, Listener, Transport } from '@peerplex/wire/transport'
import { PortConnection } from './port-connection.js'
import { type PortShape, shapeOf } from './port-shape.js'

/**
 * A transport for MessagePort, Worker, SharedWorker, the global scope within a worker, and Node's `parentPort`, all of them
 * handed in as objects. It remembers which of them are in use: make one for each realm.
 */
export function portTransport(): Transport {
  return new PortTransport()
}

class PortTransport implements Transport {
  /** They cannot be written as URLs. */
  readonly schemes: readonly string[] = []
  readonly targets: readonly string[] = [
    'a MessagePort',
    'a Worker',
    'a SharedWorker',
    'the scope of a worker',
  ]
  /** Null once somebody has the connection. */
  readonly #connections = new WeakMap<object, PortConnection | null>()
  #count = 0

  /** From here on the object is listened to: a worker keeps nothing for those who come later. */
  endpointOf(target: object): Endpoint | null {
    const shape = shapeOf(target)
    if (shape === null) return null
    this.#count += 1
    const url = `${shape.kind === 'port' ? 'port' : 'worker'}:${this.#count}`
    if (this.#connections.has(shape.port)) throw usedTwice(url)
    this.#connections.set(shape.port, new PortConnection(shape, url))
    return { scheme: 'port', host: '', port: 0, path: '', url, target }
  }

  async connect(endpoint: Endpoint, { signal }: ConnectOptions): Promise<Connection> {
    const connection = this.#take(endpoint)
    // As with a socket the answer takes a while, and the caller may give up until then.
    await undefined
    if (signal?.aborted !== true) return connection
    connection.destroy()
    throw new TransportError('CANCELLED', `connect ${endpoint.url}: given up`, { cause: signal.reason })
  }

  /** Both ends are equal: there is one connection, at once. */
  async listen(
    endpoint: Endpoint,
    _options: unknown,
    onConnection: (connection: Connection) => void,
  ): Promise<Listener> {
    const connection = this.#take(endpoint)
    try {
      onConnection(connection)
    } catch (error) {
      connection.destroy()
      throw error
    }
    return { url: endpoint.url, close: async () => {} }
  }

  #take({ url, target }: Endpoint): PortConnection {
    const shape: PortShape | null = target === undefined ? null : shapeOf(target)
    if (shape === null) {
      throw new UsageError('INVALID_ARGUMENT', `the endpoint '${url}' has no port`, {
        hint: `give one of: ${this.targets.join(', ')}`,
      })
    }
    const waiting = this.#connections.get(shape.port)
    if (waiting === null) throw usedTwice(url)
    this.#connections.set(shape.port, null)
    return waiting ?? new PortConnection(shape, url)
  }
}

function usedTwice(url: string): UsageError {
  return new UsageError('FAILED_PRECONDITION', `${url}: this port or worker was given to a peer before`, {
    hint: 'each connection needs a port of its own: make another MessageChannel',
  })
}
