// Owns: transcripts of the economy counter and of references.
// Must not know: how transcripts are numbered and written.
import { encode, frame, h } from './frames.mjs'
import {
  Area,
  act,
  alive,
  CODE,
  credit,
  data,
  end,
  fails,
  now,
  open,
  recv,
  ref,
  reset,
  send,
  silent,
  stop,
} from './steps.mjs'

const FIRST = { payload: '6869' }
const opened = [act('open', { name: 'x' }), recv('OPEN', { channel: 1 })]

export const economy = new Area('economy')
const poor = (/** @type {number} */ economyCap, more = {}) => ({ options: { economyCap, ...more } })
const PING = encode({ type: 'PING' })

economy.add(
  'pings',
  'PING costs 1',
  'LIM-006',
  [send(PING), recv('PONG'), send(PING), recv('PONG'), send(PING), fails('ENHANCE_CALM', 0, ['PONG'])],
  poor(2),
)
economy.add(
  'refill',
  'The counter is refilled every 10 s',
  'LIM-006',
  [
    send(PING),
    recv('PONG'),
    send(PING),
    recv('PONG'),
    now(10_000),
    send(PING),
    recv('PONG'),
    send(PING),
    fails('ENHANCE_CALM', 0, ['PONG']),
  ],
  poor(2, { economyRefill: 1 }),
)
economy.add(
  'pongs',
  'A PONG that answers nothing costs 1',
  'LIM-006 KEE-008',
  [send(encode({ type: 'PONG', payload: 'abababababababab' }).repeat(3)), fails('ENHANCE_CALM', 0)],
  poor(2),
)
economy.add(
  'ignorable',
  'An ignorable frame costs 1',
  'LIM-006 FRM-013',
  [send(frame(0x80, 0, 0).repeat(3)), fails('ENHANCE_CALM', 0)],
  poor(2),
)
economy.add(
  'tiny-fragments',
  'A fragment below 512 bytes that is not the last costs 1',
  'LIM-006',
  [
    send(open(1, 'sink')),
    send(data(1, ['MSG', 'MORE'], '61'.repeat(511)).repeat(2)),
    alive(),
    send(data(1, ['MSG', 'MORE'], '61')),
    fails('ENHANCE_CALM', 1),
  ],
  poor(3),
)
economy.add(
  'fragments-of-512',
  'Fragments of 512 bytes and last fragments cost nothing',
  'LIM-006',
  [
    send(open(1, 'sink')),
    send(data(1, ['MSG', 'MORE'], '61'.repeat(512)).repeat(4) + data(1, ['MSG'], '61')),
    silent(),
    alive(),
  ],
  poor(1),
)
economy.add(
  'idle-channel-credit',
  'CREDIT n when nothing was charged since the previous one costs 1',
  'LIM-006',
  [
    opened,
    send(credit(-1, 262_145, 16_384), 'free: OPEN was charged'),
    send([1, 2, 3].map((more) => credit(-1, 262_145 + more, 16_384)).join('')),
    fails('ENHANCE_CALM', 0),
  ],
  poor(2),
)
economy.add(
  'idle-connection-credit',
  'CREDIT 0 when nothing was charged and no channel ended costs 1',
  'LIM-006',
  [send([1, 2, 3].map((more) => credit(0, 4_194_304 + more, 1_024)).join('')), fails('ENHANCE_CALM', 0)],
  poor(2),
)
/** Frames for a closed channel. @type {[string, string][]} */
const LATE = [
  ['end', end(1, 2)],
  ['reset', reset(1, 1)],
  ['stop', stop(1)],
  ['credit', credit(1, 1, 1)],
]
for (const [name, bytes] of LATE) {
  economy.add(
    `closed-${name}`,
    `${name.toUpperCase()} for a closed channel costs 1`,
    'LIM-006 STA-015',
    [send(open(1, 'fail')), recv('END'), send(bytes.repeat(3)), fails('ENHANCE_CALM', 1)],
    poor(2),
  )
}
economy.add(
  'second-stop',
  'A second STOP on a live channel costs 1',
  'LIM-006 STA-011',
  [
    opened,
    send(stop(-1)),
    recv('DATA', { channel: 1, flags: ['FIN'] }),
    send(stop(-1).repeat(3)),
    fails('ENHANCE_CALM', 0),
  ],
  poor(2),
)
economy.add(
  'headers-again',
  'Metadata without a message costs 1 from the second time on',
  'LIM-006',
  [
    send(open(1, 'sink')),
    send(data(1, [], '', { headers: [h('x', '')] }).repeat(4)),
    fails('ENHANCE_CALM', 1),
  ],
  poor(2),
)
economy.add(
  'opens-over-limit',
  'An OPEN beyond the limit costs 2',
  'LIM-006 OCR-003',
  [
    send(open(1, 'echo')),
    recv('RESET', { channel: -1, code: CODE.REFUSED, skip: ['CREDIT'] }),
    send(open(2, 'echo')),
    fails('ENHANCE_CALM', undefined, ['CREDIT', 'RESET']),
  ],
  poor(3, { maxOpenChannels: 0 }),
)
economy.add(
  'empty-messages-of-the-transport',
  'An empty message of the transport costs 1',
  'LIM-006 WST-005',
  [send(''), send(''), silent(), send(''), fails('ENHANCE_CALM', 0)],
  {
    kind: 'message',
    ...poor(2),
  },
)
economy.add(
  'work-earns',
  'A message earns 1 and a finished channel 3',
  'LIM-006',
  [
    send(frame(0x80, 0, 0).repeat(2), 'nothing is left of 2'),
    send(open(1, 'echo', ['FIN', 'MSG'], FIRST)),
    recv('DATA', { channel: -1, flags: ['MSG'] }),
    recv('DATA', { channel: -1, flags: ['FIN'] }),
    send(frame(0x80, 0, 0).repeat(2), 'it is 2 again, the cap'),
    silent(),
    send(frame(0x80, 0, 0)),
    fails('ENHANCE_CALM', 1),
  ],
  poor(2),
)
economy.add(
  'free-of-charge',
  'RESET of live channels and DATA for closed ones cost nothing',
  'LIM-006 OCR-003',
  [
    send([1, 2, 3].map((channel) => open(channel, 'sink') + reset(channel, 1)).join('')),
    send([1, 2, 3].map((channel) => data(channel, ['MSG'], '61')).join('')),
    silent(),
    alive(),
  ],
  poor(1),
)

export const references = new Area('references')
const element = (/** @type {number} */ refId, isRetained = false) =>
  `${refId.toString(16).padStart(2, '0')}00000000${isRetained ? '01' : '00'}0000`
const exporting = (/** @type {string} */ refs) => [
  act('open', { name: 'x', message: '61', isLast: true, headers: [h('refs', refs)] }),
  recv('OPEN', { channel: 1, headers: [h('refs', refs)] }),
]

references.add('release-of-nothing', 'REF when nothing was exported', 'REF-007', [
  send(ref([1, 1])),
  fails('PROTOCOL_ERROR', 0),
])
references.add('release-above-highest', 'REF for an id above the highest', 'REF-007', [
  exporting(element(1, true)),
  send(ref([2, 1])),
  fails('PROTOCOL_ERROR', 0),
])
references.add('release-too-often', 'REF with a count above what was retained', 'REF-008', [
  exporting(element(1, true)),
  send(ref([1, 2])),
  fails('PROTOCOL_ERROR', 0),
])
references.add('release-of-borrowed', 'REF for a live reference that was never retained', 'REF-008', [
  exporting(element(1)),
  send(ref([1, 1])),
  fails('PROTOCOL_ERROR', 0),
])
references.add('release-twice', 'The second release of a reference on a live channel', 'REF-008', [
  exporting(element(1, true)),
  send(ref([1, 1])),
  silent(),
  send(ref([1, 1])),
  fails('PROTOCOL_ERROR', 0),
])
references.add(
  'release-after-close',
  'A retained reference outlives its channel, and a release too many is ignored when it is gone',
  'REF-003 REF-009',
  [
    exporting(element(1, true)),
    send(data(-1, ['FIN', 'MSG'], '62')),
    send(ref([1, 1])),
    send(ref([1, 1]), 'freed already'),
    silent(),
    alive(),
  ],
)
references.add(
  'release-of-freed',
  'REF for a reference that ended with its channel is ignored',
  'REF-002 REF-009',
  [exporting(element(1)), send(data(-1, ['FIN', 'MSG'], '62')), send(ref([1, 1])), silent(), alive()],
)
references.add('retained-twice', 'A reference that was sent twice is released twice', 'REF-003 REF-005', [
  exporting(element(1, true) + element(1, true)),
  send(ref([1, 2])),
  silent(),
  alive(),
])
references.add('zero', 'REF with refId 0 behind a right element', 'REF-006', [
  exporting(element(1, true)),
  send(frame('REF', 0, 0, '', '01000000010000000000000001000000')),
  fails('PROTOCOL_ERROR', 0),
])
references.add('call-of-nothing', '`~ref` for a reference that does not exist', 'REF-010', [
  send(open(1, '~ref', ['FIN', 'MSG'], { ...FIRST, headers: [h('ref', 1)] })),
  recv('END', { channel: -1, flags: ['NOPROC'], code: CODE.REF_GONE }),
  alive(),
])
references.add('call-without-ref', '`~ref` that does not say which', 'REF-011', [
  send(open(1, '~ref', ['FIN', 'MSG'], FIRST)),
  recv('END', { channel: -1, flags: ['NOPROC'], code: CODE.INVALID_ARGUMENT }),
  alive(),
])
references.add('call', '`~ref` for a live reference, in the other direction', 'REF-001', [
  exporting(element(1)),
  send(open(1, '~ref', ['FIN', 'MSG'], { ...FIRST, headers: [h('ref', 1)] })),
  recv('DATA', { channel: -1, flags: ['MSG'], payload: '6869' }),
  recv('DATA', { channel: -1, flags: ['FIN'] }),
])
references.add('call-after-close', '`~ref` for a reference that ended with its channel', 'REF-002 REF-010', [
  exporting(element(1)),
  send(data(-1, ['FIN', 'MSG'], '62')),
  send(open(1, '~ref', ['FIN', 'MSG'], { ...FIRST, headers: [h('ref', 1)] })),
  recv('END', { channel: -1, flags: ['NOPROC'], code: CODE.REF_GONE }),
])
references.add(
  'too-many',
  'A message that would bring too many references ends its channel',
  'REF-014',
  [
    send(open(1, 'sink', ['MSG'], { ...FIRST, headers: [h('refs', element(1) + element(2))] })),
    recv('END', { channel: -1, flags: ['NOPROC'], code: CODE.RESOURCE_EXHAUSTED }),
    alive(),
  ],
  { options: { maxExportedRefs: 1 } },
)
references.add(
  'too-many-later',
  'Too many references on a channel that the application has',
  'REF-014 ERR-004',
  [
    send(open(1, 'sink')),
    send(data(1, ['MSG'], '61', { headers: [h('refs', element(1) + element(2))] })),
    recv('END', { channel: -1, flags: [], code: CODE.RESOURCE_EXHAUSTED }),
    silent(),
  ],
  { options: { maxExportedRefs: 1 } },
)
