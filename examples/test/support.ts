// Owns: a folder in which programs find `peerplex` as an installed package, made from the sources of now; running them there.
// Must not know: which programs there are, what they print.
import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'rolldown'
import { packageEntries, root, workspacePackages } from '../../scripts/workspace.mjs'

/** Only to end what hangs. */
const RUN_MS = 45_000

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The longer names first: a name also stands for what is below it. */
export const entries = workspacePackages()
  .flatMap((pkg) => packageEntries(pkg))
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
    external: /^node:/,
    resolve: { alias: Object.fromEntries(entries.map(({ specifier, source }) => [specifier, source])) },
    transform: { target: 'es2022' },
    output: { dir: join(installed, 'dist'), format: 'esm' },
    logLevel: 'warn',
  })
  copyFileSync(join(root, 'packages/peerplex/package.json'), join(installed, 'package.json'))
  return folder
}

export function removeFolder(folder: string): void {
  if (folder !== '') rmSync(folder, { recursive: true, force: true })
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
