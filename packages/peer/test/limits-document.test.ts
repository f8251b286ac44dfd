// docs/limits.md and the options name the same limits with the same values.
import { readFileSync } from 'node:fs'
import { SESSION_LIMIT_ROWS } from '@peerplex/wire/internal'
import { describe, expect, it } from 'vitest'
import { resolvePeerOptions } from '../src/options.js'
import { PEER_LIMIT_ROWS } from '../src/peer-limits.js'
import { World } from './support.js'

const text = readFileSync(new URL('../../../docs/limits.md', import.meta.url), 'utf8')
const ordinary = resolvePeerOptions()
const open = resolvePeerOptions({ profile: 'public' })

/** The cells of a marked table, without its head. */
function rows(name: string): string[][] {
  const table =
    new RegExp(`<!-- table:${name} -->\n([\\s\\S]*?)\n<!-- /table:${name} -->`).exec(text)?.[1] ?? ''
  return table
    .split('\n')
    .slice(2)
    .map((line) => line.replace(/^\| | \|$/g, '').split(' | '))
}

const nameOf = ([name = '']: string[]): string => name.replaceAll('`', '')

describe('docs/limits.md', () => {
  it('has each limit, in the order of the options, and no other', () => {
    expect(rows('session-limits').map(nameOf)).toEqual(Object.keys(SESSION_LIMIT_ROWS))
    expect(rows('peer-limits').map(nameOf)).toEqual(Object.keys(PEER_LIMIT_ROWS))
    expect(rows('queue-limits').map(nameOf)).toEqual(Object.keys(ordinary.queue))
  })

  it.each(rows('session-limits'))('`%s` is %s, in public %s', (...row) => {
    const name = nameOf(row) as keyof typeof SESSION_LIMIT_ROWS
    expect(row.slice(1, 3)).toEqual([String(ordinary.sessionLimits[name]), String(open.sessionLimits[name])])
  })

  it.each(rows('peer-limits'))('`%s` is %s, in public %s', (...row) => {
    const name = nameOf(row) as keyof typeof PEER_LIMIT_ROWS
    expect(row.slice(1, 3)).toEqual([String(ordinary.limits[name]), String(open.limits[name])])
  })

  it.each(rows('queue-limits'))('`queue.%s` is %s', (...row) => {
    expect(row[1]).toBe(String(ordinary.queue[nameOf(row) as keyof typeof ordinary.queue]))
    expect(row[1]).toBe(String(open.queue[nameOf(row) as keyof typeof open.queue]))
  })

  it('says of each what it costs, what happens, and where a snapshot shows it', async () => {
    const world = new World()
    const { b } = await world.pair()
    const stats = b.stats()
    const shown = { connections: stats.connections[0], limits: stats.limits, queue: stats.queue } as Record<
      string,
      object
    >
    for (const row of [...rows('session-limits'), ...rows('peer-limits'), ...rows('queue-limits')]) {
      expect(
        row.every((cell) => cell.trim() !== ''),
        nameOf(row),
      ).toBe(true)
      const counters = [...(row.at(-2) ?? '').matchAll(/`(\w+)(?:\[\])?\.(\w+)`/g)]
      for (const [, part = '', name = ''] of counters.filter(([, part]) => part !== 'errors'))
        expect(Object.keys(shown[part] ?? {}), `${part}.${name}`).toContain(name)
    }
    const named = Object.keys(stats.limits).filter((name) => !text.includes(`limits.${name}\``))
    expect(named, 'counters that no row names').toEqual([])
    await world.close()
  })

  it('computes the worst case of a connection from the limits', () => {
    const worst = [ordinary, open].map(({ sessionLimits: limits }) => {
      const { maxUnreadBytes, connectionWindowBytes, maxPartialMessages, maxMessageBytes, maxFrameBytes } =
        limits
      const bytes =
        maxUnreadBytes + 6 * connectionWindowBytes + maxPartialMessages * maxMessageBytes + maxFrameBytes
      return `${(bytes / 2 ** 20).toFixed(1)} MiB`
    })
    expect(text).toContain(`| input | ${worst.join(' | ')} |`)
  })
})
