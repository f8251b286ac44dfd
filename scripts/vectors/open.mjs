// Owns: the vectors of OPEN.
// Must not know: ids, states, and what entries look like inside.
import { complete, filler, frame, h, MAX_ID, MAX_U31, MAX_U32, openMeta } from './frames.mjs'
import { text } from './hex.mjs'
import { Suite } from './suite.mjs'

export const open = new Suite('open')

const prefix = open.decode('the fields of the prefix')
const field = (
  /** @type {string} */ comment,
  /** @type {Record<string, any>} */ fields,
  /** @type {string} */ req,
  flags = '',
) => prefix.valid(comment, { type: 'OPEN', channel: 1, ...fields }, req, flags === '' ? undefined : flags)
field('the least: no deadline, no windows, raw, a name', {}, 'OPN-001')
field('timeoutMs 1', { timeoutMs: 1 }, 'OPN-004', 'BOUNDARY')
field('timeoutMs 2^31−1', { timeoutMs: MAX_U31 }, 'OPN-004', 'BOUNDARY')
for (const [title, timeoutMs] of /** @type {[string, number][]} */ ([
  ['2^31', 2 ** 31],
  ['with all bits set', MAX_U32],
])) {
  const value = complete({ type: 'OPEN', channel: 1, timeoutMs: MAX_U31 })
  prefix.validBytes(
    `timeoutMs ${title}`,
    frame('OPEN', 0, 1, openMeta({ timeoutMs })),
    value,
    'OPN-004',
    'CLAMPED',
  )
}
field('the smallest byte window', { windowBytes: 16_384 }, 'OPN-003', 'BOUNDARY')
field('the largest byte window', { windowBytes: MAX_U31 }, 'OPN-003', 'BOUNDARY')
field('the smallest message window', { windowMessages: 1 }, 'OPN-003', 'BOUNDARY')
field('the largest message window', { windowMessages: 65_535 }, 'OPN-003', 'BOUNDARY')
for (const [codec, name] of ['raw', 'json', 'msgpack', 'protobuf', 'cbor', 'text'].entries()) {
  if (codec > 0) field(`codec ${codec}, ${name}`, { codec }, 'OPN-006')
}
field('the first reserved codec: unknown, and nothing worse', { codec: 6 }, 'ERR-008', 'RESERVED')
field('the last reserved codec below the private ones', { codec: 63 }, 'ERR-008', 'RESERVED')
field('the first private codec', { codec: 64 }, 'ERR-008', 'BOUNDARY')
field('the last private codec', { codec: 127 }, 'ERR-008', 'BOUNDARY')
field('a reserved codec above the private ones', { codec: 128 }, 'ERR-008', 'RESERVED')
field('codec 255', { codec: 255 }, 'ERR-008', 'RESERVED')
field(
  'all numbers at their maximum at once',
  { timeoutMs: MAX_U31, windowBytes: MAX_U31, windowMessages: 65_535, codec: 255 },
  'OPN-003',
  'BOUNDARY',
)
const window = (/** @type {string} */ comment, /** @type {number} */ windowBytes, flags = 'BOUNDARY') =>
  prefix.invalid(comment, frame('OPEN', 0, 1, openMeta({ windowBytes })), 'PROTOCOL_ERROR', 'OPN-003', flags)
window('a byte window of 1', 1)
window('a byte window of 16 383', 16_383)
window('a byte window of 2^31', 2 ** 31)
window('a byte window with all bits set', MAX_U32)

const name = open.decode('the name')
field('a name of one byte', { name: 'a' }, 'OPN-001', 'BOUNDARY')
name.valid('a name of 255 bytes', { type: 'OPEN', channel: 1, name: 'n'.repeat(255) }, 'OPN-001', 'BOUNDARY')
name.valid(
  'a blank is the lowest byte that is allowed',
  { type: 'OPEN', channel: 1, name: ' ' },
  'OPN-002',
  'BOUNDARY',
)
name.valid(
  '7F is no control character here',
  { type: 'OPEN', channel: 1, name: '\u007f' },
  'OPN-002',
  'BOUNDARY',
)
name.valid(
  'a name of several parts',
  { type: 'OPEN', channel: 1, name: 'billing.v2/Invoices:list' },
  'OPN-005',
)
name.valid('letters beyond ASCII', { type: 'OPEN', channel: 1, name: 'größe😀' }, 'OPN-005')
name.valid(
  'the name of reference calls',
  { type: 'OPEN', channel: 1, name: '~ref', headers: [h('ref', 1)] },
  'REF-010',
)
name.valid('another name of the protocol', { type: 'OPEN', channel: 1, name: '~health' }, 'OPN-005')
name.valid(
  'a name of the protocol that nobody knows',
  { type: 'OPEN', channel: 1, name: '~' },
  'OPN-005',
  'RESERVED',
)
name.valid('__proto__', { type: 'OPEN', channel: 1, name: '__proto__' }, 'MET-012', 'PROTOTYPE_KEY')
const bytes = (/** @type {string} */ comment, /** @type {string} */ nameHex) => {
  const { name: _, headers, payload, ...rest } = complete({ type: 'OPEN', channel: 1 })
  name.validBytes(
    comment,
    frame('OPEN', 0, 1, openMeta({ nameHex })),
    { ...rest, nameHex, headers, payload },
    'OPN-005',
    'NON_UTF8',
  )
}
bytes('a byte that is never UTF-8', 'ff')
bytes('UTF-8 cut short at the end', '61e282')
bytes('an overlong form', 'c0af')
bytes('half of a surrogate pair', 'eda080')
bytes('beyond the last code point', 'f4908080')
const badName = (
  /** @type {string} */ comment,
  /** @type {string} */ meta,
  /** @type {string} */ req,
  flags = '',
) => name.invalid(comment, frame('OPEN', 0, 1, meta), 'PROTOCOL_ERROR', req, flags === '' ? undefined : flags)
badName('nameLen 0', openMeta({ name: '' }), 'OPN-001', 'BOUNDARY')
badName('nameLen 0 before entries', openMeta({ name: '', headers: [h('to', 'p')] }), 'OPN-001')
badName(
  'a name one byte longer than the metadata',
  openMeta({ name: 'echo', nameLength: 5 }),
  'OPN-001',
  'BOUNDARY TRUNCATED',
)
badName('no room for any name', openMeta({ name: '', nameLength: 1 }), 'OPN-001', 'BOUNDARY TRUNCATED')
badName(
  'nameLen 255 and 254 bytes',
  openMeta({ name: 'n'.repeat(254), nameLength: 255 }),
  'OPN-001',
  'BOUNDARY TRUNCATED',
)
name.invalid(
  'a name that runs on into the payload',
  frame('OPEN', ['MSG'], 1, openMeta({ name: 'ec', nameLength: 4 }), text('ho')),
  'PROTOCOL_ERROR',
  'OPN-001',
  'TRUNCATED',
)
badName('byte 00 in the middle', openMeta({ nameHex: `6100${text('bc')}` }), 'OPN-002')
badName('byte 00', openMeta({ nameHex: '00' }), 'OPN-002', 'BOUNDARY')
badName('byte 1F', openMeta({ nameHex: '1f' }), 'OPN-002', 'BOUNDARY')
badName('a line break at the end', openMeta({ name: 'echo\n' }), 'OPN-002')
badName('a tab in the middle', openMeta({ name: 'ec\tho' }), 'OPN-002')
badName('an escape at the start', openMeta({ name: '\u001b[31m' }), 'OPN-002')
badName('00 as the last of 255 bytes', openMeta({ nameHex: `${filler(254)}00` }), 'OPN-002', 'BOUNDARY')

const combination = open.decode('combinations of flags, with and without a payload')
const right = (/** @type {string} */ comment, /** @type {string[]} */ flags, payload = '', req = 'MSG-011') =>
  combination.valid(comment, { type: 'OPEN', flags, channel: 1, payload }, req)
right('FIN: no input at all', ['FIN'])
right('MSG with an empty message', ['MSG'], '', 'MSG-006')
right('MSG: a first message, more may follow', ['MSG'], '6869')
right('MSG FIN: unary', ['FIN', 'MSG'], '6869')
right('MSG FIN with an empty message', ['FIN', 'MSG'], '', 'MSG-006')
right('MSG MORE: the first fragment', ['MORE', 'MSG'], '61', 'MSG-012')
right('IDEM alone', ['IDEM'])
right('IDEM with FIN', ['FIN', 'IDEM'])
right('IDEM with MSG', ['MSG', 'IDEM'], '6869')
right('IDEM with MSG FIN', ['FIN', 'MSG', 'IDEM'], '6869')
right('IDEM with MSG MORE', ['MORE', 'MSG', 'IDEM'], '6869')
right('ONEWAY FIN: no input, no answer', ['FIN', 'ONEWAY'], '', 'MSG-014')
right('ONEWAY MSG FIN', ['FIN', 'MSG', 'ONEWAY'], '6869', 'MSG-014')
right('ONEWAY MSG FIN with an empty message', ['FIN', 'MSG', 'ONEWAY'], '', 'MSG-014')
right('ONEWAY MSG FIN IDEM', ['FIN', 'MSG', 'IDEM', 'ONEWAY'], '6869', 'MSG-014')
right('a first fragment of 511 bytes', ['MORE', 'MSG'], filler(511), 'MSG-012')
right('a first fragment of 512 bytes', ['MORE', 'MSG'], filler(512), 'MSG-012')
combination.valid(
  'the highest id of an opener',
  { type: 'OPEN', flags: ['FIN', 'MSG'], channel: MAX_ID, headers: [h('to', 'p')] },
  'FRM-018',
  'BOUNDARY',
)
const wrong = (
  /** @type {string} */ comment,
  /** @type {string[]} */ flags,
  /** @type {string} */ payload,
  /** @type {string} */ req,
) => combination.invalid(comment, frame('OPEN', flags, 1, openMeta(), payload), 'PROTOCOL_ERROR', req)
wrong('a payload and no flag', [], '61', 'MSG-011')
wrong('a payload with FIN and without MSG', ['FIN'], '61', 'MSG-011')
wrong('a payload with IDEM and without MSG', ['IDEM'], '61', 'MSG-011')
wrong('a payload with ONEWAY FIN and without MSG', ['FIN', 'ONEWAY'], '61', 'MSG-011')
wrong('MORE without MSG and without payload', ['MORE'], '', 'MSG-012')
wrong('MORE without MSG, with payload', ['MORE'], '61', 'MSG-011 MSG-012')
wrong('MSG MORE with an empty payload', ['MORE', 'MSG'], '', 'MSG-012')
wrong('MSG MORE FIN', ['FIN', 'MORE', 'MSG'], '61', 'MSG-013')
wrong('MORE FIN without MSG', ['FIN', 'MORE'], '', 'MSG-012 MSG-013')
wrong('ONEWAY alone', ['ONEWAY'], '', 'MSG-014')
wrong('ONEWAY MSG without FIN', ['MSG', 'ONEWAY'], '61', 'MSG-014')
wrong('ONEWAY MSG MORE without FIN', ['MORE', 'MSG', 'ONEWAY'], '61', 'MSG-014')
wrong('ONEWAY MSG MORE FIN', ['FIN', 'MORE', 'MSG', 'ONEWAY'], '61', 'MSG-013 MSG-014')
wrong('every legal flag at once', ['FIN', 'MORE', 'MSG', 'IDEM', 'ONEWAY'], '61', 'MSG-013 MSG-014')

const lengths = open.decode('lengths')
const short = (/** @type {string} */ comment, /** @type {string} */ meta, payload = '') =>
  lengths.invalid(
    comment,
    frame('OPEN', payload === '' ? [] : ['MSG'], 1, meta, payload),
    'FRAME_SIZE',
    'FRM-009',
    'BOUNDARY',
  )
short('no metadata', '')
short('metadata of 11', openMeta({ name: '' }).slice(0, 22))
short('the whole prefix as payload', '', openMeta())
lengths.invalid(
  'metadata of exactly 12 says that a name is missing',
  frame('OPEN', 0, 1, openMeta({ name: '', nameLength: 3 }), ''),
  'PROTOCOL_ERROR',
  'OPN-001',
  'BOUNDARY TRUNCATED',
)
