/**
 * Owns: the few byte helpers that every file of the testkit shares.
 * Must not know: frames, sessions, or anything of `@peerplex/wire`. Arithmetic is done with plain
 * multiplication on purpose, so that a slip with shifts and signs in the library is not repeated here.
 */

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Text or bytes, wherever a test would otherwise have to encode by hand. */
export type BytesLike = Uint8Array | string

/** UTF-8 of a string; bytes are passed through untouched (not copied). */
export function toBytes(value: BytesLike): Uint8Array {
  return typeof value === 'string' ? encoder.encode(value) : value
}

/** UTF-8 text of bytes; invalid sequences become U+FFFD. */
export function toText(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

/** One new array that holds all parts in order. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const out = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** Lower-case hex; a space after every `groupBytes` bytes (0 = no spaces). */
export function hex(bytes: Uint8Array, groupBytes = 0): string {
  let out = ''
  for (let i = 0; i < bytes.length; i++) {
    if (groupBytes > 0 && i > 0 && i % groupBytes === 0) out += ' '
    out += byteAt(bytes, i).toString(16).padStart(2, '0')
  }
  return out
}

/** Bytes of a hex string; white space is ignored, everything else throws. */
export function unhex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, '')
  if (digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits)) throw new Error(`not a hex string: "${text}"`)
  const out = new Uint8Array(digits.length / 2)
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16)
  return out
}

/** Whether both hold the same bytes. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}

/** One byte; the value is taken modulo 256. */
export function u8(value: number): Uint8Array {
  return littleEndian(value, 1)
}

/** Two bytes, little-endian; the value is taken modulo 2^16. */
export function u16(value: number): Uint8Array {
  return littleEndian(value, 2)
}

/** Four bytes, little-endian; the value is taken modulo 2^32, so -1 gives ff ff ff ff. */
export function u32(value: number): Uint8Array {
  return littleEndian(value, 4)
}

function littleEndian(value: number, count: number): Uint8Array {
  const out = new Uint8Array(count)
  const modulus = 256 ** count
  let rest = ((value % modulus) + modulus) % modulus
  for (let i = 0; i < count; i++) {
    out[i] = rest % 256
    rest = Math.floor(rest / 256)
  }
  return out
}

/** The byte at an offset; reading outside throws, because in a test that is always a mistake. */
export function byteAt(bytes: Uint8Array, at: number): number {
  const value = bytes[at]
  if (value === undefined) throw new Error(`offset ${at} is outside ${bytes.length} bytes`)
  return value
}

/** Unsigned little-endian number of two bytes. */
export function readU16(bytes: Uint8Array, at: number): number {
  return byteAt(bytes, at) + byteAt(bytes, at + 1) * 256
}

/** Unsigned little-endian number of four bytes. */
export function readU32(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at) + readU16(bytes, at + 2) * 65536
}

/** Signed little-endian number of four bytes. */
export function readI32(bytes: Uint8Array, at: number): number {
  const value = readU32(bytes, at)
  return value >= 2 ** 31 ? value - 2 ** 32 : value
}
