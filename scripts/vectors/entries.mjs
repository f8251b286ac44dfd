// Owns: the vectors of header entries: keys, typed values, lengths, references.
// Must not know: what a key means, and how many entries a channel takes.
import { fixed, frame, h, literal, openMeta, STATIC_KEYS, STATIC_TYPES } from './frames.mjs'
import { repeat, text, u8, u16, u32 } from './hex.mjs'
import { Suite } from './suite.mjs'

/** @typedef {import('./hex.mjs').Hex} Hex */
/** @typedef {import('./frames.mjs').Entry} Entry */

/** @param {Hex} entries early headers with these entries */
const dataWith = (entries) => frame('DATA', 0, 1, entries)
/** @param {readonly Entry[]} headers */
const value = (headers) => ({ type: 'DATA', flags: [], channel: 1, headers, payload: '' })

export const staticKeys = new Suite('entries-static-keys')

const known = staticKeys.decode(
  'keys with a static id and values of the right width; in DATA, whatever frame they are meant for',
)
/** @type {Readonly<Record<string, string | number>>} */
const SAMPLES = {
  hops: 3,
  attempt: 1,
  priority: 255,
  codec: 2,
  ref: 7,
  size: 70_000,
  'retry-after-ms': 250,
  refs: '0100000000000000',
}
for (const [at, key] of STATIC_KEYS.entries()) {
  known.valid(`${u8(0x80 + at)}: ${key}`, value([h(key, SAMPLES[key] ?? 'v')]), 'MET-001 MET-005')
}
known.valid('an empty text value', value([h('to', '')]), 'MET-005', 'BOUNDARY')
known.valid('hops 0', value([h('hops', 0)]), 'MET-005', 'BOUNDARY')
known.valid('hops 255', value([h('hops', 255)]), 'MET-005', 'BOUNDARY')
known.valid('size 0', value([h('size', 0)]), 'MET-005', 'BOUNDARY')
known.valid('size with all bits set', value([h('size', 2 ** 32 - 1)]), 'MET-005', 'BOUNDARY')
known.valid('ref 0: judged by whoever serves ~ref', value([h('ref', 0)]), 'MET-005', 'BOUNDARY')
known.valid('the first id without a key', value([h('#a0', '00ff')]), 'MET-008', 'OPAQUE')
known.valid('the last id without a key', value([h('#ff', '')]), 'MET-008', 'OPAQUE')
known.valid(
  'an id without a key, among others',
  value([h('to', 'p'), h('#c8', '01'), h('via', 'q')]),
  'MET-008',
  'OPAQUE',
)

const widths = staticKeys.decode('values of typed keys with another width')
for (const [key, type] of Object.entries(STATIC_TYPES)) {
  if (type === 'bin') continue
  const id = 0x80 + STATIC_KEYS.indexOf(key)
  const width = type === 'u8' ? 1 : 4
  for (const [title, bytes] of /** @type {[string, number][]} */ ([
    ['empty', 0],
    ['one byte short', width - 1],
    ['one byte long', width + 1],
  ])) {
    if (title === 'one byte short' && bytes === 0) continue
    widths.invalid(
      `${key} ${title}`,
      dataWith(fixed(id, repeat('01', bytes))),
      'PROTOCOL_ERROR',
      'MET-005',
      'BOUNDARY',
    )
  }
}
widths.invalid('size as a u64', dataWith(fixed(0x90, repeat('00', 8))), 'PROTOCOL_ERROR', 'MET-005')
widths.invalid(
  'ref of a wrong width in OPEN',
  frame('OPEN', 0, 1, openMeta({ name: '~ref' }) + fixed(0x8d, u16(1))),
  'PROTOCOL_ERROR',
  'MET-005',
)
widths.invalid(
  'retry-after-ms of a wrong width in END',
  frame('END', 0, -1, u32(8) + fixed(0x94, u16(1))),
  'PROTOCOL_ERROR',
  'MET-005',
)
widths.invalid(
  'a wrong width behind a right entry',
  dataWith(fixed(0x83, u8(1)) + fixed(0x83)),
  'PROTOCOL_ERROR',
  'MET-005',
)

const spelled = staticKeys.decode('the literal spelling of each key that has a static id')
for (const key of STATIC_KEYS) {
  spelled.invalid(key, dataWith(literal(text(key), '31')), 'PROTOCOL_ERROR', 'MET-001')
}
spelled.invalid(
  'refs spelled out with a right value',
  dataWith(literal(text('refs'), `${u32(1)}00000000`)),
  'PROTOCOL_ERROR',
  'MET-001',
)
spelled.invalid(
  'to in OPEN',
  frame('OPEN', 0, 1, openMeta() + literal(text('to'), '70')),
  'PROTOCOL_ERROR',
  'MET-001',
)
spelled.invalid(
  'message in END',
  frame('END', 0, -1, u32(2) + literal(text('message'))),
  'PROTOCOL_ERROR',
  'MET-001',
)
spelled.invalid(
  'message in RESET',
  frame('RESET', 0, -1, u32(2) + literal(text('message'))),
  'PROTOCOL_ERROR',
  'MET-001',
)
spelled.invalid(
  'message in GOAWAY',
  frame('GOAWAY', 0, 0, u32(0) + u32(0) + u32(0) + literal(text('message'))),
  'PROTOCOL_ERROR',
  'MET-001',
)
spelled.valid('one letter more than a static key', value([h('tos', '1')]), 'MET-001', 'BOUNDARY')
spelled.valid('one letter less than a static key', value([h('siz', '1')]), 'MET-001', 'BOUNDARY')
spelled.valid('a static key behind ~', value([h('~to', '1')]), 'MET-001')

export const literalKeys = new Suite('entries-literal-keys')

const keys = literalKeys.decode('keys that are spelled out')
const kept = (/** @type {string} */ comment, /** @type {Entry[]} */ headers, req = 'MET-004', flags = '') =>
  keys.valid(comment, value(headers), req, flags === '' ? undefined : flags)
kept('every letter', [h('abcdefghijklmnopqrstuvwxyz', '1')])
kept('every digit', [h('0123456789', '1')])
kept('the other five characters', [h('._~-', '1')])
kept('a key of one byte', [h('x', '1')], 'MET-004', 'BOUNDARY')
kept('a key of 127 bytes', [h('k'.repeat(127), '1')], 'MET-004', 'BOUNDARY')
kept('an empty value', [h('x-empty', '')])
kept('a long value', [h('x-long', 'v'.repeat(300))])
kept('a value with letters beyond ASCII', [h('x-city', 'Łódź')], 'MET-009')
kept('a value with control characters, which are text', [h('x-raw', '\u0000\r\n')], 'MET-009')
kept('a binary value', [h('sig-bin', '00ff80')], 'MET-008')
kept('-bin is a whole key too', [h('-bin', 'ff')], 'MET-008')
kept('a key that only looks binary', [h('x-bin2', 'a')], 'MET-008')
kept('a hop-by-hop key', [h('~identity', 'a')], 'MET-008')
kept('a key of another protocol', [h('grpc-timeout', '1S')], 'MET-008', 'OPAQUE')
kept('__proto__', [h('__proto__', '1')], 'MET-012', 'PROTOTYPE_KEY')
kept('constructor', [h('constructor', '1')], 'MET-012', 'PROTOTYPE_KEY')
kept(
  'hasownproperty, tostring and length',
  [h('hasownproperty', '1'), h('tostring', '2'), h('length', '3')],
  'MET-012',
  'PROTOTYPE_KEY',
)
kept('the same key three times, in order', [h('x', '1'), h('x', '2'), h('x', '1')], 'MET-010 MET-011')
kept('the same static key twice', [h('via', 'a'), h('via', 'b')], 'MET-010 MET-011')
kept('a typed key twice', [h('hops', 1), h('hops', 2)], 'MET-010 MET-011')
kept('not sorted', [h('z', '1'), h('a', '2'), h('to', '3'), h('m', '4')], 'MET-011')
kept(
  '64 entries',
  Array.from({ length: 64 }, () => h('x', '')),
  'MET-014',
  'BOUNDARY',
)
const mangled = (/** @type {string} */ comment, /** @type {Hex} */ bytes, /** @type {string} */ read) =>
  keys.validBytes(
    comment,
    dataWith(literal(text('x'), bytes)),
    value([['x', { t: 'text', v: read }]]),
    'MET-009',
    'NON_UTF8',
  )
mangled('a text value with one byte that is never UTF-8', '61ff62', 'a\ufffdb')
mangled('a text value that is Latin-1', '6de9', 'm\ufffd')
mangled('a text value that starts with a byte order mark, which stays', 'efbbbf61', '\ufeffa')

/** One byte of each kind that a key must not have. @type {[string, Hex][]} */
const BAD_BYTES = [
  ['00', '00'],
  ['a control character', '1f'],
  ['a blank', '20'],
  ['!, below all that is allowed', '21'],
  ['a comma, just below -', '2c'],
  ['a slash, just above .', '2f'],
  ['a colon, just above the digits', '3a'],
  ['@, just below the capitals', '40'],
  ['A', '41'],
  ['Z', '5a'],
  ['a bracket, just above the capitals', '5b'],
  ['^, just below _', '5e'],
  ['a grave accent, just below the letters', '60'],
  ['{, just above the letters', '7b'],
  ['}, just below ~', '7d'],
  ['7F, just above ~', '7f'],
  ['80', '80'],
  ['FF', 'ff'],
]
const bad = literalKeys.decode('keys with a byte that they must not have')
for (const [title, byte] of BAD_BYTES) {
  bad.invalid(title, dataWith(literal(`78${byte}79`, '31')), 'PROTOCOL_ERROR', 'MET-004')
}
bad.invalid('as the first byte', dataWith(literal('4162', '31')), 'PROTOCOL_ERROR', 'MET-004')
bad.invalid('as the only byte', dataWith(literal('3d', '31')), 'PROTOCOL_ERROR', 'MET-004')
bad.invalid(
  'as the last of 127 bytes',
  dataWith(literal(`${repeat('6b', 126)}4b`, '31')),
  'PROTOCOL_ERROR',
  'MET-004',
  'BOUNDARY',
)
bad.invalid('letters beyond ASCII', dataWith(literal(text('größe'), '31')), 'PROTOCOL_ERROR', 'MET-004')
bad.invalid('a static key with a capital', dataWith(literal(text('To'), '31')), 'PROTOCOL_ERROR', 'MET-004')
bad.invalid(
  'in the second entry',
  dataWith(literal(text('x'), '31') + literal(text('X'), '31')),
  'PROTOCOL_ERROR',
  'MET-004',
)
bad.invalid(
  'in OPEN',
  frame('OPEN', 0, 1, openMeta() + literal(text('X-A'), '31')),
  'PROTOCOL_ERROR',
  'MET-004',
)
bad.invalid('in END', frame('END', 0, -1, u32(2) + literal(text('X-A'), '31')), 'PROTOCOL_ERROR', 'MET-004')
bad.invalid(
  'in RESET',
  frame('RESET', 0, -1, u32(2) + literal(text('X-A'), '31')),
  'PROTOCOL_ERROR',
  'MET-004',
)
bad.invalid(
  'in GOAWAY',
  frame('GOAWAY', 0, 0, u32(0) + u32(0) + u32(0) + literal(text('X-A'), '31')),
  'PROTOCOL_ERROR',
  'MET-004',
)

export const bounds = new Suite('entries-bounds')

const zero = bounds.decode('k = 00')
const zeroKey = (/** @type {string} */ comment, /** @type {Hex} */ bytes) =>
  zero.invalid(comment, bytes, 'PROTOCOL_ERROR', 'MET-002')
zeroKey('alone', dataWith('00'))
zeroKey('with an empty value', dataWith('000000'))
zeroKey('with a value', dataWith('00010061'))
zeroKey('behind a right entry', dataWith(`${fixed(0x80, '61')}000000`))
zeroKey('as padding at the end', dataWith(`${literal('78', '31')}00`))
zeroKey('in OPEN', frame('OPEN', 0, 1, `${openMeta()}000000`))
zeroKey('in the trailers of a message', frame('DATA', ['FIN', 'MSG', 'TRL'], 1, '000000', '61'))
zeroKey('in END', frame('END', 0, -1, `${u32(2)}000000`))
zeroKey('in RESET', frame('RESET', 0, -1, `${u32(2)}000000`))

const cut = bounds.decode('entries that are cut at each point')
const truncated = (/** @type {string} */ comment, /** @type {Hex} */ bytes) =>
  cut.invalid(comment, bytes, 'PROTOCOL_ERROR', 'MET-003', 'TRUNCATED')
truncated('a static id and nothing more', dataWith('80'))
truncated('a static id and half of a length', dataWith('8001'))
truncated('a static id, a length of 1, no value', dataWith('800100'))
truncated('a static id, a length of 4, 3 bytes', dataWith('800400616161'))
truncated('a typed static id and nothing more', dataWith('83'))
truncated('an unknown static id, a length of 1, no value', dataWith('a00100'))
truncated('k and nothing more', dataWith('01'))
truncated('k = 3 and two bytes of key', dataWith('037878'))
truncated('k = 7F and 126 bytes of key', dataWith(`7f${repeat('6b', 126)}`))
truncated('a key and no length', dataWith('0178'))
truncated('a key and half of a length', dataWith('017801'))
truncated('a key, a length of 1, no value', dataWith('01780100'))
truncated(
  'a key, a length of 300, 44 bytes: only the low byte was read',
  dataWith(`01782c01${repeat('61', 44)}`),
)
truncated('a length of FFFF', dataWith('0178ffff6161'))
truncated('a length in big-endian order', dataWith('0178000161'))
truncated('the second entry: only its id', dataWith(`${fixed(0x80, '61')}81`))
truncated('the second entry: its value', dataWith(`${fixed(0x80, '61')}81020061`))
truncated('a value that goes on in the payload', frame('DATA', ['MSG'], 1, '01780400', '61616161'))
truncated('a key that goes on in the payload', frame('DATA', ['MSG'], 1, '0478', '797a5a000000'))
truncated('in OPEN', frame('OPEN', 0, 1, `${openMeta()}80050061`))
truncated('in OPEN: one stray byte behind the name', frame('OPEN', 0, 1, `${openMeta()}05`))
truncated('in the trailers', frame('DATA', ['FIN', 'TRL'], 1, '80050061'))
truncated('in RESET', frame('RESET', 0, 1, `${u32(1)}92050061`))
truncated('in the 65th entry: all are checked, however many', dataWith(`${repeat('01780000', 64)}0178`))
truncated('in the 66th entry of an OPEN', frame('OPEN', 0, 1, `${openMeta()}${repeat('01780000', 65)}8001`))

const order = bounds.decode('structure is judged whatever the channel is')
order.invalid(
  'on a channel of the receiver that it never opened',
  frame('DATA', 0, -1_000_000, '00'),
  'PROTOCOL_ERROR',
  'MET-002 MET-007 FRM-004',
  'ORDER',
)
order.invalid(
  'a fixed field first: name of length 0 and k = 00',
  frame('OPEN', 0, 1, `${openMeta({ name: '' })}00`),
  'PROTOCOL_ERROR',
  'OPN-001 MET-002',
  'ORDER',
)
order.invalid(
  'code 0 of END and an entry cut short',
  frame('END', 0, -1, `${u32(0)}80`),
  'PROTOCOL_ERROR',
  'ERR-001 MET-003',
  'ORDER',
)

export const refs = new Suite('entries-refs')

const element = (/** @type {number} */ refId, kind = 0, flags = 0, reserved = 0) =>
  u32(refId) + u8(kind) + u8(flags) + u16(reserved)
const right = refs.decode('legal values of refs')
const carried = (/** @type {string} */ comment, /** @type {Hex} */ bytes, flags = '') =>
  right.valid(comment, value([h('refs', bytes)]), 'MET-006', flags === '' ? undefined : flags)
carried('a readable stream', element(1, 1))
carried('a writable stream', element(1, 2), 'BOUNDARY')
carried('a retained function', element(1, 0, 1))
carried('a retained writable stream with the highest id', element(2 ** 32 - 1, 2, 1), 'BOUNDARY')
carried('three references', element(1) + element(2, 1) + element(3, 2, 1))
carried('the same reference twice', element(1) + element(1))
right.valid(
  'the example of the text: a function in OPEN',
  {
    type: 'OPEN',
    flags: ['FIN', 'MSG'],
    channel: 7,
    codec: 1,
    name: 'greet',
    headers: [h('refs', element(1))],
    payload: '5b7b2224726566223a307d5d',
  },
  'REF-001',
)

const wrong = refs.decode('values of refs that no hop lets pass')
const refused = (/** @type {string} */ comment, /** @type {Hex} */ bytes, flags = '') =>
  wrong.invalid(
    comment,
    dataWith(fixed(0x8c, bytes)),
    'PROTOCOL_ERROR',
    'MET-006',
    flags === '' ? undefined : flags,
  )
refused('empty', '', 'BOUNDARY')
refused('half an element', u32(1))
refused('7 bytes', element(1).slice(0, 14), 'BOUNDARY')
refused('9 bytes', `${element(1)}00`, 'BOUNDARY')
refused('an element and a half', element(1) + u32(2))
refused('refId 0', element(0))
refused('refId 0, retained', element(0, 0, 1))
refused('kind 3', element(1, 3), 'BOUNDARY')
refused('kind FF', element(1, 255))
refused('flag 02', element(1, 0, 2), 'RESERVED')
refused('flag 80', element(1, 0, 128), 'RESERVED')
refused('flags 03', element(1, 0, 3), 'RESERVED')
refused('reserved 1', element(1, 0, 0, 1), 'RESERVED')
refused('reserved in the upper byte', element(1, 0, 0, 256), 'RESERVED')
refused('refId 0 in the second element', element(1) + element(0))
refused('kind 3 in the second element', element(1) + element(2, 3))
refused('a reserved bit in the last of three', element(1) + element(2) + element(3, 0, 0, 0x8000))
wrong.invalid(
  'refId 0 in OPEN',
  frame('OPEN', ['MSG'], 1, openMeta() + fixed(0x8c, element(0)), '61'),
  'PROTOCOL_ERROR',
  'MET-006',
)
wrong.invalid(
  'a second refs entry that is wrong',
  dataWith(fixed(0x8c, element(1)) + fixed(0x8c, element(0))),
  'PROTOCOL_ERROR',
  'MET-006 MET-010',
)
wrong.invalid(
  'in END, where refs mean nothing',
  frame('END', 0, -1, u32(2) + fixed(0x8c)),
  'PROTOCOL_ERROR',
  'MET-006',
)
wrong.invalid(
  'in GOAWAY, where refs mean nothing',
  frame('GOAWAY', 0, 0, u32(0) + u32(0) + u32(0) + fixed(0x8c, element(1, 9))),
  'PROTOCOL_ERROR',
  'MET-006',
)
