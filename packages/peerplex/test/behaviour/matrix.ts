/**
 * Owns: results as a table of cases and places: every cell says ok, FAIL, or a letter whose reason stands
 * below.
 * Must not know: how the results came about.
 */
import type { CaseResult, Outcome } from './place.js'

export class Matrix {
  readonly #places: string[] = []
  readonly #names: string[] = []
  readonly #cells = new Map<string, Outcome>()

  /** Names the columns and rows beforehand, so that what did not run is seen. */
  constructor(places: readonly { transport: string; side: string }[], names: readonly string[]) {
    for (const place of places) this.#places.push(columnOf(place))
    this.#names.push(...names)
  }

  add(result: CaseResult): void {
    this.#cells.set(`${columnOf(result)}\n${result.name}`, result.outcome)
  }

  /** The cells without a result, and those that failed. */
  problems(): string[] {
    return this.#names.flatMap((name) =>
      this.#places.flatMap((place) => {
        const outcome = this.#cells.get(`${place}\n${name}`)
        if (outcome === undefined) return [`${place}: ${name}: did not run`]
        return outcome.kind === 'fail' ? [`${place}: ${name}: ${outcome.text}`] : []
      }),
    )
  }

  /** The table, the reasons of its letters, and how long each place took. */
  toString(): string {
    const letters = new Map<string, string>()
    const width = Math.max(...this.#names.map((name) => name.length))
    const rows = this.#names.map((name) => {
      const cells = this.#places.map((place, column) => {
        const outcome = this.#cells.get(`${place}\n${name}`)
        return cellOf(outcome, letters).padEnd(columnWidth(column))
      })
      return `${name.padEnd(width)}  ${cells.join(' ')}`.trimEnd()
    })
    const head = this.#places.map((_place, column) => `${column + 1}`.padEnd(columnWidth(column))).join(' ')
    const places = this.#places.map((place, column) => `${column + 1}  ${place}, ${this.#secondsOf(place)} s`)
    const reasons = [...letters].map(([reason, letter]) => `${letter}  ${reason}`)
    return [`${''.padEnd(width)}  ${head}`.trimEnd(), ...rows, '', ...places, ...reasons].join('\n')
  }

  /** What cases that passed have noted, by case and place, with the time that each took. */
  notes(): string {
    const lines = this.#names.flatMap((name) =>
      this.#places.flatMap((place) => {
        const outcome = this.#cells.get(`${place}\n${name}`)
        if (outcome?.kind !== 'pass' || outcome.note === undefined) return []
        return [`${name}; ${place}, ${(outcome.ms / 1_000).toFixed(1)} s: ${outcome.note}`]
      }),
    )
    return lines.join('\n')
  }

  #secondsOf(place: string): string {
    let ms = 0
    for (const [key, outcome] of this.#cells) {
      if (key.startsWith(`${place}\n`) && outcome.kind !== 'not applicable') ms += outcome.ms
    }
    return (ms / 1_000).toFixed(1)
  }
}

function columnOf({ transport, side }: { transport: string; side: string }): string {
  return `${transport}, the caller ${side}`
}

function columnWidth(column: number): number {
  return Math.max(4, `${column + 1}`.length)
}

function cellOf(outcome: Outcome | undefined, letters: Map<string, string>): string {
  if (outcome === undefined) return '-'
  if (outcome.kind === 'pass') return 'ok'
  if (outcome.kind === 'fail') return 'FAIL'
  const letter = letters.get(outcome.reason) ?? String.fromCharCode(65 + letters.size)
  letters.set(outcome.reason, letter)
  return letter
}
