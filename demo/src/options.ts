// Owns: the command line of the demonstration: what may be said, and what is wrong with it.
// Must not know: what happens with the answer.
import { closeSync, openSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export const USAGE = `usage: npm start                     moves the running node executable both ways between two processes,
                                     then lets two peers call each other over TCP and over a Unix socket
       npm start -- --file PATH      moves that file instead
       npm start -- --help`

export interface DemoOptions {
  /** Absolute path of a file that could be opened a moment ago. */
  readonly file: string
  readonly isHelp: boolean
}

/** Wrong usage: the program says so and exits with 2. */
export class UsageProblem extends Error {}

/** Throws UsageProblem for an unknown option and for a file that cannot be sent. */
export function readOptions(args: readonly string[]): DemoOptions {
  const { file, help } = parse(args)
  if (help === true) return { file: '', isHelp: true }
  const path = resolve(file ?? process.execPath)
  if (file === '') throw new UsageProblem('--file needs a path')
  assertReadable(path)
  return { file: path, isHelp: false }
}

function parse(args: readonly string[]): { file?: string; help?: boolean } {
  try {
    const options = { file: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const
    return parseArgs({ args: [...args], options, strict: true }).values
  } catch (error) {
    // The rest of that text explains the dashes to whoever wrote the parser's table.
    throw new UsageProblem((error as Error).message.split('. ')[0])
  }
}

function assertReadable(path: string): void {
  let isFile = false
  try {
    const found = statSync(path)
    if (found.isDirectory()) throw new UsageProblem(`${path} is a directory; give a file`)
    isFile = found.isFile()
    // Opening is the only honest way to learn whether it may be read. Pipes are left alone: opening one can wait for ever.
    if (isFile) closeSync(openSync(path, 'r'))
  } catch (error) {
    if (error instanceof UsageProblem) throw error
    throw new UsageProblem(`${path} ${reasonOf((error as NodeJS.ErrnoException).code)}`)
  }
  if (!isFile) throw new UsageProblem(`${path} is not a regular file`)
}

function reasonOf(code: string | undefined): string {
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'does not exist'
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read'
  return `cannot be read (${code})`
}
