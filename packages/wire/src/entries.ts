// Owns: header entries on the wire (spec §6): checking their structure, reading and writing them, and the `Headers` map.
// Must not know: which frame they stand in, or how many a frame may hold.
//
//   u8 k     01…7f: k bytes of key follow   80…ff: static key id   00: illegal
//   [key]    a-z 0-9 . _ ~ -
//   u16 vlen value
import { invalidArgument } from './checks.js'
import { MAX_HEADER_COUNT, REF_ITEM_BYTES } from './constants.js'
import { LimitError } from './errors.js'
import { FIRST_STATIC_KEY, headerType, KEY_REFS, staticKey, staticRow } from './header-keys.js'
import { decodeText, encodeText } from './utf8.js'

/** A value to send: text, bytes, or a whole number for the keys whose value is one. */
export type HeaderValue = string | number | Uint8Array

/** What a user may pass as headers: a record (arrays repeat the key), pairs in order, or received headers. */
export type HeadersInit =
  | Headers
  | Readonly<Record<string, HeaderValue | readonly HeaderValue[] | undefined>>
  | Iterable<readonly [string, HeaderValue]>

const MAX_VALUE_BYTES = 0xffff
const MAX_KEY_BYTES = 0x7f

/** Which bytes may stand in a literal key: `a-z 0-9 . _ ~ -`. */
const KEY_BYTE = new Uint8Array(256)
for (const character of 'abcdefghijklmnopqrstuvwxyz0123456789._~-') KEY_BYTE[character.charCodeAt(0)] = 1

/** Lengths that a static key has: only a literal of such a length can be the spelling of one. */
const LONGEST_STATIC_KEY = 15

/**
 * Checks the structure of the entries in `bytes[start, end)` (borrowed).
 * @returns how many there are, or -1 when the structure is broken.
 */
export function scanEntries(bytes: Uint8Array, start: number, end: number): number {
  let count = 0
  let at = start
  while (at < end) {
    const k = bytes[at++] as number
    if (k === 0) return -1
    const valueAt = k < FIRST_STATIC_KEY ? at + k + 2 : at + 2
    if (valueAt > end) return -1
    if (k < FIRST_STATIC_KEY && !isLegalKey(bytes, at, at + k)) return -1
    const length = readU16(bytes, valueAt - 2)
    if (valueAt + length > end) return -1
    if (k >= FIRST_STATIC_KEY && !isLegalStaticValue(k, bytes, valueAt, length)) return -1
    at = valueAt + length
    count++
  }
  return count
}

function isLegalKey(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (KEY_BYTE[bytes[at] as number] === 0) return false
  // One spelling a key: a static key written out would slip past every middleman that looks for its id.
  return end - start > LONGEST_STATIC_KEY || staticKey(asciiText(bytes, start, end)) === undefined
}

function isLegalStaticValue(id: number, bytes: Uint8Array, start: number, length: number): boolean {
  const type = staticRow(id)?.type
  if (type === 'u8') return length === 1
  if (type === 'u32') return length === 4
  return id !== KEY_REFS || isLegalRefs(bytes, start, length)
}

/** n × { u32 refId, u8 kind 0…2, u8 flags 0…1, u16 0 } (spec §14). */
function isLegalRefs(bytes: Uint8Array, start: number, length: number): boolean {
  if (length === 0 || length % REF_ITEM_BYTES !== 0) return false
  for (let at = start; at < start + length; at += REF_ITEM_BYTES) {
    if (readU32(bytes, at) === 0) return false
    if ((bytes[at + 4] as number) > 2 || (bytes[at + 5] as number) > 1) return false
    if (bytes[at + 6] !== 0 || bytes[at + 7] !== 0) return false
  }
  return true
}

/** Reads a u16 at `at`. */
export function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
}

/** Reads a u32 at `at`; the result is unsigned. */
export function readU32(bytes: Uint8Array, at: number): number {
  return (readU16(bytes, at) | (readU16(bytes, at + 2) << 16)) >>> 0
}

/** Where the value of the first entry with a static id begins in `bytes[start, end)`, which `scanEntries` accepted; -1: absent. */
export function findStatic(bytes: Uint8Array, start: number, end: number, id: number): number {
  for (let at = start; at < end; ) {
    const k = bytes[at] as number
    const valueAt = at + 3 + (k < FIRST_STATIC_KEY ? k : 0)
    if (k === id) return valueAt
    at = valueAt + readU16(bytes, valueAt - 2)
  }
  return -1
}

function asciiText(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at] as number)
  return text
}

/**
 * Headers as they travel: a read-only multi-map that keeps repetition and order. Keys are lower case. Decoded on first
 * use, so a middleman that only passes them on never pays for it.
 */
export class Headers {
  /** No headers; shared. */
  static readonly EMPTY: Headers = new Headers(new Uint8Array(0))

  readonly #bytes: Uint8Array
  #entries: readonly (readonly [string, Uint8Array])[] | null = null

  /** Takes `bytes`, whose structure `scanEntries` has accepted. @internal */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Headers from what a user passed; copies. Throws UsageError (bad key or value), LimitError METADATA_TOO_LARGE. */
  static from(init: HeadersInit | undefined | null): Headers {
    if (init === undefined || init === null) return Headers.EMPTY
    if (init instanceof Headers) return init
    const parts: Uint8Array[] = []
    if (Symbol.iterator in init) {
      for (const pair of init as Iterable<readonly [string, HeaderValue]>)
        parts.push(encodeEntry(pair[0], pair[1]))
    } else {
      for (const key of Object.keys(init)) {
        const value = init[key]
        if (Array.isArray(value)) for (const each of value) parts.push(encodeEntry(key, each as HeaderValue))
        else if (value !== undefined) parts.push(encodeEntry(key, value as HeaderValue))
      }
    }
    if (parts.length > MAX_HEADER_COUNT) {
      throw new LimitError('METADATA_TOO_LARGE', `${parts.length} headers, at most ${MAX_HEADER_COUNT} fit`, {
        hint: 'send many values in a message',
      })
    }
    return parts.length === 0 ? Headers.EMPTY : new Headers(concatBytes(parts))
  }

  /** How many entries there are; repeated keys count each time. */
  get size(): number {
    return this.#decoded().length
  }

  /** The encoded entries; shared, not to be changed. @internal */
  get encoded(): Uint8Array {
    return this.#bytes
  }

  has(key: string): boolean {
    return this.#decoded().some((entry) => entry[0] === key)
  }

  /** The first value of `key` as text (numbers in decimal, invalid UTF-8 as U+FFFD); undefined when absent. */
  get(key: string): string | undefined {
    const value = this.getBytes(key)
    return value === undefined ? undefined : valueText(key, value)
  }

  /** All values of `key` as text, in order. */
  getAll(key: string): string[] {
    return this.#decoded()
      .filter((entry) => entry[0] === key)
      .map((entry) => valueText(key, entry[1]))
  }

  /** The first value of `key` as bytes: a shared view, not to be changed. */
  getBytes(key: string): Uint8Array | undefined {
    return this.#decoded().find((entry) => entry[0] === key)?.[1]
  }

  /** The first value of a key whose value is a number; undefined when absent or not a number. */
  getNumber(key: string): number | undefined {
    const text = this.get(key)
    return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
  }

  /** Entries in order: text for text and number keys, bytes for `-bin` and other binary ones. */
  *[Symbol.iterator](): IterableIterator<[string, string | Uint8Array]> {
    for (const [key, value] of this.#decoded()) {
      yield [key, isBinaryKey(key) ? value : valueText(key, value)]
    }
  }

  /** Keys and value bytes in order; shared, not to be changed. @internal */
  rawEntries(): readonly (readonly [string, Uint8Array])[] {
    return this.#decoded()
  }

  #decoded(): readonly (readonly [string, Uint8Array])[] {
    if (this.#entries === null) this.#entries = decodeEntries(this.#bytes)
    return this.#entries
  }
}

/** Static ids that this version does not know appear as `#a0` … `#ff`: '#' is in no literal key. */
const UNKNOWN_KEY = /^#[a-f][0-9a-f]$/

function isBinaryKey(key: string): boolean {
  return headerType(key) === 'bin' || key.charCodeAt(0) === 0x23
}

function decodeEntries(bytes: Uint8Array): (readonly [string, Uint8Array])[] {
  const entries: (readonly [string, Uint8Array])[] = []
  for (let at = 0; at < bytes.length; ) {
    const k = bytes[at++] as number
    let key: string
    if (k < FIRST_STATIC_KEY) {
      key = asciiText(bytes, at, at + k)
      at += k
    } else {
      key = staticRow(k)?.key ?? `#${k.toString(16)}`
    }
    const length = readU16(bytes, at)
    entries.push([key, bytes.subarray(at + 2, at + 2 + length)])
    at += 2 + length
  }
  return entries
}

function valueText(key: string, value: Uint8Array): string {
  const type = headerType(key)
  if (type === 'u8') return String(value[0])
  if (type === 'u32') return String(readU32(value, 0))
  return decodeText(value, 0, value.length)
}

/** One entry as bytes. Throws UsageError INVALID_ARGUMENT, or LimitError METADATA_TOO_LARGE for a value over 65,535 bytes. */
export function encodeEntry(key: string, value: HeaderValue): Uint8Array {
  const known = staticKey(key)
  const id = known?.id ?? (UNKNOWN_KEY.test(key) ? Number.parseInt(key.slice(1), 16) : 0)
  const keyBytes = id === 0 ? literalKey(key) : null
  const body = encodeValue(key, value)
  if (id !== 0 && !isLegalStaticValue(id, body, 0, body.length)) {
    throw invalidArgument(
      `the value of header '${key}' has the wrong form`,
      'see the table of header keys in spec/protocol.md §6',
    )
  }
  const out = new Uint8Array(1 + (keyBytes?.length ?? 0) + 2 + body.length)
  out[0] = keyBytes === null ? id : keyBytes.length
  if (keyBytes !== null) out.set(keyBytes, 1)
  const at = 1 + (keyBytes?.length ?? 0)
  out[at] = body.length & 0xff
  out[at + 1] = body.length >>> 8
  out.set(body, at + 2)
  return out
}

function literalKey(key: string): Uint8Array {
  const bytes = encodeText(String(key))
  const isLegal =
    typeof key === 'string' &&
    bytes.length > 0 &&
    bytes.length <= MAX_KEY_BYTES &&
    bytes.every((byte) => KEY_BYTE[byte] === 1)
  if (isLegal) return bytes
  throw invalidArgument(
    `'${String(key).slice(0, 140)}' is not a header key`,
    'use 1 to 127 characters of a-z 0-9 . _ ~ -',
  )
}

function encodeValue(key: string, value: HeaderValue): Uint8Array {
  const type = headerType(key)
  let bytes: Uint8Array
  if (value instanceof Uint8Array) bytes = value
  else if (type === 'u8' || type === 'u32') bytes = encodeNumber(key, value, type === 'u8' ? 1 : 4)
  else if (typeof value === 'string' || typeof value === 'number') bytes = encodeText(String(value))
  else {
    throw invalidArgument(
      `the value of header '${key}' is neither text nor bytes`,
      'pass a string, a number or a Uint8Array',
    )
  }
  if (bytes.length <= MAX_VALUE_BYTES) return bytes
  throw new LimitError('METADATA_TOO_LARGE', `header '${key}' has ${bytes.length} bytes, at most 65535 fit`, {
    hint: 'send large values in a message',
  })
}

function encodeNumber(key: string, value: string | number, widthBytes: number): Uint8Array {
  const max = widthBytes === 1 ? 0xff : 0xffff_ffff
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  if (!Number.isInteger(number) || (number as number) < 0 || (number as number) > max) {
    throw invalidArgument(
      `the value of header '${key}' is no whole number of its width`,
      `give a whole number from 0 to ${max}`,
    )
  }
  const bytes = new Uint8Array(widthBytes)
  for (let at = 0; at < widthBytes; at++) bytes[at] = ((number as number) >>> (8 * at)) & 0xff
  return bytes
}

/** One array of all parts; the result is new. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
