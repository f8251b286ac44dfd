// Owns: MessagePack to values in one pass over bytes that nobody trusts: every count and length is held against the bytes that
// are left and against the limits before anything is built from it.
// Must not know: sessions and frames; what a reference leads to.

import type { RefImporter } from '@peerplex/wire'
import { decodeFailure, tooLargeToTake, unreadable } from './errors.js'
import * as format from './msgpack-format.js'
import type { CodecLimits } from './options.js'
import { strictDecoder } from './utf8.js'
import { hideProto } from './values.js'

const NAME = 'msgpack'
const { fromCharCode } = String

const NO_BYTES = new Uint8Array(0)
/** Up to this length an ASCII text is put together without TextDecoder, whose call costs more than the work. */
const ASSEMBLED_BYTES = 32
/** Up to this length V8 copies what is joined instead of keeping the pieces. */
const SHORT_CHARACTERS = 12
/** Slots of the cache of keys: one key each, of at most 31 bytes. A key that finds its slot taken replaces what is there. */
const KEY_SLOTS = 1_024

/** From this length on a DataView is made for the floats; it costs about ten floats without one. */
const VIEWED_BYTES = 256
/** Two words, and the same memory as floats: written and read in one go, so that nothing stays in them. */
const WORDS = new Uint32Array(2)
const FLOAT_OF_WORD = new Float32Array(WORDS.buffer)
const DOUBLE_OF_WORDS = new Float64Array(WORDS.buffer)
/** Which word holds the upper half of a double on this machine. */
const HIGH_WORD = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0

const TWO_POW_32 = 0x1_0000_0000
const MAX_NANOSECONDS = 999_999_999
/** The last second that Date knows, on either side of 1970. */
const MAX_DATE_SECONDS = 8.64e12

/** Reads one payload at a time: an importer that decodes meanwhile needs a reader of its own. */
export class MsgpackReader {
  readonly #maxDepth: number
  readonly #maxElementCount: number
  readonly #keyBytes: Uint8Array[] = new Array<Uint8Array>(KEY_SLOTS).fill(NO_BYTES)
  readonly #keyTexts: string[] = new Array<string>(KEY_SLOTS).fill('')
  #bytes: Uint8Array = NO_BYTES
  /** Of a long payload that has a float. */
  #view: DataView | undefined
  #start = 0
  #at = 0
  #end = 0
  #depth = 0
  /** Values that heads of arrays and maps may still announce. */
  #elementsLeft = 0
  #refs: RefImporter | undefined

  constructor(limits: CodecLimits) {
    this.#maxDepth = limits.maxDepth
    this.#maxElementCount = limits.maxElementCount
  }

  /** The value of `bytes[start, end)`, all of it. Borrows the bytes; the value shares no memory with them. */
  read(bytes: Uint8Array, start: number, end: number, refs: RefImporter | undefined): unknown {
    this.#bytes = bytes
    this.#start = start
    this.#at = start
    this.#end = end
    this.#depth = 0
    this.#elementsLeft = this.#maxElementCount - 1
    this.#refs = refs
    try {
      const value = this.#value()
      if (this.#at === this.#end) return value
      throw this.#bad(`${this.#end - this.#at} bytes follow after the value`)
    } catch (error) {
      throw decodeFailure(NAME, error)
    } finally {
      this.#bytes = NO_BYTES
      this.#view = undefined
      this.#refs = undefined
    }
  }

  #value(): unknown {
    const head = this.#u8()
    if (head < format.FIXMAP) return head
    if (head < format.FIXARRAY) return this.#map(head & 0x0f)
    if (head < format.FIXSTR) return this.#array(head & 0x0f)
    if (head < format.NIL) return this.#text(head & 0x1f)
    if (head >= format.NEGATIVE_FIXINT) return head - 0x100
    switch (head) {
      case format.NIL:
        return null
      case format.FALSE:
        return false
      case format.TRUE:
        return true
      case format.BIN_8:
        return this.#bin(this.#u8())
      case format.BIN_16:
        return this.#bin(this.#u16())
      case format.BIN_32:
        return this.#bin(this.#u32())
      case format.EXT_8:
        return this.#extension(this.#u8())
      case format.EXT_16:
        return this.#extension(this.#u16())
      case format.EXT_32:
        return this.#extension(this.#u32())
      case format.FLOAT_32:
        WORDS[0] = this.#u32()
        return FLOAT_OF_WORD[0]
      case format.FLOAT_64:
        return this.#double()
      case format.UINT_8:
        return this.#u8()
      case format.UINT_16:
        return this.#u16()
      case format.UINT_32:
        return this.#u32()
      case format.UINT_64:
        return wide(this.#u32(), this.#u32())
      case format.INT_8:
        return (this.#u8() << 24) >> 24
      case format.INT_16:
        return (this.#u16() << 16) >> 16
      case format.INT_32:
        return this.#u32() | 0
      case format.INT_64:
        return wide(this.#u32() | 0, this.#u32())
      case format.FIXEXT_1:
        return this.#extension(1)
      case format.FIXEXT_2:
        return this.#extension(2)
      case format.FIXEXT_4:
        return this.#extension(4)
      case format.FIXEXT_8:
        return this.#extension(8)
      case format.FIXEXT_16:
        return this.#extension(16)
      case format.STR_8:
        return this.#text(this.#u8())
      case format.STR_16:
        return this.#text(this.#u16())
      case format.STR_32:
        return this.#text(this.#u32())
      case format.ARRAY_16:
        return this.#array(this.#u16())
      case format.ARRAY_32:
        return this.#array(this.#u32())
      case format.MAP_16:
        return this.#map(this.#u16())
      case format.MAP_32:
        return this.#map(this.#u32())
    }
    this.#at--
    throw this.#bad('there is a byte c1, which MessagePack does not use')
  }

  #array(length: number): unknown[] {
    const depth = this.#enter(length, 1)
    const items = new Array<unknown>(length)
    for (let index = 0; index < length; index++) items[index] = this.#value()
    this.#depth = depth
    return items
  }

  /** Of equal keys the last one counts, as in JSON. */
  #map(length: number): object {
    const depth = this.#enter(length, 2)
    const object: Record<string, unknown> = {}
    for (let index = 0; index < length; index++) {
      const key = this.#key()
      if (key === '__proto__') hideProto(object, this.#value())
      else object[key] = this.#value()
    }
    this.#depth = depth
    return object
  }

  /** Goes one level down, into a container of `count` values of at least `leastBytes` each. Returns the depth to come back to. */
  #enter(count: number, leastBytes: number): number {
    if (count * leastBytes > this.#end - this.#at) {
      throw this.#bad(
        `a container of ${count} announces more than the ${this.#end - this.#at} bytes that are left`,
      )
    }
    const depth = this.#depth
    if (depth >= this.#maxDepth) throw tooLargeToTake(NAME, 'maxDepth', this.#maxDepth)
    // Taken when announced, not when read: else containers inside each other could each reserve what is left for all.
    this.#elementsLeft -= count
    if (this.#elementsLeft < 0) throw tooLargeToTake(NAME, 'maxElementCount', this.#maxElementCount)
    this.#depth = depth + 1
    return depth
  }

  /** Strings, and integers as their decimal text: maps of other languages are often keyed by number. */
  #key(): string {
    const start = this.#at
    const head = this.#u8()
    if ((head & 0xe0) === format.FIXSTR) return this.#shortKey(head & 0x1f)
    const isText = head >= format.STR_8 && head <= format.STR_32
    const isInteger =
      head < format.FIXMAP ||
      head >= format.NEGATIVE_FIXINT ||
      (head >= format.UINT_8 && head <= format.INT_64)
    this.#at = start
    if (isText || isInteger) return String(this.#value())
    throw this.#bad('a key of a map is neither a string nor an integer')
  }

  /** Keys repeat from message to message: the same bytes give the same string without decoding them again. */
  #shortKey(length: number): string {
    const bytes = this.#bytes
    const start = this.#at
    const end = start + length
    if (length === 0 || end > this.#end) return this.#text(length)
    const first = bytes[start] as number
    const middle = bytes[start + (length >> 1)] as number
    const last = bytes[end - 1] as number
    const slot = ((length << 5) ^ (first * 31) ^ (middle * 131) ^ (last * 7)) & (KEY_SLOTS - 1)
    const known = this.#keyBytes[slot] as Uint8Array
    if (known.length === length) {
      let same = 0
      while (same < length && known[same] === bytes[start + same]) same++
      if (same === length) {
        this.#at = end
        return this.#keyTexts[slot] as string
      }
    }
    const text = this.#text(length)
    this.#keyBytes[slot] = Uint8Array.prototype.slice.call(bytes, start, end)
    this.#keyTexts[slot] = text
    return text
  }

  #text(length: number): string {
    const bytes = this.#bytes
    const start = this.#take(length)
    if (length <= ASSEMBLED_BYTES) {
      const inOnePiece = length > SHORT_CHARACTERS && start + ASSEMBLED_BYTES <= bytes.length
      const text = inOnePiece ? cutText(bytes, start, length) : joinedText(bytes, start, start + length)
      if (text !== undefined) return text
    }
    return this.#decoded(start, start + length)
  }

  #decoded(start: number, end: number): string {
    try {
      return strictDecoder.decode(this.#bytes.subarray(start, end))
    } catch {
      this.#at = start
      throw this.#bad('a string is not valid UTF-8')
    }
  }

  #bin(length: number): Uint8Array {
    const start = this.#take(length)
    const copy = new Uint8Array(length)
    copy.set(this.#bytes.subarray(start, start + length))
    return copy
  }

  #extension(length: number): unknown {
    const start = this.#at
    const type = this.#u8()
    const end = this.#take(length) + length
    this.#at = start + 1
    if (type === format.TIMESTAMP_TYPE) return this.#timestamp(length)
    if (type === format.REFERENCE_TYPE && length === 4) {
      const position = this.#u32()
      if (this.#refs === undefined) throw this.#bad('there is a reference, but the message announces none')
      const found = this.#refs.importRef(position)
      if (found === undefined)
        throw this.#bad(`reference ${position} is not among those that the message announces`)
      this.#at = end
      return found
    }
    throw this.#bad(`there is an extension of type ${(type << 24) >> 24} with ${length} bytes`)
  }

  #timestamp(length: number): Date {
    let nanoseconds = 0
    let seconds = 0
    if (length === 4) seconds = this.#u32()
    else if (length === 8) {
      const high = this.#u32()
      nanoseconds = high >>> 2
      seconds = (high & 3) * TWO_POW_32 + this.#u32()
    } else if (length === 12) {
      nanoseconds = this.#u32()
      seconds = (this.#u32() | 0) * TWO_POW_32 + this.#u32()
    } else throw this.#bad(`there is a timestamp of ${length} bytes`)
    const date = new Date(seconds * 1_000 + Math.floor(nanoseconds / 1_000_000))
    const isKnown = Math.abs(seconds) <= MAX_DATE_SECONDS && !Number.isNaN(date.getTime())
    if (nanoseconds > MAX_NANOSECONDS || !isKnown)
      throw this.#bad('there is a timestamp outside the range of Date')
    return date
  }

  #u8(): number {
    if (this.#at >= this.#end) throw this.#truncated()
    return this.#bytes[this.#at++] as number
  }

  #u16(): number {
    const start = this.#take(2)
    const bytes = this.#bytes
    return ((bytes[start] as number) << 8) | (bytes[start + 1] as number)
  }

  #u32(): number {
    return word(this.#bytes, this.#take(4)) >>> 0
  }

  #double(): number {
    const start = this.#take(8)
    const bytes = this.#bytes
    if (this.#end - this.#start >= VIEWED_BYTES) {
      this.#view ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      return this.#view.getFloat64(start)
    }
    WORDS[HIGH_WORD] = word(bytes, start)
    WORDS[1 - HIGH_WORD] = word(bytes, start + 4)
    return DOUBLE_OF_WORDS[0] as number
  }

  /** Takes so many bytes and returns where they start. */
  #take(length: number): number {
    const start = this.#at
    if (length > this.#end - start) throw this.#truncated()
    this.#at = start + length
    return start
  }

  #truncated(): Error {
    return unreadable(NAME, `it ends after ${this.#end - this.#start} bytes, in the middle of a value`)
  }

  #bad(problem: string): Error {
    return unreadable(NAME, `${problem} (at byte ${this.#at - this.#start} of ${this.#end - this.#start})`)
  }
}

/**
 * An ASCII text of up to 32 bytes, in one piece, or undefined when it is none. Texts that are joined have to be flattened when they
 * are first read (27 bytes and read: 104 ns joined, 74 in one piece). What lies behind the end is read too and cut off.
 */
function cutText(b: Uint8Array, at: number, length: number): string | undefined {
  let bits = 0
  for (let index = 0; index < length; index++) bits |= b[at + index] as number
  if (bits > 0x7f) return undefined
  // biome-ignore format: a line for every eight
  return fromCharCode(
    b[at] as number, b[at + 1] as number, b[at + 2] as number, b[at + 3] as number, b[at + 4] as number, b[at + 5] as number, b[at + 6] as number, b[at + 7] as number,
    b[at + 8] as number, b[at + 9] as number, b[at + 10] as number, b[at + 11] as number, b[at + 12] as number, b[at + 13] as number, b[at + 14] as number, b[at + 15] as number,
    b[at + 16] as number, b[at + 17] as number, b[at + 18] as number, b[at + 19] as number, b[at + 20] as number, b[at + 21] as number, b[at + 22] as number, b[at + 23] as number,
    b[at + 24] as number, b[at + 25] as number, b[at + 26] as number, b[at + 27] as number, b[at + 28] as number, b[at + 29] as number, b[at + 30] as number, b[at + 31] as number,
  ).slice(0, length)
}

/** The same, joined from pieces: V8 makes no pieces of less than 13 characters. */
function joinedText(b: Uint8Array, start: number, end: number): string | undefined {
  let text = ''
  let at = start
  for (; at + 4 <= end; at += 4) {
    const a = b[at] as number
    const c = b[at + 1] as number
    const d = b[at + 2] as number
    const e = b[at + 3] as number
    if ((a | c | d | e) > 0x7f) return undefined
    text += fromCharCode(a, c, d, e)
  }
  const rest = end - at
  if (rest === 0) return text
  const a = b[at] as number
  const c = rest > 1 ? (b[at + 1] as number) : 0
  const d = rest > 2 ? (b[at + 2] as number) : 0
  if ((a | c | d) > 0x7f) return undefined
  return text + (rest === 1 ? fromCharCode(a) : rest === 2 ? fromCharCode(a, c) : fromCharCode(a, c, d))
}

/** Four bytes as a signed number. */
function word(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  )
}

/** A 64-bit integer from its halves: a number where that is exact, else a bigint. */
function wide(high: number, low: number): number | bigint {
  const value = high * TWO_POW_32 + low
  return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) | BigInt(low)
}
