// docs/errors.md and the error table name the same codes, and each section says all that a reader needs.
import { readFileSync } from 'node:fs'
import { ERRORS, type ErrorName } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'

const text = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')

/** The text below each heading of the third level, by its title. */
const sections = new Map(
  text
    .split(/^### /m)
    .slice(1)
    .map((section): [string, string] => {
      const [title = '', ...rest] = section.split('\n')
      return [title.trim(), rest.join('\n').split(/^## /m)[0] as string]
    }),
)

describe('docs/errors.md', () => {
  it('has a heading for each code of the table, in its order, and no other', () => {
    expect([...sections.keys()]).toEqual(Object.keys(ERRORS))
  })

  it('has the codes that end a connection in a part of their own', () => {
    const part = text.split(/^## Codes that end a connection$/m)[1] ?? ''
    const names = [...part.matchAll(/^### (\w+)$/gm)].map((match) => match[1])
    const expected = Object.entries(ERRORS).filter(([, { scope }]) => scope === 'connection')
    expect(names).toEqual(expected.map(([name]) => name))
  })

  it.each([...sections])('says number, cause, effect, remedy and delivery of %s', (name, section) => {
    expect(section).toContain(`Number ${ERRORS[name as ErrorName].wireCode}.\n`)
    for (const label of ['Cause', 'The caller sees', 'Remedy', 'Delivery']) {
      expect(section).toMatch(new RegExp(`^- \\*\\*${label}:\\*\\* \\S`, 'm'))
    }
    const delivery = section.split('**Delivery:**')[1] ?? ''
    expect(delivery).toMatch(/`(not-sent|not-processed|unknown|processed)`|as the other side says/)
  })

  it('lists every delivery', () => {
    for (const delivery of ['not-sent', 'not-processed', 'unknown', 'processed']) {
      expect(text).toContain(`| \`${delivery}\` |`)
    }
  })
})
