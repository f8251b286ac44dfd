// Owns: the codecs that every peer has unless it is told otherwise, and their order.
// Must not know: how they are looked up and agreed on; that is codec-table.ts.
import type { Codec, PeerplexError } from '@peerplex/wire'
import { type CodecList, CodecTable } from './codec-table.js'
import { createJsonCodec } from './json.js'
import { createMsgpackCodec } from './msgpack.js'
import type { CodecLimits } from './options.js'
import { createRawCodec } from './raw.js'
import { createTextCodec } from './text.js'

export interface CodecRegistryOptions {
  /** Codecs besides the standard ones: private (id 64 … 127, any free name) or `protobuf` (3) or `cbor` (4). */
  readonly codecs?: readonly Codec[]
  /** Name of the codec that is preferred to all others. Default `msgpack`. */
  readonly preferred?: string
  /** Limits of the standard codecs. */
  readonly limits?: Partial<CodecLimits>
}

/** A CodecTable with msgpack, json, text and raw in it. */
export class CodecRegistry {
  readonly #table: CodecTable

  /** Throws UsageError INVALID_ARGUMENT for a codec that `add` would refuse and for a preferred one that is not there. */
  constructor(options: CodecRegistryOptions = {}) {
    const { codecs = [], preferred, limits } = options
    // This is the order of preference: bytes and text carry least, so they are taken when nothing else is left.
    const values = [createMsgpackCodec(limits), createJsonCodec(limits)]
    this.#table = new CodecTable([...values, ...codecs, createTextCodec(), createRawCodec()], preferred)
  }

  /** As in CodecTable, like every method here. */
  add(codec: Codec): void {
    this.#table.add(codec)
  }

  byId(id: number): Codec | undefined {
    return this.#table.byId(id)
  }

  byName(name: string): Codec | undefined {
    return this.#table.byName(name)
  }

  byTheirId(id: number, theirs: CodecList | null): Codec | undefined {
    return this.#table.byTheirId(id, theirs)
  }

  list(): readonly Codec[] {
    return this.#table.list()
  }

  announce(): string {
    return this.#table.announce()
  }

  parse(text: string): CodecList {
    return this.#table.parse(text)
  }

  choose(name: string | undefined, theirs: CodecList | null): Codec | PeerplexError {
    return this.#table.choose(name, theirs)
  }
}
