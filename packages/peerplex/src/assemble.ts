// Owns: how a peer is put together from codecs and transports.
// Must not know: which transports and codecs there are, so that a page loads only those that its entry names.
import {
  type CodecLimits,
  CodecTable,
  createJsonCodec,
  createRawCodec,
  createTextCodec,
} from '@peerplex/codec/basic'
import { createPeer, type Peer, type PeerOptions as RpcPeerOptions } from '@peerplex/rpc'
import type { Codec } from '@peerplex/wire'
import type { Transport } from '@peerplex/wire/transport'

/** Options of a peer; each is described where it is declared, and in docs/guide. */
export interface PeerOptions extends RpcPeerOptions {
  /** Name of the codec that this peer prefers. Default `msgpack`; with `peerplex/json`, `json`. */
  readonly codec?: string
  /** Codecs besides msgpack (which `peerplex/json` leaves out), json, text and raw. */
  readonly codecs?: readonly Codec[]
  /** Bounds of what the standard codecs decode. */
  readonly codecLimits?: Partial<CodecLimits>
}

/** What an entry of this package fills in. */
export interface PeerParts {
  readonly transports: readonly Transport[]
  /** Makers of the codecs that are preferred to json, which every peer has. */
  readonly codecs: readonly ((limits?: Partial<CodecLimits>) => Codec)[]
}

/** A peer made of these parts. Throws UsageError for options out of range. */
export function assemble({ transports, codecs: makers }: PeerParts, options: PeerOptions): Peer {
  const { codec, codecs = [], codecLimits, ...rest } = options
  const values = [...makers, createJsonCodec].map((make) => make(codecLimits))
  // This is the order of preference: text and bytes carry least, so they are taken when nothing else is left.
  const table = new CodecTable([...values, ...codecs, createTextCodec(), createRawCodec()], codec)
  return createPeer({ transports, codecs: table, agent: 'peerplex-js/0' }, rest)
}
