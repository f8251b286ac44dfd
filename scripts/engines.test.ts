import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { satisfies } from 'semver'
import { describe, expect, it } from 'vitest'
import { readJson, root, workspacePackages } from './workspace.mjs'

/** The oldest Node that is tested; an installed package that asks for more would break there. */
const NODE_VERSION = '20.20.2'

/** Packages that may ask for another Node, each with the reason. */
const EXCEPTIONS: Readonly<Record<string, string>> = {}

type Installed = { name: string; version: string; engines?: { node?: string } }

function installedPackages(): Installed[] {
  const store = join(root, 'node_modules/.pnpm')
  const found: Installed[] = []
  for (const slot of readdirSync(store)) {
    const modules = join(store, slot, 'node_modules')
    if (slot === 'node_modules' || !existsSync(modules)) continue
    for (const entry of readdirSync(modules, { withFileTypes: true })) {
      // What a slot holds itself is a directory; what it depends on is a link to another slot.
      if (!entry.isDirectory()) continue
      const dirs = entry.name.startsWith('@')
        ? readdirSync(join(modules, entry.name), { withFileTypes: true })
            .filter((scoped) => scoped.isDirectory())
            .map((scoped) => join(modules, entry.name, scoped.name))
        : [join(modules, entry.name)]
      for (const dir of dirs) {
        if (existsSync(join(dir, 'package.json'))) found.push(readJson(join(dir, 'package.json')))
      }
    }
  }
  return found
}

function misfits(packages: Installed[]): string[] {
  return packages
    .filter(({ engines }) => typeof engines?.node === 'string' && !satisfies(NODE_VERSION, engines.node))
    .map(({ name, version, engines }) => `${name}@${version} wants Node ${engines?.node}`)
    .filter((line) => !EXCEPTIONS[line.slice(0, line.indexOf(' '))])
}

describe('engines', () => {
  const installed = installedPackages()

  it('finds the installed tree', () => {
    const names = installed.map((pkg) => pkg.name)
    expect(names).toEqual(expect.arrayContaining(['vitest', '@biomejs/biome', 'typescript', 'vite']))
    expect(installed.length).toBeGreaterThan(60)
  })

  it(`lets every installed package run on Node ${NODE_VERSION}`, () => {
    expect(misfits(installed)).toEqual([])
  })

  it('would notice one that does not', () => {
    expect(misfits([{ name: 'a', version: '1.0.0', engines: { node: '>=22.12' } }])).toHaveLength(1)
  })

  it('has no exception that is not needed', () => {
    const versions = installed.map(({ name, version }) => `${name}@${version}`)
    expect(Object.keys(EXCEPTIONS).filter((name) => !versions.includes(name))).toEqual([])
  })

  it('promises the same Node in every manifest', () => {
    const own = workspacePackages().map((pkg) => pkg.manifest.engines?.node)
    expect(new Set([...own, readJson(join(root, 'package.json')).engines.node])).toEqual(new Set(['>=20.19']))
    expect(satisfies(NODE_VERSION, '>=20.19')).toBe(true)
  })
})
