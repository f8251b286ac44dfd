// Owns: that the packages of the others are there: from bench/peers/package.json into bench/peers/node_modules, when they are needed and not before.
// They are optional dependencies of that manifest, so that one that cannot be had does not keep the others away.
// Must not know: what they are for.

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const peersDir = join(dirname(fileURLToPath(import.meta.url)), 'peers')
const INSTALL = ['install', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error']

/**
 * Installs what is missing of these.
 * @param {readonly string[]} names
 * @param {(line: string) => void} tell
 * @returns {Map<string, string>} why a package is not there, for each that is not
 */
export function installPackages(names, tell) {
  /** @type {Record<string, string>} */
  const wanted = readJson(join(peersDir, 'package.json')).optionalDependencies
  const isMissing = (/** @type {string} */ name) => installedVersion(name) !== wanted[name]
  if (!names.some(isMissing)) return new Map()
  tell('installing what Peerplex is measured against (bench/peers) …')
  const run = spawnSync('npm', INSTALL, {
    cwd: peersDir,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  const text =
    run.error?.message ?? (run.status === 0 ? 'npm left it out' : `${run.stdout}${run.stderr}`.trim())
  return new Map(
    names.filter(isMissing).map((name) => [name, `${name} ${wanted[name]} is not installed: ${text}`]),
  )
}

/**
 * @param {string} program
 * @returns {boolean} whether PATH leads to it
 */
export function isOnPath(program) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .some((folder) => folder !== '' && existsSync(join(folder, program)))
}

/** @param {string} name */
function installedVersion(name) {
  const file = join(peersDir, 'node_modules', name, 'package.json')
  return existsSync(file) ? readJson(file).version : undefined
}

/** @param {string} file @returns {any} */
function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'))
}
