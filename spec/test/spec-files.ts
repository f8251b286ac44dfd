// Owns: where the parts of the specification are and how they are read and judged by a schema.
// Must not know: what a part says.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'

const specDir = fileURLToPath(new URL('..', import.meta.url))

function specPath(...parts: string[]): string {
  return join(specDir, ...parts)
}

export function readText(...parts: string[]): string {
  return readFileSync(specPath(...parts), 'utf8')
}

export function readJson(...parts: string[]): any {
  return JSON.parse(readText(...parts))
}

/** Names of the JSON files of a folder of spec/, sorted; none when the folder is missing. */
export function jsonFiles(...parts: string[]): string[] {
  const dir = specPath(...parts)
  if (!existsSync(dir)) return []
  return readdirSync(dir)
    .filter((name) => name.endsWith('.json'))
    .sort()
}

/** Compiling takes longer than any check, and hundreds of documents share a schema. */
const validators = new Map<string, ValidateFunction>()

/** What a document breaks in a schema of spec/, one line a finding. */
export function schemaFindings(document: unknown, ...schema: string[]): string[] {
  const name = schema.join('/')
  let validate = validators.get(name)
  if (validate === undefined) {
    const ajv = new Ajv2020({ strict: true, strictRequired: false, allErrors: true, allowUnionTypes: true })
    validate = ajv.compile(readJson(...schema))
    validators.set(name, validate)
  }
  validate(document)
  return (validate.errors ?? []).map((error) => `${error.instancePath || '/'} ${error.message}`)
}
