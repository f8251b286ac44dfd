// Ours against the fastest general library with what it lacks around it (a look at the value before, a look at the bytes
// before, results of their own memory), and against the library alone, which is the price of the checks.
//   npx vitest bench --run packages/codec
import { createJsonCodec, createMsgpackCodec } from '@peerplex/codec'
import { Packr } from 'msgpackr/pack'
import { Unpackr } from 'msgpackr/unpack'
import { bench, describe } from 'vitest'

const msgpack = createMsgpackCodec()
const json = createJsonCodec()
const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true })
const unpackr = new Unpackr({ useRecords: false, copyBuffers: true, int64AsType: 'auto' as 'number' })

const VALUES = {
  'two numbers': [2, 3],
  'a small call': {
    id: 123_456,
    method: 'math.add',
    params: { a: 1, b: 2.5, name: 'hello world', tags: ['x', 'y'] },
  },
  'twenty rows': Array.from({ length: 20 }, (_, index) => ({
    id: index * 1_000,
    name: `user number ${index}`,
    email: `user${index}@example.com`,
    score: index * 1.5,
    active: index % 2 === 0,
  })),
  'a thousand integers': Array.from({ length: 1_000 }, (_, index) => index * 37),
  'a thousand floats': Array.from({ length: 1_000 }, (_, index) => index / 7),
  'a KiB of bytes': { data: new Uint8Array(1_024) },
  '2 KB of text': { body: 'The quick brown fox jumps over the lazy dog. '.repeat(44) },
  'words of Europe': { a: 'grüße', b: 'naïve café', c: 'façade', d: 'Ærøskøbing' },
}

for (const [name, value] of Object.entries(VALUES)) {
  const bytes = msgpack.encode(value)
  // A payload is a new view each time; what a library keeps on the object it was given does not help.
  const payload = () => new Uint8Array(bytes.buffer, 0, bytes.length)

  describe(`encode ${name}`, () => {
    bench('ours', () => void msgpack.encode(value))
    bench('msgpackr with checks', () => {
      checkValue(value, 0)
      new Uint8Array(packr.pack(value))
    })
    bench('msgpackr alone', () => void packr.pack(value))
    if (!bytes.includes(0xc5)) bench('our json', () => void json.encode(value))
  })

  describe(`decode ${name}`, () => {
    bench('ours', () => void msgpack.decode(payload()))
    bench('msgpackr with checks', () => {
      const taken = payload()
      scan(taken)
      unpackr.unpack(taken)
    })
    bench('msgpackr alone', () => void unpackr.unpack(payload()))
    if (bytes.includes(0xc5)) return
    const text = json.encode(value)
    bench('our json', () => void json.decode(text))
  })
}

/** The least that must be known of a value before msgpackr may have it. */
function checkValue(value: unknown, depth: number): void {
  if (typeof value === 'string' && /[\ud800-\udfff]/.test(value) && /[\ud800-\udfff]/u.test(value))
    throw new Error()
  if (typeof value === 'function' || typeof value === 'symbol' || depth > 64) throw new Error()
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) checkValue(value[index], depth + 1)
    return
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) throw new Error()
  for (const key of Object.keys(value)) checkValue((value as Record<string, unknown>)[key], depth + 1)
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/** The least that must be known of bytes before msgpackr may have them, for the formats of the values above. */
function scan(bytes: Uint8Array): void {
  const waiting = new Uint32Array(65)
  waiting[0] = 1
  let depth = 0
  let at = 0
  let left = 100_000
  const text = (length: number) => {
    const end = at + length
    if (end > bytes.length) throw new Error()
    let all = 0
    for (let next = at; next < end; next++) all |= bytes[next] as number
    if (all > 0x7f) decoder.decode(bytes.subarray(at, end))
    at = end
  }
  const open = (count: number) => {
    if (count > bytes.length - at || depth === 64) throw new Error()
    waiting[++depth] = count
  }
  const u16 = () => {
    at += 2
    return ((bytes[at - 2] as number) << 8) | (bytes[at - 1] as number)
  }
  for (;;) {
    while (waiting[depth] === 0) if (depth-- === 0) return
    waiting[depth] = (waiting[depth] as number) - 1
    if (at >= bytes.length || --left < 0) throw new Error()
    const head = bytes[at++] as number
    if (head < 0x80 || head >= 0xe0) continue
    if (head < 0x90) open(2 * (head & 0x0f))
    else if (head < 0xa0) open(head & 0x0f)
    else if (head < 0xc0) text(head & 0x1f)
    else if (head === 0xc0 || head === 0xc2 || head === 0xc3) continue
    else if (head === 0xcc || head === 0xd0) at += 1
    else if (head === 0xcd || head === 0xd1) at += 2
    else if (head === 0xce || head === 0xd2) at += 4
    else if (head === 0xcb || head === 0xcf || head === 0xd3) at += 8
    else if (head === 0xd9) text(bytes[at++] as number)
    else if (head === 0xda) text(u16())
    else if (head === 0xc5) at += u16()
    else if (head === 0xdc) open(u16())
    else throw new Error()
  }
}
