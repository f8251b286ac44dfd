// Owns: values to MessagePack in one pass: checks, limits and bytes. What it writes is plain MessagePack in its shortest
// form, and one extension: type 1, a reference (spec §14).
// Must not know: sessions and frames; what a reference leads to.

import type { ByteRange, RefExporter } from '@peerplex/wire'
import { encodeFailure, type Path, tooLargeToSend, unsendable } from './errors.js'
import * as format from './msgpack-format.js'
import type { CodecLimits } from './options.js'
import { encoder } from './utf8.js'
import {
  ARRAY,
  BYTES,
  badMapKey,
  bytesOf,
  CONVERTIBLE,
  converted,
  DATE,
  kindOf,
  MAP,
  noTime,
  PLAIN,
  refusal,
  STREAM,
  tooDeep,
} from './values.js'

const NAME = 'msgpack'
const { hasOwnProperty: hasOwn } = Object.prototype

/** Messages are written one behind the other into blocks of this size: memory of its own takes longer than to write a small one. */
const BLOCK_BYTES = 16_384
/** Longer messages are copied out: one that is kept must not keep much more than itself. */
const SHARED_BYTES = 2_048
/** With less room than this a message begins in a new block. */
const LEAST_ROOM_BYTES = 256
/** Up to this length a loop is faster than TextEncoder. */
const LOOP_CHARACTERS = 48
/** Beyond this length a text is encoded on its own: in the scratch buffer it would need room for three bytes per character. */
const ALONE_CHARACTERS = 16_384
/** The longest head of a value: one byte and a 64-bit number. */
const HEAD_BYTES = 9
/** The longest timestamp: ext 8, length, type, 4 bytes and 8 bytes. */
const TIMESTAMP_BYTES = 15

const TWO_POW_32 = 0x1_0000_0000
/** Timestamp 64 has 34 bits for the seconds. */
const MAX_SECONDS_64 = 2 ** 34 - 1
const MIN_INT_64 = -(2n ** 63n)
const MAX_UINT_64 = 2n ** 64n - 1n

/** Writes one value at a time: a toJSON or an exporter that encodes meanwhile needs a writer of its own. */
export class MsgpackWriter {
  readonly #maxDepth: number
  readonly #maxElementCount: number
  #bytes: Uint8Array = new Uint8Array(BLOCK_BYTES)
  #view: DataView = new DataView(this.#bytes.buffer)
  /** Where the message begins in the block, and where its next byte goes. */
  #start = 0
  #at = 0
  /** Values that may still be announced by the heads of arrays and maps. */
  #elementsLeft = 0
  /** The way from the root to where we are; only the first `#depth` steps count. */
  readonly #steps: (string | number)[] = []
  #depth = 0
  #root: unknown
  #refs: RefExporter | undefined

  constructor(limits: CodecLimits) {
    this.#maxDepth = limits.maxDepth
    this.#maxElementCount = limits.maxElementCount
  }

  /** Sets `out` to the bytes of `value` (borrowed), in memory that is not written to again; small ones are neighbours in it. */
  write(value: unknown, refs: RefExporter | undefined, out: ByteRange): void {
    if (this.#bytes.length - this.#at < LEAST_ROOM_BYTES) this.#use(new Uint8Array(BLOCK_BYTES))
    this.#start = this.#at
    this.#elementsLeft = this.#maxElementCount - 1
    this.#depth = 0
    this.#root = value
    this.#refs = refs
    try {
      this.#value(value)
      this.#take(out)
    } catch (error) {
      this.#at = this.#start
      throw encodeFailure(NAME, this.#path(), error)
    } finally {
      this.#root = undefined
      this.#refs = undefined
    }
  }

  #take(out: ByteRange): void {
    const start = this.#start
    const end = this.#at
    if (end - start <= SHARED_BYTES) {
      out.bytes = this.#bytes
      out.view = this.#view
      out.start = start
      out.end = end
      return
    }
    out.bytes = this.#bytes.slice(start, end)
    out.view = null
    out.start = 0
    out.end = end - start
    this.#at = start
    if (this.#bytes.length > BLOCK_BYTES) this.#use(new Uint8Array(BLOCK_BYTES))
  }

  #value(value: unknown): void {
    this.#reserve(HEAD_BYTES)
    switch (typeof value) {
      case 'string':
        this.#text(value)
        return
      case 'number':
        this.#number(value)
        return
      case 'boolean':
        this.#byte(value ? format.TRUE : format.FALSE)
        return
      case 'undefined':
        this.#byte(format.NIL)
        return
      case 'object':
        if (value === null) this.#byte(format.NIL)
        else this.#object(value)
        return
      case 'bigint':
        this.#bigint(value)
        return
      case 'function':
        if (this.#refs === undefined) break
        this.#reference(value, this.#refs)
        return
    }
    throw refusal(NAME, this.#path(), value)
  }

  #object(value: object): void {
    switch (kindOf(value)) {
      case ARRAY:
        this.#array(value as readonly unknown[])
        return
      case PLAIN:
        this.#map(value as Readonly<Record<string, unknown>>)
        return
      case BYTES:
        this.#bin(bytesOf(value))
        return
      case DATE:
        this.#date(value as Date)
        return
      case MAP:
        this.#entries(value as ReadonlyMap<unknown, unknown>)
        return
      case CONVERTIBLE:
        this.#value(converted(NAME, this.#path(), value))
        return
      case STREAM:
        if (this.#refs === undefined) break
        this.#reference(value, this.#refs)
        return
    }
    throw refusal(NAME, this.#path(), value)
  }

  #array(items: readonly unknown[]): void {
    const { length } = items
    const depth = this.#enter(length)
    const steps = this.#steps
    this.#head(length, format.FIXARRAY, format.ARRAY_16)
    for (let index = 0; index < length; index++) {
      steps[depth] = index
      this.#depth = depth + 1
      this.#value(items[index])
    }
    this.#depth = depth
  }

  /** A property that is undefined is left out: TypeScript's optional properties make it the same as one that is absent. */
  #map(object: Readonly<Record<string, unknown>>): void {
    const depth = this.#enter(0)
    const headAt = this.#at - this.#start
    this.#byte(format.FIXMAP)
    let count = 0
    // for-in, not Object.keys: V8 knows where the properties of a shape lie and makes no list of them (codec: encoding 1.3 times as fast).
    for (const key in object) {
      if (!hasOwn.call(object, key)) continue
      this.#steps[depth] = key
      this.#depth = depth + 1
      const value = object[key]
      if (value === undefined) continue
      if (--this.#elementsLeft < 0) this.#refuseCount(depth)
      if (++count === 0x10 || count === 0x1_0000) this.#widenHead(headAt, count)
      this.#reserve(HEAD_BYTES)
      this.#text(key)
      this.#value(value)
    }
    const end = this.#at
    this.#at = this.#start + headAt
    this.#head(count, format.FIXMAP, format.MAP_16)
    this.#at = end
    this.#depth = depth
  }

  /** Moves what follows a head that was too short for `count`, two bytes on. */
  #widenHead(headAt: number, count: number): void {
    this.#reserve(2)
    const from = this.#start + headAt + (count === 0x10 ? 1 : 3)
    this.#bytes.copyWithin(from + 2, from, this.#at)
    this.#at += 2
  }

  #entries(map: ReadonlyMap<unknown, unknown>): void {
    const depth = this.#enter(map.size)
    this.#head(map.size, format.FIXMAP, format.MAP_16)
    for (const [key, value] of map) {
      if (typeof key !== 'string') throw badMapKey(NAME, this.#path().slice(0, depth), key)
      this.#steps[depth] = key
      this.#depth = depth + 1
      this.#reserve(HEAD_BYTES)
      this.#text(key)
      this.#value(value)
    }
    this.#depth = depth
  }

  /** Goes one level down, into a container that announces `count` values. Returns the depth to come back to. */
  #enter(count: number): number {
    const depth = this.#depth
    if (depth >= this.#maxDepth) throw tooDeep(NAME, this.#root, this.#path(), this.#maxDepth)
    this.#elementsLeft -= count
    if (this.#elementsLeft < 0) this.#refuseCount(depth)
    return depth
  }

  #refuseCount(depth: number): never {
    this.#depth = depth
    throw tooLargeToSend(NAME, this.#path(), 'maxElementCount', this.#maxElementCount)
  }

  #number(value: number): void {
    const bytes = this.#bytes
    if (value >>> 0 === value) {
      if (value < 0x80) bytes[this.#at++] = value
      else if (value < 0x100) this.#byte2(format.UINT_8, value)
      else if (value < 0x1_0000) this.#u16(format.UINT_16, value)
      else this.#u32(format.UINT_32, value)
    } else if ((value | 0) === value) {
      if (value >= -0x20) bytes[this.#at++] = value
      else if (value >= -0x80) this.#byte2(format.INT_8, value)
      else if (value >= -0x8000) this.#u16(format.INT_16, value)
      else this.#u32(format.INT_32, value)
    } else if (Number.isSafeInteger(value)) {
      this.#byte(value > 0 ? format.UINT_64 : format.INT_64)
      this.#view.setInt32(this.#at, Math.floor(value / TWO_POW_32))
      this.#view.setUint32(this.#at + 4, value >>> 0)
      this.#at += 8
    } else {
      this.#byte(format.FLOAT_64)
      this.#view.setFloat64(this.#at, value)
      this.#at += 8
    }
  }

  #bigint(value: bigint): void {
    const small = Number(value)
    if (Number.isSafeInteger(small)) {
      this.#number(small)
      return
    }
    if (value < MIN_INT_64 || value > MAX_UINT_64) {
      throw unsendable(NAME, this.#path(), 'is a bigint beyond 64 bits', 'send it as text or as bytes')
    }
    this.#byte(value > 0n ? format.UINT_64 : format.INT_64)
    this.#view.setBigUint64(this.#at, BigInt.asUintN(64, value))
    this.#at += 8
  }

  /** A surrogate without its pair becomes U+FFFD, as in every text that TextEncoder writes. */
  #text(text: string): void {
    const { length } = text
    if (length <= LOOP_CHARACTERS) this.#shortText(text)
    else if (length > ALONE_CHARACTERS) this.#longText(text)
    else {
      this.#reserve(HEAD_BYTES + 3 * length)
      const at = this.#at
      const guessed = length < 0x100 ? 2 : 3
      const { written } = encoder.encodeInto(text, this.#bytes.subarray(at + guessed))
      const headBytes = written < 0x100 ? 2 : written < 0x1_0000 ? 3 : 5
      if (headBytes !== guessed) this.#bytes.copyWithin(at + headBytes, at + guessed, at + guessed + written)
      this.#textHead(written)
      this.#at += written
    }
  }

  #shortText(text: string): void {
    const { length } = text
    this.#reserve(HEAD_BYTES + 3 * length)
    const bytes = this.#bytes
    const at = this.#at
    // Right for ASCII; other texts may turn out longer and are moved by one byte.
    const guessed = length < 0x20 ? 1 : 2
    let end = at + guessed
    for (let index = 0; index < length; index++) {
      let unit = text.charCodeAt(index)
      if (unit < 0x80) {
        bytes[end++] = unit
        continue
      }
      if (unit < 0x800) {
        bytes[end++] = (unit >> 6) | 0xc0
      } else {
        if ((unit & 0xf800) === 0xd800) {
          const next = unit < 0xdc00 ? text.charCodeAt(index + 1) : 0
          if ((next & 0xfc00) === 0xdc00) {
            index++
            unit = 0x1_0000 + ((unit & 0x3ff) << 10) + (next & 0x3ff)
          } else unit = 0xfffd
        }
        if (unit < 0x1_0000) bytes[end++] = (unit >> 12) | 0xe0
        else {
          bytes[end++] = (unit >> 18) | 0xf0
          bytes[end++] = ((unit >> 12) & 0x3f) | 0x80
        }
        bytes[end++] = ((unit >> 6) & 0x3f) | 0x80
      }
      bytes[end++] = (unit & 0x3f) | 0x80
    }
    const written = end - at - guessed
    if (guessed === 1 && written >= 0x20) bytes.copyWithin(at + 2, at + 1, end)
    this.#textHead(written)
    this.#at += written
  }

  #longText(text: string): void {
    const encoded = encoder.encode(text)
    this.#reserve(HEAD_BYTES + encoded.length)
    this.#textHead(encoded.length)
    this.#bytes.set(encoded, this.#at)
    this.#at += encoded.length
  }

  #textHead(length: number): void {
    if (length < 0x20) this.#byte(format.FIXSTR | length)
    else if (length < 0x100) this.#byte2(format.STR_8, length)
    else if (length < 0x1_0000) this.#u16(format.STR_16, length)
    else this.#u32(format.STR_32, length)
  }

  #bin(bytes: Uint8Array): void {
    const { length } = bytes
    this.#reserve(HEAD_BYTES + length)
    if (length < 0x100) this.#byte2(format.BIN_8, length)
    else if (length < 0x1_0000) this.#u16(format.BIN_16, length)
    else this.#u32(format.BIN_32, length)
    this.#bytes.set(bytes, this.#at)
    this.#at += length
  }

  #date(date: Date): void {
    const timeMs = date.getTime()
    if (Number.isNaN(timeMs)) {
      throw noTime(NAME, this.#path())
    }
    this.#reserve(TIMESTAMP_BYTES)
    const seconds = Math.floor(timeMs / 1_000)
    const nanoseconds = (timeMs - seconds * 1_000) * 1_000_000
    if (seconds < 0 || seconds > MAX_SECONDS_64) {
      this.#byte2(format.EXT_8, 12)
      this.#u32(format.TIMESTAMP_TYPE, nanoseconds)
      this.#view.setBigInt64(this.#at, BigInt(seconds))
      this.#at += 8
    } else if (nanoseconds === 0 && seconds < TWO_POW_32) {
      this.#byte(format.FIXEXT_4)
      this.#u32(format.TIMESTAMP_TYPE, seconds)
    } else {
      this.#byte(format.FIXEXT_8)
      this.#u32(format.TIMESTAMP_TYPE, nanoseconds * 4 + Math.floor(seconds / TWO_POW_32))
      this.#view.setUint32(this.#at, seconds >>> 0)
      this.#at += 4
    }
  }

  #reference(target: object, refs: RefExporter): void {
    const position = refs.exportRef(target)
    this.#byte(format.FIXEXT_4)
    this.#u32(format.REFERENCE_TYPE, position)
  }

  /** The head of a container: in the fix form up to 15, else with 16 bits or, under the next head, with 32. */
  #head(count: number, fix: number, head16: number): void {
    if (count < 0x10) this.#byte(fix | count)
    else if (count < 0x1_0000) this.#u16(head16, count)
    else this.#u32(head16 + 1, count)
  }

  #byte(byte: number): void {
    this.#bytes[this.#at++] = byte
  }

  #byte2(head: number, value: number): void {
    const at = this.#at
    const bytes = this.#bytes
    bytes[at] = head
    bytes[at + 1] = value
    this.#at = at + 2
  }

  #u16(head: number, value: number): void {
    const at = this.#at
    const bytes = this.#bytes
    bytes[at] = head
    bytes[at + 1] = value >> 8
    bytes[at + 2] = value
    this.#at = at + 3
  }

  #u32(head: number, value: number): void {
    const at = this.#at
    this.#bytes[at] = head
    this.#view.setUint32(at + 1, value)
    this.#at = at + 5
  }

  /** Room for so many more bytes. */
  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.length) return
    const written = this.#bytes.subarray(this.#start, this.#at)
    const grown = new Uint8Array(Math.max(BLOCK_BYTES, 2 * (written.length + count)))
    grown.set(written)
    this.#use(grown)
    this.#at = written.length
  }

  /** Goes on at the beginning of another block. */
  #use(bytes: Uint8Array): void {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer)
    this.#start = 0
    this.#at = 0
  }

  #path(): Path {
    return this.#steps.slice(0, this.#depth)
  }
}
