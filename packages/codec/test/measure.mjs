// Owns: what the checks of codec msgpack cost. Ours against the fastest general library; against that library with what it lacks
// around it (a look at the value before, a look at the bytes before, results of their own memory); and the memory of the worst
// message. It runs on the build, because test runners replace constants by look-ups: `npm run build`, then
//   node --expose-gc packages/codec/test/measure.mjs
// It must not decide anything; docs/codecs.md says what follows from the numbers.

import { createMsgpackCodec } from '@peerplex/codec'
import { Packr } from 'msgpackr/pack'
import { Unpackr } from 'msgpackr/unpack'

// Many short rounds: the best of them was not interrupted by what else runs on the machine.
const ROUNDS = 200
const ROUND_MS = 2

const decoder = new TextDecoder('utf-8', { fatal: true })
const msgpack = createMsgpackCodec()
const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true })
const unpackr = new Unpackr({ useRecords: false, copyBuffers: true })

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
  'accented words': { a: 'grüße', b: 'naïve café', c: 'façade', d: 'Ærøskøbing' },
}

// The worst that fits: nothing takes more memory per value than a Uint8Array of its own.
const COUNT = 99_999
const payload = new Uint8Array(5 + 2 * COUNT)
payload.set([0xdd, 0, COUNT >> 16, (COUNT >> 8) & 0xff, COUNT & 0xff])
for (let at = 5; at < payload.length; at += 2) payload[at] = 0xc4
const before = heldBytes()
const bins = msgpack.decode(payload)
const heldMb = ((heldBytes() - before) / 1e6).toFixed(1)
console.log(`${bins.length} empty bins, a payload of ${payload.length} B: ${heldMb} MB of memory`)

console.log(
  'ns per message; best of all rounds    encode: ours  checked    alone   decode: ours  checked    alone',
)
for (const [name, value] of Object.entries(VALUES)) {
  const bytes = msgpack.encode(value)
  // A payload is a new view each time; what a library keeps on the object it was given does not help.
  const payload = () => new Uint8Array(bytes.buffer, 0, bytes.length)
  const times = bestNs([
    () => msgpack.encode(value),
    () => {
      checkValue(value, 0)
      return new Uint8Array(packr.pack(value))
    },
    () => packr.pack(value),
    () => msgpack.decode(payload()),
    () => {
      const taken = payload()
      scan(taken)
      return unpackr.unpack(taken)
    },
    () => unpackr.unpack(payload()),
  ])
  const cells = times.map((ns, index) => ns.toFixed(0).padStart(index % 3 === 0 ? 14 : 9))
  console.log(`${name} (${bytes.length} B)`.padEnd(34), cells.join(''))
}

/**
 * The rounds of all candidates alternate, so that what else runs on the machine meets all of them.
 * @param {(() => unknown)[]} candidates
 */
function bestNs(candidates) {
  const best = candidates.map(() => Number.POSITIVE_INFINITY)
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, run] of candidates.entries()) {
      let count = 0
      const start = performance.now()
      let elapsedMs = 0
      while (elapsedMs < ROUND_MS) {
        for (let step = 0; step < 10; step++) run()
        count += 10
        elapsedMs = performance.now() - start
      }
      best[index] = Math.min(best[index], (elapsedMs * 1e6) / count)
    }
  }
  return best
}

function heldBytes() {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** The least that must be known of a value before msgpackr may have it. */
function checkValue(value, depth) {
  if (typeof value === 'string' && /[\ud800-\udfff]/.test(value) && /[\ud800-\udfff]/u.test(value))
    throw new Error()
  if (typeof value === 'function' || typeof value === 'symbol' || depth > 64) throw new Error()
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) checkValue(value[index], depth + 1)
    return
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) throw new Error()
  for (const key of Object.keys(value)) checkValue(value[key], depth + 1)
}

/** The least that must be known of bytes before msgpackr may have them, for the formats of the values above. */
function scan(bytes) {
  const waiting = new Uint32Array(65)
  waiting[0] = 1
  let depth = 0
  let at = 0
  let left = 100_000
  const text = (length) => {
    const end = at + length
    if (end > bytes.length) throw new Error()
    let all = 0
    for (let next = at; next < end; next++) all |= bytes[next]
    if (all > 0x7f) decoder.decode(bytes.subarray(at, end))
    at = end
  }
  const open = (count) => {
    if (count > bytes.length - at || depth === 64) throw new Error()
    waiting[++depth] = count
  }
  const u16 = () => {
    at += 2
    return (bytes[at - 2] << 8) | bytes[at - 1]
  }
  for (;;) {
    while (waiting[depth] === 0) if (depth-- === 0) return
    waiting[depth] = waiting[depth] - 1
    if (at >= bytes.length || --left < 0) throw new Error()
    const head = bytes[at++]
    if (head < 0x80 || head >= 0xe0) continue
    if (head < 0x90) open(2 * (head & 0x0f))
    else if (head < 0xa0) open(head & 0x0f)
    else if (head < 0xc0) text(head & 0x1f)
    else if (head === 0xc0 || head === 0xc2 || head === 0xc3) continue
    else if (head === 0xcc || head === 0xd0) at += 1
    else if (head === 0xcd || head === 0xd1) at += 2
    else if (head === 0xce || head === 0xd2) at += 4
    else if (head === 0xcb || head === 0xcf || head === 0xd3) at += 8
    else if (head === 0xd9) textbytes[at++]
    else if (head === 0xda) text(u16())
    else if (head === 0xc5) at += u16()
    else if (head === 0xdc) open(u16())
    else throw new Error()
  }
}
