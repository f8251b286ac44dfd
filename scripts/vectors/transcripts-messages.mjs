// Owns: transcripts of messages, metadata, flow control and open credit.
// Must not know: how transcripts are numbered and written.
import { fixed, frame, h, hello, literal, openMeta } from './frames.mjs'
import { repeat, text, u32 } from './hex.mjs'
import {
  Area,
  act,
  alive,
  CODE,
  credit,
  data,
  end,
  fails,
  greet,
  long,
  longOpen,
  now,
  OWN_HANDSHAKE,
  open,
  recv,
  reset,
  send,
  silent,
} from './steps.mjs'

const FIRST = { payload: '6869' }
const own = { options: OWN_HANDSHAKE }

export const messages = new Area('messages')

messages.add(
  'fragments',
  'A message in three fragments, the last one empty, in the role of acceptor',
  'MSG-004 MSG-005',
  [
    send(open(1, 'echo', ['MSG', 'MORE'], { payload: '6162' })),
    send(data(1, ['MSG', 'MORE'], '63')),
    silent('not complete'),
    send(data(1, ['FIN', 'MSG'])),
    recv('DATA', { channel: -1, flags: ['MSG'], payload: '616263' }),
    recv('DATA', { channel: -1, flags: ['FIN'] }),
  ],
)
messages.add('fragments-to-opener', 'The same in the role of opener', 'MSG-004 MSG-005', [
  act('open', { name: 'x', message: '61', isLast: true }),
  recv('OPEN', { channel: 1 }),
  send(data(-1, ['MSG', 'MORE'], '62', { headers: [h('etag', 'v1')] }) + data(-1, ['MSG', 'MORE'], '63')),
  act('expect', { channel: 1, messages: [] }),
  send(data(-1, ['FIN', 'MSG', 'TRL'], '64', { headers: [h('x', '1')] })),
  act('expect', { channel: 1, messages: ['626364'], isEnded: true, outcome: { code: 0 } }),
])
messages.add('empty', 'An empty message is a message', 'MSG-006', [
  send(open(1, 'echo', ['MSG'])),
  recv('DATA', { channel: -1, flags: ['MSG'], payload: '' }),
  send(data(1, ['FIN', 'MSG'])),
  recv('DATA', { channel: -1, flags: ['MSG'], payload: '' }),
  recv('DATA', { channel: -1, flags: ['FIN'] }),
])
messages.add('interleaved-channels', 'Messages of two channels arrive in turn', 'MSG-005', [
  send(
    open(1, 'echo', ['MSG', 'MORE'], { payload: '61' }) + open(2, 'echo', ['MSG', 'MORE'], { payload: '62' }),
  ),
  send(data(1, ['MSG', 'MORE'], '63') + data(2, ['FIN', 'MSG'], '64')),
  recv('DATA', { channel: -2, flags: ['MSG'], payload: '6264' }),
  recv('DATA', { channel: -2, flags: ['FIN'] }),
  send(data(1, ['FIN', 'MSG'], '65')),
  recv('DATA', { channel: -1, flags: ['MSG'], payload: '616365' }),
  recv('DATA', { channel: -1, flags: ['FIN'] }),
])
messages.add('headers-on-last-fragment', 'Entries on the last fragment that are no trailers', 'MSG-002', [
  send(open(1, 'sink', ['MSG', 'MORE'], FIRST)),
  send(data(1, ['MSG'], '61', { headers: [h('x', '1')] })),
  fails('PROTOCOL_ERROR', 1),
])
messages.add('headers-on-middle-fragment', 'Entries on a fragment in the middle', 'MSG-002', [
  send(open(1, 'sink')),
  send(data(1, ['MSG', 'MORE'], '61', { headers: [h('x', '1')] })),
  send(data(1, ['MSG', 'MORE'], '62', { headers: [h('x', '2')] })),
  fails('PROTOCOL_ERROR', 1),
])
messages.add('headers-inside-message', 'Early headers between two fragments', 'MSG-003', [
  send(open(1, 'sink', ['MSG', 'MORE'], FIRST)),
  send(data(1, [], '', { headers: [h('x', '1')] })),
  fails('PROTOCOL_ERROR', 1),
])
const small = { options: { maxMessageBytes: 65_536 } }
messages.add(
  'largest',
  'A message of exactly maxMessage in two fragments',
  'MSG-008',
  [
    send(longOpen(1, 'sink', ['MSG', 'MORE'], 32_768)),
    send(long('DATA', ['FIN', 'MSG'], 1, 32_768)),
    silent(),
    alive(),
  ],
  {
    ...small,
    comment:
      'Half of the connection window is not reached, so no CREDIT is due; channel windows end with FIN.',
  },
)
messages.add(
  'too-large',
  'Fragments that add up to more than maxMessage end their channel only',
  'MSG-008',
  [
    send(longOpen(1, 'sink', ['MSG', 'MORE'], 32_768)),
    send(long('DATA', ['MSG', 'MORE'], 1, 32_768)),
    send(data(1, ['MSG'], '61')),
    recv('RESET', { channel: -1, flags: [], code: CODE.MESSAGE_TOO_LARGE }),
    alive(),
  ],
  small,
)
messages.add(
  'too-large-undecided',
  'The same while the application has been told of the channel but has not accepted it',
  'MSG-008 ERR-004',
  [
    send(longOpen(1, 'hold', ['MSG', 'MORE'], 32_768)),
    send(long('DATA', ['MSG', 'MORE'], 1, 32_768)),
    send(data(1, ['MSG'], '61')),
    recv('RESET', { channel: -1, flags: ['NOPROC'], code: CODE.MESSAGE_TOO_LARGE }),
    silent(),
  ],
  small,
)
messages.add(
  'too-large-to-opener',
  'An answer above maxMessage',
  'MSG-008 ERR-006',
  [
    act('open', { name: 'x', message: '61', isLast: true }),
    recv('OPEN', { channel: 1 }),
    send([long('DATA', ['MSG', 'MORE'], -1, 40_000), long('DATA', ['MSG'], -1, 40_000)].flat()),
    recv('RESET', { channel: 1, flags: [], code: CODE.MESSAGE_TOO_LARGE }),
    act('expect', {
      channel: 1,
      messages: [],
      outcome: { code: CODE.MESSAGE_TOO_LARGE, delivery: 'processed' },
    }),
    alive(),
  ],
  small,
)
messages.add(
  'size-too-large-in-open',
  'A `size` above maxMessage in OPEN: refused before the application sees it',
  'MSG-009',
  [
    send(open(1, 'echo', ['MSG', 'MORE'], { payload: '61', headers: [h('size', 65_537)] })),
    recv('RESET', { channel: -1, flags: ['NOPROC'], code: CODE.MESSAGE_TOO_LARGE }),
    send(data(1, ['MSG'], '61'), 'the rest is discarded'),
    silent(),
    alive(),
  ],
  small,
)
messages.add(
  'size-too-large-later',
  'A `size` above maxMessage on a later message',
  'MSG-009',
  [
    send(open(1, 'sink', ['MSG'], FIRST)),
    send(data(1, ['MSG', 'MORE'], '61', { headers: [h('size', 65_537)] })),
    recv('RESET', { channel: -1, flags: [], code: CODE.MESSAGE_TOO_LARGE }),
    alive(),
  ],
  small,
)
messages.add('size-is-a-hint', 'A `size` that differs from the length is no error', 'MSG-010', [
  send(open(1, 'echo', ['MSG'], { payload: '61', headers: [h('size', 1_000_000)] })),
  recv('DATA', { channel: -1, flags: ['MSG'], payload: '61' }),
  send(data(1, ['FIN', 'MSG'], '6263', { headers: [h('size', 0)] })),
  recv('DATA', { channel: -1, flags: ['MSG'], payload: '6263' }),
  recv('DATA', { channel: -1, flags: ['FIN'] }),
])
const onePartial = { options: { maxPartialMessages: 1 } }
messages.add(
  'one-partial-too-many',
  'A second incomplete message where one is allowed',
  'MSG-019',
  [
    send(open(1, 'sink', ['MSG', 'MORE'], FIRST)),
    send(open(2, 'sink', ['MSG', 'MORE'], FIRST)),
    fails('FLOW_CONTROL'),
  ],
  onePartial,
)
messages.add(
  'partials-at-the-limit',
  'The limit counts messages that are incomplete at the same time',
  'MSG-019',
  [
    send(open(1, 'sink', ['MSG', 'MORE'], FIRST)),
    send(data(1, ['MSG'], '61')),
    send(open(2, 'sink', ['MSG', 'MORE'], FIRST)),
    send(reset(2, 1)),
    send(open(3, 'sink', ['MSG', 'MORE'], FIRST)),
    send(open(4, 'sink', ['MSG'], FIRST), 'a whole message needs no place'),
    silent(),
    alive(),
  ],
  onePartial,
)
messages.add('partials-default', 'The 17th incomplete message with the default limit', 'MSG-019', [
  send(Array.from({ length: 16 }, (_, at) => open(at + 1, 'sink', ['MSG', 'MORE'], FIRST)).join('')),
  alive(),
  send(open(17, 'sink', ['MSG', 'MORE'], FIRST)),
  fails('FLOW_CONTROL'),
])
messages.add(
  'discarded-partials',
  'Incomplete messages that are discarded do not count',
  'MSG-020',
  [
    send(open(1, 'stop', ['MSG', 'MORE'], FIRST)),
    recv('STOP', { channel: -1 }),
    send(open(2, 'nosuch', ['MSG', 'MORE'], FIRST)),
    recv('END', { channel: -2, flags: ['NOPROC'] }),
    send(open(3, 'sink', ['MSG', 'MORE'], FIRST)),
    silent(),
    alive(),
  ],
  onePartial,
)
messages.add('stalled', 'An incomplete message that makes no progress for 30 s', 'MSG-021', [
  send(open(1, 'sink', ['MSG', 'MORE'], FIRST)),
  now(29_999),
  silent(),
  now(30_000),
  recv('RESET', { channel: -1, flags: [], code: CODE.ABORTED }),
  alive(),
])
messages.add('stalled-after-progress', 'Each fragment starts the 30 s anew', 'MSG-021', [
  send(open(1, 'sink', ['MSG', 'MORE'], FIRST)),
  now(20_000),
  send(data(1, ['MSG', 'MORE'], '61')),
  now(49_999),
  silent(),
  now(50_000),
  recv('RESET', { channel: -1, flags: [], code: CODE.ABORTED }),
  alive(),
])

export const metadata = new Area('metadata')
const many = (/** @type {number} */ count) => repeat('01780000', count)

metadata.add('too-many-in-open', 'An OPEN with 65 entries', 'MET-015', [
  send(frame('OPEN', ['FIN'], 1, openMeta({ name: 'echo' }) + many(65))),
  recv('RESET', { channel: -1, flags: ['NOPROC'], code: CODE.METADATA_TOO_LARGE }),
  alive(),
])
metadata.add('too-many-in-oneway', 'A one-way OPEN with 65 entries is refused in silence', 'MET-015', [
  send(frame('OPEN', ['FIN', 'ONEWAY'], 1, openMeta({ name: 'echo' }) + many(65))),
  silent(),
  alive(),
])
metadata.add('too-many-in-data', 'A message with 65 entries', 'MET-016', [
  send(open(1, 'sink')),
  send(frame('DATA', ['MSG'], 1, many(65), '61')),
  recv('RESET', { channel: -1, flags: [], code: CODE.METADATA_TOO_LARGE }),
  alive(),
])
metadata.add('too-many-in-end', 'An END with 65 entries keeps its code and loses its entries', 'MET-017', [
  act('open', { name: 'x' }),
  recv('OPEN', { channel: 1 }),
  send(frame('END', 0, -1, u32(9) + fixed(0x92, text('no')) + many(64))),
  act('expect', { channel: 1, outcome: { code: 9, entries: 0 } }),
  alive(),
])
metadata.add('too-many-in-reset', 'A RESET with 65 entries keeps its code and loses its entries', 'MET-017', [
  act('open', { name: 'x' }),
  recv('OPEN', { channel: 1 }),
  send(frame('RESET', 0, -1, u32(10) + many(65))),
  act('expect', { channel: 1, outcome: { code: 10, entries: 0 } }),
  alive(),
])
metadata.add('as-many-as-allowed', 'OPEN, DATA and END with 64 entries', 'MET-014 MET-015', [
  send(frame('OPEN', ['MSG'], 1, openMeta({ name: 'echo' }) + many(64), '61')),
  recv('DATA', { channel: -1, flags: ['MSG'], payload: '61' }),
  send(frame('DATA', ['MSG'], 1, many(64), '62')),
  recv('DATA', { channel: -1, flags: ['MSG'], payload: '62' }),
  act('open', { name: 'x' }),
  recv('OPEN', { channel: 1 }),
  send(frame('END', 0, -1, u32(9) + many(64))),
  act('expect', { channel: 1, outcome: { code: 9, entries: 64 } }),
])
metadata.add(
  'malformed-on-closed-channel',
  'The structure of entries is checked although the frame is discarded',
  'MET-007 MET-002',
  [
    send(open(1, 'fail')),
    recv('END', { channel: -1 }),
    send(frame('DATA', ['MSG'], 1, '000000', '61')),
    fails('PROTOCOL_ERROR', 1),
  ],
)
metadata.add('malformed-after-stop', 'The same after our STOP', 'MET-007 MET-001', [
  send(open(1, 'stop')),
  recv('STOP', { channel: -1 }),
  send(frame('DATA', ['MSG'], 1, literal(text('to'), '61'), '61')),
  fails('PROTOCOL_ERROR', 1),
])
metadata.add(
  'malformed-beyond-64',
  'The structure of the 66th entry decides although 65 are too many',
  'MET-007 MET-003',
  [
    send(frame('OPEN', ['FIN'], 1, `${openMeta({ name: 'echo' })}${many(65)}0178`)),
    fails('PROTOCOL_ERROR', 0),
  ],
)

export const openCredit = new Area('open-credit')
const oneSlot = { options: { maxOpenChannels: 1 } }

openCredit.add(
  'beyond-limit',
  'An OPEN beyond the limit',
  'OCR-002 OCR-003 OCR-004',
  [
    send(open(1, 'sink')),
    send(open(2, 'echo', ['FIN', 'MSG'], FIRST)),
    recv('RESET', { channel: -2, flags: ['NOPROC'], code: CODE.REFUSED, skip: ['CREDIT'] }),
    alive(['CREDIT']),
  ],
  oneSlot,
)
openCredit.add(
  'beyond-limit-oneway',
  'A one-way OPEN beyond the limit is refused in silence',
  'OCR-003',
  [send(open(1, 'sink')), send(open(2, 'echo', ['FIN', 'MSG', 'ONEWAY'], FIRST)), alive(['CREDIT'])],
  oneSlot,
)
openCredit.add(
  'none',
  'A peer that announces opens = 0 refuses every early call',
  'OCR-003',
  [
    send(open(1, 'echo', ['FIN', 'MSG'], FIRST)),
    recv('RESET', { channel: -1, flags: ['NOPROC'], code: CODE.REFUSED, skip: ['CREDIT'] }),
  ],
  { options: { maxOpenChannels: 0 } },
)
openCredit.add(
  'returned',
  'The slot of a finished call is announced at once when few are left',
  'OCR-007',
  [
    send(open(1, 'echo', ['FIN', 'MSG'], FIRST)),
    recv('DATA', { channel: -1, flags: ['MSG'], skip: ['CREDIT'] }),
    recv('DATA', { channel: -1, flags: ['FIN'], skip: ['CREDIT'] }),
    send(open(2, 'echo', ['FIN', 'MSG'], FIRST), 'within the limit again'),
    recv('DATA', { channel: -2, flags: ['MSG'], skip: ['CREDIT'] }),
    recv('DATA', { channel: -2, flags: ['FIN'], skip: ['CREDIT'] }),
  ],
  oneSlot,
)
openCredit.add(
  'after-settlement',
  'A slot returns only when the channel is closed and its handler has settled',
  'OCR-005',
  [
    send(open(1, 'sink', ['FIN', 'MSG'], FIRST)),
    act('end', { channel: -1 }),
    recv('DATA', { channel: -1, flags: ['FIN'] }),
    silent('closed, but the handler still runs'),
    act('settle', { channel: -1 }),
    recv('CREDIT', { channel: 0, openLimit: 2 }),
  ],
  oneSlot,
)
openCredit.add(
  'after-close',
  'A handler that has settled does not free the slot of an open channel',
  'OCR-005 SHP-005',
  [
    send(open(1, 'sink')),
    act('settle', { channel: -1 }),
    silent(),
    act('end', { channel: -1 }),
    recv('DATA', { channel: -1, flags: ['FIN'] }),
    recv('STOP', { channel: -1 }, 'nobody reads any more'),
    silent('the input is still open'),
    send(data(1, ['FIN'])),
    recv('CREDIT', { channel: 0, openLimit: 2 }),
  ],
  oneSlot,
)
openCredit.add(
  'cancelled-slot-waits',
  'The slot of a channel that was cancelled before the first answer returns at the next tick',
  'OCR-006',
  [
    send(open(1, 'sink', ['FIN', 'MSG'], FIRST)),
    send(reset(1, 1)),
    act('settle', { channel: -1 }),
    silent(),
    now(1_000),
    recv('CREDIT', { channel: 0, openLimit: 2 }),
  ],
  oneSlot,
)
openCredit.add(
  'ended-slot-waits',
  'The same for END',
  'OCR-006',
  [
    send(open(1, 'sink')),
    send(end(1, 9)),
    act('settle', { channel: -1 }),
    silent(),
    now(1_000),
    recv('CREDIT', { channel: 0, openLimit: 2 }),
  ],
  oneSlot,
)
openCredit.add(
  'rapid-reset',
  'Opening and cancelling in turn runs out of slots',
  'OCR-003 OCR-005 OCR-006',
  [
    send(open(1, 'sink') + reset(1, 1) + open(2, 'sink') + reset(2, 1)),
    silent(),
    send(open(3, 'echo', ['FIN'])),
    recv('RESET', { channel: -3, flags: ['NOPROC'], code: CODE.REFUSED, skip: ['CREDIT'] }),
  ],
  { options: { maxOpenChannels: 2 } },
)
openCredit.add(
  'opener-waits',
  'The implementation opens no more than it may',
  'OCR-001',
  [
    greet(hello({ idleMs: 0, opens: 1 })),
    act('open', { name: 'x', message: '61', isLast: true }),
    recv('OPEN', { channel: 1 }),
    act('open', { name: 'x', message: '62', isLast: true }),
    silent(),
    send(data(-1, ['FIN', 'MSG'], '63')),
    silent('a finished call alone gives no right'),
    send(credit(0, 4_194_304, 2)),
    recv('OPEN', { channel: 2, payload: '62' }),
  ],
  own,
)
