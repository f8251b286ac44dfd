// Owns: the vectors of the frame header: sizes, types, flag masks, channel numbers, and the order of the checks.
// Must not know: what stands inside bodies.
import { encode, filler, fixed, frame, header, MAX_ID, openMeta } from './frames.mjs'
import { hex, text, u16, u32 } from './hex.mjs'
import { Suite } from './suite.mjs'

const I32_MIN = -(2 ** 31)
const OUTSIDE = MAX_ID + 1
const HALF = { state: 'ready', limits: { maxFrame: 16_384, maxMeta: 4_096 } }

export const sizes = new Suite('header-sizes')

const size = sizes.decode('size and meta against the limits of the receiver (here the defaults)')
const tooLarge = (/** @type {string} */ comment, /** @type {string} */ bytes, flags = 'HEADER_ONLY') =>
  size.invalid(comment, bytes, 'FRAME_SIZE', 'FRM-005 FRM-006', flags)
tooLarge('DATA of maxFrame + 1', header('DATA', ['MSG'], 1, 65_537), 'HEADER_ONLY BOUNDARY')
tooLarge('OPEN of maxFrame + 1', header('OPEN', ['MSG'], 1, 65_537, 16), 'HEADER_ONLY BOUNDARY')
tooLarge('END of maxFrame + 1', header('END', 0, 1, 65_537, 4), 'HEADER_ONLY BOUNDARY')
tooLarge('REF of the next multiple of 8 above maxFrame', header('REF', 0, 0, 65_544))
tooLarge('an ignorable frame of maxFrame + 1', header(0x80, 0, 0, 65_537), 'HEADER_ONLY BOUNDARY')
tooLarge('the largest size that has a zero top byte', header('DATA', ['MSG'], 1, 2 ** 24 - 1))
tooLarge('a top byte of 1 and the rest small', hex('01000001 03 04 0000 01000000'))
tooLarge('a top byte of 80: negative if read as i32', hex('01000080 03 04 0000 01000000'))
tooLarge('all bits set', hex('ffffffff 03 04 0000 01000000'))
tooLarge('big-endian size of a 4-byte DATA', hex('00000004 03 04 0000 01000000'))
tooLarge('text in place of a frame', text('GET / HTTP/1'), 'FOREIGN')
const metaTooLarge = (
  /** @type {string} */ comment,
  /** @type {string} */ bytes,
  flags = 'HEADER_ONLY BOUNDARY',
) => size.invalid(comment, bytes, 'FRAME_SIZE', 'FRM-005 FRM-007', flags)
metaTooLarge('DATA with a meta of maxMeta + 1', header('DATA', 0, 1, 16_385, 16_385))
metaTooLarge('OPEN with a meta of maxMeta + 1', header('OPEN', 0, 1, 16_385, 16_385))
metaTooLarge('END with a meta of maxMeta + 1', header('END', 0, 1, 16_385, 16_385))
metaTooLarge('RESET with a meta of maxMeta + 1', header('RESET', 0, 1, 16_385, 16_385))
metaTooLarge('GOAWAY with a meta of maxMeta + 1', header('GOAWAY', 0, 0, 16_385, 16_385))
metaTooLarge('an ignorable frame with a meta of maxMeta + 1', header(0x9c, 0, 0, 16_385, 16_385))
metaTooLarge(
  'the largest meta, in a frame that has room for it',
  header('DATA', ['MSG'], 1, 65_536, 65_535),
  'HEADER_ONLY',
)
const metaBeyond = (
  /** @type {string} */ comment,
  /** @type {string} */ bytes,
  flags = 'HEADER_ONLY BOUNDARY',
) => size.invalid(comment, bytes, 'FRAME_SIZE', 'FRM-005 FRM-008', flags)
metaBeyond('DATA with a meta of size + 1', header('DATA', ['MSG'], 1, 4, 5))
metaBeyond('DATA with a meta of 1 and no body', header('DATA', ['FIN', 'TRL'], 1, 0, 1))
metaBeyond('OPEN with a meta of size + 1', header('OPEN', ['MSG'], 1, 16, 17))
metaBeyond('END with a meta of size + 1', header('END', 0, 1, 4, 5))
metaBeyond('RESET with a meta of size + 1', header('RESET', 0, 1, 4, 5))
metaBeyond('GOAWAY with a meta of size + 1', header('GOAWAY', ['FINAL'], 0, 12, 13))
metaBeyond('an ignorable frame with a meta of size + 1', header(0xbf, 0, 0, 4, 5))
metaBeyond(
  'DATA whose meta is far above its size, with a body that is long enough',
  header('DATA', ['MSG'], 1, 1, 64) + filler(64),
  'TRUNCATED',
)

const small = sizes.decode('a receiver with the smallest limits that may be announced', HALF)
small.valid(
  'DATA of exactly maxFrame',
  { type: 'DATA', flags: ['MSG'], channel: 1, payload: filler(16_384) },
  'FRM-006',
  'BOUNDARY',
)
small.invalid(
  'DATA of maxFrame + 1',
  header('DATA', ['MSG'], 1, 16_385),
  'FRAME_SIZE',
  'FRM-006',
  'HEADER_ONLY BOUNDARY',
)
small.invalid(
  'a size that the default would allow',
  header('DATA', ['MSG'], 1, 65_536),
  'FRAME_SIZE',
  'FRM-006',
  'HEADER_ONLY',
)
small.validBytes(
  'DATA with a meta of exactly maxMeta',
  frame('DATA', ['MSG'], 1, fixed(0xa0, filler(4_093))),
  {
    type: 'DATA',
    flags: ['MSG'],
    channel: 1,
    headers: [['#a0', { t: 'bin', v: filler(4_093) }]],
    payload: '',
  },
  'FRM-007',
  'BOUNDARY',
)
small.invalid(
  'DATA with a meta of maxMeta + 1',
  header('DATA', ['MSG'], 1, 4_097, 4_097),
  'FRAME_SIZE',
  'FRM-007',
  'HEADER_ONLY BOUNDARY',
)
small.invalid(
  'a meta that the default would allow',
  header('DATA', ['MSG'], 1, 16_384, 16_384),
  'FRAME_SIZE',
  'FRM-007',
  'HEADER_ONLY',
)
const wide = sizes.decode('a receiver that takes more metadata than a HELLO may have', {
  state: 'ready',
  limits: { maxMeta: 20_000 },
})
wide.validBytes(
  'DATA with a meta of 16 385',
  frame('DATA', 0, 1, fixed(0xa0, filler(16_382))),
  { type: 'DATA', flags: [], channel: 1, headers: [['#a0', { t: 'bin', v: filler(16_382) }]], payload: '' },
  'FRM-007',
)
wide.invalid(
  'a HELLO with a meta of 16 385: its limit does not grow',
  header('HELLO', 0, 0, 16_385, 16_385),
  'FRAME_SIZE',
  'FRM-007',
  'HEADER_ONLY BOUNDARY',
)

export const types = new Suite('header-types')

const type = types.decode('every range of types')
for (const code of [0x00, 0x0c, 0x0d, 0x10, 0x11, 0x20, 0x3f]) {
  type.invalid(
    `type ${code.toString(16).padStart(2, '0')}, reserved`,
    frame(code, 0, 0),
    'PROTOCOL_ERROR',
    'FRM-011',
    'RESERVED',
  )
}
for (const code of [0xc0, 0xc1, 0xe0, 0xfe, 0xff]) {
  type.invalid(
    `type ${code.toString(16)}, reserved`,
    frame(code, 0, 0),
    'PROTOCOL_ERROR',
    'FRM-011',
    'RESERVED',
  )
}
for (const code of [0x40, 0x41, 0x5a, 0x7f]) {
  type.invalid(
    `type ${code.toString(16)}, of a feature that nobody has`,
    frame(code, 0, 0),
    'PROTOCOL_ERROR',
    'FRM-012',
  )
}
type.invalid(
  'reserved type on a channel with a body',
  frame(0x0c, 0, 1, '', '00'),
  'PROTOCOL_ERROR',
  'FRM-011',
  'RESERVED',
)
type.invalid(
  'type 00 with a body that is not there yet',
  header(0x00, 0, 0, 100),
  'PROTOCOL_ERROR',
  'FRM-005 FRM-011',
  'HEADER_ONLY',
)
type.invalid(
  'type C0 with a body that is not there yet',
  header(0xc0, 0, 0, 100, 8),
  'PROTOCOL_ERROR',
  'FRM-005 FRM-011',
  'HEADER_ONLY',
)
type.invalid(
  'a feature type with a body that is not there yet',
  header(0x7f, 0, 0, 100),
  'PROTOCOL_ERROR',
  'FRM-005 FRM-012',
  'HEADER_ONLY',
)

const skipped = (/** @type {string} */ comment, /** @type {number} */ code, /** @type {string} */ bytes) =>
  type.validBytes(comment, bytes, { type: 'IGNORABLE', typeCode: code }, 'FRM-013', 'OPAQUE')
skipped('the first ignorable type, empty', 0x80, frame(0x80, 0, 0))
skipped('the last ignorable type, empty', 0xbf, frame(0xbf, 0, 0))
skipped('ignorable with a body', 0x9f, frame(0x9f, 0, 0, '', filler(20)))
skipped('ignorable with all flags', 0x80, frame(0x80, 0xff, 0))
skipped('ignorable on a channel of the sender that was never opened', 0x81, frame(0x81, 0, 77))
skipped('ignorable on a channel of the receiver', 0x81, frame(0x81, 0, -77))
skipped('ignorable with a channel above the highest id', 0xa0, frame(0xa0, 0, OUTSIDE))
skipped('ignorable with the smallest i32 as channel', 0xa0, frame(0xa0, 0, I32_MIN))
skipped('ignorable with metadata that is no entry', 0x90, frame(0x90, 0, 0, '00ffff'))
skipped('ignorable with an entry cut short and a payload', 0x90, frame(0x90, 0x10, 0, '8005', 'ff'))

export const flags = new Suite('header-flags')

/** A right frame of each type, whose flag bits are then set one after the other. */
const SAMPLES = {
  OPEN: { channel: 1, meta: openMeta(), payload: '', legal: 0x01 | 0x02 | 0x04 | 0x10 | 0x20 },
  DATA: { channel: 1, meta: '', payload: '61', legal: 0x01 | 0x02 | 0x04 | 0x08 },
  END: { channel: -1, meta: u32(2), payload: '', legal: 0x10 },
  RESET: { channel: -1, meta: u32(1), payload: '', legal: 0x10 },
  STOP: { channel: 1, meta: u32(1), payload: '', legal: 0 },
  CREDIT: { channel: 1, meta: '', payload: u32(0) + u32(0), legal: 0 },
  PING: { channel: 0, meta: '', payload: '0100000000000000', legal: 0 },
  PONG: { channel: 0, meta: '', payload: '0100000000000000', legal: 0 },
  GOAWAY: { channel: 0, meta: u32(0) + u32(0) + u32(0), payload: '', legal: 0x01 },
  REF: { channel: 0, meta: '', payload: u32(1) + u32(1), legal: 0 },
}
const mask = flags.decode('each flag bit outside the mask of each type')
for (const [name, { channel, meta, payload, legal }] of Object.entries(SAMPLES)) {
  const base = name === 'DATA' ? 0x04 : 0
  for (const bit of [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80]) {
    if ((legal & bit) !== 0) continue
    const mark = bit >= 0x40 ? 'RESERVED' : undefined
    mask.invalid(
      `${name} with flag ${bit.toString(16).padStart(2, '0')}`,
      frame(name, base | bit, channel, meta, payload),
      'PROTOCOL_ERROR',
      'FRM-014',
      mark,
    )
  }
}
mask.invalid('all flags on a DATA', frame('DATA', 0xff, 1, '', '61'), 'PROTOCOL_ERROR', 'FRM-014')
mask.invalid(
  'a flag outside the mask, the body is not there yet',
  header('OPEN', 0x40, 1, 16, 16),
  'PROTOCOL_ERROR',
  'FRM-005 FRM-014',
  'HEADER_ONLY',
)
mask.invalid(
  'NOPROC on an END of the opener',
  frame('END', ['NOPROC'], 1, u32(2)),
  'PROTOCOL_ERROR',
  'FRM-015',
)
mask.invalid(
  'NOPROC on a RESET of the opener',
  frame('RESET', ['NOPROC'], 1, u32(1)),
  'PROTOCOL_ERROR',
  'FRM-015',
)
mask.invalid(
  'NOPROC of the opener, the body is not there yet',
  header('RESET', ['NOPROC'], 1, 4, 4),
  'PROTOCOL_ERROR',
  'FRM-005 FRM-015',
  'HEADER_ONLY',
)

export const channels = new Suite('header-channels')

const channel = channels.decode('channel 0, the sign, and the range of ids')
const wrong = (
  /** @type {string} */ comment,
  /** @type {string} */ bytes,
  /** @type {string} */ req,
  /** @type {string} */ mark = '',
) => channel.invalid(comment, bytes, 'PROTOCOL_ERROR', req, mark === '' ? undefined : mark)
for (const [name, { meta, payload }] of Object.entries(SAMPLES)) {
  const bits = name === 'DATA' ? 0x04 : 0
  const isOfConnection = ['PING', 'PONG', 'GOAWAY', 'REF'].includes(name)
  if (isOfConnection) {
    wrong(`${name} on a channel of its sender`, frame(name, bits, 1, meta, payload), 'FRM-016')
    wrong(`${name} on a channel of its receiver`, frame(name, bits, -1, meta, payload), 'FRM-016')
  } else if (name !== 'CREDIT') {
    wrong(`${name} on the connection`, frame(name, bits, 0, meta, payload), 'FRM-016')
  }
}
wrong('OPEN on a channel of its receiver', frame('OPEN', 0, -1, openMeta()), 'FRM-017')
wrong(
  'OPEN on a channel of its receiver, the body is not there yet',
  header('OPEN', 0, -1, 16, 16),
  'FRM-005 FRM-017',
  'HEADER_ONLY',
)
wrong('OPEN with 2^30', frame('OPEN', 0, OUTSIDE, openMeta()), 'FRM-018', 'BOUNDARY')
wrong('OPEN with the smallest i32', frame('OPEN', 0, I32_MIN, openMeta()), 'FRM-017 FRM-018', 'BOUNDARY')
wrong('DATA with 2^30', frame('DATA', ['MSG'], OUTSIDE, '', '61'), 'FRM-018', 'BOUNDARY')
wrong(
  'DATA with the smallest i32: it has no positive twin',
  frame('DATA', ['MSG'], I32_MIN, '', '61'),
  'FRM-018',
  'BOUNDARY',
)
wrong('END with the largest i32', frame('END', 0, 2 ** 31 - 1, u32(2)), 'FRM-018')
wrong('END with −2^30', frame('END', 0, -OUTSIDE, u32(2)), 'FRM-018', 'BOUNDARY')
wrong('RESET with 2^30', frame('RESET', 0, OUTSIDE, u32(1)), 'FRM-018', 'BOUNDARY')
wrong('RESET with the smallest i32', frame('RESET', 0, I32_MIN, u32(1)), 'FRM-018', 'BOUNDARY')
wrong('STOP with 2^30', frame('STOP', 0, OUTSIDE, u32(1)), 'FRM-018', 'BOUNDARY')
wrong('STOP with −2^30', frame('STOP', 0, -OUTSIDE, u32(1)), 'FRM-018', 'BOUNDARY')
wrong('CREDIT with the largest i32', frame('CREDIT', 0, 2 ** 31 - 1, '', u32(0) + u32(0)), 'FRM-018')
wrong('CREDIT with the smallest i32', frame('CREDIT', 0, I32_MIN, '', u32(0) + u32(0)), 'FRM-018', 'BOUNDARY')
wrong(
  'a channel out of range, the body is not there yet',
  header('DATA', ['MSG'], OUTSIDE, 10),
  'FRM-005 FRM-018',
  'HEADER_ONLY',
)
channel.valid(
  'the highest id of the sender',
  { type: 'STOP', channel: MAX_ID, code: 1 },
  'FRM-018',
  'BOUNDARY',
)
channel.valid(
  'the highest id of the receiver',
  { type: 'RESET', channel: -MAX_ID, code: 1 },
  'FRM-018',
  'BOUNDARY',
)

export const order = new Suite('order-of-checks')

const first = order.decode('two rules are broken at once; the code is that of the check that comes first')
const both = (
  /** @type {string} */ comment,
  /** @type {string} */ bytes,
  /** @type {'FRAME_SIZE' | 'PROTOCOL_ERROR'} */ error,
  /** @type {string} */ req,
) => first.invalid(comment, bytes, error, `FRM-004 ${req}`, 'ORDER')
both('size (1) before type 00 (6)', header(0x00, 0, 0, 65_537), 'FRAME_SIZE', 'FRM-006 FRM-011')
both('size (1) before a feature type (6)', header(0x40, 0, 0, 2 ** 24 - 1), 'FRAME_SIZE', 'FRM-006 FRM-012')
both('size (1) before a second HELLO (5)', header('HELLO', 0, 0, 70_000, 56), 'FRAME_SIZE', 'FRM-006 PRE-010')
both('size (1) before a flag (7)', header('DATA', 0x80, 1, 65_537), 'FRAME_SIZE', 'FRM-006 FRM-014')
both('size (1) before the channel (10)', header('PING', 0, 5, 65_537), 'FRAME_SIZE', 'FRM-006 FRM-016')
both(
  'meta above maxMeta (2) before type C0 (6)',
  header(0xc0, 0, 0, 20_000, 20_000),
  'FRAME_SIZE',
  'FRM-007 FRM-011',
)
both('meta above size (3) before type 3F (6)', header(0x3f, 0, 0, 4, 5), 'FRAME_SIZE', 'FRM-008 FRM-011')
both(
  'meta above size (3) before a second HELLO (5)',
  header('HELLO', 0, 0, 56, 57),
  'FRAME_SIZE',
  'FRM-008 PRE-010',
)
both('meta above size (3) before a flag (7)', header('DATA', 0x20, 1, 0, 1), 'FRAME_SIZE', 'FRM-008 FRM-014')
both(
  'a HELLO that is too short (4) before being the second (5)',
  frame('HELLO', 0, 0, u16(40).padEnd(80, '0')),
  'FRAME_SIZE',
  'FRM-009 PRE-010',
)
both(
  'a HELLO with payload (4) before being the second (5)',
  frame('HELLO', 0, 0, u16(56).padEnd(112, '0'), '61'),
  'FRAME_SIZE',
  'FRM-010 PRE-010',
)
both(
  'length of PING (4) before its flag (7)',
  frame('PING', 0x01, 0, '', '00'),
  'FRAME_SIZE',
  'FRM-010 FRM-014',
)
both(
  'length of CREDIT (4) before its channel (10)',
  frame('CREDIT', 0, OUTSIDE, '', u32(0)),
  'FRAME_SIZE',
  'FRM-010 FRM-018',
)
both(
  'length of OPEN (4) before its channel (10)',
  frame('OPEN', 0, 0, u32(0)),
  'FRAME_SIZE',
  'FRM-009 FRM-016',
)
both(
  'length of OPEN (4) before its flags (9)',
  frame('OPEN', ['ONEWAY', 'MORE'], 1, u32(0)),
  'FRAME_SIZE',
  'FRM-009 MSG-014',
)
both(
  'length of END (4) before NOPROC of the opener (8)',
  frame('END', ['NOPROC'], 1, u16(2)),
  'FRAME_SIZE',
  'FRM-009 FRM-015',
)
both(
  'payload of RESET (4) before NOPROC of the opener (8)',
  frame('RESET', ['NOPROC'], 1, u32(1), '61'),
  'FRAME_SIZE',
  'FRM-010 FRM-015',
)
both(
  'length of STOP (4) before its channel (10)',
  frame('STOP', 0, 0, u16(0)),
  'FRAME_SIZE',
  'FRM-010 FRM-016',
)
both(
  'payload of GOAWAY (4) before its flag (7)',
  frame('GOAWAY', 0x40, 0, u32(0) + u32(0) + u32(0), '61'),
  'FRAME_SIZE',
  'FRM-010 FRM-014',
)
both(
  'length of REF (4) before refId 0 in it (11)',
  frame('REF', 0, 0, '', `${u32(0)}00`),
  'FRAME_SIZE',
  'FRM-010 REF-006',
)
both(
  'length of REF (4) before its channel (10)',
  frame('REF', 0, 1, '', u32(1)),
  'FRAME_SIZE',
  'FRM-010 FRM-016',
)
both(
  'a second HELLO (5) before its flag (7)',
  frame('HELLO', 0x01, 0, u16(56).padEnd(112, '0')),
  'PROTOCOL_ERROR',
  'PRE-010 FRM-014',
)
both(
  'a second HELLO (5) is not looked into (11)',
  frame('HELLO', 0, 0, u16(99).padEnd(112, '0')),
  'PROTOCOL_ERROR',
  'PRE-010 PRE-012',
)
both(
  'a flag (7), an illegal combination (9) and a wrong channel (10)',
  header('DATA', 0x92, 0, 4),
  'PROTOCOL_ERROR',
  'FRM-014 MSG-012 FRM-016',
)
both(
  'NOPROC of the opener (8) and code 0 (11)',
  encode({ type: 'END', flags: ['NOPROC'], channel: 1, code: 0 }),
  'PROTOCOL_ERROR',
  'FRM-015 ERR-001',
)
