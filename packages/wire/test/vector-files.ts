// Owns: reading spec/vectors for the tests of this package. Must not know: what a vector means.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface VectorContext {
  readonly state: 'preface' | 'hello' | 'ready'
  readonly limits?: { readonly maxFrame?: number; readonly maxMeta?: number }
}

export interface Vector {
  readonly id: string
  readonly comment: string
  readonly hex?: string
  readonly canonical?: string
  readonly result: 'valid' | 'invalid' | 'acceptable'
  readonly value?: any
  readonly error?: string
}

export interface VectorGroup {
  readonly type: 'decode' | 'encode'
  readonly context?: VectorContext
  readonly tests: readonly Vector[]
}

const root = fileURLToPath(new URL('../../../spec/vectors/', import.meta.url))

/** All groups of all vector files, each with the name of its file. */
export function vectorGroups(): { file: string; group: VectorGroup }[] {
  return readdirSync(root)
    .filter((name) => name.endsWith('.json') && name !== 'ids.json')
    .flatMap((file) => {
      const { groups = [] } = JSON.parse(readFileSync(`${root}${file}`, 'utf8')) as { groups?: VectorGroup[] }
      return groups.map((group) => ({ file, group }))
    })
}
