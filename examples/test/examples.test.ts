import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeFolder, removeFolder, run } from './support.js'

const MAX_LINES = 60

const home = join(import.meta.dirname, '..')
const names = readdirSync(home)
  .filter((name) => name.endsWith('.mjs'))
  .sort()
const page = readFileSync(join(home, 'README.md'), 'utf8')

let folder = ''

beforeAll(async () => {
  folder = await makeFolder()
  for (const name of names) copyFileSync(join(home, name), join(folder, name))
})

afterAll(() => removeFolder(folder))

/** What the page says that a program prints. */
function printedBy(name: string): string {
  const chapter = page.split(/^## /m).find((text) => text.startsWith(`[${name}](${name})`))
  return chapter?.match(/^```text\n([\s\S]*?)^```$/m)?.[1] ?? ''
}

describe('the page of examples', () => {
  it('has all of them, in order', () => {
    expect([...page.matchAll(/^## \[(.+?)\]/gm)].map((match) => match[1])).toEqual(names)
    expect(names.length).toBeGreaterThanOrEqual(8)
  })
})

describe.each(names)('%s', (name) => {
  it('is short and says what it shows', () => {
    const lines = readFileSync(join(home, name), 'utf8').trimEnd().split('\n')
    expect(lines.length).toBeLessThanOrEqual(MAX_LINES)
    expect(lines[0]).toMatch(/^\/\/ .+ Shows: .+\.$/)
  })

  it('prints what the page says, and ends by itself', async () => {
    const ended = await run(join(folder, name))
    expect(ended).toEqual({ code: 0, stdout: printedBy(name), stderr: '' })
  })
})
