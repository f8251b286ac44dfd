import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { projectFiles, root } from './workspace.mjs'

// Written in parts, because this file is searched too.
const part = (...pieces: string[]): string => pieces.join('')

/** Names that tie a file to one machine or to one place to fetch packages from. */
const LOCAL_NAMES: readonly { what: string; pattern: RegExp }[] = [
  { what: 'the host of a registry', pattern: new RegExp(part('\\bregis', 'try\\.[a-z0-9-]+\\.[a-z]+'), 'i') },
  {
    what: 'the host of a registry',
    pattern: new RegExp(
      part('\\b(npm', 'js\\.(org|com)|npm', 'mirror\\.|verdac', 'cio|artifac', 'tory)'),
      'i',
    ),
  },
  { what: 'a token of a registry', pattern: new RegExp(part('_auth', 'Token'), 'i') },
  {
    what: 'a folder of a machine',
    pattern: new RegExp(part('(?<![\\w.~-])/(ro', 'ot|wo', 'rk|ho', 'me/\\w+|Use', 'rs/\\w+)/')),
  },
]

/** In the lockfile no address at all has a place: a package is a name, a version and a checksum. */
const LOCKFILE_NAMES: readonly { what: string; pattern: RegExp }[] = [
  { what: 'an address', pattern: /:\/\// },
  { what: 'where a package came from', pattern: new RegExp(part('\\b(reso', 'lved|tar', 'ball):')) },
]

function localNames(path: string, text: string): string[] {
  const rules = path === 'pnpm-lock.yaml' ? [...LOCAL_NAMES, ...LOCKFILE_NAMES] : LOCAL_NAMES
  return text
    .split('\n')
    .flatMap((line, index) =>
      rules
        .filter(({ pattern }) => pattern.test(line))
        .map(({ what }) => `${path}:${index + 1} names ${what}`),
    )
}

describe('files of the project', () => {
  const paths = projectFiles()

  it('are found', () => {
    expect(paths).toEqual(expect.arrayContaining(['package.json', 'pnpm-lock.yaml', 'scripts/workspace.mjs']))
    expect(paths.filter((path) => /(^|\/)(node_modules|dist)\//.test(path))).toEqual([])
  })

  it('name no registry and no folder of a machine', () => {
    const found = paths.flatMap((path) => localNames(path, readFileSync(join(root, path), 'utf8')))
    expect(found).toEqual([])
  })

  it('do not name the folder they are in, nor the home of whoever runs this', () => {
    const own = [root, homedir()].filter((path) => path.split('/').length > 2)
    const found = paths.filter((path) => {
      const text = readFileSync(join(root, path), 'utf8')
      return own.some((name) => text.includes(name))
    })
    expect(found).toEqual([])
  })

  it('hold no lockfile of another package manager', () => {
    expect(
      paths.filter((path) => /(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock)$/.test(path)),
    ).toEqual([])
  })
})

describe('the search', () => {
  it.each([
    ['a.md', part('see https://regis', 'try.example.com/x')],
    ['a.md', part('see https://www.npm', 'js.com/package/x')],
    ['a.md', part('cd /ro', 'ot/x')],
    ['a.md', part('"/wo', 'rk/x"')],
    ['a.md', part('/ho', 'me/someone/x')],
    ['pnpm-lock.yaml', part('resolution: {integrity: x, tar', 'ball: x}')],
    ['pnpm-lock.yaml', 'https://example.com'],
  ])('finds %s: %s', (path, text) => {
    expect(localNames(path, text)).not.toEqual([])
  })

  it.each([
    ['a.md', 'https://example.com/work/x and packages/work/x and ./root/x'],
    ['a.ts', 'class CodecRegistry { registry.get(name) }'],
  ])('leaves alone %s: %s', (path, text) => {
    expect(localNames(path, text)).toEqual([])
  })
})
