// Owns: a folder in which programs find `peerplex` as an installed package, made from the sources of now; running them there.
// Must not know: which programs there are, what they print.
import { spawn, spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { build } from 'rolldown'
import { packageEntries, readJson, root, workspacePackages } from '../../scripts/workspace.mjs'

/** Only to end what hangs. */
const RUN_MS = 45_000

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The longer names first: a name also stands for what is below it. Without scripts for pages, which have no source of their own. */
const entries = workspacePackages()
  .flatMap((pkg) => packageEntries(pkg))
  .filter(({ source }) => existsSync(source))
  .sort((a, b) => b.specifier.length - a.specifier.length)

/** Makes the folder; it lies in the repository, so that packages of the repository are found from there. */
export async function makeFolder(): Promise<string> {
  mkdirSync(join(root, '.cache'), { recursive: true })
  const folder = mkdtempSync(join(root, '.cache', 'examples-'))
  const installed = join(folder, 'node_modules/peerplex')
  const own = entries.filter(({ specifier }) => /^peerplex(\/|$)/.test(specifier))
  await build({
    input: Object.fromEntries(own.map(({ output, source }) => [output.replace(/\.js$/, ''), source])),
    platform: 'neutral',
    external: [/^node:/, 'ws'],
    resolve: { alias: Object.fromEntries(entries.map(({ specifier, source }) => [specifier, source])) },
    transform: { target: 'es2022' },
    output: { dir: join(installed, 'dist'), format: 'esm' },
    logLevel: 'warn',
  })
  copyFileSync(join(root, 'packages/peerplex/package.json'), join(installed, 'package.json'))
  const ws = realpathSync(join(root, 'packages/transport-ws/node_modules/ws'))
  symlinkSync(ws, join(folder, 'node_modules/ws'), 'junction')
  return folder
}

export function removeFolder(folder: string): void {
  if (folder !== '') rmSync(folder, { recursive: true, force: true })
}

interface Program {
  /** Relative to the folder. */
  readonly files: readonly string[]
  /** Compiler options besides those of the repository's tests. */
  readonly options?: object
}

/**
 * What the compiler has to say about files of the folder, under the flags of the repository and with the sources of now: what
 * a build would write need not be there.
 */
export function checkTypes(folder: string, { files, options = {} }: Program): string[] {
  const { compilerOptions } = readJson(join(root, 'tsconfig.tests.json'))
  const config = {
    extends: '../../tsconfig.base.json',
    compilerOptions: {
      ...compilerOptions,
      incremental: false,
      tsBuildInfoFile: null,
      typeRoots: [join(root, 'node_modules/@types')],
      paths: Object.fromEntries(entries.map(({ specifier, source }) => [specifier, [source]])),
      ...options,
    },
    files,
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const tsc = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder, '--pretty', 'false'],
    { encoding: 'utf8', cwd: folder },
  )
  if (tsc.error !== undefined) throw tsc.error
  // The packages have options of their own, under which the build judges them. Lines that begin with blanks go on with the one before.
  return `${tsc.stdout}${tsc.stderr}`
    .split(/\n(?! )/)
    .filter((problem) => problem.trim() !== '' && !problem.startsWith('../../packages/'))
}

/** Runs a program with bare Node until it ends by itself. */
export function run(file: string): Promise<Ended> {
  const child = spawn(process.execPath, ['--unhandled-rejections=strict', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: RUN_MS,
    killSignal: 'SIGKILL',
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code, stdout: withoutPorts(stdout), stderr }))
  })
}

/** Ports are different each time; pages write `<port>`. */
function withoutPorts(text: string): string {
  return text.replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:<port>')
}

export interface Block {
  readonly language: string
  readonly code: string
  /** Of its first line in the page. */
  readonly line: number
  /** What the page says that it prints: the `text` block behind it. Undefined where there is none. */
  readonly output: string | undefined
}

/** The programs of a page. */
export function blocksOf(page: string): Block[] {
  const fences = [...page.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    language: match[1] ?? '',
    code: match[2] ?? '',
    line: page.slice(0, match.index).split('\n').length + 1,
  }))
  return fences.flatMap((fence, at) => {
    if (!/^(ts|js|mjs|javascript|typescript)$/.test(fence.language)) return []
    const next = fences[at + 1]
    return [{ ...fence, output: next?.language === 'text' ? next.code : undefined }]
  })
}
