// Owns: the codec `msgpack` (id 2): MessagePack as every language reads it.
// Must not know: how bytes become values; that is msgpack-reader.ts and msgpack-writer.ts.
import type { ByteRange, Codec, RefExporter, RefImporter } from '@peerplex/wire'
import { MsgpackReader } from './msgpack-reader.js'
import { MsgpackWriter } from './msgpack-writer.js'
import { type CodecLimits, resolveCodecLimits } from './options.js'

/** What goes out as what, and what comes back, is the table in docs/codecs.md. */
export function createMsgpackCodec(limits: Partial<CodecLimits> = {}): Codec {
  return Object.freeze(new MsgpackCodec(resolveCodecLimits(limits)))
}

const NO_BYTES = new Uint8Array(0)

class MsgpackCodec implements Codec {
  readonly id = 2
  readonly name = 'msgpack'
  readonly #limits: CodecLimits
  #writer: MsgpackWriter | undefined
  #reader: MsgpackReader | undefined

  constructor(limits: CodecLimits) {
    this.#limits = limits
  }

  encode(value: unknown, refs?: RefExporter): Uint8Array {
    const out: ByteRange = { bytes: NO_BYTES, view: null, start: 0, end: 0, isBorrowed: false }
    this.#write(value, refs, out)
    return out.bytes.subarray(out.start, out.end)
  }

  encodeRange(value: unknown, out: ByteRange): void {
    this.#write(value, undefined, out)
  }

  decode(payload: Uint8Array, refs?: RefImporter): unknown {
    return this.decodeRange(payload, 0, payload.length, refs)
  }

  decodeRange(bytes: Uint8Array, start: number, end: number, refs?: RefImporter): unknown {
    const reader = this.#reader ?? new MsgpackReader(this.#limits)
    this.#reader = undefined
    try {
      return reader.read(bytes, start, end, refs)
    } finally {
      this.#reader = reader
    }
  }

  #write(value: unknown, refs: RefExporter | undefined, out: ByteRange): void {
    // Taken out while in use: a getter, a toJSON or an exporter may encode as well.
    const writer = this.#writer ?? new MsgpackWriter(this.#limits)
    this.#writer = undefined
    try {
      writer.write(value, refs, out)
    } finally {
      this.#writer = writer
    }
  }
}
