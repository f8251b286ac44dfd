// Owns: the static header keys: id, spelling, type (spec §6, table header-keys).
// Must not know: how entries are laid out (entries.ts) or what a key means to an application.

/** How the value of a key is to be read: UTF-8 text, opaque bytes, or a little-endian number of fixed width. */
export type HeaderType = 'text' | 'bin' | 'u8' | 'u32'

export interface HeaderKeyRow {
  readonly id: number
  readonly key: string
  readonly type: HeaderType
}

const row = (id: number, key: string, type: HeaderType): HeaderKeyRow => Object.freeze({ id, key, type })

export const KEY_REFS = 0x8c
export const KEY_REF = 0x8d
export const KEY_CODEC = 0x8e
export const KEY_ENCODING = 0x8f
export const KEY_SIZE = 0x90
export const KEY_MESSAGE = 0x92

/** The static keys 0x80 … 0x9f in order; ids above are opaque to this version. */
export const HEADER_KEYS: readonly HeaderKeyRow[] = Object.freeze([
  row(0x80, 'to', 'text'),
  row(0x81, 'from', 'text'),
  row(0x82, 'route-key', 'text'),
  row(0x83, 'hops', 'u8'),
  row(0x84, 'via', 'text'),
  row(0x85, 'traceparent', 'text'),
  row(0x86, 'tracestate', 'text'),
  row(0x87, 'baggage', 'text'),
  row(0x88, 'auth', 'text'),
  row(0x89, 'idempotency-key', 'text'),
  row(0x8a, 'attempt', 'u8'),
  row(0x8b, 'priority', 'u8'),
  row(KEY_REFS, 'refs', 'bin'),
  row(KEY_REF, 'ref', 'u32'),
  row(KEY_CODEC, 'codec', 'u8'),
  row(KEY_ENCODING, 'encoding', 'text'),
  row(KEY_SIZE, 'size', 'u32'),
  row(0x91, 'content-type', 'text'),
  row(KEY_MESSAGE, 'message', 'text'),
  row(0x93, 'error-type', 'text'),
  row(0x94, 'retry-after-ms', 'u32'),
  row(0x95, 'cache-key', 'text'),
  row(0x96, 'cache-control', 'text'),
  row(0x97, 'etag', 'text'),
  row(0x98, 'if-none-match', 'text'),
  row(0x99, 'age', 'text'),
  row(0x9a, 'peer', 'text'),
  row(0x9b, 'agent', 'text'),
  row(0x9c, 'codecs', 'text'),
  row(0x9d, 'serves', 'text'),
  row(0x9e, 'contract', 'text'),
  row(0x9f, 'resume-token', 'text'),
])

export const FIRST_STATIC_KEY = 0x80

const BY_KEY: ReadonlyMap<string, HeaderKeyRow> = new Map(HEADER_KEYS.map((entry) => [entry.key, entry]))

/** The row of a key that has a static id. */
export function staticKey(key: string): HeaderKeyRow | undefined {
  return BY_KEY.get(key)
}

/** The row of a static id; undefined for 0xa0 … 0xff, whose values are opaque bytes. */
export function staticRow(id: number): HeaderKeyRow | undefined {
  return HEADER_KEYS[id - FIRST_STATIC_KEY]
}

/** The type of a key by its spelling: the table's, else bytes for `…-bin`, else text. */
export function headerType(key: string): HeaderType {
  return BY_KEY.get(key)?.type ?? (key.endsWith('-bin') ? 'bin' : 'text')
}
