// Owns: the names of one memory transport, who listens under them, and how two sides find each other.
// Must not know: how data travels.
import { type ConnectionKind, type PeerplexError, TransportError } from '@peerplex/wire'
import type { Connection, ConnectOptions, Endpoint, Listener, Transport } from '@peerplex/wire/transport'
import { MemoryConnection } from './memory-connection.js'
import { parseMemoryName } from './memory-name.js'
import { type MemoryTransportOptions, type ResolvedMemoryOptions, resolveMemoryOptions } from './options.js'
import { afterMicrotasks } from './turns.js'

interface ListenerEntry {
  readonly kind: ConnectionKind
  readonly onConnection: (connection: Connection) => void
  isClosed: boolean
}

/**
 * A transport for `memory:` endpoints within one process. Its names are its own: two peers find each other only with the
 * same transport object. Throws UsageError for an option out of range.
 */
export function createMemoryTransport(options: MemoryTransportOptions = {}): Transport {
  return new MemoryTransport(resolveMemoryOptions(options))
}

class MemoryTransport implements Transport {
  readonly schemes: readonly string[] = ['memory']
  readonly #options: ResolvedMemoryOptions
  readonly #listeners = new Map<string, ListenerEntry>()

  constructor(options: ResolvedMemoryOptions) {
    this.#options = options
  }

  async connect(endpoint: Endpoint, { signal }: ConnectOptions): Promise<Connection> {
    const { name, kind } = parseMemoryName(endpoint)
    // As with a socket the answer takes a while, and the caller may give up until then.
    await undefined
    if (signal?.aborted) throw givenUp(endpoint, signal.reason)
    const entry = this.#listeners.get(name)
    if (entry === undefined) throw nobodyListens(endpoint)
    if (kind !== undefined && kind !== entry.kind) throw otherKind(endpoint, entry.kind)
    const url = `memory:${name}`
    const [ours, theirs] = MemoryConnection.pair(entry.kind, url, this.#options.maxDeliveriesPerTask)
    afterMicrotasks(() => accept(entry, theirs))
    return ours
  }

  async listen(
    endpoint: Endpoint,
    _options: unknown,
    onConnection: (connection: Connection) => void,
  ): Promise<Listener> {
    const { name, kind = this.#options.kind } = parseMemoryName(endpoint)
    if (this.#listeners.has(name)) throw nameInUse(endpoint, name)
    const entry: ListenerEntry = { kind, onConnection, isClosed: false }
    this.#listeners.set(name, entry)
    return {
      url: kind === this.#options.kind ? `memory:${name}` : `memory:${name}?kind=${kind}`,
      close: async () => {
        if (entry.isClosed) return
        entry.isClosed = true
        this.#listeners.delete(name)
      },
    }
  }
}

/** A connection that its listener does not want, or fails to take over, ends; whoever dialed is told. */
function accept(entry: ListenerEntry, connection: MemoryConnection): void {
  if (entry.isClosed) {
    connection.destroy()
    return
  }
  try {
    entry.onConnection(connection)
  } catch (error) {
    connection.destroy()
    throw error
  }
}

function givenUp(endpoint: Endpoint, reason: unknown): PeerplexError {
  return new TransportError('CANCELLED', `connect ${endpoint.url}: given up`, { cause: reason })
}

function nobodyListens(endpoint: Endpoint): PeerplexError {
  return new TransportError('UNAVAILABLE', `connect ${endpoint.url}: nobody listens under this name`, {
    hint: 'bind the name first, on a peer with the same memory transport',
    retryable: true,
  })
}

function otherKind(endpoint: Endpoint, kind: ConnectionKind): PeerplexError {
  return new TransportError('UNAVAILABLE', `connect ${endpoint.url}: the listener has kind=${kind}`, {
    hint: 'leave the kind out: the listener decides',
  })
}

function nameInUse(endpoint: Endpoint, name: string): PeerplexError {
  return new TransportError('FAILED_PRECONDITION', `listen ${endpoint.url}: the name '${name}' is in use`, {
    hint: 'choose another name, or close the listener that has this one',
  })
}
