// What a page gets: it needs nothing of Node, also when everything else is taken away, and peers in it talk to each other.

import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import { build } from 'rolldown'
import { expect, it } from 'vitest'
import { browserAliases } from '../../../scripts/build.mjs'
import { readJson, root } from '../../../scripts/workspace.mjs'
import { createPeer } from '../src/browser.js'
import { createPeer as createJsonPeer } from '../src/json.js'

const ENTRIES = ['browser', 'json']

async function bundle(entry: string): Promise<string> {
  const warnings: string[] = []
  const result = await build({
    input: join(root, 'packages/peerplex/src', `${entry}.ts`),
    platform: 'browser',
    resolve: { alias: browserAliases() },
    output: { format: 'iife', name: 'Peerplex' },
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

it('is made of the entries that the manifest names for browsers', () => {
  const { exports } = readJson(join(root, 'packages/peerplex/package.json'))
  expect(exports['.'].browser).toBe('./dist/browser.js')
  expect(exports['./json'].default).toBe('./dist/json.js')
})

it.each(ENTRIES)('%s imports nothing of Node and runs where no code may be made from text', async (entry) => {
  const code = await bundle(entry)
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
    'this peer has transports for memory, ws, wss',
  ])
})

it('what is shipped leads a bundler to code for browsers only', async (context) => {
  const dist = join(root, 'packages/peerplex/dist')
  const missing = ['browser.js', 'json.js', 'peerplex.iife.js'].find((file) => !existsSync(join(dist, file)))
  if (missing !== undefined) context.skip(`packages/peerplex/dist has no ${missing}: build first`)
  const modulesOf = async (specifier: string): Promise<string[]> => {
    const { output } = await build({
      // A package may import itself by its name, as others do.
      input: specifier,
      cwd: join(root, 'packages/peerplex/test'),
      platform: 'browser',
      output: { codeSplitting: false },
      write: false,
    })
    const [chunk] = output
    expect([...chunk.imports, ...chunk.dynamicImports]).toEqual([])
    return chunk.moduleIds
  }
  const whole = await modulesOf('peerplex')
  const jsonOnly = await modulesOf('peerplex/json')
  for (const modules of [whole, jsonOnly]) {
    expect(modules.filter((file) => !/\/packages\/[\w-]+\/dist\//.test(file))).toEqual([])
    expect(modules.filter((file) => /transport-net|transport-ws\/dist\/index/.test(file))).toEqual([])
  }
  const ofCodec = (modules: string[]): string[] =>
    modules.filter((file) => file.includes('/codec/')).map((file) => basename(file))
  expect(ofCodec(whole)).toContain('index.js')
  expect(ofCodec(jsonOnly)).not.toContain('index.js')
})

it('a peer of peerplex/json has no msgpack, says so, and talks to one that has it', async () => {
  const json = createJsonPeer({ id: 'json' })
  expect(() => createJsonPeer({ codec: 'msgpack' })).toThrow("no codec 'msgpack'")
  json.handle('twice', (n: number) => 2 * n)
  const whole = createPeer({ id: 'whole' })
  const { port1, port2 } = new MessageChannel()
  await json.bind(port1)
  await whole.connect(port2).ready
  expect(await whole.call('twice', 21)).toBe(42)
  await expect(whole.call('twice', 21, { codec: 'msgpack' })).rejects.toMatchObject({
    code: 'UNSUPPORTED_CODEC',
  })
  await Promise.all([json.close(), whole.close()])
})

it('a page imports the same names as Node, values and types', () => {
  const exported = (entry: string): string[] | null =>
    readFileSync(join(root, 'packages/peerplex/src', entry), 'utf8').match(/^export (type )?\{[^}]*\}.*$/gm)
  expect(exported('browser.ts')).not.toBeNull()
  expect(exported('browser.ts')).toEqual(exported('index.ts'))
  const ofJson = exported('json.ts')?.map((line) => line.replace('./assemble.js', './create-peer.js'))
  expect(ofJson).toEqual(exported('index.ts'))
})
