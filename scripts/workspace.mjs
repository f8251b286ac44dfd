// Owns the facts about the workspace that every other script needs: where the packages are, what their manifests say, and how a shipped file
// maps back to its source. It reads files and starts programs; it must not decide what is right or wrong with them.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * @typedef {{
 *   name: string, private?: boolean, exports?: Record<string, string | Record<string, string>>,
 *   engines?: { node?: string },
 *   dependencies?: Record<string, string>, devDependencies?: Record<string, string>,
 *   peerDependencies?: Record<string, string>, optionalDependencies?: Record<string, string>,
 * }} Manifest
 * @typedef {{ dir: string, manifest: Manifest }} WorkspacePackage dir: relative to the root, with forward slashes
 * @typedef {{ specifier: string, source: string, output: string, outDir: string }} Entry absolute paths, except the specifier
 */

/** The root of the repository. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))

const GENERATED_FOLDERS = new Set(['.git', 'node_modules', 'dist', '.cache', 'coverage'])

/**
 * Every package of the workspace, in the order of their paths.
 * @param {string} [from] the root to look in
 * @returns {WorkspacePackage[]}
 */
export function workspacePackages(from = root) {
  return workspaceDirs(from)
    .sort()
    .map((dir) => ({ dir, manifest: readJson(join(from, dir, 'package.json')) }))
}

/**
 * The entries a package exports: `./dist/x.js` is always made from `src/x.ts`.
 * @param {WorkspacePackage} pkg
 * @param {string} [from]
 * @returns {Entry[]}
 */
export function packageEntries(pkg, from = root) {
  const entries = []
  for (const [subpath, target] of Object.entries(pkg.manifest.exports ?? {})) {
    const file = typeof target === 'string' ? target : target.default
    const match = file?.match(/^\.\/dist\/(.+)\.js$/)
    if (!match) continue
    entries.push({
      specifier: pkg.manifest.name + subpath.slice(1),
      source: join(from, pkg.dir, 'src', `${match[1]}.ts`),
      output: `${match[1]}.js`,
      outDir: join(from, pkg.dir, 'dist'),
    })
  }
  return entries
}

/**
 * @param {string} file
 * @returns {any} parsed JSON is whatever the file holds
 */
export function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'))
}

/**
 * Every file that belongs to the project, relative to the root: what git tracks and what it would track. Without git (an unpacked archive), every
 * file outside the folders that tools write.
 * @param {string} [from]
 * @returns {string[]}
 */
export function projectFiles(from = root) {
  const git = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: from,
    encoding: 'utf8',
  })
  // Inside somebody else's repository git would list nothing of ours, or only a part.
  if (git.status === 0 && existsSync(join(from, '.git'))) {
    return [...new Set(git.stdout.split('\0'))]
      .filter((path) => path !== '' && existsSync(join(from, path)))
      .sort()
  }
  return readdirSync(from, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(from, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !path.split('/').some((part) => GENERATED_FOLDERS.has(part)))
    .sort()
}

/**
 * The `packages:` list of pnpm-workspace.yaml. Only the two shapes in use are understood: `name` and `folder/*`.
 * @param {string} from
 * @returns {string[]}
 */
function workspaceDirs(from) {
  const yaml = readFileSync(join(from, 'pnpm-workspace.yaml'), 'utf8')
  const block = yaml.match(/^packages:\n((?:\s+-.*\n)+)/m)
  if (!block?.[1]) throw new Error('pnpm-workspace.yaml has no packages list')
  const patterns = [...block[1].matchAll(/-\s+'?([^'\s]+)'?/g)].map((match) => String(match[1]))
  return patterns.flatMap((pattern) => {
    if (!pattern.endsWith('/*')) return [pattern]
    const parent = pattern.slice(0, -2)
    return readdirSync(join(from, parent), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${parent}/${entry.name}`)
  })
}
