// Owns: a file of targets as it is now: what tells one state of it from another, its bounds, its form, the URLs in it.
// Must not know: when it is read, and what became of earlier states.
import { type PeerplexError, TransportError } from '@peerplex/wire'
import { parseEndpoint } from '@peerplex/wire/transport'
import { isPattern, nameFinder } from './name-patterns.js'
import { fileWords } from './target-errors.js'

/** Some 20,000 rows of a table that was meant for people to read; more is another file. */
const MAX_FILE_BYTES = 1_048_576
/** In the whole file; rows of a table count as well, with or without URLs. */
const MAX_URLS = 1_024

/** These start programs or take over the terminal: whoever may write the file might not be allowed to do that. */
const REFUSED_SCHEMES: ReadonlySet<string> = new Set(['exec', 'stdio'])

export interface TargetTable {
  /** Equal for tables that say the same. */
  readonly key: string
  /** Empty for a name that has no row. */
  find(name: string): readonly string[]
}

export interface FileState {
  /** Another one with every state of the file, links followed; empty while there is no such file. */
  readonly stamp: string
  /** When it was written, by the clock of its file system, in milliseconds since 1970. */
  readonly modifiedMs: number
}

/** What is wrong with what the file says: a plain error with a hint, until it is known which file it is. */
class FileProblem extends Error {
  readonly hint: string

  constructor(message: string, hint: string) {
    super(message)
    this.hint = hint
  }
}

/** Never rejects: what cannot be looked at is not there. */
export async function stateOf(path: string): Promise<FileState> {
  const { stat } = await import('node:fs/promises')
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    // The size for file systems that count time in seconds, the inode for files that are put in place with their old times.
    return { stamp: [dev, ino, size, mtimeNs, ctimeNs].join(' '), modifiedMs: Number(mtimeNs / 1_000_000n) }
  } catch {
    return { stamp: '', modifiedMs: 0 }
  }
}

/** Rejects with TransportError UNAVAILABLE. */
export async function readTargetFile(path: string): Promise<TargetTable> {
  try {
    return parseTargets(await readBounded(path))
  } catch (error) {
    throw fileError(path, error)
  }
}

async function readBounded(path: string): Promise<Uint8Array> {
  const { open, stat } = await import('node:fs/promises')
  // Before it is opened: that alone would wait for ever at a pipe that nobody writes to.
  if (!(await stat(path)).isFile()) throw new FileProblem('it is not a file', 'give the path of a JSON file')
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    if (size > MAX_FILE_BYTES) {
      throw new FileProblem(`it has ${size} bytes`, `a file of targets has at most ${MAX_FILE_BYTES} bytes`)
    }
    const bytes = new Uint8Array(size + 1)
    let length = 0
    while (length < bytes.length) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, null)
      if (bytesRead === 0) break
      length += bytesRead
    }
    if (length === bytes.length) throw new FileProblem('it grew while it was read', 'write it again')
    return bytes.subarray(0, length)
  } finally {
    await file.close()
  }
}

/** A list of URLs for every name, or a record of lists by name or pattern. */
function parseTargets(bytes: Uint8Array): TargetTable {
  const value = parseJson(bytes)
  if (Array.isArray(value)) {
    const urls = checkedUrls(value, '')
    assertCount(urls.length, 'URLs')
    return { key: JSON.stringify(urls), find: () => urls }
  }
  if (typeof value !== 'object' || value === null) {
    throw new FileProblem(
      `it holds ${value === null ? 'null' : `a ${typeof value}`}`,
      'write a list of URLs, or an object with such a list for each name or pattern',
    )
  }
  const rows = Object.entries(value)
  assertCount(rows.length, 'rows')
  const table = new Map(rows.map(([pattern, urls]) => [checkedPattern(pattern), checkedUrls(urls, pattern)]))
  assertCount(
    [...table.values()].reduce((count, urls) => count + urls.length, 0),
    'URLs',
  )
  const find = nameFinder(table)
  return { key: JSON.stringify([...table]), find: (name) => find(name) ?? [] }
}

function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) throw new FileProblem('it is empty', 'write a list of URLs; [] for none')
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new FileProblem('it is not UTF-8 text', 'write JSON in UTF-8')
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new FileProblem(
      `it is not JSON: ${(error as Error).message}`,
      'write the file again, and in one piece',
    )
  }
}

function checkedPattern(pattern: string): string {
  if (isPattern(pattern)) return pattern
  throw new FileProblem(
    `'${pattern.slice(0, 80)}' is not a name or pattern`,
    "use dotted names, '*' for one part, '**' as the last part",
  )
}

function checkedUrls(value: unknown, pattern: string): readonly string[] {
  const where = pattern === '' ? '' : `row '${pattern.slice(0, 80)}': `
  if (!Array.isArray(value)) {
    throw new FileProblem(
      `${where}it is not a list`,
      'write a list of URLs, also for one: ["tcp://host:port"]',
    )
  }
  const urls = value.map((url, index) => {
    try {
      return checkedUrl(url)
    } catch (error) {
      const { message, hint } = error as FileProblem | PeerplexError
      throw new FileProblem(`${where}entry ${index}: ${message}`, hint)
    }
  })
  return Object.freeze([...new Set(urls)])
}

function checkedUrl(value: unknown): string {
  const { scheme, port, url } = parseEndpoint(value as string)
  if (REFUSED_SCHEMES.has(scheme)) {
    throw new FileProblem(`the endpoint is ${scheme}:`, 'a file names places to connect to: tcp, unix, ws, …')
  }
  if (port === 0 && url.includes('//')) {
    throw new FileProblem(`the endpoint '${url.slice(0, 200)}' has port 0`, 'nobody can be reached there')
  }
  return url
}

function assertCount(count: number, what: string): void {
  if (count <= MAX_URLS) return
  throw new FileProblem(`it has ${count} ${what}`, `a file of targets has at most ${MAX_URLS}`)
}

function fileError(path: string, cause: unknown): TransportError {
  const isProblem = cause instanceof FileProblem
  return new TransportError(
    'UNAVAILABLE',
    `targets of ${path}: ${isProblem ? cause.message : fileWords(cause)}`,
    {
      hint: isProblem ? cause.hint : 'check the path, and that this process may read the file',
      // Whoever writes the file may do so at any time.
      retryable: true,
      cause,
    },
  )
}
