import { fileURLToPath } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import { build } from 'rolldown'
import { expect, it } from 'vitest'

const sourceOf = (name: string, entry = 'index') =>
  fileURLToPath(new URL(`../../${name}/src/${entry}.ts`, import.meta.url))

/** Runs in the page: every codec there and back, an error, and what the classes of the results are called. */
const PROGRAM = `
  const registry = Bundle.standardCodecs()
  const value = { text: 'né😀'.repeat(30), list: [1, -0.5, null, 2n ** 60n], at: new Date(5), data: new Uint8Array([1, 2]) }
  const back = registry.byName('msgpack').decode(registry.byName('msgpack').encode(value))
  const json = registry.byName('json')
  const text = registry.byName('text')
  const raw = registry.byName('raw')
  let failure
  try { json.encode([() => 1]) } catch (error) { failure = error.code + ' ' + error.message }
  JSON.stringify([
    typeof Buffer,
    typeof process,
    registry.announce(),
    back.text === value.text,
    String(back.list[3]),
    back.at.getTime(),
    back.data.constructor === Uint8Array,
    json.decode(json.encode({ a: [1, 'é'] })),
    text.decode(text.encode('é')),
    raw.decode(raw.encode(new Uint16Array([1]))).length,
    failure,
  ])
`

it('runs where there is neither Node nor Buffer, and where no code may be made from text', async () => {
  const warnings: string[] = []
  const result = await build({
    input: sourceOf('codec'),
    platform: 'browser',
    resolve: {
      alias: { '@peerplex/wire/internal': sourceOf('wire', 'internal'), '@peerplex/wire': sourceOf('wire') },
    },
    output: { format: 'iife', name: 'Bundle' },
    write: false,
    onLog: (_level, log) => warnings.push(log.message),
  })
  const [chunk, ...others] = result.output
  expect([others, warnings, chunk.imports, chunk.dynamicImports]).toEqual([[], [], [], []])
  expect(chunk.code).not.toMatch(/\bnode:|\brequire\(|msgpackr/)

  const page = createContext(
    { TextEncoder, TextDecoder },
    { codeGeneration: { strings: false, wasm: false } },
  )
  // The encoder of the page makes arrays of this realm; only there are they not the page's own.
  const printed = runInContext(`${chunk.code}\n${PROGRAM}`, page)
  expect(JSON.parse(printed)).toEqual([
    'undefined',
    'undefined',
    'msgpack,json,text,raw',
    true,
    '1152921504606846976',
    5,
    true,
    { a: [1, 'é'] },
    'é',
    2,
    'INVALID_ARGUMENT codec json cannot encode this: value[0] is a function, and functions as arguments are not available on this call',
  ])
})
