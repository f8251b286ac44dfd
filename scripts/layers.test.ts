import { describe, expect, it } from 'vitest'
import { LAYERS, layerProblems, MAX_SOURCE_LINES } from './layers.mjs'
import type { Manifest } from './workspace.mjs'

function workspacePackage(name: string, manifest: Partial<Manifest> = {}) {
  return { dir: `packages/${name}`, manifest: { name: `@peerplex/${name}`, ...manifest } }
}

function problemsOfSource(text: string, { name = 'wire', file = 'src/a.ts', manifest = {} } = {}): string[] {
  return layerProblems([workspacePackage(name, manifest)], [{ path: `packages/${name}/${file}`, text }])
}

describe('arrows between packages', () => {
  it('accepts an arrow of the architecture', () => {
    const peer = workspacePackage('peer', { dependencies: { '@peerplex/wire': 'workspace:^' } })
    expect(layerProblems([peer], [])).toEqual([])
  })

  it.each(['dependencies', 'peerDependencies', 'optionalDependencies'])(
    'refuses another arrow in %s',
    (kind) => {
      const wire = workspacePackage('wire', { [kind]: { '@peerplex/peer': 'workspace:^' } })
      expect(layerProblems([wire], [])).toEqual([
        `packages/wire/package.json: @peerplex/wire -> @peerplex/peer (${kind}) is not an arrow of the architecture`,
      ])
    },
  )

  it('leaves development dependencies alone', () => {
    const wire = workspacePackage('wire', { devDependencies: { '@peerplex/peer': 'workspace:^' } })
    expect(layerProblems([wire], [])).toEqual([])
  })

  it('refuses an outside package without a row, and accepts one with', () => {
    const ws = { dependencies: { ws: 'catalog:' } }
    expect(layerProblems([workspacePackage('peer', ws)], [])).toHaveLength(1)
    expect(layerProblems([workspacePackage('transport-ws', ws)], [])).toEqual([])
  })

  it('refuses a package without a row', () => {
    expect(layerProblems([workspacePackage('brand-new')], [])).toHaveLength(1)
  })

  it('lets the package a user installs and the command reach what they need', () => {
    const command = { dependencies: { '@peerplex/conformance': 'workspace:^', cac: 'catalog:' } }
    expect(layerProblems([workspacePackage('cli', command)], [])).toEqual([])
    const outside = { dependencies: { express: 'catalog:' } }
    expect(layerProblems([workspacePackage('cli', outside)], [])).toHaveLength(1)
  })

  it('has no cycle', () => {
    const seen = new Set<string>()
    const walk = (name: string, path: string[]): void => {
      expect(path).not.toContain(name)
      for (const next of LAYERS[name]?.uses ?? []) if (next !== '*') walk(next, [...path, name])
      seen.add(name)
    }
    for (const name of Object.keys(LAYERS)) walk(name, [])
    expect(seen.size).toBe(Object.keys(LAYERS).length)
  })
})

describe('source files', () => {
  it('may be as long as the limit and no longer', () => {
    expect(problemsOfSource('//\n'.repeat(MAX_SOURCE_LINES))).toEqual([])
    expect(problemsOfSource('//\n'.repeat(MAX_SOURCE_LINES + 1))).toEqual([
      'packages/wire/src/a.ts: 451 lines, at most 450 in a source file',
    ])
    expect(problemsOfSource('//\n'.repeat(MAX_SOURCE_LINES + 1), { file: 'src/a.test.ts' })).toEqual([])
  })

  it.each([
    "import { readFile } from 'node:fs'",
    "import type { Socket } from 'node:net'",
    "export { readFile } from 'node:fs'",
    "export type A = import('node:fs').Stats",
    "await import('node:fs')",
    "import 'node:fs'",
    "import { EventEmitter } from 'events'",
  ])('of a portable package must not say: %s', (text) => {
    for (const name of ['wire', 'codec', 'peer', 'rpc', 'transport-port']) {
      expect(problemsOfSource(text, { name })).toEqual([expect.stringContaining('is a part of Node')])
    }
    expect(problemsOfSource(text, { name: 'transport-net' })).toEqual([])
  })

  it('are judged by their code, not by what a comment or a string says', () => {
    expect(problemsOfSource("// import 'node:fs'\nexport const a: string = \"export * from 'b'\"\n")).toEqual(
      [],
    )
  })

  it.each(['export default 1', 'const a = 1\nexport { a as default }', "export { default } from './b.js'"])(
    'must not export a default: %s',
    (text) => {
      expect(problemsOfSource(text)).toEqual(['packages/wire/src/a.ts: default export'])
    },
  )

  it('of a configuration may export a default', () => {
    expect(layerProblems([], [{ path: 'vitest.config.ts', text: 'export default {}' }])).toEqual([])
  })

  it.each(["export * from './b.js'", "export * as b from './b.js'"])('must not say %s', (text) => {
    expect(problemsOfSource(text)).toEqual(['packages/wire/src/a.ts: export *'])
  })

  it('import only what their manifest declares, and themselves', () => {
    const text = "import { Session } from '@peerplex/wire/internal'"
    const manifest = { dependencies: { '@peerplex/wire': 'workspace:^' } }
    expect(problemsOfSource(text, { name: 'peer', manifest })).toEqual([])
    expect(problemsOfSource(text, { name: 'wire' })).toEqual([])
    expect(problemsOfSource(text, { name: 'peer' })).toEqual([
      'packages/peer/src/a.ts: @peerplex/wire/internal is not among the dependencies of @peerplex/peer',
    ])
  })

  it('do not reach into another package by path', () => {
    expect(problemsOfSource("import '../b.js'", { file: 'src/c/a.ts' })).toEqual([])
    expect(problemsOfSource("import '../../peer/src/b.js'")).toEqual([
      'packages/wire/src/a.ts: ../../peer/src/b.js leaves the package',
    ])
  })

  it('that cannot be read are a problem', () => {
    expect(problemsOfSource('export const = 1')).not.toEqual([])
  })
})
