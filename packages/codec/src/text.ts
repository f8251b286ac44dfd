// Owns: the codec `text` (id 5): UTF-8.
// Must not know: what the text means.

import type { Codec } from '@peerplex/wire'
import { unreadable, unsendable } from './errors.js'
import { encoder, strictDecoder } from './utf8.js'
import { describe } from './values.js'

/**
 * A string in, the same string out; a surrogate without its pair goes out as U+FFFD, and a byte order mark stays.
 * `undefined`, a handler that returns nothing, is the empty text.
 */
export function createTextCodec(): Codec {
  return TEXT
}

const TEXT: Codec = Object.freeze({
  id: 5,
  name: 'text',
  encode(value: unknown): Uint8Array {
    if (value === undefined) return new Uint8Array(0)
    if (typeof value === 'string') return encoder.encode(value)
    throw unsendable('text', [], `is ${describe(value)}`, 'give a string, or name another codec')
  },
  decode(payload: Uint8Array): unknown {
    try {
      return strictDecoder.decode(payload)
    } catch (error) {
      throw unreadable('text', 'it is not valid UTF-8', error)
    }
  },
})
