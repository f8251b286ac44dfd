import { existsSync } from 'node:fs'
import { build, type OutputChunk } from 'rolldown'
import { describe, expect, it } from 'vitest'
import { bundleRuns } from './bundles.mjs'
import { packageEntries, workspacePackages } from './workspace.mjs'

const packages = workspacePackages().filter((pkg) => pkg.manifest.private !== true)

/** What a build would write now, by package and file: `@peerplex/wire/internal.js`. */
const files = new Map<string, OutputChunk>()
for (const pkg of packages) {
  for (const run of bundleRuns(pkg)) {
    const { output } = await build({ ...run, write: false })
    for (const file of output) {
      if (file.type === 'chunk') files.set(`${pkg.manifest.name}/${file.fileName}`, file)
    }
  }
}

const entries = packages.flatMap((pkg) =>
  packageEntries(pkg)
    .filter((entry) => existsSync(entry.source))
    .map((entry) => ({ ...entry, file: `${pkg.manifest.name}/${entry.output}` })),
)

/** Where an import of a file leads: another file of its package, an entry of a package, or out of the repository. */
function target(file: string, specifier: string): string {
  const entry = entries.find((each) => each.specifier === specifier)
  if (entry) return entry.file
  const name = packages.find((pkg) => file.startsWith(`${pkg.manifest.name}/`))?.manifest.name
  const sibling = `${name}/${specifier}`
  return files.has(sibling) ? sibling : specifier
}

/** All that is loaded with a file. */
function loadedWith(file: string, found: Set<string> = new Set()): Set<string> {
  if (found.has(file)) return found
  found.add(file)
  for (const specifier of files.get(file)?.imports ?? []) loadedWith(target(file, specifier), found)
  return found
}

async function exportsOfSource(source: string): Promise<string[]> {
  const { output } = await build({ input: source, external: /^[^./]/, platform: 'neutral', write: false })
  return output[0].exports
}

describe('the shipped modules', () => {
  it('are few where `peerplex` is imported in Node, and load no part of Node', () => {
    expect([...loadedWith('peerplex/index.js')].sort()).toEqual([
      '@peerplex/peer/internal.js',
      '@peerplex/rpc/index.js',
      '@peerplex/wire/internal.js',
      'peerplex/index.js',
    ])
  })

  it.each(entries)('$specifier exports what its source does', async ({ file, source, output }) => {
    const names = files.get(file)?.exports
    const expected = await exportsOfSource(source)
    // It holds the others too.
    if (output === 'internal.js') expect(names).toEqual(expect.arrayContaining(expected))
    else expect(names?.toSorted()).toEqual(expected.toSorted())
  })

  it('hold each module once, but for functions that `peerplex` takes in', () => {
    const places = new Map<string, string[]>()
    for (const [file, { modules }] of files) {
      for (const id of Object.keys(modules)) {
        // The others are lists of names that the build makes.
        if (existsSync(id)) places.set(id, [...(places.get(id) ?? []), file])
      }
    }
    const ownersOf = (ids: string[]) =>
      new Set(ids.map((id) => packages.find((pkg) => id.includes(`/${pkg.dir}/`))?.manifest.name ?? id))
    expect([...ownersOf([...places.keys()])]).toEqual(
      expect.arrayContaining(['@peerplex/wire', '@peerplex/peer', '@peerplex/rpc']),
    )
    const many = [...places].filter(([, where]) => where.length > 1)
    expect([...ownersOf(many.map(([id]) => id))].sort()).toEqual([
      '@peerplex/codec',
      '@peerplex/transport-net',
      '@peerplex/transport-port',
      '@peerplex/transport-ws',
      'peerplex',
    ])
  })
})
