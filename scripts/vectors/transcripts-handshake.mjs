// Owns: transcripts of the handshake, authentication and keepalive.
// Must not know: how transcripts are numbered and written.
import { encode, frame, h, hello, INSTANCE_UNDER_TEST, PREFACE } from './frames.mjs'
import { hex, text } from './hex.mjs'
import {
  Area,
  act,
  alive,
  closed,
  DEFAULT_HELLO,
  fails,
  greet,
  now,
  OWN_HANDSHAKE,
  open,
  pong,
  recv,
  recvBytes,
  reset,
  send,
  silent,
} from './steps.mjs'

export const handshake = new Area('handshake')
const own = { options: OWN_HANDSHAKE }
const theirs = [recvBytes(PREFACE), recv('HELLO', { flags: [], channel: 0 })]

handshake.add(
  'without-waiting',
  'Both sides send preface and HELLO without waiting for the other',
  'PRE-003 PRE-008',
  [theirs, silent('nothing more before the other HELLO'), send(PREFACE + DEFAULT_HELLO), silent(), alive()],
  own,
)
handshake.add(
  'message-connection',
  'No preface on a message connection',
  'PRE-004 PRE-008',
  [recv('HELLO', { flags: [], channel: 0 }), send(DEFAULT_HELLO), alive()],
  { kind: 'message', options: OWN_HANDSHAKE },
)
handshake.add('second-hello', 'A second HELLO ends the connection', 'PRE-010', [
  send(DEFAULT_HELLO),
  fails('PROTOCOL_ERROR', 0),
])
handshake.add(
  'second-hello-at-once',
  'Two HELLOs in one piece',
  'PRE-010 FRM-003',
  [theirs, send(PREFACE + DEFAULT_HELLO + DEFAULT_HELLO), fails('PROTOCOL_ERROR', 0)],
  own,
)
handshake.add(
  'frame-before-hello',
  'A PING before HELLO',
  'PRE-009',
  [theirs, send(PREFACE + encode({ type: 'PING' })), fails('PROTOCOL_ERROR', 0)],
  own,
)
handshake.add(
  'ignorable-before-hello',
  'Even an ignorable frame is no first frame',
  'PRE-009',
  [theirs, send(PREFACE + frame(0x80, 0, 0)), fails('PROTOCOL_ERROR', 0)],
  own,
)
handshake.add(
  'hello-timeout-silence',
  'Nothing at all arrives within 10 s',
  'PRE-011',
  [theirs, now(9_999), silent(), now(10_000), fails('HELLO_TIMEOUT', 0)],
  own,
)
handshake.add(
  'hello-timeout-half',
  'Half of a HELLO does not stop the clock',
  'PRE-011',
  [
    theirs,
    send(PREFACE + DEFAULT_HELLO.slice(0, 60)),
    now(9_000),
    send(DEFAULT_HELLO.slice(60, 70)),
    now(10_000),
    fails('HELLO_TIMEOUT', 0),
  ],
  own,
)
handshake.add(
  'hello-timeout-option',
  'A shorter time for HELLO',
  'PRE-011',
  [theirs, send(PREFACE), now(2_000), fails('HELLO_TIMEOUT', 0)],
  { options: { ...OWN_HANDSHAKE, helloTimeoutMs: 2_000 } },
)
handshake.add(
  'version',
  'Another version is reported here and nothing is sent',
  'PRE-005 PRE-007',
  [
    theirs,
    send(hex('89505058 32 0d0a1a')),
    silent('no GOAWAY: the other side sees it in the preface too'),
    closed('VERSION'),
  ],
  own,
)
handshake.add(
  'foreign-preface',
  'TLS on a plain port is reported here and nothing is sent',
  'PRE-006 PRE-007',
  [theirs, send(hex('16030102')), silent(), closed('PROTOCOL_ERROR')],
  own,
)
handshake.add(
  'foreign-first-byte',
  'One wrong byte is enough',
  'PRE-006 PRE-007',
  [theirs, send('88'), silent(), closed('PROTOCOL_ERROR')],
  own,
)
handshake.add(
  'self-connect',
  'A HELLO with the own instance',
  'PRE-017',
  [theirs, send(PREFACE + hello({ idleMs: 0, instance: INSTANCE_UNDER_TEST })), fails('SELF_CONNECT', 0)],
  own,
)
handshake.add(
  'below-floor',
  'A HELLO with a channel window below the floor',
  'PRE-014',
  [theirs, send(PREFACE + hello({ idleMs: 0, rxBytes: 16_383 })), fails('PROTOCOL_ERROR', 0)],
  own,
)
handshake.add(
  'later-version-of-hello',
  'Unknown feature bits, prefix bytes and entries are no obstacle',
  'PRE-013',
  [
    greet(
      hello({
        idleMs: 0,
        features: 0xffffffff,
        reserved: 0x1234,
        more: 'ffffffffffffffff',
        headers: [h('peer', 'p'), h('#c0', '00')],
      }),
    ),
    alive(),
  ],
  own,
)
handshake.add(
  'early-call',
  'A call in one piece with the HELLO, before the answer to it was read',
  'PRE-020 FRM-003',
  [
    theirs,
    send(PREFACE + DEFAULT_HELLO + open(1, 'echo', ['FIN', 'MSG'], { payload: '6869' })),
    recv('DATA', { channel: -1, flags: ['MSG'], payload: '6869' }),
    recv('DATA', { channel: -1, flags: ['FIN'], payload: '' }),
  ],
  own,
)
handshake.add(
  'early-open',
  'The implementation opens channels before the other HELLO, at most 16 of them',
  'PRE-018 PRE-019 IDS-001',
  [
    theirs,
    Array.from({ length: 17 }, () => act('open', { name: 'x', isLast: true })),
    Array.from({ length: 16 }, (_, at) => recv('OPEN', { channel: at + 1, flags: ['FIN'], name: 'x' })),
    silent('the 17th waits'),
    send(PREFACE + DEFAULT_HELLO),
    recv('OPEN', { channel: 17 }),
  ],
  own,
)
handshake.add(
  'early-message-waits',
  'A message above the early floor of 64 KiB waits for the other HELLO',
  'PRE-018',
  [
    theirs,
    act('open', { name: 'x', message: { hex: '61', repeat: 70_000 }, isLast: true }),
    silent(),
    act('expect', { channel: 1, messages: [] }),
  ],
  { ...own, comment: 'How it is cut into frames afterwards is free, so the transcript ends here.' },
)

export const auth = new Area('auth')
const auth1 = { options: { auth: true } }
const CALL = open(1, 'echo', ['FIN', 'MSG'], { payload: '6869' })

auth.add(
  'hello',
  'An endpoint that authenticates announces little',
  'AUT-001',
  [
    recvBytes(PREFACE),
    recv('HELLO', { connBytes: 65_536 }),
    send(PREFACE + DEFAULT_HELLO),
    silent('no CREDIT before the verdict'),
    alive(),
  ],
  { options: { ...OWN_HANDSHAKE, auth: true } },
)
auth.add(
  'admitted',
  'A call waits for the verdict and is then served, behind CREDIT 0',
  'AUT-002 AUT-003 AUT-005 AUT-006',
  [
    send(CALL),
    silent('held'),
    alive(),
    act('admit'),
    recv('CREDIT', { channel: 0, openLimit: 1_024 }),
    recv('DATA', { channel: -1, flags: ['MSG'], payload: '6869' }),
    recv('DATA', { channel: -1, flags: ['FIN'] }),
  ],
  auth1,
)
auth.add(
  'unknown-name-held',
  'Nothing tells before the verdict which names exist',
  'AUT-003',
  [
    send(open(1, 'nosuch', ['FIN', 'MSG'], { payload: '61' })),
    silent(),
    act('admit'),
    recv('CREDIT', { channel: 0 }),
    recv('END', { channel: -1, flags: ['NOPROC'], code: 12 }),
  ],
  auth1,
)
auth.add(
  'refused',
  'A refused peer learns that nothing was processed',
  'AUT-003 AUT-007',
  [send(CALL), silent(), act('refuseAuth'), fails('AUTH', 0)],
  auth1,
)
auth.add(
  'reset-while-held',
  'A held call that is cancelled never starts',
  'AUT-004',
  [send(CALL), send(reset(1, 1)), silent(), act('admit'), recv('CREDIT', { channel: 0 }), silent(), alive()],
  auth1,
)
auth.add(
  'no-verdict',
  'No verdict within the time for HELLO',
  'AUT-008',
  [send(CALL), now(9_999), silent(), now(10_000), fails('HELLO_TIMEOUT', 0)],
  auth1,
)
auth.add(
  'violation-while-held',
  'A violation before the verdict ends the connection with lastId 0: application code was kept from all channels',
  'ERR-018 FRM-011',
  [send(CALL), send(frame(0x00, 0, 0)), fails('PROTOCOL_ERROR', 0)],
  auth1,
)

export const keepalive = new Area('keepalive')
const idle = { options: { idleTimeoutMs: 6_000 } }
const PARTIAL = frame(0x80, 0, 0, '', text('a frame that arrives bit by bit'))

keepalive.add(
  'ping-when-silent',
  'A PING when nothing was sent for a third of the announced time',
  'KEE-003 KEE-007',
  [
    greet(hello({ idleMs: 3_000 })),
    now(1_000),
    recv('PING', { channel: 0, flags: [] }),
    pong(),
    now(2_000),
    recv('PING'),
    pong(),
    now(3_000),
    recv('PING'),
  ],
  own,
)
keepalive.add(
  'one-ping-at-a-time',
  'No second PING while one is unanswered',
  'KEE-005',
  [
    greet(hello({ idleMs: 3_000 })),
    now(1_000),
    recv('PING'),
    now(9_000),
    silent(),
    pong(),
    now(10_000),
    recv('PING'),
  ],
  own,
)
keepalive.add('no-ping-for-idle-0', 'Nothing is owed to a peer that never gives up', 'KEE-003', [
  now(40_000),
  silent(),
  alive(),
])
keepalive.add(
  'idle-expiry',
  'Nothing arrives for the announced time',
  'KEE-001',
  [now(5_999), silent(), now(6_000), fails('IDLE_TIMEOUT', 0)],
  idle,
)
keepalive.add('idle-expiry-default', 'Nothing arrives for 45 s', 'KEE-001', [
  now(44_000),
  alive(),
  now(88_000),
  silent(),
  now(89_000),
  fails('IDLE_TIMEOUT', 0),
])
keepalive.add(
  'part-of-a-frame-counts',
  'Every byte counts as life, also in the middle of a frame',
  'KEE-001 KEE-002',
  [
    now(5_000),
    send(PARTIAL.slice(0, 26)),
    now(10_000),
    send(PARTIAL.slice(26, 28)),
    now(15_000),
    send(PARTIAL.slice(28)),
    alive(),
    now(20_999),
    silent(),
    now(21_000),
    fails('IDLE_TIMEOUT', 0),
  ],
  idle,
)
keepalive.add('idle-0', 'With idleMs 0 nothing expires', 'KEE-001', [now(1_000_000), silent(), alive()], {
  options: { idleTimeoutMs: 0 },
})
keepalive.add('newest-ping-answered', 'Each PING that comes alone is answered with its bytes', 'KEE-006', [
  send(encode({ type: 'PING', payload: 'ffffffffffffffff' })),
  recv('PONG', { channel: 0, flags: [], payload: 'ffffffffffffffff' }),
  send(encode({ type: 'PING', payload: '0000000000000000' })),
  recv('PONG', { payload: '0000000000000000' }),
])
keepalive.add('unsolicited-pong', 'A PONG that answers nothing is ignored', 'KEE-008', [
  send(encode({ type: 'PONG', payload: 'abababababababab' })),
  silent(),
  alive(),
])
