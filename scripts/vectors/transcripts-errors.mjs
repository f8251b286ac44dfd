// Owns: transcripts of errors and deadlines.
// Must not know: how transcripts are numbered and written.
import { frame, h, hello } from './frames.mjs'
import { repeat, u32 } from './hex.mjs'
import {
  Area,
  act,
  alive,
  CODE,
  closed,
  credit,
  data,
  end,
  fails,
  goaway,
  greet,
  now,
  OWN_HANDSHAKE,
  open,
  recv,
  reset,
  send,
  silent,
  stop,
} from './steps.mjs'

const FIRST = { payload: '6869' }
const own = { options: OWN_HANDSHAKE }

export const errors = new Area('errors')

errors.add('unknown-name', 'A name that nobody serves', 'ERR-007', [
  send(open(1, 'nosuch', ['FIN', 'MSG'], FIRST)),
  recv('END', { channel: -1, flags: ['NOPROC'], code: CODE.UNIMPLEMENTED }),
  silent(),
  alive(),
])
errors.add('name-not-utf8', 'A name that is not UTF-8 is an unknown name', 'OPN-005 ERR-007', [
  send(frame('OPEN', ['FIN'], 1, `${repeat('00', 11)}02fffe`)),
  recv('END', { channel: -1, flags: ['NOPROC'], code: CODE.UNIMPLEMENTED }),
  alive(),
])
errors.add('unknown-codec', 'A codec that the acceptor does not have', 'ERR-008', [
  send(open(1, 'echo', ['FIN', 'MSG'], { ...FIRST, codec: 9 })),
  recv('END', { channel: -1, flags: ['NOPROC'], code: CODE.UNSUPPORTED_CODEC }),
  alive(),
])
errors.add('encoding-in-open', 'A first message with `encoding`', 'ERR-009', [
  send(open(1, 'echo', ['FIN', 'MSG'], { ...FIRST, headers: [h('encoding', 'gzip')] })),
  recv('END', { channel: -1, flags: ['NOPROC'], code: CODE.UNIMPLEMENTED }),
  alive(),
])
errors.add('encoding-later', 'A later message with `encoding`', 'ERR-010', [
  send(open(1, 'sink', ['MSG'], FIRST)),
  send(data(1, ['MSG'], '61', { headers: [h('encoding', 'gzip')] })),
  recv('END', { channel: -1, flags: [], code: CODE.UNIMPLEMENTED }),
  alive(),
])
errors.add('refused-later', 'An application that has taken its time may still refuse', 'ERR-004 ERR-006', [
  send(open(1, 'hold', ['FIN', 'MSG'], FIRST)),
  silent(),
  act('refuse', { channel: -1, code: CODE.RESOURCE_EXHAUSTED }),
  recv('END', { channel: -1, flags: ['NOPROC'], code: CODE.RESOURCE_EXHAUSTED }),
  silent(),
  alive(),
])
errors.add('accepted-later', 'What came before the application accepted is not lost', 'MSG-005', [
  send(open(1, 'hold', ['MSG'], FIRST)),
  send(data(1, ['FIN', 'MSG'], '61')),
  silent(),
  act('accept', { channel: -1 }),
  act('expect', { channel: -1, messages: ['6869', '61'], isEnded: true }),
])
errors.add('failing-handler', 'An application that fails', 'ERR-004 STA-009', [
  send(open(1, 'fail', ['FIN', 'MSG'], FIRST)),
  recv('END', { channel: -1, flags: [], code: CODE.INVALID_ARGUMENT }),
  silent(),
])
errors.add('noproc', 'A refusal that is safe to repeat', 'ERR-006', [
  act('open', { name: 'x', message: '61', isLast: true }),
  recv('OPEN', { channel: 1 }),
  send(reset(-1, CODE.REFUSED, ['NOPROC'])),
  act('expect', { channel: 1, outcome: { code: CODE.REFUSED, delivery: 'not-processed' } }),
])
errors.add('noproc-after-data', 'NOPROC means nothing after DATA', 'ERR-005', [
  act('open', { name: 'x' }),
  recv('OPEN', { channel: 1 }),
  send(data(-1, ['MSG'], '61') + end(-1, 9, { flags: ['NOPROC'] })),
  act('expect', { channel: 1, messages: ['61'], outcome: { code: 9, delivery: 'processed' } }),
])
errors.add('noproc-after-stop', 'NOPROC means nothing after STOP', 'ERR-005', [
  act('open', { name: 'x' }),
  recv('OPEN', { channel: 1 }),
  send(stop(-1)),
  recv('DATA', { channel: 1, flags: ['FIN'] }),
  send(reset(-1, 10, ['NOPROC'])),
  act('expect', { channel: 1, outcome: { code: 10, delivery: 'unknown' } }),
])
errors.add('end-without-noproc', 'END without NOPROC says that it was processed', 'ERR-006', [
  act('open', { name: 'x', message: '61', isLast: true }),
  recv('OPEN', { channel: 1 }),
  send(end(-1, 5)),
  act('expect', { channel: 1, outcome: { code: 5, delivery: 'processed' } }),
])
errors.add('unknown-codes', 'Codes without a name are kept, and 0 on RESET is CANCELLED', 'ERR-002 ERR-003', [
  act('open', { name: 'x' }),
  recv('OPEN', { channel: 1 }),
  act('open', { name: 'x' }),
  recv('OPEN', { channel: 2 }),
  send(end(-1, 70_000) + reset(-2, 0)),
  act('expect', { channel: 1, outcome: { code: 70_000 } }),
  act('expect', { channel: 2, outcome: { code: CODE.CANCELLED } }),
])
errors.add('end-code-0', 'END with code 0 on a live channel', 'ERR-001', [
  send(open(1, 'sink')),
  send(frame('END', 0, 1, u32(0))),
  fails('PROTOCOL_ERROR', 1),
])
errors.add(
  'nothing-after-a-violation',
  'Nothing behind a violation has any effect',
  'ERR-014 ERR-015 IDS-004',
  [send(stop(7) + open(8, 'echo', ['FIN', 'MSG'], FIRST)), fails('PROTOCOL_ERROR', 0)],
)
errors.add(
  'error-from-the-other-side',
  'A GOAWAY with a code settles every channel and is not answered',
  'ERR-019 ERR-020',
  [
    act('open', { name: 'x', message: '61', isLast: true }),
    recv('OPEN', { channel: 1 }),
    act('open', { name: 'x', message: '61', isLast: true }),
    recv('OPEN', { channel: 2 }),
    send(goaway(['FINAL'], { code: 72, lastId: 1 })),
    silent(),
    closed('DUPLICATE'),
    act('expect', { channel: 1, outcome: { delivery: 'unknown' } }),
    act('expect', { channel: 2, outcome: { delivery: 'not-processed' } }),
  ],
)
errors.add('auth-from-the-other-side', 'After GOAWAY with AUTH no call was processed', 'ERR-019 AUT-007', [
  act('open', { name: 'x', message: '61', isLast: true }),
  recv('OPEN', { channel: 1 }),
  send(goaway(['FINAL'], { code: CODE.AUTH, lastId: 0 })),
  closed('AUTH'),
  act('expect', { channel: 1, outcome: { delivery: 'not-processed' } }),
])

export const deadlines = new Area('deadlines')

deadlines.add('acceptor', 'The acceptor ends a channel whose deadline passes', 'DLN-003 DLN-005', [
  send(open(1, 'sink', ['FIN', 'MSG'], { ...FIRST, timeoutMs: 1_000 })),
  now(999),
  silent(),
  now(1_000),
  recv('END', { channel: -1, flags: [], code: CODE.DEADLINE_EXCEEDED }),
])
deadlines.add('oneway', 'The deadline of a one-way is kept in silence', 'DLN-005 STA-018', [
  send(open(1, 'sink', ['FIN', 'MSG', 'ONEWAY'], { ...FIRST, timeoutMs: 1_000 })),
  now(2_000),
  silent(),
  alive(),
])
deadlines.add('answered', 'A channel that has ended has no deadline', 'DLN-005', [
  send(open(1, 'echo', ['FIN', 'MSG'], { ...FIRST, timeoutMs: 1_000 })),
  recv('DATA', { channel: -1, flags: ['MSG'] }),
  recv('DATA', { channel: -1, flags: ['FIN'] }),
  now(2_000),
  silent(),
])
deadlines.add('none', 'timeoutMs 0 is no deadline', 'DLN-001', [
  send(open(1, 'sink', ['FIN', 'MSG'], FIRST)),
  now(40_000),
  silent(),
  act('send', { channel: -1, message: '61', isLast: true }),
  recv('DATA', { channel: -1, flags: ['FIN', 'MSG'] }),
])
deadlines.add('longest', 'timeoutMs with all bits set is a long time', 'OPN-004', [
  send(open(1, 'sink', ['FIN', 'MSG'], { ...FIRST, timeoutMs: 0xffffffff })),
  now(40_000),
  silent(),
  alive(),
])
deadlines.add('opener', 'The opener resets a channel whose deadline passes', 'DLN-004', [
  act('open', { name: 'x', message: '61', isLast: true, timeoutMs: 1_000 }),
  recv('OPEN', { channel: 1, timeoutMs: 1_000 }),
  now(1_000),
  recv('RESET', { channel: 1, flags: [], code: CODE.DEADLINE_EXCEEDED }),
  act('expect', { channel: 1, outcome: { code: CODE.DEADLINE_EXCEEDED, delivery: 'unknown' } }),
  send(data(-1, ['FIN', 'MSG'], '62'), 'too late'),
  silent(),
])
deadlines.add(
  'time-left',
  'OPEN carries the time that is left when it leaves',
  'DLN-001 OCR-001',
  [
    greet(hello({ idleMs: 0, opens: 0 })),
    act('open', { name: 'x', message: '61', isLast: true, timeoutMs: 5_000 }),
    silent('no open credit'),
    now(2_000),
    send(credit(0, 4_194_304, 1)),
    recv('OPEN', { channel: 1, timeoutMs: 3_000 }),
  ],
  own,
)
deadlines.add(
  'before-commit',
  'A call whose deadline passes before OPEN leaves is never sent',
  'DLN-002',
  [
    greet(hello({ idleMs: 0, opens: 0 })),
    act('open', { name: 'x', message: '61', isLast: true, timeoutMs: 1_000 }),
    now(1_000),
    silent(),
    act('expect', { channel: 1, outcome: { code: CODE.DEADLINE_EXCEEDED, delivery: 'not-sent' } }),
    send(credit(0, 4_194_304, 1)),
    silent(),
  ],
  own,
)
