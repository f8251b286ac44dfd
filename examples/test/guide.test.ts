import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'rolldown'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '../../scripts/workspace.mjs'
import { blocksOf, checkTypes, makeFolder, removeFolder, run } from './support.js'

const guide = join(root, 'docs/guide')
const blocks = readdirSync(guide)
  .filter((name) => name.endsWith('.md'))
  .sort()
  .flatMap((page) =>
    blocksOf(readFileSync(join(guide, page), 'utf8')).map((block) => ({
      ...block,
      title: `${page} line ${block.line}`,
      file: `${page.replace(/\.md$/, '')}-${block.line}.${/^ts|^typescript/.test(block.language) ? 'ts' : 'mjs'}`,
    })),
  )

let folder = ''

beforeAll(async () => {
  folder = await makeFolder()
  for (const { file, code } of blocks) writeFileSync(join(folder, file), code)
  await build({
    input: blocks.map(({ file }) => join(folder, file)),
    platform: 'neutral',
    // What the blocks import stays an import: they run against the package. Helpers of the compiler start with a \0 or a @.
    external: /^(node:|peerplex)/,
    transform: { target: 'es2022' },
    output: { dir: join(folder, 'out'), format: 'esm', entryFileNames: '[name].mjs' },
    logLevel: 'warn',
  })
})

afterAll(() => removeFolder(folder))

it('has programs', () => {
  expect(blocks.length).toBeGreaterThan(12)
  expect(new Set(blocks.map(({ file }) => file)).size).toBe(blocks.length)
})

it('is right in its types', () => {
  expect(checkTypes(folder, { files: blocks.map(({ file }) => file) })).toEqual([])
})

describe.each(blocks)('$title', ({ file, output }) => {
  it('runs, prints what the page says and ends by itself', async () => {
    const ended = await run(join(folder, 'out', file.replace(/\.ts$/, '.mjs')))
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: '' })
    if (output !== undefined) expect(ended.stdout).toBe(output)
  })
})
