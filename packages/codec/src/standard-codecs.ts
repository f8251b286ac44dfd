// Owns: the codecs that every peer has unless it is told otherwise, and their order.
// Must not know: how they are looked up and agreed on; that is codec-table.ts.
import type { Codec } from '@peerplex/wire'
import { CodecTable } from './codec-table.js'
import { createJsonCodec } from './json.js'
import { createMsgpackCodec } from './msgpack.js'
import type { CodecLimits } from './options.js'
import { createRawCodec } from './raw.js'
import { createTextCodec } from './text.js'

export interface StandardCodecsOptions {
  /** Codecs besides the standard ones: private (id 64 … 127, any free name) or `protobuf` (3) or `cbor` (4). */
  readonly codecs?: readonly Codec[]
  /** Name of the codec that comes first in our list. Default `msgpack`. */
  readonly preferred?: string
  /** Bounds of what msgpack and json decode. */
  readonly limits?: Partial<CodecLimits>
}

/**
 * A table with msgpack, json, text and raw in it. Throws UsageError INVALID_ARGUMENT for a codec that `CodecTable.add` would refuse and
 * for a preferred one that is not there.
 */
export function standardCodecs(options: StandardCodecsOptions = {}): CodecTable {
  const { codecs = [], preferred, limits } = options
  // This is the order of preference: bytes and text carry least, so they are taken when nothing else is left.
  const values = [createMsgpackCodec(limits), createJsonCodec(limits)]
  return new CodecTable([...values, ...codecs, createTextCodec(), createRawCodec()], preferred)
}
