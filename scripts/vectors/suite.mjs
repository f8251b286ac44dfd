// Owns: collecting the vectors of one area in the order in which they are written down, and the meaning of their flags.
// Must not know: which vectors there are, which ids they get.
import { complete, encode } from './frames.mjs'

/** @typedef {import('./hex.mjs').Hex} Hex */
/** @typedef {import('./frames.mjs').Value} Value */
/** @typedef {{ comment: string, [field: string]: any }} Test */
/** @typedef {{ type: string, comment: string, context?: Record<string, any>, tests: Test[] }} Group */

/** What the flags of vectors mean. @type {Readonly<Record<string, { bugType: string, effect: string }>>} */
export const NOTES = {
  BOUNDARY: {
    bugType: 'off by one',
    effect: 'the last legal or the first illegal value of a field or length',
  },
  HEADER_ONLY: {
    bugType: 'late check',
    effect: 'the body is missing on purpose: the twelve header bytes decide, waiting for more is a failure',
  },
  ORDER: {
    bugType: 'order of checks',
    effect: 'two rules are broken; the code is that of the earlier check',
  },
  CLAMPED: {
    bugType: 'sign',
    effect: 'a time of 2^31 or more reads as 2^31-1; the value shows what is read',
  },
  OPAQUE: { bugType: 'strictness', effect: 'something unknown that has to be kept or skipped' },
  NON_UTF8: {
    bugType: 'text decoding',
    effect: 'bytes that are not UTF-8 where text is expected; not an error',
  },
  TRUNCATED: { bugType: 'bounds', effect: 'a part runs past the metadata section' },
  PROTOTYPE_KEY: {
    bugType: 'injection',
    effect: 'a key that means something to the runtime of some languages',
  },
  RESERVED: { bugType: 'strictness', effect: 'a value kept for later versions' },
  FOREIGN: {
    bugType: 'wrong protocol',
    effect: 'the first bytes of another protocol or of a transport that changes bytes',
  },
}

export class Suite {
  /** @type {Group[]} */
  groups = []
  /** @param {string} name */
  constructor(name) {
    this.name = name
  }

  /**
   * @param {string} comment
   * @param {Record<string, any>} [context]
   */
  decode(comment, context = { state: 'ready' }) {
    /** @type {Group} */
    const group = { type: 'decode', comment, context, tests: [] }
    this.groups.push(group)
    return new DecodeGroup(group)
  }

  /** @param {string} comment */
  encode(comment) {
    /** @type {Group} */
    const group = { type: 'encode', comment, tests: [] }
    this.groups.push(group)
    return new EncodeGroup(group)
  }
}

class DecodeGroup {
  /** @param {Group} group */
  constructor(group) {
    this.group = group
  }

  /**
   * Bytes that the value stands for, made by the encoder.
   * @param {string} comment
   * @param {Value} value fields that are missing have their default
   * @param {string} req ids with blanks between
   * @param {string} [flags] likewise
   */
  valid(comment, value, req, flags) {
    this.validBytes(comment, encode(value), complete(value), req, flags)
  }

  /**
   * Bytes by hand and what they mean.
   * @param {string} comment
   * @param {Hex} hex
   * @param {Value} value
   * @param {string} req
   * @param {string} [flags]
   */
  validBytes(comment, hex, value, req, flags) {
    this.group.tests.push({ comment, hex, result: 'valid', value, ...marks(req, flags) })
  }

  /**
   * @param {string} comment
   * @param {Hex} hex
   * @param {string} error
   * @param {string} req
   * @param {string} [flags]
   */
  invalid(comment, hex, error, req, flags) {
    this.group.tests.push({ comment, hex, result: 'invalid', error, ...marks(req, flags) })
  }
}

class EncodeGroup {
  /** @param {Group} group */
  constructor(group) {
    this.group = group
  }

  /**
   * @param {string} comment
   * @param {Value} value
   * @param {string} req
   * @param {string} [canonical] when it is known by heart, to check the encoder of this generator
   */
  canonical(comment, value, req, canonical = encode(value)) {
    const compact = canonical.replace(/\s/g, '')
    if (compact !== encode(value)) throw new Error(`${comment}: ${encode(value)} is not ${compact}`)
    this.group.tests.push({
      comment,
      result: 'valid',
      value: complete(value),
      canonical: compact,
      ...marks(req),
    })
  }
}

/**
 * @param {string} req
 * @param {string} [flags]
 */
function marks(req, flags) {
  const all = { flags: flags?.split(' '), req: req.split(' ') }
  for (const flag of all.flags ?? []) if (NOTES[flag] === undefined) throw new Error(`no flag ${flag}`)
  return all.flags === undefined ? { req: all.req } : all
}
