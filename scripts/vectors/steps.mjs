// Owns: the words in which transcripts are written here, and the steps that they become.
// Must not know: which transcripts there are, which ids they get.
import { encode, frame, hello, openMeta, PREFACE } from './frames.mjs'
import { byteLength } from './hex.mjs'

/** @typedef {import('./hex.mjs').Hex} Hex */
/** @typedef {Hex | { hex: Hex, repeat: number }} Part */
/** @typedef {Record<string, any>} Step */
/** @typedef {{ kind?: 'byte' | 'message', options?: Record<string, any>, comment?: string }} Setting */
/** @typedef {{ name: string, document: Record<string, any> }} Transcript */

/** What the scripted side sends before the steps begin, unless the transcript does so itself. */
export const DEFAULT_HELLO = hello({ idleMs: 0 })

/** For the codes that stand in steps. */
export const CODE = Object.freeze({
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  RESOURCE_EXHAUSTED: 8,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  UNAVAILABLE: 14,
  REFUSED: 32,
  UNSUPPORTED_CODEC: 33,
  MESSAGE_TOO_LARGE: 34,
  METADATA_TOO_LARGE: 35,
  REF_GONE: 37,
  PROTOCOL_ERROR: 64,
  VERSION: 65,
  FRAME_SIZE: 66,
  FLOW_CONTROL: 67,
  ENHANCE_CALM: 68,
  HELLO_TIMEOUT: 69,
  IDLE_TIMEOUT: 70,
  SELF_CONNECT: 71,
  AUTH: 73,
})

export class Area {
  /** @type {Transcript[]} */
  transcripts = []
  /** @param {string} name */
  constructor(name) {
    this.name = name
  }

  /**
   * @param {string} slug
   * @param {string} title
   * @param {string} req ids with blanks between
   * @param {readonly (Step | readonly Step[])[]} steps
   * @param {Setting} [setting]
   */
  add(slug, title, req, steps, { kind = 'byte', options, comment } = {}) {
    const document = { title, comment, req: req.split(' '), kind, options, steps: steps.flat() }
    this.transcripts.push({ name: `${this.name}/${slug}`, document })
  }
}

/**
 * Bytes to the implementation under test. On a message connection one step is one message.
 * @param {Part | readonly Part[]} bytes
 * @param {string} [comment]
 * @returns {Step}
 */
export function send(bytes, comment) {
  return { send: typeof bytes === 'string' ? bytes : [bytes].flat().filter((part) => part !== ''), comment }
}

/** Answers the newest PING. @returns {Step} */
export const pong = () => ({ send: { frame: 'PONG' }, comment: 'with the bytes of the newest PING' })

/**
 * The next frame of the implementation under test.
 * @param {string} type
 * @param {Record<string, any>} [fields] those that matter; `skip` names types that may come before
 * @param {string} [comment]
 * @returns {Step}
 */
export const recv = (type, fields = {}, comment) => ({ recv: { frame: type, ...fields }, comment })

/** Exactly these bytes. @param {Hex} bytes @returns {Step} */
export const recvBytes = (bytes) => ({ recv: bytes })

/** Nothing comes. @param {string} [comment] @returns {Step} */
export const silent = (comment) => ({ recv: null, comment })

/** @param {number} ms virtual time since the start @returns {Step} */
export const now = (ms) => ({ now: ms })

/**
 * What the application of the implementation under test does.
 * @param {string} op
 * @param {Record<string, any>} [more]
 * @param {string} [comment]
 * @returns {Step}
 */
export const act = (op, more = {}, comment) => ({ do: { op, ...more }, comment })

/** @param {string | null} code @returns {Step} */
export const closed = (code) => ({ closed: code })

let pings = 0

/** Still open: a PING is answered. @param {string[]} [skip] @returns {Step[]} */
export function alive(skip) {
  pings = (pings % 200) + 1
  const payload = `a1${pings.toString(16).padStart(2, '0')}000000000000`
  return [
    send(encode({ type: 'PING', payload }), 'still open?'),
    recv('PONG', { payload, ...(skip && { skip }) }),
  ]
}

/**
 * The end by a connection error.
 * @param {keyof typeof CODE} name
 * @param {number} [lastId]
 * @param {string[]} [skip]
 * @returns {Step[]}
 */
export function fails(name, lastId, skip) {
  const fields = {
    flags: ['FINAL'],
    code: CODE[name],
    ...(lastId !== undefined && { lastId }),
    ...(skip && { skip }),
  }
  return [recv('GOAWAY', fields), closed(name)]
}

/**
 * The start of a transcript that sends its own HELLO: `bytes` after the preface, the other side's taken first.
 * @param {Hex} bytes
 * @param {'byte' | 'message'} [kind]
 * @returns {Step[]}
 */
export function greet(bytes, kind = 'byte') {
  const theirs = kind === 'byte' ? [recvBytes(PREFACE), recv('HELLO')] : [recv('HELLO')]
  return [...theirs, send((kind === 'byte' ? PREFACE : '') + bytes)]
}

/** Options of a transcript that shakes hands by itself. */
export const OWN_HANDSHAKE = Object.freeze({ handshake: 'none' })

// ---- frames of the scripted side -----------------------------------------------------------------------------------

/**
 * An OPEN of the scripted side.
 * @param {number} channel
 * @param {string} name
 * @param {string[]} [flags]
 * @param {Record<string, any>} [more]
 */
export const open = (channel, name, flags = [], more = {}) =>
  encode({ type: 'OPEN', channel, name, flags, ...more })

/**
 * A DATA of the scripted side.
 * @param {number} channel
 * @param {string[]} flags
 * @param {Hex} [payload]
 * @param {Record<string, any>} [more]
 */
export const data = (channel, flags, payload = '', more = {}) =>
  encode({ type: 'DATA', channel, flags, payload, ...more })

/** @param {number} channel @param {number} code @param {Record<string, any>} [more] */
export const end = (channel, code, more = {}) => encode({ type: 'END', channel, code, ...more })

/** @param {number} channel @param {number} code @param {string[]} [flags] */
export const reset = (channel, code, flags = []) => encode({ type: 'RESET', channel, code, flags })

/** @param {number} channel @param {number} [code] */
export const stop = (channel, code = 1) => encode({ type: 'STOP', channel, code })

/** @param {number} channel @param {number} byteLimit @param {number} countLimit */
export const credit = (channel, byteLimit, countLimit) =>
  encode({
    type: 'CREDIT',
    channel,
    byteLimit,
    ...(channel === 0 ? { openLimit: countLimit } : { messageLimit: countLimit }),
  })

/** @param {string[]} flags @param {Record<string, any>} [more] */
export const goaway = (flags, more = {}) => encode({ type: 'GOAWAY', flags, ...more })

/** @param {[refId: number, count: number][]} pairs */
export const ref = (...pairs) =>
  encode({ type: 'REF', releases: pairs.map(([refId, count]) => ({ refId, count })) })

/**
 * A frame with a long payload, without spelling it out.
 * @param {string} type
 * @param {string[]} flags
 * @param {number} channel
 * @param {number} bytes
 * @param {Hex} [meta]
 * @returns {Part[]}
 */
export function long(type, flags, channel, bytes, meta = '') {
  const head = frame(type, flags, channel, meta, '', { size: byteLength(meta) + bytes })
  return [head, { hex: '61', repeat: bytes }]
}

/** An OPEN with a long payload. @param {number} channel @param {string} name @param {string[]} flags @param {number} bytes */
export const longOpen = (channel, name, flags, bytes) =>
  long('OPEN', flags, channel, bytes, openMeta({ name }))

/** Many empty messages. @param {number} channel @param {number} count @returns {Part[]} */
export const empties = (channel, count) => [{ hex: data(channel, ['MSG']), repeat: count }]
