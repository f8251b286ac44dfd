// Owns: how a peer is put together from codecs and transports.
// Must not know: which transports there are; index.ts and browser.ts say that.
import { type CodecLimits, CodecRegistry } from '@peerplex/codec'
import { createPeer as createPeerOf, type Peer, type PeerOptions as RpcPeerOptions } from '@peerplex/rpc'
import type { Codec } from '@peerplex/wire'
import type { Transport } from '@peerplex/wire/transport'

/** Options of a peer; each is described where it is declared, and in docs/guide. */
export interface PeerOptions extends RpcPeerOptions {
  /** Name of the codec that this peer prefers. Default `msgpack`. */
  readonly codec?: string
  /** Codecs besides msgpack, json, text and raw. */
  readonly codecs?: readonly Codec[]
  /** Bounds of what the standard codecs decode. */
  readonly codecLimits?: Partial<CodecLimits>
}

/** A peer over the given transports. Throws UsageError for options out of range. */
export function assemblePeer(transports: readonly Transport[], options: PeerOptions): Peer {
  const { codec, codecs, codecLimits, ...rest } = options
  const registry = new CodecRegistry({
    ...(codec !== undefined && { preferred: codec }),
    ...(codecs !== undefined && { codecs }),
    ...(codecLimits !== undefined && { limits: codecLimits }),
  })
  return createPeerOf({ transports, codecs: registry, agent: 'peerplex-js/0' }, rest)
}
