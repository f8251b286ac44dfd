import { PatternTable } from '@peerplex/peer/internal'
import { Random } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import { isPattern, nameFinder } from './name-patterns.js'

function find(rows: readonly string[], name: string): string | undefined {
  return nameFinder(new Map(rows.map((row) => [row, row])))(name)
}

describe('the row of a name', () => {
  it.each([
    [['a.b', 'a.*', '**'], 'a.b', 'a.b'],
    [['a.*', 'a.**', '**'], 'a.b', 'a.*'],
    [['a.*', 'a.**', '**'], 'a.b.c', 'a.**'],
    [['*.c', 'a.**'], 'a.c', 'a.**'],
    [['a.*'], 'a', undefined],
    [['a.**'], 'a', undefined],
    [['a.*'], 'a.*', 'a.*'],
    [[], 'a', undefined],
    [['__proto__'], 'constructor', undefined],
  ])('of %o, %s gets %s', (rows, name, expected) => {
    expect(find(rows, name)).toBe(expected)
  })

  it('is the one whose handler would answer', () => {
    const random = new Random(7)
    const part = (): string => random.pick(['a', 'b', 'cc', '*', '*', '**'])
    const text = (): string => Array.from({ length: 1 + random.int(0, 3) }, part).join('.')
    for (let round = 0; round < 500; round++) {
      const table = new PatternTable<string>()
      const rows = new Set<string>()
      for (let count = 0; count < 6; count++) {
        const row = text()
        let isLegal = true
        try {
          if (!rows.has(row)) table.add(row, row)
        } catch {
          isLegal = false
        }
        expect([row, isPattern(row)]).toEqual([row, isLegal])
        if (isLegal) rows.add(row)
      }
      for (let count = 0; count < 10; count++) {
        const name = text().replaceAll('*', 'b')
        expect([[...rows], name, find([...rows], name)]).toEqual([[...rows], name, table.find(name)])
      }
    }
  })

  it.each(['', '~x', 'a*', '**.a', 'a\u0000', 'x'.repeat(256)])('is not made by %j', (text) => {
    expect(isPattern(text)).toBe(false)
    expect(() => new PatternTable().add(text, 1)).toThrow('is not a name or pattern')
  })
})
