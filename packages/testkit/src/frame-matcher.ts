/**
 * Owns: comparing a received frame with what a test expects, and saying in words where they differ.
 * Must not know: where frames come from, `@peerplex/wire`.
 */
import { type BytesLike, equalBytes, hex, toBytes, u8, u32 } from './bytes.js'
import type { NaiveEntry, NaiveFrame, NaiveFrameOf, NaiveKind } from './naive-frames.js'

/** Expected entries by key: the value of the first one with that key; null: there must be none. */
export type EntryPattern = Readonly<Record<string, BytesLike | number | null>>

type FieldPattern<K extends NaiveKind> = {
  readonly [F in keyof Omit<
    NaiveFrameOf<K>,
    'kind' | 'at' | 'entries'
  >]?: NaiveFrameOf<K>[F] extends Uint8Array ? BytesLike : NaiveFrameOf<K>[F]
}

/** Fields that must be equal; those not named may be anything. Text stands for its UTF-8 bytes. */
export type FramePattern<K extends NaiveKind = NaiveKind> = K extends NaiveKind
  ? { readonly kind: K; readonly entries?: EntryPattern } & FieldPattern<K>
  : never

/** A kind, fields, the exact bytes of the frame, or a predicate. */
export type FrameMatcher = NaiveKind | FramePattern | Uint8Array | ((frame: NaiveFrame) => boolean)

/** Null when the frame is as expected, otherwise the first difference. */
export function frameDifference(frame: NaiveFrame, bytes: Uint8Array, matcher: FrameMatcher): string | null {
  if (typeof matcher === 'function') return matcher(frame) ? null : 'the predicate refuses it'
  if (matcher instanceof Uint8Array)
    return equalBytes(bytes, matcher) ? null : `the bytes are ${hex(bytes, 4)}, not ${hex(matcher, 4)}`
  if (typeof matcher === 'string')
    return frame.kind === matcher ? null : `kind is ${frame.kind}, not ${matcher}`
  if (frame.kind !== matcher.kind) return `kind is ${frame.kind}, not ${matcher.kind}`
  const actual = frame as unknown as Readonly<Record<string, unknown>>
  for (const [field, expected] of Object.entries(matcher)) {
    if (expected === undefined) continue
    const difference =
      field === 'entries'
        ? entryDifference((actual.entries ?? []) as NaiveEntry[], expected as EntryPattern)
        : valueDifference(field, actual[field], expected)
    if (difference !== null) return difference
  }
  return null
}

/** The expectation as text, for failure messages. */
export function describeMatcher(matcher: FrameMatcher): string {
  if (typeof matcher === 'string') return matcher
  if (typeof matcher === 'function') return 'a frame that a predicate accepts'
  if (matcher instanceof Uint8Array) return hex(matcher, 4)
  const fields = Object.entries(matcher).filter(([field]) => field !== 'kind')
  return [matcher.kind, ...fields.map(([field, value]) => `${field}=${valueText(value)}`)].join(' ')
}

function valueDifference(field: string, actual: unknown, expected: unknown): string | null {
  if (actual instanceof Uint8Array) {
    const bytes = toBytes(expected as BytesLike)
    return equalBytes(actual, bytes)
      ? null
      : `${field} is ${hex(actual)}, not ${hex(bytes)} (${valueText(expected)})`
  }
  const isEqual =
    typeof expected === 'object' ? JSON.stringify(actual) === JSON.stringify(expected) : actual === expected
  return isEqual ? null : `${field} is ${valueText(actual)}, not ${valueText(expected)}`
}

function entryDifference(entries: readonly NaiveEntry[], pattern: EntryPattern): string | null {
  for (const [key, expected] of Object.entries(pattern)) {
    const found = entries.find((entry) => entry.key === key)
    if (expected === null) {
      if (found !== undefined) return `there is an entry "${key}"`
      continue
    }
    if (found === undefined) return `there is no entry "${key}"`
    const bytes =
      typeof expected !== 'number'
        ? toBytes(expected)
        : found.value.length === 1
          ? u8(expected)
          : u32(expected)
    if (!equalBytes(found.value, bytes)) return `entry "${key}" is ${hex(found.value)}, not ${hex(bytes)}`
  }
  return null
}

function valueText(value: unknown): string {
  return value instanceof Uint8Array ? hex(value) : (JSON.stringify(value) ?? String(value))
}
