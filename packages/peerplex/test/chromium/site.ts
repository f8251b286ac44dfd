/**
 * Owns: a web server on loopback that allows its pages nothing but their own scripts and connections, and the scripts, made from the
 * sources as they are now.
 * Must not know: what the scripts do, who opens the pages.
 */
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { build } from 'rolldown'
import { browserAliases, SCRIPTS, scriptCode } from '../../../../scripts/build.mjs'
import { root } from '../../../../scripts/workspace.mjs'
import { listen } from '../support.js'

/** No inline script, no code from text, nothing of anybody else's; a script of a worker is held to the same. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "connect-src 'self' ws:",
  "worker-src 'self'",
  "style-src 'self'",
].join('; ')

/** How a page gets the library: through a bundler, or with a script tag. */
export type Build = 'esm' | 'iife' | 'json'

/** What scripts are made from; a page asks for few of them. */
const SOURCES: Readonly<Record<string, () => Promise<string>>> = {
  '/esm.js': () => bundled('page-esm.ts'),
  '/json.js': () => bundled('page-json.ts'),
  '/global.js': () => bundled('page-global.ts'),
  '/worker.js': () => bundled('worker.ts'),
  '/answering.js': () => bundled('answering.ts'),
  '/peerplex.iife.js': () => scriptCode(SCRIPTS[0] as (typeof SCRIPTS)[0]),
}

const PAGES: Readonly<Record<string, readonly string[]>> = {
  '/esm': ['/esm.js'],
  '/json': ['/json.js'],
  '/iife': ['/peerplex.iife.js', '/global.js'],
}

interface File {
  readonly type: string
  readonly body: string
}

const NOT_FOUND: File = { type: 'text/plain', body: '' }

export class Site {
  readonly #server: Server
  /** Made once, when somebody asks. */
  readonly #files: Map<string, Promise<File>> = new Map()
  #origin = ''

  constructor() {
    this.#server = createServer(async ({ url = '/' }, response) => {
      const file = await this.#file(new URL(url, this.#origin).pathname).catch(() => NOT_FOUND)
      response.writeHead(file === NOT_FOUND ? 404 : 200, {
        'content-type': `${file.type}; charset=utf-8`,
        'content-security-policy': POLICY,
        'cache-control': 'no-store',
      })
      response.end(file.body)
    })
  }

  async start(): Promise<this> {
    this.#origin = `http://127.0.0.1:${await listen(this.#server)}`
    return this
  }

  /** Without a slash at the end. */
  get origin(): string {
    return this.#origin
  }

  /** Rejects when a script of the page cannot be made. */
  async urlOf(page: Build): Promise<string> {
    const path = `/${page}`
    await Promise.all((PAGES[path] ?? []).map((script) => this.#file(script)))
    return this.#origin + path
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  #file(path: string): Promise<File> {
    const known = this.#files.get(path)
    if (known !== undefined) return known
    const file = makeFile(path)
    this.#files.set(path, file)
    return file
  }
}

async function makeFile(path: string): Promise<File> {
  const makeScript = SOURCES[path]
  if (makeScript !== undefined) return { type: 'text/javascript', body: await makeScript() }
  const scripts = PAGES[path]
  if (scripts === undefined) return NOT_FOUND
  const tags = scripts.map((src) => `<script src="${src}"></script>`).join('')
  return { type: 'text/html', body: `<!doctype html><title>${path}</title><body>${tags}</body>` }
}

/** One script of this folder, with the library in it when it imports that; as a classic script, which ends with the page's. */
async function bundled(file: string): Promise<string> {
  const { output } = await build({
    input: join(root, 'packages/peerplex/test/chromium', file),
    platform: 'browser',
    resolve: { alias: browserAliases() },
    transform: { target: 'es2022' },
    output: { dir: root, format: 'iife' },
    write: false,
    logLevel: 'warn',
  })
  return output[0].code
}
