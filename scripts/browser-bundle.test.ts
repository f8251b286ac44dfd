import { existsSync } from 'node:fs'
import { createContext, runInContext } from 'node:vm'
import { build } from 'rolldown'
import { describe, expect, it } from 'vitest'
import { packageEntries, workspacePackages } from './workspace.mjs'

/** What a page offers beyond the language, as far as these packages may use it while they load. */
const PAGE_GLOBALS = { TextEncoder, TextDecoder }

const PORTABLE = [
  '@peerplex/wire',
  '@peerplex/codec',
  '@peerplex/transport-port',
  '@peerplex/peer',
  '@peerplex/rpc',
]

const entries = workspacePackages()
  .filter((pkg) => PORTABLE.includes(pkg.manifest.name))
  .flatMap((pkg) => packageEntries(pkg))

async function bundleForBrowser(source: string) {
  const warnings: string[] = []
  const result = await build({
    input: source,
    platform: 'browser',
    output: { format: 'iife', name: 'Bundle' },
    write: false,
    onLog: (_level, log) => warnings.push(log.message),
  })
  const [chunk, ...others] = result.output
  expect(others).toEqual([])
  return { ...chunk, warnings }
}

describe('bundle for the browser', () => {
  it('is tried for every entry', () => {
    expect(entries.map((entry) => entry.specifier)).toContain('@peerplex/wire')
  })

  it.each(entries)('of $specifier stands alone and loads without Node', async ({ source, specifier }) => {
    expect(existsSync(source), `${specifier} has a source`).toBe(true)
    const bundle = await bundleForBrowser(source)
    expect(bundle.warnings).toEqual([])
    expect([...bundle.imports, ...bundle.dynamicImports]).toEqual([])
    expect(bundle.code).not.toMatch(/\bnode:|\brequire\(/)
    const names = runInContext(`${bundle.code}\nObject.keys(Bundle)`, createContext({ ...PAGE_GLOBALS }))
    expect([...names].sort()).toEqual([...bundle.exports].sort())
  })
})
