// The cases, and all that they stand on, run in realms without Node and without vitest: they import nothing
// but each other.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const ENTRIES = ['cases', 'runner', 'meet', 'callee', 'line', 'matrix']

/** Everything that a file of this folder reaches, itself included, and what it imports otherwise. */
function reach(name: string, seen: Set<string>, foreign: string[]): void {
  if (seen.has(name)) return
  seen.add(name)
  const text = readFileSync(fileURLToPath(new URL(`./${name}.ts`, import.meta.url)), 'utf8')
  for (const [statement, isType, from = ''] of text.matchAll(
    /^(?:import|export)( type)?\b[^'"]*?from '([^']+)'|^import '[^']+'|\bimport\([^)]*\)/gms,
  )) {
    if (isType !== undefined) continue
    if (from.startsWith('./')) reach(from.slice(2).replace(/\.js$/, ''), seen, foreign)
    else foreign.push(`${name}.ts: ${statement}`)
  }
}

it.each(ENTRIES)('%s.ts is portable', (entry) => {
  const seen = new Set<string>()
  const foreign: string[] = []
  reach(entry, seen, foreign)
  expect(foreign).toEqual([])
  expect(seen.size).toBeGreaterThan(0)
})
