/**
 * Owns: the slow, obvious reading of header entries, with every structural rule spelled out.
 * Must not know: frames (it gets the entry bytes), limits on the number of entries, `@peerplex/wire`.
 */
import { byteAt, readU16, readU32, toText } from './bytes.js'
import { type NaiveEntry, REFS_STATIC_ID, STATIC_KEYS, STATIC_VALUE_BYTES } from './naive-frames.js'

/** A rule of the protocol that bytes break. Internal to the naive codec; its callers get plain objects. */
export class Violation extends Error {
  readonly code: 'FRAME_SIZE' | 'PROTOCOL_ERROR'

  constructor(code: 'FRAME_SIZE' | 'PROTOCOL_ERROR', reason: string) {
    super(reason)
    this.code = code
  }
}

/** Throws a PROTOCOL_ERROR with the reason unless the condition holds. */
export function demand(condition: boolean, reason: string): void {
  if (!condition) throw new Violation('PROTOCOL_ERROR', reason)
}

/** All entries in order. The structure of every entry is checked, also beyond the 64th. */
export function decodeEntries(bytes: Uint8Array): NaiveEntry[] {
  const entries: NaiveEntry[] = []
  let at = 0
  while (at < bytes.length) {
    const k = byteAt(bytes, at)
    at += 1
    demand(k !== 0, 'entry with k = 00')

    let id = 0
    let key = ''
    if (k >= 0x80) {
      id = k
      key = STATIC_KEYS[k - 0x80] ?? ''
    } else {
      demand(at + k <= bytes.length, 'entry key is cut')
      const keyBytes = bytes.slice(at, at + k)
      at += k
      for (const byte of keyBytes) demand(isKeyByte(byte), 'byte outside the key alphabet')
      key = toText(keyBytes)
      demand(!STATIC_KEYS.includes(key), `literal spelling of the static key "${key}"`)
    }

    demand(at + 2 <= bytes.length, 'entry value length is cut')
    const valueBytes = readU16(bytes, at)
    at += 2
    demand(at + valueBytes <= bytes.length, 'entry value is cut')
    const value = bytes.slice(at, at + valueBytes)
    at += valueBytes

    const width = STATIC_VALUE_BYTES.get(id)
    if (width !== undefined) demand(value.length === width, `"${key}" needs ${width} bytes`)
    if (id === REFS_STATIC_ID) checkRefs(value)
    entries.push({ id, key, value })
  }
  return entries
}

function isKeyByte(byte: number): boolean {
  return 'abcdefghijklmnopqrstuvwxyz0123456789._~-'.includes(String.fromCharCode(byte))
}

function checkRefs(value: Uint8Array): void {
  demand(value.length >= 8 && value.length % 8 === 0, '"refs" is not a positive multiple of 8 bytes')
  for (let at = 0; at < value.length; at += 8) {
    demand(readU32(value, at) !== 0, '"refs" with reference 0')
    demand(byteAt(value, at + 4) <= 2, '"refs" with an unknown kind')
    demand(byteAt(value, at + 5) <= 1, '"refs" with unknown flags')
    demand(readU16(value, at + 6) === 0, '"refs" with a reserved field that is not 0')
  }
}
