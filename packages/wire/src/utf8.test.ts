import { describe, expect, it } from 'vitest'
import { decodeText, encodeText, NameBytes, NameCache } from './utf8.js'

const read = (cache: NameCache, text: string): string => {
  const bytes = encodeText(`<${text}>`)
  return cache.read(bytes, 1, bytes.length - 1)
}

describe('text and bytes', () => {
  it('both ways, with U+FFFD for what is not UTF-8, and a mark at the beginning kept', () => {
    for (const text of ['', 'abc', 'ü€😀', '\ufeffx', '\0']) {
      const bytes = encodeText(text)
      expect(decodeText(bytes, 0, bytes.length)).toBe(text)
    }
    expect(decodeText(Uint8Array.of(0x61, 0xc3, 0x28), 0, 3)).toBe('a�(')
  })
})

describe('NameCache', () => {
  it('gives the right text for every name, however many there are', () => {
    const cache = new NameCache()
    const names = Array.from({ length: 5000 }, (_, index) => `service.${index % 700}/method-${index * 7}`)
    for (const name of [...names, ...names.toReversed(), ...names]) expect(read(cache, name)).toBe(name)
  })

  it('does not confuse names that share a slot: same length, same letters, other order', () => {
    const cache = new NameCache()
    const letters = ['a', 'b', 'c', 'd', 'e', 'f']
    for (let round = 0; round < 3; round++) {
      for (const one of letters)
        for (const two of letters)
          for (const three of letters) {
            expect(read(cache, one + two + three)).toBe(one + two + three)
          }
    }
  })

  it('takes names of any length, long ones without keeping them', () => {
    const cache = new NameCache()
    for (const length of [0, 1, 63, 64, 65, 255]) {
      const name = 'n'.repeat(length)
      expect(read(cache, name)).toBe(name)
      expect(read(cache, name)).toBe(name)
    }
  })

  it('does not hold on to the bytes it was given', () => {
    const cache = new NameCache()
    const bytes = encodeText('name')
    expect(cache.read(bytes, 0, 4)).toBe('name')
    bytes.fill(0x78)
    expect(read(cache, 'name')).toBe('name')
    expect(cache.read(bytes, 0, 4)).toBe('xxxx')
  })
})

describe('NameBytes', () => {
  it('gives the same bytes for a name as long as it keeps it, and right ones always', () => {
    const names = new NameBytes()
    expect(names.get('echo')).toBe(names.get('echo'))
    for (let index = 0; index < 2000; index++)
      expect(decodeText(names.get(`n${index}`), 0, `n${index}`.length)).toBe(`n${index}`)
    expect(names.get('echo')).toEqual(encodeText('echo'))
  })

  it('does not keep long names', () => {
    const names = new NameBytes()
    const long = 'n'.repeat(65)
    expect(names.get(long)).not.toBe(names.get(long))
    expect(names.get(long)).toEqual(encodeText(long))
  })
})
