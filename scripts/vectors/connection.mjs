// Owns: the vectors of the frames with a fixed body (CREDIT, PING, PONG) and of GOAWAY and REF.
// Must not know: what was granted, asked or exported before.
import { complete, filler, frame, h, header, MAX_ID, MAX_U31, MAX_U32 } from './frames.mjs'
import { repeat, text, u8, u32 } from './hex.mjs'
import { Suite } from './suite.mjs'

export const credit = new Suite('credit-ping-pong')

const grant = credit.decode('CREDIT')
const granted = (/** @type {string} */ comment, /** @type {Record<string, any>} */ fields, flags = '') =>
  grant.valid(comment, { type: 'CREDIT', ...fields }, 'FLO-008', flags === '' ? undefined : flags)
granted('of a channel, by its acceptor: the example of the text', {
  channel: -1,
  byteLimit: 393_216,
  messageLimit: 24_576,
})
granted('of a channel, by its opener', { channel: 1, byteLimit: 393_216, messageLimit: 24_576 })
granted('of the connection', { byteLimit: 6_291_456, openLimit: 1_088 })
granted('both limits 0', { channel: -1, byteLimit: 0, messageLimit: 0 }, 'BOUNDARY')
granted(
  'both limits with all bits set, about to wrap',
  { channel: -1, byteLimit: MAX_U32, messageLimit: MAX_U32 },
  'BOUNDARY',
)
granted('a byte limit of 2^31, negative if read as i32', { byteLimit: 2 ** 31, openLimit: 0 }, 'BOUNDARY')
granted('an open limit of 2^31', { byteLimit: 0, openLimit: 2 ** 31 }, 'BOUNDARY')
const PAIR_BODIES = /** @type {[string, string, string][]} */ ([
  ['no body', '', ''],
  ['7 bytes', '', repeat('00', 7)],
  ['9 bytes', '', repeat('00', 9)],
  ['16 bytes', '', repeat('00', 16)],
  ['the 8 bytes as metadata', repeat('00', 8), ''],
  ['one byte of metadata before the 8', '00', repeat('00', 8)],
  ['one of the 8 as metadata', '00', repeat('00', 7)],
])
const fixedLength = (
  /** @type {any} */ group,
  /** @type {string} */ type,
  /** @type {number} */ channel,
  skipped = /^$/,
) => {
  for (const [title, meta, payload] of PAIR_BODIES) {
    if (skipped.test(title)) continue
    const mark = /^[79] bytes/.test(title) ? 'BOUNDARY' : undefined
    group.invalid(title, frame(type, 0, channel, meta, payload), 'FRAME_SIZE', 'FRM-010', mark)
  }
}
fixedLength(grant, 'CREDIT', -1)
grant.invalid(
  'of the connection: only the byte limit',
  frame('CREDIT', 0, 0, '', u32(1)),
  'FRAME_SIZE',
  'FRM-010',
)
grant.invalid(
  '12 bytes, the body is not there yet',
  header('CREDIT', 0, -1, 12),
  'FRAME_SIZE',
  'FRM-005 FRM-010',
  'HEADER_ONLY',
)

const ping = credit.decode('PING')
ping.valid('eight opaque bytes', { type: 'PING', payload: 'ffffffffffffffff' }, 'KEE-006')
fixedLength(ping, 'PING', 0, /^9|^16|^one of/)
ping.invalid(
  '9 bytes, the body is not there yet',
  header('PING', 0, 0, 9),
  'FRAME_SIZE',
  'FRM-005 FRM-010',
  'HEADER_ONLY',
)

const pong = credit.decode('PONG')
pong.valid('eight opaque bytes', { type: 'PONG', payload: '0000000000000000' }, 'KEE-007')
fixedLength(pong, 'PONG', 0, /^7|^16|^one byte/)
pong.invalid(
  '7 bytes, the body is not there yet',
  header('PONG', 0, 0, 7),
  'FRAME_SIZE',
  'FRM-005 FRM-010',
  'HEADER_ONLY',
)

export const goaway = new Suite('goaway')

const leave = goaway.decode('GOAWAY')
const left = (
  /** @type {string} */ comment,
  /** @type {Record<string, any>} */ fields,
  /** @type {string} */ req,
  flags = '',
) => leave.valid(comment, { type: 'GOAWAY', ...fields }, req, flags === '' ? undefined : flags)
left('a notice', { graceMs: 30_000 }, 'DRN-001')
left('a notice with a lastId, which says nothing', { lastId: 7 }, 'DRN-008')
left(
  'FINAL of a drain: the example of the text',
  { flags: ['FINAL'], lastId: 41, graceMs: 10_000 },
  'DRN-013',
)
left('FINAL with lastId 0: nothing was processed', { flags: ['FINAL'] }, 'DRN-013', 'BOUNDARY')
left('FINAL with lastId 1', { flags: ['FINAL'], lastId: 1 }, 'DRN-013', 'BOUNDARY')
left('FINAL with the highest lastId', { flags: ['FINAL'], lastId: MAX_ID }, 'DRN-010', 'BOUNDARY')
left(
  'an error',
  { flags: ['FINAL'], code: 64, lastId: 7, headers: [h('message', 'DATA after FIN')] },
  'DRN-009',
)
left('an error that only local sides report', { flags: ['FINAL'], code: 65 }, 'DRN-009', 'OPAQUE')
left('an unknown code', { flags: ['FINAL'], code: 99 }, 'ERR-002', 'RESERVED')
left('the highest code', { flags: ['FINAL'], code: MAX_U32 }, 'ERR-002', 'BOUNDARY')
left('a code of an application', { flags: ['FINAL'], code: 65_536 }, 'ERR-002', 'OPAQUE')
left('graceMs 2^31−1', { graceMs: MAX_U31 }, 'DRN-012', 'BOUNDARY')
for (const [title, graceMs] of /** @type {[string, number][]} */ ([
  ['2^31', 2 ** 31],
  ['with all bits set', MAX_U32],
])) {
  const value = complete({ type: 'GOAWAY', graceMs: MAX_U31 })
  leave.validBytes(
    `graceMs ${title}`,
    frame('GOAWAY', 0, 0, u32(0) + u32(0) + u32(graceMs)),
    value,
    'DRN-012',
    'CLAMPED',
  )
}
left('64 entries', { headers: Array.from({ length: 64 }, () => h('x', '')) }, 'MET-018', 'BOUNDARY')
const body = (code = 0, lastId = 0) => u32(code) + u32(lastId) + u32(0)
const refused = (
  /** @type {string} */ comment,
  /** @type {string} */ bytes,
  /** @type {string} */ req,
  flags = '',
) => leave.invalid(comment, bytes, 'PROTOCOL_ERROR', req, flags === '' ? undefined : flags)
refused('an error without FINAL', frame('GOAWAY', 0, 0, body(64)), 'DRN-009')
refused('the lowest code without FINAL', frame('GOAWAY', 0, 0, body(1)), 'DRN-009', 'BOUNDARY')
refused('the highest code without FINAL', frame('GOAWAY', 0, 0, body(MAX_U32)), 'DRN-009', 'BOUNDARY')
refused(
  'FINAL with a lastId of 2^30',
  frame('GOAWAY', ['FINAL'], 0, body(0, MAX_ID + 1)),
  'DRN-010',
  'BOUNDARY',
)
refused('a notice with a lastId of 2^30', frame('GOAWAY', 0, 0, body(0, MAX_ID + 1)), 'DRN-010')
refused('FINAL with a lastId of −1', frame('GOAWAY', ['FINAL'], 0, body(0, MAX_U32)), 'DRN-010')
refused('an error with a lastId of 2^31', frame('GOAWAY', ['FINAL'], 0, body(64, 2 ** 31)), 'DRN-010')
refused(
  'an error with a lastId of 2^30 and without FINAL',
  frame('GOAWAY', 0, 0, body(64, MAX_ID + 1)),
  'DRN-009 DRN-010',
)
refused('65 entries', frame('GOAWAY', ['FINAL'], 0, body() + repeat('01780000', 65)), 'MET-018', 'BOUNDARY')
refused('65 entries in a notice', frame('GOAWAY', 0, 0, body() + repeat('01780000', 65)), 'MET-018')
refused('an entry with k = 00', frame('GOAWAY', ['FINAL'], 0, body() + u8(0)), 'MET-002')
refused('an entry cut short', frame('GOAWAY', ['FINAL'], 0, `${body()}9204006e6f`), 'MET-003', 'TRUNCATED')
const length = (
  /** @type {string} */ comment,
  /** @type {string} */ bytes,
  /** @type {string} */ req,
  flags = '',
) => leave.invalid(comment, bytes, 'FRAME_SIZE', req, flags === '' ? undefined : flags)
length('no body', frame('GOAWAY', ['FINAL'], 0), 'FRM-009')
length('metadata of 11', frame('GOAWAY', ['FINAL'], 0, repeat('00', 11)), 'FRM-009', 'BOUNDARY')
length('the body as payload', frame('GOAWAY', ['FINAL'], 0, '', body()), 'FRM-009')
length('one byte of payload', frame('GOAWAY', ['FINAL'], 0, body(), '61'), 'FRM-010', 'BOUNDARY')
length(
  'debug text as payload, the habit of HTTP/2',
  frame('GOAWAY', ['FINAL'], 0, body(64), text('bad frame')),
  'FRM-010',
)
length(
  'metadata of 4, the body is not there yet',
  header('GOAWAY', 0, 0, 4, 4),
  'FRM-005 FRM-009',
  'HEADER_ONLY',
)

export const ref = new Suite('ref')

const release = ref.decode('REF')
const released = (/** @type {string} */ comment, /** @type {[number, number][]} */ pairs, flags = '') =>
  release.valid(
    comment,
    { type: 'REF', releases: pairs.map(([refId, count]) => ({ refId, count })) },
    'REF-005',
    flags === '' ? undefined : flags,
  )
released('one reference, once', [[1, 1]])
released('two references: the example of the text', [
  [1, 1],
  [4, 2],
])
released('the highest numbers', [[MAX_U32, MAX_U32]], 'BOUNDARY')
released('the same reference twice', [
  [3, 1],
  [3, 1],
])
released(
  '64 references',
  Array.from({ length: 64 }, (_, at) => [at + 1, 1]),
)
const pair = (/** @type {number} */ refId, /** @type {number} */ count) => u32(refId) + u32(count)
const badRef = (/** @type {string} */ comment, /** @type {string} */ payload) =>
  release.invalid(comment, frame('REF', 0, 0, '', payload), 'PROTOCOL_ERROR', 'REF-006')
badRef('refId 0', pair(0, 1))
badRef('count 0', pair(1, 0))
badRef('refId 0 and count 0', pair(0, 0))
badRef('refId 0 in the second element', pair(1, 1) + pair(0, 1))
badRef('count 0 in the second element', pair(1, 1) + pair(2, 0))
badRef('refId 0 with the highest count', pair(0, MAX_U32))
const refLength = (
  /** @type {string} */ comment,
  /** @type {string} */ meta,
  /** @type {string} */ payload,
  flags = '',
) =>
  release.invalid(
    comment,
    frame('REF', 0, 0, meta, payload),
    'FRAME_SIZE',
    'FRM-010',
    flags === '' ? undefined : flags,
  )
refLength('no element', '', '', 'BOUNDARY')
refLength('half an element', '', u32(1))
refLength('7 bytes', '', repeat('01', 7), 'BOUNDARY')
refLength('9 bytes', '', repeat('01', 9), 'BOUNDARY')
refLength('one element and a half', '', pair(1, 1) + u32(2))
refLength('the element as metadata', pair(1, 1), '')
refLength('an element as metadata and one as payload', pair(1, 1), pair(2, 1))
refLength('an entry before the element', `92000000${filler(4)}`, pair(1, 1))
release.invalid(
  'a length of 12, the body is not there yet',
  header('REF', 0, 0, 12),
  'FRAME_SIZE',
  'FRM-005 FRM-010',
  'HEADER_ONLY',
)
