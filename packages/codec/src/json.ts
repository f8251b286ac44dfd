// Owns: the codec `json` (id 1): JSON in UTF-8, with JSON.parse and JSON.stringify between two passes of our own.
// Must not know: how a value is made ready for JSON (json-prepare.ts) or a payload is measured (json-scan.ts).

import type { Codec, RefExporter, RefImporter } from '@peerplex/wire'
import { decodeFailure, encodeFailure, tooLargeToTake, unreadable } from './errors.js'
import { JsonPreparer } from './json-prepare.js'
import { mayNameProto, measureJson, restored } from './json-scan.js'
import { type CodecLimits, resolveCodecLimits } from './options.js'
import { encoder, strictDecoder } from './utf8.js'

const NAME = 'json'

/**
 * What goes out as what, and what comes back, is the table in docs/codecs.md. `decode` is given an importer only for a message
 * that announces references: there, and only there, keys that begin with `$` are written differently (spec §14).
 */
export function createJsonCodec(limits: Partial<CodecLimits> = {}): Codec {
  return Object.freeze(new JsonCodec(resolveCodecLimits(limits)))
}

class JsonCodec implements Codec {
  readonly id = 1
  readonly name = 'json'
  readonly #limits: CodecLimits

  constructor(limits: CodecLimits) {
    this.#limits = limits
  }

  encode(value: unknown, refs?: RefExporter): Uint8Array {
    const preparer = new JsonPreparer(this.#limits, refs)
    try {
      const prepared = preparer.prepare(value)
      // undefined has no text of its own; what a handler that returns nothing sends is null.
      return encoder.encode(JSON.stringify(prepared) ?? 'null')
    } catch (error) {
      throw encodeFailure(NAME, [], error)
    }
  }

  decode(payload: Uint8Array, refs?: RefImporter): unknown {
    const { maxDepth, maxElementCount } = this.#limits
    // Two bytes open and close a container, and two separate one value from the next: the shortest payloads need no look.
    if (payload.length > 2 * maxDepth || payload.length > 2 * maxElementCount) {
      const { depth, elementCount } = measureJson(payload)
      if (depth > maxDepth) throw tooLargeToTake(NAME, 'maxDepth', maxDepth)
      if (elementCount > maxElementCount) throw tooLargeToTake(NAME, 'maxElementCount', maxElementCount)
    }
    const text = textOf(payload)
    const value = parsed(text)
    if (refs === undefined && !mayNameProto(text)) return value
    try {
      return restored(value, refs)
    } catch (error) {
      throw decodeFailure(NAME, error)
    }
  }
}

function textOf(payload: Uint8Array): string {
  try {
    return strictDecoder.decode(payload)
  } catch (error) {
    throw unreadable(NAME, 'it is not valid UTF-8', error)
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw decodeFailure(NAME, error)
  }
}
