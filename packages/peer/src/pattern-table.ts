// Owns: which handler answers to a channel name: exact names, `*` for one dotted part, `**` for any rest.
// Must not know: what a handler is.

import { UsageError } from '@peerplex/wire'
import { encodeText, invalidArgument } from '@peerplex/wire/internal'

interface PatternRow<T> {
  readonly pattern: string
  readonly parts: readonly string[]
  /** Characters before the first wildcard: the longest wins. */
  readonly literalLength: number
  readonly value: T
}

/** Names this far apart are not offered as what may have been meant. */
const MAX_TYPOS = 3

export class PatternTable<T> {
  readonly #exact = new Map<string, T>()
  /** Wildcards, in the order in which they are tried. */
  #patterns: PatternRow<T>[] = []
  /** What was found last: the same name again and again is cheaper to compare than to look up. Null after a change. */
  #lastName: string | null = null
  #last: T | undefined = undefined
  readonly #verb: string

  /** `verb`: what is done with the names, for errors. */
  constructor(verb = 'handled') {
    this.#verb = verb
  }

  /** All names and patterns. */
  get names(): string[] {
    return [...this.#exact.keys(), ...this.#patterns.map((row) => row.pattern)]
  }

  /** Adds a name or pattern; returns what removes it. Throws UsageError for one that is there, or is not legal. */
  add(pattern: string, value: T): () => void {
    assertPattern(pattern)
    if (!pattern.includes('*')) {
      if (this.#exact.has(pattern)) throw taken(pattern, this.#verb)
      this.#exact.set(pattern, value)
      this.#lastName = null
      return () => {
        if (this.#exact.get(pattern) === value) this.#exact.delete(pattern)
        this.#lastName = null
      }
    }
    if (this.#patterns.some((row) => row.pattern === pattern)) throw taken(pattern, this.#verb)
    const row = { pattern, parts: pattern.split('.'), literalLength: pattern.indexOf('*'), value }
    this.#patterns = [...this.#patterns, row].sort(byPrecedence)
    this.#lastName = null
    return () => {
      this.#patterns = this.#patterns.filter((each) => each !== row)
      this.#lastName = null
    }
  }

  /** The handler for a name: exact before wildcard, then the longest literal prefix. */
  find(name: string): T | undefined {
    if (name === this.#lastName) return this.#last
    this.#last = this.#search(name)
    this.#lastName = name
    return this.#last
  }

  #search(name: string): T | undefined {
    const exact = this.#exact.get(name)
    if (exact !== undefined || this.#patterns.length === 0) return exact
    const parts = name.split('.')
    return this.#patterns.find((row) => matches(row.parts, parts))?.value
  }

  /** The known name that is closest to `name`, if it is close enough to be a slip. */
  nearest(name: string): string | undefined {
    let best: string | undefined
    let bestDistance = MAX_TYPOS + 1
    for (const known of this.#exact.keys()) {
      const distance = editDistance(name, known, bestDistance)
      if (distance < bestDistance && distance < Math.max(known.length, name.length) / 2) {
        best = known
        bestDistance = distance
      }
    }
    return best
  }
}

/** The longest literal prefix first; of equal ones `*`, which takes less, before `**`. */
function byPrecedence<T>(a: PatternRow<T>, b: PatternRow<T>): number {
  return b.literalLength - a.literalLength || Number(takesRest(a)) - Number(takesRest(b))
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

function assertPattern(pattern: string): void {
  const isText = typeof pattern === 'string' && pattern.length > 0 && encodeText(pattern).length <= 255
  const parts = isText ? pattern.split('.') : []
  const isLegal = parts.every((part, index) => {
    if (part === '**') return index === parts.length - 1
    return part === '*' || !part.includes('*')
  })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly those are not allowed on the wire
  if (isText && isLegal && !/[\u0000-\u001f]/.test(pattern) && !pattern.startsWith('~')) return
  throw invalidArgument(
    `'${String(pattern).slice(0, 80)}' is not a name or pattern`,
    "use dotted names, '*' for one part, '**' as the last part; names with '~' belong to the protocol",
  )
}

function taken(pattern: string, verb: string): UsageError {
  return new UsageError('ALREADY_EXISTS', `'${pattern}' is ${verb} already`, {
    hint: 'call the function that the first registration returned, or choose another name',
  })
}

/** Levenshtein distance, given up at `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit || a.length > 255) return limit
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    let least = i
    for (let j = 1; j <= b.length; j++) {
      const swap = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const cost = Math.min(swap, (previous[j] as number) + 1, (row[j - 1] as number) + 1)
      row.push(cost)
      if (cost < least) least = cost
    }
    if (least >= limit) return limit
    previous = row
  }
  return previous[b.length] as number
}
