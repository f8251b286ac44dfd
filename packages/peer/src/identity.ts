// Owns: when two connections are of one peer, and whom a peer's id leads to when several claim it.
// Must not know: how identities come about.
import type { RemotePeer } from './remote-peer.js'

/** What makes a peer the same as another one. */
export interface PeerNames {
  readonly id: string
  readonly instance: string
  readonly identity: unknown
}

/** Identities are compared no deeper: what lies below counts as different. */
const MOST_DEPTH = 8

/**
 * Id and instance are claims, and every peer that was ever connected knows those of the others: they count only together with the identity
 * that the credentials led to.
 */
export function isSamePeer(a: PeerNames, b: PeerNames): boolean {
  return a.id === b.id && a.instance === b.instance && isSameIdentity(a.identity, b.identity)
}

/**
 * Whether two identities are one: the same value, or plain objects and arrays with the same in them, since a hook makes a new one for each
 * connection. Other objects are the same only as themselves.
 */
export function isSameIdentity(a: unknown, b: unknown, depth: number = MOST_DEPTH): boolean {
  if (Object.is(a, b)) return true
  if (depth === 0 || !isPlain(a) || !isPlain(b) || Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every((key) => Object.hasOwn(b, key) && isSameIdentity(a[key], b[key], depth - 1))
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || Array.isArray(value)
}

/**
 * Marks those that have this id without being the one whom calls to it mean: the identity that has had it longest, and no identity only
 * where nobody has one. `remotes` in the order in which they came.
 */
export function markNamesakes(remotes: readonly RemotePeer[], id: string): void {
  const claimants = remotes.filter((remote) => remote.id === id)
  const owner = claimants.find(({ identity }) => identity !== undefined) ?? claimants[0]
  for (const each of claimants) each.isNamesake = !isSameIdentity(each.identity, owner?.identity)
}
