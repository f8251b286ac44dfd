// Owns: the vectors of END, RESET and STOP.
// Must not know: channel states, and what entries look like inside.
import { frame, h, header, MAX_U32 } from './frames.mjs'
import { u8, u16, u32 } from './hex.mjs'
import { Suite } from './suite.mjs'

export const endings = new Suite('end-reset-stop')

const end = endings.decode('END')
const ended = (
  /** @type {string} */ comment,
  /** @type {Record<string, any>} */ fields,
  req = 'ERR-002',
  flags = '',
) => end.valid(comment, { type: 'END', channel: -3, ...fields }, req, flags === '' ? undefined : flags)
ended('the lowest code', { code: 1 }, 'ERR-001', 'BOUNDARY')
ended('the highest code of gRPC', { code: 16 }, 'ERR-002', 'BOUNDARY')
ended('a code that nobody has given a name', { code: 17 }, 'ERR-002', 'RESERVED')
ended('a code of Peerplex', { code: 33 })
ended('a code that belongs on a connection, preserved all the same', { code: 64 }, 'ERR-002', 'OPAQUE')
ended('the last code before those of applications', { code: 65_535 }, 'ERR-002', 'RESERVED')
ended('the first code of applications', { code: 65_536 }, 'ERR-002', 'BOUNDARY')
ended('the highest code', { code: MAX_U32 }, 'ERR-002', 'BOUNDARY')
ended('from the opener', { channel: 3, code: 10 })
ended('NOPROC, from the acceptor', { flags: ['NOPROC'], code: 12 }, 'FRM-015')
ended(
  'with a message: the example of the text',
  { flags: ['NOPROC'], code: 12, headers: [h('message', 'no such user')] },
  'FRM-015',
)
ended(
  'with all the entries that errors have',
  { code: 8, headers: [h('message', 'busy'), h('error-type', 'Busy'), h('retry-after-ms', 250)] },
  'ERR-002',
)
ended('with details', { code: 9, payload: '7b7d' })
ended('with an entry and details', { code: 9, headers: [h('message', 'no')], payload: '7b7d' })
ended('NOPROC with details', { flags: ['NOPROC'], code: 9, payload: '7b7d' }, 'FRM-015')
ended('an empty message', { code: 9, headers: [h('message', '')] })
end.invalid('code 0', frame('END', 0, -3, u32(0)), 'PROTOCOL_ERROR', 'ERR-001', 'BOUNDARY')
end.invalid('code 0 from the opener', frame('END', 0, 3, u32(0)), 'PROTOCOL_ERROR', 'ERR-001')
end.invalid('code 0 with NOPROC', frame('END', ['NOPROC'], -3, u32(0)), 'PROTOCOL_ERROR', 'ERR-001')
end.invalid(
  'code 0 with an entry and details',
  frame('END', 0, -3, `${u32(0)}920000`, '7b7d'),
  'PROTOCOL_ERROR',
  'ERR-001',
)
end.invalid('no metadata', frame('END', 0, -3), 'FRAME_SIZE', 'FRM-009')
end.invalid('metadata of 3', frame('END', 0, -3, '010000'), 'FRAME_SIZE', 'FRM-009', 'BOUNDARY')
end.invalid('the code as payload', frame('END', 0, -3, '', u32(1)), 'FRAME_SIZE', 'FRM-009')
end.invalid(
  'metadata of 3, the body is not there yet',
  header('END', 0, -3, 8, 3),
  'FRAME_SIZE',
  'FRM-005 FRM-009',
  'HEADER_ONLY',
)
end.invalid(
  'an entry cut short',
  frame('END', 0, -3, `${u32(1)}9205006e6f`),
  'PROTOCOL_ERROR',
  'MET-003',
  'TRUNCATED',
)
end.invalid(
  'an entry that goes on in the details',
  frame('END', 0, -3, `${u32(1)}920400`, '6e6f7065'),
  'PROTOCOL_ERROR',
  'MET-003',
  'TRUNCATED',
)

const reset = endings.decode('RESET')
const wasReset = (
  /** @type {string} */ comment,
  /** @type {Record<string, any>} */ fields,
  req = 'ERR-002',
  flags = '',
) => reset.valid(comment, { type: 'RESET', channel: 7, ...fields }, req, flags === '' ? undefined : flags)
wasReset('code 0, read as CANCELLED', { code: 0 }, 'ERR-003', 'BOUNDARY')
wasReset('the opener gives up: the example of the text', { code: 1 })
wasReset('an unknown code', { code: 20 }, 'ERR-002', 'RESERVED')
wasReset('the highest code', { code: MAX_U32 }, 'ERR-002', 'BOUNDARY')
wasReset('from the acceptor', { channel: -7, code: 34 })
wasReset('NOPROC, from the acceptor', { flags: ['NOPROC'], channel: -7, code: 32 }, 'FRM-015')
wasReset('NOPROC with code 0', { flags: ['NOPROC'], channel: -7, code: 0 }, 'ERR-003')
wasReset('with entries', { channel: -7, code: 32, headers: [h('message', 'later'), h('retry-after-ms', 0)] })
reset.invalid('no metadata', frame('RESET', 0, 7), 'FRAME_SIZE', 'FRM-009')
reset.invalid('metadata of 3', frame('RESET', 0, 7, '010000'), 'FRAME_SIZE', 'FRM-009', 'BOUNDARY')
reset.invalid('the code as payload', frame('RESET', 0, 7, '', u32(1)), 'FRAME_SIZE', 'FRM-009')
reset.invalid('one byte of payload', frame('RESET', 0, 7, u32(1), '61'), 'FRAME_SIZE', 'FRM-010', 'BOUNDARY')
reset.invalid(
  'a payload, the body is not there yet',
  header('RESET', 0, 7, 5, 4),
  'FRAME_SIZE',
  'FRM-005 FRM-010',
  'HEADER_ONLY',
)
reset.invalid(
  'metadata of 5: half an entry',
  frame('RESET', 0, 7, `${u32(1)}92`),
  'PROTOCOL_ERROR',
  'MET-003',
  'TRUNCATED',
)
reset.invalid('metadata of 5: k = 00', frame('RESET', 0, 7, u32(1) + u8(0)), 'PROTOCOL_ERROR', 'MET-002')

const stop = endings.decode('STOP')
stop.valid('code 0, read as CANCELLED', { type: 'STOP', channel: 5, code: 0 }, 'ERR-003', 'BOUNDARY')
stop.valid('from the acceptor: the example of the text', { type: 'STOP', channel: -5, code: 1 }, 'ERR-002')
stop.valid('from the opener', { type: 'STOP', channel: 5, code: 1 }, 'ERR-002')
stop.valid('an unknown code', { type: 'STOP', channel: 5, code: 31 }, 'ERR-002', 'RESERVED')
stop.valid('the highest code', { type: 'STOP', channel: 5, code: MAX_U32 }, 'ERR-002', 'BOUNDARY')
const stopped = (/** @type {string} */ comment, /** @type {string} */ meta, payload = '', flags = '') =>
  stop.invalid(
    comment,
    frame('STOP', 0, 5, meta, payload),
    'FRAME_SIZE',
    'FRM-010',
    flags === '' ? undefined : flags,
  )
stopped('no body', '')
stopped('metadata of 3', '010000', '', 'BOUNDARY')
stopped('metadata of 5', `${u32(1)}00`, '', 'BOUNDARY')
stopped('a whole entry behind the code', `${u32(1)}920000`)
stopped('one byte of payload', u32(1), '61', 'BOUNDARY')
stopped('the code as payload', '', u32(1))
stopped('half of the code as payload', u16(1), u16(0))
stop.invalid(
  'metadata of 8, the body is not there yet',
  header('STOP', 0, 5, 8, 8),
  'FRAME_SIZE',
  'FRM-005 FRM-010',
  'HEADER_ONLY',
)
