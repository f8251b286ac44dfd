// Owns: transcripts of channel ids and channel states.
// Must not know: how transcripts are numbered and written.
import { h, MAX_ID } from './frames.mjs'
import {
  Area,
  act,
  alive,
  CODE,
  credit,
  data,
  end,
  fails,
  open,
  recv,
  reset,
  send,
  silent,
  stop,
} from './steps.mjs'

const FIRST = { payload: '6869' }
const SMALL_WINDOW = 2 ** 29

export const ids = new Area('ids')

/** One frame of each kind that belongs on a channel. @type {[string, (channel: number) => string][]} */
const ON_CHANNEL = [
  ['data', (channel) => data(channel, ['MSG'], '61')],
  ['end', (channel) => end(channel, 2)],
  ['reset', (channel) => reset(channel, 1)],
  ['stop', (channel) => stop(channel)],
  ['credit', (channel) => credit(channel, 2 ** 20, 2 ** 20)],
]
for (const [name, on] of ON_CHANNEL) {
  const type = name.toUpperCase()
  ids.add(`${name}-never-opened`, `${type} for an id of its sender that was never opened`, 'IDS-004', [
    send(on(1)),
    fails('PROTOCOL_ERROR', 0),
  ])
  ids.add(`${name}-never-used`, `${type} for an id that its receiver never used`, 'IDS-005', [
    send(on(-1)),
    fails('PROTOCOL_ERROR', 0),
  ])
}
ids.add('beyond-own-last', 'DATA for the id after the last one of its receiver', 'IDS-005', [
  act('open', { name: 'x' }),
  recv('OPEN', { channel: 1 }),
  send(data(-2, ['MSG'], '61')),
  fails('PROTOCOL_ERROR', 0),
])
ids.add('beyond-last-seen', 'DATA for an id above the last one seen', 'IDS-004', [
  send(open(5, 'sink')),
  send(data(6, ['MSG'], '61')),
  fails('PROTOCOL_ERROR', 5),
])
ids.add('highest-before-wrap', 'The highest id was never opened while ids have not wrapped', 'IDS-004', [
  send(open(5, 'sink')),
  send(reset(MAX_ID, 1)),
  fails('PROTOCOL_ERROR', 5),
])
ids.add('reuse-live', 'OPEN with an id that is in use', 'IDS-002', [
  send(open(1, 'sink')),
  send(open(1, 'sink')),
  fails('PROTOCOL_ERROR', 1),
])
ids.add('reuse-closed', 'OPEN with an id that was used', 'IDS-002', [
  send(open(1, 'fail')),
  recv('END', { channel: -1 }),
  send(open(1, 'echo')),
  fails('PROTOCOL_ERROR', 1),
])
ids.add('reuse-refused', 'An id that was refused is used up too', 'IDS-002 IDS-003', [
  send(open(3, 'nosuch')),
  recv('END', { channel: -3, flags: ['NOPROC'], code: CODE.UNIMPLEMENTED }),
  send(open(3, 'echo')),
  fails('PROTOCOL_ERROR'),
])
ids.add('going-back', 'OPEN with an id below the last one, in a gap', 'IDS-002', [
  send(open(5, 'sink')),
  send(open(4, 'sink')),
  fails('PROTOCOL_ERROR', 5),
])
ids.add('too-far', 'OPEN with an id that is half the range ahead', 'IDS-002', [
  send(open(SMALL_WINDOW, 'sink')),
  fails('PROTOCOL_ERROR', 0),
])
ids.add('farthest', 'OPEN with the farthest id that is new', 'IDS-002', [
  send(open(SMALL_WINDOW - 1, 'echo', ['FIN'])),
  recv('DATA', { channel: -(SMALL_WINDOW - 1), flags: ['FIN'] }),
  alive(),
])
ids.add('gap', 'Ids may be skipped, and a skipped one counts as closed', 'IDS-003 STA-014', [
  send(open(5, 'echo', ['FIN', 'MSG'], FIRST)),
  recv('DATA', { channel: -5, flags: ['MSG'], payload: '6869' }),
  recv('DATA', { channel: -5, flags: ['FIN'] }),
  send(data(3, ['MSG'], '61')),
  silent('discarded'),
  alive(),
])
const round = [open(1, 'fail'), open(SMALL_WINDOW, 'fail'), open(MAX_ID, 'fail')]
const ended = [
  recv('END', { channel: -1 }),
  recv('END', { channel: -SMALL_WINDOW }),
  recv('END', { channel: -MAX_ID }),
]
const goRound = round.flatMap((bytes, at) => [send(bytes), ended[at] ?? silent()])
ids.add('wrap', 'After the highest id comes 1 again', 'IDS-001 IDS-002', [
  goRound,
  send(open(1, 'echo', ['FIN', 'MSG'], FIRST)),
  recv('DATA', { channel: -1, flags: ['MSG'] }),
  recv('DATA', { channel: -1, flags: ['FIN'] }),
])
ids.add('wrap-and-back', 'After the wrap the highest id goes back', 'IDS-002', [
  goRound,
  send(open(1, 'sink')),
  send(open(MAX_ID, 'sink')),
  fails('PROTOCOL_ERROR', 1),
])
ids.add('wrap-live', 'Round again while channel 1 is still in use', 'IDS-002', [
  send(open(1, 'sink')),
  send(open(SMALL_WINDOW, 'sink')),
  send(open(MAX_ID, 'sink')),
  send(open(1, 'sink')),
  fails('PROTOCOL_ERROR', MAX_ID),
])
ids.add('late-after-wrap', 'After the wrap the highest id is closed, not unknown', 'IDS-004 STA-015', [
  goRound,
  send(open(1, 'sink')),
  send(reset(MAX_ID, 1)),
  silent(),
  alive(),
])
ids.add('both-open-1', 'Both sides open their channel 1 at the same time', 'IDS-001', [
  act('open', { name: 'x', message: '61', isLast: true }),
  send(open(1, 'echo', ['FIN', 'MSG'], FIRST)),
  recv('OPEN', { channel: 1, flags: ['FIN', 'MSG'], payload: '61' }),
  recv('DATA', { channel: -1, flags: ['MSG'], payload: '6869' }),
  recv('DATA', { channel: -1, flags: ['FIN'] }),
  send(data(-1, ['FIN', 'MSG'], '62')),
  act('expect', { channel: 1, messages: ['62'], isEnded: true, outcome: { code: 0 } }),
  act('open', { name: 'x' }),
  recv('OPEN', { channel: 2, flags: [] }),
])

export const states = new Area('states')

states.add('data-after-fin', 'A message after FIN', 'STA-001', [
  send(open(1, 'sink', ['FIN', 'MSG'], FIRST)),
  send(data(1, ['MSG'], '61')),
  fails('PROTOCOL_ERROR', 1),
])
states.add('second-fin', 'FIN after FIN', 'STA-001', [
  send(open(1, 'sink')),
  send(data(1, ['FIN'])),
  send(data(1, ['FIN'])),
  fails('PROTOCOL_ERROR', 1),
])
states.add('headers-after-fin', 'Metadata after FIN', 'STA-001', [
  send(open(1, 'sink', ['FIN'])),
  send(data(1, [], '', { headers: [h('x', '1')] })),
  fails('PROTOCOL_ERROR', 1),
])
states.add(
  'data-after-fin-to-opener',
  'A message after the FIN of the acceptor, while the opener still sends',
  'STA-001',
  [
    act('open', { name: 'x' }),
    recv('OPEN', { channel: 1 }),
    send(data(-1, ['FIN'])),
    send(data(-1, ['MSG'], '61')),
    fails('PROTOCOL_ERROR', 0),
  ],
)
states.add('fin-inside-message', 'FIN without the rest of the message', 'STA-002', [
  send(open(1, 'sink', ['MSG', 'MORE'], FIRST)),
  send(data(1, ['FIN'])),
  fails('PROTOCOL_ERROR', 1),
])
states.add(
  'fin-inside-message-trailers',
  'FIN with trailers and without the rest of the message',
  'STA-002',
  [
    send(open(1, 'sink')),
    send(data(1, ['MSG', 'MORE'], '61')),
    send(data(1, ['FIN', 'TRL'], '', { headers: [h('x', '1')] })),
    fails('PROTOCOL_ERROR', 1),
  ],
)
states.add(
  'fin-inside-message-after-stop',
  'FIN may cut a message that was not wanted any more',
  'STA-002 STA-012 STA-013',
  [
    send(open(1, 'stop', ['MSG', 'MORE'], FIRST)),
    recv('STOP', { channel: -1, flags: [], code: CODE.CANCELLED }),
    send(data(1, ['FIN'])),
    silent(),
    alive(),
  ],
)
states.add('stop-then-messages', 'Messages after our STOP are discarded', 'STA-012', [
  send(open(1, 'stop')),
  recv('STOP', { channel: -1 }),
  send(data(1, ['MSG'], '61')),
  send(data(1, ['MSG', 'MORE'], '62')),
  send(data(1, ['MSG'], '63')),
  act('expect', { channel: -1, messages: [] }),
  act('send', { channel: -1, message: '6f6b', isLast: true }, 'the own direction goes on'),
  recv('DATA', { channel: -1, flags: ['FIN', 'MSG'], payload: '6f6b' }),
  send(data(1, ['FIN'])),
  silent(),
  alive(),
])
states.add('stop-answered', 'STOP is answered with FIN, in the middle of a stream', 'STA-010', [
  act('open', { name: 'x', message: '61' }),
  recv('OPEN', { channel: 1, flags: ['MSG'] }),
  send(stop(-1)),
  recv('DATA', { channel: 1, flags: ['FIN'], payload: '' }),
  send(data(-1, ['FIN', 'MSG'], '6f6b')),
  act('expect', { channel: 1, messages: ['6f6b'], isEnded: true, outcome: { code: 0 } }),
])
states.add('stop-twice', 'A second STOP changes nothing', 'STA-011', [
  act('open', { name: 'x' }),
  recv('OPEN', { channel: 1 }),
  send(stop(-1)),
  recv('DATA', { channel: 1, flags: ['FIN'] }),
  send(stop(-1)),
  silent(),
  alive(),
])
states.add('stop-in-half-local', 'STOP after the own FIN is ignored', 'STA-011', [
  act('open', { name: 'x', message: '61', isLast: true }),
  recv('OPEN', { channel: 1, flags: ['FIN', 'MSG'] }),
  send(stop(-1)),
  silent(),
  send(data(-1, ['FIN', 'MSG'], '62')),
  act('expect', { channel: 1, messages: ['62'], outcome: { code: 0 } }),
])
states.add('early-answer', 'A whole answer and STOP while the upload still runs', 'STA-010 STA-012', [
  act('open', { name: 'x', message: '61' }),
  recv('OPEN', { channel: 1 }),
  send(data(-1, ['FIN', 'MSG'], '6f6b') + stop(-1)),
  recv('DATA', { channel: 1, flags: ['FIN'], payload: '' }),
  act('expect', { channel: 1, messages: ['6f6b'], outcome: { code: 0 } }),
])
states.add(
  'end-is-in-order',
  'END delivers what came whole before it and drops the rest',
  'STA-003 STA-004',
  [
    act('open', { name: 'x' }),
    recv('OPEN', { channel: 1 }),
    send(data(-1, ['MSG'], '61') + data(-1, ['MSG', 'MORE'], '62') + end(-1, 9)),
    act('expect', { channel: 1, messages: ['61'], outcome: { code: 9, delivery: 'processed' } }),
    silent('nothing answers END'),
  ],
)
states.add('reset-drops', 'RESET drops what the application has not taken', 'STA-003 STA-005', [
  act('open', { name: 'x', paused: true }),
  recv('OPEN', { channel: 1 }),
  send(data(-1, ['MSG'], '61') + reset(-1, 10)),
  act('expect', { channel: 1, messages: [], outcome: { code: 10 } }),
  silent('nothing answers RESET'),
])
states.add('late-frames', 'Everything that comes late for a closed channel is harmless', 'STA-014 STA-015', [
  send(open(1, 'sink', ['MSG'], FIRST)),
  send(reset(1, 1)),
  send(data(1, ['MSG'], '61') + data(1, ['FIN']) + data(1, [], '', { headers: [h('x', '1')] })),
  send(end(1, 2) + reset(1, 1) + stop(1) + credit(1, 1, 1)),
  silent(),
  alive(),
])
states.add(
  'late-frames-to-opener',
  'The same for a channel that its receiver gave up',
  'STA-006 STA-008 STA-014 STA-015',
  [
    act('open', { name: 'x', message: '61' }),
    recv('OPEN', { channel: 1 }),
    act('reset', { channel: 1 }),
    recv('RESET', { channel: 1, flags: [], code: CODE.CANCELLED }),
    send(data(-1, ['FIN', 'MSG'], '61') + end(-1, 2) + reset(-1, 1) + stop(-1) + credit(-1, 1, 1)),
    silent(),
    act('expect', { channel: 1, messages: [] }),
    alive(),
  ],
)
states.add('end-crosses-end', 'Both sides end a channel at the same time', 'STA-006 STA-009 STA-015', [
  send(open(1, 'sink')),
  act('fail', { channel: -1, code: 9 }),
  send(end(1, 10)),
  recv('END', { channel: -1, flags: [], code: 9 }),
  silent(),
  alive(),
])
states.add('fin-both-ways', 'A channel ends when both directions have', 'STA-016', [
  send(open(1, 'echo')),
  send(data(1, ['MSG'], '61')),
  recv('DATA', { channel: -1, flags: ['MSG'], payload: '61' }),
  send(data(1, ['FIN', 'MSG'], '62')),
  recv('DATA', { channel: -1, flags: ['MSG'], payload: '62' }),
  recv('DATA', { channel: -1, flags: ['FIN'] }),
  send(data(1, ['FIN']), 'late: discarded, no second FIN'),
  silent(),
  alive(),
])
states.add('early-headers', 'Metadata without a message is no message', 'MSG-017', [
  send(open(1, 'echo')),
  send(data(1, [], '', { headers: [h('x', '1')] })),
  silent(),
  send(data(1, ['FIN'])),
  recv('DATA', { channel: -1, flags: ['FIN'] }),
])
states.add('oneway', 'Nothing is ever sent on a one-way channel, not even an error', 'STA-018', [
  send(open(1, 'echo', ['FIN', 'MSG', 'ONEWAY'], FIRST)),
  send(open(2, 'nosuch', ['FIN', 'MSG', 'ONEWAY'], FIRST)),
  send(open(3, 'fail', ['FIN', 'ONEWAY'])),
  send(open(4, 'echo', ['FIN', 'MSG', 'ONEWAY'], { ...FIRST, codec: 9 })),
  silent(),
  alive(),
])
states.add('oneway-reset', 'The opener may still reset a one-way channel', 'STA-017 STA-018', [
  send(open(1, 'sink', ['FIN', 'ONEWAY'])),
  send(reset(1, 1)),
  silent(),
  alive(),
])
states.add('answer-to-oneway', 'An answer to a one-way reaches a closed channel', 'STA-014 STA-017', [
  act('open', { name: 'x', message: '61', isOneway: true }),
  recv('OPEN', { channel: 1, flags: ['FIN', 'MSG', 'ONEWAY'] }),
  send(data(-1, ['FIN', 'MSG'], '62') + end(-1, 2)),
  silent(),
  alive(),
])
