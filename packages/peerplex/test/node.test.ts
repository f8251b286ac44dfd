// `peerplex/node`: a channel as a stream of Node, and targets that only Node can look up.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createPeer, UsageError } from 'peerplex'
import { dnsTargets, fileTargets, type TargetResolver, toNode } from 'peerplex/node'
import { afterEach, beforeEach, expect, it } from 'vitest'

let a: ReturnType<typeof createPeer>
let b: ReturnType<typeof createPeer>

beforeEach(async () => {
  a = createPeer()
  b = createPeer()
  const { url } = await b.bind('memory:node-streams')
  await a.connect(url).ready
})

afterEach(async () => {
  await Promise.all([a.close(), b.close()])
})

it('pipes both ways, keeps half-close and the values', async () => {
  b.accept('upper', async (channel) => {
    const upper = new Transform({
      objectMode: true,
      transform: (word: string, _encoding, done) => done(null, word.toUpperCase()),
    })
    const duplex = toNode(channel)
    await pipeline(duplex, upper, duplex)
  })
  const seen: unknown[] = []
  const collect = new Writable({
    objectMode: true,
    write: (word, _encoding, done) => {
      seen.push(word)
      done()
    },
  })
  const duplex = toNode(a.open('upper'))
  await Promise.all([pipeline(Readable.from(['one', 'two', 'three']), duplex), pipeline(duplex, collect)])
  expect(seen).toEqual(['ONE', 'TWO', 'THREE'])
})

it('a channel that fails destroys it with the error; destroying it ends the channel', async () => {
  b.accept('failing', (channel) => {
    channel.reset('ABORTED')
  })
  const failed = new Promise<Error>((resolve) => toNode(a.open('failing')).once('error', resolve).resume())
  expect(await failed).toMatchObject({ code: 'ABORTED' })
  let outcome: Promise<{ code: string }> | undefined
  b.accept('waiting', async (channel) => {
    outcome = channel.closed
    await channel.closed
  })
  const channel = a.open('waiting')
  const duplex = toNode(channel)
  duplex.on('error', () => {})
  duplex.write('x')
  await a.call('nothing').catch(() => {})
  duplex.destroy(new Error('enough'))
  expect((await channel.closed).code).toBe('CANCELLED')
  expect((await outcome)?.code).toBe('CANCELLED')
})

it('finds where to connect by a host name, and in a file', async () => {
  b.handle('add', ([x, y]: [number, number]) => x + y)
  const port = Number(new URL((await b.bind('tcp://127.0.0.1:0')).url).port)
  const folder = mkdtempSync(join(tmpdir(), 'peerplex-node-'))
  try {
    const { signal } = new AbortController()
    const file = join(folder, 'targets.json')
    const byName = dnsTargets({ host: 'localhost', port, family: 4 })
    writeFileSync(file, JSON.stringify({ 'add.*': [], '*': await byName('add', { signal }) }))
    const resolvers: TargetResolver[] = [byName, fileTargets(file)]
    for (const resolver of resolvers) {
      const [url] = await resolver('add', { signal })
      expect(url).toBe(`tcp://127.0.0.1:${port}`)
      const peer = createPeer()
      peer.connect(String(url))
      expect(await peer.call('add', [1, 2])).toBe(3)
      await peer.close()
    }
    expect(() => fileTargets('')).toThrow(UsageError)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
