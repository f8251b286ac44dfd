// Owns the folder that a run works in: the bundled programs, the built packages as a user's project would have them, and places for sockets.
// It must not know what the programs do.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'rolldown'
import { root } from '../workspace.mjs'

const CACHE = join(root, '.cache/compat')
const TESTS = join(root, 'packages/peerplex/test')

/**
 * @typedef {{ dir: string, file: string, chromiumFile: string, socketDir: string, dispose: () => void }} Project
 *   file: for a runtime; chromiumFile: for the Node that starts Chromium
 */

/**
 * Bundles the programs; `peerplex` itself stays outside, so that each runtime resolves and loads what is in `dist`.
 * @returns {Promise<Project>}
 */
export async function makeProject() {
  mkdirSync(CACHE, { recursive: true })
  const dir = mkdtempSync(join(CACHE, 'run-'))
  // Paths of Unix sockets must be short.
  const socketDir = mkdtempSync(join(tmpdir(), 'ppx-'))
  const dispose = () => {
    for (const folder of [dir, socketDir]) rmSync(folder, { recursive: true, force: true })
  }
  try {
    const manifest = { private: true, type: 'module', dependencies: { peerplex: '*' } }
    writeFileSync(join(dir, 'package.json'), `${JSON.stringify(manifest)}\n`)
    mkdirSync(join(dir, 'node_modules'))
    symlinkSync(join(root, 'packages/peerplex'), join(dir, 'node_modules/peerplex'), 'junction')
    const file = await bundle('compat-program.ts', dir)
    const chromiumFile = await bundle('compat-chromium-program.ts', dir)
    await build({
      input: join(TESTS, 'compat/page.ts'),
      platform: 'browser',
      transform: { target: 'es2022' },
      output: { file: join(dir, 'compat-page.js'), format: 'iife' },
      logLevel: 'warn',
    })
    return { dir, file, chromiumFile, socketDir, dispose }
  } catch (error) {
    dispose()
    throw error
  }
}

/**
 * @param {string} name of a program among the tests of `peerplex`
 * @param {string} dir
 * @returns {Promise<string>} the file
 */
async function bundle(name, dir) {
  const file = join(dir, name.replace(/ts$/, 'mjs'))
  await build({
    input: join(TESTS, name),
    platform: 'node',
    plugins: [{ name: 'outside', resolveId: outside }],
    transform: { target: 'es2022' },
    // A helper for tests imports the test runner, and what is used of it does not.
    treeshake: { moduleSideEffects: 'no-external' },
    output: { file, format: 'esm' },
    logLevel: 'warn',
  })
  return file
}

/**
 * What the programs load when they run: packages, what the tests import as the sources of `peerplex`, and scripts, which know where they are.
 * @param {string} source
 * @param {string | undefined} importer
 */
function outside(source, importer) {
  if (importer === undefined) return null
  if (/^[^./]/.test(source)) return { id: source, external: true }
  if (/\/src\/(index|browser)\.js$/.test(source)) return { id: 'peerplex', external: true }
  const script = source.match(/\/scripts\/(.+\.mjs)$/)?.[1]
  return script ? { id: pathToFileURL(join(root, 'scripts', script)).href, external: true } : null
}
