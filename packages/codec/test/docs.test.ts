import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  CODEC_LIMIT_RANGES,
  createMsgpackCodec,
  DEFAULT_CODEC_LIMITS,
  STANDARD_CODEC_IDS,
  standardCodecs,
} from '@peerplex/codec'
import { type Codec, UsageError } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { bytesFrom, errorOf, hexOf } from './support.js'

const page = readFileSync(fileURLToPath(new URL('../../../docs/codecs.md', import.meta.url)), 'utf8')
const codecs = standardCodecs()

/** The rows of a marked table of the page, without its head. */
function tableRows(name: string): string[][] {
  const table = new RegExp(`<!-- table:${name} -->\n([\\s\\S]*?)\n<!-- /table:${name} -->`).exec(page)?.[1]
  return (table ?? '')
    .split('\n')
    .slice(2)
    .map((line) =>
      line
        .replace(/^\| | \|$/g, '')
        .split(' | ')
        .map((cell) => cell.trim()),
    )
}

function code(cell: string | undefined): string {
  const text = /^`(.*)`$/.exec(cell ?? '')?.[1]
  if (text === undefined) throw new Error(`not code: ${cell}`)
  return text
}

function evaluate(expression: string): unknown {
  return new Function(`return (${expression})`)()
}

function written(codec: Codec, bytes: Uint8Array): string {
  if (bytes.length === 0) return 'nothing'
  const isText = codec.name === 'json' || codec.name === 'text'
  return `\`${isText ? new TextDecoder().decode(bytes) : hexOf(bytes)}\``
}

const head = ['json', 'msgpack', 'raw', 'text'] as const
const values = tableRows('values').flatMap(([value, ...cells]) =>
  cells.map((cell, index) => ({ value: code(value), codec: head[index] as string, cell })),
)

describe('the table of values', () => {
  it('is there', () => {
    expect(page).toContain(`| value | ${head.join(' | ')} |`)
    expect(values.length).toBeGreaterThan(40 * head.length)
    expect(values.length % head.length).toBe(0)
  })

  it.each(values)('$codec: $value', ({ value, codec: name, cell }) => {
    const codec = codecs.byName(name) as Codec
    if (cell.startsWith('error')) {
      const error = errorOf(() => codec.encode(evaluate(value)))
      expect(error).toBeInstanceOf(UsageError)
      expect(error.message).toContain(cell.replace(/^error(: )?/, ''))
      return
    }
    const [out, back] = cell.replace(/ ¹$/, '').split(' → ')
    const bytes = codec.encode(evaluate(value))
    expect(written(codec, bytes)).toBe(out)
    expect(codec.decode(bytes)).toStrictEqual(evaluate(code(back)))
  })
})

describe('the table of forms that are read', () => {
  const rows = tableRows('reads')

  it('is there', () => {
    expect(rows.length).toBeGreaterThan(20)
  })

  it.each(rows)('%s', (bytes, back) => {
    const read = () => createMsgpackCodec().decode(bytesFrom(code(bytes)))
    if (back?.startsWith('error: ')) expect(errorOf(read).message).toContain(back.replace('error: ', ''))
    else expect(read()).toStrictEqual(evaluate(code(back)))
  })
})

describe('the other tables', () => {
  it('have the limits and their ranges', () => {
    const rows = tableRows('limits').map(([name, ...numbers]) => [code(name), ...numbers.map(Number)])
    const names = Object.keys(DEFAULT_CODEC_LIMITS) as (keyof typeof DEFAULT_CODEC_LIMITS)[]
    expect(rows).toEqual(names.map((name) => [name, DEFAULT_CODEC_LIMITS[name], ...CODEC_LIMIT_RANGES[name]]))
  })

  it('have the numbers of the codecs', () => {
    const rows = [...page.matchAll(/^\| `([a-z]+)` \| (\d+) \|/gm)].map(([, name, id]) => [name, Number(id)])
    expect(rows.map(([name]) => name).join(',')).toBe(codecs.announce())
    for (const [name, id] of rows) expect(STANDARD_CODEC_IDS.get(String(name))).toBe(id)
  })
})
