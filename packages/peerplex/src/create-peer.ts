// Owns: that a peer has codec msgpack, and prefers it.
// Must not know: which transports there are; index.ts and browser.ts say that.
import { createMsgpackCodec } from '@peerplex/codec'
import type { Peer } from '@peerplex/rpc'
import type { Transport } from '@peerplex/wire/transport'
import { assemble, type PeerOptions } from './assemble.js'

export type { PeerOptions } from './assemble.js'

/** A peer over the given transports. Throws UsageError for options out of range. */
export function assemblePeer(transports: readonly Transport[], options: PeerOptions): Peer {
  return assemble({ transports, codecs: [createMsgpackCodec] }, options)
}
