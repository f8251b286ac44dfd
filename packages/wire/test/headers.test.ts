import { concat, entry, hex, Random, STATIC_KEYS, u32, unhex } from '@peerplex/testkit'
import { Headers, type HeadersInit } from '@peerplex/wire'
import { encodeEntry, HEADER_KEYS, scanEntries, staticKey, staticRow } from '@peerplex/wire/internal'
import { describe, expect, it } from 'vitest'
import { inbound, opened, ready, thrown } from './lifecycle-support.js'

/** Headers as they come from the wire. */
const received = (...entries: Uint8Array[]): Headers => new Headers(concat(entries))

describe('Headers.from', () => {
  it('takes a record, pairs, a Map, received headers, or nothing', () => {
    const inits: readonly HeadersInit[] = [
      { 'x-a': '1', 'x-b': ['2', '3'], 'x-c': undefined },
      [
        ['x-a', '1'],
        ['x-b', '2'],
        ['x-b', '3'],
      ],
      Headers.from({ 'x-a': '1', 'x-b': ['2', '3'] }),
    ]
    for (const init of inits) {
      expect([...Headers.from(init)]).toEqual([
        ['x-a', '1'],
        ['x-b', '2'],
        ['x-b', '3'],
      ])
    }
    expect([...Headers.from(new Map([['x-a', '1']]))]).toEqual([['x-a', '1']])
    for (const nothing of [undefined, null, {}, []]) expect(Headers.from(nothing)).toBe(Headers.EMPTY)
    const same = Headers.from({ 'x-a': '1' })
    expect(Headers.from(same)).toBe(same)
  })

  it('keeps order and repetition [MET-011]', () => {
    const pairs = [
      ['x-b', '1'],
      ['x-a', '2'],
      ['to', '3'],
      ['x-b', '4'],
      ['x-a', '2'],
    ] as const
    expect([...Headers.from(pairs)]).toEqual(pairs)
  })

  it('a static key goes as its id, others as they are', () => {
    expect(hex(encodeEntry('route-key', 'k1'), 1)).toBe('82 02 00 6b 31')
    expect(hex(encodeEntry('x-a', '1'), 1)).toBe('03 78 2d 61 01 00 31')
    expect(hex(encodeEntry('#a5', Uint8Array.of(7)), 1)).toBe('a5 01 00 07')
  })

  it('every key of the table has its id, and back', () => {
    expect(HEADER_KEYS.map((row) => row.key)).toEqual(STATIC_KEYS)
    for (const row of HEADER_KEYS) {
      expect(staticKey(row.key)).toBe(row)
      expect(staticRow(row.id)).toBe(row)
    }
    expect(staticKey('x-a')).toBeUndefined()
    expect(staticRow(0xa0)).toBeUndefined()
  })

  it('numbers are written in the width of their key, as text for others', () => {
    const headers = Headers.from({ hops: 8, size: 70_000, attempt: '3', 'x-n': 5, 'retry-after-ms': 0 })
    expect(headers.getBytes('hops')).toEqual(Uint8Array.of(8))
    expect(headers.getBytes('size')).toEqual(u32(70_000))
    expect(headers.getNumber('attempt')).toBe(3)
    expect(headers.getNumber('retry-after-ms')).toBe(0)
    expect(headers.get('x-n')).toBe('5')
    expect(Headers.from({ size: 0xffff_ffff }).getNumber('size')).toBe(0xffff_ffff)
  })

  it('bytes are taken as they are and copied', () => {
    const bytes = Uint8Array.of(1, 2, 3)
    const headers = Headers.from({ 'x-data-bin': bytes, 'x-a': bytes })
    bytes[0] = 9
    expect(headers.getBytes('x-data-bin')).toEqual(Uint8Array.of(1, 2, 3))
    expect([...headers]).toEqual([
      ['x-data-bin', Uint8Array.of(1, 2, 3)],
      ['x-a', '\x01\x02\x03'],
    ])
  })

  it('a key of 127 characters and a value of 65,535 bytes are the largest', () => {
    const key = 'k'.repeat(127)
    expect(Headers.from({ [key]: 'v' }).get(key)).toBe('v')
    expect(Headers.from({ 'x-a': 'v'.repeat(65_535) }).get('x-a')).toHaveLength(65_535)
    expect(thrown(() => Headers.from({ 'x-a': 'v'.repeat(65_536) }))).toMatchObject({
      name: 'LimitError',
      code: 'METADATA_TOO_LARGE',
      hint: expect.stringMatching(/message/),
    })
    expect(Headers.from(Array.from({ length: 64 }, () => ['x-a', 'v'] as const)).size).toBe(64)
    expect(thrown(() => Headers.from({ 'x-a': Array.from({ length: 65 }, () => 'v') }))).toMatchObject({
      name: 'LimitError',
      code: 'METADATA_TOO_LARGE',
    })
  })

  it.each<[string, unknown]>([
    ['an upper-case key', { 'X-A': '1' }],
    ['an empty key', { '': '1' }],
    ['a key of 128 characters', { ['k'.repeat(128)]: '1' }],
    ['a key with a blank', { 'x a': '1' }],
    ['a key that is not ASCII', { 'x-ü': '1' }],
    ['a static id below a0 by number', { '#82': '1' }],
    ['a key that is no text', [[7, '1']]],
    ['null as a value', { 'x-a': null }],
    ['a boolean', { 'x-a': true }],
    ['an object', { 'x-a': {} }],
    ['a number beyond u8', { hops: 256 }],
    ['a negative number', { hops: -1 }],
    ['half a number', { size: 0.5 }],
    ['a number beyond u32', { size: 2 ** 32 }],
    ['text that is no number', { hops: 'many' }],
    ['empty text for a number', { hops: '' }],
    ['null for a number', { hops: null }],
    ['true for a number', { hops: true }],
    ['bytes of the wrong width', { hops: Uint8Array.of(1, 2) }],
    ['references of no bytes', { refs: new Uint8Array(0) }],
    ['references that are malformed', { refs: new Uint8Array(8) }],
    ['references as text', { refs: 'x' }],
  ])('%s is a UsageError that says what to give', (_, init) => {
    expect(thrown(() => Headers.from(init as HeadersInit))).toMatchObject({
      name: 'UsageError',
      code: 'INVALID_ARGUMENT',
      hint: expect.stringMatching(/./),
    })
  })
})

describe('reading headers', () => {
  it('a single value is the first one [MET-010]', () => {
    const headers = received(entry('x-a', '1'), entry('x-b', '2'), entry('x-a', '3'))
    expect(headers.get('x-a')).toBe('1')
    expect(headers.getAll('x-a')).toEqual(['1', '3'])
    expect(headers.getBytes('x-b')).toEqual(Uint8Array.of(0x32))
    expect(headers.size).toBe(3)
    expect([headers.has('x-a'), headers.has('x-c')]).toEqual([true, false])
    expect(headers.get('x-c')).toBeUndefined()
    expect(headers.getAll('x-c')).toEqual([])
    expect(headers.getBytes('x-c')).toBeUndefined()
    expect(headers.getNumber('x-c')).toBeUndefined()
  })

  it('text that is not UTF-8 comes with U+FFFD in place of the bad bytes [MET-009]', () => {
    const headers = received(entry('x-a', Uint8Array.of(0x61, 0xff, 0x62)))
    expect(headers.get('x-a')).toBe('a�b')
    expect(headers.getBytes('x-a')).toEqual(Uint8Array.of(0x61, 0xff, 0x62))
  })

  it('a mark at the beginning is part of the text', () => {
    expect(received(entry('x-a', '\ufeffx')).get('x-a')).toBe('\ufeffx')
  })

  it('static ids that this version does not know stay as opaque bytes [MET-008]', () => {
    const headers = received(entry(0xa0, Uint8Array.of(1)), entry(0xff, Uint8Array.of(2)))
    expect([...headers]).toEqual([
      ['#a0', Uint8Array.of(1)],
      ['#ff', Uint8Array.of(2)],
    ])
    expect(hex(Headers.from([...headers]).encoded)).toBe(hex(headers.encoded))
  })

  it('numbers are read by the type of their key; other text only when it is one', () => {
    const headers = received(
      entry(0x83, Uint8Array.of(200)),
      entry(0x94, u32(4_000_000_000)),
      entry('x-n', '12'),
      entry('x-f', '1.5'),
      entry('x-long', '1234567890123456'),
    )
    expect(headers.getNumber('hops')).toBe(200)
    expect(headers.get('hops')).toBe('200')
    expect(headers.getNumber('retry-after-ms')).toBe(4_000_000_000)
    expect(headers.getNumber('x-n')).toBe(12)
    expect(headers.getNumber('x-f')).toBeUndefined()
    expect(headers.getNumber('x-long')).toBeUndefined()
  })

  it('keys such as __proto__ name their own value and nothing else [MET-012]', () => {
    const keys = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf'].map(
      (key) => key.toLowerCase(),
    )
    const headers = Headers.from(keys.map((key) => [key, `v-${key}`] as const))
    for (const key of keys) expect(headers.get(key)).toBe(`v-${key}`)
    expect(received(entry('x-a', '1')).get('__proto__')).toBeUndefined()
    expect(received(entry('x-a', '1')).get('constructor')).toBeUndefined()
    expect(Object.getPrototypeOf(headers)).toBe(Headers.prototype)
    expect(({} as Record<string, unknown>)['v-__proto__']).toBeUndefined()
    const own = JSON.parse('{"__proto__": "x"}') as Record<string, string>
    expect(Headers.from(own).get('__proto__')).toBe('x')
  })

  it('no headers are the shared EMPTY', () => {
    expect([Headers.EMPTY.size, [...Headers.EMPTY], Headers.EMPTY.encoded.length]).toEqual([0, [], 0])
  })
})

describe('the structure of entries', () => {
  it.each([
    ['a key byte outside the alphabet [MET-004]', '03 78 41 61 0000'],
    ['k = 00 [MET-002]', '00 0000'],
    ['a key that runs past the end [MET-003]', '05 7861'],
    ['a length that runs past the end [MET-003]', '02 7861 00'],
    ['a value that runs past the end [MET-003]', '02 7861 0200 61'],
    ['a static id alone [MET-003]', '82'],
    ['the literal spelling of a static key [MET-001]', '02 746f 0000'],
    ['a u8 of two bytes [MET-005]', '83 0200 0101'],
    ['a u8 of no bytes [MET-005]', '83 0000'],
    ['a u32 of three bytes [MET-005]', '90 0300 010101'],
  ])('%s is not accepted', (_, bytes) => {
    const broken = unhex(bytes)
    expect(scanEntries(broken, 0, broken.length)).toBe(-1)
  })

  it('counts what it accepts, anywhere in a larger array', () => {
    const entries = concat([
      entry('x-a', ''),
      entry(0x82, 'k'),
      entry(0xa1, 'z'),
      entry('k'.repeat(127), 'v'),
    ])
    const framed = concat([Uint8Array.of(0, 0, 0), entries, Uint8Array.of(0)])
    expect(scanEntries(framed, 3, 3 + entries.length)).toBe(4)
    expect(scanEntries(framed, 3, 3)).toBe(0)
  })

  it('what is written is accepted, and reads back the same', () => {
    const rng = new Random(5)
    for (let round = 0; round < 300; round++) {
      const pairs = Array.from({ length: rng.int(0, 8) }, () => {
        const key = rng.pick(['x-a', 'x-b-bin', 'to', 'traceparent', '#c3', 'z.~_-9', '__proto__'])
        return [key, rng.bytes(rng.int(0, 20))] as const
      })
      const { encoded } = Headers.from(pairs)
      expect(scanEntries(encoded, 0, encoded.length)).toBe(pairs.length)
      const back = new Headers(encoded)
      expect(back.rawEntries()).toEqual(pairs)
      expect(hex(Headers.from(back.rawEntries()).encoded)).toBe(hex(encoded))
    }
  })

  it('every key survives a connection untouched', () => {
    const script = ready()
    const headers = {
      to: 'b',
      'x-a': ['1', '2'],
      'x-raw-bin': Uint8Array.of(0, 255),
      hops: 2,
      '#b0': Uint8Array.of(3),
    }
    opened(script, { headers })
    const frame = script.expect('OPEN')
    if (frame.kind !== 'OPEN') throw new Error('not an OPEN')
    const { channel } = inbound(script, {
      entries: frame.entries.map((one) => entry(one.id === 0 ? one.key : one.id, one.value)),
    })
    expect(hex(channel.headers.encoded)).toBe(hex(Headers.from(headers).encoded))
  })
})
