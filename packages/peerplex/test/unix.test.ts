// Unix sockets through the package that users install.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPeer } from 'peerplex'
import { afterEach, beforeEach, expect, it } from 'vitest'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peerplex-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

it('binds with the permissions that were asked for, calls both ways, and leaves no file', async () => {
  const path = join(folder, 'p.sock')
  const a = createPeer()
  const b = createPeer()
  try {
    a.handle('side', () => 'a')
    b.handle('side', () => 'b')
    const { url } = await b.bind(`unix:${path}`, { socketMode: 0o600 })
    expect(statSync(path).mode & 0o777).toBe(0o600)
    await a.connect(url).ready
    expect(await a.call('side')).toBe('b')
    expect(await b.call('side')).toBe('a')
  } finally {
    await Promise.all([a.close(), b.close()])
  }
  expect(() => statSync(path)).toThrow('ENOENT')
})

it('an option that the transport does not know, or out of its range, is a UsageError', async () => {
  const peer = createPeer()
  try {
    const error = await peer.bind(`unix:${join(folder, 'q.sock')}`, { socketMode: 'all' }).catch((e) => e)
    expect(error).toMatchObject({ name: 'UsageError', code: 'INVALID_ARGUMENT' })
    expect(error.hint).not.toBe('')
  } finally {
    await peer.close()
  }
})
