// Owns: the words in which this library says that it was used wrongly, and the checks that options of every package go through.
// Must not know: any particular option.
import { UsageError } from './errors.js'

/** What was passed is wrong whatever the state: UsageError INVALID_ARGUMENT. */
export function invalidArgument(message: string, hint: string, cause?: unknown): UsageError {
  return new UsageError('INVALID_ARGUMENT', message, { hint, cause })
}

/** It cannot be asked for in this state: UsageError FAILED_PRECONDITION. */
export function failedPrecondition(message: string, hint: string): UsageError {
  return new UsageError('FAILED_PRECONDITION', message, { hint })
}

/** Throws INVALID_ARGUMENT unless `value` is a whole number in the range. `what` names it; `orElse` comes before the least. */
export function assertWhole(what: string, value: unknown, min: number, max: number, orElse = ''): void {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return
  throw invalidArgument(
    `${what} is ${showScalar(value)}`,
    `give a whole number from ${orElse}${min} to ${max}`,
  )
}

/** Throws INVALID_ARGUMENT for a name in `given` that `known` does not have; `kind` is `limit`, `option`, … */
export function assertKnown(kind: string, given: object, known: object, path = ''): void {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(known, name))
  if (unknown === undefined) return
  const names = Object.keys(known).map((name) => path + name)
  throw invalidArgument(`there is no ${kind} '${path}${unknown}'`, `the ${kind}s are ${names.join(', ')}`)
}

/** Fills in defaults and checks names and ranges; the result is frozen. Throws INVALID_ARGUMENT that names the limit. */
export function resolveLimits<T extends object>(
  kind: string,
  given: Partial<T>,
  defaults: T,
  ranges: Readonly<Record<keyof T, readonly [min: number, max: number, ...rest: unknown[]]>>,
): T {
  assertKnown(kind, given, ranges)
  const resolved = { ...defaults }
  for (const name of Object.keys(ranges) as (keyof T & string)[]) {
    const value = given[name] ?? defaults[name]
    const [min, max] = ranges[name]
    assertWhole(`${kind} ${name}`, value, min, max)
    resolved[name] = value as T[keyof T & string]
  }
  return Object.freeze(resolved)
}

/** Throws INVALID_ARGUMENT unless `code` is a wire code from `min` on. */
export function assertCode(verb: string, code: number, min: 0 | 1): void {
  if (Number.isInteger(code) && code >= min && code <= 0xffff_ffff) return
  throw invalidArgument(`${verb} with code ${code}`, `give a code from ${min} to 4294967295`)
}

/** What a wrong value is, in an error: numbers as they are, of anything else the type. */
export function showScalar(value: unknown): string {
  return typeof value === 'number' || value === null ? String(value) : typeof value
}
