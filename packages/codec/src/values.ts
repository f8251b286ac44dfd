// Owns: what a JavaScript value is to the codecs that carry values (json, msgpack), the same for both, and the words for what
// they do not carry.
// Must not know: any encoding.
import { type Path, tooLargeToSend, unsendable } from './errors.js'

/** A plain object: made by a literal, by JSON.parse, with no prototype, or so made in another realm. */
export const PLAIN = 0
export const ARRAY = 1
/** ArrayBuffer, SharedArrayBuffer or a view of one. */
export const BYTES = 2
export const DATE = 3
/** A stream: an async iterable, a readable or a writable. It travels as a reference or not at all. */
export const STREAM = 4
/** It says itself what stands for it: it has a toJSON method. */
export const CONVERTIBLE = 5
export const MAP = 6
const REFUSED = 7

/** Members that tell a kind; all of them are read from objects that may have anything under these names. */
interface Probe {
  readonly toJSON?: unknown
  readonly getReader?: unknown
  readonly getWriter?: unknown
  readonly [Symbol.asyncIterator]?: unknown
}

export function kindOf(value: object): number {
  if (Array.isArray(value)) return ARRAY
  const probe = value as Probe
  if (isPlain(value)) {
    if (probe[Symbol.asyncIterator] !== undefined) return STREAM
    return typeof probe.toJSON === 'function' ? CONVERTIBLE : PLAIN
  }
  if (ArrayBuffer.isView(value) || isArrayBuffer(value)) return BYTES
  if (value instanceof Date) return DATE
  if (
    probe[Symbol.asyncIterator] !== undefined ||
    typeof probe.getReader === 'function' ||
    typeof probe.getWriter === 'function'
  ) {
    return STREAM
  }
  if (typeof probe.toJSON === 'function') return CONVERTIBLE
  return value instanceof Map ? MAP : REFUSED
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  // A prototype without a prototype is the Object.prototype of this or another realm.
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null
}

function isArrayBuffer(value: object): value is ArrayBufferLike {
  // Browsers hide SharedArrayBuffer from pages that are not isolated.
  return (
    value instanceof ArrayBuffer ||
    (typeof SharedArrayBuffer !== 'undefined' && value instanceof SharedArrayBuffer)
  )
}

/** The bytes behind a value of kind BYTES; borrows its memory. Elements of a typed array appear in the machine's byte order. */
export function bytesOf(value: object): Uint8Array {
  if (value instanceof Uint8Array) return value
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  return new Uint8Array(value as ArrayBuffer)
}

/** Whether codec `raw` takes it. */
export function isBytes(value: unknown): value is object {
  return typeof value === 'object' && value !== null && (ArrayBuffer.isView(value) || isArrayBuffer(value))
}

/** What stands for a value of kind CONVERTIBLE at `path`. As in JSON, it is not asked again what stands for that. */
export function converted(codec: string, path: Path, value: object): unknown {
  const stand = (value as { toJSON(key: string): unknown }).toJSON(String(path.at(-1) ?? ''))
  if (typeof stand === 'object' && stand !== null && kindOf(stand) === CONVERTIBLE) {
    throw unsendable(
      codec,
      path,
      'has a toJSON method that returns an object with another one',
      'return a plain object, an array or a primitive',
    )
  }
  return stand
}

/**
 * Makes `__proto__` an own property that is readable but not enumerable: an ordinary assignment would change the prototype,
 * and an enumerable property would do so later, when a program copies it with Object.assign or a merge loop.
 */
export function hideProto(object: object, value: unknown): void {
  Object.defineProperty(object, '__proto__', { value, enumerable: false, writable: true, configurable: true })
}

/** What a value is, in words: "a function", "an instance of User". */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value !== 'object') return `a ${typeof value}`
  // Not the object's own `constructor`, which may be data.
  const prototype = Object.getPrototypeOf(value)
  if (prototype === null) return 'an object'
  const maker: unknown = prototype.constructor
  const name = typeof maker === 'function' ? maker.name : ''
  if (name === '') return 'an instance of a class'
  if (name === 'Object') return 'an object'
  const needsNoIntroduction = ArrayBuffer.isView(value) || BUILT_IN.has(maker)
  return needsNoIntroduction ? `${/^[AEIO]/.test(name) ? 'an' : 'a'} ${name}` : `an instance of ${name}`
}

const BUILT_IN: ReadonlySet<unknown> = new Set([Array, ArrayBuffer, Date, Error, Map, Promise, RegExp, Set])

/** The error for a Map, at `path`, with a key that is no string. */
export function badMapKey(codec: string, path: Path, key: unknown): Error {
  return unsendable(
    codec,
    path,
    `is a Map with a key of type ${typeof key}`,
    'use string keys, or send [...map]',
  )
}

/** The error for a Date that holds no time. */
export function noTime(codec: string, path: Path): Error {
  return unsendable(codec, path, 'is a Date without a valid time', 'send null in its place')
}

/** The error for a value that codecs of values do not carry. */
export function refusal(codec: string, path: Path, value: unknown): Error {
  if (typeof value === 'function') {
    return unsendable(
      codec,
      path,
      'is a function, and functions as arguments are not available on this call',
      'use a call that carries references, or send data instead',
    )
  }
  if (typeof value === 'object' && value !== null && kindOf(value) === STREAM) {
    return unsendable(
      codec,
      path,
      'is a stream, and streams inside a value are not available on this call',
      'make the stream itself the argument, or use a call that carries references',
    )
  }
  return unsendable(codec, path, `is ${describe(value)}`, hintFor(value))
}

function hintFor(value: unknown): string {
  if (typeof value === 'symbol') return 'send its description'
  if (value instanceof Promise) return 'await it first'
  if (value instanceof Set) return 'send [...set]'
  if (value instanceof Error) return 'throw it where it shall arrive as an error, or send { name, message }'
  if (value instanceof RegExp) return 'send its source and its flags'
  return 'send a plain object, or give the class a toJSON method that makes one'
}

/** The error for a value that is nested deeper than `maxDepth`: circular, or merely deep. */
export function tooDeep(codec: string, root: unknown, path: Path, maxDepth: number): Error {
  const end = cycleEnd(root, path)
  if (end < 0) return tooLargeToSend(codec, path, 'maxDepth', maxDepth)
  return unsendable(
    codec,
    path.slice(0, end + 1),
    'is circular: it leads back to an object around it',
    'send an id in its place',
  )
}

/**
 * The step in `path` at which an object comes again inside itself, or -1: tells a value that is circular from one that is
 * merely deep. Only called when the depth has run out, so that nothing is remembered on the way that succeeds.
 */
function cycleEnd(root: unknown, path: Path): number {
  const seen = new Set<unknown>([root])
  let value = root
  for (const [index, step] of path.entries()) {
    if (typeof value !== 'object' || value === null) return -1
    value = value instanceof Map ? value.get(step) : (value as Record<string | number, unknown>)[step]
    if (seen.has(value)) return index
    seen.add(value)
  }
  return -1
}
