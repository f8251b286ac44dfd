// Owns: which things with a `postMessage` can be a connection. They come from several realms: their methods tell, not their class.
// Must not know: what goes over them.
import { UsageError } from '@peerplex/wire'

/** What MessagePorts, workers and the scopes of workers have in common, in browsers and in Node. */
export interface PortLike {
  postMessage(message: unknown, transfer: readonly object[]): void
  addEventListener?(type: string, listener: (event: unknown) => void): void
  removeEventListener?(type: string, listener: (event: unknown) => void): void
  on?(type: string, listener: (value: unknown) => void): unknown
  off?(type: string, listener: (value: unknown) => void): unknown
  /** DOM ports deliver nothing before. */
  start?(): void
  close?(): void
  /** Node: an open port holds the process. */
  ref?(): void
  /** Node: false after `ref` once the port is closed. */
  hasRef?(): boolean
  /** Node: -1 once the worker has exited. */
  readonly threadId?: unknown
}

/**
 * `port`: two equal ends, closed by either; its messages wait until somebody listens. `worker`: a worker seen from outside.
 * `scope`: the outside seen from within a worker of a browser. Neither of these two is ever closed by a connection.
 */
type PortKind = 'port' | 'worker' | 'scope'

export interface PortShape {
  readonly kind: PortKind
  readonly port: PortLike
  /** Where it is told that the script of a SharedWorker cannot be loaded. */
  readonly owner: PortLike | null
}

type Candidate = Readonly<Record<string, unknown>>

/** Null for an object of another kind. Throws UsageError INVALID_ARGUMENT for one that posts messages and is no pipe. */
export function shapeOf(target: object): PortShape | null {
  const candidate = target as Candidate
  // First of all: of a window of another origin nothing but a few properties may be read, these among them.
  if (isMethod(candidate, 'postMessage') && candidate.window === target)
    throw unusable('a window', 'anybody may post messages to it')
  if (isMethod(candidate, 'postMessage')) return shapeOfPort(candidate)
  const { port } = candidate
  if (!isMethod(candidate, 'addEventListener') || typeof port !== 'object' || port === null) return null
  if (!isMethod(port as Candidate, 'postMessage') || !isMethod(port as Candidate, 'start')) return null
  return { kind: 'port', port: port as PortLike, owner: target as PortLike }
}

function shapeOfPort(candidate: Candidate): PortShape | null {
  if (!isMethod(candidate, 'addEventListener') && !isMethod(candidate, 'on')) return null
  const port = candidate as unknown as PortLike
  if (isMethod(candidate, 'terminate')) return { kind: 'worker', port, owner: null }
  if (candidate.self === candidate) return { kind: 'scope', port, owner: null }
  if (!isMethod(candidate, 'start')) {
    if (typeof candidate.scriptURL === 'string')
      throw unusable('a ServiceWorker', 'its answers come to another object')
    if (typeof candidate.name === 'string') throw unusable('a BroadcastChannel', 'it has more than two ends')
  }
  return { kind: 'port', port, owner: null }
}

function isMethod(candidate: Candidate, name: string): boolean {
  return typeof candidate[name] === 'function'
}

function unusable(what: string, why: string): UsageError {
  return new UsageError('INVALID_ARGUMENT', `${what} cannot be a connection: ${why}`, {
    hint: 'make a MessageChannel, post one of its ports over there, and give the other one here',
  })
}

/** Adds a listener; returns what removes it. It gets an event where there are events, in Node often the bare value. */
export function listenTo(port: PortLike, type: string, listener: (event: unknown) => void): () => void {
  if (port.addEventListener !== undefined) {
    port.addEventListener(type, listener)
    return () => port.removeEventListener?.(type, listener)
  }
  port.on?.(type, listener)
  return () => port.off?.(type, listener)
}
