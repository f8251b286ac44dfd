// What a page gets: it needs nothing of Node, also when everything else is taken away, and peers in it talk to each other.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import { gzipSync } from 'node:zlib'
import { build } from 'rolldown'
import { expect, it } from 'vitest'
import { readJson, root } from '../../../scripts/workspace.mjs'
import { sourceAliases } from './programs.js'

const BROWSER_ENTRY = join(root, 'packages/peerplex/src/browser.ts')

async function bundle(minify: boolean): Promise<string> {
  const warnings: string[] = []
  const result = await build({
    input: BROWSER_ENTRY,
    platform: 'browser',
    resolve: { alias: sourceAliases() },
    output: { format: 'iife', name: 'Peerplex', minify },
    write: false,
    onLog: (_level, log) => warnings.push(log.message),
  })
  const [chunk, ...others] = result.output
  expect([others, warnings, chunk.imports, chunk.dynamicImports]).toEqual([[], [], [], []])
  return chunk.code
}

/** Runs in the page. */
const PROGRAM = `(async () => {
  const { createPeer, PeerplexError } = Peerplex
  const b = createPeer({ id: 'b' })
  b.handle({
    add: ([x, y]) => x + y,
    ticks: async function* (n) { for (let i = 0; i < n; i++) yield i },
  })
  await b.bind('memory:page')
  const a = createPeer({ id: 'a' })
  a.connect('memory:page')
  const sum = await a.call('add', [2, 3])
  const ticks = []
  for await (const tick of a.stream('ticks', 3)) ticks.push(tick)
  const missing = await a.call('ad').catch((error) => error)
  let wrong
  try { a.connect('tcp://127.0.0.1:1') } catch (error) { wrong = error }
  await Promise.all([a.close(), b.close()])
  return JSON.stringify([
    [typeof process, typeof Buffer, typeof require],
    sum, ticks, missing instanceof PeerplexError, missing.code, wrong.code, wrong.hint,
  ])
})()`

it('is the entry that the manifest names for browsers', () => {
  const { exports } = readJson(join(root, 'packages/peerplex/package.json'))
  expect(exports['.'].browser).toBe('./dist/browser.js')
})

it('imports nothing of Node and runs where there is none, and where no code may be made from text', async () => {
  const code = await bundle(false)
  expect(code.match(/["'`]node:[\w/]+["'`]|\brequire\(|\bimport\(/g)).toBe(null)
  const page = createContext(
    {
      TextEncoder,
      TextDecoder,
      AbortController,
      AbortSignal,
      DOMException,
      ReadableStream,
      WritableStream,
      MessageChannel,
      performance,
      queueMicrotask,
      setTimeout: (run: () => void, ms: number) => setTimeout(run, ms)[Symbol.toPrimitive](),
      clearTimeout: (id: number) => clearTimeout(id),
    },
    { codeGeneration: { strings: false, wasm: false } },
  )
  const printed = await runInContext(`${code}\n${PROGRAM}`, page)
  expect(JSON.parse(printed)).toEqual([
    ['undefined', 'undefined', 'undefined'],
    5,
    [0, 1, 2],
    true,
    'UNIMPLEMENTED',
    'INVALID_ARGUMENT',
    'this peer has transports for memory',
  ])
})

it('has a size', async () => {
  const [plain, minified] = await Promise.all([bundle(false), bundle(true)])
  const gzipBytes = gzipSync(minified, { level: 9 }).length
  console.log(`browser bundle: ${plain.length} bytes, minified ${minified.length}, with gzip ${gzipBytes}`)
  // Not a budget, only what would be noticed as a dependency that slipped in.
  expect(gzipBytes).toBeLessThan(100_000)
})

it('a page imports the same names as Node, values and types', () => {
  const exported = (entry: string): string[] | null =>
    readFileSync(join(root, 'packages/peerplex/src', entry), 'utf8').match(/^export (type )?\{[^}]*\}.*$/gm)
  expect(exported('browser.ts')).not.toBeNull()
  expect(exported('browser.ts')).toEqual(exported('index.ts'))
})
