import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it, onTestFinished, vi } from 'vitest'
import { findChromium } from './chromium.mjs'

afterEach(() => {
  vi.unstubAllEnvs()
})

it('is the one that CHROMIUM_PATH names, and no other', () => {
  vi.stubEnv('CHROMIUM_PATH', process.execPath)
  expect(findChromium()).toBe(process.execPath)
  for (const wrong of [tmpdir(), join(tmpdir(), 'no-such-program')]) {
    vi.stubEnv('CHROMIUM_PATH', wrong)
    expect(() => findChromium()).toThrow(`CHROMIUM_PATH is ${wrong}, which is not a program`)
  }
})

it('is else the first with a usual name on PATH', () => {
  const dir = mkdtempSync(join(tmpdir(), 'peerplex-path-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  vi.stubEnv('CHROMIUM_PATH', '')
  vi.stubEnv('PATH', dir)
  const file = join(dir, 'google-chrome')
  writeFileSync(file, '')
  expect(findChromium()).not.toBe(file)
  chmodSync(file, 0o755)
  expect(findChromium()).toBe(file)
})
