// Owns: the vectors of the first bytes of a byte connection.
// Must not know: how vectors are numbered and written.
import { complete, encode, hello, INSTANCE, PREFACE } from './frames.mjs'
import { hex, text } from './hex.mjs'
import { Suite } from './suite.mjs'

export const preface = new Suite('preface')

const start = preface.decode('from the very first byte of a byte connection', { state: 'preface' })
const whole = { type: 'PREFACE', flags: [], channel: 0 }

start.validBytes('the preface alone', PREFACE, whole, 'PRE-003')
start.validBytes(
  'the preface and a HELLO in one piece',
  PREFACE + hello(),
  { ...whole, next: complete({ type: 'HELLO', instance: INSTANCE }) },
  'PRE-003 PRE-008',
)

const foreign = (/** @type {string} */ comment, /** @type {string} */ bytes, flags = 'FOREIGN') =>
  start.invalid(comment, hex(bytes), 'PROTOCOL_ERROR', 'PRE-006', flags)
foreign('byte 1 is ASCII', '47', 'BOUNDARY')
foreign('byte 1 without its top bit: a 7-bit transport', '09505058310d0a1a')
foreign('byte 1 one too high', '8a', 'BOUNDARY')
foreign('byte 2 differs', '8951', 'BOUNDARY')
foreign('byte 2 in lower case', '8970')
foreign('byte 3 differs', '895051', 'BOUNDARY')
foreign('byte 4 differs', '89505059', 'BOUNDARY')
foreign('byte 4 differs and byte 5 too: not another version', '8950505932', 'ORDER')
foreign('byte 6 differs', '89505058310a', 'BOUNDARY')
foreign('CR LF became LF', '89505058310a1a')
foreign('LF became CR LF, so that CR stands twice', '89505058310d0d0a1a')
foreign('byte 7 differs', '89505058310d0d', 'BOUNDARY')
foreign('CR LF became CR', '89505058310d1a')
foreign('byte 8 differs', '89505058310d0a1b', 'BOUNDARY')
foreign('SUB was taken as end of file and dropped', '89505058310d0a4b')
foreign('the preface as UTF-8 of its Latin-1 characters', 'c28950505831')
foreign('the preface in UTF-16', '890050005000580031000d000a001a00')
foreign('a byte order mark before the preface', 'efbbbf89505058310d0a1a')
foreign('TLS 1.x: a ClientHello on a plain port', '1603010200010001fc0303')
foreign('SSH', text('SSH-2.0-OpenSSH_9.6\r\n'))
foreign('the preface of HTTP/2', text('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'))
foreign('an HTTP request', text('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'))
foreign('JSON', text('{"jsonrpc":"2.0","method":"echo","id":1}'))
foreign('zeros', '00000000000000000000000000000000')
foreign('PNG, whose signature has the same idea', '89504e470d0a1a0a')
foreign('no preface but a HELLO at once, as on a message connection', hello())

const version = (/** @type {string} */ comment, /** @type {string} */ bytes) =>
  start.invalid(comment, hex(bytes), 'VERSION', 'PRE-005')
version('version 2', '89505058320d0a1a')
version('version 2, seen after five bytes', '8950505832')
version('version 0, just below', '8950505830')
version('a version of more than one digit', '895050583a')
version('version byte zero', '8950505800')
version('version byte with all bits set', '89505058ff')
version('version 2 and after it something else', '8950505832474554')
version('the version byte is missing: CR in its place', '895050580d0a1a')

const afterwards = preface.decode('the preface is right, what follows is not', { state: 'preface' })
afterwards.invalid(
  'the preface twice: the second one is no frame',
  `${PREFACE + PREFACE}00000000`,
  'FRAME_SIZE',
  'FRM-006',
)
afterwards.invalid(
  'a PING right after the preface',
  PREFACE + encode({ type: 'PING' }),
  'PROTOCOL_ERROR',
  'PRE-009',
)
afterwards.invalid(
  'zeros after the preface',
  `${PREFACE}${'00'.repeat(12)}`,
  'PROTOCOL_ERROR',
  'FRM-011',
  'FOREIGN',
)
afterwards.invalid(
  'text after the preface',
  PREFACE + text('hello, world'),
  'FRAME_SIZE',
  'FRM-006',
  'FOREIGN',
)
