// Owns the shape of the tree: which package may use which (the arrows of docs/architecture.md), which must run without Node, and what no source file
// may do. A new arrow or a new outside dependency is a row here and an ADR in docs/adr. It judges manifests and text; it must not run anything.

import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join, posix } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseSync } from 'rolldown/utils'
import { projectFiles, root, workspacePackages } from './workspace.mjs'

/** Longer files are split by what they own. */
export const MAX_SOURCE_LINES = 450

const ANY = '*'

/**
 * @typedef {{ uses: readonly string[], outside?: readonly string[], isPortable?: boolean }} Layer
 *   uses: workspace packages; outside: packages from the registry; isPortable: also runs where there is no Node
 * @typedef {{ path: string, text: string }} SourceFile path: relative to the root, with forward slashes
 */

/** @type {Readonly<Record<string, Layer>>} */
export const LAYERS = {
  '@peerplex/wire': { uses: [], isPortable: true },
  '@peerplex/codec': { uses: ['@peerplex/wire'], isPortable: true },
  '@peerplex/codec-protobuf': { uses: ['@peerplex/codec'], outside: ['protobufjs'] },
  '@peerplex/transport-net': { uses: ['@peerplex/wire'] },
  '@peerplex/transport-ws': { uses: ['@peerplex/wire'], outside: ['ws'] },
  '@peerplex/transport-port': { uses: ['@peerplex/wire'], isPortable: true },
  '@peerplex/peer': { uses: ['@peerplex/wire'], isPortable: true },
  '@peerplex/rpc': {
    uses: ['@peerplex/peer', '@peerplex/codec', '@peerplex/wire'],
    outside: ['@standard-schema/spec'],
    isPortable: true,
  },
  '@peerplex/middleman': { uses: ['@peerplex/peer', '@peerplex/wire'] },
  peerplex: {
    uses: [
      '@peerplex/wire',
      '@peerplex/codec',
      '@peerplex/transport-net',
      '@peerplex/transport-ws',
      '@peerplex/transport-port',
      '@peerplex/peer',
      '@peerplex/rpc',
    ],
  },
  '@peerplex/cli': { uses: [ANY], outside: ['cac'] },
  // The verdict on an implementation must not come from an implementation.
  '@peerplex/conformance': { uses: [] },
  '@peerplex/testkit': { uses: [ANY], outside: ['fast-check'] },
  '@peerplex/bench': { uses: [ANY], outside: [ANY] },
  '@peerplex/chaos': { uses: [ANY] },
  '@peerplex/examples': { uses: [ANY], outside: [ANY] },
  '@peerplex/demo': { uses: [ANY] },
}

/** Kinds of dependency that reach a user; development dependencies are free. */
const SHIPPED_KINDS = /** @type {const} */ (['dependencies', 'peerDependencies', 'optionalDependencies'])

/**
 * All problems of a workspace, one line each; empty when it is in order.
 * @param {import('./workspace.mjs').WorkspacePackage[]} packages
 * @param {SourceFile[]} sources every script of the repository; tests among them are left alone
 * @param {Readonly<Record<string, Layer>>} [layers]
 * @returns {string[]}
 */
export function layerProblems(packages, sources, layers = LAYERS) {
  const problems = packages.flatMap((pkg) => manifestProblems(pkg, layers))
  for (const source of sources) {
    if (isTest(source.path)) continue
    const owner = packages.find((pkg) => source.path.startsWith(`${pkg.dir}/`))
    problems.push(...sourceProblems(source, owner, layers))
  }
  return problems
}

/**
 * @param {string} path
 * @returns {boolean} whether the file may be long and may reach into any package
 */
export function isTest(path) {
  return /\.test\.[a-z]+$/.test(path) || path.includes('/test/')
}

/**
 * @param {import('./workspace.mjs').WorkspacePackage} pkg
 * @param {Readonly<Record<string, Layer>>} layers
 * @returns {string[]}
 */
function manifestProblems({ dir, manifest }, layers) {
  const layer = layers[manifest.name]
  if (!layer) return [`${dir}/package.json: ${manifest.name} has no row in the list of layers`]
  const problems = []
  for (const kind of SHIPPED_KINDS) {
    for (const name of Object.keys(manifest[kind] ?? {})) {
      const allowed = (name in layers ? layer.uses : layer.outside) ?? []
      if (!allowed.includes(name) && !allowed.includes(ANY)) {
        problems.push(
          `${dir}/package.json: ${manifest.name} -> ${name} (${kind}) is not an arrow of the architecture`,
        )
      }
    }
  }
  return problems
}

/**
 * @param {SourceFile} source
 * @param {import('./workspace.mjs').WorkspacePackage | undefined} owner
 * @param {Readonly<Record<string, Layer>>} layers
 * @returns {string[]}
 */
function sourceProblems({ path, text }, owner, layers) {
  const problems = []
  const lineCount = text.replace(/\n$/, '').split('\n').length
  if (lineCount > MAX_SOURCE_LINES) {
    problems.push(`${path}: ${lineCount} lines, at most ${MAX_SOURCE_LINES} in a source file`)
  }
  const { imports, hasDefaultExport, hasExportAll, syntaxError } = readModule(path, text)
  if (syntaxError) problems.push(`${path}: ${syntaxError}`)
  if (hasDefaultExport && !/\.config\.[a-z]+$/.test(path)) problems.push(`${path}: default export`)
  if (hasExportAll) problems.push(`${path}: export *`)
  if (!owner) return problems
  const { dir, manifest } = owner
  const declared = SHIPPED_KINDS.flatMap((kind) => Object.keys(manifest[kind] ?? {}))
  for (const specifier of imports) {
    if (specifier.startsWith('.')) {
      if (!posix.join(posix.dirname(path), specifier).startsWith(`${dir}/`)) {
        problems.push(`${path}: ${specifier} leaves the package`)
      }
    } else if (isBuiltin(specifier)) {
      if (layers[manifest.name]?.isPortable) {
        problems.push(`${path}: ${specifier} is a part of Node, and ${manifest.name} also runs without it`)
      }
    } else if (!declared.includes(packageOf(specifier)) && packageOf(specifier) !== manifest.name) {
      // The root links packages for the tests, so that a missing declaration would resolve here and nowhere else.
      problems.push(`${path}: ${specifier} is not among the dependencies of ${manifest.name}`)
    }
  }
  return problems
}

/**
 * @param {string} specifier
 * @returns {string} the package that a bare specifier names
 */
function packageOf(specifier) {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/**
 * What a module imports (also as a type, also at run time) and the ways of exporting that are not allowed.
 * @param {string} path
 * @param {string} text
 */
function readModule(path, text) {
  const { program, errors } = parseSync(path, text)
  const found = {
    imports: /** @type {Set<string>} */ (new Set()),
    hasDefaultExport: false,
    hasExportAll: false,
    syntaxError: errors[0]?.message,
  }
  visit(program, (node) => {
    const source = /** @type {{ value?: unknown } | null | undefined} */ (node.source)
    if (typeof source?.value === 'string') found.imports.add(source.value)
    if (node.type === 'ExportAllDeclaration') found.hasExportAll = true
    if (node.type === 'ExportDefaultDeclaration') found.hasDefaultExport = true
    const exported = /** @type {{ name?: unknown } | undefined} */ (node.exported)
    if (node.type === 'ExportSpecifier' && exported?.name === 'default') found.hasDefaultExport = true
  })
  return found
}

/**
 * @param {unknown} node
 * @param {(node: Record<string, unknown>) => void} enter
 */
function visit(node, enter) {
  if (typeof node !== 'object' || node === null) return
  if (Array.isArray(node)) {
    for (const item of node) visit(item, enter)
    return
  }
  const record = /** @type {Record<string, unknown>} */ (node)
  if (typeof record.type === 'string') enter(record)
  for (const value of Object.values(record)) visit(value, enter)
}

if (import.meta.url === pathToFileURL(String(process.argv[1])).href) {
  const sources = projectFiles()
    .filter((path) => /\.(ts|tsx|mts|cts|js|mjs|cjs)$/.test(path))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
  const packages = workspacePackages()
  const problems = layerProblems(packages, sources)
  for (const problem of problems) console.log(problem)
  console.log(`${packages.length} packages, ${sources.length} files, ${problems.length} problems`)
  if (problems.length > 0) process.exitCode = 1
}
