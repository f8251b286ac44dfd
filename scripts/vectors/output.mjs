// Owns: ids that never change, and how the JSON files look.
// Must not know: what the vectors and transcripts say.
import { NOTES } from './suite.mjs'

/** @typedef {{ vectors: Record<string, string>, transcripts: Record<string, string>, retired: string[] }} Ids */

const LINE_WIDTH = 120

/**
 * The id of each name; new names get the next free number. A name that is gone has to be renamed or retired by hand.
 * @param {Record<string, string>} known
 * @param {readonly string[]} names
 * @param {readonly string[]} retired
 * @param {(number: number) => string} toId
 * @returns {Record<string, string>}
 */
export function assignIds(known, names, retired, toId) {
  const doubles = names.filter((name, at) => names.indexOf(name) !== at)
  if (doubles.length > 0) throw new Error(`names used twice: ${doubles.join(', ')}`)
  const present = new Set(names)
  const gone = Object.keys(known).filter((name) => !present.has(name))
  if (gone.length > 0) {
    throw new Error(
      `gone: ${gone.map((name) => `${name} (${known[name]})`).join(', ')}; in ids.json rename the key or move the id to "retired"`,
    )
  }
  const numbers = [...Object.values(known), ...retired.filter((id) => id[0] === toId(1)[0])].map((id) =>
    Number(id.slice(1)),
  )
  let last = Math.max(0, ...numbers)
  /** @type {Record<string, string>} */
  const ids = { ...known }
  for (const name of names) ids[name] ??= toId(++last)
  return ids
}

/**
 * @param {import('./suite.mjs').Suite} suite
 * @param {Record<string, string>} ids
 */
export function vectorFile(suite, ids) {
  const groups = suite.groups.map(({ tests, ...group }) => ({
    ...group,
    tests: tests.map((test) => ({ id: ids[vectorName(suite.name, group.comment, test.comment)], ...test })),
  }))
  const used = new Set(suite.groups.flatMap((group) => group.tests.flatMap((test) => test.flags ?? [])))
  const notes = Object.fromEntries(Object.entries(NOTES).filter(([flag]) => used.has(flag)))
  return { suite: suite.name, schema: 'schema/vectors.schema.json', specVersion: '1.0', notes, groups }
}

/**
 * @param {string} suite
 * @param {string} group
 * @param {string} title
 */
export const vectorName = (suite, group, title) => `${suite}: ${group}: ${title}`

/**
 * JSON with whatever fits one line on one line.
 * @param {unknown} value
 * @param {string} [indent]
 * @param {number} [taken] columns that stand before the value
 * @returns {string}
 */
export function toJson(value, indent = '', taken = indent.length) {
  const flat = JSON.stringify(value)
  if (typeof value !== 'object' || value === null || taken + flat.length <= LINE_WIDTH) return spaced(value)
  const deeper = `${indent}  `
  if (Array.isArray(value)) {
    return `[\n${value.map((item) => deeper + toJson(item, deeper)).join(',\n')}\n${indent}]`
  }
  const fields = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(
      ([key, item]) =>
        `${deeper}${JSON.stringify(key)}: ${toJson(item, deeper, deeper.length + key.length + 4)}`,
    )
  return `{\n${fields.join(',\n')}\n${indent}}`
}

/**
 * @param {unknown} value
 * @returns {string} on one line, with blanks where people put them
 */
function spaced(value) {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).filter(([, item]) => item !== undefined)
  if (fields.length === 0) return '{}'
  return `{ ${fields.map(([key, item]) => `${JSON.stringify(key)}: ${spaced(item)}`).join(', ')} }`
}
