// Owns the build: `tsc -b` checks the types and writes the `.d.ts`, rolldown writes one `.js` per exported entry (`bundles.mjs` says what is in it)
// and one script per row of SCRIPTS for pages without a bundler.
// It must not know what a package does.
// The `.js` is bundled from the sources, never from compiler output: an incremental `tsc -b` over files that a bundler rewrote would mix ages.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'rolldown'
import { bundleRuns } from './bundles.mjs'
import { packageEntries, root, workspacePackages } from './workspace.mjs'

/**
 * Runs the compiler over all packages.
 * @returns {boolean} true when there was no error
 */
export function buildTypes() {
  // The compiler trusts its notes and does not look whether what it wrote is still there: without `dist` it would have nothing to do.
  const entries = workspacePackages().flatMap((pkg) => packageEntries(pkg))
  if (entries.some((entry) => existsSync(entry.source) && !existsSync(typesOf(entry)))) {
    rmSync(join(root, '.cache/tsc'), { recursive: true, force: true })
  }
  const run = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b'], {
    cwd: root,
    stdio: 'inherit',
  })
  return run.status === 0
}

/**
 * @typedef {{ source: string, global: string, output: string }} Script source, output: relative to the root
 */

/**
 * Files for a `<script src>`, with everything in them: they set one global and need nothing else.
 * @type {readonly Script[]}
 */
export const SCRIPTS = [
  {
    source: 'packages/peerplex/src/browser.ts',
    global: 'Peerplex',
    output: 'packages/peerplex/dist/peerplex.iife.js',
  },
]

/**
 * Where a bundler for pages finds the source of every exported entry, also of those that are another file in a browser.
 * @returns {Record<string, string>} aliases for rolldown
 */
export function browserAliases() {
  return Object.fromEntries(
    workspacePackages().flatMap((pkg) => {
      const entries = packageEntries(pkg)
      return entries.map(({ specifier, source }) => {
        const target = pkg.manifest.exports?.[specifier.replace(pkg.manifest.name, '.')]
        const inBrowser = typeof target === 'object' ? target.browser : undefined
        const output = inBrowser?.replace(/^\.\/dist\//, '')
        const other = entries.find((entry) => entry.output === output)
        return [`${specifier}$`, other?.source ?? source]
      })
    }),
  )
}

/** Writes the shipped `.js` files of every package that has sources. */
export async function buildBundles() {
  for (const pkg of workspacePackages()) {
    /** @type {Set<string>} */
    const written = new Set()
    for (const run of bundleRuns(pkg)) {
      const { output } = await build(run)
      for (const { fileName } of output) {
        if (written.has(fileName)) throw new Error(`${pkg.manifest.name}: ${fileName} is written twice`)
        written.add(fileName)
      }
    }
    if (written.size > 0) removeStale(join(root, pkg.dir, 'dist'), join(root, pkg.dir, 'src'), written)
  }
  for (const script of SCRIPTS) await build(scriptOptions(script))
}

/**
 * The text of such a file, made from the sources as they are now.
 * @param {Script} script
 * @returns {Promise<string>}
 */
export async function scriptCode(script) {
  const { output } = await build({ ...scriptOptions(script), write: false })
  return output[0].code
}

/**
 * @param {Script} script
 * @returns {import('rolldown').BuildOptions & { output: import('rolldown').OutputOptions }}
 */
function scriptOptions({ source, global, output }) {
  return {
    input: join(root, source),
    platform: 'browser',
    resolve: { alias: browserAliases() },
    transform: { target: 'es2022' },
    output: { file: join(root, output), format: 'iife', name: global, minify: true, sourcemap: true },
    logLevel: 'warn',
  }
}

/**
 * @param {import('./workspace.mjs').Entry} entry
 * @returns {string}
 */
function typesOf(entry) {
  return join(entry.outDir, entry.output.replace(/\.js$/, '.d.ts'))
}

/**
 * Removes what an earlier build left and this one would not write: nobody should import or pack a file without a source.
 * @param {string} outDir
 * @param {string} sourceDir
 * @param {Set<string>} written by the bundler, relative to outDir
 */
function removeStale(outDir, sourceDir, written) {
  for (const entry of readdirSync(outDir, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    const name = relative(outDir, file).split(sep).join('/')
    const typedSource = name.match(/^(.+)\.d\.ts$/)?.[1]
    const isCurrent = typedSource ? existsSync(join(sourceDir, `${typedSource}.ts`)) : written.has(name)
    if (!isCurrent) rmSync(file)
  }
}

if (import.meta.url === pathToFileURL(String(process.argv[1])).href) {
  if (!buildTypes()) process.exitCode = 1
  else await buildBundles()
}
