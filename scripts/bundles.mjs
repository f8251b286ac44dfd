// Owns in which files the shipped modules come: every file that is loaded costs time, and a class must exist once (docs/adr/0007).
// It must not know what a package does, nor write anything.

import { existsSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { packageEntries, root, workspacePackages } from './workspace.mjs'

/**
 * Packages whose code becomes a part of this entry, as far as it is loaded at once: what stands behind an entry of theirs (`./sockets`) stays there.
 * What they export are functions, none of their classes can be had through this entry, and they keep nothing at module level: so it makes no difference
 * that a process may have them twice.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
const TAKEN_IN = {
  peerplex: [
    '@peerplex/codec',
    '@peerplex/transport-net',
    '@peerplex/transport-port',
    '@peerplex/transport-ws',
  ],
}

/** An entry of this name holds the whole package; the others export from it, and packages of this repository load nothing else. */
const WHOLE = 'internal'

/** Modules without a file. */
const VIRTUAL = '\0peerplex:'

/**
 * @typedef {import('./workspace.mjs').Entry} Entry
 * @typedef {import('rolldown').Plugin} Plugin
 */

/**
 * The runs of the bundler that make the modules of a package.
 * @param {import('./workspace.mjs').WorkspacePackage} pkg
 * @returns {import('rolldown').BuildOptions[]}
 */
export function bundleRuns(pkg) {
  const entries = sourceEntries(pkg)
  const whole = entries.find((entry) => nameOf(entry) === WHOLE)
  if (whole) return [wholeOptions(pkg, entries)]
  const taking = entries.filter((entry) => entry.specifier in TAKEN_IN)
  const others = entries.filter((entry) => !taking.includes(entry))
  return [
    ...taking.map((entry) => options(pkg, [entry], takeIn(TAKEN_IN[entry.specifier] ?? []))),
    ...(others.length > 0 ? [options(pkg, others)] : []),
  ]
}

/**
 * @param {import('./workspace.mjs').WorkspacePackage} pkg
 * @param {Entry[]} entries
 * @param {Plugin} [plugin]
 * @returns {import('rolldown').BuildOptions & { output: import('rolldown').OutputOptions }}
 */
function options(pkg, entries, plugin) {
  return {
    input: Object.fromEntries(entries.map((entry) => [nameOf(entry), entry.source])),
    platform: 'neutral',
    plugins: [plugin, siblings()],
    transform: { target: 'es2022' },
    output: {
      dir: join(root, pkg.dir, 'dist'),
      format: 'esm',
      sourcemap: true,
      // They are in the types and in the source map; here they would only be read, each time the module is loaded.
      comments: { jsdoc: false },
      entryFileNames: '[name].js',
      chunkFileNames: 'shared/[name].js',
    },
    logLevel: 'warn',
  }
}

/**
 * @param {import('./workspace.mjs').WorkspacePackage} pkg
 * @param {Entry[]} entries
 * @returns {import('rolldown').BuildOptions}
 */
function wholeOptions(pkg, entries) {
  const { output, ...rest } = options(pkg, entries, wholePackage(entries))
  return {
    ...rest,
    input: Object.fromEntries(entries.map((entry) => [nameOf(entry), VIRTUAL + nameOf(entry)])),
    // Else there would be a file besides that the others may take from.
    preserveEntrySignatures: 'allow-extension',
    output: { ...output, minifyInternalExports: false },
  }
}

/**
 * Leads to other packages: to the one file that holds them, where there is one.
 * @returns {Plugin}
 */
function siblings() {
  const files = new Map(
    workspacePackages().flatMap((pkg) => {
      const entries = sourceEntries(pkg)
      const whole = entries.find((entry) => nameOf(entry) === WHOLE)
      return entries.map((entry) => [entry.specifier, (whole ?? entry).specifier])
    }),
  )
  return {
    name: 'siblings',
    resolveId: (id) => (isBare(id) ? { id: files.get(id) ?? id, external: true } : null),
  }
}

/**
 * @param {readonly string[]} names packages
 * @returns {Plugin}
 */
function takeIn(names) {
  const packages = workspacePackages().filter((pkg) => names.includes(pkg.manifest.name))
  const entries = packages.flatMap(sourceEntries)
  return {
    name: 'take in',
    resolveId(id, importer) {
      if (isBare(id)) return entries.find((entry) => entry.specifier === id)?.source ?? null
      const file = join(dirname(importer ?? ''), id.replace(/\.js$/, '.ts'))
      const entry = entries.find((each) => each.source === file)
      return entry ? { id: entry.specifier, external: true } : null
    },
  }
}

/**
 * One module that exports what any entry does, and one for each other entry that exports its own names from there.
 * @param {Entry[]} entries
 * @returns {Plugin}
 */
function wholePackage(entries) {
  return {
    name: 'whole package',
    resolveId: (id) => (id.startsWith(VIRTUAL) ? id : null),
    async load(id) {
      if (!id.startsWith(VIRTUAL)) return null
      const name = id.slice(VIRTUAL.length)
      if (name === WHOLE) {
        return entries.map((entry) => `export * from ${JSON.stringify(entry.source)}`).join('\n')
      }
      const entry = entries.find((each) => nameOf(each) === name)
      if (!entry) throw new Error(`no entry ${name}`)
      const { exports } = await this.load({ id: entry.source })
      return `export { ${exports.join(', ')} } from ${JSON.stringify(VIRTUAL + WHOLE)}`
    },
  }
}

/**
 * Relative and absolute paths are the package itself, and zero bytes mark what has no file; every bare name is somebody else's.
 * @param {string} id
 * @returns {boolean}
 */
function isBare(id) {
  return !/^[.\0]/.test(id) && !isAbsolute(id)
}

/**
 * @param {import('./workspace.mjs').WorkspacePackage} pkg
 * @returns {Entry[]}
 */
function sourceEntries(pkg) {
  return packageEntries(pkg).filter((entry) => existsSync(entry.source))
}

/**
 * @param {Entry} entry
 * @returns {string}
 */
function nameOf(entry) {
  return entry.output.replace(/\.js$/, '')
}
