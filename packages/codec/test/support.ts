import { PeerplexError } from '@peerplex/wire'

/** Bytes as the MessagePack specification prints them: `c4 01 ff`. */
export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
}

export function bytesFrom(hex: string): Uint8Array {
  const digits = hex.replace(/\s+/g, '')
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) =>
    Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16),
  )
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** What `run` throws; fails when it throws nothing, or anything but an error of this library with this code. */
export function errorOf(run: () => unknown): PeerplexError {
  let result: unknown
  try {
    result = run()
  } catch (error) {
    if (error instanceof PeerplexError && error.code === 'INVALID_ARGUMENT' && error.hint !== '') return error
    throw new Error(`not a typed error: ${String(error)}`, { cause: error })
  }
  throw new Error(`no error, but ${String(result)}`)
}

/** So many arrays inside each other, the outermost counted. */
export function nested(depth: number): unknown {
  let value: unknown = []
  for (let level = 1; level < depth; level++) value = [value]
  return value
}
