// A file system that counts time in seconds: a file that is written twice within one of them looks the same.
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { fileTargets } from './file-targets.js'

const SECOND_NS = 1_000_000_000n

vi.mock(import('node:fs/promises'), async (original) => {
  const real = await original()
  const stat = async (...given: Parameters<typeof real.stat>): Promise<object> => {
    const stats = await real.stat(...given)
    if (!('mtimeNs' in stats)) return stats
    return Object.assign(stats, { mtimeNs: (stats.mtimeNs / SECOND_NS) * SECOND_NS, ctimeNs: 0n })
  }
  return { ...real, stat: stat as typeof real.stat }
})

const A = 'tcp://10.0.0.1:7000'
const B = 'tcp://10.0.0.2:7000'

it('a young file is read again, an old one that looks the same is not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'peerplex-targets-'))
  try {
    const path = join(folder, 'targets.json')
    const targets = fileTargets(path)
    const { signal } = new AbortController()
    const write = (url: string, time: Date): void => {
      writeFileSync(path, JSON.stringify([url]))
      utimesSync(path, time, time)
    }
    const now = new Date()
    write(A, now)
    expect(await targets('x', { signal })).toEqual([A])
    write(B, now)
    expect(await targets('x', { signal })).toEqual([B])
    const longAgo = new Date(2020, 1, 1)
    write(A, longAgo)
    expect(await targets('x', { signal })).toEqual([A])
    write(B, longAgo)
    expect(await targets('x', { signal })).toEqual([A])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
