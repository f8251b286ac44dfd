import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Codec, PeerplexError, UsageError } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import {
  FIRST_PRIVATE_CODEC_ID,
  LAST_PRIVATE_CODEC_ID,
  parseCodecs,
  STANDARD_CODEC_IDS,
} from './codec-table.js'
import { standardCodecs } from './standard-codecs.js'

function codec(name: string, id: number): Codec {
  return { id, name, encode: () => new Uint8Array(0), decode: () => undefined }
}

describe('a table of codecs', () => {
  it('has the standard codecs by number and by name', () => {
    const table = standardCodecs()
    for (const [name, id] of [
      ['raw', 0],
      ['json', 1],
      ['msgpack', 2],
      ['text', 5],
    ] as const) {
      expect(table.byName(name)?.id).toBe(id)
      expect(table.byId(id)).toBe(table.byName(name))
    }
    expect(table.byId(3)).toBeUndefined()
    expect(table.byName('toString')).toBeUndefined()
  })

  it('has the numbers of the specification', () => {
    const file = fileURLToPath(new URL('../../../spec/tables/codecs.json', import.meta.url))
    const table: {
      codecs: { id: number; name: string }[]
      ranges: { first: number; last: number; rule: string }[]
    } = JSON.parse(readFileSync(file, 'utf8'))
    expect(new Map(table.codecs.map(({ id, name }) => [name, id]))).toEqual(STANDARD_CODEC_IDS)
    expect(table.ranges.find(({ rule }) => rule === 'private')).toMatchObject({
      first: FIRST_PRIVATE_CODEC_ID,
      last: LAST_PRIVATE_CODEC_ID,
    })
  })

  it('announces names in order of preference, private ones with their number', () => {
    expect(standardCodecs().announce()).toBe('msgpack,json,text,raw')
    expect(standardCodecs({ preferred: 'json' }).announce()).toBe('json,msgpack,text,raw')
    const codecs = [codec('csv', 64), codec('protobuf', 3), codec('a.b_c~d-9', 127)]
    expect(standardCodecs({ codecs }).announce()).toBe('msgpack,json,csv=64,protobuf,a.b_c~d-9=127,text,raw')
    expect(standardCodecs({ codecs, preferred: 'csv' }).list()[0]).toBe(codecs[0])
  })

  it('gives its limits to its codecs', () => {
    const table = standardCodecs({ limits: { maxDepth: 1 } })
    for (const name of ['json', 'msgpack']) expect(() => table.byName(name)?.encode([[]])).toThrow('maxDepth')
    expect(() => standardCodecs({ limits: { maxDepth: 0 } })).toThrow(UsageError)
  })

  it.each([
    ['a number of the protocol', codec('csv', 6)],
    ['a number of later versions', codec('csv', 128)],
    ['a number below', codec('csv', 63)],
    ['no whole number', codec('csv', 64.5)],
    ['no number', codec('csv', Number.NaN)],
    ['a standard name under another number', codec('protobuf', 64)],
    ['a standard name again', codec('json', 1)],
    ['a standard number under another name', codec('mine', 2)],
    ['an empty name', codec('', 64)],
    ['a name with a comma', codec('a,b', 64)],
    ['a name with an equals sign', codec('a=b', 64)],
    ['a name with capitals', codec('Csv', 64)],
    ['a name that is too long', codec('x'.repeat(65), 64)],
    ['a name that is no text', codec(7 as unknown as string, 64)],
  ])('refuses %s', (_what, wrong) => {
    expect(() => standardCodecs({ codecs: [wrong] })).toThrow(UsageError)
    expect(() => standardCodecs().add(wrong)).toThrow(UsageError)
  })

  it('refuses a name or number that is taken, and a preferred codec that is not there', () => {
    const table = standardCodecs({ codecs: [codec('csv', 64)] })
    expect(() => table.add(codec('csv', 65))).toThrow("codec 'csv' with id 65 meets codec 'csv' with id 64")
    expect(() => table.add(codec('tsv', 64))).toThrow("codec 'tsv' with id 64 meets codec 'csv' with id 64")
    expect(() => standardCodecs({ preferred: 'csv' })).toThrow("there is no codec 'csv' here")
  })
})

describe('the list of another side', () => {
  it.each<[string, string, Record<string, number>]>([
    ['is read in its order', 'json,msgpack,csv=64', { json: 1, msgpack: 2, csv: 64 }],
    ['may be empty', '', {}],
    ['may have blanks and gaps', ' json , ,csv=127 ,', { json: 1, csv: 127 }],
    ['may name what we do not know', 'brotli,json', { json: 1 }],
    ['may not give standard names other numbers', 'json=64,raw=0,text=5', {}],
    ['may not use other numbers', 'a=63,b=128,c=-64,d=64.5,e=0x40,f=,g=064,h=6e1,i= 64', {}],
    ['may not use other names', 'A=64,=64,a b=64,é=65,csv=66=67', {}],
    ['counts the first of equal names and numbers', 'csv=64,csv=65,tsv=64,json,json', { csv: 64, json: 1 }],
    [
      'is data, whatever it names',
      '__proto__=64,constructor=65,toString',
      { ['__proto__']: 64, constructor: 65 },
    ],
  ])('%s', (_what, text, expected) => {
    expect([...parseCodecs(text)]).toEqual(Object.entries(expected))
    expect(standardCodecs().parse(text)).toEqual(parseCodecs(text))
  })

  it('is read once when it comes again', () => {
    const table = standardCodecs()
    const list = table.parse('json,text')
    expect(table.parse('json,text')).toBe(list)
    expect([...table.parse('raw').keys()]).toEqual(['raw'])
    expect([...table.parse('json,text').keys()]).toEqual(['json', 'text'])
    expect(table.parse('').size).toBe(0)
  })

  it('is cut when it is too long', () => {
    const many = Array.from({ length: 64 }, (_, index) => `c${index}=${64 + index}`).join(',')
    expect(parseCodecs(many).size).toBe(64)
    expect(parseCodecs(`${many},json`).has('json')).toBe(false)
    expect(parseCodecs(`${','.repeat(10_000_000)}json`).size).toBe(0)
    expect(parseCodecs(`${'x'.repeat(5_000)},json`).size).toBe(0)
  })

  it('round trips what a table announces', () => {
    const table = standardCodecs({ codecs: [codec('csv', 64)] })
    expect([...parseCodecs(table.announce())]).toEqual(table.list().map(({ name, id }) => [name, id]))
  })
})

describe('the choice of a codec', () => {
  const csv = codec('csv', 64)
  const table = standardCodecs({ codecs: [csv] })
  const json = table.byName('json')
  const msgpack = table.byName('msgpack')

  it('is the first of ours that the other side has, whatever they prefer', () => {
    expect(table.choose(undefined, parseCodecs('raw,json,msgpack'))).toBe(msgpack)
    expect(table.choose(undefined, parseCodecs('raw,json'))).toBe(json)
  })

  it('is our first while the other side has said nothing', () => {
    expect(table.choose(undefined, null)).toBe(msgpack)
    expect(table.choose(undefined, parseCodecs(''))).toBe(msgpack)
    expect(table.choose('csv', null)).toBe(csv)
  })

  it('is the one that is named', () => {
    expect(table.choose('json', parseCodecs('msgpack,json'))).toBe(json)
    expect(table.choose('csv', parseCodecs('json,csv=99'))).toBe(csv)
  })

  it('says which codecs both sides have when the other side lacks it', () => {
    const theirs = parseCodecs('json,tsv=70')
    const error = table.choose('msgpack', theirs)
    expect(error).toBeInstanceOf(PeerplexError)
    expect(error).toMatchObject({
      code: 'UNSUPPORTED_CODEC',
      delivery: 'not-sent',
      message:
        "the other side has no codec 'msgpack': we have msgpack,json,csv=64,text,raw, they have json,tsv",
    })
    expect(table.choose(undefined, parseCodecs('tsv=70'))).toMatchObject({
      code: 'UNSUPPORTED_CODEC',
      message: 'the other side has none of our codecs: we have msgpack,json,csv=64,text,raw, they have tsv',
    })
  })

  it('fails for a name that we do not have', () => {
    expect(table.choose('tsv', parseCodecs('tsv=70'))).toBeInstanceOf(UsageError)
    expect(table.choose('tsv', null)).toMatchObject({
      code: 'INVALID_ARGUMENT',
      hint: 'we have msgpack,json,csv=64,text,raw',
    })
  })

  it('reads a number as the side that sent it means it', () => {
    const theirs = parseCodecs('json,csv=99,tsv=64')
    expect(table.byTheirId(1, theirs)).toBe(json)
    expect(table.byTheirId(1, null)).toBe(json)
    expect(table.byTheirId(99, theirs)).toBe(csv)
    expect(table.byTheirId(64, theirs)).toBeUndefined()
    expect(table.byTheirId(64, null)).toBeUndefined()
    expect(table.byTheirId(4, theirs)).toBeUndefined()
  })
})
