// Owns: the vectors of the encoder: values and the only bytes that they may become.
// Must not know: how vectors are numbered and written.
import { h, INSTANCE, MAX_ID, MAX_U31 } from './frames.mjs'
import { Suite } from './suite.mjs'

export const encoding = new Suite('encode')

const examples = encoding.encode('the examples of the text')
examples.canonical(
  'a unary call',
  {
    type: 'OPEN',
    flags: ['FIN', 'MSG'],
    channel: 1,
    timeoutMs: 5_000,
    codec: 1,
    name: 'echo',
    payload: '22686922',
  },
  'FRM-001 FRM-002',
  '14000000 02 05 1000 01000000 88130000 00000000 0000 01 04 6563686f 22686922',
)
examples.canonical(
  'its answer',
  { type: 'DATA', flags: ['FIN', 'MSG'], channel: -1, payload: '22686922' },
  'FRM-001 FRM-002',
  '04000000 03 05 0000 ffffffff 22686922',
)
examples.canonical(
  'HELLO',
  { type: 'HELLO', headers: [h('peer', 'a'), h('codecs', 'json,msgpack')] },
  'FRM-001 FRM-002',
  `4b000000 01 00 4b00 00000000 3800 0000 00000000 00000100 00004000 00000400 00400000 00004000 00040000 0040 1000 c8af0000
   ${INSTANCE} 9a 0100 61 9c 0c00 6a736f6e2c6d73677061636b`,
)
examples.canonical(
  'OPEN, one-way, with entries',
  {
    type: 'OPEN',
    flags: ['FIN', 'MSG', 'ONEWAY'],
    channel: 2,
    codec: 2,
    name: 'log',
    headers: [h('route-key', 'k1'), h('x-a', '1')],
    payload: 'c0',
  },
  'FRM-001 MET-001',
  '1c000000 02 25 1b00 02000000 00000000 00000000 0000 02 03 6c6f67 82 0200 6b31 03 782d61 0100 31 c0',
)
examples.canonical(
  'DATA with a trailer',
  { type: 'DATA', flags: ['FIN', 'MSG', 'TRL'], channel: -3, headers: [h('x-n', '1')], payload: '37' },
  'FRM-001 FRM-002',
  '08000000 03 0d 0700 fdffffff 03 782d6e 0100 31 37',
)
examples.canonical(
  'END',
  { type: 'END', flags: ['NOPROC'], channel: -3, code: 12, headers: [h('message', 'no such user')] },
  'FRM-001 MET-001',
  '13000000 04 10 1300 fdffffff 0c000000 92 0c00 6e6f20737563682075736572',
)
examples.canonical(
  'RESET',
  { type: 'RESET', channel: 7, code: 1 },
  'FRM-001',
  '04000000 05 00 0400 07000000 01000000',
)
examples.canonical(
  'STOP',
  { type: 'STOP', channel: -5, code: 1 },
  'FRM-001',
  '04000000 06 00 0400 fbffffff 01000000',
)
examples.canonical(
  'CREDIT',
  { type: 'CREDIT', channel: -1, byteLimit: 393_216, messageLimit: 24_576 },
  'FRM-001',
  '08000000 07 00 0000 ffffffff 00000600 00600000',
)
examples.canonical(
  'PING',
  { type: 'PING', payload: '0100000000000000' },
  'FRM-001',
  '08000000 08 00 0000 00000000 0100000000000000',
)
examples.canonical(
  'PONG',
  { type: 'PONG', payload: '0100000000000000' },
  'FRM-001',
  '08000000 09 00 0000 00000000 0100000000000000',
)
examples.canonical(
  'GOAWAY',
  { type: 'GOAWAY', flags: ['FINAL'], lastId: 41, graceMs: 10_000 },
  'FRM-001',
  '0c000000 0a 01 0c00 00000000 00000000 29000000 10270000',
)
examples.canonical(
  'REF',
  {
    type: 'REF',
    releases: [
      { refId: 1, count: 1 },
      { refId: 4, count: 2 },
    ],
  },
  'FRM-001',
  '10000000 0b 00 0000 00000000 01000000 01000000 04000000 02000000',
)
examples.canonical(
  'OPEN with a reference',
  {
    type: 'OPEN',
    flags: ['FIN', 'MSG'],
    channel: 7,
    codec: 1,
    name: 'greet',
    headers: [h('refs', '0100000000000000')],
    payload: '5b7b2224726566223a307d5d',
  },
  'FRM-001 REF-001',
  '28000000 02 05 1c00 07000000 00000000 00000000 0000 01 05 6772656574 8c 0800 01000000 00 00 0000 5b 7b 22 24726566 22 3a 30 7d 5d',
)

const more = encoding.encode('what the examples leave open')
more.canonical('the shortest OPEN', { type: 'OPEN', channel: 1, name: 'a' }, 'FRM-002')
more.canonical(
  'OPEN that starts a fragmented message',
  { type: 'OPEN', flags: ['MORE', 'MSG'], channel: 1, payload: '61' },
  'MSG-012',
)
more.canonical(
  'OPEN with windows of its own',
  { type: 'OPEN', channel: 1, windowBytes: 65_536, windowMessages: 1 },
  'OPN-003',
)
more.canonical(
  'OPEN, idempotent, with a name of two bytes per letter',
  { type: 'OPEN', flags: ['FIN', 'MSG', 'IDEM'], channel: MAX_ID, name: 'ä', payload: '61' },
  'OPN-005',
)
more.canonical(
  'OPEN, one-way, without a message',
  { type: 'OPEN', flags: ['FIN', 'ONEWAY'], channel: 1 },
  'MSG-014',
)
more.canonical(
  'every type of typed entry, in the order given',
  {
    type: 'OPEN',
    channel: 1,
    headers: [
      h('ref', 7),
      h('hops', 3),
      h('size', 70_000),
      h('refs', '0200000001000000'),
      h('sig-bin', '00ff'),
      h('via', 'é'),
    ],
  },
  'FRM-001 MET-001 MET-011',
)
more.canonical(
  'an unknown static id that is passed on',
  { type: 'OPEN', channel: 1, headers: [h('#a0', '01')] },
  'MET-008',
)
more.canonical('DATA: an empty message', { type: 'DATA', flags: ['MSG'], channel: 1 }, 'MSG-006')
more.canonical(
  'DATA: a fragment',
  { type: 'DATA', flags: ['MORE', 'MSG'], channel: 1, payload: '61' },
  'MSG-012',
)
more.canonical('DATA: FIN alone', { type: 'DATA', flags: ['FIN'], channel: 1 }, 'FLO-003')
more.canonical(
  'DATA: FIN with trailers and without a message',
  { type: 'DATA', flags: ['FIN', 'TRL'], channel: 1, headers: [h('x', '')] },
  'MSG-016',
)
more.canonical('DATA: early headers', { type: 'DATA', channel: -1, headers: [h('etag', 'v1')] }, 'MSG-017')
more.canonical(
  'DATA: a message with repeated headers',
  { type: 'DATA', flags: ['MSG'], channel: -1, headers: [h('via', 'a'), h('via', 'b')], payload: '00' },
  'MET-011',
)
more.canonical('END with details', { type: 'END', channel: -1, code: 65_536, payload: '7b7d' }, 'ERR-002')
more.canonical(
  'END with retry-after-ms',
  { type: 'END', flags: ['NOPROC'], channel: -1, code: 8, headers: [h('retry-after-ms', 250)] },
  'MET-001',
)
more.canonical('RESET, refused', { type: 'RESET', flags: ['NOPROC'], channel: -1, code: 32 }, 'OCR-003')
more.canonical('STOP with code 0', { type: 'STOP', channel: 1, code: 0 }, 'ERR-003')
more.canonical(
  'CREDIT of the connection',
  { type: 'CREDIT', byteLimit: 2 ** 32 - 1, openLimit: 1_088 },
  'FLO-013',
)
more.canonical('GOAWAY: a notice', { type: 'GOAWAY', graceMs: 30_000 }, 'DRN-001')
more.canonical(
  'GOAWAY: an error with a message',
  { type: 'GOAWAY', flags: ['FINAL'], code: 64, lastId: 7, headers: [h('message', 'DATA after FIN')] },
  'ERR-014',
)
more.canonical(
  'HELLO with every number at an end of its range',
  {
    type: 'HELLO',
    maxFrame: 2 ** 24 - 1,
    maxMessage: MAX_U31,
    rxBytes: 16_384,
    rxMsgs: 1,
    connBytes: MAX_U31,
    opens: 0,
    maxMeta: 65_535,
    partials: 65_535,
    idleMs: 0,
  },
  'PRE-014',
)
