// Owns: transcripts of drain and close, of message connections, and of the order of checks that need state.
// Must not know: how transcripts are numbered and written.
import { encode, frame, h, openMeta } from './frames.mjs'
import { repeat } from './hex.mjs'
import {
  Area,
  act,
  alive,
  CODE,
  closed,
  data,
  empties,
  fails,
  goaway,
  now,
  open,
  pong,
  recv,
  send,
  silent,
} from './steps.mjs'

const FIRST = { payload: '6869' }

export const drain = new Area('drain')
const notice = [
  act('drain', { graceMs: 30_000 }),
  recv('GOAWAY', { channel: 0, flags: [], code: 0, lastId: 0, graceMs: 30_000 }),
  recv('PING', { channel: 0 }, 'the fence'),
]

drain.add(
  'notice-fence-final',
  'Notice, fence, FINAL, and the end when no channel is left',
  'DRN-001 DRN-003 DRN-004 DRN-018',
  [
    send(open(1, 'sink')),
    notice,
    send(open(2, 'echo', ['FIN', 'MSG'], FIRST), 'sent before the notice was read'),
    recv('DATA', { channel: -2, flags: ['MSG'], payload: '6869' }),
    recv('DATA', { channel: -2, flags: ['FIN'] }),
    pong(),
    recv('GOAWAY', { flags: ['FINAL'], code: 0, lastId: 2 }),
    send(data(1, ['FIN'])),
    act('end', { channel: -1 }),
    recv('DATA', { channel: -1, flags: ['FIN'] }),
    closed(null),
  ],
)
drain.add('nothing-open', 'FINAL with lastId 0, and the end at once', 'DRN-002 DRN-004 DRN-018', [
  notice,
  silent('not before the fence is answered'),
  pong(),
  recv('GOAWAY', { flags: ['FINAL'], code: 0, lastId: 0 }),
  closed(null),
])
drain.add(
  'open-after-final',
  'OPEN after FINAL is discarded in silence, its id is used up',
  'DRN-015 IDS-002 IDS-003',
  [
    send(open(1, 'sink')),
    notice,
    pong(),
    recv('GOAWAY', { flags: ['FINAL'], lastId: 1 }),
    send(open(2, 'echo', ['FIN', 'MSG'], FIRST) + data(2, ['MSG'], '61')),
    silent(),
    alive(),
    send(open(2, 'echo')),
    fails('PROTOCOL_ERROR', 1),
  ],
)
drain.add('reference-after-final', '`~ref` after FINAL is always answered', 'DRN-016', [
  act('open', { name: 'x', message: '61', isLast: true, headers: [h('refs', '0100000000000000')] }),
  recv('OPEN', { channel: 1 }),
  notice,
  pong(),
  recv('GOAWAY', { flags: ['FINAL'], lastId: 0 }),
  send(open(1, '~ref', ['FIN', 'MSG'], { ...FIRST, headers: [h('ref', 1)] })),
  recv('DATA', { channel: -1, flags: ['MSG'], payload: '6869' }),
  recv('DATA', { channel: -1, flags: ['FIN'] }),
  send(open(2, '~ref', ['FIN', 'MSG'], { ...FIRST, headers: [h('ref', 2)] })),
  recv('END', { channel: -2, flags: ['NOPROC'], code: CODE.REF_GONE }),
])
drain.add('grace-passes', 'Channels that are left when the grace has passed are reset', 'DRN-017 DRN-018', [
  send(open(1, 'sink')),
  notice,
  pong(),
  recv('GOAWAY', { flags: ['FINAL'], lastId: 1 }),
  now(29_999),
  silent(),
  now(30_000),
  recv('RESET', { channel: -1, flags: [], code: CODE.UNAVAILABLE }),
  closed(null),
])
drain.add(
  'fence-unanswered',
  'Without an answer to the fence FINAL waits for the end of the grace',
  'DRN-002 DRN-018',
  [
    notice,
    now(29_999),
    silent(),
    now(30_000),
    recv('GOAWAY', { flags: ['FINAL'], code: 0, lastId: 0 }),
    closed(null),
  ],
)
drain.add('own-calls-while-draining', 'A drainer may still open channels', 'DRN-003', [
  send(open(1, 'sink')),
  notice,
  act('open', { name: 'x', message: '61', isLast: true }),
  recv('OPEN', { channel: 1 }),
])
drain.add('close', 'Without grace: FINAL, RESET of what lives, the end', 'DRN-019', [
  send(open(1, 'sink')),
  act('close'),
  recv('GOAWAY', { flags: ['FINAL'], code: 0, lastId: 1 }),
  recv('RESET', { channel: -1, flags: [], code: CODE.UNAVAILABLE }),
  closed(null),
])
drain.add('notice-received', 'After a notice nothing is opened, and what runs goes on', 'DRN-005', [
  act('open', { name: 'x', message: '61', isLast: true }),
  recv('OPEN', { channel: 1 }),
  send(goaway([], { graceMs: 30_000 })),
  act('open', { name: 'x', message: '62', isLast: true }),
  silent(),
  send(data(-1, ['FIN', 'MSG'], '63')),
  act('expect', { channel: 1, messages: ['63'], outcome: { code: 0 } }),
  alive(),
])
drain.add('notice-with-last-id', 'lastId of a notice is ignored', 'DRN-008', [
  act('open', { name: 'x', message: '61', isLast: true }),
  recv('OPEN', { channel: 1 }),
  send(goaway([], { lastId: 77 })),
  send(data(-1, ['FIN', 'MSG'], '62')),
  act('expect', { channel: 1, messages: ['62'], outcome: { code: 0 } }),
  alive(),
])
drain.add('notice-with-code', 'An error without FINAL', 'DRN-009', [
  send(encode({ type: 'GOAWAY', code: 64 })),
  fails('PROTOCOL_ERROR', 0),
])
const two = [
  act('open', { name: 'x', message: '61', isLast: true }),
  recv('OPEN', { channel: 1 }),
  act('open', { name: 'x', message: '61', isLast: true }),
  recv('OPEN', { channel: 2 }),
]
drain.add('final-received', 'FINAL says which calls were never processed', 'DRN-013 DRN-018', [
  two,
  send(goaway(['FINAL'], { lastId: 1, graceMs: 30_000 })),
  act('expect', { channel: 2, outcome: { delivery: 'not-processed' } }),
  silent('forgotten without a frame'),
  send(data(-1, ['FIN', 'MSG'], '62')),
  act('expect', { channel: 1, messages: ['62'], outcome: { code: 0 } }),
  closed(null),
])
drain.add('final-with-zero', 'FINAL with lastId 0: no call was processed', 'DRN-011 DRN-013', [
  two,
  send(goaway(['FINAL'])),
  act('expect', { channel: 1, outcome: { delivery: 'not-processed' } }),
  act('expect', { channel: 2, outcome: { delivery: 'not-processed' } }),
  closed(null),
])
drain.add('final-repeated', 'A second FINAL with a lower lastId changes nothing', 'DRN-014', [
  two,
  send(goaway(['FINAL'], { lastId: 2 })),
  send(goaway(['FINAL'], { lastId: 1 }) + goaway([])),
  silent(),
  send(data(-2, ['FIN', 'MSG'], '62')),
  act('expect', { channel: 2, messages: ['62'], outcome: { code: 0 } }),
  alive(),
])
drain.add('final-beyond-own-ids', 'FINAL with a lastId that was never opened', 'DRN-011', [
  two,
  send(goaway(['FINAL'], { lastId: 3 })),
  fails('PROTOCOL_ERROR', 0),
])
drain.add('final-without-channels', 'FINAL with a lastId although nothing was ever opened', 'DRN-011', [
  send(goaway(['FINAL'], { lastId: 1 })),
  fails('PROTOCOL_ERROR', 0),
])
drain.add('final-out-of-range', 'FINAL with a lastId of 2^30', 'DRN-010', [
  two,
  send(goaway(['FINAL'], { lastId: 2 ** 30 })),
  fails('PROTOCOL_ERROR', 0),
])
drain.add('error-after-final', 'An error is acted on after FINAL too', 'ERR-019 DRN-014', [
  two,
  send(goaway(['FINAL'], { lastId: 2 })),
  send(goaway(['FINAL'], { code: 74, lastId: 1 })),
  silent(),
  closed('INTERNAL_ERROR'),
])
drain.add('violation-after-final', 'A violation after both sides have said goodbye', 'DRN-014 FRM-011', [
  send(open(1, 'sink')),
  notice,
  pong(),
  recv('GOAWAY', { flags: ['FINAL'], lastId: 1 }),
  send(goaway(['FINAL'])),
  send(frame(0x00, 0, 0)),
  fails('PROTOCOL_ERROR', 1),
])

export const messageConnection = new Area('message-connection')
const message = /** @type {const} */ ({ kind: 'message' })
const CALLS = [1, 2].map((channel) => open(channel, 'echo', ['FIN'])).join('')

messageConnection.add(
  'several-frames',
  'Several frames in one message',
  'WST-001',
  [send(CALLS), recv('DATA', { channel: -1, flags: ['FIN'] }), recv('DATA', { channel: -2, flags: ['FIN'] })],
  message,
)
messageConnection.add(
  'cut-in-body',
  'A message that ends inside the body of a frame',
  'WST-002',
  [send(open(1, 'echo').slice(0, -2)), fails('PROTOCOL_ERROR', 0)],
  message,
)
messageConnection.add(
  'cut-in-header',
  'A message that ends inside a header, behind a whole frame',
  'WST-002',
  [send(open(1, 'sink') + data(1, ['MSG'], '61').slice(0, 22)), fails('PROTOCOL_ERROR')],
  message,
)
messageConnection.add(
  'header-only',
  'A frame in two messages',
  'WST-002',
  [send(open(1, 'echo').slice(0, 24)), fails('PROTOCOL_ERROR', 0)],
  message,
)
messageConnection.add(
  'one-byte',
  'A message of one byte',
  'WST-002',
  [send('08'), fails('PROTOCOL_ERROR', 0)],
  message,
)
messageConnection.add(
  'too-large',
  'A message of 1 MiB + 1',
  'WST-004',
  [
    send([...Array.from({ length: 15 }, () => ignorable(65_536)).flat(), ...ignorable(65_344 + 1)]),
    fails('FRAME_SIZE', 0),
  ],
  message,
)
messageConnection.add(
  'largest',
  'A message of exactly 1 MiB, all of it frames to be skipped',
  'WST-004 FRM-013',
  [
    send([...Array.from({ length: 15 }, () => ignorable(65_536)).flat(), ...ignorable(65_344)]),
    silent(),
    alive(),
  ],
  message,
)
messageConnection.add(
  'empty',
  'An empty message is ignored',
  'WST-005',
  [send(''), silent(), alive()],
  message,
)
messageConnection.add(
  'preface',
  'A preface on a message connection is no frame',
  'PRE-004 WST-002',
  [send('89505058310d0a1a'), fails('PROTOCOL_ERROR', 0)],
  message,
)

export const order = new Area('order-of-checks')

order.add(
  'state-before-credit',
  'An unknown id (13) is reported before an overrun (14)',
  'FRM-004 IDS-004 FLO-006',
  [
    send(open(1, 'stuck')),
    send([...empties(1, 2_046), data(2, ['MSG'], repeat('61', 16))]),
    fails('PROTOCOL_ERROR', 0),
  ],
  { options: { auth: true } },
)
order.add(
  'credit-before-open-limit',
  'An overrun of the connection (14) is reported before the open limit (15)',
  'FRM-004 FLO-006 OCR-003',
  [
    send(open(1, 'stuck')),
    send([...empties(1, 2_046), open(2, 'stuck', ['MSG'], { payload: '61' })]),
    fails('FLOW_CONTROL', 0),
  ],
  { options: { auth: true, maxOpenChannels: 1 } },
)
order.add(
  'open-limit-before-count',
  'The open limit (15) is reported before the number of entries (16)',
  'FRM-004 OCR-003 MET-015',
  [
    send(frame('OPEN', ['FIN'], 1, openMeta({ name: 'echo' }) + repeat('01780000', 65))),
    recv('RESET', { channel: -1, flags: ['NOPROC'], code: CODE.REFUSED, skip: ['CREDIT'] }),
    alive(['CREDIT']),
  ],
  { options: { maxOpenChannels: 0 } },
)
order.add(
  'count-before-name',
  'The number of entries (16) is reported before an unknown name (16)',
  'FRM-004 MET-015 ERR-007',
  [
    send(frame('OPEN', ['FIN'], 1, openMeta({ name: 'nosuch' }) + repeat('01780000', 65))),
    recv('RESET', { channel: -1, flags: ['NOPROC'], code: CODE.METADATA_TOO_LARGE }),
  ],
)
order.add(
  'size-before-partials',
  'The `size` hint (16) ends the channel before an incomplete message (16) ends the connection',
  'FRM-004 MSG-009 MSG-019',
  [
    send(open(1, 'sink', ['MSG', 'MORE'], FIRST)),
    send(open(2, 'sink', ['MSG', 'MORE'], { ...FIRST, headers: [h('size', 4_194_305)] })),
    recv('RESET', { channel: -2, flags: ['NOPROC'], code: CODE.MESSAGE_TOO_LARGE }),
    alive(),
  ],
  { options: { maxPartialMessages: 1 } },
)
order.add(
  'entries-before-state',
  'Malformed entries (12) on a channel in the wrong state (13) are one PROTOCOL_ERROR',
  'FRM-004 MET-002 STA-001',
  [send(open(1, 'sink', ['FIN'])), send(frame('DATA', ['MSG'], 1, '00', '61')), fails('PROTOCOL_ERROR', 1)],
)

/**
 * An ignorable frame with a body of zeros.
 * @param {number} bytes
 */
function ignorable(bytes) {
  return [frame(0x80, 0, 0, '', '', { size: bytes }), { hex: '00', repeat: bytes }]
}
