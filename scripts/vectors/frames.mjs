// Owns: the generator's own encoder: the tagged values of spec/vectors/README.md to bytes, and frames that are wrong on purpose.
// Must not know: the library, or which bytes a decoder accepts. Numbers are spelled out here so that no slip is shared.
import { byteLength, i32, repeat, text, u8, u16, u32 } from './hex.mjs'

/** @typedef {import('./hex.mjs').Hex} Hex */
/** @typedef {[key: string, value: { t: string, v: string | number }]} Entry */
/** @typedef {{ type: string, [field: string]: any }} Value a frame as tagged JSON */
/** @typedef {{ size?: number, meta?: number }} Lengths what the header says in place of the truth */

export const PREFACE = '89505058310d0a1a'
export const MAX_ID = 2 ** 30 - 1
export const MAX_U31 = 2 ** 31 - 1
export const MAX_U32 = 2 ** 32 - 1

/** @type {Readonly<Record<string, number>>} */
const TYPES = {
  HELLO: 0x01,
  OPEN: 0x02,
  DATA: 0x03,
  END: 0x04,
  RESET: 0x05,
  STOP: 0x06,
  CREDIT: 0x07,
  PING: 0x08,
  PONG: 0x09,
  GOAWAY: 0x0a,
  REF: 0x0b,
}

/** @type {Readonly<Record<string, number>>} */
const FLAGS = {
  FIN: 0x01,
  FINAL: 0x01,
  MORE: 0x02,
  MSG: 0x04,
  TRL: 0x08,
  IDEM: 0x10,
  NOPROC: 0x10,
  ONEWAY: 0x20,
}

/** The keys of the static ids 80 … 9F, in order. */
export const STATIC_KEYS = Object.freeze(
  (
    'to from route-key hops via traceparent tracestate baggage auth idempotency-key attempt priority refs ref codec encoding ' +
    'size content-type message error-type retry-after-ms cache-key cache-control etag if-none-match age peer agent codecs ' +
    'serves contract resume-token'
  ).split(' '),
)

/** Those that are not text. @type {Readonly<Record<string, string>>} */
export const STATIC_TYPES = {
  hops: 'u8',
  attempt: 'u8',
  priority: 'u8',
  codec: 'u8',
  ref: 'u32',
  size: 'u32',
  'retry-after-ms': 'u32',
  refs: 'bin',
}

/** The 16 bytes that stand for the scripted side, and for the implementation under test. */
export const INSTANCE = '000102030405060708090a0b0c0d0e0f'
export const INSTANCE_UNDER_TEST = 'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'

/** The numbers of a HELLO with all defaults. @type {Readonly<Record<string, any>>} */
const HELLO_DEFAULTS = {
  features: 0,
  maxFrame: 65_536,
  maxMessage: 4_194_304,
  rxBytes: 262_144,
  rxMsgs: 16_384,
  connBytes: 4_194_304,
  opens: 1_024,
  maxMeta: 16_384,
  partials: 16,
  idleMs: 45_000,
  instance: INSTANCE,
}

/**
 * A frame from its parts, right or wrong.
 * @param {string | number} type
 * @param {number | readonly string[]} flags
 * @param {number} channel
 * @param {Hex} [meta]
 * @param {Hex} [payload]
 * @param {Lengths} [lengths] to lie about them
 * @returns {Hex}
 */
export function frame(type, flags, channel, meta = '', payload = '', lengths = {}) {
  const body = meta + payload
  const size = lengths.size ?? byteLength(body)
  const metaLength = lengths.meta ?? byteLength(meta)
  return (
    u32(size) +
    u8(typeof type === 'number' ? type : typeCode(type)) +
    u8(flagBits(flags)) +
    u16(metaLength) +
    i32(channel) +
    body
  )
}

/**
 * Only the twelve bytes of a header.
 * @param {string | number} type
 * @param {number | readonly string[]} flags
 * @param {number} channel
 * @param {number} size
 * @param {number} [meta]
 * @returns {Hex}
 */
export const header = (type, flags, channel, size, meta = 0) =>
  frame(type, flags, channel, '', '', { size, meta })

/**
 * An entry as the tagged value that stands for it.
 * @param {string} key `#a0` for an unknown static id
 * @param {string | number} value
 * @returns {Entry}
 */
export function h(key, value) {
  if (key.startsWith('#') || (key.endsWith('-bin') && !STATIC_KEYS.includes(key)))
    return [key, { t: 'bin', v: value }]
  const type = Object.hasOwn(STATIC_TYPES, key) ? String(STATIC_TYPES[key]) : 'text'
  return [key, { t: type, v: value }]
}

/**
 * An entry with a key spelled out, whether or not it may be.
 * @param {Hex} key
 * @param {Hex} [value]
 * @returns {Hex}
 */
export const literal = (key, value = '') => u8(byteLength(key)) + key + u16(byteLength(value)) + value

/**
 * An entry with a static id.
 * @param {number} id
 * @param {Hex} [value]
 * @returns {Hex}
 */
export const fixed = (id, value = '') => u8(id) + u16(byteLength(value)) + value

/**
 * @param {readonly Entry[]} list
 * @returns {Hex}
 */
function entries(list) {
  return list
    .map(([key, { t, v }]) => {
      const value =
        t === 'text' ? text(String(v)) : t === 'u8' ? u8(Number(v)) : t === 'u32' ? u32(Number(v)) : String(v)
      if (key.startsWith('#')) return fixed(Number.parseInt(key.slice(1), 16), value)
      const at = STATIC_KEYS.indexOf(key)
      return at < 0 ? literal(text(key), value) : fixed(0x80 + at, value)
    })
    .join('')
}

/**
 * The value with every field that its type has, in the order of the documentation.
 * @param {Value} value
 * @returns {Value}
 */
export function complete(value) {
  const { type, flags = [], channel = 0, ...rest } = value
  return { type, flags, channel, ...defaultsOf(type, channel), ...rest }
}

/**
 * The bytes of a frame. Fields that are missing have their default.
 * @param {Value} value
 * @returns {Hex}
 */
export function encode(value) {
  const v = complete(value)
  return frame(v.type, v.flags, v.channel, metaOf(v), payloadOf(v))
}

/**
 * A HELLO with some numbers changed.
 * @param {Record<string, any>} [fields]
 * @returns {Hex}
 */
export const hello = (fields = {}) => frame('HELLO', 0, 0, helloMeta(fields))

/**
 * The metadata of a HELLO.
 * @param {Record<string, any>} [fields] also `prefixLen`, `reserved`, `more` (prefix bytes beyond 56) and `headers`
 * @returns {Hex}
 */
export function helloMeta(fields = {}) {
  const { more = '', reserved = 0, headers = [], ...numbers } = fields
  /** @type {Record<string, any>} */
  const f = { ...HELLO_DEFAULTS, prefixLen: 56 + byteLength(more), ...numbers }
  return (
    u16(f.prefixLen) +
    u16(reserved) +
    [f.features, f.maxFrame, f.maxMessage, f.rxBytes, f.rxMsgs, f.connBytes, f.opens].map(u32).join('') +
    u16(f.maxMeta) +
    u16(f.partials) +
    u32(f.idleMs) +
    f.instance +
    more +
    entries(headers)
  )
}

/**
 * The metadata of an OPEN.
 * @param {{ timeoutMs?: number, windowBytes?: number, windowMessages?: number, codec?: number, name?: string, nameHex?: Hex,
 *   nameLength?: number, headers?: readonly Entry[] }} [fields]
 * @returns {Hex}
 */
export function openMeta(fields = {}) {
  const { timeoutMs = 0, windowBytes = 0, windowMessages = 0, codec = 0, headers = [] } = fields
  const name = fields.nameHex ?? text(fields.name ?? 'echo')
  const prefix = u32(timeoutMs) + u32(windowBytes) + u16(windowMessages) + u8(codec)
  return prefix + u8(fields.nameLength ?? byteLength(name)) + name + entries(headers)
}

/**
 * @param {string} type
 * @param {number} channel
 * @returns {Record<string, any>}
 */
function defaultsOf(type, channel) {
  switch (type) {
    case 'HELLO':
      return { ...HELLO_DEFAULTS, headers: [] }
    case 'OPEN':
      return {
        timeoutMs: 0,
        windowBytes: 0,
        windowMessages: 0,
        codec: 0,
        name: 'echo',
        headers: [],
        payload: '',
      }
    case 'DATA':
      return { headers: [], payload: '' }
    case 'END':
      return { code: 2, headers: [], payload: '' }
    case 'RESET':
      return { code: 1, headers: [] }
    case 'STOP':
      return { code: 1 }
    case 'CREDIT':
      return { byteLimit: 0, ...(channel === 0 ? { openLimit: 0 } : { messageLimit: 0 }) }
    case 'PING':
    case 'PONG':
      return { payload: '0100000000000000' }
    case 'GOAWAY':
      return { code: 0, lastId: 0, graceMs: 0, headers: [] }
    case 'REF':
      return { releases: [] }
    default:
      return {}
  }
}

/** @param {Value} v @returns {Hex} */
function metaOf(v) {
  switch (v.type) {
    case 'HELLO':
      return helloMeta(v)
    case 'OPEN':
      return openMeta(/** @type {any} */ (v))
    case 'DATA':
      return entries(v.headers)
    case 'END':
    case 'RESET':
      return u32(v.code) + entries(v.headers)
    case 'STOP':
      return u32(v.code)
    case 'GOAWAY':
      return u32(v.code) + u32(v.lastId) + u32(v.graceMs) + entries(v.headers)
    default:
      return ''
  }
}

/** @param {Value} v @returns {Hex} */
function payloadOf(v) {
  if (v.type === 'CREDIT') return u32(v.byteLimit) + u32(v.channel === 0 ? v.openLimit : v.messageLimit)
  if (v.type === 'REF')
    return v.releases.map((/** @type {any} */ one) => u32(one.refId) + u32(one.count)).join('')
  return v.payload ?? ''
}

/** @param {string} name */
function typeCode(name) {
  const code = TYPES[name]
  if (code === undefined) throw new Error(`no frame type ${name}`)
  return code
}

/** @param {number | readonly string[]} flags */
function flagBits(flags) {
  if (typeof flags === 'number') return flags
  return flags.reduce((sum, name) => {
    const bit = FLAGS[name]
    if (bit === undefined) throw new Error(`no flag ${name}`)
    return sum + bit
  }, 0)
}

/** Some text of a given length. @param {number} bytes @returns {Hex} */
export const filler = (bytes) => repeat('61', bytes)
