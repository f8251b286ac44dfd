// Owns what a published package holds: its manifest leads to files that are packed, and nothing is packed that no user needs. Run it after a build.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { root, workspacePackages } from './workspace.mjs'

/** The manifest, and from `dist` only code, its map and its types, without those of tests. */
const PACKED = /^(package\.json|README\.md|LICENSE|dist\/(?!.*\.test\.).+\.(js|js\.map|d\.ts))$/

let problemCount = 0
for (const { dir, manifest } of workspacePackages().filter((pkg) => !pkg.manifest.private)) {
  const paths = packedFiles(dir)
  const files = paths.map((path) => ({ name: `package/${path}`, data: readFileSync(join(root, dir, path)) }))
  const { messages, pkg } = await publint({ pkgDir: 'package', pack: { files }, strict: true })
  const problems = [
    ...messages.map((message) => formatMessage(message, pkg, { color: false }) ?? message.code),
    ...paths.filter((path) => !PACKED.test(path)).map((path) => `${path} has no place in a package`),
  ]
  for (const problem of problems) console.log(`${manifest.name}: ${problem}`)
  console.log(`${manifest.name}: ${paths.length} files, ${problems.length} problems`)
  problemCount += problems.length
}
if (problemCount > 0) process.exitCode = 1

/**
 * @param {string} dir
 * @returns {string[]} relative to the package
 */
function packedFiles(dir) {
  const run = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'], {
    cwd: join(root, dir),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  /** @type {{ files: { path: string }[] }[]} */
  const [tarball] = JSON.parse(run.stdout)
  return tarball?.files.map((file) => file.path) ?? []
}
