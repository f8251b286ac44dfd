// Owns: the vectors of HELLO, and of what comes first in its place.
// Must not know: how vectors are numbered and written.
import {
  complete,
  encode,
  filler,
  fixed,
  frame,
  h,
  header,
  hello,
  helloMeta,
  literal,
  MAX_U31,
  MAX_U32,
  openMeta,
} from './frames.mjs'
import { repeat, text, u8, u16, u32 } from './hex.mjs'
import { Suite } from './suite.mjs'

export const helloSuite = new Suite('hello')

const first = helloSuite.decode('the first frame after the preface, at a receiver with default limits', {
  state: 'hello',
})

first.valid('all defaults, nothing else', { type: 'HELLO' }, 'PRE-014')
first.valid(
  'all defaults, a peer id and codecs: the example of the text',
  { type: 'HELLO', headers: [h('peer', 'a'), h('codecs', 'json,msgpack')] },
  'PRE-014',
)
first.valid(
  'every entry that is meant for HELLO',
  {
    type: 'HELLO',
    headers: [
      h('auth', 'token'),
      h('peer', 'a'),
      h('agent', 'x/1'),
      h('codecs', 'json'),
      h('serves', 's,t'),
      h('contract', 'c'),
    ],
  },
  'PRE-013',
)

/** Floor and maximum of each number. @type {[field: string, floor: number, max: number][]} */
const RANGES = [
  ['maxFrame', 16_384, 2 ** 24 - 1],
  ['maxMessage', 65_536, MAX_U31],
  ['rxBytes', 16_384, MAX_U31],
  ['rxMsgs', 1, MAX_U31],
  ['connBytes', 65_536, MAX_U31],
  ['opens', 0, MAX_U31],
  ['maxMeta', 4_096, 65_535],
  ['partials', 1, 65_535],
]
for (const [field, floor, max] of RANGES) {
  first.valid(`${field} at its floor`, { type: 'HELLO', [field]: floor }, 'PRE-014', 'BOUNDARY')
  first.valid(`${field} at its maximum`, { type: 'HELLO', [field]: max }, 'PRE-014', 'BOUNDARY')
  if (floor > 0)
    first.invalid(
      `${field} one below its floor`,
      hello({ [field]: floor - 1 }),
      'PROTOCOL_ERROR',
      'PRE-014',
      'BOUNDARY',
    )
  if (floor > 1) first.invalid(`${field} zero`, hello({ [field]: 0 }), 'PROTOCOL_ERROR', 'PRE-014')
  if (max > 65_535) {
    first.invalid(
      `${field} one above its maximum`,
      hello({ [field]: max + 1 }),
      'PROTOCOL_ERROR',
      'PRE-014',
      'BOUNDARY',
    )
    first.invalid(`${field} with all bits set`, hello({ [field]: MAX_U32 }), 'PROTOCOL_ERROR', 'PRE-014')
  }
}
first.valid(
  'every number at its floor',
  {
    type: 'HELLO',
    maxFrame: 16_384,
    maxMessage: 65_536,
    rxBytes: 16_384,
    rxMsgs: 1,
    connBytes: 65_536,
    opens: 0,
    maxMeta: 4_096,
    partials: 1,
    idleMs: 1_000,
  },
  'PRE-014',
  'BOUNDARY',
)
first.valid('idleMs 0: never', { type: 'HELLO', idleMs: 0 }, 'PRE-014', 'BOUNDARY')
first.valid('idleMs at its floor', { type: 'HELLO', idleMs: 1_000 }, 'PRE-014', 'BOUNDARY')
first.valid('idleMs at 2^31−1', { type: 'HELLO', idleMs: MAX_U31 }, 'PRE-014', 'BOUNDARY')
const clamped = (/** @type {string} */ comment, /** @type {number} */ idleMs) => {
  const value = complete({ type: 'HELLO', idleMs: MAX_U31 })
  first.validBytes(comment, hello({ idleMs }), value, 'PRE-014', 'CLAMPED')
}
clamped('idleMs at 2^31', 2 ** 31)
clamped('idleMs with all bits set', MAX_U32)
first.invalid('idleMs 1', hello({ idleMs: 1 }), 'PROTOCOL_ERROR', 'PRE-014', 'BOUNDARY')
first.invalid('idleMs 999', hello({ idleMs: 999 }), 'PROTOCOL_ERROR', 'PRE-014', 'BOUNDARY')

first.validBytes(
  'a nonzero reserved field',
  hello({ reserved: 0xffff }),
  complete({ type: 'HELLO' }),
  'PRE-013',
  'OPAQUE',
)
first.valid('an unknown feature bit', { type: 'HELLO', features: 1 }, 'PRE-013', 'OPAQUE')
first.valid('all feature bits', { type: 'HELLO', features: MAX_U32 }, 'PRE-013', 'OPAQUE')
first.validBytes(
  'one prefix byte beyond the known ones',
  hello({ more: 'ff' }),
  complete({ type: 'HELLO' }),
  'PRE-013',
  'OPAQUE',
)
first.validBytes(
  'a prefix of 72 bytes and entries behind it',
  hello({ more: repeat('c3', 16), headers: [h('peer', 'a')] }),
  complete({ type: 'HELLO', headers: [h('peer', 'a')] }),
  'PRE-012 PRE-013',
  'OPAQUE',
)
first.valid(
  'unknown entries',
  { type: 'HELLO', headers: [h('x-region', 'eu'), h('#a0', '00ff')] },
  'PRE-013',
  'OPAQUE',
)
first.valid(
  'an entry that belongs to another frame',
  { type: 'HELLO', headers: [h('retry-after-ms', 5)] },
  'PRE-013',
  'OPAQUE',
)
const prefix = (/** @type {string} */ comment, /** @type {number} */ prefixLen, flags = 'BOUNDARY') =>
  first.invalid(comment, hello({ prefixLen }), 'PROTOCOL_ERROR', 'PRE-012', flags)
prefix('prefixLen 55', 55)
prefix('prefixLen 0', 0)
prefix('prefixLen of meta + 1', 57, 'BOUNDARY TRUNCATED')
prefix('prefixLen with all bits set', 0xffff, 'TRUNCATED')
prefix('prefixLen in big-endian order', 0x3800, 'TRUNCATED')
first.invalid(
  'a prefix that cuts the first entry',
  hello({ prefixLen: 57, headers: [h('peer', 'a')] }),
  'PROTOCOL_ERROR',
  'MET-004',
)

first.valid(
  '64 entries',
  { type: 'HELLO', headers: Array.from({ length: 64 }, () => h('x', '')) },
  'MET-018',
  'BOUNDARY',
)
first.invalid(
  '65 entries',
  hello({ headers: Array.from({ length: 65 }, () => h('x', '')) }),
  'PROTOCOL_ERROR',
  'MET-018',
  'BOUNDARY',
)
first.invalid(
  'an entry with k = 00',
  frame('HELLO', 0, 0, `${helloMeta()}000000`),
  'PROTOCOL_ERROR',
  'MET-002',
)
first.invalid(
  'a literal spelling of `peer`',
  frame('HELLO', 0, 0, helloMeta() + literal(text('peer'), text('a'))),
  'PROTOCOL_ERROR',
  'MET-001',
)
first.invalid(
  'an entry cut short',
  frame('HELLO', 0, 0, `${helloMeta()}9a0500`),
  'PROTOCOL_ERROR',
  'MET-003',
  'TRUNCATED',
)
first.validBytes(
  'a meta of exactly 16 384, in one entry',
  frame('HELLO', 0, 0, helloMeta() + fixed(0xa0, filler(16_325))),
  complete({ type: 'HELLO', headers: [h('#a0', filler(16_325))] }),
  'FRM-007',
  'BOUNDARY',
)
first.invalid(
  'a meta of 16 385',
  header('HELLO', 0, 0, 16_385, 16_385),
  'FRAME_SIZE',
  'FRM-007',
  'HEADER_ONLY BOUNDARY',
)
first.invalid('a meta of 55', header('HELLO', 0, 0, 55, 55), 'FRAME_SIZE', 'FRM-009', 'HEADER_ONLY BOUNDARY')
first.invalid('no body at all', frame('HELLO', 0, 0), 'FRAME_SIZE', 'FRM-009')
first.invalid(
  'the body as payload, not as metadata',
  frame('HELLO', 0, 0, '', helloMeta()),
  'FRAME_SIZE',
  'FRM-009',
)
first.invalid(
  'one byte of payload',
  frame('HELLO', 0, 0, helloMeta(), '61'),
  'FRAME_SIZE',
  'FRM-010',
  'BOUNDARY',
)
first.invalid(
  'a meta above size',
  header('HELLO', 0, 0, 56, 57),
  'FRAME_SIZE',
  'FRM-008',
  'HEADER_ONLY BOUNDARY',
)
first.invalid(
  'a size above maxFrame',
  header('HELLO', 0, 0, 65_537, 56),
  'FRAME_SIZE',
  'FRM-006',
  'HEADER_ONLY BOUNDARY',
)
for (const bit of [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80]) {
  first.invalid(`flag ${u8(bit)}`, frame('HELLO', bit, 0, helloMeta()), 'PROTOCOL_ERROR', 'FRM-014')
}
first.invalid('on a channel of its sender', frame('HELLO', 0, 1, helloMeta()), 'PROTOCOL_ERROR', 'FRM-016')
first.invalid('on a channel of its receiver', frame('HELLO', 0, -1, helloMeta()), 'PROTOCOL_ERROR', 'FRM-016')
first.invalid(
  'a channel out of range',
  frame('HELLO', 0, 2 ** 30, helloMeta()),
  'PROTOCOL_ERROR',
  'FRM-016 FRM-018',
)

const other = (/** @type {string} */ comment, /** @type {string} */ bytes, req = 'PRE-009', flags = '') =>
  first.invalid(comment, bytes, 'PROTOCOL_ERROR', req, flags === '' ? undefined : flags)
other('OPEN first', encode({ type: 'OPEN', channel: 1 }))
other('DATA first', encode({ type: 'DATA', flags: ['MSG'], channel: 1, payload: '61' }))
other('END first', encode({ type: 'END', channel: 1 }))
other('RESET first', encode({ type: 'RESET', channel: 1 }))
other('STOP first', encode({ type: 'STOP', channel: 1 }))
other('CREDIT of the connection first', encode({ type: 'CREDIT' }))
other('PING first', encode({ type: 'PING' }))
other('PONG first', encode({ type: 'PONG' }))
other('GOAWAY first', encode({ type: 'GOAWAY', flags: ['FINAL'], code: 64 }))
other('REF first', encode({ type: 'REF', releases: [{ refId: 1, count: 1 }] }))
other('an ignorable frame first', frame(0x80, 0, 0))
other('a feature type first', frame(0x40, 0, 0), 'PRE-009 FRM-012')
other('a reserved type first', frame(0xc0, 0, 0), 'PRE-009 FRM-011')
other('zeros', repeat('00', 12), 'PRE-009 FRM-011')
other('OPEN first, the body is not there yet', header('OPEN', 0, 1, 16, 16), 'PRE-009 FRM-005', 'HEADER_ONLY')
first.invalid(
  'a PING of the wrong length first: check 4 before check 5',
  frame('PING', 0, 0, '', '00'),
  'FRAME_SIZE',
  'FRM-004 FRM-010 PRE-009',
  'ORDER',
)
first.invalid(
  'an ignorable frame with meta above size first: check 3 before check 5',
  header(0x80, 0, 0, 0, 1),
  'FRAME_SIZE',
  'FRM-004 FRM-008 PRE-009',
  'ORDER',
)
other(
  'OPEN with a wrong flag first: check 5 before check 7',
  frame('OPEN', 0x40, 1, openMeta()),
  'FRM-004 PRE-009 FRM-014',
  'ORDER',
)

const again = helloSuite.decode('a HELLO on a session that has had one')
again.invalid('a second HELLO, the same as the first', hello(), 'PROTOCOL_ERROR', 'PRE-010')
again.invalid(
  'a second HELLO, the body is not there yet',
  header('HELLO', 0, 0, 56, 56),
  'PROTOCOL_ERROR',
  'PRE-010 FRM-005',
  'HEADER_ONLY',
)
again.invalid(
  'a second HELLO of the largest size',
  header('HELLO', 0, 0, 16_384, 16_384),
  'PROTOCOL_ERROR',
  'PRE-010',
  'HEADER_ONLY BOUNDARY',
)
again.invalid(
  'a second HELLO that would be too short',
  frame('HELLO', 0, 0, u16(55) + u32(0)),
  'FRAME_SIZE',
  'FRM-004 FRM-009 PRE-010',
  'ORDER',
)
