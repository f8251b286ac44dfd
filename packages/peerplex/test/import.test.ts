// What `import 'peerplex'` costs and gives in Node, on the build: few files, no part of Node that only sockets need, and classes that are those of the
// packages beneath.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, type TestContext } from 'vitest'
import { root } from '../../../scripts/workspace.mjs'

/** Runs a module in a bare Node, as if it stood in the package `peerplex`; gives what it prints as JSON. */
function run(context: TestContext, code: string, env: Record<string, string> = {}): unknown {
  const built = ['peerplex/dist/index.js', 'rpc/dist/index.js', 'wire/dist/internal.js']
  const missing = built.find((file) => !existsSync(join(root, 'packages', file)))
  if (missing !== undefined) context.skip(`there is no packages/${missing}: build first`)
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', `${code}; process.exit()`],
    {
      cwd: join(root, 'packages/peerplex'),
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '', ...env },
    },
  )
  expect([status, stderr]).toEqual([0, ''])
  return JSON.parse(stdout)
}

it('loads one file of each package whose classes a program sees', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'peerplex-import-'))
  try {
    run(context, "await import('peerplex'); console.log(1)", { NODE_V8_COVERAGE: folder })
    const scripts = readdirSync(folder).flatMap(
      (file): { url: string }[] => JSON.parse(readFileSync(join(folder, file), 'utf8')).result,
    )
    const files = scripts
      .filter(({ url }) => /^file:.*\/dist\//.test(url))
      .map(({ url }) => relative(join(root, 'packages'), fileURLToPath(url)).split(sep).join('/'))
    expect(files.sort()).toEqual([
      'peer/dist/internal.js',
      'peerplex/dist/index.js',
      'rpc/dist/index.js',
      'wire/dist/internal.js',
    ])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

it('loads no part of Node that sockets need, not even when peers are made', (context) => {
  const loaded = run(
    context,
    `await import('node:path')
    const before = new Set(process.moduleLoadList)
    const { createPeer } = await import('peerplex')
    const [a, b] = [createPeer(), createPeer()]
    b.handle('add', ([x, y]) => x + y)
    await b.bind('memory:import')
    a.connect('memory:import')
    const sum = await a.call('add', [1, 2])
    const added = process.moduleLoadList.filter((name) => name.startsWith('NativeModule') && !before.has(name))
    console.log(JSON.stringify([sum, ...added.map((name) => name.replace('NativeModule ', ''))]))`,
  ) as [number, ...string[]]
  const [sum, ...names] = loaded
  expect(sum).toBe(3)
  const forSockets =
    /^(net|tls|http|https|http2|dns|crypto|stream|worker_threads|child_process|fs\/promises|zlib)$/
  expect(names.filter((name) => forSockets.test(name))).toEqual([])
})

it('gives the classes of the packages beneath, and errors of sockets are among them', (context) => {
  const [same, differing, isInstance] = run(
    context,
    `const whole = await import('peerplex')
    const beneath = [await import('@peerplex/wire'), await import('@peerplex/rpc')]
    const same = []
    const differing = []
    for (const [name, value] of Object.entries(whole)) {
      if (typeof value !== 'function' || name === 'createPeer') continue
      if (beneath.some((each) => each[name] === value)) same.push(name)
      else differing.push(name)
    }
    const errors = []
    for (const url of ['tcp://127.0.0.1:99999', 'unix:' + '/long'.repeat(50), 'ws://127.0.0.1:0/a b']) {
      const peer = whole.createPeer()
      errors.push(await peer.bind(url).catch((error) => error))
      await peer.close()
    }
    const isInstance = errors.map((error) => error instanceof beneath[0].PeerplexError)
    console.log(JSON.stringify([same, differing, isInstance]))`,
  ) as [string[], string[], boolean[]]
  expect(differing).toEqual([])
  expect(same).toEqual(expect.arrayContaining(['PeerplexError', 'UsageError', 'Headers', 'Peer', 'Context']))
  expect(isInstance).toEqual([true, true, true])
})
