// Owns: which row of a table a name gets: an exact one, `*` for one dotted part, `**` for any rest.
// Must not know: what a row is. The rules are those of `handle`; a test holds the two equal.
import { encodeText } from '@peerplex/wire/internal'

interface PatternRow<T> {
  readonly parts: readonly string[]
  /** Characters before the first wildcard: the longest wins. */
  readonly literalLength: number
  readonly value: T
}

/** Looks a name up: exact before wildcard, then the longest literal prefix; of equal ones `*`, which takes less, before `**`. */
export function nameFinder<T>(rows: ReadonlyMap<string, T>): (name: string) => T | undefined {
  const patterns = [...rows]
    .filter(([pattern]) => pattern.includes('*'))
    .map(([pattern, value]) => ({ parts: pattern.split('.'), literalLength: pattern.indexOf('*'), value }))
    .sort((a, b) => b.literalLength - a.literalLength || Number(takesRest(a)) - Number(takesRest(b)))
  return (name) => {
    if (rows.has(name) && !name.includes('*')) return rows.get(name)
    const parts = name.split('.')
    return patterns.find((row) => matches(row.parts, parts))?.value
  }
}

/** Whether it is a name or pattern that `handle` would take. */
export function isPattern(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly those are not allowed on the wire
  if (text === '' || encodeText(text).length > 255 || /^~|[\u0000-\u001f]/.test(text)) return false
  return text.split('.').every((part, index, parts) => {
    if (part === '**') return index === parts.length - 1
    return part === '*' || !part.includes('*')
  })
}

function takesRest<T>({ parts }: PatternRow<T>): boolean {
  return parts[parts.length - 1] === '**'
}

function matches(pattern: readonly string[], parts: readonly string[]): boolean {
  for (let index = 0; index < pattern.length; index++) {
    if (pattern[index] === '**') return parts.length > index
    if (index >= parts.length) return false
    if (pattern[index] !== '*' && pattern[index] !== parts[index]) return false
  }
  return pattern.length === parts.length
}
