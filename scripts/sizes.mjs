// Owns how large the browser builds are: each as a page loads it (minified, gzip -9), what every package has in it, and the budgets.
// `node scripts/sizes.mjs` prints it, with `--modules` file by file. It must not know what a package does.

import { SourceMap } from 'node:module'
import { join, relative, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'rolldown'
import { browserAliases } from './build.mjs'
import { root, workspacePackages } from './workspace.mjs'

/**
 * @typedef {{ name: string, source: string, goalBytes: number, maxBytes: number }} Budget
 *   source: relative to the root. Bytes after gzip. goalBytes: where it shall come to; maxBytes: what fails the tests
 * @typedef {{ file: string, bytes: number }} ModuleSize file: relative to the root; bytes: minified, before gzip
 * @typedef {{ name: string, bytes: number, modules: ModuleSize[] }} Share largest module first
 * @typedef {{ budget: Budget, minifiedBytes: number, gzipBytes: number, shares: Share[] }} Size largest share first
 */

/** `maxBytes` is what it was last time somebody looked, and 2 %: less is written down here, more is a decision. */
export const BUDGETS = /** @type {const} */ ([
  {
    name: 'peerplex in a browser, with msgpack',
    source: 'packages/peerplex/src/browser.ts',
    goalBytes: 36_000,
    maxBytes: 73_500,
  },
  {
    name: 'peerplex/json in a browser, JSON only',
    source: 'packages/peerplex/src/json.ts',
    goalBytes: 24_000,
    maxBytes: 69_800,
  },
])

/** What no line of a source stands behind: the wrapping of the bundler. */
const NO_SOURCE = '(bundler)'

/**
 * @param {Budget} budget
 * @returns {Promise<Size>}
 */
export async function measure(budget) {
  const { output } = await build({
    input: join(root, budget.source),
    platform: 'browser',
    resolve: { alias: browserAliases() },
    transform: { target: 'es2022' },
    output: { dir: root, format: 'iife', name: 'Peerplex', minify: true, sourcemap: 'hidden' },
    write: false,
    logLevel: 'warn',
  })
  const [{ code, map }] = output
  if (!map) throw new Error(`the bundler wrote no source map for ${budget.source}`)
  const sizes = bytesBySource(code, map)
  return {
    budget,
    minifiedBytes: Buffer.byteLength(code),
    gzipBytes: gzipSync(code, { level: 9 }).length,
    shares: sharesOf(sizes),
  }
}

/**
 * Every character belongs to the source that the map names for it.
 * @param {string} code
 * @param {{ version: number, mappings: string, sources: string[] }} map its sources are relative to the root
 * @returns {Map<string, number>} bytes by source, relative to the root
 */
function bytesBySource(code, { mappings, sources }) {
  const lookUp = new SourceMap({
    version: 3,
    file: '',
    names: [],
    sourceRoot: '',
    sourcesContent: [],
    mappings,
    sources,
  })
  /** @type {Map<string, number>} */
  const sizes = new Map()
  let line = 0
  let column = 0
  for (const character of code) {
    const entry = lookUp.findEntry(line, column)
    const source =
      'originalSource' in entry && entry.originalLine !== undefined ? entry.originalSource : NO_SOURCE
    sizes.set(source, (sizes.get(source) ?? 0) + Buffer.byteLength(character))
    column += character.length
    if (character !== '\n') continue
    line++
    column = 0
  }
  return sizes
}

/**
 * @param {Map<string, number>} sizes
 * @returns {Share[]}
 */
function sharesOf(sizes) {
  const packages = workspacePackages()
  /** @type {Map<string, Share>} */
  const shares = new Map()
  for (const [source, bytes] of sizes) {
    const file = relative(root, join(root, source)).split(sep).join('/')
    const name = packages.find(({ dir }) => file.startsWith(`${dir}/`))?.manifest.name ?? NO_SOURCE
    const share = shares.get(name) ?? { name, bytes: 0, modules: [] }
    share.bytes += bytes
    share.modules.push({ file, bytes })
    shares.set(name, share)
  }
  for (const { modules } of shares.values()) modules.sort((a, b) => b.bytes - a.bytes)
  return [...shares.values()].sort((a, b) => b.bytes - a.bytes)
}

/**
 * @param {Size} size
 * @param {{ hasModules?: boolean }} [options] hasModules: file by file
 * @returns {string} lines
 */
export function report({ budget, minifiedBytes, gzipBytes, shares }, { hasModules = false } = {}) {
  const lines = [
    `${budget.name}: ${kB(gzipBytes)} of ${kB(budget.goalBytes)} goal, at most ${kB(budget.maxBytes)} (gzip -9; minified ${kB(minifiedBytes)})`,
  ]
  for (const { name, bytes, modules } of shares) {
    const percent = Math.round((100 * bytes) / minifiedBytes)
    lines.push(`  ${name.padEnd(26)}${kB(bytes).padStart(9)} minified${String(percent).padStart(4)} %`)
    if (hasModules)
      for (const { file, bytes } of modules) lines.push(`    ${String(bytes).padStart(7)}  ${file}`)
  }
  return lines.join('\n')
}

/**
 * @param {Size} size
 * @returns {string | null} what is wrong with it
 */
export function problemOf({ budget, gzipBytes }) {
  if (gzipBytes <= budget.maxBytes) return null
  return `${budget.name}: ${gzipBytes} bytes after gzip, and at most ${budget.maxBytes} are allowed (scripts/sizes.mjs)`
}

/**
 * @param {number} bytes
 * @returns {string}
 */
function kB(bytes) {
  return `${(bytes / 1000).toFixed(1)} kB`
}

if (import.meta.url === pathToFileURL(String(process.argv[1])).href) {
  for (const budget of BUDGETS) {
    const size = await measure(budget)
    console.log(report(size, { hasModules: process.argv.includes('--modules') }))
    const problem = problemOf(size)
    if (problem === null) continue
    console.log(problem)
    process.exitCode = 1
  }
}
