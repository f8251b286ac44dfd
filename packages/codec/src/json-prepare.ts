// Owns: the pass over a value before JSON.stringify: checks and limits, and a stand-in for what JSON cannot say. Untouched
// parts are handed on as they are; only what holds a stand-in is copied.
// Must not know: text and bytes.
import type { RefExporter } from '@peerplex/wire'
import { encodeFailure, type Path, tooLargeToSend, unsendable } from './errors.js'
import type { CodecLimits } from './options.js'
import {
  ARRAY,
  BYTES,
  badMapKey,
  CONVERTIBLE,
  converted,
  DATE,
  describe,
  kindOf,
  MAP,
  noTime,
  PLAIN,
  refusal,
  STREAM,
  tooDeep,
} from './values.js'

const NAME = 'json'

/** What stands for a reference; a class of its own, so that an object of the application is never taken for one. */
class Placeholder {
  readonly $ref: number

  constructor(position: number) {
    this.$ref = position
  }
}

/** For one value. */
export class JsonPreparer {
  readonly #limits: CodecLimits
  readonly #refs: RefExporter | undefined
  readonly #steps: (string | number)[] = []
  #depth = 0
  #elementsLeft: number
  #root: unknown
  #hasReference = false

  constructor(limits: CodecLimits, refs: RefExporter | undefined) {
    this.#limits = limits
    this.#refs = refs
    this.#elementsLeft = limits.maxElementCount - 1
  }

  /** What JSON.stringify shall get for `value`, which is borrowed and stays as it is. */
  prepare(value: unknown): unknown {
    this.#root = value
    try {
      const prepared = this.#value(value)
      return this.#hasReference ? escaped(prepared) : prepared
    } catch (error) {
      throw encodeFailure(NAME, this.#path(), error)
    }
  }

  #value(value: unknown): unknown {
    if (isReady(value)) return value
    switch (typeof value) {
      case 'number':
        throw unsendable(NAME, this.#path(), `is ${value}`, 'send null or a string, or use codec msgpack')
      case 'bigint':
        throw unsendable(NAME, this.#path(), 'is a bigint', 'send it as text, or use codec msgpack')
      case 'object':
        return this.#object(value as object)
      case 'function':
        if (this.#refs !== undefined) return this.#reference(value, this.#refs)
    }
    throw refusal(NAME, this.#path(), value)
  }

  #object(value: object): unknown {
    switch (kindOf(value)) {
      case ARRAY:
        return this.#array(value as readonly unknown[])
      case PLAIN:
        return this.#map(value as Readonly<Record<string, unknown>>)
      case MAP:
        return this.#map(this.#objectOf(value as ReadonlyMap<unknown, unknown>))
      case DATE:
        if (!Number.isNaN((value as Date).getTime())) return value
        throw noTime(NAME, this.#path())
      case BYTES:
        throw unsendable(
          NAME,
          this.#path(),
          `is ${describe(value)}`,
          'use codec msgpack, or send base64 text',
        )
      case CONVERTIBLE:
        return this.#value(converted(NAME, this.#path(), value))
      case STREAM:
        if (this.#refs !== undefined) return this.#reference(value, this.#refs)
    }
    throw refusal(NAME, this.#path(), value)
  }

  #array(items: readonly unknown[]): unknown {
    const depth = this.#enter(items.length)
    let copy: unknown[] | undefined
    for (let index = 0; index < items.length; index++) {
      const item = items[index]
      if (isReady(item)) continue
      const prepared = this.#child(depth, index, item)
      if (prepared !== item) {
        copy ??= [...items]
        copy[index] = prepared
      }
    }
    return copy ?? items
  }

  #map(object: Readonly<Record<string, unknown>>): unknown {
    const keys = Object.keys(object)
    const depth = this.#enter(keys.length)
    let copy: Record<string, unknown> | undefined
    for (const key of keys) {
      const value = object[key]
      if (isReady(value)) continue
      const prepared = this.#child(depth, key, value)
      if (prepared !== value) {
        copy ??= copyOf(object)
        put(copy, key, prepared)
      }
    }
    return copy ?? object
  }

  #child(depth: number, step: string | number, value: unknown): unknown {
    this.#steps[depth] = step
    this.#depth = depth + 1
    const prepared = this.#value(value)
    this.#depth = depth
    return prepared
  }

  #objectOf(map: ReadonlyMap<unknown, unknown>): Record<string, unknown> {
    const object: Record<string, unknown> = {}
    for (const [key, value] of map) {
      if (typeof key !== 'string') throw badMapKey(NAME, this.#path(), key)
      put(object, key, value)
    }
    return object
  }

  #reference(target: object, refs: RefExporter): Placeholder {
    this.#hasReference = true
    return new Placeholder(refs.exportRef(target))
  }

  /** Goes one level down, into a container of `count` values. Returns the depth to come back to. */
  #enter(count: number): number {
    const depth = this.#depth
    const { maxDepth, maxElementCount } = this.#limits
    if (depth >= maxDepth) throw tooDeep(NAME, this.#root, this.#path(), maxDepth)
    this.#elementsLeft -= count
    if (this.#elementsLeft < 0) throw tooLargeToSend(NAME, this.#path(), 'maxElementCount', maxElementCount)
    return depth
  }

  #path(): Path {
    return this.#steps.slice(0, this.#depth)
  }
}

/** What JSON.stringify writes as it is; a property that is undefined it leaves out, an item that is undefined becomes null. */
function isReady(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return true
    case 'number':
      return Number.isFinite(value)
  }
  return value === null
}

/** In a message with references a key that begins with `$` has one more of it, so that `{"$ref":0}` means only one thing. */
function escaped(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Placeholder || value instanceof Date) {
    return value
  }
  if (Array.isArray(value)) return value.map(escaped)
  const copy: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value))
    put(copy, key.startsWith('$') ? `$${key}` : key, escaped(item))
  return copy
}

function copyOf(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(object)) put(copy, key, value)
  return copy
}

/** Sets an own property under any name; under `__proto__` an assignment would set the prototype instead. */
function put(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') object[key] = value
  else Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
}
