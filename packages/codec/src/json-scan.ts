// Owns: what is looked at around JSON.parse: how deep and how large a payload is before, references and `__proto__` after.
// Must not know: whether a text is correct JSON; JSON.parse says that.
import type { RefImporter } from '@peerplex/wire'
import { unreadable } from './errors.js'
import { hideProto } from './values.js'

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const BLANK = 0x20

/** A string longer than this is skipped by a search instead of byte by byte; keys are usually shorter. */
const LOOPED_STRING_BYTES = 24

/** For correct JSON: containers inside each other, and values (keys not counted). Builds nothing; borrows the payload. */
export function measureJson(payload: Uint8Array): { depth: number; elementCount: number } {
  let open = 0
  let depth = 0
  let elementCount = 1
  // Directly after a bracket that opens: what comes next is the first value inside, or the bracket that closes.
  let isFresh = false
  for (let at = 0; at < payload.length; at++) {
    const byte = payload[at] as number
    if (byte <= BLANK) continue
    // Letters, digits and what else is in a number or between a key and its value: most bytes, and of no weight.
    if (byte > COMMA && byte < OPEN_BRACKET) {
      if (isFresh) elementCount++
      isFresh = false
      continue
    }
    if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) open--
    else if (isFresh || byte === COMMA) elementCount++
    isFresh = byte === OPEN_BRACKET || byte === OPEN_BRACE
    if (isFresh) {
      open++
      if (open > depth) depth = open
    } else if (byte === QUOTE) at = endOfString(payload, at)
  }
  return { depth, elementCount }
}

/** Where the string that begins at `start` ends, or the end of the payload. */
function endOfString(payload: Uint8Array, start: number): number {
  const loopEnd = Math.min(payload.length, start + LOOPED_STRING_BYTES)
  let at = start + 1
  while (at < loopEnd && payload[at] !== QUOTE) at += payload[at] === BACKSLASH ? 2 : 1
  while (at >= loopEnd && at < payload.length) {
    const end = payload.indexOf(QUOTE, at)
    if (end < 0) return payload.length
    // Escaped when an odd number of backslashes stands before it, none of which belongs to an escape before `at`.
    let backslashes = 0
    while (end - backslashes > at && payload[end - backslashes - 1] === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return end
    at = end + 1
  }
  return at
}

/** Whether a key of this text may be `__proto__`, written out or with escapes for some of its letters. */
export function mayNameProto(text: string): boolean {
  return text.includes('__proto__') || (text.includes('\\u00') && /\\u00[2-7]/.test(text))
}

/**
 * Puts references back and keys in order, in place: the value comes from JSON.parse and belongs to nobody else yet. With
 * `refs`, keys that begin with `$` lose one of it, and `{"$ref":i}` becomes what the importer has at i.
 */
export function restored(value: unknown, refs: RefImporter | undefined): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) value[index] = restored(item, refs)
    return value
  }
  const object = value as Record<string, unknown>
  return refs !== undefined && Object.keys(object).some((key) => key.startsWith('$'))
    ? unescaped(object, refs)
    : restoredMap(object, refs)
}

function restoredMap(object: Record<string, unknown>, refs: RefImporter | undefined): object {
  for (const key of Object.keys(object)) put(object, key, restored(object[key], refs))
  return object
}

/** For an object that is a placeholder, or has keys that lose a `$`; these are copied, so that the order stays. */
function unescaped(object: Record<string, unknown>, refs: RefImporter): unknown {
  const keys = Object.keys(object)
  if (keys.length === 1 && keys[0] === '$ref') return imported(object.$ref, refs)
  const copy: Record<string, unknown> = {}
  for (const key of keys) {
    if (key.startsWith('$') && !key.startsWith('$$')) {
      throw unreadable(
        'json',
        `in a message with references there is a key ${JSON.stringify(key.slice(0, 40))}`,
      )
    }
    put(copy, key.startsWith('$') ? key.slice(1) : key, restored(object[key], refs))
  }
  return copy
}

function imported(position: unknown, refs: RefImporter): unknown {
  const isPosition = typeof position === 'number' && Number.isInteger(position) && position >= 0
  const found = isPosition ? refs.importRef(position) : undefined
  if (found !== undefined) return found
  throw unreadable(
    'json',
    isPosition
      ? `reference ${position} is not among those that the message announces`
      : 'there is a reference without a position',
  )
}

function put(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') hideProto(object, value)
  else object[key] = value
}
