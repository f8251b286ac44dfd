// Owns: putting the rows of spec/tables/*.json into spec/protocol.md as Markdown tables, between `<!-- table:NAME -->` and `<!-- /table:NAME -->`.
// Must not know: what the rows mean (the tables decide, the prose shows them) or how they look (spec-render.mjs).
// `node scripts/spec-tables.mjs` writes the file, `--check` fails when it would change.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { renderTables } from './spec-render.mjs'
import { readJson, root } from './workspace.mjs'

export const TABLE_FILES = Object.freeze([
  'frames',
  'states',
  'errors',
  'header-keys',
  'codecs',
  'limits',
  'economy',
])

/** What spec/protocol.md has to show; the other renderings may be shown. */
export const REQUIRED_TABLES = Object.freeze([
  'frames',
  'flags',
  'channel-states',
  'session-states',
  'drain-states',
  'errors',
  'header-keys',
  'codecs',
  'limits',
  'economy',
])

const PROTOCOL = 'spec/protocol.md'

/**
 * All tables by the name of their file.
 * @param {string} [from]
 * @returns {Record<string, any>}
 */
export function loadTables(from = root) {
  return Object.fromEntries(
    TABLE_FILES.map((name) => [name, readJson(join(from, 'spec/tables', `${name}.json`))]),
  )
}

/**
 * Replaces what stands between the markers. Throws when a marker is unknown, doubled or not closed, or a required one is missing.
 * @param {string} markdown
 * @param {Record<string, string>} rendered
 * @returns {string}
 */
export function applyTables(markdown, rendered) {
  /** @type {string[]} */
  const output = []
  /** @type {Set<string>} */
  const seen = new Set()
  let open = ''
  for (const line of markdown.split('\n')) {
    const marker = /^<!-- (\/?)table:([a-z-]+) -->$/.exec(line.trim())
    const name = marker?.[2] ?? ''
    if (marker?.[1] === '/') {
      if (open !== name) throw new Error(`table marker '${name}' is closed but not open`)
      open = ''
      output.push(line)
    } else if (marker) {
      const table = rendered[name]
      if (open !== '') throw new Error(`table marker '${open}' is not closed before '${name}'`)
      if (table === undefined) throw new Error(`there is no table '${name}'`)
      if (seen.has(name)) throw new Error(`table '${name}' is shown twice`)
      seen.add(name)
      open = name
      output.push(line, table)
    } else if (open === '') {
      output.push(line)
    }
  }
  if (open !== '') throw new Error(`table marker '${open}' is not closed`)
  const missing = REQUIRED_TABLES.filter((name) => !seen.has(name))
  if (missing.length > 0) throw new Error(`tables without a marker pair: ${missing.join(', ')}`)
  return output.join('\n')
}

/** @param {string[]} args */
function main(args) {
  const path = join(root, PROTOCOL)
  if (!existsSync(path)) throw new Error(`${PROTOCOL} is missing`)
  const before = readFileSync(path, 'utf8')
  const after = applyTables(before, renderTables(loadTables()))
  if (before === after) return
  if (!args.includes('--check')) return writeFileSync(path, after)
  console.error(`${PROTOCOL} shows other tables than spec/tables holds; run: node scripts/spec-tables.mjs`)
  process.exitCode = 1
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) main(process.argv.slice(2))
