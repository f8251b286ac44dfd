// Owns: transcripts of flow control.
// Must not know: how transcripts are numbered and written.
import { h, hello } from './frames.mjs'
import {
  Area,
  act,
  alive,
  CODE,
  credit,
  data,
  empties,
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
const smallWindow = { options: { channelWindowBytes: 16_384 } }

export const flow = new Area('flow-control')

// An OPEN without a message named `stuck` is charged 17, an empty message 32.
flow.add(
  'channel-full',
  'A channel window that is used to the last byte',
  'FLO-005',
  [
    send(open(1, 'stuck')),
    send([...empties(1, 510), data(1, ['MSG'], '61'.repeat(15))], '17 + 510 · 32 + 47 = 16 384'),
    silent(),
    alive(),
  ],
  smallWindow,
)
flow.add(
  'channel-overrun',
  'One byte more than the channel window',
  'FLO-005',
  [
    send(open(1, 'stuck')),
    send([...empties(1, 510), data(1, ['MSG'], '61'.repeat(16))], '17 + 510 · 32 + 48 = 16 385'),
    fails('FLOW_CONTROL', 1),
  ],
  smallWindow,
)
flow.add(
  'channel-overrun-by-headers',
  'Entries are charged too',
  'FLO-005 MSG-017',
  [
    send(open(1, 'stuck')),
    send(
      [...empties(1, 510), data(1, ['MSG'], '61'.repeat(12)), data(1, [], '', { headers: [h('x', '')] })],
      '17 + 510 · 32 + 44 + 4',
    ),
    fails('FLOW_CONTROL', 1),
  ],
  smallWindow,
)
flow.add(
  'bare-fin-is-free',
  'FIN with trailers passes although no credit is left',
  'FLO-003',
  [
    send(open(1, 'stuck')),
    send([...empties(1, 510), data(1, ['MSG'], '61'.repeat(15))]),
    send(data(1, ['FIN', 'TRL'], '', { headers: [h('x', 'more than nothing')] })),
    silent(),
    alive(),
  ],
  smallWindow,
)
flow.add(
  'override-overrun',
  'One byte more than the window that the implementation named in OPEN',
  'FLO-005',
  [
    act('open', { name: 'x', windowBytes: 16_384, paused: true }),
    recv('OPEN', { channel: 1, windowBytes: 16_384 }),
    send(empties(-1, 511)),
    silent(),
    alive(),
    send(data(-1, ['MSG'], '61')),
    fails('FLOW_CONTROL', 0),
  ],
)
flow.add(
  'message-overrun',
  'A second message where one is allowed',
  'FLO-007',
  [send(open(1, 'stuck', ['MSG'], FIRST)), alive(), send(data(1, ['MSG'], '61')), fails('FLOW_CONTROL', 1)],
  { options: { channelWindowMessages: 1 } },
)
flow.add(
  'message-overrun-empty',
  'An empty message needs message credit as well',
  'FLO-007',
  [send(open(1, 'stuck', ['MSG'])), send(data(1, ['MSG'])), fails('FLOW_CONTROL', 1)],
  { options: { channelWindowMessages: 1 } },
)
flow.add(
  'continuations-are-one-message',
  'Continuations cost no message credit',
  'FLO-007',
  [
    send(open(1, 'stuck', ['MSG', 'MORE'], FIRST)),
    send(data(1, ['MSG', 'MORE'], '61') + data(1, ['MSG'], '62')),
    silent(),
    alive(),
  ],
  { options: { channelWindowMessages: 1 } },
)
flow.add('override-messages', 'A second message where the implementation asked for one', 'FLO-007', [
  act('open', { name: 'x', windowMessages: 1, paused: true }),
  recv('OPEN', { channel: 1, windowMessages: 1 }),
  send(data(-1, ['MSG'], '61')),
  silent('not read, so nothing is granted'),
  send(data(-1, ['MSG'], '62')),
  fails('FLOW_CONTROL', 0),
])
const held = {
  options: { auth: true },
  comment: 'Before the verdict no CREDIT 0 is sent, so the connection window stays at 64 KiB.',
}
flow.add(
  'connection-full',
  'A connection window that is used to the last byte',
  'FLO-006 AUT-001',
  [
    send(open(1, 'stuck')),
    send([...empties(1, 2_046), data(1, ['MSG'], '61'.repeat(15))], '17 + 2046 · 32 + 47 = 65 536'),
    silent(),
    alive(),
  ],
  held,
)
flow.add(
  'connection-overrun',
  'One byte more than the connection window',
  'FLO-006',
  [
    send(open(1, 'stuck')),
    send([...empties(1, 2_046), data(1, ['MSG'], '61'.repeat(16))], '17 + 2046 · 32 + 48 = 65 537'),
    fails('FLOW_CONTROL', 0),
  ],
  held,
)
flow.add(
  'connection-overrun-closed-channel',
  'What is sent on a closed channel counts on the connection',
  'FLO-006 STA-014',
  [
    send(open(1, 'stuck')),
    send(reset(1, 1)),
    send([...empties(1, 2_046), data(1, ['MSG'], '61'.repeat(16))]),
    fails('FLOW_CONTROL', 0),
  ],
  held,
)
const opened = [act('open', { name: 'x' }), recv('OPEN', { channel: 1 })]
flow.add('byte-limit-back', 'A byte limit of a channel that goes back', 'FLO-008', [
  opened,
  send(credit(-1, 262_143, 16_384)),
  fails('FLOW_CONTROL', 0),
])
flow.add('message-limit-back', 'A message limit that goes back', 'FLO-008', [
  opened,
  send(credit(-1, 262_144, 16_383)),
  fails('FLOW_CONTROL', 0),
])
flow.add('limit-back-half-remote', 'A limit that goes back on a channel whose input has ended', 'FLO-008', [
  send(open(1, 'sink', ['FIN', 'MSG'], FIRST)),
  send(credit(1, 262_143, 16_384)),
  fails('FLOW_CONTROL', 1),
])
flow.add('limit-far-ahead', 'A limit that is half the range ahead goes back', 'FLO-008', [
  opened,
  send(credit(-1, 262_144 + 2 ** 31, 16_384)),
  fails('FLOW_CONTROL', 0),
])
flow.add('connection-limit-back', 'The byte limit of the connection goes back', 'FLO-009', [
  send(credit(0, 4_194_303, 1_024)),
  fails('FLOW_CONTROL', 0),
])
flow.add('open-limit-back', 'The open limit goes back', 'FLO-009', [
  send(credit(0, 4_194_304, 1_023)),
  fails('FLOW_CONTROL', 0),
])
flow.add('same-limits', 'The limits in force, repeated', 'FLO-010', [
  opened,
  send(credit(-1, 262_144, 16_384) + credit(0, 4_194_304, 1_024)),
  silent(),
  alive(),
])
flow.add('half-local', 'CREDIT for an output that has ended is not compared', 'FLO-011', [
  act('open', { name: 'x', isLast: true }),
  recv('OPEN', { channel: 1, flags: ['FIN'] }),
  send(credit(-1, 0, 0)),
  silent(),
  alive(),
])
const AROUND = [credit(-1, 262_144 + 2 ** 31 - 1, 16_384 + 2 ** 31 - 1), credit(-1, 262_142, 16_382)]
const wrapping = {
  comment:
    'Each limit is at most 2^31−1 above the one before, so none goes back, although the second is the smaller number.',
}
flow.add(
  'limits-wrap',
  'Limits that pass 2^32',
  'FLO-008',
  [
    opened,
    send(AROUND.join('')),
    alive(),
    act('send', { channel: 1, message: '61' }),
    recv('DATA', { channel: 1, flags: ['MSG'], payload: '61' }),
  ],
  wrapping,
)
flow.add(
  'limits-wrap-and-back',
  'A limit that goes back by one behind 2^32',
  'FLO-008',
  [opened, send(AROUND.join('')), send(credit(-1, 262_141, 16_382)), fails('FLOW_CONTROL', 0)],
  wrapping,
)
flow.add(
  'sender-stops',
  'The implementation sends no message without message credit, but END needs none',
  'FLO-001 FLO-002 FLO-003',
  [
    greet(hello({ idleMs: 0, rxMsgs: 1 })),
    opened,
    act('send', { channel: 1, message: '61' }),
    recv('DATA', { channel: 1, payload: '61' }),
    act('send', { channel: 1, message: '' }),
    silent('an empty message waits too'),
    send(credit(-1, 262_144, 2)),
    recv('DATA', { channel: 1, flags: ['MSG'], payload: '' }),
    act('fail', { channel: 1, code: 9 }),
    recv('END', { channel: 1, code: 9 }),
  ],
  own,
)
flow.add(
  'incomplete-message-is-consumed',
  'The bytes of an incomplete message are granted anew on arrival (R1)',
  'FLO-013 FLO-016',
  [
    send(
      longOpen(1, 'stuck', ['MSG', 'MORE'], 8_192),
      'charged 12 + 5 + 8192 + 32 = 8241, more than half a window',
    ),
    recv('CREDIT', { channel: -1, byteLimit: 16_384 + 8_241, messageLimit: 16_384 }),
  ],
  smallWindow,
)
flow.add(
  'unread-is-not-consumed',
  'A complete message is granted anew when it is read, not before',
  'FLO-013 FLO-014',
  [
    send(longOpen(1, 'slow', ['MSG'], 10_000), 'charged 12 + 4 + 10 000 + 32 = 10 048'),
    silent(),
    act('read', { channel: -1 }),
    recv('CREDIT', { channel: -1, byteLimit: 16_384 + 10_048 }),
  ],
  smallWindow,
)
flow.add(
  'one-at-a-time',
  'With a window of one message each message is asked for',
  'FLO-013',
  [
    send(open(1, 'slow', ['MSG'], { payload: '61' })),
    silent(),
    act('read', { channel: -1 }),
    recv('CREDIT', { channel: -1, messageLimit: 2 }),
    send(data(1, ['MSG'], '62')),
    silent(),
    act('read', { channel: -1 }),
    recv('CREDIT', { channel: -1, messageLimit: 3 }),
    act('expect', { channel: -1, messages: ['61', '62'] }),
  ],
  { options: { channelWindowMessages: 1 } },
)
flow.add(
  'no-credit-after-fin',
  'A finished direction is granted nothing',
  'FLO-012',
  [send(longOpen(1, 'sink', ['FIN', 'MSG'], 10_000)), silent(), alive()],
  smallWindow,
)
flow.add(
  'no-credit-after-stop',
  'Nothing is granted after STOP',
  'FLO-012 STA-012',
  [
    send(open(1, 'stop')),
    recv('STOP', { channel: -1 }),
    send(long('DATA', ['MSG'], 1, 10_000)),
    silent(),
    alive(),
  ],
  smallWindow,
)
flow.add(
  'discarded-is-credited',
  'Bytes for a closed channel are granted anew on the connection',
  'FLO-015 FLO-020',
  [
    send(open(1, 'fail'), 'charged 16'),
    recv('END', { channel: -1 }),
    send(long('DATA', ['MSG'], 1, 40_000), 'charged 40 032'),
    recv('CREDIT', { channel: 0, byteLimit: 65_536 + 16 + 40_032 }),
  ],
  { options: { connectionWindowBytes: 65_536 } },
)
flow.add(
  'hoarder',
  'A reader that never reads stops the connection and is reset after 10 s (R3, R4)',
  'FLO-018 FLO-019',
  [
    send(open(1, 'stuck')),
    send(empties(1, 1_100), 'charged 35 200, more than half a window; 211 200 unread, more than the cap'),
    silent('connection credit is withheld'),
    now(9_999),
    silent(),
    now(10_000),
    recv('RESET', { channel: -1, flags: [], code: CODE.RESOURCE_EXHAUSTED, skip: ['CREDIT'] }),
    alive(['CREDIT']),
  ],
  { options: { connectionWindowBytes: 65_536, maxUnreadBytes: 65_536 } },
)
