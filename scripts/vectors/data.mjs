// Owns: the vectors of DATA: which flags, entries and payloads go together.
// Must not know: what a channel has seen before, and what entries look like inside.
import { filler, frame, h, header } from './frames.mjs'
import { u8 } from './hex.mjs'
import { Suite } from './suite.mjs'

export const data = new Suite('data')

const ENTRY = h('x-n', '1')
const ENTRY_HEX = '03782d6e010031'

const right = data.decode('every legal line of the table in section 9.2')
const valid = (
  /** @type {string} */ comment,
  /** @type {string[]} */ flags,
  /** @type {Record<string, any>} */ parts,
  req = 'MSG-011',
  marks = '',
) =>
  right.valid(comment, { type: 'DATA', flags, channel: -3, ...parts }, req, marks === '' ? undefined : marks)
valid('MSG: a message', ['MSG'], { payload: '6869' })
valid('MSG: an empty message', ['MSG'], {}, 'MSG-006')
valid('MSG: a message of one byte', ['MSG'], { payload: '61' }, 'MSG-011', 'BOUNDARY')
valid('MSG with headers', ['MSG'], { headers: [ENTRY], payload: '6869' })
valid('MSG with headers and an empty message', ['MSG'], { headers: [ENTRY] }, 'MSG-006')
valid('MSG MORE: a fragment of one byte', ['MORE', 'MSG'], { payload: '61' }, 'MSG-012', 'BOUNDARY')
valid('MSG MORE: a fragment of 511 bytes', ['MORE', 'MSG'], { payload: filler(511) }, 'MSG-012', 'BOUNDARY')
valid('MSG MORE: a fragment of 512 bytes', ['MORE', 'MSG'], { payload: filler(512) }, 'MSG-012', 'BOUNDARY')
valid('MSG MORE with headers', ['MORE', 'MSG'], { headers: [ENTRY], payload: '61' }, 'MSG-012')
valid('MSG FIN: the last message', ['FIN', 'MSG'], { payload: '6869' })
valid('MSG FIN: an empty last message or fragment', ['FIN', 'MSG'], {}, 'MSG-006')
valid('MSG FIN with headers', ['FIN', 'MSG'], { headers: [ENTRY], payload: '6869' })
valid('MSG FIN TRL with trailers', ['FIN', 'MSG', 'TRL'], { headers: [ENTRY], payload: '6869' }, 'MSG-015')
valid('MSG FIN TRL without any', ['FIN', 'MSG', 'TRL'], { payload: '6869' }, 'MSG-015')
valid(
  'MSG FIN TRL with trailers and an empty message',
  ['FIN', 'MSG', 'TRL'],
  { headers: [ENTRY] },
  'MSG-015',
)
valid('FIN: the direction ends', ['FIN'], {}, 'MSG-016')
valid('FIN TRL with trailers', ['FIN', 'TRL'], { headers: [ENTRY] }, 'MSG-016')
valid('FIN TRL without any', ['FIN', 'TRL'], {}, 'MSG-016')
valid('no flag: early headers', [], { headers: [ENTRY] }, 'MSG-017')
right.valid(
  'from the opener: a message',
  { type: 'DATA', flags: ['MSG'], channel: 3, payload: '6869' },
  'FRM-018',
)
right.valid('from the opener: FIN', { type: 'DATA', flags: ['FIN'], channel: 3 }, 'FRM-018')
right.valid('from the opener: early headers', { type: 'DATA', channel: 3, headers: [ENTRY] }, 'FRM-018')

const wrong = data.decode('every other combination')
const invalid = (
  /** @type {string} */ comment,
  /** @type {string[]} */ flags,
  /** @type {string} */ meta,
  /** @type {string} */ payload,
  /** @type {string} */ req,
) => wrong.invalid(comment, frame('DATA', flags, -3, meta, payload), 'PROTOCOL_ERROR', req)
invalid('no flag, no entries, no payload', [], '', '', 'MSG-017')
invalid('no flag, a payload', [], '', '61', 'MSG-011 MSG-017')
invalid('no flag, entries and a payload', [], ENTRY_HEX, '61', 'MSG-011')
invalid('FIN with a payload', ['FIN'], '', '61', 'MSG-011')
invalid('FIN with entries', ['FIN'], ENTRY_HEX, '', 'MSG-016')
invalid('FIN with entries and a payload', ['FIN'], ENTRY_HEX, '61', 'MSG-011 MSG-016')
invalid('FIN TRL with a payload', ['FIN', 'TRL'], '', '61', 'MSG-011')
invalid('FIN TRL with trailers and a payload', ['FIN', 'TRL'], ENTRY_HEX, '61', 'MSG-011')
invalid('MORE alone', ['MORE'], '', '', 'MSG-012 MSG-017')
invalid('MORE with a payload and without MSG', ['MORE'], '', '61', 'MSG-011 MSG-012')
invalid('MORE with entries and without MSG', ['MORE'], ENTRY_HEX, '', 'MSG-012')
invalid('MSG MORE with an empty payload', ['MORE', 'MSG'], '', '', 'MSG-012')
invalid('MSG MORE with headers and an empty payload', ['MORE', 'MSG'], ENTRY_HEX, '', 'MSG-012')
invalid('MSG MORE FIN', ['FIN', 'MORE', 'MSG'], '', '61', 'MSG-013')
invalid('MORE FIN without MSG', ['FIN', 'MORE'], '', '', 'MSG-012 MSG-013')
invalid('MSG MORE FIN TRL', ['FIN', 'MORE', 'MSG', 'TRL'], ENTRY_HEX, '61', 'MSG-013')
invalid('MSG MORE FIN with an empty payload', ['FIN', 'MORE', 'MSG'], '', '', 'MSG-012 MSG-013')
invalid('TRL alone, with entries', ['TRL'], ENTRY_HEX, '', 'MSG-015')
invalid('TRL alone, without any', ['TRL'], '', '', 'MSG-015 MSG-017')
invalid('TRL MSG without FIN', ['MSG', 'TRL'], ENTRY_HEX, '61', 'MSG-015')
invalid('TRL MSG without FIN and without entries', ['MSG', 'TRL'], '', '61', 'MSG-015')
invalid('TRL MSG MORE', ['MORE', 'MSG', 'TRL'], ENTRY_HEX, '61', 'MSG-015')
invalid('TRL MORE', ['MORE', 'TRL'], ENTRY_HEX, '', 'MSG-012 MSG-015')
const early = (
  /** @type {string} */ comment,
  /** @type {string[]} */ flags,
  /** @type {number} */ size,
  /** @type {number} */ meta,
  /** @type {string} */ req,
) =>
  wrong.invalid(
    `${comment}, the body is not there yet`,
    header('DATA', flags, 3, size, meta),
    'PROTOCOL_ERROR',
    `FRM-005 ${req}`,
    'HEADER_ONLY',
  )
early('a payload without MSG', [], 10, 8, 'MSG-011')
early('MORE FIN', ['FIN', 'MORE', 'MSG'], 600, 0, 'MSG-013')
early('TRL without FIN', ['MSG', 'TRL'], 600, 9, 'MSG-015')
early('FIN with entries', ['FIN'], 9, 9, 'MSG-016')
early('MORE without MSG in a frame of maxFrame', ['MORE'], 65_536, 0, 'MSG-012')

const order = data.decode('combinations are judged before the channel and before the entries')
order.invalid(
  'TRL without FIN on channel 0',
  frame('DATA', ['TRL'], 0, ENTRY_HEX),
  'PROTOCOL_ERROR',
  'MSG-015 FRM-016',
  'ORDER',
)
order.invalid(
  'FIN with metadata that is no entry',
  frame('DATA', ['FIN'], 3, u8(0)),
  'PROTOCOL_ERROR',
  'MSG-016 MET-002',
  'ORDER',
)
